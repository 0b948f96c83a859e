import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import type { Fault, FaultPlan } from '../../providers/simulators/faults.ts';
import type { JournalEntry } from '../../providers/simulators/journal.ts';
import { type SimulatorServer, startSimulators } from '../../providers/simulators/server.ts';
import { at, type Json, type JsonObject, stringAt } from '../../src/contract/index.ts';
import { clientOf, parsed, pico } from '../http/doors.ts';
import { makeCertificate } from '../runtime/certificate.ts';
import { openRelay, type Relay } from './fault-relay.ts';

/** A gateway in front of the simulators' server, whatever runs it. */
export type Started = { url: string; appKey: string; adminKey: string; close(): Promise<void> };
export type Start = (env: Record<string, string>) => Promise<Started>;

/** One fault of the catalogue, shown through HTTP alone: the same on Node and inside workerd. */
export type Scenario = {
  /** Begins with its number in the reference: `#14 `. */
  title: string;
  run(world: World): Promise<void>;
  /** Where it cannot happen elsewhere. */
  only?: 'Node' | 'workerd';
  /** Most of its time is waiting: it runs beside others. */
  waits?: true;
  /** A known fault of the product: the test says when it is mended. */
  fails?: true;
};

export type World = Awaited<ReturnType<typeof openWorld>>;

/** Milliseconds: first header, silence, whole call. */
export const deadlines = { first: 1_000, idle: 1_000, total: 4_000 };

/** Providers that nobody is: their base URLs lead nowhere. */
export const nowhere = {
  refused: 'groq/llama-3.3-70b-versatile',
  unresolvable: 'xai/grok-4.5',
  untrusted: 'together/meta-llama/Llama-3.3-70B-Instruct-Turbo',
};

/** Who answers where another fails. */
export const second = 'mistral/mistral-small-2506';

/** Opens simulators, a relay in front of the gateway, and the gateway itself. */
export async function openWorld(runtime: 'Node' | 'workerd', start: Start) {
  const simulators: SimulatorServer = await startSimulators({ faults: true });
  const relay: Relay = await openRelay(simulators.env.ATELIER_LOOKUP_URL ?? '');
  const untrusted = createServer(makeCertificate(['localhost']), (_, response) => void response.end('{}'));
  await new Promise<void>((resolve) => untrusted.listen(0, '127.0.0.1', resolve));
  const gateway = await start({
    ...simulators.env,
    GROQ_BASE_URL: simulators.dead.refused,
    XAI_BASE_URL: simulators.dead.unresolvable,
    TOGETHER_BASE_URL: `https://localhost:${(untrusted.address() as AddressInfo).port}`,
    ATELIER_LOOKUP_URL: `${relay.url}/lookup/{provider}/{attempt}`,
    ATELIER_PUBLIC_URL: relay.url,
    ATELIER_DEADLINES_MS: `${deadlines.first},${deadlines.idle},${deadlines.total}`,
    ATELIER_POLL_MS: '10,150',
  });
  relay.toward(async (path, body) => (await fetch(gateway.url + path, { method: 'POST', body })).status);
  const client = clientOf(() => ({ ...gateway, data: '' }));
  const { send, post } = client;

  /** Calls of a generation that reached a provider and cost money there to make. */
  const sent = (id: string): JournalEntry[] =>
    simulators.journal.entries.filter(({ client, method }) => method === 'POST' && client?.startsWith(`${id}.`));
  /** What the providers billed for a generation, in pico-dollars. */
  const billed = (id: string): bigint => {
    let sum = 0n;
    for (const { bill } of simulators.simulators.values()) {
      for (const call of bill.calls) if (call.client?.startsWith(`${id}.`)) sum += bill.totalOf(call).pico;
    }
    return sum;
  };
  const read = async (id: string): Promise<Json> => (await send(`/v1/generations/${id}`)).body;

  return {
    runtime,
    simulators,
    relay,
    ...gateway,
    ...client,
    sent,
    billed,
    read,
    /** The next requests of a model meet this fault. */
    fail(model: string, fault: string | Fault, plan: FaultPlan = {}) {
      const slash = model.indexOf('/');
      const simulator = simulators.simulators.get(model.slice(0, slash))!;
      simulator.fail(fault, { times: 1, model: model.slice(slash + 1), ...plan });
    },
    /** No fault is left at the provider of this model. */
    calm: (model: string) => simulators.simulators.get(model.split('/')[0]!)!.faults.clear(),
    /** Asks through the chat door. */
    chat: (model: string, text: string, more: JsonObject = {}, headers: Record<string, string> = {}) =>
      post('/v1/chat/completions', { model, messages: [{ role: 'user', content: text }], ...more }, { headers }),
    /** Asks a model, with another behind it. */
    pair: (model: string, text: string, more: JsonObject = {}) =>
      post('/v1/chat/completions', {
        model,
        models: [model, second],
        messages: [{ role: 'user', content: text }],
        ...more,
      }),
    make: (model: string, input: string, more: JsonObject = {}, headers: Record<string, string> = {}) =>
      post('/v1/generations', { model, input, ...more }, { headers }),
    /** The generation behind an answer, once it has ended. */
    behind: async (answer: { headers: Headers; body: Json }): Promise<Json> =>
      client.settled(answer.headers.get('x-atelier-generation') ?? stringAt(answer.body, 'id') ?? 'none'),
    /** What the book says of a generation is what the providers billed for it, to the pico-dollar. Returns that. */
    agrees(generation: Json): bigint {
      const id = stringAt(generation, 'id')!;
      const total = pico(stringAt(generation, 'receipt', 'total') ?? '0');
      expect(total, JSON.stringify(generation)).toBe(billed(id));
      return total;
    },
    /** A key of its own under a limit, and what is spent and held of it. */
    async limited(limit: JsonObject) {
      const admin = (path: string, body: JsonObject) => post(path, body, { key: gateway.adminKey });
      const made = await admin('/v1/keys', { name: 'limited', scopes: ['generate', 'spend'] });
      const key = stringAt(made.body, 'key')!;
      const budget = await admin('/v1/budgets', {
        scope: 'key',
        subject: stringAt(made.body, 'id')!,
        window: 'total',
        ...limit,
      });
      expect(budget.status, budget.text).toBe(201);
      const use = async () => at((await send('/v1/budgets', { key })).body, 'data', 0, 'uses', 0);
      return { key, use };
    },
    close: async () => {
      await gateway.close();
      await Promise.all([relay.close(), simulators.close()]);
      untrusted.closeAllConnections();
      await new Promise((resolve) => untrusted.close(resolve));
    },
  };
}

/** The attempts of a generation. */
export const attemptsOf = (generation: Json): Json[] => at(generation, 'attempts') as Json[];
export const textOf = (body: Json): string | undefined => stringAt(body, 'choices', 0, 'message', 'content');
/** Status and code of an answer that is an error. */
export const codeOf = ({ status, text }: { status: number; text: string }): string =>
  `${status} ${stringAt(parsed(text), 'error', 'code')}`;

/** Looks again until something is there. */
export async function until<T>(what: string, look: () => T | Promise<T>, patience = 8_000): Promise<NonNullable<T>> {
  for (const end = Date.now() + patience; ; ) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what} never came.`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
