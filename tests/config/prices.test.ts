import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { shifted } from '../../config/decimal.ts';
import { readForeignCatalogue } from '../../config/foreign-catalogue.ts';
import { diffPrices, propose } from '../../config/price-diff.ts';
import { times, uplift } from '../../config/uplift.ts';
import type { Json, Price } from '../../src/contract/index.ts';
import { sharedFolder } from '../support/spec.ts';

const read = (content: Json, name = 'x') => readForeignCatalogue([{ name, content }]);
const short = (content: Json, name?: string) =>
  read(content, name).prices.map(({ provider, model, meter, price, per, dims, contextOver }) =>
    [
      `${provider}/${model} ${meter} ${price}/${per}`,
      ...Object.entries(dims ?? {}).map(([key, value]) => `${key}=${value}`),
      ...(contextOver === undefined ? [] : [`over ${contextOver}`]),
    ].join(' '),
  );
const own = (more: Partial<Price>): Price => ({
  provider: 'groq',
  model: 'm',
  meter: 'input_text_tokens',
  price: '1',
  per: '1000000',
  source: 'a/b',
  checked: '2026-01-01',
  ...more,
});

describe('catalogues of others', () => {
  test('LiteLLM: tokens, tiers, contexts, cache writes, media; our names of providers', () => {
    const content = {
      sample_spec: { litellm_provider: 'none' },
      'gemini/g-1': {
        litellm_provider: 'gemini',
        mode: 'chat',
        input_cost_per_token: 1.25e-6,
        input_cost_per_token_above_200k_tokens: 2.5e-6,
        output_cost_per_token_batches: 5e-6,
        cache_read_input_token_cost: 3.625e-9,
      },
      'claude-x': {
        litellm_provider: 'anthropic',
        cache_creation_input_token_cost: 1.25e-6,
        cache_creation_input_token_cost_above_1hr: 2e-6,
      },
      'groq/w': {
        litellm_provider: 'groq',
        mode: 'audio_transcription',
        input_cost_per_second: 3.083e-5,
        output_cost_per_second: 0,
      },
      'black_forest_labs/flux': { litellm_provider: 'black_forest_labs', output_cost_per_image: 0.08 },
    };
    expect(short(content).sort()).toEqual([
      'anthropic/claude-x cache_write_1h_tokens 2/1000000',
      'anthropic/claude-x cache_write_5m_tokens 1.25/1000000',
      'black-forest-labs/flux images 0.08/1',
      'google/g-1 cached_input_tokens 0.003625/1000000',
      'google/g-1 input_text_tokens 1.25/1000000',
      'google/g-1 input_text_tokens 2.5/1000000 over 200000',
      'google/g-1 output_text_tokens 5/1000000 service_tier=batch',
      'groq/w input_audio_seconds 0.00003083/1',
    ]);
  });
  test('Portkey: cents, images by quality and size, modes and context tiers', () => {
    const pay = (price: number) => ({
      pricing_config: { pay_as_you_go: { request_token: { price }, response_token: { price: 0 } } },
    });
    const content = {
      default: pay(9),
      t: {
        ...pay(0.00025),
        custom_pricing: {
          regions: {
            default: {
              execution_modes: { priority: { context_tiers: { 'lte-272k': pay(0.0005), 'gt-272k': pay(0.001) } } },
            },
          },
        },
      },
      i: {
        pricing_config: {
          pay_as_you_go: { image: { high: { '1024x1024': { price: 16.7 } }, default: { default: { price: 4 } } } },
        },
      },
    };
    expect(short(content, 'mistral-ai').sort()).toEqual([
      'mistral/i images 0.04/1',
      'mistral/i images 0.167/1 quality=high size=1024x1024',
      'mistral/t input_text_tokens 10/1000000 service_tier=priority over 272000',
      'mistral/t input_text_tokens 2.5/1000000',
      'mistral/t input_text_tokens 5/1000000 service_tier=priority',
    ]);
  });
  test('models.dev: prices by the million, tiers', () => {
    const cost = { input: 0.6, output: 2.4, input_audio: 10, tiers: [{ input: 1.2, tier: { size: 200000 } }] };
    expect(short({ togetherai: { id: 'togetherai', models: { m: { cost } } } })).toEqual([
      'together/m input_text_tokens 0.6/1000000',
      'together/m output_text_tokens 2.4/1000000',
      'together/m input_audio_tokens 10/1000000',
      'together/m input_text_tokens 1.2/1000000 over 200000',
    ]);
  });
  test('anything else is refused', () => {
    expect(() => read({ a: { b: 1 } })).toThrow(RangeError);
    expect(() => read([])).toThrow(RangeError);
  });
  test('numbers move their point and nothing else', () => {
    expect([
      shifted(2.5e-6, 6),
      shifted(3.625e-9, 6),
      shifted(16.7, -2),
      shifted(0.04, 0),
      shifted(0.002, 3),
      shifted(1e21, 0),
    ]).toEqual(['2.5', '0.003625', '0.167', '0.04', '2', '1000000000000000000000']);
  });
});

describe('differences', () => {
  const theirs = [
    { provider: 'groq', model: 'm', meter: 'input_text_tokens', price: '4', per: '1000000' },
    { provider: 'groq', model: 'm', meter: 'output_text_tokens', price: '2', per: '1000000' },
    { provider: 'groq', model: 'new', meter: 'input_text_tokens', price: '1', per: '1000000' },
    { provider: 'other', model: 'm', meter: 'input_text_tokens', price: '1', per: '1000000' },
  ] as const;
  test('only what holds that day is compared; a great change is flagged, nothing is taken over', () => {
    const prices = [own({ until: '2026-06-01' }), own({ price: '1', from: '2026-06-01' })];
    const diff = diffPrices(prices, theirs, '2026-07-01');
    expect([diff.compared, diff.differences.length, diff.lacking.length, diff.unknown.length]).toEqual([1, 1, 1, 2]);
    expect(propose(diff, 'groq', '2026-07-01')).toMatchObject([
      {
        change: 'changed',
        price: '4',
        from: '2026-07-01',
        ours: '1 per 1000000',
        flags: ['changes the price 4.00-fold'],
      },
      { change: 'new', meter: 'output_text_tokens', flags: [] },
      { change: 'new', model: 'new' },
    ]);
  });
  test('other units and float dust are no difference; rounding is told apart', () => {
    const one = { ...theirs[0], price: '0.001', per: '1000' };
    expect(diffPrices([own({})], [one], '2026-07-01').differences).toEqual([]);
    expect(diffPrices([own({})], [{ ...one, price: '0.00100000000000000002' }], '2026-07-01').rounded).toEqual([]);
    expect(diffPrices([own({})], [{ ...one, price: '0.0010001' }], '2026-07-01')).toMatchObject({
      differences: [],
      rounded: [{}],
    });
  });
});

describe('uplifts', () => {
  test('factors multiply exactly', () => {
    expect([times('5', '1.1'), times('0.0028', '1.1'), times('2.50', '4')]).toEqual(['5.5', '0.00308', '10']);
  });
  test('every token price without the dimension gets a twin, in the days in which both hold', () => {
    const prices = [
      own({ dims: { service_tier: 'batch' }, until: '2026-09-01' }),
      own({ contextOver: 1000, from: '2026-08-01' }),
      own({ meter: 'tool_web_search_calls' }),
      own({ dims: { region: 'eu' } }),
      own({ until: '2026-02-01' }),
    ];
    const row = { models: ['m'], times: '1.1', dims: { region: 'eu' }, from: '2026-03-01' };
    const twins = uplift(prices, row, { source: 'c/d', checked: '2026-03-02' });
    expect(twins.map(({ price, dims, contextOver, from, until }) => [price, dims, contextOver, from, until])).toEqual([
      ['1.1', { service_tier: 'batch', region: 'eu' }, undefined, '2026-03-01', '2026-09-01'],
      ['1.1', { region: 'eu' }, 1000, '2026-08-01', undefined],
    ]);
  });
});

describe('npm run prices', () => {
  const folder = mkdtempSync(join(tmpdir(), 'atelier-prices-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const run = (...args: string[]) =>
    execFileSync(process.execPath, ['config/prices-cli.ts', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  test('check lints the shipped catalogue', () => expect(run('check')).toMatch(/ 0 fault\(s\)/));
  test('price prints what the door would answer', () => {
    const file = join(folder, 'case.json');
    writeFileSync(
      file,
      JSON.stringify({
        provider: 'openai',
        model: 'gpt-4o',
        endpoint: 'chat.completions',
        usage: { prompt_tokens: 1000 },
      }),
    );
    expect(JSON.parse(run('price', file))).toMatchObject({ status: 'priced', total: '0.0025' });
  });
  test('import stages into a new file and never over one', () => {
    const [file, out] = [join(folder, 'theirs.json'), join(folder, 'review.json')];
    const entry = { litellm_provider: 'groq', input_cost_per_token: 1e-6 };
    writeFileSync(file, JSON.stringify({ 'groq/llama-3.3-70b-versatile': entry, 'groq/brand-new': entry }));
    const before = readFileSync('config/prices/groq.json', 'utf8');
    expect(run('import', file, '--provider', 'groq', '--out', out)).toMatch(/1 changed and 1 new/);
    const review = JSON.parse(readFileSync(out, 'utf8'));
    expect(review.proposals).toMatchObject([
      { change: 'changed', price: '1' },
      { change: 'new', model: 'brand-new' },
    ]);
    expect(readFileSync('config/prices/groq.json', 'utf8')).toBe(before);
    expect(() => run('import', file, '--provider', 'groq', '--out', out)).toThrow();
  });
  test('check holds the catalogue against the pinned base; a base model is priced from it', () => {
    expect(Number(/genai-prices@\S+ \(base\): (\d+) prices compared/.exec(run('check'))?.[1])).toBeGreaterThan(500);
    const file = join(folder, 'old.json');
    const usage = { prompt_tokens: 1000 };
    writeFileSync(
      file,
      JSON.stringify({ provider: 'openai', model: 'gpt-4-0613', endpoint: 'chat.completions', usage }),
    );
    expect(JSON.parse(run('price', file))).toMatchObject({
      status: 'priced',
      total: '0.03',
      catalogue: expect.stringMatching(/\+genai-prices@/),
    });
  });
  test('refresh stages what the base would change, and what a newer one would: a file, nothing else', () => {
    const before = readFileSync('config/prices/xai.json', 'utf8');
    const [out, newer] = [join(folder, 'refresh.json'), join(folder, 'data.json')];
    expect(run('refresh', '--out', out, '--day', '2026-11-22')).toMatch(/Nothing was taken over/);
    const review = JSON.parse(readFileSync(out, 'utf8'));
    expect(review).toMatchObject({ checked: '2026-11-22', source: expect.stringMatching(/^genai-prices@/) });
    expect(review.providers.xai).toContainEqual(
      expect.objectContaining({ model: 'grok-4.5', meter: 'cached_input_tokens', change: 'changed', price: '0.3' }),
    );
    const model = (id: string, input_mtok: number) => ({ id, match: { equals: id }, prices: { input_mtok } });
    const models = [model('grok-4', 30), model('grok-2-1212', 2), model('grok-9', 1)];
    writeFileSync(newer, JSON.stringify([{ id: 'x-ai', name: 'xAI', api_pattern: 'x', models }]));
    const second = join(folder, 'newer.json');
    expect(run('refresh', newer, '--out', second)).toMatch(/1 changed .* 1 flagged, \d+ of the base/);
    const staged = JSON.parse(readFileSync(second, 'utf8'));
    expect(staged.providers.xai).toContainEqual(
      expect.objectContaining({ model: 'grok-4', price: '30', flags: ['changes the price 10.0-fold'] }),
    );
    expect(staged.base).toContainEqual({
      where: 'xai/grok-9 input_text_tokens',
      change: 'new',
      after: '1 per 1000000',
    });
    expect(staged.base.some((one: { change: string }) => one.change === 'gone')).toBe(true);
    expect(readFileSync('config/prices/xai.json', 'utf8')).toBe(before);
    expect(() => run('refresh', '--out', out)).toThrow();
  });
  const portkey = join(sharedFolder, 'prices/portkey');
  test.skipIf(!existsSync(portkey))('check reads a whole folder (needs ../shared)', () => {
    const told = run('check', portkey, '--day', '2026-08-21');
    expect(Number(/(\d+) prices compared/.exec(told)?.[1])).toBeGreaterThan(400);
  });
});
