import {
  type Call,
  type ErrorCode,
  errorOfThrow,
  GatewayError,
  type Json,
  numberAt,
  readRetryAfter,
  stringAt,
} from '../../src/contract/index.ts';
import type { Exchange } from '../shared/never-throwing-fetch.ts';
import { asFree } from '../shared/outcome.ts';

/** What was asked: only `create` spends money, so only its lost answers are of unknown outcome. */
export type Purpose = 'create' | 'get' | 'cancel' | 'upload';

const provider = 'replicate';

/** The error of an exchange that brought no usable answer, with its failure class. */
export function readFailure(exchange: Exchange, purpose: Purpose, call: Pick<Call, 'key' | 'signal'>): GatewayError {
  return exchange.kind === 'failure'
    ? readBreak(exchange.cause, purpose, call.signal)
    : readRefusal(exchange.status, exchange.headers, readBody(exchange.body, call.key), purpose);
}

/** An answer with a good status that is no prediction. The work may have begun, so the outcome of a create is unknown. */
export function garbage(body: string, purpose: Purpose): GatewayError {
  const size = body.length === 0 ? 'an empty answer' : 'something that is not its JSON';
  return new GatewayError('provider_garbage', { message: `Replicate sent ${size}.`, provider, ...risk(purpose) });
}

function readBreak(cause: unknown, purpose: Purpose, signal: AbortSignal): GatewayError {
  const error = errorOfThrow(provider, cause, signal);
  if (purpose === 'create') return error;
  const free = asFree(error);
  return purpose === 'upload' ? new GatewayError(free.code, { ...free.details, ...risk(purpose) }) : free;
}

function readRefusal(status: number, headers: Headers, body: Json, purpose: Purpose): GatewayError {
  const detail = stringAt(body, 'detail')?.trim() ?? stringAt(body, 'title') ?? `status ${status}`;
  const details = { message: `Replicate: ${detail}`, provider, raw: body };
  const refused = (code: ErrorCode, more: object = {}) =>
    new GatewayError(code, { ...details, failure: 'B', billing: 'none', ...more });
  if (status === 401 || status === 403) return refused('provider_authentication');
  if (status === 402) return refused('provider_quota_exhausted');
  if (status === 404 && (purpose === 'create' || purpose === 'upload')) return refused('model_not_found');
  if (status === 404) return new GatewayError('outcome_unknown', { ...details, failure: 'C', billing: 'unknown' });
  if (status === 429) {
    // Without the header the body may tell, in seconds.
    const seconds = numberAt(body, 'retry_after');
    const told = seconds === undefined ? undefined : Math.max(0, Math.ceil(seconds * 1000));
    return refused('provider_rate_limited', { retryAfterMs: readRetryAfter(headers) ?? told });
  }
  if (status === 422 && stringAt(body, 'title') === 'Invalid version or not permitted')
    return refused('model_not_found');
  if (status >= 400 && status < 500) {
    const param = stringAt(body, 'invalid_fields', 0, 'field');
    return refused('provider_rejected', { status, param: param || undefined });
  }
  return new GatewayError(status >= 500 ? 'provider_error' : 'provider_garbage', { ...details, ...risk(purpose) });
}

function risk(purpose: Purpose): { failure: 'A' | 'C'; billing: 'none' | 'unknown' } {
  return purpose === 'upload' ? { failure: 'A', billing: 'none' } : { failure: 'C', billing: 'unknown' };
}

/** The body as JSON where it is, never with the key in it. */
function readBody(text: string, key: string): Json {
  const clean = key.length > 7 ? text.replaceAll(key, '***') : text;
  try {
    return JSON.parse(clean) as Json;
  } catch {
    return clean.slice(0, 2000);
  }
}
