import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestHarness } from 'wrangler';
import { runScript, stepCount } from '../harness/scripted.ts';

let harness: ReturnType<typeof createTestHarness>;
beforeAll(async () => {
  harness = createTestHarness({ workers: [{ configPath: './tests/workers/journal.wrangler.toml' }] });
  await harness.listen();
});
afterAll(() => harness?.close());

it('the same requests give the same journal, byte for byte, on Node and inside workerd', async () => {
  const node = await runScript();
  const lines = node.trim().split('\n');
  expect(lines.length).toBeGreaterThan(stepCount);
  const answer = await harness.fetch('http://journal.test/');
  const workerd = (await answer.text()).trim().split('\n');
  for (const [index, line] of lines.entries()) expect(workerd[index]).toBe(line);
  expect(workerd).toHaveLength(lines.length);
});
