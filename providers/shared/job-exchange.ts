import {
  type Answerer,
  type Call,
  errorOfAnswer,
  errorOfThrow,
  GatewayError,
  type Json,
  type JsonObject,
} from '../../src/contract/index.ts';
import { asFree, garbageError, refuseAborted } from './outcome.ts';

/** What is asked of a vendor of jobs: only `create` spends money, so only its lost answers are of unknown outcome. */
export type Purpose = 'create' | 'look' | 'cancel' | 'upload';

export type Ask = {
  purpose: Purpose;
  method: 'GET' | 'POST' | 'DELETE';
  url: string;
  headers?: Record<string, string>;
  /** JSON, or a form where files go along. */
  body?: JsonObject | FormData;
};

/**
 * One request over the lent fetch, sent exactly once, without following a redirect.
 * A look that breaks is `provider_unavailable` (asking again is free); a job that its vendor no longer knows is `outcome_unknown`.
 * @returns the answer's JSON; undefined where none is owed (204, and a form's answer).
 */
export async function exchange(call: Call, answerer: Answerer, ask: Ask): Promise<Json | undefined> {
  const provider = typeof answerer === 'string' ? answerer : answerer.id;
  refuseAborted(provider, call.signal);
  let response: Response;
  let text: string;
  try {
    response = await call.fetch(ask.url, init(ask, call));
    text = await response.text();
  } catch (thrown) {
    throw forPurpose(errorOfThrow(provider, thrown, call.signal), ask.purpose);
  }
  const body = parse(text);
  if (!response.ok) {
    const lost = response.status === 404 && (ask.purpose === 'look' || ask.purpose === 'cancel');
    if (lost) {
      const message = `${provider} does not know this job (any more).`;
      throw new GatewayError('outcome_unknown', { message, provider, failure: 'C', billing: 'unknown' });
    }
    const raw = body ?? (text === '' ? undefined : text.slice(0, 2000));
    throw forPurpose(errorOfAnswer(answerer, response.status, response.headers, raw), ask.purpose);
  }
  if (body === undefined && response.status !== 204 && !(ask.body instanceof FormData)) {
    const said = text === '' ? 'an empty answer' : 'something that is not JSON';
    throw forPurpose(garbageError(provider, `${provider} sent ${said}.`), ask.purpose);
  }
  return body;
}

function init({ method, headers, body, purpose }: Ask, call: Call): RequestInit {
  const all: Record<string, string> = { ...headers };
  if (purpose === 'create') all['x-client-request-id'] = call.attemptId;
  const form = body instanceof FormData;
  if (body && !form) all['content-type'] = 'application/json';
  return {
    method,
    headers: all,
    redirect: 'manual',
    signal: call.signal,
    ...(body ? { body: form ? body : JSON.stringify(body) } : {}),
  };
}

/** Nothing is paid for by looking, canceling or uploading. */
function forPurpose(error: GatewayError, purpose: Purpose): GatewayError {
  if (purpose === 'create') return error;
  const free = asFree(error);
  if (purpose !== 'upload') return free;
  return new GatewayError(free.code, { ...free.details, failure: 'A', billing: 'none' });
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
