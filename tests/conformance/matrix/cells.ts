import { encode } from 'fast-png';
import { expect } from 'vitest';
import { at, type JsonObject } from '../../../src/contract/index.ts';
import type { Ask, Client, Said, ToolWords, Watch } from './client.ts';
import { thinkingTwice } from './thinking.ts';
import type { World } from './world.ts';

export type Upstream = {
  name: string;
  model: string /** For thinking, where `model` does not think. */;
  thinker?: string;
};

/** One client in front of one upstream. */
export type Lane = { client: Client; watch: Watch; upstream: Upstream; world: World };

/** What a cell shows: undefined is plainly green, a text is a documented refusal or restriction, the table's footnote. */
export type Outcome = string | undefined;
export type Cell = { name: string; run(lane: Lane): Promise<Outcome> };

export const weather: ToolWords = {
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city', 'days'],
    additionalProperties: false,
  },
};
const time: ToolWords = {
  name: 'get_time',
  description: 'The time in a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
};

/** Asks, and holds receipt, bill and what the client was told against each other. */
export async function ask(lane: Lane, question: Omit<Ask, 'model'>, model = lane.upstream.model): Promise<Said> {
  const said = await lane.client.ask({ model, ...question });
  expect(said.whole, 'the answer is whole').toBe(true);
  const id = lane.watch.generation();
  const booked = await lane.world.booked(id);
  const billed = lane.world.billed(id);
  expect({ ...booked, status: 'priced' }).toEqual({ ...billed, status: 'priced' });
  expect(booked.status).toBe('priced');
  expect(said.usage).toEqual({ input: billed?.input, output: billed?.output });
  return said;
}

const user = (lane: Lane, text: string, image?: Uint8Array) => lane.client.user(text, image);
const sentence = 'The quick brown fox — ünïcode 🦊 included — jumps over the lazy dog.';

const talk = (stream: boolean) => async (lane: Lane) => {
  const said = await ask(lane, { history: user(lane, `Say exactly: ${sentence}`), stream });
  expect(said.text).toBe(sentence);
  return undefined;
};

async function toolsRoundTrip(lane: Lane): Promise<Outcome> {
  const history = user(lane, 'Use get_weather: how is it in Oslo for 3 days?');
  const first = await ask(lane, { history, tools: [weather, time] });
  expect(first.calls.map((call) => call.name)).toEqual(['get_weather']);
  expect(first.calls[0]!.arguments).toMatchObject({ city: expect.any(String), days: 3 });
  expect(first.calls[0]!.id).not.toBe('');
  const answers = lane.client.results(first.calls.map((call) => ({ ...call, output: 'snow, -4 °C' })));
  const second = await ask(lane, { history: [...history, ...first.turn, ...answers], tools: [weather, time] });
  expect(second.text).toContain('snow, -4 °C');
  return undefined;
}

async function parallelToolsStreamed(lane: Lane): Promise<Outcome> {
  const history = user(lane, 'Use get_weather and get_time for Lima, 2 days.');
  const first = await ask(lane, { history, tools: [weather, time], stream: true });
  expect(first.calls.map((call) => call.name)).toEqual(['get_weather', 'get_time']);
  expect(new Set(first.calls.map((call) => call.id)).size).toBe(2);
  expect(first.calls[0]!.arguments).toMatchObject({ city: expect.any(String), days: 2 });
  expect(first.calls[1]!.arguments).toMatchObject({ city: expect.any(String) });
  const answers = lane.client.results(first.calls.map((call, place) => ({ ...call, output: `result ${place}` })));
  const said = { history: [...history, ...first.turn, ...answers], tools: [weather, time], stream: true };
  const second = await ask(lane, said);
  expect(second.text).toContain('result 0 · result 1');
  return undefined;
}

const picture = encode({ width: 64, height: 64, channels: 3, data: new Uint8Array(64 * 64 * 3).fill(120) });

async function vision(lane: Lane): Promise<Outcome> {
  const said = await ask(lane, { history: user(lane, 'What is this?', picture) });
  expect(said.text).toContain('I looked at 1 attachment.');
  return undefined;
}

const schema: JsonObject = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer' }, sunny: { type: 'boolean' } },
  required: ['city', 'days', 'sunny'],
  additionalProperties: false,
};

async function structured(lane: Lane): Promise<Outcome> {
  for (const stream of [false, true]) {
    const said = await ask(lane, { history: user(lane, 'Oslo, 3 days'), schema, stream });
    expect(JSON.parse(said.text)).toEqual({ city: 'Oslo, 3 days', days: 3, sunny: true });
  }
  return undefined;
}

/** An upstream's error answer: what each SDK must throw for it, plain and streamed. */
const refusals: Record<number, { status: number; code: string; type: string }> = {
  400: { status: 400, code: 'provider_rejected', type: 'BadRequestError' },
  401: { status: 502, code: 'provider_authentication', type: 'InternalServerError' },
  429: { status: 429, code: 'provider_rate_limited', type: 'RateLimitError' },
  529: { status: 503, code: 'provider_overloaded', type: 'InternalServerError' },
};

const failsWith = (upstreamStatus: number) => async (lane: Lane) => {
  const { status, code, type } = refusals[upstreamStatus]!;
  for (const stream of [false, true]) {
    const history = user(lane, `[[fault:status:${upstreamStatus}]] hello`);
    const thrown = await lane.client.ask({ model: lane.upstream.model, history, stream }).then(
      () => 'no error',
      (reason: unknown) => reason,
    );
    const own = lane.client.dialect === 'gemini' ? 'ApiError' : type;
    expect(lane.client.failure(thrown), String(thrown)).toEqual({ type: own, status, code });
    const id = lane.watch.generation();
    expect(lane.world.billed(id)).toBeUndefined();
    expect(await lane.world.booked(id)).toMatchObject({ pico: 0n, status: 'not_billable' });
  }
  return undefined;
};

/** Ended cleanly or by a dead socket after a few events: the SDK must throw, and the book must hold what the provider bills. */
async function cutStream(lane: Lane): Promise<Outcome> {
  for (const fault of ['cut:5', 'reset:5', 'cut:0']) {
    const history = user(lane, `[[fault:${fault}]] Say exactly: ${'word '.repeat(40)}`);
    const question = { model: lane.upstream.model, history };
    const thrown = await lane.client.drain(question).then(
      (events) => `ended as a success after ${events} events`,
      (reason: unknown) => reason,
    );
    expect(lane.client.failure(thrown), `${fault}: ${thrown}`).toMatchObject({
      code: expect.stringMatching(/^(stream_interrupted|provider_garbage)$/),
    });
    const id = lane.watch.generation();
    expect(at(await lane.world.generation(id), 'status')).toBe('failed');
    const booked = await lane.world.booked(id);
    expect(booked.pico).toBe(lane.world.billed(id)?.pico ?? 0n);
    await expect(lane.client.ask({ ...question, stream: true }), 'the folding helper fails too').rejects.toThrow();
  }
  return undefined;
}

export const cells: Cell[] = [
  { name: 'plain', run: talk(false) },
  { name: 'stream', run: talk(true) },
  { name: 'tools', run: toolsRoundTrip },
  { name: 'parallel tools, streamed', run: parallelToolsStreamed },
  { name: 'vision', run: vision },
  { name: 'json_schema', run: structured },
  { name: 'thinking, two turns', run: thinkingTwice },
  { name: '400', run: failsWith(400) },
  { name: '401', run: failsWith(401) },
  { name: '429', run: failsWith(429) },
  { name: '529', run: failsWith(529) },
  { name: 'cut stream', run: cutStream },
];
