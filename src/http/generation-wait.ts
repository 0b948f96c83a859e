import type { Context } from 'hono';
import type { GenerationRecord } from '../books/index.ts';
import { type ErrorCode, errorCodes, GatewayError, type Progress, stringAt } from '../contract/index.ts';
import type { Caller, Gateway, Trace } from '../gateway/gateway.ts';
import type { MediaCall } from '../gateway/media.ts';
import { receiptOf } from '../gateway/view.ts';
import { type Begun, runMedia } from '../jobs/run.ts';
import { writeUsd } from '../meter/money.ts';
import type { Doors } from './generations.ts';
import { wishesOf } from './wishes.ts';

/** Milliseconds between two looks at the book while waiting: the end may come in another process. */
const firstLook = 250;
const slowestLook = 2_000;

/** Starts a media generation that outlives its request. */
export async function startMedia(
  doors: Doors,
  c: Context,
  call: MediaCall,
  progress?: (progress: Progress) => void,
): Promise<Begun> {
  const wishes = call.wishes ?? wishesOf(c);
  const begun = await runMedia(doors.gateway, { header: (name) => c.req.header(name), ...call, wishes }, progress);
  const lifetime = doors.lifetimeOf(c);
  lifetime.background(begun.work.catch(() => {}));
  return { ...begun, held: lifetime.brief === true && begun.atOnce };
}

/**
 * Waits for a generation's end.
 * @param ms how long at most.
 * Longer where its provider answers with the end itself and the work would not outlive the request.
 * @returns false where it is still running. Rejects with the GatewayError of a failure that happened while it was sent.
 */
export async function waitFor(
  gateway: Gateway,
  caller: Caller,
  { attempt, work, held }: Begun,
  ms: number,
): Promise<boolean> {
  const until = gateway.clock.now() + ms;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<'running'>((resolve) => {
    timer = setTimeout(resolve, ms, 'running');
  });
  const sent = await (held ? work : Promise.race([work, patience])).finally(() => clearTimeout(timer));
  if (sent === 'running') return false;
  return waitForEnd(gateway, caller, attempt.generationId, until - gateway.clock.now());
}

/** The same of a generation that has been sent. */
export async function waitForEnd(gateway: Gateway, caller: Caller, id: string, ms: number): Promise<boolean> {
  const until = gateway.clock.now() + ms;
  for (let look = firstLook; ; look = Math.min(slowestLook, look * 2)) {
    const status = await caller.book.statusOf(id);
    if (status !== 'queued' && status !== 'in_progress') return true;
    const left = until - gateway.clock.now();
    if (left <= 0) return false;
    await gateway.wake.whenEnded(caller.tenant, id, Math.min(left, look));
  }
}

/** Tells the trace what an ended generation came to. Throws the error that it ended with. */
export function noteEnd(record: GenerationRecord, trace: Trace): void {
  const receipt = receiptOf(record.attempts);
  if (receipt) {
    trace.cost = receipt.total === undefined ? undefined : writeUsd(receipt.total);
    trace.costStatus = receipt.status;
  }
  trace.attempts = record.attempts.length;
  if (record.status !== 'completed') throw errorOfRecord(record);
}

/** The error of a generation that did not complete, as its caller would have got it at once. */
function errorOfRecord({ error, status }: GenerationRecord): GatewayError {
  const code = stringAt(error, 'code') ?? (status === 'canceled' ? 'request_canceled' : 'internal_error');
  const billing = stringAt(error, 'billing');
  return new GatewayError((code in errorCodes ? code : 'internal_error') as ErrorCode, {
    message: stringAt(error, 'message') ?? `The generation was ${status}.`,
    ...(error?.provider ? { provider: String(error.provider) } : {}),
    ...(billing ? { billing: billing as 'none' | 'known' | 'unknown' } : {}),
  });
}
