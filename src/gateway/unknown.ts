import type { Metered } from '../contract/index.ts';
import { type GatewayError, isObject, type Json, type Usage } from '../contract/index.ts';
import type { WireResponse } from '../runtime/ports.ts';
import { clientLeft } from './answers.ts';
import type { Attempt } from './attempt.ts';
import { usageOfBound } from './bound.ts';
import { usageOfDelivered } from './estimate.ts';
import type { Gateway } from './gateway.ts';

/** Milliseconds that a provider gets to see that a connection was closed. */
const noticeTime = 300;

/**
 * Ends an attempt that gave no answer. Refused or never sent: it cost nothing. Outcome unknown (class C): the provider
 * is asked if it can be; otherwise `guess`, or the attempt's stored bound, is booked as estimated. An error answer
 * of the provider itself produced nothing and is not billed unless the provider says so when asked.
 */
export async function settleUnknown(
  gateway: Gateway,
  attempt: Attempt,
  error: GatewayError,
  options: { guess?: Usage | 'nothing'; status?: 'failed' | 'canceled' } = {},
): Promise<void> {
  const { failure, billing } = error.details;
  if (failure === 'A' || failure === 'B' || billing === 'none') return attempt.fail(error, undefined, options.status);
  let known = await askProvider(attempt);
  if (known === undefined && typeof options.guess === 'object') {
    // We saw output that the provider does not know of: it may not have noticed yet that we left.
    await new Promise((resolve) => setTimeout(resolve, noticeTime));
    known = await askProvider(attempt);
  }
  if (known !== 'cannot say') return attempt.fail(error, known, options.status, known === undefined);
  const answered =
    error.code === 'provider_error' || error.code === 'provider_garbage' || error.code === 'invalid_output';
  const guess = seenOr(options.guess, answered ? undefined : usageOfBound(attempt.bound, attempt, gateway.catalogue));
  return attempt.fail(error, guess, options.status);
}

function seenOr(seen: Usage | 'nothing' | undefined, otherwise: Usage | undefined): Usage | undefined {
  if (seen === 'nothing') return undefined;
  return seen ?? otherwise;
}

/** A stream under way to its client. */
export type Stream = {
  gateway: Gateway;
  attempt: Attempt;
  wire: WireResponse;
  /** Set once the stream is read. */
  begun?: boolean;
  /** Set when the client left. */
  left?: boolean;
};

/**
 * What to do when the client of a stream leaves: the provider is stopped at once, even where it is silent. Whoever reads
 * the stream then books what was delivered; a stream that nobody has begun to read is booked here.
 */
export function stopOf(stream: Stream): () => void {
  return () => {
    stream.left = true;
    stream.wire.abort();
    if (stream.begun) return;
    const guess = usageOfDelivered(stream.attempt.bound, 0);
    settleUnknown(stream.gateway, stream.attempt, clientLeft(), { guess, status: 'canceled' }).catch(() => {});
  };
}

/**
 * What the provider says it did for this attempt: usage, undefined for nothing, or that it cannot say.
 * Only upstreams whose row declares a `lookup_url` can be asked.
 */
async function askProvider(attempt: Pick<Attempt, 'id' | 'upstream'>): Promise<Usage | undefined | 'cannot say'> {
  const { lookupUrl } = attempt.upstream.row;
  if (!lookupUrl) return 'cannot say';
  const url = lookupUrl.replace('{provider}', attempt.upstream.row.id).replace('{attempt}', attempt.id);
  try {
    const answer = await attempt.upstream.egress.fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (answer.status === 404) {
      await answer.body?.cancel();
      return undefined;
    }
    if (!answer.ok) return 'cannot say';
    const body = (await answer.json()) as Json;
    if (!isObject(body) || !Array.isArray(body.charges)) return 'cannot say';
    return { metered: body.charges as unknown as Metered[], source: 'body', raw: body };
  } catch {
    return 'cannot say';
  }
}
