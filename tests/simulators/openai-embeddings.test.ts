import OpenAI from 'openai';
import { expect, test } from 'vitest';
import { openai } from '../../providers/simulators/openai.ts';
import { hasSpecs, responsePointer, validator } from '../support/spec.ts';

function open() {
  const simulator = openai();
  return { simulator, client: new OpenAI({ apiKey: 'sk-test', fetch: simulator.fetch, maxRetries: 0 }) };
}

const model = 'text-embedding-3-small';
const dot = (one: number[], other: number[]) => one.reduce((sum, value, place) => sum + value * (other[place] ?? 0), 0);

test('vectors have length one, and texts that share words point alike', async () => {
  const { client, simulator } = open();
  const input = ['a red boat on the sea', 'the red boat at sea', 'quarterly tax report'];
  const answer = await client.embeddings.create({ model, input });
  const [one, other, far] = answer.data.map((item) => item.embedding);
  expect(one).toHaveLength(1536);
  expect(dot(one!, one!)).toBeCloseTo(1, 5);
  expect(dot(one!, other!)).toBeGreaterThan(0.5);
  expect(Math.abs(dot(one!, far!))).toBeLessThan(0.2);
  expect(simulator.bill.calls[0]?.charges).toEqual([
    { meter: 'input_text_tokens', quantity: answer.usage.prompt_tokens },
  ]);
});

test('float and base64 say the same, dimensions shorten', async () => {
  const { client } = open();
  const create = async (encoding_format: 'float' | undefined, dimensions?: number) =>
    (await client.embeddings.create({ model, input: 'hello', encoding_format, dimensions })).data[0]!.embedding;
  const [packed, plain] = [await create(undefined), await create('float')];
  expect(plain).toHaveLength(packed.length);
  expect(Math.max(...plain.map((value, place) => Math.abs(value - packed[place]!)))).toBeLessThan(1e-7);
  const short = await create('float', 256);
  expect(short).toHaveLength(256);
  expect(dot(short, short)).toBeCloseTo(1, 5);
});

test('token arrays count their length', async () => {
  const { client } = open();
  expect((await client.embeddings.create({ model, input: [1, 2, 3] })).usage.prompt_tokens).toBe(3);
  const two = await client.embeddings.create({ model, input: [[1, 2], [3]] });
  expect([two.data.length, two.usage.total_tokens]).toEqual([2, 3]);
});

const bad: [string, object][] = [
  ['an empty text', { input: '' }],
  ['an empty list', { input: [] }],
  ['a mixed list', { input: ['a', 1] }],
  ['too many dimensions', { input: 'a', dimensions: 2000 }],
  ['too long a text', { input: 'x'.repeat(40_000) }],
  ['a chat model', { input: 'a', model: 'gpt-4o' }],
  ['an unknown encoding', { input: 'a', encoding_format: 'int8' }],
];
test.each(bad)('%s is refused', async (_, more) => {
  const { client, simulator } = open();
  const body = { model, ...more } as OpenAI.EmbeddingCreateParams;
  await expect(client.embeddings.create(body)).rejects.toMatchObject({ status: 400 });
  expect(simulator.bill.calls).toEqual([]);
});

test.skipIf(!hasSpecs)('answers are valid by the official description', async () => {
  const { client } = open();
  const answer = await client.embeddings.create({ model, input: ['a', 'b'], encoding_format: 'float' });
  expect(validator('openai', responsePointer('/embeddings', 'post', 200))!(answer)).toBeUndefined();
});
