import type { ModelInfo, ModelPrice, Provider } from '@pydantic/genai-prices';
import type { BasePrices, Dims, Meter, Price } from '../src/contract/index.ts';
import { shifted } from './decimal.ts';

/** The pinned package, and the day of its data. */
export const baseVersion = '0.1.8';
export const baseDay = '2026-09-23';

/** What is used of the package: its matching of names, which hands out the model's own record. */
export type Published = Pick<typeof import('@pydantic/genai-prices'), 'calcPrice'>;

/** The providers that it has, so that nobody else's model makes it load. */
export const baseProviders: ReadonlySet<string> = new Set(
  [
    'anthropic arcee avian aws azure baseten cerebras cloudflare cohere cursor deepseek doubleword fireworks',
    'github-copilot google groq huggingface_cerebras huggingface_fireworks-ai huggingface_groq huggingface_hyperbolic',
    'huggingface_nebius huggingface_novita huggingface_nscale huggingface_ovhcloud huggingface_publicai',
    'huggingface_sambanova huggingface_together minimax mistral modal moonshotai novita openai openrouter ovhcloud',
    'perplexity quicksilverpro together typesafe voyageai x-ai zai zhipuai',
  ]
    .join(' ')
    .split(' '),
);

/** Our names of providers that it knows under another. */
const renamed: Record<string, string> = { xai: 'x-ai', bedrock: 'aws', moonshot: 'moonshotai' };

/** What it calls a provider of ours. */
export const baseIdOf = (provider: string) => renamed[provider] ?? provider;
/** The other way round. */
export const ownIdOf = (id: string) => Object.keys(renamed).find((own) => renamed[own] === id) ?? id;

type Unit = { meters: Meter[]; per: string; dims?: Dims };

const million = (...meters: Meter[]): Unit => ({ meters, per: '1000000' });
const thousand = (meter: Meter, dims?: Dims): Unit => ({ meters: [meter], per: '1000', ...(dims ? { dims } : {}) });

/**
 * Its units in our meters. A picture or film that goes in counts as text unless it has a price of its own; sound never does, because
 * the package lacks prices of sound for models that have them.
 */
const units: Record<string, Unit> = {
  input_mtok: million('input_text_tokens', 'input_image_tokens', 'input_video_tokens'),
  output_mtok: million('output_text_tokens'),
  cache_read_mtok: million('cached_input_tokens', 'cached_input_image_tokens'),
  cache_write_mtok: million('cache_write_tokens', 'cache_write_5m_tokens'),
  cache_write_1h_mtok: million('cache_write_1h_tokens'),
  input_audio_mtok: million('input_audio_tokens'),
  output_audio_mtok: million('output_audio_tokens'),
  cache_audio_read_mtok: million('cached_input_audio_tokens'),
  input_image_mtok: million('input_image_tokens'),
  output_image_mtok: million('output_image_tokens'),
  cache_image_read_mtok: million('cached_input_image_tokens'),
  input_video_mtok: million('input_video_tokens'),
  output_video_mtok: million('output_video_tokens'),
  output_reasoning_mtok: million('reasoning_tokens'),
  input_audio_hours: { meters: ['input_audio_seconds'], per: '3600' },
  input_document_kpages: thousand('pages'),
  input_annotated_document_kpages: thousand('pages', { annotated: 'true' }),
  web_searches_kcount: thousand('tool_web_search_calls'),
  storage_searches_kcount: thousand('tool_file_search_calls'),
};

/**
 * The dated base under our own price files: token prices of @pydantic/genai-prices, for models that those have no row for.
 * @param load brings the package, synchronously: called when a model is first met that only it may know.
 */
export function createBasePrices(load: () => Published): BasePrices {
  let published: Published | undefined;
  return {
    name: `genai-prices@${baseVersion}`,
    of: (provider, model) => {
      const id = baseIdOf(provider);
      if (!baseProviders.has(id)) return undefined;
      published ??= load();
      const found = published.calcPrice({}, model, { providerId: id });
      if (found && isAnotherModel(found.model.id, model)) return [];
      return found ? basePricesOf(found.provider, found.model, { provider, model }) : [];
    },
  };
}

/** What may follow the name of a model that is still the same one: a version, a date, a stage. */
const sameModel = /^[-@:](latest|beta|exp.*|preview.*|\d{3,4}|\d{8}|\d{4}-\d\d-\d\d|\d\d-\d{4}|\d{8}-.*)$/;

/** The package takes any name that begins with one of its own: "claude-sonnet-5-7" is no "claude-sonnet-5". */
function isAnotherModel(known: string, asked: string): boolean {
  return asked !== known && asked.startsWith(known) && !sameModel.test(asked.slice(known.length));
}

/**
 * One record of the package as our price rows: its dates become `from` and `until`, its context tiers `contextOver`.
 * Empty where it has a unit that we have no meter for, or prices by the hour of the day: part of a price is none.
 * @param as under which provider and model the rows stand.
 */
export function basePricesOf(
  provider: Pick<Provider, 'pricing_urls'>,
  record: Pick<ModelInfo, 'prices'>,
  as: { provider: string; model: string },
  checked = baseDay,
): Price[] {
  const source = provider.pricing_urls?.find((url) => /^https:\/\/\S+$/.test(url)) ?? 'pydantic/genai-prices';
  return periodsOf(record.prices).flatMap(({ prices, ...dates }) =>
    rowsOf(prices).map((row): Price => ({ ...as, ...row, ...dates, source, checked })),
  );
}

type Period = { prices: ModelPrice; from?: string; until?: string };

/** Of several versions that hold on a day, the last one listed does. */
function periodsOf(prices: ModelInfo['prices']): Period[] {
  if (!Array.isArray(prices)) return [{ prices }];
  const versions: { start: string; prices: ModelPrice }[] = [];
  for (const { constraint, prices: own } of prices) {
    if (constraint && !('start_date' in constraint)) return [];
    versions.push({ start: constraint?.start_date ?? '', prices: own });
  }
  const starts = [...new Set(['', ...versions.map(({ start }) => start)])].sort();
  return starts.flatMap((from, index) => {
    const held = versions.findLast(({ start }) => start <= from) ?? versions[0];
    const until = starts[index + 1];
    return held ? [{ prices: held.prices, ...(from ? { from } : {}), ...(until ? { until } : {}) }] : [];
  });
}

type Row = Pick<Price, 'meter' | 'price' | 'per' | 'dims' | 'contextOver'>;

function rowsOf(prices: ModelPrice): Row[] {
  const rows = new Map<string, Row[]>();
  // Units of one meter alone come last: they win over those that cover several.
  const names = Object.keys(prices).sort((one, other) => widthOf(other) - widthOf(one));
  for (const name of names) {
    const value = prices[name];
    const unit = units[name];
    if (value === undefined || (name === 'audio_hours' && prices.input_audio_hours !== undefined)) continue;
    if (!unit) return [];
    const tiers = typeof value === 'number' ? [] : value.tiers;
    const base = typeof value === 'number' ? value : value.base;
    for (const meter of unit.meters) {
      const write = (price: number, contextOver?: number): Row => ({
        meter,
        price: shifted(Number(price.toPrecision(12)), 0),
        per: unit.per,
        ...(unit.dims ? { dims: unit.dims } : {}),
        ...(contextOver === undefined ? {} : { contextOver }),
      });
      const place = unit.dims ? `${meter} ${name}` : meter;
      rows.set(place, [write(base), ...tiers.map(({ price, start }) => write(price, start))]);
    }
  }
  return [...rows.values()].flat();
}

const widthOf = (name: string) => units[name]?.meters.length ?? 0;
