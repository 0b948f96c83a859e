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

/** Milliseconds a job may take, and how often a provider is asked about it at most and at least. */
const jobDeadline = 30 * 60_000;
const shortestPause = 50;
const longestPause = 15_000;

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
  while (operation.status === 'queued' || operation.status === 'in_progress') {
    ref = operation.ref;
    if (!remembered) {
      await owner.book.submitted(attempt.id, attempt.generationId, ref);
      remembered = true;
    }
    if (gateway.clock.now() - attempt.at > jobDeadline) {
      const error = new GatewayError('provider_timeout', {
        message: `${attempt.model.provider} did not finish within ${jobDeadline / 60_000} minutes.`,
        provider: attempt.model.provider,
        failure: 'C',
        billing: 'unknown',
      });
      await attempt.fail(error);
      throw error;
    }
    pause = Math.min(longestPause, Math.max(shortestPause, operation.pollAfterMs ?? pause * 1.5));
    await new Promise((resolve) => setTimeout(resolve, pause));
    try {
      operation = await pollMedia(attempt, ref);
      failures = 0;
    } catch (thrown) {
      // Asking is free and changes nothing: only a lasting refusal ends the job.
      const error = asGatewayError(thrown);
      if (!errorCodes[error.code].retryable || ++failures >= 10) {
        await attempt.fail(error);
        throw error;
      }
    }
  }
  await finishMedia(gateway, owner, attempt, operation, record);
}
