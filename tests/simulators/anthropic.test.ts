import Anthropic from '@anthropic-ai/sdk';
import { createParser } from 'eventsource-parser';
import { describe, expect, test } from 'vitest';
import { anthropic } from '../../providers/simulators/anthropic.ts';
import type { SimulatorOptions } from '../../providers/simulators/simulator.ts';
import type { JsonObject } from '../../src/contract/index.ts';
import { hasSpecs, validator } from '../support/spec.ts';

const noon = Date.UTC(2026, 10, 22, 12);
const model = 'claude-sonnet-5-5';
const schemas = '/components/schemas/';

function start(options: SimulatorOptions = {}) {
  const simulator = anthropic({ now: () => noon, ...options });
  const client = new Anthropic({
    apiKey: 'sk-ant-test',
    baseURL: 'https://anthropic.simulator.invalid/some/prefix',
    fetch: simulator.fetch as typeof fetch,
    maxRetries: 0,
  });
  return { simulator, client };
}

type Headers = Record<string, string>;
const usual: Headers = { 'x-api-key': 'k', 'anthropic-version': '2026-10-21', 'content-type': 'application/json' };

function post(simulator: ReturnType<typeof start>['simulator'], body: unknown, headers: Headers = usual) {
  return simulator.fetch('https://a.invalid/v1/messages', {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const ask = (text: string, more: JsonObject = {}): JsonObject => ({
  model,
  max_tokens: 2000,
  messages: [{ role: 'user', content: text }],
  ...more,
});

/** Fails with the validator's words; silent where the specs are absent. */
function valid(schema: string, value: unknown) {
  expect(validator('anthropic', `${schemas}${schema}`)?.(value)).toBeUndefined();
}

function readEvents(text: string): { event: string | undefined; data: JsonObject & { type: string } }[] {
  const events: { event: string | undefined; data: JsonObject & { type: string } }[] = [];
  createParser({ onEvent: ({ event, data }) => events.push({ event, data: JSON.parse(data) }) }).feed(text);
  return events;
}

/** Every event against the vendor's description, and the message they add up to. */
async function streamed(simulator: ReturnType<typeof start>['simulator'], body: JsonObject) {
  const response = await post(simulator, { ...body, stream: true });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const events = readEvents(await response.text());
  for (const { event, data } of events) {
    expect(event).toBe(data.type);
    valid(data.type === 'ping' ? 'Ping' : 'MessageStreamEvent', data);
  }
  return events.map(({ data }) => data);
}

const weather = {
  name: 'get_weather',
  description: 'Weather at a place',
  input_schema: {
    type: 'object' as const,
    properties: { place: { type: 'string' }, days: { type: 'integer' } },
    required: ['place'],
  },
};

if (!hasSpecs) console.warn('../shared/specs is absent: answers are not held against the official description.');

describe('messages', () => {
  test('a plain answer, its usage and its bill', async () => {
    const { simulator, client } = start();
    const message = await client.messages.create(
      {
        model,
        max_tokens: 100,
        system: 'Be brief.',
        messages: [{ role: 'user', content: 'Say exactly: hello there' }],
      },
      { headers: { 'x-client-request-id': 'one' } },
    );
    valid('Message', message);
    expect(message.content).toEqual([{ type: 'text', text: 'hello there', citations: null }]);
    expect(message.stop_reason).toBe('end_turn');
    expect(message._request_id).toMatch(/^req_01/);
    expect(simulator.bill.find('one')).toMatchObject({ id: message.id, model, at: noon });
    expect(simulator.bill.find('one')?.charges).toEqual([
      { meter: 'input_text_tokens', quantity: message.usage.input_tokens },
      { meter: 'output_text_tokens', quantity: message.usage.output_tokens },
    ]);
    const counted = await client.messages.countTokens({
      model,
      system: 'Be brief.',
      messages: [{ role: 'user', content: 'Say exactly: hello there' }],
    });
    valid('CountMessageTokensResponse', counted);
    expect(counted.input_tokens).toBe(message.usage.input_tokens);
  });

  test('a streamed answer adds up to the plain one', async () => {
    const { simulator, client } = start();
    const question = ask('Tell me of rivers.', { thinking: { type: 'adaptive' } });
    const plain = (await (await post(simulator, question)).json()) as Anthropic.Message;
    const stream = client.messages.stream(question as unknown as Anthropic.MessageCreateParamsStreaming);
    const whole = await stream.finalMessage();
    expect(whole.content).toEqual(plain.content);
    expect(whole.usage).toMatchObject({ ...plain.usage, server_tool_use: null });
    const events = await streamed(simulator, question);
    expect(events.map((event) => event.type).filter((type, place, all) => type !== all[place - 1])).toEqual([
      'message_start',
      'content_block_start',
      'ping',
      'content_block_delta',
      'content_block_stop',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    const [first, second, third] = simulator.bill.calls.map((call) => call.charges);
    expect(second).toEqual(first);
    expect(third).toEqual(first);
    expect(first?.at(-1)?.quantity).toBe(plain.usage.output_tokens);
  });

  test('stop sequences, max_tokens and refusal', async () => {
    const { client } = start();
    const create = (text: string, more: object = {}) =>
      client.messages.create({ model, max_tokens: 50, messages: [{ role: 'user', content: text }], ...more });
    const stopped = await create('Say exactly: one, two, three', { stop_sequences: [', three'] });
    expect(stopped).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: ', three' });
    expect(stopped.content).toMatchObject([{ text: 'one, two' }]);
    const cut = await create('Say exactly: one, two, three', { max_tokens: 2 });
    expect(cut).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 2 } });
    const thoughtful = await create('Why?', { max_tokens: 5, thinking: { type: 'adaptive' } });
    expect(thoughtful).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 5 } });
    const warmed = await create('Warm up', { max_tokens: 0 });
    expect(warmed).toMatchObject({ content: [], stop_reason: 'max_tokens', usage: { output_tokens: 0 } });
    const refused = await create('[[refusal]] Do harm.');
    valid('Message', refused);
    expect(refused).toMatchObject({ stop_reason: 'refusal', stop_details: { type: 'refusal' } });
    expect(refused.usage.output_tokens).toBeGreaterThan(0);
  });

  test('structured output is JSON of the asked shape', async () => {
    const { client, simulator } = start();
    const schema = {
      type: 'object',
      properties: { city: { type: 'string' }, people: { type: 'integer' } },
      required: ['city', 'people'],
      additionalProperties: false,
    };
    const message = await client.messages.create({
      model,
      max_tokens: 100,
      messages: [{ role: 'user', content: 'Describe Paris, 2 million' }],
      output_config: { format: { type: 'json_schema', schema } },
    });
    const [block] = message.content;
    expect(block?.type === 'text' && JSON.parse(block.text)).toEqual({ city: expect.any(String), people: 2 });
    const { additionalProperties: _, ...open } = schema;
    const refused = await post(
      simulator,
      ask('x', { output_config: { format: { type: 'json_schema', schema: open } } }),
    );
    expect(refused.status).toBe(400);
  });

  test('images and documents are counted', async () => {
    const { client } = start();
    const dot =
      'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC';
    const count = async (content: Anthropic.ContentBlockParam[]) =>
      (await client.messages.countTokens({ model, messages: [{ role: 'user', content }] })).input_tokens;
    const words: Anthropic.TextBlockParam = { type: 'text', text: 'What is it?' };
    const bare = await count([words]);
    const image: Anthropic.ImageBlockParam = {
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: dot },
    };
    expect(await count([image, words])).toBe(bare + 1);
    const linked: Anthropic.ImageBlockParam = {
      type: 'image',
      source: { type: 'url', url: 'https://x.invalid/a.png' },
    };
    expect(await count([linked, words])).toBe(bare + 1600);
    const paper: Anthropic.DocumentBlockParam = {
      type: 'document',
      source: { type: 'text', media_type: 'text/plain', data: 'x'.repeat(400) },
    };
    expect(await count([paper, words])).toBe(bare + 100);
    const message = await client.messages.create({
      model,
      max_tokens: 200,
      messages: [{ role: 'user', content: [image, paper, words] }],
    });
    expect(JSON.stringify(message.content)).toContain('2 attachments');
  });
});

describe('tools', () => {
  test('a round trip, streamed, with thinking and its signature', async () => {
    const { client, simulator } = start();
    const thinking = { type: 'enabled' as const, budget_tokens: 1024 };
    const opening: Anthropic.MessageParam = { role: 'user', content: 'Use get_weather for Oslo, 3 days.' };
    const base = { model, max_tokens: 2000, thinking, tools: [weather] };
    const called = await client.messages.stream({ ...base, messages: [opening] }).finalMessage();
    valid('Message', called);
    expect(called.stop_reason).toBe('tool_use');
    const [thought, call] = called.content;
    if (thought?.type !== 'thinking' || call?.type !== 'tool_use') throw new Error('expected thinking, then a call');
    expect(call.input).toMatchObject({ place: expect.any(String), days: 3 });
    const answerWith = (first: unknown) =>
      client.messages.create({
        ...base,
        messages: [
          opening,
          { role: 'assistant', content: [first, call] as Anthropic.ContentBlockParam[] },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'Snow, -4' }] },
        ],
      });
    const done = await answerWith(thought);
    expect(done.content.at(-1)).toMatchObject({ type: 'text', text: 'The tool says: Snow, -4' });
    await answerWith({ type: 'redacted_thinking', data: 'b3BhcXVl' });
    await expect(answerWith({ ...thought, thinking: 'I thought otherwise.' })).rejects.toThrow(/Invalid `signature`/);
    const stranger = start({ seed: 'another' });
    const foreign = await stranger.client.messages.create({ ...base, messages: [opening] });
    await expect(answerWith(foreign.content[0])).rejects.toThrow(/Invalid `signature`/);
    await expect(answerWith({ type: 'text', text: 'Let me see.' })).rejects.toThrow(/Expected `thinking`/);
    await streamed(simulator, { ...base, messages: [opening] } as unknown as JsonObject);
  });

  test('hidden thinking keeps a signature that verifies', async () => {
    const { client } = start();
    const thinking = { type: 'adaptive' as const, display: 'omitted' as const };
    const base = { model, max_tokens: 2000, thinking };
    const opening: Anthropic.MessageParam = { role: 'user', content: 'Why is the sky blue?' };
    const first = await client.messages.create({ ...base, messages: [opening] });
    expect(first.content[0]).toMatchObject({
      type: 'thinking',
      thinking: '',
      signature: expect.stringMatching(/.{40}/),
    });
    expect(first.usage.output_tokens_details?.thinking_tokens).toBeGreaterThan(0);
    const more: Anthropic.MessageParam = { role: 'user', content: 'And at dusk?' };
    const second = await client.messages.create({
      ...base,
      messages: [opening, { role: 'assistant', content: first.content as Anthropic.ContentBlockParam[] }, more],
    });
    expect(second.stop_reason).toBe('end_turn');
  });

  test('parallel calls, one call only, forced and forbidden', async () => {
    const { client } = start();
    const time = { ...weather, name: 'get_time' };
    const create = (tool_choice?: Anthropic.ToolChoice, text = 'Call get_weather and get_time for Rome') =>
      client.messages.create({
        model,
        max_tokens: 500,
        messages: [{ role: 'user', content: text }],
        tools: [weather, time],
        ...(tool_choice ? { tool_choice } : {}),
      });
    const names = (message: Anthropic.Message) =>
      message.content.flatMap((block) => (block.type === 'tool_use' ? [block.name] : []));
    const both = await create();
    expect(names(both)).toEqual(['get_weather', 'get_time']);
    expect(new Set(both.content.map((block) => 'id' in block && block.id)).size).toBe(2);
    expect(names(await create({ type: 'auto', disable_parallel_tool_use: true }))).toEqual(['get_weather']);
    expect(names(await create({ type: 'any' }, 'Nothing of note.'))).toHaveLength(1);
    expect(names(await create({ type: 'tool', name: 'get_time' }, 'Nothing.'))).toEqual(['get_time']);
    expect(names(await create({ type: 'none' }))).toEqual([]);
    await expect(create({ type: 'tool', name: 'nope' })).rejects.toThrow(/not found in provided tools/);
  });

  test('results must answer every call, come first and be asked for', async () => {
    const { simulator } = start();
    const use = (id: string) => ({ type: 'tool_use', id, name: 'get_weather', input: {} });
    const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'ok' });
    const turn = async (calls: unknown[], answers: unknown[]) => {
      const messages = [
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', content: calls },
        { role: 'user', content: answers },
      ];
      const response = await post(simulator, ask('', { tools: [weather], messages: messages as JsonObject[] }));
      return { status: response.status, text: await response.text() };
    };
    expect((await turn([use('a'), use('b')], [result('a'), result('b')])).status).toBe(200);
    expect(await turn([use('a'), use('b')], [result('a')])).toMatchObject({
      status: 400,
      text: expect.stringContaining('without `tool_result` blocks immediately after: b'),
    });
    const late = await turn([use('a')], [{ type: 'text', text: 'Here:' }, result('a')]);
    expect(late).toMatchObject({ status: 400, text: expect.stringContaining('must come before') });
    const unasked = await turn([use('a')], [result('a'), result('z')]);
    expect(unasked).toMatchObject({ status: 400, text: expect.stringContaining('unexpected `tool_use_id`') });
  });
});

describe('prompt cache', () => {
  test('the first sight writes, the next reads, and the ttl ends it', async () => {
    let time = noon;
    const { client, simulator } = start({ now: () => time });
    const system: Anthropic.TextBlockParam[] = [
      { type: 'text', text: 'A'.repeat(400), cache_control: { type: 'ephemeral', ttl: '1h' } },
      { type: 'text', text: 'B'.repeat(200), cache_control: { type: 'ephemeral' } },
    ];
    const create = () =>
      client.messages.create({ model, max_tokens: 50, system, messages: [{ role: 'user', content: 'Hello world' }] });
    const first = await create();
    expect(first.usage).toMatchObject({
      input_tokens: 3,
      cache_read_input_tokens: 0,
      cache_creation_input_tokens: 153,
      cache_creation: { ephemeral_1h_input_tokens: 103, ephemeral_5m_input_tokens: 50 },
    });
    const second = await create();
    expect(second.usage).toMatchObject({
      input_tokens: 3,
      cache_read_input_tokens: 153,
      cache_creation_input_tokens: 0,
    });
    time += 6 * 60_000;
    const third = await create();
    expect(third.usage).toMatchObject({ cache_read_input_tokens: 103, cache_creation_input_tokens: 50 });
    expect(
      simulator.bill.calls.map((call) => call.charges.slice(0, -1).map((line) => [line.meter, line.quantity])),
    ).toEqual([
      [
        ['input_text_tokens', 3],
        ['cache_write_5m_tokens', 50],
        ['cache_write_1h_tokens', 103],
      ],
      [
        ['input_text_tokens', 3],
        ['cached_input_tokens', 153],
      ],
      [
        ['input_text_tokens', 3],
        ['cached_input_tokens', 103],
        ['cache_write_5m_tokens', 50],
      ],
    ]);
    valid('Message', first);
    const events = await streamed(simulator, ask('Hello world', { system: system as unknown as JsonObject[] }));
    expect(events[0]).toMatchObject({
      message: { usage: { cache_read_input_tokens: 153, cache_creation: { ephemeral_1h_input_tokens: 0 } } },
    });
  });

  test('a growing conversation reads what the turn before wrote', async () => {
    const { client } = start();
    const cache_control = { type: 'ephemeral' as const };
    const one: Anthropic.MessageParam = { role: 'user', content: 'x'.repeat(400) };
    const base = { model, max_tokens: 50, cache_control };
    const first = await client.messages.create({ ...base, messages: [one] });
    const reply: Anthropic.MessageParam = { role: 'assistant', content: 'Yes.' };
    const second = await client.messages.create({
      ...base,
      messages: [one, reply, { role: 'user', content: 'Go on with it.' }],
    });
    expect(first.usage.cache_creation_input_tokens).toBe(103);
    expect(second.usage.cache_read_input_tokens).toBe(103);
    expect(second.usage.input_tokens).toBe(0);
  });
});

describe('refusals', () => {
  const bad: [string, JsonObject, RegExp][] = [
    ['no max_tokens', { model, messages: [{ role: 'user', content: 'x' }] }, /^max_tokens: Field required$/],
    ['no messages', ask('x', { messages: [] }), /^messages: at least one message is required$/],
    ['unknown field', ask('x', { frequency_penalty: 1 }), /^frequency_penalty: Extra inputs are not permitted$/],
    [
      'unknown nested field',
      ask('x', { messages: [{ role: 'user', content: [{ type: 'text', text: 'a', foo: 1 }] }] }),
      /^messages\.0\.content\.0\.foo: Extra inputs are not permitted$/,
    ],
    ['wrong type', ask('x', { max_tokens: 'many' }), /^max_tokens: Input should be a valid (number|int)/],
    ['wrong role', ask('x', { messages: [{ role: 'tool', content: 'a' }] }), /^messages\.0\.role: /],
    ['wrong block', ask('x', { messages: [{ role: 'user', content: [{ type: 'video' }] }] }), /^messages\.0\.content/],
    ['empty content', ask(''), /non-empty content/],
    ['sampling', ask('x', { temperature: 1 }), /^temperature: /],
    ['small budget', ask('x', { thinking: { type: 'enabled', budget_tokens: 100 } }), /^thinking\.budget_tokens: /],
    ['big budget', ask('x', { thinking: { type: 'enabled', budget_tokens: 2000 } }), /must be greater than/],
    ['too many tokens', ask('x', { max_tokens: 1_000_000 }), /^max_tokens: 1000000 > /],
    ['bad tool', ask('x', { tools: [{ name: 'a b', input_schema: { type: 'object' } }] }), /^tools\.0\.name: /],
    ['tool without schema', ask('x', { tools: [{ name: 'a' }] }), /^tools\.0\.input_schema: Field required$/],
    ['choice without tools', ask('x', { tool_choice: { type: 'any' } }), /while providing tools/],
    [
      'thinking and forced tool',
      ask('x', { tools: [weather], tool_choice: { type: 'any' }, thinking: { type: 'adaptive' } }),
      /forces tool use/,
    ],
    [
      'prefill',
      ask('x', {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'assistant', content: 'b' },
        ],
      }),
      /prefill/,
    ],
    ['starts with assistant', ask('x', { messages: [{ role: 'assistant', content: 'b' }] }), /first message/],
    ['too long', ask('x'.repeat(900_000), { model: 'claude-haiku-4-5' }), /^prompt is too long: /],
  ];
  test.each(bad)('%s', async (_, body, message) => {
    const { simulator } = start();
    const response = await post(simulator, body);
    expect(response.status).toBe(400);
    const answer = (await response.json()) as { error: { type: string; message: string }; request_id: string };
    valid('ErrorResponse', answer);
    expect(answer.error.type).toBe('invalid_request_error');
    expect(answer.error.message).toMatch(message);
    expect(response.headers.get('request-id')).toBe(answer.request_id);
    expect(simulator.bill.calls).toEqual([]);
  });

  test('malformed JSON, unknown path, unknown model', async () => {
    const { simulator, client } = start();
    expect((await post(simulator, '{"model":')).status).toBe(400);
    expect((await post(simulator, '[]')).status).toBe(400);
    expect((await simulator.fetch('https://a.invalid/v1/nothing', { headers: usual })).status).toBe(404);
    const unknown = client.messages.create({
      model: 'gpt-5',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'x' }],
    });
    await expect(unknown).rejects.toMatchObject({ status: 404, type: 'not_found_error' });
  });

  test('keys and versions', async () => {
    const { simulator } = start();
    const status = async (headers: Headers) => (await post(simulator, ask('x'), headers)).status;
    const version = { 'anthropic-version': '2026-10-21' };
    expect(await status({ ...version, authorization: 'Bearer k' })).toBe(200);
    expect(await status({ ...version, authorization: 'Bearer k', 'x-api-key': 'k' })).toBe(200);
    expect(await status({ ...version, authorization: 'Bearer k', 'x-api-key': 'other' })).toBe(401);
    expect(await status({ ...version, 'x-api-key': 'invalid-key' })).toBe(401);
    expect(await status(version)).toBe(401);
    expect(await status({ 'x-api-key': 'k' })).toBe(400);
    const older = { 'x-api-key': 'k', 'anthropic-version': '2023-06-01' };
    expect((await post(simulator, ask('x', { temperature: 0.5, top_p: 1, top_k: 5 }), older)).status).toBe(200);
    expect((await post(simulator, ask('x', { temperature: 1.5 }), older)).status).toBe(400);
  });

  test('fields named x_ come back', async () => {
    const { simulator } = start();
    const body = ask('Hi', { x_trace: { a: [1, 'two'] } });
    expect(await (await post(simulator, body)).json()).toMatchObject({ x_trace: { a: [1, 'two'] } });
    expect((await streamed(simulator, body))[0]).toMatchObject({ message: { x_trace: { a: [1, 'two'] } } });
  });
});

describe('the rest', () => {
  test('models', async () => {
    const { client } = start();
    const ids: string[] = [];
    for await (const info of client.models.list({ limit: 5 })) {
      valid('ModelInfo', info);
      ids.push(info.id);
    }
    expect(ids).toContain('claude-opus-5-5');
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(10);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, line: 'sonnet' });
    await expect(client.models.retrieve('gpt-5')).rejects.toMatchObject({ status: 404 });
  });

  test('a client that leaves is billed for what was written', async () => {
    const { simulator, client } = start({ paceMs: 1 });
    const say = `Say exactly: ${'word '.repeat(200)}`;
    const stream = await client.messages.create({
      model,
      max_tokens: 1000,
      stream: true,
      messages: [{ role: 'user', content: say }],
    });
    let deltas = 0;
    for await (const event of stream) if (event.type === 'content_block_delta' && ++deltas === 10) break;
    await new Promise((resolve) => setTimeout(resolve, 30));
    const written = simulator.bill.calls[0]?.charges.at(-1)?.quantity ?? 0;
    expect(written).toBeGreaterThanOrEqual(10);
    expect(written).toBeLessThanOrEqual(12);
  });

  test('an aborted signal ends the body', async () => {
    const { simulator } = start();
    const abort = new AbortController();
    const response = await simulator.fetch('https://a.invalid/v1/messages', {
      method: 'POST',
      headers: usual,
      body: JSON.stringify(ask('Tell me more', { stream: true })),
      signal: abort.signal,
    });
    const reader = response.body!.getReader();
    await reader.read();
    abort.abort();
    await expect(reader.read()).rejects.toThrow();
    expect(simulator.bill.calls[0]?.charges.at(-1)?.quantity).toBe(0);
  });

  test('faults wear the vendor’s envelope', async () => {
    const { simulator } = start({ faults: true });
    for (const [status, type] of [
      [429, 'rate_limit_error'],
      [500, 'api_error'],
      [529, 'overloaded_error'],
    ] as const) {
      simulator.faults.push(`status:${status}`);
      const response = await post(simulator, ask('x'));
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ type: 'error', error: { type } });
    }
    simulator.faults.push('cut:4');
    const cut = readEvents(await (await post(simulator, ask('x', { stream: true }))).text());
    expect(cut).toHaveLength(4);
  });

  test('the same request gives the same bytes and headers', async () => {
    const run = async () => {
      const { simulator } = start();
      const plain = await post(simulator, ask('Once upon a time'));
      const stream = await post(simulator, ask('Once upon a time', { stream: true }));
      return [await plain.text(), JSON.stringify([...plain.headers]), await stream.text()];
    };
    expect(await run()).toEqual(await run());
    const { simulator } = start({ seed: 'another' });
    expect(await (await post(simulator, ask('Once upon a time'))).text()).not.toBe((await run())[0]);
  });
});
