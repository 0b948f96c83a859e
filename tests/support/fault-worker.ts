import { unstable_startWorker } from 'wrangler';
import { makeKey } from '../../src/gateway/credential.ts';
import type { Started } from './fault-world.ts';

/**
 * The gateway inside workerd. Its calls leave through workerd's own network, not through the `fetch` of this process as under
 * wrangler's test harness: a broken connection is then what workerd makes of it.
 */
export async function startWorkerd(env: Record<string, string>): Promise<Started> {
  const adminKey = makeKey('admin', 'main');
  const values = Object.entries({ ...env, ATELIER_ADMIN_KEY: adminKey });
  const worker = await unstable_startWorker({
    config: './wrangler.toml',
    bindings: Object.fromEntries(values.map(([name, value]) => [name, { type: 'plain_text', value }])),
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      logLevel: 'none',
      watch: false,
      persist: false,
      inspector: false,
    },
  });
  await worker.ready;
  const url = (await worker.url).origin;
  const made = await fetch(`${url}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'app', scopes: ['generate', 'spend'] }),
  });
  const { key: appKey } = (await made.json()) as { key: string };
  return { url, appKey, adminKey, close: () => worker.dispose() };
}
