import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { createUsageReader } from '../../providers/index.ts';
import { type JsonObject, type Meter, meters, type Price, type Usage } from '../../src/contract/index.ts';
import { priceObject } from '../../src/gateway/price-object.ts';
import { readPriceCall, writePrice } from '../../src/http/price-door.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { parseUsd, writeUsd } from '../../src/meter/money.ts';
import { priceUsage } from '../../src/meter/price.ts';
import { createRateCard } from '../../src/meter/rate-card.ts';
import { asBody, explained, goldenCases, hasGolden, ratesOf, wantedLines, writtenLines } from '../support/golden.ts';

const config = await loadConfig(shipped);
const catalogue = createCatalogue(config.prices, config.hash);
const readUsage = createUsageReader(config.providers);
const now = Date.parse('2026-11-22T12:00:00Z');

function price(body: JsonObject): JsonObject {
  return writePrice(
    priceObject(readPriceCall(body), {
      catalogue,
      readUsage,
      find: (provider, model) => config.models.find((row) => row.provider === provider && row.upstream === model),
      quirksOf: (provider) => config.providers.find((row) => row.id === provider)?.quirks,
      now,
    }),
  );
}

describe.skipIf(!hasGolden)('golden cases (needs ../shared/golden)', () => {
  const cases = goldenCases().map((entry) => [entry.id, entry] as const);
  test('there are many', () => expect(cases.length).toBeGreaterThan(50));
  test.each(cases)("%s: with the case's own rates", (_, entry) => {
    const answer = price(asBody(entry, ratesOf(entry)));
    expect([answer.total, answer.status, answer.basis]).toEqual([
      entry.expected_usd,
      entry.cost_status,
      entry.cost_basis,
    ]);
    expect(writtenLines(answer, entry)).toEqual(wantedLines(entry));
  });
  test.each(cases)('%s: with the shipped catalogue', (_, entry) => {
    const answer = price(asBody(entry));
    const agrees = answer.total === entry.expected_usd && answer.status === entry.cost_status;
    expect(agrees || entry.id in explained, `${answer.total} ${answer.status}`).toBe(true);
    expect(agrees && entry.id in explained, 'is explained but agrees').toBe(false);
    if (agrees)
      expect([answer.basis, ...writtenLines(answer, entry)]).toEqual([entry.cost_basis, ...wantedLines(entry)]);
  });
});

describe('money', () => {
  const row = (meter: Meter, amount: string, per: string): Price => ({
    provider: 'p',
    model: 'm',
    meter,
    price: amount,
    per,
    source: 'a/b',
    checked: '2026-01-01',
  });
  const decimals = fc.tuple(fc.nat(9999), fc.nat(999)).map(([whole, part]) => `${whole}.${part}`);

  test('a total is the sum of its lines, whatever their number and prices', () => {
    const line = fc.record({ meter: fc.constantFrom(...meters), quantity: fc.nat(2 ** 40), price: decimals });
    const all = fc.uniqueArray(line, { selector: ({ meter }) => meter, minLength: 1 });
    fc.assert(
      fc.property(all, fc.constantFrom('1', '60', '1000', '1000000'), (lines, per) => {
        const prices = lines.map(({ meter, price: amount }) => row(meter, amount, per));
        const usage: Usage = { metered: lines.map(({ meter, quantity }) => ({ meter, quantity })), source: 'body' };
        const receipt = priceUsage(createCatalogue(prices, 'h'), { provider: 'p', model: 'm', usage, at: now });
        expect(receipt.total).toBe(receipt.lines.reduce((sum, { amount }) => sum + (amount ?? 0n), 0n));
        for (const { meter, quantity, amount } of receipt.lines) {
          const own = lines.find((each) => each.meter === meter);
          const exact = parseUsd(own?.price ?? '0') * BigInt(quantity);
          const error = (amount ?? 0n) * BigInt(per) - exact;
          expect(2n * (error < 0n ? -error : error) <= BigInt(per)).toBe(true);
        }
      }),
    );
  });

  test('big and small numbers lose nothing', () => {
    const card = createCatalogue([row('input_text_tokens', '123456789.000000000001', '1')], 'h');
    const of = (quantity: number) => {
      const usage: Usage = { metered: [{ meter: 'input_text_tokens', quantity }], source: 'body' };
      return writeUsd(priceUsage(card, { provider: 'p', model: 'm', usage, at: now }).total ?? -1n);
    };
    expect(of(Number.MAX_SAFE_INTEGER)).toBe(writeUsd(123456789000000000001n * 9007199254740991n));
    expect(of(1e-7)).toBe('12.3456789');
    expect(of(1e21)).toBe('123456789000000000001000000000');
    const cached = createCatalogue([row('cached_input_tokens', '0.0028', '1000000')], 'h');
    const million: Usage = { metered: [{ meter: 'cached_input_tokens', quantity: 1_234_000_000 }], source: 'body' };
    expect(writeUsd(priceUsage(cached, { provider: 'p', model: 'm', usage: million, at: now }).total ?? 0n)).toBe(
      '3.4552',
    );
  });

  test('a leaf without a price is unpriced, beside others partially, and never takes the price of text', () => {
    const rates = [{ meter: 'input_text_tokens', price: '1', per: '1000000' }];
    const usage = { prompt_tokens: 10, completion_tokens: 4, prompt_tokens_details: { audio_tokens: 6 } };
    const answer = price({ provider: 'openai', model: 'x', endpoint: 'chat.completions', usage, rates });
    expect([answer.status, answer.total]).toEqual(['partially_unpriced', '0.000004']);
    expect(price({ provider: 'openai', model: 'no-such', endpoint: 'chat.completions', usage })).toMatchObject({
      status: 'unpriced',
      total: null,
    });
  });
});

describe('which of several prices holds', () => {
  const at = Date.parse('2026-08-01T12:00:00Z');
  const usage = (dims: Record<string, string>, input = 1000): Usage => ({
    metered: [{ meter: 'input_text_tokens', quantity: input }],
    dims,
    source: 'body',
  });
  const priced = (model: string, dims: Record<string, string>, input?: number, provider = 'openai') =>
    priceUsage(catalogue, { provider, model, usage: usage(dims, input), at });

  test('a region meets every tier and context: its uplift is on each of them', () => {
    expect(priced('gpt-5.5', { region: 'eu' }).lines[0]?.price).toBe('5.5');
    expect(priced('gpt-5.5', { region: 'eu', service_tier: 'batch' }).lines[0]?.price).toBe('2.75');
    expect(priced('gpt-5.5', { region: 'us', service_tier: 'flex' }, 300_000).lines[0]?.price).toBe('5.5');
    expect(priced('gpt-5.5', { region: 'us', service_tier: 'flex' }, 300_000).status).toBe('priced');
    expect(priced('claude-opus-4-6', { region: 'us', speed: 'fast' }, 1000, 'anthropic').lines[0]?.price).toBe('33');
  });

  test('a tier that nobody prices for long contexts: the dearer of the two, and said to be an estimate', () => {
    const short = priced('gpt-5.5', { service_tier: 'priority' });
    expect([short.lines[0]?.price, short.status]).toEqual(['12.5', 'priced']);
    const long = priced('gpt-5.5', { service_tier: 'priority' }, 300_000);
    expect(long.status).toBe('priced_estimated');
    expect(Number(long.lines[0]?.price)).toBeGreaterThanOrEqual(10);
    expect(long.lines[0]?.contested).toBe(true);
  });

  test('it does not depend on the order of the rows', () => {
    const rows = (['region', 'service_tier', 'speed'] as const).map(
      (name, index): Price => ({
        provider: 'p',
        model: 'm',
        meter: 'input_text_tokens',
        price: String(index + 1),
        per: '1',
        dims: { [name]: 'x' },
        source: 'a/b',
        checked: '2026-01-01',
      }),
    );
    const dims = { region: 'x', service_tier: 'x', speed: 'x' };
    fc.assert(
      fc.property(fc.shuffledSubarray(rows, { minLength: 3 }), (shuffled) => {
        const receipt = priceUsage(createCatalogue(shuffled, 'h'), {
          provider: 'p',
          model: 'm',
          usage: usage(dims),
          at,
        });
        expect(receipt.lines[0]?.price).toBe('3');
      }),
    );
  });

  test('a minimum is billed where less was used, also with rates of the caller', () => {
    const call = {
      provider: 'groq',
      model: 'whisper-large-v3',
      modality: 'transcription',
      endpoint: 'audio.transcriptions',
    };
    const rates = [{ meter: 'input_audio_seconds', price: '0.111', per: '3600' }];
    const quantity = (seconds: number, more: JsonObject = {}) =>
      (price({ ...call, ...more, request: { audio_seconds: seconds } }).lines as JsonObject[])[0]?.quantity;
    expect([quantity(5), quantity(5, { rates }), quantity(12.5), quantity(12.5, { rates })]).toEqual([
      '10',
      '10',
      '12.5',
      '12.5',
    ]);
    expect(quantity(5, { rates: [{ ...rates[0], min_quantity: '7' } as JsonObject] })).toBe('7');
  });

  test('rates of the caller: dimensions choose; a single one holds where the usage is silent, none where it says otherwise', () => {
    const card = createRateCard(
      [
        { meter: 'images', price: '1', per: '1', dims: { quality: 'low' } },
        { meter: 'images', price: '2', per: '1', dims: { quality: 'high' } },
        { meter: 'songs', price: '3', per: '1', dims: { length: 'short' } },
        { meter: 'input_text_tokens', price: '4', per: '1', model: 'other' },
      ],
      catalogue,
    );
    const ask = (meter: Meter, dims?: Record<string, string>, model = 'm') =>
      card.select({ provider: 'p', model, meter, dims, inputTokens: 0, at })?.rate.price.price;
    expect([ask('images', { quality: 'high' }), ask('images'), ask('images', { quality: 'medium' })]).toEqual([
      '2',
      undefined,
      undefined,
    ]);
    expect([ask('songs'), ask('songs', { length: 'long' })]).toEqual(['3', undefined]);
    expect([ask('input_text_tokens'), ask('input_text_tokens', {}, 'other')]).toEqual([undefined, '4']);
  });
});

describe('usage that only pricing meets', () => {
  const lines = (body: JsonObject) =>
    Object.fromEntries((price(body).lines as JsonObject[]).map(({ meter, quantity }) => [meter, quantity]));

  test('attempts: refused ones cost nothing, unknown ones leave a gap', () => {
    const chain = (...usage: JsonObject[]) =>
      price({ provider: '(chain)', model: 'x', endpoint: 'chat.completions', usage });
    const ok = {
      provider: 'openai',
      model: 'gpt-4o',
      outcome: 'ok',
      usage: { prompt_tokens: 1000, completion_tokens: 0 },
    };
    const refused = { provider: 'anthropic', model: 'claude-sonnet-4-5', outcome: 'rate_limited', usage: null };
    const lost = { provider: 'anthropic', model: 'claude-sonnet-4-5', outcome: 'timeout', usage: null };
    expect(chain(refused, ok)).toMatchObject({ status: 'priced', basis: 'sum_of_attempts', total: '0.0025' });
    expect(chain(refused)).toMatchObject({ status: 'not_billable', total: '0' });
    expect(chain(lost, ok)).toMatchObject({ status: 'partially_unpriced', total: '0.0025' });
    expect(chain(lost)).toMatchObject({ status: 'unpriced', total: null });
  });
  test('a broken stream counts what was delivered where that is more than its placeholder', () => {
    const call = {
      provider: 'openai',
      model: 'gpt-4o',
      endpoint: 'chat.completions',
      usage: { prompt_tokens: 100, completion_tokens: 1 },
    };
    expect(price({ ...call, response: { aborted: true, delivered_output_tokens: 40 } })).toMatchObject({
      status: 'priced_estimated',
      basis: 'partial_stream_estimate',
      total: '0.00065',
    });
  });
  test('shares that exceed their total are priced as an estimate that says so', () => {
    const usage = { prompt_tokens: 10, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 50 } };
    expect(price({ provider: 'openai', model: 'gpt-4o', endpoint: 'chat.completions', usage })).toMatchObject({
      status: 'priced_estimated',
      basis: 'usage_inconsistent',
    });
  });
  test('an answer of the gateway itself and a refused call cost nothing', () => {
    const call = { provider: 'openai', model: 'gpt-4o', endpoint: 'chat.completions' };
    expect(price({ ...call, response: { status: 429 } })).toMatchObject({ status: 'not_billable', total: '0' });
    expect(price({ ...call, usage: { prompt_tokens: 9 }, request: { gateway_cache_hit: true } })).toMatchObject({
      total: '0',
      basis: 'gateway_cache_hit',
    });
  });
  test('a usage inside a whole answer is found', () => {
    const response = { id: 'x', usage: { prompt_tokens: 1000, completion_tokens: 0 } };
    expect(price({ provider: 'openai', model: 'gpt-4o', endpoint: 'chat.completions', response }).total).toBe('0.0025');
  });
  test('media vendors: units of a header, returned over requested, seconds in any unit', () => {
    const rates = (...meters: string[]) => meters.map((meter) => ({ meter, price: '1', per: '1' }));
    const image = { provider: 'someone', model: 'm', endpoint: 'images', modality: 'image' };
    expect(
      lines({ ...image, request: { num_images: 4 }, response: { images: [{}, {}, {}] }, rates: rates('images') }),
    ).toEqual({ images: '3' });
    expect(lines({ ...image, request: { n: 2, width: 2048, height: 1024 }, rates: rates('megapixels') })).toEqual({
      megapixels: '4',
    });
    expect(
      lines({ ...image, response_headers: { 'X-Fal-Billable-Units': '2.5' }, rates: rates('provider_units') }),
    ).toEqual({ provider_units: '2.5' });
    const music = { provider: 'someone', model: 'm', endpoint: 'music', modality: 'music' };
    expect(lines({ ...music, request: { duration_ms: 12500 } })).toEqual({ output_audio_seconds: '12.5' });
    expect(lines({ ...music, request: { seconds: 30 }, rates: rates('songs') })).toEqual({ songs: '1' });
    const video = { provider: 'someone', model: 'm', endpoint: 'videos', modality: 'video' };
    expect(lines({ ...video, request: { duration: '5', n: 2 } })).toEqual({ output_video_seconds: '10' });
    expect(lines({ ...video, request: { duration: 5 }, response: { video: { duration: 5.04 } } })).toEqual({
      output_video_seconds: '5.04',
    });
    const speech = { provider: 'someone', model: 'm', endpoint: 'v1/t2a_v2', modality: 'speech' };
    expect(
      lines({ ...speech, request: { text: 'Grüß 👋' }, response: { extra_info: { usage_characters: 9 } } }),
    ).toEqual({ input_characters: '9' });
    expect(lines({ ...speech, request: { text: 'Grüß 👋' } })).toEqual({ input_characters: '6' });
    const heard = { provider: 'someone', model: 'm', endpoint: 'v1/listen', modality: 'transcription' };
    expect(
      lines({ ...heard, request: { multichannel: true }, response: { metadata: { duration: 10, channels: 2 } } }),
    ).toEqual({ input_audio_seconds: '20' });
  });
  test('nothing known stays unknown: no count is made up for a model that nobody prices', () => {
    for (const modality of ['image', 'music', 'video', '3d', 'speech', 'transcription']) {
      expect(price({ provider: 'nobody', model: 'm', endpoint: 'x', modality })).toMatchObject({
        status: 'unpriced',
        total: null,
        lines: [],
      });
    }
  });
  test('deep research: citations, reasoning and searches are billed apart', () => {
    const usage = {
      prompt_tokens: 33,
      completion_tokens: 7163,
      total_tokens: 7196,
      citation_tokens: 20016,
      num_search_queries: 18,
      reasoning_tokens: 73997,
    };
    const answer = price({ provider: 'perplexity', model: 'sonar-deep-research', endpoint: 'chat.completions', usage });
    expect([answer.status, answer.total]).toEqual(['priced', '0.409393']);
  });
  test('pages: the version of the alias in force, annotated pages dearer', () => {
    const ocr = (at: string, request?: JsonObject) =>
      price({
        provider: 'mistral',
        model: 'mistral-ocr-latest',
        endpoint: 'ocr',
        modality: 'ocr',
        at,
        usage: { pages_processed: 1000 },
        ...(request ? { request } : {}),
      }).total;
    expect(['2025-12-17', '2025-12-18', '2026-06-22', '2026-06-23'].map((at) => ocr(at))).toEqual(['1', '2', '2', '4']);
    expect(ocr('2026-07-01', { document_annotation_format: { type: 'json_schema' } })).toBe('5');
  });
  test('video of the house: seconds times samples, sound unless declined, the size that was made', () => {
    const veo = {
      provider: 'google',
      model: 'veo-3.1-generate-preview',
      endpoint: 'generateVideos',
      modality: 'video',
    };
    expect(price({ ...veo, request: { durationSeconds: 8, sampleCount: 2, resolution: '4k' } }).total).toBe('9.6');
    expect(price({ ...veo, request: { durationSeconds: 8, generateAudio: false } }).status).toBe('unpriced');
    const sora = { provider: 'openai', model: 'sora-2-pro', endpoint: 'videos', modality: 'video' };
    expect(
      price({ ...sora, request: { seconds: '4', size: '720x1280' }, response: { seconds: '8', size: '1792x1024' } })
        .total,
    ).toBe('4');
  });
});
