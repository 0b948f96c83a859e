import type { ModelInfo } from '@pydantic/genai-prices';
import { type Dims, isObject, type Json, type JsonObject, type Meter, type Price } from '../src/contract/index.ts';
import { basePricesOf, ownIdOf } from './base-prices.ts';
import { shifted } from './decimal.ts';
import { holdsOn } from './holds-on.ts';

export type ForeignForm = 'litellm' | 'portkey' | 'models.dev' | 'genai-prices';
export type ForeignCatalogue = { form: ForeignForm; source: string; prices: ForeignPrice[] };
/** A price of another catalogue in our words: our provider names, US dollars as a plain decimal. */
export type ForeignPrice = Pick<Price, 'provider' | 'model' | 'meter' | 'price' | 'per' | 'dims' | 'contextOver'>;

const sources: Record<ForeignForm, string> = {
  litellm: 'BerriAI/litellm',
  portkey: 'Portkey-AI/models',
  'models.dev': 'anomalyco/models.dev',
  'genai-prices': 'pydantic/genai-prices',
};

/** What others call the providers that we know under another name. */
const renamed: Record<string, string> = {
  gemini: 'google',
  together_ai: 'together',
  'together-ai': 'together',
  togetherai: 'together',
  dashscope: 'qwen',
  alibaba: 'qwen',
  runwayml: 'runway',
  fal_ai: 'fal',
  'fal-ai': 'fal',
  black_forest_labs: 'black-forest-labs',
  'mistral-ai': 'mistral',
  'x-ai': 'xai',
  'perplexity-ai': 'perplexity',
  'stability-ai': 'stability',
};

const named = (provider: string) => renamed[provider] ?? provider;

/**
 * Reads a catalogue of another project, told apart by its shape: LiteLLM's flat file, models.dev's `api.json`, the `data.json` of
 * genai-prices, or Portkey's files, one a provider.
 * @param files name (without ending) and parsed content. Throws RangeError for an unknown shape.
 * @param day of several dated prices, the ones of this day are read.
 */
export function readForeignCatalogue(
  files: readonly { name: string; content: Json }[],
  day = new Date().toISOString().slice(0, 10),
): ForeignCatalogue {
  const first = files[0]?.content;
  if (Array.isArray(first) && first.some((entry) => isObject(entry) && Array.isArray(entry.models))) {
    return { form: 'genai-prices', source: sources['genai-prices'], prices: readGenaiPrices(first, day) };
  }
  if (!isObject(first)) throw new RangeError('The catalogue is no JSON object.');
  const entries = Object.values(first).filter(isObject);
  const form: Exclude<ForeignForm, 'genai-prices'> | undefined = entries.some(
    (entry) => typeof entry.litellm_provider === 'string',
  )
    ? 'litellm'
    : entries.some((entry) => isObject(entry.models))
      ? 'models.dev'
      : entries.some((entry) => isObject(entry.pricing_config))
        ? 'portkey'
        : undefined;
  if (!form)
    throw new RangeError(
      'The catalogue has neither the form of LiteLLM, of Portkey, of models.dev nor of genai-prices.',
    );
  const readers = { litellm: readLitellm, portkey: readPortkey, 'models.dev': readModelsDev };
  const read = readers[form];
  const prices = files.flatMap(({ name, content }) => (isObject(content) ? read(content, name) : []));
  return { form, source: sources[form], prices: prices.filter((price) => Number(price.price) > 0) };
}

type Row = { meter: Meter; value: Json | undefined; power: number; dims?: Dims; contextOver?: number };

function writeRows(provider: string, model: string, rows: Row[]): ForeignPrice[] {
  return rows.flatMap(({ meter, value, power, dims, contextOver }) => {
    if (typeof value !== 'number' || value <= 0) return [];
    const price = shifted(value, power);
    const more = { ...(dims ? { dims } : {}), ...(contextOver === undefined ? {} : { contextOver }) };
    return [{ provider: named(provider), model, meter, price, per: `1${'0'.repeat(perOf(meter))}`, ...more }];
  });
}

/** The power of ten that a meter is published for here. */
function perOf(meter: Meter): number {
  if (meter.endsWith('_tokens') || meter === 'input_characters') return 6;
  return ['pages', 'rerank_search_units', 'requests'].includes(meter) || meter.startsWith('tool_') ? 3 : 0;
}

const litellmFields: Partial<Record<Meter, string>> = {
  input_text_tokens: 'input_cost_per_token',
  cached_input_tokens: 'cache_read_input_token_cost',
  output_text_tokens: 'output_cost_per_token',
  input_audio_tokens: 'input_cost_per_audio_token',
  output_audio_tokens: 'output_cost_per_audio_token',
  input_image_tokens: 'input_cost_per_image_token',
  output_image_tokens: 'output_cost_per_image_token',
  images: 'output_cost_per_image',
  input_characters: 'input_cost_per_character',
  pages: 'ocr_cost_per_page',
  output_video_seconds: 'output_cost_per_video_per_second',
};

function readLitellm(content: JsonObject): ForeignPrice[] {
  return Object.entries(content).flatMap(([key, entry]) => {
    if (key === 'sample_spec' || !isObject(entry) || typeof entry.litellm_provider !== 'string') return [];
    const provider = entry.litellm_provider;
    const model = key.startsWith(`${provider}/`) ? key.slice(provider.length + 1) : key;
    const rows: Row[] = [];
    for (const [meter, field] of Object.entries(litellmFields) as [Meter, string][]) {
      const power = perOf(meter);
      rows.push({ meter, value: entry[field], power });
      for (const [tier, ending] of [
        ['batch', 'batches'],
        ['flex', 'flex'],
        ['priority', 'priority'],
      ] as const) {
        rows.push({ meter, value: entry[`${field}_${ending}`], power, dims: { service_tier: tier } });
      }
      for (const name of Object.keys(entry)) {
        const over = new RegExp(`^${field}_above_(\\d+)k_tokens$`).exec(name)?.[1];
        if (over) rows.push({ meter, value: entry[name], power, contextOver: Number(over) * 1000 });
      }
    }
    const writes: [Meter, string][] = entry.cache_creation_input_token_cost_above_1hr
      ? [
          ['cache_write_5m_tokens', 'cache_creation_input_token_cost'],
          ['cache_write_1h_tokens', 'cache_creation_input_token_cost_above_1hr'],
        ]
      : [['cache_write_tokens', 'cache_creation_input_token_cost']];
    for (const [meter, field] of writes) rows.push({ meter, value: entry[field], power: 6 });
    if (entry.mode === 'audio_transcription') {
      rows.push({ meter: 'input_audio_seconds', value: entry.input_cost_per_second, power: 0 });
    }
    if (entry.mode === 'rerank')
      rows.push({ meter: 'rerank_search_units', value: entry.input_cost_per_query, power: 3 });
    return writeRows(provider, model, rows);
  });
}

const portkeyUnits: [string, Meter][] = [
  ['request_token', 'input_text_tokens'],
  ['request_text_token', 'input_text_tokens'],
  ['response_token', 'output_text_tokens'],
  ['cache_read_input_token', 'cached_input_tokens'],
  ['request_audio_token', 'input_audio_tokens'],
  ['response_audio_token', 'output_audio_tokens'],
  ['request_image_token', 'input_image_tokens'],
  ['response_image_token', 'output_image_tokens'],
];

/** Prices in cents. Some of its units are called tokens and are characters, pages or minutes: those differ and are for a human to read. */
function readPortkey(content: JsonObject, name: string): ForeignPrice[] {
  return Object.entries(content).flatMap(([model, entry]) => {
    if (model === 'default' || !isObject(entry)) return [];
    const rows: Row[] = [];
    addPay(rows, objectAt(entry, 'pricing_config', 'pay_as_you_go'));
    addPay(rows, objectAt(entry, 'pricing_config', 'batch_config'), { service_tier: 'batch' });
    const modes = objectAt(entry, 'custom_pricing', 'regions', 'default', 'execution_modes') ?? {};
    for (const [mode, value] of Object.entries(modes)) {
      const dims = mode === 'standard' ? undefined : { service_tier: mode };
      const tiers = objectAt(value, 'context_tiers');
      for (const [tier, one] of tiers ? Object.entries(tiers) : [['', value] as const]) {
        const over = /^gt-(\d+)k$/.exec(tier)?.[1];
        const pay = objectAt(one, 'pricing_config', 'pay_as_you_go');
        addPay(rows, pay, dims, over === undefined ? undefined : Number(over) * 1000);
      }
    }
    const known = rows.filter((row) => typeof row.value === 'number');
    const unique = new Map(known.map((row) => [JSON.stringify([row.meter, row.dims, row.contextOver]), row]));
    return writeRows(name, model, [...unique.values()]);
  });
}

function addPay(rows: Row[], pay: JsonObject | undefined, dims?: Dims, contextOver?: number): void {
  if (!pay) return;
  for (const [unit, meter] of portkeyUnits) {
    rows.push({ meter, value: objectAt(pay, unit)?.price, power: perOf(meter) - 2, dims, contextOver });
  }
  for (const [quality, sizes] of Object.entries(objectAt(pay, 'image') ?? {})) {
    for (const [size, value] of Object.entries(isObject(sizes) ? sizes : {})) {
      const own = { ...(quality === 'default' ? {} : { quality }), ...(size === 'default' ? {} : { size }) };
      const all = { ...dims, ...own };
      rows.push({
        meter: 'images',
        value: isObject(value) ? value.price : undefined,
        power: -2,
        ...(Object.keys(all).length > 0 ? { dims: all } : {}),
      });
    }
  }
}

function objectAt(value: Json | undefined, ...path: string[]): JsonObject | undefined {
  let here = value;
  for (const key of path) here = isObject(here) ? here[key] : undefined;
  return isObject(here) ? here : undefined;
}

const modelsDevFields: [string, Meter][] = [
  ['input', 'input_text_tokens'],
  ['output', 'output_text_tokens'],
  ['cache_read', 'cached_input_tokens'],
  ['cache_write', 'cache_write_tokens'],
  ['input_audio', 'input_audio_tokens'],
  ['output_audio', 'output_audio_tokens'],
];

function readModelsDev(content: JsonObject): ForeignPrice[] {
  return Object.entries(content).flatMap(([provider, entry]) =>
    Object.entries(objectAt(entry, 'models') ?? {}).flatMap(([model, value]) => {
      const cost = objectAt(value, 'cost');
      const rows: Row[] = [];
      // Prices are for a million tokens already.
      const add = (from: JsonObject | undefined, contextOver?: number) => {
        for (const [field, meter] of modelsDevFields) rows.push({ meter, value: from?.[field], power: 0, contextOver });
      };
      add(cost);
      add(objectAt(cost, 'context_over_200k'), 200_000);
      for (const tier of Array.isArray(cost?.tiers) ? cost.tiers : []) {
        const size = objectAt(tier, 'tier')?.size;
        if (isObject(tier) && typeof size === 'number') add(tier, size);
      }
      return writeRows(provider, model, rows);
    }),
  );
}

/** Its records under their own names; a record may stand for several models. */
function readGenaiPrices(providers: Json[], day: string): ForeignPrice[] {
  return providers.flatMap((entry) => {
    if (!isObject(entry) || typeof entry.id !== 'string' || !Array.isArray(entry.models)) return [];
    const provider = ownIdOf(entry.id);
    return entry.models.flatMap((model) => {
      if (!isObject(model) || typeof model.id !== 'string' || !model.prices) return [];
      const record = { prices: model.prices as unknown as ModelInfo['prices'] };
      return basePricesOf({}, record, { provider, model: model.id })
        .filter((price) => holdsOn(price, day))
        .map(({ from: _, until: __, source: ___, checked: ____, ...price }): ForeignPrice => price);
    });
  });
}
