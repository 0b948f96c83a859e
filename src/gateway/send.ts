import { asGatewayError, type Dialect, type DialectName, errorOfThrow } from '../contract/index.ts';
import type { WireResponse } from '../runtime/ports.ts';
import { usageOfText } from './answers.ts';
import type { Attempt } from './attempt.ts';
import type { Deadlines } from './gateway.ts';
import { type Heard, holdHead } from './head.ts';
import type { Journey } from './journey.ts';
import { isMisplaced, readMisplaced, readRefusal } from './refusal.ts';
import { settleUnknown } from './unknown.ts';

/** Milliseconds that the first output of a stream is waited for where nobody else could answer. */
const holdTime = 10_000;

/**
 * Sends a text body and waits for its headers, or for the first output of a stream. Any failure up to here is booked and thrown:
 * nothing was passed on.
 */
export async function sendText(
  journey: Journey,
  attempt: Attempt,
  dialect: DialectName,
  body: string,
  stream: boolean,
  options: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<WireResponse> {
  const { gateway } = journey;
  const { upstream, model } = attempt;
  const target = upstream.provider.text![dialect]!({
    model: model.upstream,
    key: upstream.key,
    baseUrl: upstream.baseUrl,
    attemptId: attempt.id,
    stream,
  });
  let wire: WireResponse;
  try {
    wire = await upstream.egress.post({
      url: target.url,
      headers: {
        'content-type': 'application/json',
        'x-client-request-id': attempt.id,
        ...target.headers,
        ...options.headers,
      },
      body,
      signal: options.signal,
      ...timesOf(journey, attempt),
    });
  } catch (thrown) {
    const error = errorOfThrow(model.provider, thrown);
    await settleUnknown(gateway, attempt, error);
    throw error;
  }
  const misplaced = stream && wire.status < 400 && isMisplaced(wire);
  if (wire.status < 400 && !misplaced) return stream ? held(journey, attempt, wire, gateway.dialects[dialect]) : wire;
  const error = misplaced
    ? await readMisplaced(attempt, wire, gateway.dialects[dialect])
    : await readRefusal(attempt, wire);
  await settleUnknown(gateway, attempt, error);
  throw error;
}

/** What is left of the time for the whole request bounds a further attempt, and one whose caller is in a hurry. */
function timesOf(journey: Journey, attempt: Attempt): Deadlines {
  const { deadlines } = journey.gateway;
  if (journey.made <= 1 && journey.plan.timeout === undefined) return deadlines;
  const left = Math.max(1, journey.until - attempt.at);
  const { headersTimeout, idleTimeout, totalTimeout } = deadlines;
  return {
    headersTimeout: Math.min(headersTimeout, left),
    idleTimeout: Math.min(idleTimeout, left),
    totalTimeout: Math.min(totalTimeout, left),
  };
}

/**
 * A stream once its first output is here. One that only showed frames is booked at what they told, else at the estimated input: the
 * provider had begun to work.
 */
async function held(journey: Journey, attempt: Attempt, wire: WireResponse, dialect: Dialect): Promise<WireResponse> {
  const { gateway, plan } = journey;
  const letGo = plan.candidates.length === 1;
  const spent = gateway.clock.now() - attempt.at;
  const ms = letGo ? holdTime : Math.max(1, timesOf(journey, attempt).headersTimeout - spent);
  const heard: Heard = { frames: 0 };
  try {
    return await holdHead(attempt, wire, dialect, { ms, letGo, heard }, gateway.clock.now);
  } catch (thrown) {
    const error = asGatewayError(thrown);
    const { usage, frame: response } = heard;
    const seen = { endpoint: dialect.name, usage, response, frames: 0, broken: true };
    await settleUnknown(gateway, attempt, error, { guess: heard.frames > 0 ? usageOfText(attempt, seen) : 'nothing' });
    throw error;
  }
}
