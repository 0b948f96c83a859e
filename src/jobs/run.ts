import type { MediaRequest, Operation, Progress } from '../contract/index.ts';
import type { Attempt } from '../gateway/attempt.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import { beginMedia, finishMedia, type MediaCall, submitMedia } from '../gateway/media.ts';
import { pauseAfter } from './pace.ts';

/** A generation that has begun. `work` ends when its sending has: with its end, or as a job that the timer follows. */
export type Begun = { attempt: Attempt; work: Promise<void> };

/**
 * Makes a media generation durable and sends it. What the provider finishes at once is finished here; a job is left to the timer,
 * with all that is needed to go on from the book alone.
 */
export async function runMedia(
  gateway: Gateway,
  call: MediaCall,
  progress?: (progress: Progress) => void,
): Promise<Begun> {
  const attempt = await beginMedia(gateway, call);
  return { attempt, work: send(gateway, call.caller, attempt, call.request, call.record, progress) };
}

async function send(
  gateway: Gateway,
  caller: Caller,
  attempt: Attempt,
  request: MediaRequest,
  record: MediaCall['record'],
  progress?: (progress: Progress) => void,
): Promise<void> {
  const operation = await submitMedia(gateway, caller, attempt, request, progress);
  if (isRunning(operation)) {
    const due = gateway.clock.now() + pauseAfter(gateway.pace, operation, 0, 0);
    await caller.book.submitted(attempt.id, attempt.generationId, operation.ref, due, operation.fraction);
    gateway.wake.arm(caller.tenant);
    return;
  }
  await finishMedia(gateway, caller, attempt, operation, record);
}

export function isRunning(operation: Operation): operation is Extract<Operation, { status: 'queued' | 'in_progress' }> {
  return operation.status === 'queued' || operation.status === 'in_progress';
}
