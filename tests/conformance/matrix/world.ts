import { startSimulators } from '../../../providers/simulators/server.ts';
import type { Simulator } from '../../../providers/simulators/simulator.ts';
import { at, type Json, type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../../support/gateway.ts';
import { pico } from '../../support/money.ts';

/** One call as its provider saw it. */
export type Received = {
  provider: string;
  path: string;
  body: JsonObject;
  /** The gateway's attempt id. */
  client: string;
  status: number;
  /** The answer's text as far as it was read. */
  answer(): string;
};

/** What a receipt says, in the units of the simulator's bill. */
export type Booked = { pico: bigint; status: string; input: number; output: number };

/** The gateway on a live port, with every provider's simulator behind real sockets: nothing in it knows that they are simulated. */
export type World = {
  gateway: RunningGateway;
  simulators: Map<string, Simulator>;
  /** All calls that reached a provider, oldest first. */
  received: Received[];
  /** The generation as its caller reads it, once it has ended. */
  generation(id: string, key?: string): Promise<JsonObject>;
  /** What the generation's receipt says. */
  booked(id: string): Promise<Booked>;
  /** What the provider bills for the generation; undefined for nothing. */
  billed(id: string): Booked | undefined;
  close(): Promise<void>;
};

/** Starts the simulators' server and a gateway that takes it for the providers. */
export async function openWorld(env: Record<string, string> = {}, paceMs = 0): Promise<World> {
  const server = await startSimulators({ port: 0, faults: true, paceMs });
  const gateway = await startGateway({ ATELIER_ATTEMPTS: '1', ...server.env, ...env });
  const received: Received[] = [];
  for (const simulator of server.simulators.values()) simulator.fetch = recorded(simulator, received);

  const read = async (path: string, key = gateway.appKey): Promise<JsonObject> => {
    const answer = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${key}` } });
    return (await answer.json()) as JsonObject;
  };
  const generation = async (id: string, key?: string): Promise<JsonObject> => {
    for (let tries = 0; tries < 250; tries++) {
      const found = await read(`/v1/generations/${id}`, key);
      if (found.completed_at) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`${id} never ended.`);
  };
  const billed = (id: string): Booked | undefined => {
    for (const { bill } of server.simulators.values()) {
      const call = bill.find(`${id}.1`);
      if (!call || call.charges.length === 0) continue;
      const lines = call.charges.map(({ meter, quantity }) => ({ meter, quantity }));
      return { pico: bill.totalOf(call).pico, status: 'billed', ...tokensOf(lines) };
    }
    return undefined;
  };
  return {
    gateway,
    simulators: server.simulators,
    received,
    generation,
    billed,
    booked: async (id) => bookedOf(await generation(id)),
    close: async () => {
      await gateway.close();
      await server.close();
    },
  };
}

function bookedOf(generation: JsonObject): Booked {
  const lines = at(generation, 'receipt', 'lines');
  return {
    pico: pico(stringAt(generation, 'receipt', 'total') ?? '0'),
    status: stringAt(generation, 'receipt', 'status') ?? 'no receipt',
    ...tokensOf(
      (Array.isArray(lines) ? lines : []).map((line) => ({
        meter: stringAt(line, 'meter') ?? '',
        quantity: Number(at(line, 'quantity')),
      })),
    ),
  };
}

/** Tokens that went in and came out, as clients count them: cached ones are input, thoughts are output. */
function tokensOf(lines: { meter: string; quantity: number }[]): { input: number; output: number } {
  const sum = (pattern: RegExp) =>
    lines.reduce((total, { meter, quantity }) => (pattern.test(meter) ? total + quantity : total), 0);
  return { input: sum(/^(input_.*|cached_.*|cache_write.*)tokens$/), output: sum(/^(output_.*|reasoning_)tokens$/) };
}

/** The simulator's fetch, noting what it gets and says. A stream is followed as it passes, so that a client that leaves still ends it. */
function recorded(simulator: Simulator, received: Received[]): Simulator['fetch'] {
  const handle = simulator.fetch;
  return async (input, init) => {
    const request = input as Request;
    const text = request.method === 'POST' ? await request.clone().text() : '';
    let said = '';
    const note: Received = {
      provider: simulator.id,
      path: new URL(request.url).pathname,
      body: text.startsWith('{') ? (JSON.parse(text) as JsonObject) : {},
      client: request.headers.get('x-client-request-id') ?? '',
      status: 0,
      answer: () => said,
    };
    received.push(note);
    const response = await handle(request, init);
    note.status = response.status;
    if (!response.body) return response;
    const decoder = new TextDecoder();
    const follow = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        said += decoder.decode(chunk, { stream: true });
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(follow), response);
  };
}

/** The data of each frame of an event stream; `[DONE]` as text, anything that is no JSON as null. */
export function framesOf(text: string): Json[] {
  return text
    .split(/\r?\n\r?\n/)
    .flatMap((frame) => frame.split(/\r?\n/).filter((line) => line.startsWith('data:')))
    .map((line) => line.slice(5).trim())
    .map((data) => {
      if (data === '[DONE]') return data;
      try {
        return JSON.parse(data) as Json;
      } catch {
        return null;
      }
    });
}
