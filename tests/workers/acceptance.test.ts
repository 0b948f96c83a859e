import { createTestHarness } from 'wrangler';
import { makeKey } from '../../src/gateway/credential.ts';
import { limits } from '../acceptance/limits.ts';
import { acceptance, type Target } from '../acceptance/suite.ts';

async function start(): Promise<Target> {
  const adminKey = makeKey('admin', 'main');
  const harness = createTestHarness({
    workers: [{ configPath: './wrangler.toml', vars: { ATELIER_ADMIN_KEY: adminKey } }],
  });
  await harness.listen();
  const url = 'http://atelier.test';
  const send = ((input: string | URL | Request, init?: RequestInit) =>
    harness.fetch(input as string, init as never)) as unknown as typeof fetch;
  const made = await send(`${url}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'app', scopes: ['generate', 'spend'] }),
  });
  const { key } = (await made.json()) as { key: string };
  return { url, appKey: key, adminKey, fetch: send, close: () => harness.close() };
}

acceptance('workerd', start);
limits('workerd', start);
