import type Replicate from 'replicate';
import { type Call, GatewayError, isObject, type JsonObject } from '../../src/contract/index.ts';
import { neverThrowingFetch } from '../shared/never-throwing-fetch.ts';
import { refuseAborted } from '../shared/outcome.ts';
import { garbage, type Purpose, readFailure } from './failure.ts';

/**
 * One call through the official SDK, sent exactly once. `replicate` 1.4.0 sends a POST again after a 429 or a broken
 * connection; the never-throwing fetch prevents that and keeps the true failure.
 * @returns the answer's JSON object, which has a string `id`.
 */
export async function ask(
  call: Call,
  purpose: Purpose,
  use: (client: Replicate) => Promise<unknown>,
): Promise<JsonObject> {
  refuseAborted('replicate', call.signal);
  const guard = neverThrowingFetch(call.fetch, purpose === 'create' ? { 'x-client-request-id': call.attemptId } : {});
  const { default: Client } = await import('replicate');
  const client = new Client({ auth: call.key, baseUrl: call.baseUrl, fetch: guard.fetch, useFileOutput: false });
  // The constructor takes an empty key for a missing one and reads the environment instead.
  client.auth = call.key;

  let result: unknown;
  let thrown: unknown;
  try {
    result = await use(client);
  } catch (cause) {
    thrown = cause;
  }
  const exchange = guard.exchange();
  if (!exchange) {
    const message = 'The request could not be written for Replicate.';
    throw new GatewayError('invalid_request', { message, failure: 'A', billing: 'none', cause: thrown });
  }
  if (exchange.kind === 'failure' || exchange.status >= 300) throw readFailure(exchange, purpose, call);
  if (!isObject(result) || typeof result.id !== 'string') throw garbage(exchange.body, purpose);
  return result;
}
