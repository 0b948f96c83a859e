import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as published from '@pydantic/genai-prices';
import { describe, expect, test } from 'vitest';
import {
  baseIdOf,
  basePricesOf,
  baseProviders,
  baseVersion,
  createBasePrices,
  ownIdOf,
} from '../../config/base-prices.ts';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { priceSchema } from '../../config/schema.ts';
import type { Meter, Metered, Price } from '../../src/contract/index.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { picoPerUsd } from '../../src/meter/money.ts';
import { priceUsage } from '../../src/meter/price.ts';

const config = await loadConfig(shipped);
const at = Date.parse('2026-11-22T12:00:00Z');
const providers = (await published.waitForUpdate()) ?? [];
const row = (prices: published.ModelInfo['prices']) =>
  basePricesOf({ pricing_urls: ['https://house.test/prices'] }, { prices }, { provider: 'house', model: 'm' });
const short = (prices: readonly Price[]) =>
  prices.map(({ meter, price, per, dims, contextOver, from, until }) =>
    [
      meter,
      `${price}/${per}`,
      ...Object.values(dims ?? {}),
      contextOver,
      from && `from ${from}`,
      until && `to ${until}`,
    ]
      .filter((word) => word !== undefined)
      .join(' '),
  );

function counted() {
  let loads = 0;
  const base = createBasePrices(() => {
    loads++;
    return published;
  });
  return { base, loads: () => loads };
}

describe('the pinned package', () => {
  test('is the version that hashes name, in package.json and on disk, with the providers that are listed', () => {
    const pinned = JSON.parse(readFileSync('package.json', 'utf8')).dependencies['@pydantic/genai-prices'];
    const installed = createRequire(import.meta.url)
      .resolve('@pydantic/genai-prices')
      .replace(/dist.*$/, 'package.json');
    expect([pinned, JSON.parse(readFileSync(installed, 'utf8')).version]).toEqual([baseVersion, baseVersion]);
    expect([...baseProviders].sort()).toEqual(providers.map(({ id }) => id).sort());
    for (const id of baseProviders) expect(baseIdOf(ownIdOf(id))).toBe(id);
  });

  test('becomes rows that our own schema takes', () => {
    let rows = 0;
    for (const provider of providers) {
      for (const model of provider.models) {
        for (const price of basePricesOf(provider, model, { provider: provider.id, model: model.id })) {
          const { provider: _, contextOver, ...rest } = price;
          const read = priceSchema.safeParse({ ...rest, ...(contextOver ? { context_over: contextOver } : {}) });
          expect(read.error?.issues, `${provider.id}/${model.id} ${JSON.stringify(price)}`).toBeUndefined();
          rows++;
        }
      }
    }
    expect(rows).toBeGreaterThan(5000);
  });
});

describe('conversion', () => {
  test('text prices hold for pictures and films that go in, unless they have their own; never for sound', () => {
    expect(short(row({ input_mtok: 0.0375, output_mtok: 1.5, input_image_mtok: 2 }))).toEqual([
      'input_text_tokens 0.0375/1000000',
      'input_image_tokens 2/1000000',
      'input_video_tokens 0.0375/1000000',
      'output_text_tokens 1.5/1000000',
    ]);
  });

  test('context tiers, hours, pages and tools', () => {
    const tiered = { base: 5, tiers: [{ start: 200_000, price: 10 }] } as published.TieredPrices;
    expect(short(row({ cache_write_mtok: tiered, audio_hours: 0.04, input_audio_hours: 0.04 }))).toEqual([
      'cache_write_tokens 5/1000000',
      'cache_write_tokens 10/1000000 200000',
      'cache_write_5m_tokens 5/1000000',
      'cache_write_5m_tokens 10/1000000 200000',
      'input_audio_seconds 0.04/3600',
    ]);
    expect(
      short(row({ input_document_kpages: 4, input_annotated_document_kpages: 5, web_searches_kcount: 10 })),
    ).toEqual(['pages 4/1000', 'pages 5/1000 true', 'tool_web_search_calls 10/1000']);
  });

  test('dates: the last version listed that has begun holds', () => {
    const version = (input_mtok: number, start_date?: string): published.ConditionalPrice => ({
      prices: { input_audio_mtok: input_mtok },
      ...(start_date ? { constraint: { type: 'start_date', start_date } } : {}),
    });
    expect(short(row([version(3), version(2, '2026-03-01'), version(1, '2026-06-01')]))).toEqual([
      'input_audio_tokens 3/1000000 to 2026-03-01',
      'input_audio_tokens 2/1000000 from 2026-03-01 to 2026-06-01',
      'input_audio_tokens 1/1000000 from 2026-06-01',
    ]);
  });

  test('what cannot be said in our words is no price at all', () => {
    expect(row({ input_mtok: 1, input_text_messages_kcount: 4 })).toEqual([]);
    const night = { type: 'time_of_date', start_time: '00:30:00Z', end_time: '16:30:00Z' } as const;
    expect(row([{ prices: { input_mtok: 1 } }, { prices: { input_mtok: 2 }, constraint: night }])).toEqual([]);
  });
});

/** Its usage words and our meters, disjoint on both sides. */
const sides: [string[], Meter][] = [
  [['input_tokens'], 'input_text_tokens'],
  [['input_tokens', 'cache_read_tokens'], 'cached_input_tokens'],
  [['input_tokens', 'cache_write_tokens'], 'cache_write_tokens'],
  [['output_tokens'], 'output_text_tokens'],
];

test("every model costs what the package's own arithmetic says, on every side of its dates and tiers", () => {
  const { base } = counted();
  const catalogue = createCatalogue([], 'sha256:none', base);
  const days = ['2025-01-15', '2026-03-12', '2026-03-13', '2026-08-20', '2026-08-21', '2026-11-22', '2027-01-01'];
  let compared = 0;
  const left = new Set<string>();
  for (const provider of providers) {
    for (const { id, prices } of provider.models) {
      // Some have a record without any price, or go by other names than their record.
      const record = published.calcPrice({}, id, { providerId: provider.id })?.model;
      if (record?.id !== id || Object.keys(prices).length === 0) continue;
      for (const [index, day] of days.entries()) {
        const when = Date.parse(`${day}T12:00:00Z`);
        for (const size of [1000, 270_001]) {
          const usage: Record<string, number> = {};
          const metered: Metered[] = [];
          for (const [place, [names, meter]] of sides.entries()) {
            const quantity = size + index + place;
            // A version of a price may lack what a later one has.
            if (catalogue.select({ provider: provider.id, model: id, meter, inputTokens: 0, at: when })) {
              for (const name of names) usage[name] = (usage[name] ?? 0) + quantity;
              metered.push({ meter, quantity });
            }
          }
          if (metered.length === 0) {
            left.add(`${provider.id}/${id}`);
            continue;
          }
          const theirs = published.calcPrice(usage, id, { providerId: provider.id, timestamp: new Date(when) });
          const asked = { provider: provider.id, model: id, usage: { metered, source: 'body' as const }, at: when };
          const own = priceUsage(catalogue, asked);
          expect(own.status, `${provider.id}/${id} ${day}`).toBe('priced');
          expect(Number(own.total) / Number(picoPerUsd), `${provider.id}/${id} ${day}`).toBeCloseTo(
            theirs?.total_price ?? -1,
            9,
          );
          compared++;
        }
      }
    }
  }
  expect(compared).toBeGreaterThan(20_000);
  expect([...left].sort()).toEqual([
    // By the hour of the day.
    ...['chat', 'reasoner', 'v4-flash', 'v4-pro'].map((name) => `deepseek/deepseek-${name}`),
    // By seconds of sound or by pages alone.
    'groq/whisper-large-v3',
    'groq/whisper-large-v3-turbo',
    ...['2503', '2505', '2512', '4-0', '4-1', 'latest'].map((name) => `mistral/mistral-ocr-${name}`),
    'mistral/voxtral-mini-2602',
    'openai/gpt-transcribe',
    'openai/whisper-1',
    // By requests of a kind, by citations and by messages, for which we have no meter.
    ...['', '-deep-research', '-pro', '-reasoning', '-reasoning-pro'].map((name) => `perplexity/sonar${name}`),
    ...['latest', 'think-fast-1.0', 'think-fast-2.0'].map((name) => `x-ai/grok-voice-${name}`),
  ]);
});

describe('over the configured prices', () => {
  test('a model that they price at all never asks it, not even for a meter that they lack', () => {
    const { base, loads } = counted();
    const catalogue = createCatalogue(config.prices, config.hash, base);
    for (const { provider, upstream } of config.models) {
      if (!catalogue.has(provider, upstream)) continue;
      const metered: Metered[] = [
        { meter: 'input_text_tokens', quantity: 10 },
        { meter: 'input_video_tokens', quantity: 10 },
      ];
      priceUsage(catalogue, { provider, model: upstream, usage: { metered, source: 'body' }, at });
      catalogue.meters(provider, upstream);
      catalogue.dearest(provider, upstream, 'cache_write_tokens');
    }
    for (const model of ['black-forest-labs/new', 'x']) {
      expect(catalogue.meters('replicate', model)).toEqual(['gpu_seconds']);
      expect(catalogue.hashOf('local', model)).toBe(config.hash);
    }
    expect(loads()).toBe(0);
  });

  test('a model that only it knows is priced from it, and the receipt says so', () => {
    const { base, loads } = counted();
    const catalogue = createCatalogue(config.prices, config.hash, base);
    const known = new Set(config.prices.map(({ provider, model }) => `${provider}/${model}`));
    expect(known.has('openai/gpt-4-0613')).toBe(false);
    const metered: Metered[] = [
      { meter: 'input_text_tokens', quantity: 1000 },
      { meter: 'output_text_tokens', quantity: 100 },
      { meter: 'tool_web_search_calls', quantity: 1 },
    ];
    const receipt = priceUsage(catalogue, {
      provider: 'openai',
      model: 'gpt-4-0613',
      usage: { metered, source: 'body' },
      at,
    });
    expect(receipt).toMatchObject({ status: 'priced', catalogue: `${config.hash}+genai-prices@${baseVersion}` });
    // 1000 × 30 and 100 × 60 a million, and our own price of a search.
    expect(receipt.total).toBe((picoPerUsd * 46n) / 1000n);
    expect(loads()).toBe(1);
  });

  test('a model that it does not know either is unpriced, and the receipt says where was looked', () => {
    const { base } = counted();
    const catalogue = createCatalogue(config.prices, config.hash, base);
    const usage = { metered: [{ meter: 'input_text_tokens' as const, quantity: 1 }], source: 'body' as const };
    const receipt = priceUsage(catalogue, { provider: 'xai', model: 'rok-99', usage, at });
    expect(receipt).toMatchObject({ status: 'unpriced', catalogue: `${config.hash}+genai-prices@${baseVersion}` });
    expect(receipt.total).toBeUndefined();
  });
});
