import {
  asGatewayError,
  errorCodes,
  GatewayError,
  type Json,
  type JsonObject,
  type MediaRequest,
  type Operation,
} from '../contract/index.ts';
import type { Attempt } from '../gateway/attempt.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import { finishMedia, pollMedia, submitMedia } from '../gateway/media.ts';
import { settleUnknown } from '../gateway/unknown.ts';

/** Milliseconds a job is followed, and how often a provider is asked about it at most and at least. */
const jobDeadline = 30 * 60_000;
const shortestPause = 50;
const longestPause = 15_000;
/** The first pause after a question that found no answer; it doubles. */
const failurePause = 500;

type Owner = Pick<Caller, 'tenant' | 'book'>;

/** Sends a media job and follows it to its end. Rejects with the GatewayError that is also in the book. */
export async function runMedia(
  gateway: Gateway,
  owner: Owner,
  attempt: Attempt,
  request: MediaRequest,
  record: JsonObject,
): Promise<void> {
  await followMedia(gateway, owner, attempt, await submitMedia(gateway, attempt, request), record);
}

/** Asks about a job until it ends. The job's `ref` is durable before the first pause, so a restart goes on from here. */
export async function followMedia(
  gateway: Gateway,
  owner: Owner,
  attempt: Attempt,
  first: Operation,
  record: JsonObject,
): Promise<void> {
  let operation = first;
  let remembered = false;
  let failures = 0;
  let ref: Json = null;
  let pause = 0;
  // From now, not from the attempt's beginning: a job found after a long stop has probably ended meanwhile.
  const began = gateway.clock.now();
  while (operation.status === 'queued' || operation.status === 'in_progress') {
    ref = operation.ref;
    if (!remembered) {
      await owner.book.submitted(attempt.id, attempt.generationId, ref);
      remembered = true;
    }
    if (gateway.clock.now() - began > jobDeadline) {
      await abandon(gateway, attempt, `it did not finish within ${jobDeadline / 60_000} minutes`);
    }
    const patience = failures > 0 ? failurePause * 2 ** (failures - 1) : 0;
    pause = Math.min(longestPause, Math.max(shortestPause, patience, operation.pollAfterMs ?? pause * 1.5));
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      operation = await pollMedia(attempt, ref);
      failures = 0;
    } catch (thrown) {
      // Asking is free and changes nothing: only a lasting refusal ends the job.
      const error = asGatewayError(thrown);
      failures++;
      if (!errorCodes[error.code].retryable) await abandon(gateway, attempt, error.message, error);
    }
  }
  await finishMedia(gateway, owner, attempt, operation, record);
}

/** Gives up a job that was accepted: it may have cost money whatever the last question about it came to. */
async function abandon(gateway: Gateway, attempt: Attempt, reason: string, cause?: unknown): Promise<never> {
  const { provider } = attempt.model;
  const error = new GatewayError('outcome_unknown', {
    message: `${provider} took the job, but its end is not known: ${reason}.`.replace(/\.+$/, '.'),
    provider,
    failure: 'C',
    billing: 'unknown',
    cause,
  });
  await settleUnknown(gateway, attempt, error);
  throw error;
}
