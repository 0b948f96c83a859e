import { type Call, errorOfThrow, GatewayError, type Json, type JsonObject } from '../../src/contract/index.ts';
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
  if (call.signal.aborted) {
    const message = 'Canceled before anything was sent to ElevenLabs.';
    throw new GatewayError('request_canceled', { message, failure: 'A', billing: 'none', cause: call.signal.reason });
  }
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
  throw readFailure(response.status, response.headers, parse(text));
}

/** The answer's JSON object; anything else is garbage, and what it cost unknown. */
export async function readJson(response: Response, call: Call): Promise<JsonObject> {
  try {
    return JSON.parse(await response.text()) as JsonObject;
  } catch (thrown) {
    throw errorOfThrow(provider, thrown, call.signal);
  }
}

/** A good status without the work: it may have been done and billed. */
export function garbage(what: string): GatewayError {
  return new GatewayError('provider_garbage', {
    message: `elevenlabs answered ${what}.`,
    provider,
    failure: 'C',
    billing: 'unknown',
  });
}

/** The vendor's own figures and ids of an answer, as they stand in its headers. */
export function figuresOf(response: Response): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of ['character-cost', 'request-id', 'song-id', 'history-item-id']) {
    const value = response.headers.get(name);
    if (value) found[name] = value;
  }
  return found;
}

function parse(text: string): Json | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}
