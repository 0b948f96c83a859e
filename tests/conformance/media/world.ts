import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SimulatorServer, startSimulators } from '../../../providers/simulators/server.ts';
import { at, type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { startNode } from '../../../src/runtime/node/start.ts';

export type Answer = { status: number; body: JsonObject };

/** A gateway over a data folder that outlives it. */
export type Gateway = {
  url: string;
  send(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Begins a generation and does not wait. */
  begin(request: JsonObject): Promise<string>;
  read(id: string): Promise<JsonObject>;
  /** The generation after its end. */
  end(id: string, patience?: number): Promise<JsonObject>;
  close(): Promise<void>;
};

export async function openGateway(env: Record<string, string>, data: string): Promise<Gateway> {
  const { server, close } = await startNode({ PORT: '0', ATELIER_DATA: data, ...env }, { quiet: true });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const key = readFileSync(join(data, 'app.key'), 'utf8').trim();
  const send = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const answer = await fetch(path.startsWith('http') ? path : url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text.startsWith('{') ? (JSON.parse(text) as JsonObject) : {} };
  };
  const read = async (id: string) => (await send('GET', `/v1/generations/${id}`)).body;
  return {
    url,
    send,
    read,
    begin: async (request) => {
      const { status, body } = await send('POST', '/v1/generations', { ...request, wait: 0 });
      const id = stringAt(body, 'id') ?? stringAt(body, 'error', 'generation');
      if (!id) throw new Error(`${status} ${JSON.stringify(body)}`);
      return id;
    },
    end: async (id, patience = 15_000) => {
      for (const until = Date.now() + patience; ; ) {
        const generation = await read(id);
        if (generation.completed_at) return generation;
        if (Date.now() > until) throw new Error(`${id} never ended: ${JSON.stringify(generation)}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    close,
  };
}

/** A public address in front of a gateway, which keeps what providers say to it. */
export type Relay = { url: string; told: string[]; to?: Gateway; close(): void };

export async function openRelay(): Promise<Relay> {
  const relay: Relay = { url: '', told: [], close: () => server.close() };
  const server = createServer(async (request, response) => {
    relay.told.push(request.url ?? '');
    request.resume();
    const answer = await fetch(`${relay.to?.url}${request.url}`, { method: 'POST', body: '{}' }).catch(() => undefined);
    response.writeHead(answer?.status ?? 502).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  relay.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return relay;
}

/** The simulators behind real sockets, and gateways that take them for the providers. */
export type MediaWorld = {
  simulators: SimulatorServer;
  folder(): string;
  open(env: Record<string, string>, data?: string): Promise<Gateway>;
  /** What the provider bills for a generation, and how often it was asked to make it. */
  billed(provider: string, id: string): Bill;
  /** How often a generation's job was asked about, or its provider asked anything else. */
  asked(id: string): number;
  /** The path that a provider was given to tell about a generation's job. */
  hook(id: string): string | undefined;
  close(): Promise<void>;
};
export type Bill = { calls: number; pico: bigint; unpriced: number; charges: string[] };

export async function openMediaWorld(): Promise<MediaWorld> {
  const simulators = await startSimulators({ port: 0, faults: true });
  const asked = new Map<string, number>();
  const hooks = new Map<string, string>();
  for (const simulator of simulators.simulators.values()) {
    const handle = simulator.fetch;
    simulator.fetch = async (input, init) => {
      const request = input as Request;
      const client = request.headers.get('x-client-request-id')?.replace(/\.\d+$/, '');
      if (client && request.method === 'POST' && !hooks.has(client)) {
        const sent = `${decodeURIComponent(request.url)} ${await request.clone().text()}`.replaceAll('\\/', '/');
        const hook = /\/webhooks\/[\w-]+\/gen_\w+\.1\/[\w-]+/.exec(sent)?.[0];
        if (hook) hooks.set(client, hook);
      }
      if (client) asked.set(client, (asked.get(client) ?? 0) + 1);
      return handle(input, init);
    };
  }
  const folders: string[] = [];
  const opened: Gateway[] = [];
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), 'atelier-media-'));
    folders.push(made);
    return made;
  };
  // Without the address at which simulators tell what they did: what is booked must come from their answers.
  const { ATELIER_LOOKUP_URL: _, ...env } = simulators.env;
  return {
    simulators,
    folder,
    open: async (more, data = folder()) => {
      const gateway = await openGateway({ ...env, ...more }, data);
      opened.push(gateway);
      return gateway;
    },
    billed: (provider, id) => {
      const { bill } = simulators.simulators.get(provider)!;
      const calls = bill.calls.filter((call) => call.client?.startsWith(`${id}.`));
      const sums = calls.map((call) => bill.totalOf(call));
      return {
        calls: calls.length,
        pico: sums.reduce((sum, one) => sum + one.pico, 0n),
        unpriced: sums.reduce((sum, one) => sum + one.unpriced, 0),
        charges: quantities(calls.flatMap((call) => call.charges)),
      };
    },
    asked: (id) => asked.get(id) ?? 0,
    hook: (id) => hooks.get(id),
    close: async () => {
      await Promise.all(opened.map((gateway) => gateway.close().catch(() => {})));
      await simulators.close();
      for (const one of folders) rmSync(one, { recursive: true, force: true });
    },
  };
}

/** Metered quantities as text, in one order; what is zero is not there. */
export function quantities(lines: readonly { meter: string; quantity: number | string }[]): string[] {
  const sums = new Map<string, number>();
  for (const { meter, quantity } of lines) sums.set(meter, (sums.get(meter) ?? 0) + Number(quantity));
  return [...sums]
    .filter(([, sum]) => sum !== 0)
    .map(([meter, sum]) => `${meter} ${Number(sum.toFixed(6))}`)
    .sort();
}

/** What a generation's receipt says, in the words of a bill. */
export function booked(generation: JsonObject): { pico: bigint; status: string; charges: string[]; charge: string[] } {
  const [whole = '0', digits = ''] = (stringAt(generation, 'receipt', 'total') ?? '0').split('.');
  const lines = at(generation, 'receipt', 'lines');
  const attempts = at(generation, 'attempts');
  return {
    pico: BigInt(whole + digits.padEnd(12, '0')),
    status: stringAt(generation, 'receipt', 'status') ?? 'no receipt',
    charges: quantities((Array.isArray(lines) ? lines : []) as { meter: string; quantity: string }[]),
    charge: (Array.isArray(attempts) ? attempts : []).map((one) => String(at(one, 'charge_usd'))),
  };
}
