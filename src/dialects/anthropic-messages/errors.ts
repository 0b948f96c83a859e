import { at, GatewayError, isObject, type Json, type JsonObject, stringAt } from '../../contract/index.ts';
import { defined, streamErrorCode } from '../shared.ts';

const typeOfStatus: Record<number, string> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** `{type: 'error', error: {type, message, code}, request_id}`; `code` is the gateway's own, which stays the same when words change. */
export function writeError(error: GatewayError, requestId?: string): JsonObject {
  const type = typeOfStatus[error.status] ?? (error.status < 500 ? 'invalid_request_error' : 'api_error');
  const { message, code } = error;
  const { param, facts, raw } = error.details;
  // what the SDKs act on, of ours or of a provider that speaks this dialect
  const details = [facts, at(raw, 'error', 'details')].find((one) => stringAt(one, 'error_code') !== undefined);
  const more: JsonObject = { ...(param ? { param } : {}), ...(details === undefined ? {} : { details }) };
  return { type: 'error', error: { type, message, code, ...more }, request_id: requestId ?? null };
}

export function readError(status: number, body: Json): { message: string; type?: string; code?: string } {
  const error = at(body, 'error') ?? body;
  const text = typeof error === 'string' && error ? error : undefined;
  return defined({
    message: stringAt(error, 'message') ?? text ?? `The provider answered ${status}.`,
    type: isObject(body) ? stringAt(error, 'type') : undefined,
    code: stringAt(error, 'details', 'error_code') ?? stringAt(error, 'code'),
  });
}

/** The error event of a stream, or an error body that came with a status of success. */
export function errorInside(body: Json): GatewayError {
  const { message, type, code } = readError(200, body);
  return new GatewayError(streamErrorCode({ type, code }), { message, failure: 'D', billing: 'unknown', raw: body });
}
