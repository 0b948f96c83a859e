import type { ClaimedJob, OpenAttempt } from '../books/index.ts';
import { asGatewayError, errorCodes, GatewayError, type Json, type Operation } from '../contract/index.ts';
import type { Attempt } from '../gateway/attempt.ts';
import { type Caller, type Gateway, newTrace } from '../gateway/gateway.ts';
import { openRef } from '../gateway/keys.ts';
import { cancelMedia, finishMedia, pollMedia } from '../gateway/media.ts';
import { OpenedAttempt } from '../gateway/opened-attempt.ts';
import { mostTries, removeStrays } from '../gateway/strays.ts';
import { settleUnknown } from '../gateway/unknown.ts';
import type { Upstream } from '../runtime/ports.ts';
import { lease, pauseAfter } from './pace.ts';
import { isRunning } from './run.ts';

export type Owner = Pick<Caller, 'tenant' | 'book'>;

/**
 * An open attempt of the book, ready to be asked about, and the provider's own reference to its job: null where none was stored.
 * Undefined where its provider is not configured any more.
 */
export function openedAttempt(
  gateway: Gateway,
  owner: Owner,
  row: OpenAttempt,
): { attempt: Attempt; ref: Json } | undefined {
  const configured = gateway.upstreams.get(row.provider);
  return configured && openedAt(gateway, owner, row, configured);
}

/** The same of an attempt that can only be ended, for nobody can be asked about it any more. */
export function orphanedAttempt(gateway: Gateway, owner: Owner, row: OpenAttempt): Attempt {
  const { provider: id, simulated } = row;
  const gone = () => Promise.reject(new Error(`${id} is not configured.`));
  const upstream: Upstream = {
    row: { id, adapter: id, baseUrl: '' },
    provider: { id, readUsage: () => undefined },
    baseUrl: '',
    key: '',
    simulated,
    egress: { fetch: gone, post: gone },
  };
  return openedAt(gateway, owner, { ...row, ref: null }, upstream).attempt;
}

function openedAt(gateway: Gateway, owner: Owner, row: OpenAttempt, configured: Upstream) {
  const { upstream, ref } = openRef(configured, row.ref);
  const id = `${row.provider}/${row.model}`;
  const known = gateway.directory.find(id);
  // A model of several modalities is one row each; the attempt knows which it was.
  const model =
    known?.modality === row.modality
      ? known
      : { id, provider: row.provider, upstream: row.model, modality: row.modality };
  const attempt = new OpenedAttempt(gateway, {
    ...row,
    model,
    upstream,
    lost: row.ref === null,
    caller: { ...owner, markupPpm: row.markupPpm },
    trace: newTrace(),
  });
  return { attempt, ref };
}

/**
 * One look at one claimed job: asks, cancels or gives up, and says when to look again. Ends quietly: what a job ended with is in the
 * book.
 */
export async function lookAt(
  gateway: Gateway,
  owner: Owner,
  job: ClaimedJob,
  row: OpenAttempt,
  now: number,
): Promise<void> {
  const opened = openedAttempt(gateway, owner, row);
  const again = (pause: number, failures: number, fraction?: number) =>
    owner.book.lookAgain(job, gateway.clock.now() + pause, failures, now, fraction);
  if (!opened && now < job.deadline) return again(60_000, job.failures);
  if (!opened) return giveUp(gateway, owner, orphanedAttempt(gateway, owner, row), 'its provider is not configured');
  const { attempt, ref } = opened;
  if (job.tries >= mostTries) return bury(gateway, owner, attempt, `looked at ${job.tries} times without coming back`);
  if (row.ref === null) return giveUp(gateway, owner, attempt, 'the gateway stopped before the answer arrived');
  let operation: Operation | undefined;
  try {
    const over = now >= job.deadline;
    if (job.canceling || over) operation = await cancelMedia(attempt, ref);
    operation ??= await pollMedia(attempt, ref);
    if (over && isRunning(operation)) return await giveUp(gateway, owner, attempt, 'it did not finish in time');
  } catch (thrown) {
    // Asking is free and changes nothing: only a lasting refusal ends the job, or the end of its time.
    const error = asGatewayError(thrown);
    const lasting = !errorCodes[error.code].retryable || now >= job.deadline;
    if (lasting) return giveUp(gateway, owner, attempt, error.message, error);
    return again(pauseAfter(gateway.pace, {}, job.failures + 1, now - row.at), job.failures + 1);
  }
  if (isRunning(operation)) return again(pauseAfter(gateway.pace, operation, 0, now - row.at), 0, operation.fraction);
  const isFirst = job.tries === 0 && job.failures === 0;
  try {
    await finishMedia(gateway, owner, attempt, operation, row.request, isFirst ? undefined : job.tries);
  } catch (thrown) {
    const error = asGatewayError(thrown);
    // Without a store nothing has been booked: the job stays and is looked at again.
    if (error.code === 'store_unavailable') throw error;
  }
  // Another look has been here before, or is here meanwhile.
  if (!isFirst || gateway.clock.now() - now >= lease) await removeStrays(gateway, owner, attempt);
}

/** Gives up a job that was accepted: it may have cost money whatever the last question about it came to. */
async function giveUp(
  gateway: Gateway,
  owner: Owner,
  attempt: Attempt,
  reason: string,
  cause?: unknown,
): Promise<void> {
  await settleUnknown(gateway, attempt, lost(attempt, reason, cause));
  await removeStrays(gateway, owner, attempt);
}

async function bury(gateway: Gateway, owner: Owner, attempt: Attempt, reason: string): Promise<void> {
  const { id, generationId } = attempt;
  await owner.book.bury({ attemptId: id, generationId, at: gateway.clock.now(), reason });
  await giveUp(gateway, owner, attempt, reason);
}

/** What is said of a call whose end nobody can tell. */
export function lost(attempt: Attempt, reason: string, cause?: unknown): GatewayError {
  const { provider } = attempt.model;
  return new GatewayError('outcome_unknown', {
    message: `${provider} took the job, but its end is not known: ${reason}.`.replace(/\.+$/, '.'),
    provider,
    failure: 'C',
    billing: 'unknown',
    cause,
  });
}
