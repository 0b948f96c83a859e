import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { lintConfig, retiredModels } from '../../config/lint.ts';
import { type Config, loadConfig } from '../../config/load.ts';
import type { Price } from '../../src/contract/index.ts';

const day = '2026-11-22';
const config = await loadConfig(shipped);

function rulesOf(changed: Partial<Config>, at = day): string[] {
  return [...new Set(lintConfig({ ...config, ...changed }, at).map((fault) => fault.rule))];
}

/** The shipped prices with some of one model changed. */
function withPrices(model: string, change: (price: Price) => Partial<Price> | undefined): Price[] {
  let changed = 0;
  const prices = config.prices.map((price) => {
    const difference = price.model === model ? change(price) : undefined;
    if (!difference) return price;
    changed++;
    return { ...price, ...difference };
  });
  if (changed === 0) throw new Error(`No price of ${model} was changed.`);
  return prices;
}

const plain = (price: Price) => price.dims === undefined && price.contextOver === undefined;

test('the shipped configuration has no fault', () => {
  expect(lintConfig(config, day)).toEqual([]);
});

describe('seeded defects of prices', () => {
  const cases: { rule: string; model: string; change: (price: Price) => Partial<Price> | undefined }[] = [
    {
      rule: 'output-below-input',
      model: 'grok-4.3',
      change: (p) => (p.meter === 'output_text_tokens' ? { price: '0.1' } : undefined),
    },
    {
      rule: 'cached-above-input',
      model: 'grok-4.3',
      change: (p) => (p.meter === 'cached_input_tokens' ? { price: '2.4' } : undefined),
    },
    {
      rule: 'cache-write-ratio',
      model: 'claude-sonnet-5',
      change: (p) => (p.meter === 'cache_write_1h_tokens' ? { price: '2.5' } : undefined),
    },
    {
      rule: 'cache-write-ratio',
      model: 'claude-sonnet-5',
      change: (p) => (p.meter === 'cache_write_5m_tokens' ? { price: '2' } : undefined),
    },
    { rule: 'zero-price', model: 'lyria-3.5', change: () => ({ price: '0' }) },
    { rule: 'zero-price', model: 'lyria-3.5', change: () => ({ free: true }) },
    { rule: 'dates', model: 'lyria-3.5', change: () => ({ from: '2026-05-01', until: '2026-04-01' }) },
    { rule: 'dates', model: 'lyria-3.5', change: () => ({ checked: '2027-01-01' }) },
    {
      rule: 'unit',
      model: 'gpt-5.5',
      change: (p) => (plain(p) && p.meter === 'input_text_tokens' ? { per: '1' } : undefined),
    },
    {
      rule: 'unit',
      model: 'gpt-image-2',
      change: (p) => (p.meter === 'output_image_tokens' ? { price: '3000' } : undefined),
    },
    { rule: 'unit', model: 'lyria-3.5', change: () => ({ price: '8' }) },
    { rule: 'meter', model: 'lyria-3.5', change: () => ({ meter: 'images' }) },
    {
      rule: 'meter',
      model: 'gpt-4o',
      change: (p) => (p.meter === 'cached_input_tokens' ? { meter: 'songs', per: '1' } : undefined),
    },
    {
      rule: 'tier-ratio',
      model: 'gpt-5.5',
      change: (p) => (p.dims?.service_tier === 'batch' && p.meter === 'input_text_tokens' ? { price: '5' } : undefined),
    },
    {
      rule: 'tier-ratio',
      model: 'gpt-5.5',
      change: (p) =>
        p.dims?.service_tier === 'priority' && p.meter === 'input_text_tokens' ? { price: '4' } : undefined,
    },
    { rule: 'context', model: 'gemini-2.5-pro', change: (p) => (p.contextOver ? { price: '0.1' } : undefined) },
    { rule: 'overlap', model: 'claude-sonnet-5-5', change: (p) => (p.until ? { until: '2026-10-09' } : undefined) },
    {
      rule: 'snapshot',
      model: 'claude-haiku-4-5-20251001',
      change: (p) => (p.meter === 'output_text_tokens' && plain(p) ? { price: '6' } : undefined),
    },
    { rule: 'unpriced', model: 'gpt-5.5', change: (p) => (plain(p) ? { until: '2026-06-01' } : undefined) },
    { rule: 'unpriced', model: 'meta/musicgen', change: () => ({ dims: { hardware: 'gpu-t4' } }) },
  ];
  for (const [index, { rule, model, change }] of cases.entries()) {
    test(`${index + 1}: ${rule} of ${model}`, () => {
      expect(rulesOf({ prices: withPrices(model, change) })).toContain(rule);
    });
  }

  test('an overlap needs a common day: the day of the change belongs to the new price', () => {
    expect(
      rulesOf({
        prices: withPrices('claude-sonnet-5-5', (price) => (price.until ? { until: '2026-10-06' } : undefined)),
      }),
    ).toEqual([]);
  });
});

describe('seeded defects of models', () => {
  test('a model without a price, one declared unpriced that has one, and a declaration for nothing', () => {
    expect(rulesOf({ unpriced: [] })).toEqual(['unpriced']);
    const more = (model: string) => [...config.unpriced, { provider: 'openai', model, reason: 'x' }];
    expect(rulesOf({ unpriced: more('gpt-5.5') })).toEqual(['unpriced']);
    expect(rulesOf({ unpriced: more('gpt-none') })).toEqual(['unpriced']);
  });

  test('a default of another modality, or of nothing', () => {
    expect(rulesOf({ defaults: { image: 'openai/gpt-5.5' } })).toEqual(['default']);
    expect(rulesOf({ defaults: { image: 'openai/gone' } })).toEqual(['default']);
  });

  test('a model past its shutdown is refused from that day on', () => {
    const ids = (at: string) => retiredModels(config.models, at).map((model) => model.id);
    expect(ids('2027-01-05')).toEqual([]);
    expect(ids('2027-01-06')).toEqual(['openai/gpt-4o-mini-tts']);
    expect(ids('2027-01-14')).toEqual(['openai/gpt-4o', 'openai/gpt-4o-mini', 'openai/gpt-4o-mini-tts']);
    expect(rulesOf({}, '2027-01-06')).toEqual(['shutdown']);
  });
});
