import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../support/gateway.ts';

let gateway: RunningGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

type Output = { type: string; index?: number; vector?: number[]; url: string; media_type: string; bytes: number };

async function embed(count: number, dimensions: number) {
  const input = Array.from({ length: count }, (_, place) => `line ${place}`);
  const answer = await fetch(`${gateway.url}/v1/generations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'openai/text-embedding-3-large', input, dimensions }),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as { outputs: Output[]; receipt: { status: string } };
}

it('vectors are told in place as long as they are no megabytes', async () => {
  const { outputs } = await embed(3, 256);
  expect(outputs.map(({ type, index, vector }) => [type, index, vector?.length])).toEqual([
    ['embedding', 0, 256],
    ['embedding', 1, 256],
    ['embedding', 2, 256],
  ]);
});

it('many lie in one file behind a link, for no book carries them', async () => {
  const { outputs, receipt } = await embed(200, 3072);
  expect(outputs).toHaveLength(1);
  const [file] = outputs;
  expect(file).toMatchObject({ type: 'embedding', media_type: 'application/json' });
  expect(receipt.status).toBe('priced');
  const answer = await fetch(file!.url);
  const text = await answer.text();
  expect(text).toHaveLength(file!.bytes);
  const { data } = JSON.parse(text) as { data: { index: number; embedding: number[] }[] };
  expect(data.map(({ index, embedding }) => [index, embedding.length])).toEqual(
    Array.from({ length: 200 }, (_, place) => [place, 3072]),
  );
});
