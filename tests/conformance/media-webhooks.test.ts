import { expect, it } from 'vitest';
import { expectResumed } from './media/checks.ts';
import { mediaSuite } from './media/suite.ts';
import { webhookCases } from './media/webhook-cases.ts';

const { rows, table, stage, noted } = await mediaSuite(webhookCases, ['restart']);

it('a new gateway over the same folder goes on with every job, and none is sent twice', async () => {
  const { world } = stage();
  const data = world.folder();
  const before = await world.open({ ATELIER_POLL_MS: '60000,60000' }, data);
  for (const row of rows) if (!row.job) table.set(row.name, 'restart', '–');
  const open = await Promise.all(
    rows
      .filter((row) => row.job)
      .map(async (row) => ({ row, id: await before.begin(row.write('[[slow]] the harbour')) })),
  );
  for (const { id } of open) {
    for (let tries = 0; (await before.read(id)).status !== 'in_progress'; tries++) {
      if (tries > 400) throw new Error(`${id} was never accepted: ${JSON.stringify(await before.read(id))}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  await before.close();
  const after = await world.open({ ATELIER_POLL_MS: '5,20' }, data);
  const wrong: string[] = [];
  for (const { row, id } of open) {
    await noted(row, 'restart', () => expectResumed(row, stage(), after, id)).catch((thrown: Error) =>
      wrong.push(`${row.name}: ${thrown.message}`),
    );
  }
  expect(wrong).toEqual([]);
}, 60_000);
