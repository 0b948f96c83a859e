import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { shipped } from '../../config/files.ts';
import { loadShipped } from '../../config/load.ts';
import type { Fetch } from '../../src/contract/index.ts';
import type { SimulatorClock } from './clock.ts';
import { control } from './control.ts';
import { createSimulators } from './index.ts';
import { Journal } from './journal.ts';
import type { SimulatorLimits } from './limits.ts';
import { page } from './page.ts';
import type { Simulator } from './simulator.ts';
import { type DeadEnds, openDeadEnds } from './standalone/dead-ends.ts';
import { listen } from './standalone/listen.ts';
import { breakOnWire, failOnWire, sendOnWire } from './standalone/wire.ts';
import { UnderWay, watch } from './under-way.ts';

export type SimulatorServer = {
  url: string;
  simulators: Map<string, Simulator>;
  /** Environment that points the gateway, and each vendor's SDK, here. */
  env: Record<string, string>;
  /** Every request of every provider. */
  journal: Journal;
  /** Addresses at which no provider is. */
  dead: DeadEnds;
  close(): Promise<void>;
};

/** Webhooks go to this machine and nowhere else. */
const deliver: Fetch = async (input, init) => {
  const { hostname } = new URL(input instanceof Request ? input.url : input);
  if (!/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname)) return new Response(null, { status: 403 });
  return globalThis.fetch(input, init);
};

/** Where a vendor's SDK reads its base URL from a variable of another name than ours. */
const sdkNames: Record<string, string> = { GEMINI_BASE_URL: 'GOOGLE_GEMINI_BASE_URL' };

export type SimulatorServerOptions = {
  /** Default 0, a free one. */
  port?: number;
  /** Faults stay off unless allowed. */
  faults?: boolean;
  paceMs?: number;
  seed?: string;
  /** A fixed clock makes runs byte-equal. */
  now?: () => number;
  clock?: SimulatorClock;
  limits?: SimulatorLimits;
};

/** All simulators behind one port: `/<provider>/…` is that vendor's API, `/_simulator/…` the controls. */
export async function startSimulators(options: SimulatorServerOptions = {}): Promise<SimulatorServer> {
  const config = await loadShipped(shipped);
  const journal = new Journal();
  const deadEnds = await openDeadEnds();
  const open = (publicUrl: string) =>
    createSimulators(config.providers, {
      prices: config.prices,
      faults: options.faults,
      paceMs: options.paceMs,
      seed: options.seed,
      now: options.now,
      clock: options.clock,
      limits: options.limits,
      journal,
      publicUrl,
      deliver,
    });
  let simulators = new Map<string, Simulator>();
  const underWay = new UnderWay();
  const { url, close } = await listen(
    (request, { incoming, outgoing }) => route(simulators, underWay, request, incoming.socket, outgoing),
    options.port,
  );
  simulators = open(url);
  const env: Record<string, string> = {};
  for (const row of config.providers) {
    if (!simulators.has(row.id)) continue;
    if (row.keyEnv) env[row.keyEnv] = 'simulated';
    const path = new URL(row.baseUrl).pathname.replace(/\/$/, '');
    for (const name of [row.baseUrlEnv, sdkNames[row.baseUrlEnv ?? '']]) {
      if (name) env[name] = `${url}/${row.id}${path}`;
    }
  }
  env.ATELIER_LOOKUP_URL = `${url}/_simulator/calls/{attempt}?provider={provider}`;
  return {
    url,
    simulators,
    env,
    journal,
    dead: deadEnds.addresses,
    close: async () => {
      await deadEnds.close();
      await close();
    },
  };
}

async function route(
  simulators: Map<string, Simulator>,
  underWay: UnderWay,
  request: Request,
  socket: Socket,
  outgoing: ServerResponse,
): Promise<Response> {
  const url = new URL(request.url);
  const [, first = '', ...rest] = url.pathname.split('/');
  if (first === '') return page([...simulators.keys()]);
  if (first === '_simulator') return control(simulators, `/${rest.join('/')}`, request, underWay);
  const simulator = simulators.get(first);
  if (!simulator) {
    return Response.json(
      { error: `No simulator is called "${first}".`, providers: [...simulators.keys()] },
      { status: 404 },
    );
  }
  const end = underWay.begin(request.headers.get('x-client-request-id'));
  try {
    const answer = await simulator.fetch(request);
    // Where a fault breaks the answer, the socket is what has to break.
    return await sendOnWire(
      watch(answer, end, (thrown) => breakOnWire(thrown, socket)),
      outgoing,
    );
  } catch (thrown) {
    end();
    return failOnWire(thrown, socket);
  }
}

/** The server as a program: settings from the environment, what to export on standard output; ends with SIGINT or SIGTERM. */
export async function serveSimulators(env: NodeJS.ProcessEnv): Promise<SimulatorServer> {
  const started = await startSimulators({
    port: Number(env.PORT ?? 9090),
    faults: env.ATELIER_FAULTS === 'on',
    paceMs: env.ATELIER_PACE_MS ? Number(env.ATELIER_PACE_MS) : undefined,
    seed: env.ATELIER_SEED,
  });
  console.log(
    `# Simulators of ${started.simulators.size} providers on ${started.url}. Point SDKs and the gateway here:`,
  );
  for (const [name, value] of Object.entries(started.env)) console.log(`export ${name}='${value}'`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => started.close().then(() => process.exit(0)));
  return started;
}

if (process.argv[1]?.endsWith('providers/simulators/server.ts')) await serveSimulators(process.env);
