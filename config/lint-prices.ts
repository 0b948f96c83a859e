import type { Dims, Meter, Modality, Model, Price } from '../src/contract/index.ts';
import type { Fault } from './lint.ts';

/** What each kind of meter may be priced `per`, and the most US dollars one unit can sensibly cost. */
const units: { test: RegExp; per: string[]; most: number }[] = [
  { test: /_tokens$/, per: ['1000', '1000000'], most: 0.001 },
  { test: /_seconds$/, per: ['1', '60', '3600'], most: 1 },
  { test: /^(images|megapixels|songs|models_3d|models_3d_addon)$/, per: ['1', '1000'], most: 5 },
  { test: /_characters$/, per: ['1', '1000', '1000000'], most: 0.001 },
  { test: /^(pages|requests|rerank_search_units|tool_.*)$/, per: ['1', '1000'], most: 1 },
];

const always = /^(gpu_seconds|provider_.*|requests|tool_.*)$/;
/** Meters that make sense for what comes out. */
const sensible: Partial<Record<Modality, RegExp>> = {
  text: /_tokens$/,
  embedding: /^input_.*(_tokens|_seconds)$/,
  image: /^(images|megapixels)$|_(text|image)_tokens$|^(cached_input|reasoning)_tokens$/,
  speech: /^(input_characters|output_audio_seconds)$|_(text|audio)_tokens$|^cached_input_tokens$/,
  transcription: /^input_audio_seconds$|_(text|audio)_tokens$|^cached_input_tokens$/,
  music: /^(songs|output_audio_seconds)$|_text_tokens$/,
};

/** How one price must stand to another of the same model on the same days. */
const relations: { rule: string; one: Meter; other: Meter; least?: number; most?: number }[] = [
  { rule: 'output-below-input', one: 'output_text_tokens', other: 'input_text_tokens', least: 1 },
  { rule: 'cached-above-input', one: 'cached_input_tokens', other: 'input_text_tokens', most: 1 },
  { rule: 'cached-above-input', one: 'cached_input_audio_tokens', other: 'input_audio_tokens', most: 1 },
  { rule: 'cached-above-input', one: 'cached_input_image_tokens', other: 'input_image_tokens', most: 1 },
  { rule: 'cache-write-ratio', one: 'cache_write_5m_tokens', other: 'input_text_tokens', least: 1.25, most: 1.25 },
  { rule: 'cache-write-ratio', one: 'cache_write_1h_tokens', other: 'input_text_tokens', least: 2, most: 2 },
];

/** How a service tier stands to the price without one. Published halves are rounded to a cent now and then. */
const tiers: Record<string, { least: number; most: number }> = {
  batch: { least: 0.475, most: 0.525 },
  flex: { least: 0.3, most: 1 },
  priority: { least: 1, most: 10 },
};

/** The faults of a price catalogue. @param models tell which meters make sense; prices of other models are judged by unit alone. */
export function lintPrices(prices: readonly Price[], models: readonly Model[], day: string): Fault[] {
  const faults: Fault[] = [];
  const modalityOf = new Map(models.map((model) => [`${model.provider}/${model.upstream}`, model.modality]));
  for (const price of prices) faults.push(...lintOne(price, modalityOf.get(idOf(price)), day));
  for (const rows of Map.groupBy(prices, idOf).values()) faults.push(...lintModel(rows));
  return [...faults, ...lintSnapshots(prices)];
}

function lintOne(price: Price, modality: Modality | undefined, day: string): Fault[] {
  const faults: Fault[] = [];
  const say = (rule: string, message: string) => faults.push({ rule, where: nameOf(price), message });
  if (Number(price.price) === 0 && !price.free) say('zero-price', 'costs 0 without being declared free');
  if (Number(price.price) > 0 && price.free) say('zero-price', `is declared free and costs ${price.price}`);
  if (price.from && price.until && price.from >= price.until) say('dates', `ends (${price.until}) before it begins`);
  if (price.checked > day) say('dates', `was checked on ${price.checked}, which is to come`);
  const unit = units.find(({ test }) => test.test(price.meter));
  if (unit && !unit.per.includes(price.per))
    say('unit', `is priced per ${price.per}, not per ${unit.per.join(' or ')}`);
  if (unit && rateOf(price) > unit.most) say('unit', `costs $${rateOf(price)} for one, which cannot be`);
  const allowed = modality && sensible[modality];
  if (allowed && !allowed.test(price.meter) && !always.test(price.meter)) {
    say('meter', `${price.meter} makes no sense for ${modality}`);
  }
  return faults;
}

function lintModel(rows: readonly Price[]): Fault[] {
  const faults: Fault[] = [];
  const say = (rule: string, price: Price, message: string) => faults.push({ rule, where: nameOf(price), message });
  for (const [index, one] of rows.entries()) {
    for (const other of rows.slice(index + 1)) {
      if (
        one.meter === other.meter &&
        one.contextOver === other.contextOver &&
        sameDims(one, other) &&
        meet(one, other)
      ) {
        say('overlap', one, 'has two prices on the same days');
      }
    }
  }
  for (const { rule, one: first, other: second, least = 0, most = Number.POSITIVE_INFINITY } of relations) {
    for (const one of rows.filter((row) => row.meter === first)) {
      const other = rows.find(
        (row) => row.meter === second && row.contextOver === one.contextOver && sameDims(row, one) && meet(row, one),
      );
      if (other && !within(one, other, least, most)) say(rule, one, `is ${ratio(one, other)} times ${second}`);
    }
  }
  for (const one of rows) {
    const { service_tier: tier, ...rest } = one.dims ?? {};
    const wanted = tier === undefined ? undefined : tiers[tier];
    const base = rows.find(
      (row) =>
        row.meter === one.meter &&
        row.contextOver === one.contextOver &&
        sameDims(row, { dims: rest }) &&
        meet(row, one),
    );
    if (wanted && base && !within(one, base, wanted.least, wanted.most)) {
      say('tier-ratio', one, `is ${ratio(one, base)} times the price without a tier`);
    }
    if (one.contextOver === undefined) continue;
    const short = rows.find(
      (row) => row.meter === one.meter && row.contextOver === undefined && sameDims(row, one) && meet(row, one),
    );
    if (short && !within(one, short, 1, 10))
      say('context', one, `is ${ratio(one, short)} times the price of short calls`);
  }
  return faults;
}

/** A dated snapshot and the name without its date are one thing: their prices must not drift apart. */
function lintSnapshots(prices: readonly Price[]): Fault[] {
  const byPlace = new Map(prices.map((price) => [placeOf(price, price.model), price]));
  return prices.flatMap((price) => {
    const bare = price.model.replace(/-(\d{4}-\d{2}-\d{2}|\d{8})$/, '');
    const twin = bare === price.model ? undefined : byPlace.get(placeOf(price, bare));
    if (!twin || within(price, twin, 1, 1)) return [];
    return [{ rule: 'snapshot', where: nameOf(price), message: `is ${ratio(price, twin)} times the price of ${bare}` }];
  });
}

function placeOf(price: Price, model: string): string {
  return JSON.stringify([
    price.provider,
    model,
    price.meter,
    dimsOf(price),
    price.contextOver,
    price.from,
    price.until,
  ]);
}

function rateOf(price: Price): number {
  return Number(price.price) / Number(price.per);
}

function ratio(one: Price, other: Price): string {
  return (rateOf(one) / rateOf(other)).toPrecision(3);
}

function within(one: Price, other: Price, least: number, most: number): boolean {
  const base = rateOf(other);
  const slack = base * 1e-9;
  return rateOf(one) >= base * least - slack && rateOf(one) <= base * most + slack;
}

/** True where both hold on some day. */
function meet(one: Price, other: Price): boolean {
  return (one.from ?? '') < (other.until ?? '9999') && (other.from ?? '') < (one.until ?? '9999');
}

function sameDims(one: { dims?: Dims }, other: { dims?: Dims }): boolean {
  return dimsOf(one) === dimsOf(other);
}

function dimsOf({ dims }: { dims?: Dims }): string {
  return Object.entries(dims ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(' ');
}

function idOf(price: Price): string {
  return `${price.provider}/${price.model}`;
}

function nameOf(price: Price): string {
  const context = price.contextOver === undefined ? '' : ` over ${price.contextOver}`;
  return [idOf(price), price.meter + context, dimsOf(price), price.from && `from ${price.from}`]
    .filter(Boolean)
    .join(' ');
}
