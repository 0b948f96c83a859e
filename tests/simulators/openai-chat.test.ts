import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { openai } from '../../providers/simulators/openai.ts';
import type { SimulatorOptions } from '../../providers/simulators/simulator.ts';
import { hasSpecs, responsePointer, validator } from '../support/spec.ts';

const now = () => Date.UTC(2026, 10, 22);
const messages = [{ role: 'user' as const, content: 'Say exactly: Hello, world. All is well.' }];

function open(options: SimulatorOptions = {}) {
  const simulator = openai({ now, ...options });
  const client = new OpenAI({ apiKey: 'sk-test', fetch: simulator.fetch, maxRetries: 0 });
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    simulator.fetch('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test', 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return { simulator, client, post };
}

/** The parsed `data:` payloads of a stream, without [DONE]. */
function payloads(text: string): Record<string, unknown>[] {
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => JSON.parse(frame.slice(6)));
}

describe('a plain answer', () => {
  test('says what it was told to, and bills its usage', async () => {
    const { client, simulator } = open();
    const answer = await client.chat.completions.create(
      { model: 'gpt-4o-mini', messages },
      { headers: { 'x-client-request-id': 'one' } },
    );
    expect(answer.choices[0]?.message.content).toBe('Hello, world. All is well.');
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.created).toBe(now() / 1000);
    expect(answer._request_id).toMatch(/^req_/);
    const usage = answer.usage!;
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens);
    expect(simulator.bill.find('one')).toMatchObject({
      id: answer.id,
      model: 'gpt-4o-mini',
      charges: [
        { meter: 'input_text_tokens', quantity: usage.prompt_tokens },
        { meter: 'output_text_tokens', quantity: usage.completion_tokens },
      ],
    });
  });

  test('of a reasoning model counts its thoughts inside the completion', async () => {
    const { client } = open();
    const thought = await client.chat.completions.create({ model: 'gpt-5.5', messages });
    const hidden = thought.usage?.completion_tokens_details?.reasoning_tokens ?? 0;
    expect(hidden).toBeGreaterThan(0);
    expect(thought.usage?.completion_tokens).toBeGreaterThan(hidden);
    const direct = await client.chat.completions.create({ model: 'gpt-5.5', messages, reasoning_effort: 'none' });
    expect(direct.usage?.completion_tokens_details?.reasoning_tokens).toBe(0);
  });

  test('stops at a limit, counting thoughts, and at a stop sequence', async () => {
    const { client } = open();
    const short = await client.chat.completions.create({ model: 'gpt-4o', messages, max_completion_tokens: 2 });
    expect(short.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'Hello, w' } });
    const none = await client.chat.completions.create({ model: 'gpt-5.5', messages, max_completion_tokens: 5 });
    expect(none.usage?.completion_tokens).toBe(5);
    expect(none.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: '' } });
    const stopped = await client.chat.completions.create({ model: 'gpt-4o', messages, stop: ', ' });
    expect(stopped.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Hello' } });
  });

  test('comes n times, with the prompt counted once', async () => {
    const { client } = open();
    const one = await client.chat.completions.create({ model: 'gpt-4o', messages });
    const three = await client.chat.completions.create({
      model: 'gpt-4o',
      messages,
      n: 3,
      logprobs: true,
      top_logprobs: 2,
    });
    expect(three.choices.map((choice) => choice.index)).toEqual([0, 1, 2]);
    expect(three.usage?.prompt_tokens).toBe(one.usage?.prompt_tokens);
    expect(three.usage?.completion_tokens).toBe(3 * (one.usage?.completion_tokens ?? 0));
    const tokens = three.choices[0]?.logprobs?.content ?? [];
    expect(tokens.map((token) => token.token).join('')).toBe('Hello, world. All is well.');
    expect(tokens[0]?.top_logprobs).toHaveLength(2);
  });

  test('echoes the tier it served and fields named x_', async () => {
    const { post, simulator } = open();
    const body = { model: 'gpt-4o', messages, service_tier: 'flex', x_note: { kept: [1, 2] } };
    const answer = (await (await post(body)).json()) as Record<string, unknown>;
    expect(answer).toMatchObject({ service_tier: 'flex', x_note: { kept: [1, 2] } });
    expect(simulator.bill.calls[0]?.charges[0]?.dims).toEqual({ service_tier: 'flex' });
    const plain = (await (await post({ model: 'gpt-4o', messages })).json()) as Record<string, unknown>;
    expect(plain.service_tier).toBe('default');
  });

  test('reads a long prompt from the cache when its key was seen before', async () => {
    const { client, simulator } = open();
    const long = { role: 'system' as const, content: 'All that is known of the sea. '.repeat(300) };
    const ask = (key?: string) =>
      client.chat.completions.create({ model: 'gpt-4o', messages: [long, ...messages], prompt_cache_key: key });
    const cached = async (key?: string) => (await ask(key)).usage?.prompt_tokens_details?.cached_tokens;
    expect([await cached(), await cached(), await cached('a')]).toEqual([0, 0, 0]);
    const hit = await ask('a');
    const tokens = hit.usage?.prompt_tokens_details?.cached_tokens ?? 0;
    expect(tokens).toBeGreaterThan(1024);
    expect(tokens % 128).toBe(0);
    expect(simulator.bill.calls.at(-1)?.charges.slice(0, 2)).toEqual([
      { meter: 'input_text_tokens', quantity: hit.usage!.prompt_tokens - tokens },
      { meter: 'cached_input_tokens', quantity: tokens },
    ]);
    expect(await cached('b')).toBe(0);
  });

  test('counts images, audio and files', async () => {
    const { client, simulator } = open();
    const answer = await client.chat.completions.create({
      model: 'gpt-4o',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
            { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
            { type: 'file', file: { file_id: 'file-1' } },
          ],
        },
      ],
    });
    expect(answer.choices[0]?.message.content).toContain('3 attachments');
    expect(answer.usage?.prompt_tokens_details?.audio_tokens).toBe(85);
    expect(answer.usage?.prompt_tokens).toBeGreaterThan(3 * 85);
    const input = simulator.bill.calls[0]?.charges.filter((charge) => charge.meter.startsWith('input'));
    expect(input?.map((charge) => charge.meter)).toEqual(['input_text_tokens', 'input_audio_tokens']);
    expect(input?.reduce((sum, charge) => sum + charge.quantity, 0)).toBe(answer.usage?.prompt_tokens);
  });
});

const weather = {
  type: 'function' as const,
  function: {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};
const clock = { type: 'function' as const, function: { name: 'get_time' } };

describe('tools', () => {
  test('are called, in parallel, and their results read', async () => {
    const { client } = open();
    const ask = { role: 'user' as const, content: 'Use get_weather and get_time for Paris.' };
    const first = await client.chat.completions.create({ model: 'gpt-4o', messages: [ask], tools: [weather, clock] });
    const calls = first.choices[0]?.message.tool_calls ?? [];
    expect(first.choices[0]?.finish_reason).toBe('tool_calls');
    expect(calls.map((call) => call.type === 'function' && call.function.name)).toEqual(['get_weather', 'get_time']);
    expect(JSON.parse(calls[0]?.type === 'function' ? calls[0].function.arguments : '')).toHaveProperty('city');
    const results = calls.map((call) => ({ role: 'tool' as const, tool_call_id: call.id, content: `${call.id} ok` }));
    const second = await client.chat.completions.create({
      model: 'gpt-4o',
      messages: [ask, first.choices[0]!.message, ...results],
      tools: [weather, clock],
    });
    expect(second.choices[0]?.message.content).toContain(`${calls[0]?.id} ok`);
  });

  test('follow tool_choice', async () => {
    const { client } = open();
    const create = (more: object) =>
      client.chat.completions.create({ model: 'gpt-4o', messages, tools: [weather, clock], ...more });
    const names = async (more: object) =>
      ((await create(more)).choices[0]?.message.tool_calls ?? []).map((call) =>
        call.type === 'function' ? call.function.name : call.custom.name,
      );
    expect(await names({ tool_choice: 'none' })).toEqual([]);
    expect(await names({ tool_choice: 'required' })).toEqual(['get_weather']);
    expect(await names({ tool_choice: { type: 'function', function: { name: 'get_time' } } })).toEqual(['get_time']);
    const allowed = { mode: 'required', tools: [{ type: 'function', function: { name: 'get_time' } }] };
    expect(await names({ tool_choice: { type: 'allowed_tools', allowed_tools: allowed } })).toEqual(['get_time']);
    const custom = { type: 'custom', custom: { name: 'shell' } };
    expect(await names({ tools: [custom], tool_choice: 'required' })).toEqual(['shell']);
  });

  test('stream their arguments by index', async () => {
    const { client } = open();
    const stream = client.chat.completions.stream({
      model: 'gpt-4o',
      messages: [{ role: 'user', content: 'Use get_weather and get_time for Paris.' }],
      tools: [weather, clock],
    });
    const whole = await stream.finalChatCompletion();
    const calls = whole.choices[0]?.message.tool_calls ?? [];
    expect(calls.map((call) => call.type === 'function' && call.function.name)).toEqual(['get_weather', 'get_time']);
    expect(JSON.parse(calls[0]?.type === 'function' ? calls[0].function.arguments : '')).toHaveProperty('city');
    expect(whole.choices[0]?.finish_reason).toBe('tool_calls');
  });
});

describe('structured output', () => {
  const schema = {
    type: 'object',
    properties: { name: { type: 'string' }, ages: { type: 'array', items: { type: 'integer' } } },
    required: ['name', 'ages'],
    additionalProperties: false,
  };
  const format = (own: object) => ({
    type: 'json_schema' as const,
    json_schema: { name: 'person', strict: true, schema: own as Record<string, unknown> },
  });

  test('is an instance of the schema', async () => {
    const { client } = open();
    const answer = await client.chat.completions.parse({ model: 'gpt-5.5', messages, response_format: format(schema) });
    const parsed = JSON.parse(answer.choices[0]?.message.content ?? '');
    expect(typeof parsed.name).toBe('string');
    expect(Number.isInteger(parsed.ages[0])).toBe(true);
  });

  test('refuses an open schema in strict mode, and a JSON object nobody mentioned', async () => {
    const { client } = open();
    const create = (response_format: ReturnType<typeof format> | { type: 'json_object' }, content = 'Hi') =>
      client.chat.completions.create({ model: 'gpt-4o', messages: [{ role: 'user', content }], response_format });
    const { additionalProperties: _, ...loose } = schema;
    await expect(create(format(loose))).rejects.toMatchObject({ status: 400, param: 'response_format' });
    await expect(create(format({ ...schema, required: ['name'] }))).rejects.toThrow(/Missing 'ages'/);
    await expect(create({ type: 'json_object' })).rejects.toMatchObject({ status: 400, param: 'messages' });
    const object = await create({ type: 'json_object' }, 'Hi, in JSON');
    expect(JSON.parse(object.choices[0]?.message.content ?? '')).toHaveProperty('answer');
  });
});

describe('a stream', () => {
  test('begins with the role, ends with finish, usage and [DONE]', async () => {
    const { post, simulator } = open();
    const body = { model: 'gpt-5.5', messages, stream: true, stream_options: { include_usage: true }, x_note: 'n' };
    const chunks = payloads(await (await post(body)).text()) as unknown as OpenAI.ChatCompletionChunk[];
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '', refusal: null });
    expect(
      chunks
        .slice(1, -2)
        .map((chunk) => chunk.choices[0]?.delta.content)
        .join(''),
    ).toBe('Hello, world. All is well.');
    expect(chunks.slice(1, -2).every((chunk) => (chunk.choices[0]?.delta.content ?? '').length <= 4)).toBe(true);
    expect(chunks.at(-2)).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: null, x_note: 'n' });
    expect(chunks.at(-1)?.choices).toEqual([]);
    const charged = simulator.bill.calls[0]?.charges;
    expect(charged).toEqual([
      { meter: 'input_text_tokens', quantity: chunks.at(-1)?.usage?.prompt_tokens },
      { meter: 'output_text_tokens', quantity: chunks.at(-1)?.usage?.completion_tokens },
    ]);
    const plain = payloads(await (await post({ model: 'gpt-5.5', messages, stream: true })).text());
    expect(plain.some((chunk) => 'usage' in chunk)).toBe(false);
  });

  test('says the same as the plain answer', async () => {
    const { client } = open();
    const asked = { model: 'gpt-4o', n: 2, messages: [{ role: 'user' as const, content: 'Why is the sky blue?' }] };
    const plain = await client.chat.completions.create(asked);
    const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
    expect(streamed.choices.map((choice) => choice.message.content)).toEqual(
      plain.choices.map((choice) => choice.message.content),
    );
  });

  test('left early bills the part that was delivered', async () => {
    const { post, simulator } = open();
    const body = {
      model: 'gpt-4o',
      messages: [{ role: 'user', content: `Repeat: ${'word '.repeat(200)}` }],
      stream: true,
    };
    const whole = await (await post(body)).text();
    const all = simulator.bill.calls[0]?.charges.at(-1)?.quantity ?? 0;
    expect(payloads(whole).length).toBe(all + 2);
    const reader = (await post(body)).body!.getReader();
    for (let seen = 0; seen < 11; seen++) await reader.read();
    expect(simulator.bill.calls[1]?.charges).toEqual([]);
    await reader.cancel();
    expect(simulator.bill.calls[1]?.charges).toEqual([
      simulator.bill.calls[0]?.charges[0],
      { meter: 'output_text_tokens', quantity: 10 },
    ]);
  });

  test('breaks when its signal aborts, and bills then', async () => {
    const { client, simulator } = open({ paceMs: 5 });
    const abort = new AbortController();
    const stream = await client.chat.completions.create(
      { model: 'gpt-4o', messages: [{ role: 'user', content: `Repeat: ${'word '.repeat(200)}` }], stream: true },
      { signal: abort.signal },
    );
    let seen = 0;
    for await (const _ of stream) if (++seen === 4) abort.abort();
    const charged = simulator.bill.calls[0]?.charges.at(-1)?.quantity ?? 0;
    expect(charged).toBeGreaterThanOrEqual(3);
    expect(charged).toBeLessThan(8);
  });

  test('paces its events', async () => {
    const { post } = open({ paceMs: 10 });
    const started = performance.now();
    const chunks = payloads(await (await post({ model: 'gpt-4o', messages, stream: true })).text());
    expect(performance.now() - started).toBeGreaterThan((chunks.length - 1) * 8);
  });
});

describe('a bad request', () => {
  const good = { model: 'gpt-4o', messages };
  const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } };
  const cases: [string, unknown, number, object][] = [
    ['half JSON', '{"model":', 400, { type: 'invalid_request_error' }],
    ['no messages', { model: 'gpt-4o' }, 400, { param: 'messages', code: 'missing_required_parameter' }],
    ['empty messages', { ...good, messages: [] }, 400, { param: 'messages', code: 'empty_array' }],
    ['a wrong type', { ...good, temperature: 'hot' }, 400, { param: 'temperature', code: 'invalid_type' }],
    ['a value too high', { ...good, temperature: 3 }, 400, { param: 'temperature', code: 'decimal_above_max_value' }],
    ['an unknown field', { ...good, topk: 3 }, 400, { message: 'Unrecognized request argument supplied: topk' }],
    ['an unknown model', { ...good, model: 'claude-9' }, 404, { code: 'model_not_found' }],
    ['a retired model', { ...good, model: 'dall-e-3' }, 404, { code: 'model_not_found' }],
    ['no chat model', { ...good, model: 'text-embedding-3-small' }, 404, { param: 'model' }],
    ['an unknown role', { ...good, messages: [{ role: 'boss', content: '' }] }, 400, { param: 'messages[0].role' }],
    ['null content', { ...good, messages: [{ role: 'user', content: null }] }, 400, { param: 'messages[0].content' }],
    [
      'an image that is none',
      { ...good, messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'hello' } }] }] },
      400,
      { param: 'messages[0].content[0].image_url.url' },
    ],
    [
      'an unanswered tool call',
      { ...good, messages: [{ role: 'assistant', tool_calls: [call] }, messages[0]] },
      400,
      { message: expect.stringContaining('call_1') },
    ],
    [
      'a tool result out of nowhere',
      { ...good, messages: [{ role: 'tool', tool_call_id: 'x', content: '' }] },
      400,
      { param: 'messages[0].role' },
    ],
    ['an unknown tool_choice', { ...good, tools: [clock], tool_choice: 'maybe' }, 400, { param: 'tool_choice' }],
    ['stream_options without stream', { ...good, stream_options: {} }, 400, { param: 'stream_options' }],
    [
      'too long a prompt',
      { ...good, messages: [{ role: 'user', content: 'x'.repeat(600_000) }] },
      400,
      { code: 'context_length_exceeded' },
    ],
  ];
  test.each(cases)('with %s is refused in the envelope of OpenAI', async (_, body, status, error) => {
    const { post, simulator } = open();
    const response = await post(body);
    const answer = (await response.json()) as { error: object };
    expect([response.status, answer.error]).toEqual([status, expect.objectContaining(error)]);
    expect(validator('openai', '/components/schemas/ErrorResponse')?.(answer)).toBeUndefined();
    expect(simulator.bill.calls).toEqual([]);
  });

  test('without a key, or with a wrong one, is 401', async () => {
    const { post, simulator } = open();
    expect((await post(good, { authorization: 'Bearer ' })).status).toBe(401);
    const wrong = await post(good, { authorization: 'Bearer sk-invalid-key' });
    expect(wrong.status).toBe(401);
    expect(await wrong.json()).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect(wrong.headers.get('x-request-id')).toMatch(/^req_/);
    const lost = await simulator.fetch('https://api.openai.com/v1/nowhere', { headers: { authorization: 'Bearer k' } });
    expect([lost.status, lost.headers.has('x-ratelimit-remaining-requests')]).toEqual([404, true]);
    expect(await lost.json()).toMatchObject({ error: { message: 'Invalid URL (GET /v1/nowhere)' } });
  });
});

test('models are listed and found below any prefix', async () => {
  const { client, simulator } = open();
  const list = await client.models.list();
  expect(list.data.map((model) => model.id)).toContain('gpt-5.5');
  const prefixed = new OpenAI({ apiKey: 'k', baseURL: 'https://proxy.example/openai/v1', fetch: simulator.fetch });
  expect((await prefixed.models.retrieve('gpt-4o')).id).toBe('gpt-4o');
  expect((await prefixed.chat.completions.create({ model: 'gpt-4o', messages })).choices).toHaveLength(1);
  await expect(prefixed.models.retrieve('llama-9')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
});

test('moderation judges text for free', async () => {
  const { client, simulator } = open();
  const judged = await client.moderations.create({ input: ['a kind word', 'I will kill you'] });
  expect(judged.results.map((result) => result.flagged)).toEqual([false, true]);
  expect(simulator.bill.calls).toEqual([]);
  expect(validator('openai', '/components/schemas/CreateModerationResponse')?.(judged)).toBeUndefined();
});

test('faults answer in the envelope of OpenAI', async () => {
  const { simulator, client } = open({ faults: true });
  simulator.faults.push({ name: 'status', argument: '429', retryAfter: '2' });
  const refused = client.chat.completions.create({ model: 'gpt-4o', messages });
  await expect(refused).rejects.toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
  simulator.faults.push('cut:5');
  const stream = client.chat.completions.stream({ model: 'gpt-4o', messages });
  await expect(stream.finalChatCompletion()).rejects.toThrow(/finish_reason/);
  expect(simulator.bill.calls).toHaveLength(1);
});

describe('two fresh simulators', () => {
  const body = { model: 'gpt-5.5', messages, stream: true, n: 2, logprobs: true };
  test('with one clock and seed give the same bytes', async () => {
    const texts = await Promise.all([open(), open()].map(async ({ post }) => (await post(body)).text()));
    expect(texts[0]).toBe(texts[1]);
    const headers = await Promise.all([open(), open()].map(async ({ post }) => [...(await post(body)).headers]));
    expect(headers[0]).toEqual(headers[1]);
  });
  test('with different seeds give different ids', async () => {
    const [one, other] = await Promise.all(['a', 'b'].map(async (seed) => (await open({ seed }).post(body)).text()));
    expect(one).not.toBe(other);
  });
});

describe.skipIf(!hasSpecs)('by the official description', () => {
  const answers: [string, object][] = [
    ['text', { messages }],
    ['tools', { messages: [{ role: 'user', content: 'Use get_weather.' }], tools: [weather] }],
    ['log probabilities', { messages, logprobs: true, top_logprobs: 3 }],
    ['many', { messages, n: 3, model: 'gpt-5.5' }],
  ];
  test.each(answers)('plain and streamed answers are valid: %s', async (_, more) => {
    const { post } = open();
    const asked = { model: 'gpt-4o', ...more };
    const plain = validator('openai', responsePointer('/chat/completions', 'post', 200))!;
    expect(plain(await (await post(asked)).json())).toBeUndefined();
    const chunk = validator('openai', '/components/schemas/CreateChatCompletionStreamResponse')!;
    const streamed = { ...asked, stream: true, stream_options: { include_usage: true } };
    for (const payload of payloads(await (await post(streamed)).text())) expect(chunk(payload)).toBeUndefined();
  });
  test('models are valid', async () => {
    const { client } = open();
    const valid = validator('openai', '/components/schemas/Model')!;
    for (const model of (await client.models.list()).data) expect(valid(model)).toBeUndefined();
  });
});
