import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at, type JsonObject } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { asBody, explained, goldenCases, hasGolden, ratesOf, wantedLines, writtenLines } from '../support/golden.ts';
import { clientOf, pico } from './doors.ts';

let gateway: RunningGateway;
const { post, spent } = clientOf(() => gateway);
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const price = async (body: JsonObject) => (await post('/v1/price', body)).body as JsonObject;
const quote = async (body: JsonObject) => (await post('/v1/quote', body)).body as JsonObject;

describe.skipIf(!hasGolden)('POST /v1/price: golden cases (needs ../shared/golden)', () => {
  test('all of them with their own rates: total, status, basis and every line', async () => {
    const wrong: unknown[] = [];
    for (const entry of goldenCases()) {
      const answer = await price(asBody(entry, ratesOf(entry)));
      const got = [answer.total, answer.status, answer.basis, ...writtenLines(answer, entry)];
      const want = [entry.expected_usd, entry.cost_status, entry.cost_basis, ...wantedLines(entry)];
      if (JSON.stringify(got) !== JSON.stringify(want)) wrong.push({ id: entry.id, got, want });
    }
    expect(wrong).toEqual([]);
  });
  test('all of them with the shipped catalogue, but for what is explained', async () => {
    const differing: string[] = [];
    for (const entry of goldenCases()) {
      const answer = await price(asBody(entry));
      if (answer.total !== entry.expected_usd || answer.status !== entry.cost_status) differing.push(entry.id);
    }
    expect(differing.sort()).toEqual(Object.keys(explained).sort());
  });
});

describe('POST /v1/price', () => {
  const call = {
    provider: 'openai',
    model: 'gpt-4o',
    endpoint: 'chat.completions',
    usage: { prompt_tokens: 1200, completion_tokens: 350 },
  };
  test('decimal strings, the catalogue that was used, and nothing is booked', async () => {
    const before = await spent();
    const answer = await post('/v1/price', call);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      status: 'priced',
      basis: 'computed_from_usage',
      total: '0.0065',
      lines: [
        { meter: 'input_text_tokens', quantity: '1200', price: '2.5', per: '1000000', amount: '0.003' },
        { meter: 'output_text_tokens', quantity: '350', price: '10', per: '1000000', amount: '0.0035' },
      ],
    });
    expect(at(answer.body, 'catalogue')).toMatch(/^sha256:/);
    expect(await spent()).toBe(before);
  });
  test('prices a real answer of this gateway as its own receipt does', async () => {
    const made = (await post('/v1/generations', { model: 'openai/gpt-5.5', modality: 'text', input: 'a short story' }))
      .body;
    const lines = at(made, 'receipt', 'lines') as unknown as { meter: string; quantity: string }[];
    const count = (meter: string) => Number(lines.find((line) => line.meter === meter)?.quantity ?? 0);
    const usage = { prompt_tokens: count('input_text_tokens'), completion_tokens: count('output_text_tokens') };
    const again = await price({ provider: 'openai', model: 'gpt-5.5', endpoint: 'chat.completions', usage });
    expect(again.total).toBe(at(made, 'receipt', 'total'));
  });
  test('a model that only the base prices: the same for a quote, a real call and its usage, each naming the base', async () => {
    const catalogue = expect.stringMatching(/^sha256:[0-9a-f]{64}\+genai-prices@\d/);
    const asked = { model: 'openai/gpt-4-0613', modality: 'text', input: 'a short story' };
    const quoted = await quote(asked);
    expect(at(quoted, 'candidates')).toMatchObject([{ status: 'priced_estimated', catalogue }]);
    const made = (await post('/v1/generations', asked)).body;
    expect(at(made, 'receipt')).toMatchObject({ status: 'priced', catalogue });
    const lines = at(made, 'receipt', 'lines') as unknown as { meter: string; quantity: string; price: string }[];
    expect(lines.map(({ meter, price: each }) => [meter, each])).toEqual([
      ['input_text_tokens', '30'],
      ['output_text_tokens', '60'],
    ]);
    const [prompt_tokens = 0, completion_tokens = 0] = lines.map(({ quantity }) => Number(quantity));
    const usage = { prompt_tokens, completion_tokens };
    const again = await price({ provider: 'openai', model: 'gpt-4-0613', endpoint: 'chat.completions', usage });
    expect(again).toMatchObject({ total: at(made, 'receipt', 'total'), catalogue });
  });
  test('a key is needed, any key will do', async () => {
    expect((await post('/v1/price', call, { key: 'atl_live_no' })).status).toBe(401);
    expect((await post('/v1/price', call, { key: gateway.adminKey })).status).toBe(200);
  });
  test.each([
    [{ ...call, provider: undefined }, 'provider'],
    [{ ...call, rates: [{ meter: 'nonsense', price: '1', per: '1' }] }, 'rates.0.meter'],
    [{ ...call, rates: [{ meter: 'images', price: 'cheap', per: '1' }] }, 'rates.0.price'],
    [{ ...call, rates: [{ meter: 'images', price: '-1', per: '1' }] }, 'rates.0.price'],
    [{ ...call, rates: [{ meter: 'images', price: '1', per: '0' }] }, 'rates.0.per'],
    [{ ...call, at: 'yesterday' }, 'at'],
  ])('refuses what it cannot read and names it: %#', async (body, param) => {
    const answer = await post('/v1/price', body);
    expect([answer.status, at(answer.body, 'error', 'param')]).toEqual([400, param]);
  });
});

describe('POST /v1/quote', () => {
  test('a generation costs what was quoted: text within its bounds, images to the pico-dollar', async () => {
    const text = { model: 'openai/gpt-5.5', modality: 'text', input: 'Tell a story about a river.', max_tokens: 200 };
    const [quoted] = (await quote(text)).candidates as JsonObject[];
    const cost = pico(String(at((await post('/v1/generations', text)).body, 'receipt', 'total')));
    expect(pico(String(quoted?.min)) <= cost && cost <= pico(String(quoted?.max))).toBe(true);

    const image = { model: 'replicate/black-forest-labs/flux-schnell', input: 'a river', n: 2 };
    const [flux] = (await quote(image)).candidates as JsonObject[];
    expect(flux).toMatchObject({ status: 'priced', min: '0.006', expected: '0.006', max: '0.006' });
    expect(at((await post('/v1/generations', image)).body, 'receipt', 'total')).toBe('0.006');
  });
  test('a modality alone: every model of it that still lives, cheapest first, unknown ones last', async () => {
    const answer = await quote({ modality: 'image', input: 'a river', size: '1024x1024', quality: 'low' });
    const all = answer.candidates as { model: string; expected: string | null }[];
    expect(all.length).toBeGreaterThan(4);
    const known = all.filter((one) => one.expected !== null).map((one) => pico(one.expected ?? '0'));
    expect(known).toEqual([...known].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0)));
    expect(all.findLastIndex((one) => one.expected !== null)).toBe(known.length - 1);
  });
  test('a list keeps its order; a model of another modality is refused', async () => {
    const models = ['openai/gpt-4o', 'deepseek/deepseek-v4-flash', 'openai/no-such-model'];
    const answer = await quote({ models, modality: 'text', input: 'hello', max_tokens: 10 });
    const rows = answer.candidates as JsonObject[];
    expect(rows.map((row) => row.model)).toEqual(models);
    expect(rows[2]).toMatchObject({ status: 'unpriced', min: null, expected: null, max: null });
    const wrong = await post('/v1/quote', {
      models: ['openai/gpt-4o', 'openai/whisper-1'],
      modality: 'text',
      input: 'x',
    });
    expect([wrong.status, at(wrong.body, 'error', 'code')]).toEqual([400, 'modality_mismatch']);
  });
  test('computing time is learnt from runs of the same key', async () => {
    const body = { model: 'replicate/meta/musicgen', input: 'a river', seconds: 2 };
    expect(((await quote(body)).candidates as JsonObject[])[0]).toMatchObject({ status: 'unpriced', expected: null });
    const made = (await post('/v1/generations', body)).body;
    expect(((await quote(body)).candidates as JsonObject[])[0]).toMatchObject({
      status: 'priced_estimated',
      expected: at(made, 'receipt', 'total'),
      max: null,
    });
  });
  test('nothing to quote', async () => {
    expect((await post('/v1/quote', { input: 'x' })).status).toBe(400);
    expect((await post('/v1/quote', { models: [], input: 'x' })).status).toBe(400);
    expect((await post('/v1/quote', { modality: 'image' })).status).toBe(400);
  });
});
