import { expect, it, vi } from 'vitest';

vi.mock('cloudflare:workers', () => ({ DurableObject: class {} }));
const { default: worker } = await import('../../src/worker.ts');

const bindings = (env: Record<string, string>) => ({ BOOKS: {}, ASSETS: {}, ...env }) as never;
const ask = (env: Record<string, string>) =>
  worker.fetch(new Request('https://studio.example/healthz'), bindings(env), undefined);

it('a gateway that cannot start says so in JSON and keeps the reason to its log; mended, it starts', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {});
  for (const env of [{ ATELIER_ADMIN_KEY: 'short-secret' }, { ATELIER_POLL_MS: 'short-secret' }]) {
    const answer = await ask(env as unknown as Record<string, string>);
    const text = await answer.text();
    expect([answer.status, JSON.parse(text)]).toMatchObject([500, { error: { code: 'internal_error' } }]);
    expect(text).not.toContain('short-secret');
  }
  const reasons = log.mock.calls.map(([, thrown]) => String(thrown)).join('\n');
  for (const name of ['ATELIER_ADMIN_KEY', 'ATELIER_POLL_MS']) expect(reasons).toContain(name);
  log.mockRestore();
  expect((await ask({ ATELIER_ADMIN_KEY: 'a key that is long enough\n' })).status).toBe(200);
});
