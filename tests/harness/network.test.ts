import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NetworkGuard, watchNetwork } from '../../providers/simulators/testing/network.ts';

let guard: NetworkGuard;
const local = createServer((_, response) => void response.end('here'));
beforeAll(async () => {
  await new Promise<void>((resolve) => local.listen(0, '127.0.0.1', resolve));
  guard = watchNetwork(['allowed.invalid']);
});
afterAll(() => {
  guard.stop();
  local.close();
});

const codeOf = (thrown: unknown): unknown => {
  const { code, cause } = thrown as { code?: string; cause?: unknown };
  return code ?? (cause ? codeOf(cause) : undefined);
};

it('lets this machine through', async () => {
  const { port } = local.address() as AddressInfo;
  expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('here');
  expect(await (await fetch(`http://localhost:${port}`)).text()).toBe('here');
  expect(guard.attempts).toEqual([]);
});

it.each(['https://api.openai.com/v1/models', 'http://192.0.2.1/'])('refuses %s, and tells', async (url) => {
  const thrown = await fetch(url).catch((error: unknown) => error);
  expect(codeOf(thrown)).toBe('ENETUNREACH');
  expect(() => guard.check()).toThrow(new URL(url).hostname);
  expect(() => guard.check()).not.toThrow();
});

it('leaves allowed hosts to the network', async () => {
  const thrown = await fetch('http://allowed.invalid/').catch((error: unknown) => error);
  expect(codeOf(thrown)).toMatch(/ENOTFOUND|EAI_AGAIN/);
  expect(guard.attempts).toEqual([]);
});

describe('with msw', () => {
  const server = setupServer(http.get('https://api.openai.com/v1/models', () => HttpResponse.text('mocked')));
  beforeAll(() => server.listen());
  afterAll(() => server.close());

  it('what is answered passes, what is not is refused', async () => {
    expect(await (await fetch('https://api.openai.com/v1/models')).text()).toBe('mocked');
    expect(guard.attempts).toEqual([]);
    await expect(fetch('https://api.anthropic.com/v1/models')).rejects.toThrow();
    expect(() => guard.check()).toThrow('api.anthropic.com');
  });
});
