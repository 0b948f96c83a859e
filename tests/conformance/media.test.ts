import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadShipped } from '../../config/load.ts';
import { createProvider } from '../../providers/index.ts';
import { expectResumed, hookOf, type MediaCase, mediaCases, type Stage, until } from './media/cases.ts';
import { type MediaRow, mediaRows } from './media/rows.ts';
import { MediaTable } from './media/table.ts';
import { openMediaWorld, openRelay } from './media/world.ts';

const rows = await mediaRows();
const able = rows.filter((row) => row.model !== undefined);
const table = new MediaTable([...mediaCases.map((one) => one.name), 'restart']);
let stage: Stage;
/** Rows whose provider takes an address to tell the end to. */
const tellers = new Set<string>();

beforeAll(async () => {
  const world = await openMediaWorld();
  const relay = await openRelay();
  const open = (pace: string, more: Record<string, string> = {}) => world.open({ ATELIER_POLL_MS: pace, ...more });
  const address = { ATELIER_PUBLIC_URL: relay.url };
  stage = {
    world,
    relay,
    quick: await open('5,20'),
    asking: await open('5,20', address),
    steady: await open('120,120'),
    told: await open('20000,30000', address),
  };
  relay.to = stage.told;
  // One job of each, whose webhook stays away: its request says whether it carries an address.
  await Promise.all(
    able.map(async (row) => {
      if (!row.job) return;
      const id = await stage.asking.begin(row.write('[[webhook-lost]] the harbour'));
      await until('the job', () => world.asked(id) || undefined);
      if (hookOf(world, id)) tellers.add(row.name);
    }),
  );
}, 60_000);
afterAll(async () => {
  const { held, all } = table.count;
  console.info(`\n${table.render()}\n${held} of ${all}`);
  stage?.relay.close();
  await stage?.world.close();
});

/** Runs a case and notes what came of it. */
async function noted(row: MediaRow, name: string, run: () => ReturnType<MediaCase['run']>): Promise<void> {
  table.set(row.name, name, 'FAIL');
  table.set(row.name, name, (await run()) ?? 'ok');
}

describe.each(able)('$name ($model)', (row) => {
  it.concurrent.each(mediaCases)('$name', async (one) => {
    if (!one.applies(row, tellers.has(row.name))) return table.set(row.name, one.name, '–');
    await noted(row, one.name, () => one.run(row, stage));
  });
});

it('a new gateway over the same folder goes on with every job, and none is sent twice', async () => {
  const { world } = stage;
  const data = world.folder();
  const before = await world.open({ ATELIER_POLL_MS: '60000,60000' }, data);
  const begun = await Promise.all(
    able.map(async (row) => (row.job ? { row, id: await before.begin(row.write('[[slow]] the harbour')) } : { row })),
  );
  const open = begun.filter((one): one is { row: MediaRow; id: string } => one.id !== undefined);
  for (const { id } of open) {
    for (let tries = 0; (await before.read(id)).status !== 'in_progress'; tries++) {
      if (tries > 400) throw new Error(`${id} was never accepted: ${JSON.stringify(await before.read(id))}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  await before.close();
  const after = await world.open({ ATELIER_POLL_MS: '5,20' }, data);
  const wrong: string[] = [];
  for (const { row, id } of begun) {
    if (id === undefined) table.set(row.name, 'restart', '–');
    else {
      await noted(row, 'restart', () => expectResumed(row, stage, after, id)).catch((thrown: Error) =>
        wrong.push(`${row.name}: ${thrown.message}`),
      );
    }
  }
  expect(wrong).toEqual([]);
}, 60_000);

it('every provider and modality that is declared is here', async () => {
  const { providers } = await loadShipped(shipped);
  const declared = providers.flatMap((row) =>
    Object.keys(createProvider(row).media ?? {}).map((name) => `${row.id} ${name}`),
  );
  expect(rows.map((row) => row.name)).toEqual(declared);
  // Upstreams that speak OpenAI's language declare embeddings, whether or not the catalogue has a model for them.
  const without = rows.filter((row) => row.model === undefined);
  expect(without.every((row) => row.modality === 'embedding')).toBe(true);
});
