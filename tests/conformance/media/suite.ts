import { afterAll, beforeAll, describe, it } from 'vitest';
import { type MediaCase, type Stage, until } from './checks.ts';
import { type MediaRow, mediaRows } from './rows.ts';
import type { Mark } from './table.ts';
import { MediaTable } from './table.ts';
import { openMediaWorld, openRelay } from './world.ts';

/** Every row that has a model, and what is noted of it. */
export type Suite = {
  rows: MediaRow[];
  table: MediaTable;
  stage(): Stage;
  /** Runs a case and notes what came of it. */
  noted(row: MediaRow, name: string, run: () => Promise<Mark>): Promise<void>;
};

/**
 * Runs every case against every provider and modality that is declared and has a model, through real gateways and the simulators behind
 * real sockets, and prints what came of it as one table. @param more names of further columns.
 */
export async function mediaSuite(cases: readonly MediaCase[], more: readonly string[] = []): Promise<Suite> {
  const rows = (await mediaRows()).filter((row) => row.model !== undefined);
  const table = new MediaTable([...cases.map((one) => one.name), ...more]);
  let stage: Stage;
  /** Rows whose provider takes an address to tell the end to. */
  const tellers = new Set<string>();

  beforeAll(async () => {
    const world = await openMediaWorld();
    const relay = await openRelay();
    const open = (pace: string, env: Record<string, string> = {}) => world.open({ ATELIER_POLL_MS: pace, ...env });
    const address = { ATELIER_PUBLIC_URL: relay.url };
    stage = {
      world,
      relay,
      quick: await open('5,20'),
      asking: await open('5,20', address),
      steady: await open('120,120'),
      told: await open('30000,60000', address),
    };
    relay.to = stage.told;
    // One job of each whose webhook stays away: its request says whether it carries an address.
    const jobs = rows.filter((row) => row.job);
    await Promise.all(
      jobs.map(async (row) => {
        const id = await stage.told.begin(row.write('[[webhook-lost]] the harbour'));
        await until('the job', () => world.asked(id) || undefined);
        if (world.hook(id)) tellers.add(row.name);
      }),
    );
  }, 60_000);

  afterAll(async () => {
    const { held, all } = table.count;
    console.info(`\n${table.render()}\n${held} of ${all}`);
    stage?.relay.close();
    await stage?.world.close();
  }, 60_000);

  const noted = async (row: MediaRow, name: string, run: () => Promise<Mark>) => {
    table.set(row.name, name, 'FAIL');
    table.set(row.name, name, await run());
  };

  describe.each(rows)('$name ($model)', (row) => {
    it.concurrent.each(cases)('$name', async (one) => {
      if (!one.applies(row, tellers.has(row.name))) return table.set(row.name, one.name, '–');
      await noted(row, one.name, () => one.run(row, stage));
    });
  });
  return { rows, table, stage: () => stage, noted };
}
