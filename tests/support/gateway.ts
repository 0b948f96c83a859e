import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SimulatorServer, startSimulators } from '../../providers/simulators/server.ts';
import { startNode } from '../../src/runtime/node/start.ts';

export type RunningGateway = { url: string; appKey: string; adminKey: string; data: string; close(): Promise<void> };

/** The real Node gateway on a free port with a fresh data folder; every provider simulated unless `env` says otherwise. */
export async function startGateway(
  env: Record<string, string> = {},
  time?: NonNullable<Parameters<typeof startNode>[1]>['time'],
): Promise<RunningGateway> {
  const data = mkdtempSync(join(tmpdir(), 'atelier-'));
  const { server, close } = await startNode(
    { PORT: '0', ATELIER_DATA: data, ATELIER_FAULTS: 'on', ATELIER_POLL_MS: '10,150', ...env },
    { quiet: true, time },
  );
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    appKey: readFileSync(join(data, 'app.key'), 'utf8').trim(),
    adminKey: readFileSync(join(data, 'admin.key'), 'utf8').trim(),
    data,
    close: async () => {
      await close();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** A gateway whose providers are simulators behind a server of their own: what they billed can be counted. */
export async function startSimulated(
  env: Record<string, string> = {},
): Promise<RunningGateway & Pick<SimulatorServer, 'simulators'>> {
  const server = await startSimulators({ faults: true });
  try {
    const gateway = await startGateway({ ...server.env, ...env });
    const close = async () => {
      await gateway.close();
      await server.close();
    };
    return { ...gateway, simulators: server.simulators, close };
  } catch (thrown) {
    await server.close();
    throw thrown;
  }
}
