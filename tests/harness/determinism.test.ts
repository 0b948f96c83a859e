import { expect, it } from 'vitest';
import { runScript, stepCount } from './scripted.ts';

it('two runs of the same requests give the same journal, byte for byte', async () => {
  const one = await runScript();
  const lines = one
    .trim()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.length).toBeGreaterThanOrEqual(stepCount);
  expect(new Set(lines.map((line) => line.outcome))).toEqual(new Set(['finished', 'broken']));
  const failed = lines.filter((line) => line.method === 'POST' && !line.fault && Number(line.status) >= 400);
  expect(failed.map((line) => line.model)).toEqual(['no-such-model']);
  expect(await runScript()).toBe(one);
});
