import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openBooks } from '../../src/runtime/node/books.ts';
import { startNode } from '../../src/runtime/node/start.ts';
import { begun, keyRow, temporaryFolder } from '../books/rows.ts';

it('takes over what was left open by its own clock, wherever that stands', async () => {
  const data = temporaryFolder();
  const now = Date.UTC(2040, 0, 1);
  const files = join(data.path, 'books');
  const before = openBooks(files, () => ['main']);
  await before.create('main').createKey(keyRow('key_a'));
  const [generation, attempt] = begun({ id: 'gen_1', provider: 'openai', model: 'gpt-5.5', at: now - 1_000 });
  await before.of('main').begin(generation, attempt, {});
  before.close();
  const env = { PORT: '0', ATELIER_DATA: data.path };
  const { close } = await startNode(env, { quiet: true, time: { clock: { now: () => now } } });
  const after = openBooks(files, () => ['main']);
  try {
    const state = async () => (await after.of('main').generation('gen_1'))?.attempts[0]?.outcome;
    await expect.poll(state, { timeout: 3_000 }).toBe('outcome_unknown');
  } finally {
    after.close();
    await close();
    data.remove();
  }
});
