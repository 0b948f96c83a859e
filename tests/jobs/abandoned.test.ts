import { afterEach, beforeEach, expect, it } from 'vitest';
import { newId } from '../../src/gateway/ids.ts';
import { workThrough } from '../../src/jobs/work.ts';
import { begun, noon, receiptOf } from '../books/rows.ts';
import { openWorld, webhook } from './world.ts';

const minute = 60_000;
let open: Awaited<ReturnType<typeof openWorld>>;
beforeEach(async () => {
  open = await openWorld();
});
afterEach(() => open.close());

/** An attempt that failed and was to be followed by another. */
async function moveOn(id: string, at: number): Promise<void> {
  const [generation, attempt] = begun({ id, modality: 'image', at });
  const job = { leasedUntil: at + 450_000, deadline: at + 1_800_000 };
  const demand = { usd: 5n };
  expect(await open.book.begin({ ...generation, webhook }, attempt, { job, demand })).toBe('begun');
  const error = { code: 'provider_overloaded', moved_on: { to: 'other/pen' } };
  const free = receiptOf(undefined, { status: 'not_billable' });
  const settlement = { attemptId: attempt.id, at: at + minute, outcome: 'provider_overloaded', receipt: free, error };
  expect(await open.book.settle(settlement)).toBe('settled');
}

it('a generation whose process stopped between two attempts ends without a restart, an hour later', async () => {
  const { world, book } = open;
  const id = newId('gen_', noon);
  await moveOn(id, noon);
  const { gateway } = await open.start();
  for (const [minutes, status] of [
    [0, 'queued'],
    [59, 'queued'],
    [125, 'failed'],
  ] as const) {
    world.now = noon + minutes * minute;
    await workThrough(gateway, 'main');
    expect([minutes, await book.statusOf(id)]).toEqual([minutes, status]);
  }
  await workThrough(gateway, 'main');
  expect(world.told).toEqual([webhook.url]);
  expect((await book.generation(id))?.error).toMatchObject({ code: 'provider_overloaded' });
});

it('one that may still be under way is left alone, and one that runs is', async () => {
  const { world, book } = open;
  const [old, running] = [newId('gen_', noon), newId('gen_', noon + 1)];
  const young = newId('gen_', noon + 70 * minute);
  await moveOn(old, noon);
  const [generation, attempt] = begun({ id: running, modality: 'image', at: noon + 1 });
  const job = { leasedUntil: noon + 10 * 3_600_000, deadline: noon + 10 * 3_600_000 };
  expect(await book.begin(generation, attempt, { job, demand: { usd: 5n } })).toBe('begun');
  await moveOn(young, noon + 70 * minute);
  world.now = noon + 80 * minute;
  await workThrough((await open.start()).gateway, 'main');
  expect(await Promise.all([old, running, young].map((id) => book.statusOf(id)))).toEqual([
    'failed',
    'queued',
    'queued',
  ]);
});
