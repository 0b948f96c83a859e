import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from '../assemble.ts';

export type OwnGateway = { url: string; key: string; close(): Promise<void> };

/**
 * The demo's own gateway in this process, on a free local port. Its data goes into `data`, else into a temporary folder that
 * `close` removes. It simulates every provider unless ATELIER_SIMULATE says otherwise: a demo spends nothing unasked.
 */
export async function startOwnGateway(env: Env, data?: string): Promise<OwnGateway> {
  const { startNode } = await import('../runtime/node/start.ts');
  const folder = data ?? mkdtempSync(join(tmpdir(), 'atelier-demo-'));
  const remove = () => {
    if (data === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { server, close } = await startNode(
      {
        ...env,
        HOST: '127.0.0.1',
        PORT: '0',
        ATELIER_DATA: folder,
        ATELIER_SIMULATE: env.ATELIER_SIMULATE ?? 'on',
      },
      { quiet: true },
    );
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      key: readFileSync(join(folder, 'app.key'), 'utf8').trim(),
      close: async () => {
        await close();
        remove();
      },
    };
  } catch (thrown) {
    remove();
    throw thrown;
  }
}
