import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { codeOf, openWorld, type World } from '../support/fault-world.ts';
import { startGateway } from '../support/gateway.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld('Node', startGateway);
});
afterAll(() => world?.close());

it('#4 the money ran out: the operator is told once, without the key', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  world.fail('openai/gpt-5.5', 'quota', { times: 3 });
  for (let count = 0; count < 3; count++) {
    expect(codeOf(await world.chat('openai/gpt-5.5', 'hi'))).toBe('503 provider_quota_exhausted');
  }
  const told = warn.mock.calls.map((words) => words.join(' '));
  warn.mockRestore();
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(/^openai .*(quota|credit)/);
  expect(told[0]).not.toContain('simulated');
});
