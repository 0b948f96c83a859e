import type { OpenAttempt } from '../books/index.ts';
import { GatewayError } from '../contract/index.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { newId } from '../gateway/ids.ts';
import { endAbandoned } from './abandoned.ts';
import { expireOutputs } from './expire.ts';
import type { Owner } from './look.ts';
import { lease } from './pace.ts';

/** How many looks are taken at a time. */
const most = 64;
/** Milliseconds until a book is looked at again that still has something due: it is being done, or cannot be done now. */
const shortest = 50;
/** Milliseconds after which an open attempt without a job is taken for lost: longer than any call takes. */
export const longestCall = 1_500_000;
/** Milliseconds that a generation of before may have been under way. */
const longestJob = 86_400_000;

// What works on media is loaded when there is some: a gateway that only passes text has none.
const looking = () => import('./look.ts');
const delivering = () => import('./deliver.ts');

const ownerOf = (gateway: Gateway, tenant: string): Owner => ({ tenant, book: gateway.books.of(tenant) });

/** Does what is due in a tenant's book; whatever ends says that the book may have something new. */
export async function workThrough(gateway: Gateway, tenant: string): Promise<void> {
  const owner = ownerOf(gateway, tenant);
  const now = gateway.clock.now();
  const { jobs, deliveries, lost } = await owner.book.claimWork(now, lease, most, longestCall);
  const each = (id: string, work: () => Promise<void>) => quietly(id, work).finally(() => gateway.wake.arm(tenant));
  await Promise.all([
    ...jobs.map(({ job, attempt }) =>
      each(job.attemptId, async () => (await looking()).lookAt(gateway, owner, job, attempt, now)),
    ),
    ...deliveries.map((delivery) =>
      each(delivery.id, async () => (await delivering()).deliver(gateway, owner, delivery)),
    ),
    ...lost.map((row) => each(row.id, () => endLost(gateway, owner, row))),
    quietly('aged outputs', () => expireOutputs(gateway, owner)),
    quietly('abandoned generations', () => endAbandoned(gateway, owner)),
  ]);
}

/** Milliseconds since 1970 at which a tenant's book has something to do; undefined for never. To be asked after the work. */
export async function nextWork(gateway: Gateway, tenant: string): Promise<number | undefined> {
  const due = await gateway.books.of(tenant).nextDue(longestCall);
  return due === undefined ? undefined : Math.max(due, gateway.clock.now() + shortest);
}

/**
 * Takes over from a process that is gone: its jobs go on from their stored `ref`, everything else that it left open is ended as far
 * as the provider can be asked, or booked at its bound.
 * @param before attempts begun at or after this time (ms) belong to the running gateway.
 * @returns how many attempts were found open.
 */
export async function recover(gateway: Gateway, tenant: string, before: number): Promise<number> {
  const owner = ownerOf(gateway, tenant);
  await owner.book.takeOver(gateway.clock.now(), before);
  const open = await owner.book.openAttempts(before);
  const unsent = open.filter((row) => row.ref === null);
  await Promise.all(unsent.map((row) => quietly(row.id, () => endLost(gateway, owner, row))));
  const since = newId('gen_', Math.max(0, before - longestJob));
  await owner.book.concludeAbandoned(since, newId('gen_', before), gateway.clock.now());
  gateway.wake.arm(tenant);
  return open.length;
}

async function endLost(gateway: Gateway, owner: Owner, row: OpenAttempt): Promise<void> {
  const { openedAttempt, orphanedAttempt } = await looking();
  const { settleUnknown } = await import('../gateway/unknown.ts');
  const attempt = openedAttempt(gateway, owner, row)?.attempt ?? orphanedAttempt(gateway, owner, row);
  const error = new GatewayError('outcome_unknown', {
    message: 'The gateway stopped before the answer arrived.',
    provider: row.provider,
    failure: 'C',
    billing: 'unknown',
  });
  await settleUnknown(gateway, attempt, error);
  if (row.modality === 'text') return;
  const { removeStrays } = await import('../gateway/strays.ts');
  await removeStrays(gateway, owner, attempt);
}

/** One piece of work that fails leaves the others alone; its lease brings it back. */
async function quietly(id: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    console.error(`${id} could not be looked at`, thrown);
  }
}
