import type { JsonObject } from '../../../src/contract/index.ts';

/** A request the vendor refuses; thrown anywhere below the routes. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string | undefined;
  readonly details: JsonObject[] | undefined;

  constructor(status: number, message: string, code?: string, details?: JsonObject[]) {
    super(message);
    this.name = 'Refused';
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

export const invalid = (message: string) => new Refused(400, message);

/** A fault in the JSON itself, with the vendor's field violation. */
export function badField(field: string, message: string): Refused {
  const violation: JsonObject = field ? { field, description: message } : { description: message };
  return new Refused(400, message, undefined, [
    { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [violation] },
  ]);
}

const codes: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  500: 'INTERNAL',
  501: 'UNIMPLEMENTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** Google's envelope, https://cloud.google.com/apis/design/errors. */
export function errorResponse(status: number, message: string, code?: string, details?: JsonObject[]): Response {
  const facts =
    details ??
    (status === 429 ? [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1s' }] : undefined);
  return Response.json(
    {
      error: {
        code: status,
        message,
        status: code ?? codes[status] ?? (status < 500 ? 'FAILED_PRECONDITION' : 'INTERNAL'),
        ...(facts ? { details: facts } : {}),
      },
    },
    { status, headers: { 'content-type': 'application/json; charset=UTF-8' } },
  );
}
