import { stableHex } from '../simulator.ts';

/** A request the vendor refuses; thrown anywhere below the routes. */
export class Refused extends Error {
  readonly status: number;
  readonly type: string | undefined;
  /** What clients act on: `{error_code, …}`. */
  readonly details: Record<string, unknown> | undefined;

  constructor(status: number, message: string, type?: string, details?: Record<string, unknown>) {
    super(message);
    this.details = details;
    this.name = 'Refused';
    this.status = status;
    this.type = type;
  }
}

export const invalid = (message: string) => new Refused(400, message);

const types: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** The vendor's envelope, https://platform.claude.com/docs/en/api/errors. */
export function errorResponse(
  status: number,
  message: string,
  type?: string,
  details?: Record<string, unknown>,
): Response {
  const requestId = `req_01${stableHex(`${status}|${message}`).slice(0, 22)}`;
  const name = type ?? types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return Response.json(
    { type: 'error', error: { type: name, message, ...(details ? { details } : {}) }, request_id: requestId },
    { status, headers: { 'request-id': requestId } },
  );
}
