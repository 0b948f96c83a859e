import { asGatewayError, errorOfAnswer, errorOfThrow, type JsonObject, type Model } from '../contract/index.ts';
import { parseAnswer } from './answers.ts';
import { upstreamOf } from './attempt.ts';
import type { Gateway } from './gateway.ts';
import { newId } from './ids.ts';

/** Milliseconds to an answer of a helper endpoint. */
const deadline = 30_000;

/** True if the model's provider has this helper endpoint (token counts, moderations). */
export function hasFree(gateway: Gateway, model: Model, endpoint: string): boolean {
  return upstreamOf(gateway, model).provider.free?.[endpoint] !== undefined;
}

/** Asks a helper endpoint of a provider: bytes pass, nothing is billed, nothing is booked. */
export async function askFree(gateway: Gateway, model: Model, endpoint: string, body: JsonObject): Promise<JsonObject> {
  const upstream = upstreamOf(gateway, model);
  const call = {
    model: model.upstream,
    key: upstream.key,
    baseUrl: upstream.baseUrl,
    attemptId: newId('ask_', gateway.clock.now()),
    stream: false,
  };
  const target = upstream.provider.free![endpoint]!(call);
  try {
    const wire = await upstream.egress.post({
      url: target.url,
      headers: { 'content-type': 'application/json', ...target.headers },
      body: JSON.stringify(body),
      headersTimeout: deadline,
      idleTimeout: deadline,
    });
    const answer = parseAnswer(await wire.bytes(16 * 1024 * 1024));
    if (wire.status < 400 && answer) return answer;
    throw errorOfAnswer(model.provider, wire.status, wire.headers(), answer);
  } catch (thrown) {
    const known = asGatewayError(thrown);
    throw known.code === 'internal_error' ? errorOfThrow(model.provider, thrown) : known;
  }
}
