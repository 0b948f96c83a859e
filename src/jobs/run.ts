import type { Operation, Progress } from '../contract/index.ts';
import type { Attempt } from '../gateway/attempt.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { keyedRef } from '../gateway/keys.ts';
import { type BegunMedia, beginMedia, finishMedia, type MediaCall, portOf, sendMedia } from '../gateway/media.ts';
import { pauseAfter } from './pace.ts';

/** A generation that has begun. `work` ends when its sending has: with its end, or as a job that the timer follows. */
export type Begun = {
  attempt: Attempt;
  work: Promise<void>;
  /** Its provider answers with the end itself: nobody can be asked about it later. */
  atOnce: boolean;
  /** Set where the work would not outlive its request. */
  held?: boolean;
};

/**
 * Makes a media generation durable and sends it. What the provider finishes at once is finished here; a job is left to the timer,
 * with all that is needed to go on from the book alone.
 */
export async function runMedia(
  gateway: Gateway,
  call: MediaCall,
  progress?: (progress: Progress) => void,
): Promise<Begun> {
  const begun = await beginMedia(gateway, call);
  const { attempt } = begun;
  const atOnce = portOf(attempt.model, attempt.upstream).poll === undefined;
  return { attempt, work: send(gateway, call, begun, progress), atOnce };
}

async function send(
  gateway: Gateway,
  call: MediaCall,
  begun: BegunMedia,
  progress?: (progress: Progress) => void,
): Promise<void> {
  const { caller, record } = call;
  const { attempt, operation } = await sendMedia(call, begun, progress);
  if (isRunning(operation)) {
    const due = gateway.clock.now() + pauseAfter(gateway.pace, operation, 0, 0);
    const ref = keyedRef(attempt.upstream, operation.ref);
    await caller.book.submitted(attempt.id, attempt.generationId, ref, due, operation.fraction);
    gateway.wake.arm(caller.tenant);
    return;
  }
  await finishMedia(gateway, caller, attempt, operation, record);
}

export function isRunning(operation: Operation): operation is Extract<Operation, { status: 'queued' | 'in_progress' }> {
  return operation.status === 'queued' || operation.status === 'in_progress';
}
