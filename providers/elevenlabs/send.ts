import {
  type Call,
  errorOfThrow,
  type GatewayError,
  isObject,
  type Json,
  type JsonObject,
} from '../../src/contract/index.ts';
import { parseBody } from '../shared/observe.ts';
import { garbageError, refuseAborted } from '../shared/outcome.ts';
import { readFailure } from './failure.ts';

const provider = 'elevenlabs';

/**
 * One paid POST, sent exactly once. Any answer but 2xx is thrown with its failure class.
 * @param query undefined values are left out.
 */
export async function post(
  call: Call,
  path: string,
  query: Record<string, string | undefined>,
  body: JsonObject | FormData,
): Promise<Response> {
  refuseAborted(provider, call.signal);
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
  const headers: Record<string, string> = { 'xi-api-key': call.key, 'x-client-request-id': call.attemptId };
  const form = body instanceof FormData;
  if (!form) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await call.fetch(`${call.baseUrl}${path}${search.size > 0 ? `?${search}` : ''}`, {
      method: 'POST',
      headers,
      body: form ? body : JSON.stringify(body),
      redirect: 'manual',
      signal: call.signal,
    });
  } catch (thrown) {
    throw errorOfThrow(provider, thrown, call.signal);
  }
  if (response.ok) return response;
  const text = await response.text().catch(() => '');
  throw readFailure(response.status, response.headers, parseBody(text));
}

/** The answer's JSON object; anything else is garbage, and what it cost unknown. */
export async function readJson(response: Response, call: Call): Promise<JsonObject> {
  try {
    return objectOf(await response.text());
  } catch (thrown) {
    throw errorOfThrow(provider, thrown, call.signal);
  }
}

/** The JSON object of a text. Throws SyntaxError where it is no JSON, `provider_garbage` where it is something else. */
export function objectOf(text: string): JsonObject {
  const value = JSON.parse(text) as Json;
  if (!isObject(value)) throw garbage('something that is not its JSON');
  return value;
}

/** A good status without the work: it may have been done and billed. */
export function garbage(what: string): GatewayError {
  return garbageError(provider, `elevenlabs answered ${what}.`);
}

/** The vendor's own figures and ids of an answer, as they stand in its headers. */
export function figuresOf(response: Response): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of ['character-cost', 'request-id', 'history-item-id']) {
    const value = response.headers.get(name);
    if (value) found[name] = value;
  }
  return found;
}
