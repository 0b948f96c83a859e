import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { openaiCompatible } from '../../providers/simulators/openai-compatible.ts';
import type { Price } from '../../src/contract/index.ts';
import { hasSpecs, validator } from '../support/spec.ts';

const messages = [{ role: 'user' as const, content: 'Say exactly: Hello, world. All is well.' }];
const priced = (provider: string, model: string): Price[] =>
  [
    { meter: 'input_text_tokens' as const, price: '0.2' },
    { meter: 'output_text_tokens' as const, price: '0.5' },
  ].map((row) => ({ provider, model, per: '1000000', source: 'https://example.com', checked: '2026-11-22', ...row }));

function open(id: string, prices: Price[] = []) {
  const simulator = openaiCompatible(id, {}, { prices, now: () => Date.UTC(2026, 10, 22) });
  const client = new OpenAI({ apiKey: 'k', baseURL: 'https://upstream.example/v1', fetch: simulator.fetch });
  const post = (body: object, path = 'chat/completions') =>
    simulator.fetch(`https://upstream.example/v1/${path}`, {
      method: 'POST',
      headers: { authorization: 'Bearer k' },
      body: JSON.stringify(body),
    });
  return { simulator, client, post };
}

/** Usage of a plain answer, and the data payloads of the same as a stream. */
async function both(id: string, model: string, prices?: Price[], more: object = {}) {
  const { post, simulator } = open(id, prices);
  const plain = (await (await post({ model, messages })).json()) as Record<string, unknown>;
  const text = await (await post({ model, messages, stream: true, ...more })).text();
  const frames = text
    .trim()
    .split('\n\n')
    .map((frame) => frame.slice(6));
  expect(frames.at(-1)).toBe('[DONE]');
  const chunks = frames.slice(0, -1).map((frame) => JSON.parse(frame) as Record<string, unknown>);
  return { plain, usage: plain.usage as Record<string, number>, chunks, bill: simulator.bill };
}

const all = ['deepseek', 'mistral', 'xai', 'groq', 'together', 'cohere', 'qwen', 'openrouter', 'vllm', 'some-other'];

test.each(all)('%s answers the OpenAI SDK, plain and streamed, and bills its usage once', async (id) => {
  const { client, simulator } = open(id);
  const asked = { model: 'any/model-at-all', messages };
  const plain = await client.chat.completions.create(asked);
  const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
  expect(plain.choices[0]?.message.content).toBe('Hello, world. All is well.');
  expect(streamed.choices[0]?.message.content).toBe(plain.choices[0]?.message.content);
  const [one, other] = simulator.bill.calls;
  expect(one?.charges).toEqual(other?.charges);
  const billed = one?.charges.reduce((sum, charge) => sum + charge.quantity, 0);
  expect(billed).toBe(plain.usage?.total_tokens);
  expect((await client.models.retrieve('any/model-at-all')).owned_by).toBe(id);
});

describe('the usage', () => {
  test('of deepseek splits the prompt by cache, and shows its thoughts', async () => {
    const { plain, usage } = await both('deepseek', 'deepseek-reasoner');
    expect((usage.prompt_cache_hit_tokens ?? 0) + (usage.prompt_cache_miss_tokens ?? 0)).toBe(usage.prompt_tokens);
    expect(plain).toMatchObject({ choices: [{ message: { reasoning_content: expect.stringContaining('weigh') } }] });
  });

  test('of xai leaves reasoning outside, and names its cost where prices are known', async () => {
    const { usage, bill } = await both('xai', 'grok-5', priced('xai', 'grok-5'));
    const details = usage.completion_tokens_details as unknown as Record<string, number>;
    expect(details.reasoning_tokens).toBeGreaterThan(0);
    const sum = (usage.prompt_tokens ?? 0) + (usage.completion_tokens ?? 0) + (details.reasoning_tokens ?? 0);
    expect(usage.total_tokens).toBe(sum);
    const charge = bill.calls[0]?.charges.at(-1);
    expect(charge?.quantity).toBe((usage.completion_tokens ?? 0) + (details.reasoning_tokens ?? 0));
    expect(BigInt(usage.cost_in_usd_ticks ?? 0) * 100n).toBe(bill.totalOf(bill.calls[0]!).pico);
    expect((await both('xai', 'grok-9')).usage).not.toHaveProperty('cost_in_usd_ticks');
  });

  test('of openrouter names its cost in dollars, in every stream', async () => {
    const { usage, chunks, bill } = await both('openrouter', 'a/b', priced('openrouter', 'a/b'));
    expect(Math.round((usage.cost ?? 0) * 1e12)).toBe(Number(bill.totalOf(bill.calls[0]!).pico));
    expect(usage.cost).toBeGreaterThan(0);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
  });

  test('of mistral stands in the finish chunk, unasked', async () => {
    const { usage, chunks } = await both('mistral', 'mistral-large-latest');
    expect(Object.keys(usage)).toEqual(['prompt_tokens', 'completion_tokens', 'total_tokens']);
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }], usage });
  });

  test('of groq stands in x_groq of the finish chunk', async () => {
    const { usage, chunks } = await both('groq', 'llama-3.3-70b-versatile');
    expect(usage.total_time).toBeGreaterThan(0);
    expect(chunks[0]).toHaveProperty('x_groq.id');
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }], x_groq: { usage } });
    const { chunks: asked } = await both('groq', 'llama', [], { stream_options: { include_usage: true } });
    expect(asked.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: expect.any(Number) } });
  });
});

test('unknown fields pass, x_ fields come back', async () => {
  const { post } = open('vllm');
  const response = await post({ model: 'm', messages, repetition_penalty: 1.1, x_note: 'kept' });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ x_note: 'kept' });
  expect((await post({ model: 'm', messages: 'hello' })).status).toBe(400);
});

test('a self-hosted model needs no key, the others do', async () => {
  const status = async (id: string) => {
    const request = { method: 'POST', body: JSON.stringify({ model: 'm', messages }) };
    return (await openaiCompatible(id).fetch('http://127.0.0.1:8000/v1/chat/completions', request)).status;
  };
  expect([await status('vllm'), await status('mistral')]).toEqual([200, 401]);
  const own = openaiCompatible('my-rack', { keyless: true, embeddingLength: () => 8 });
  const body = JSON.stringify({ model: 'e', input: 'hello' });
  const response = await own.fetch('http://127.0.0.1:8000/v1/embeddings', { method: 'POST', body });
  expect(((await response.json()) as OpenAI.CreateEmbeddingResponse).data[0]?.embedding).toHaveLength(8);
});

test('embeddings are there where the upstream has them', async () => {
  const body = { model: 'e', input: ['one', 'two'] };
  const made = await open('mistral').post(body, 'embeddings');
  expect(((await made.json()) as OpenAI.CreateEmbeddingResponse).data).toHaveLength(2);
  expect((await open('deepseek').post(body, 'embeddings')).status).toBe(404);
});

describe.skipIf(!hasSpecs)('by the official descriptions', () => {
  const schemas: [string, string, string | undefined][] = [
    ['groq', 'CreateChatCompletionResponse', 'CreateChatCompletionStreamResponse'],
    ['xai', 'CreateChatCompletionResponse', 'CreateChatCompletionStreamResponse'],
    ['together', 'ChatCompletionResponse', 'ChatCompletionChunk'],
    ['openrouter', 'ChatResult', undefined],
    ['mistral', 'ChatCompletionResponse', 'CompletionChunk'],
  ];
  test.each(schemas)('%s is valid', async (id, answer, chunk) => {
    const { plain, chunks } = await both(id, 'model-r1', priced(id, 'model-r1'));
    // Mistral's description requires a field `data` that it defines nowhere.
    const whole = id === 'mistral' ? { ...plain, data: [] } : plain;
    expect(validator(id, `/components/schemas/${answer}`)!(whole)).toBeUndefined();
    const valid = chunk === undefined ? undefined : validator(id, `/components/schemas/${chunk}`)!;
    for (const one of chunks) expect(valid?.(one)).toBeUndefined();
  });
});
