import { afterEach, beforeEach, expect, it } from 'vitest';
import { nextWork, recover } from '../../src/jobs/work.ts';
import type { Upstream } from '../../src/runtime/ports.ts';
import { begun, noon } from '../books/rows.ts';
import { openWorld, price } from './world.ts';

/** What was begun with a provider that the operator has taken out of the configuration since. */
let open: Awaited<ReturnType<typeof openWorld>>;
beforeEach(async () => {
  open = await openWorld();
});
afterEach(() => open.close());

async function startWithout(provider: string) {
  const house = await open.start();
  (house.gateway.upstreams as Map<string, Upstream>).delete(provider);
  return house;
}

const held = async () => (await open.book.listBudgets(open.world.now))[0]!.uses[0]!.held;

it('a call whose answer was lost is booked at its worst when it is taken over, and holds nothing any more', async () => {
  const { world, book } = open;
  const [generation, attempt] = begun({ id: 'gen_1' });
  await book.begin({ ...generation, plain: true }, attempt, { demand: { usd: 5n } });
  expect(await held()).toBe(5n);
  world.now = noon + 60_000;
  const { gateway } = await startWithout('house');
  expect(await recover(gateway, 'main', world.now)).toBe(1);
  expect(await book.openAttempts(world.now)).toEqual([]);
  expect((await book.generation('gen_1'))?.attempts).toMatchObject([
    { outcome: 'outcome_unknown', receipt: { lines: [{ meter: 'output_text_tokens', quantity: 9 }] } },
  ]);
  expect(await held()).toBe(0n);
  expect(await nextWork(gateway, 'main')).toBeUndefined();
});

it('a job is waited for until its time is over: its provider may come back', async () => {
  const { world, book } = open;
  await open.begin(await open.start());
  const house = await startWithout('fal');
  await open.pass(house, 0.4);
  expect((await book.listGenerations({ limit: 1 })).data).toMatchObject([{ status: 'in_progress' }]);
  expect(await held()).toBeGreaterThan(0n);
  await open.pass(house, 1);
  expect((await book.listGenerations({ limit: 1 })).data).toMatchObject([
    { status: 'failed', attempts: [{ receipt: { total: 2n * price, status: 'priced_estimated' } }] },
  ]);
  expect([await held(), world.paid]).toEqual([0n, 1]);
});

it('a book in which something is due that cannot be done now is not asked without a pause', async () => {
  const { world, book } = open;
  const [generation, attempt] = begun({ id: 'gen_1' });
  await book.begin({ ...generation, plain: true }, attempt, { demand: { usd: 5n } });
  const { gateway } = await open.start();
  world.now = noon + 2 * 3_600_000;
  expect(await nextWork(gateway, 'main')).toBeGreaterThan(world.now);
});
