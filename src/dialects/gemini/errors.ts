import {
  at,
  type ErrorCode,
  GatewayError,
  type Json,
  type JsonObject,
  numberAt,
  stringAt,
} from '../../contract/index.ts';
import { defined, streamErrorCode } from '../shared.ts';

const statuses: Record<number, string> = {
  401: 'UNAUTHENTICATED',
  402: 'FAILED_PRECONDITION',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  499: 'CANCELLED',
  501: 'UNIMPLEMENTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
  529: 'UNAVAILABLE',
};

const types = 'type.googleapis.com/google.rpc';

/** `{error: {code, message, status, details}}`; the ErrorInfo's `reason` is the gateway's own code, which stays when words change. */
export function writeError(error: GatewayError, requestId?: string): JsonObject {
  const { param, retryAfterMs } = error.details;
  const metadata: JsonObject = param ? { metadata: { param } } : {};
  const details: JsonObject[] = [{ '@type': `${types}.ErrorInfo`, reason: error.code, domain: 'atelier', ...metadata }];
  if (retryAfterMs !== undefined)
    details.push({ '@type': `${types}.RetryInfo`, retryDelay: `${retryAfterMs / 1000}s` });
  if (requestId) details.push({ '@type': `${types}.RequestInfo`, requestId });
  const status = statuses[error.status] ?? (error.status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL');
  return { error: { code: error.status, message: error.message, status, details } };
}

/** The error of an answer, also where it comes as the only entry of an array. */
export function readError(status: number, body: Json): { message: string; type?: string; code?: string } {
  const error = at(Array.isArray(body) ? body[0] : body, 'error') ?? body;
  const details = at(error, 'details');
  const reasons = Array.isArray(details) ? details.flatMap((detail) => stringAt(detail, 'reason') ?? []) : [];
  const text = typeof error === 'string' && error ? error : undefined;
  return defined({
    message: stringAt(error, 'message') ?? text ?? `The provider answered ${status}.`,
    type: stringAt(error, 'status'),
    code: reasons[0],
  });
}

export function errorInside(body: Json): GatewayError {
  const status = numberAt(body, 'error', 'code') ?? 200;
  const { message, type } = readError(status, body);
  const code: ErrorCode = streamErrorCode({ type, code: String(status) });
  return new GatewayError(code, { message, failure: 'D', billing: 'unknown', raw: body });
}
