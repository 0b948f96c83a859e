import type { BasePrices, Dims, Meter, Price } from '../contract/index.ts';
import { compare, type Fraction, parseDecimal, picoPerUsd } from './money.ts';

/** A price ready for arithmetic: pico-dollars per unit as an exact fraction. `weight` counts its conditions. */
export type Rate = { price: Price; perUnit: Fraction; weight: number; least?: Fraction };

/** The rate that holds. `contested`: another one holds too and neither is more specific; this is the dearer. */
export type Selected = { rate: Rate; contested: boolean };

/** What is asked of a catalogue for one metered quantity. `at` is ms, UTC. */
export type Wanted = {
  provider: string;
  model: string;
  meter: Meter;
  dims?: Dims;
  /** Input tokens of the one call. */
  inputTokens: number;
  at: number;
};

export type Catalogue = {
  /** Identifies this exact set of prices; pinned on every ledger line. */
  hash: string;
  /** The hash for what is priced as this model: names the base beside it where that was asked, `sha256:…+genai-prices@0.1.8`. */
  hashOf(provider: string, model: string): string;
  select(wanted: Wanted): Selected | undefined;
  /** What the model has prices for, whatever their conditions. */
  meters(provider: string, model: string): readonly Meter[];
  /** True where every price of the model is 0 by its source's word. */
  isFree(provider: string, model: string): boolean;
  has(provider: string, model: string): boolean;
};

/** The configured prices. */
export type PriceList = Catalogue & {
  /** The dearest price of a meter, whatever its conditions: for upper bounds. */
  dearest(provider: string, model: string, meter: Meter): Price | undefined;
};

/** The rates of a meter; and those of them that hold for usage without dimensions. */
type MeterRates = { all: readonly Rate[]; plain: readonly Rate[] };
type Rates = ReadonlyMap<Meter, MeterRates>;

/** Models of the base whose rates are kept: names are the callers', so there may be any number of them. */
const mostKept = 500;

/**
 * Indexes prices by provider/model and meter. Prices of the model "*" hold where a model has none of its own for the meter.
 * @param base asked for models without any price here, after the prices of "*"; silent for all others.
 */
export function createCatalogue(prices: readonly Price[], hash: string, base?: BasePrices): PriceList {
  const rows = Map.groupBy(prices, ({ provider, model }) => `${provider}/${model}`);
  // Made ready when a model is first asked for: most never are.
  const index = new Map<string, Rates>();
  const ownOf = (id: string): Rates | undefined => {
    const known = index.get(id);
    if (known) return known;
    const found = rows.get(id);
    if (!found) return undefined;
    const rates = ratesOf(found);
    index.set(id, rates);
    return rates;
  };
  const kept = new Map<string, Rates | undefined>();
  const fromBase = (provider: string, model: string): Rates | undefined => {
    const id = `${provider}/${model}`;
    if (!base || rows.has(id)) return undefined;
    if (!kept.has(id)) {
      const found = base.of(provider, model);
      if (kept.size >= mostKept) kept.clear();
      kept.set(id, found && ratesOf(found));
    }
    return kept.get(id);
  };
  /** The rates of the model that was asked for last: a call asks for each of its lines. */
  let last: { provider: string; model: string; own?: Rates; shared?: Rates; based?: Rates } | undefined;
  const shelf = (provider: string, model: string) => {
    if (last?.provider === provider && last.model === model) return last;
    const [own, shared] = [ownOf(`${provider}/${model}`), ownOf(`${provider}/*`)];
    last = { provider, model, own, shared, based: fromBase(provider, model) };
    return last;
  };
  const find = (provider: string, model: string, meter: Meter) => {
    const { own, shared, based } = shelf(provider, model);
    return own?.get(meter) ?? shared?.get(meter) ?? based?.get(meter);
  };
  return {
    hash,
    hashOf: (provider, model) => (shelf(provider, model).based ? `${hash}+${base?.name}` : hash),
    select: ({ provider, model, meter, dims, inputTokens, at }) => {
      const rates = find(provider, model, meter);
      return rates && selectRate(dims === undefined ? rates.plain : rates.all, dims, inputTokens, at);
    },
    dearest: (provider, model, meter) =>
      find(provider, model, meter)?.all.reduce((dear, rate) => (isDearer(rate, dear) ? rate : dear)).price,
    meters: (provider, model) => {
      const { own, shared, based } = shelf(provider, model);
      return [...new Set([own, shared, based].flatMap((rates) => [...(rates?.keys() ?? [])]))];
    },
    isFree: (provider, model) => {
      const own = ownOf(`${provider}/${model}`);
      return own !== undefined && [...own.values()].every(({ all }) => all.every((rate) => rate.price.free === true));
    },
    has: (provider, model) => rows.has(`${provider}/${model}`),
  };
}

function ratesOf(prices: readonly Price[]): Rates {
  const byMeter = new Map<Meter, Rate[]>();
  for (const price of prices) {
    const rates = byMeter.get(price.meter) ?? [];
    byMeter.set(price.meter, rates);
    rates.push(rateOf(price));
  }
  return new Map(
    [...byMeter].map(([meter, rates]) => {
      const all = rates.sort(mostSpecificFirst);
      return [meter, { all, plain: all.filter(({ price }) => matches(price.dims ?? {}, undefined)) }];
    }),
  );
}

/** The fraction that turns a quantity into pico-dollars, and how specific the price is. */
export function rateOf(price: Price): Rate {
  const amount = parseDecimal(price.price);
  const per = parseDecimal(price.per);
  return {
    price,
    perUnit: { top: amount.top * per.bottom * picoPerUsd, bottom: amount.bottom * per.top },
    weight: Object.keys(price.dims ?? {}).length + (price.contextOver === undefined ? 0 : 1),
    ...(price.minQuantity === undefined ? {} : { least: parseDecimal(price.minQuantity) }),
  };
}

function mostSpecificFirst(one: Rate, other: Rate): number {
  return (
    other.weight - one.weight ||
    (other.price.contextOver ?? 0) - (one.price.contextOver ?? 0) ||
    laterFirst(one.price.from ?? '', other.price.from ?? '')
  );
}

/** Days as ISO dates: `localeCompare` would load the language tables of the runtime, 3 MB, for the same order. */
function laterFirst(one: string, other: string): number {
  return one === other ? 0 : one < other ? 1 : -1;
}

/**
 * The rate that holds at this time, for these dimensions and this much input in the one call. A rate whose conditions include another's
 * wins over it. Where no rate includes the others (a service tier and a long context that nobody prices together), the dearest of them
 * is taken and marked `contested`: never less than the provider may ask.
 */
export function selectRate(
  rates: readonly Rate[],
  dims: Dims | undefined,
  inputTokens: number,
  at: number,
): Selected | undefined {
  let best: Rate | undefined;
  let rivals: Rate[] | undefined;
  for (const rate of rates) {
    const { price } = rate;
    if (price.contextOver !== undefined && inputTokens <= price.contextOver) continue;
    if (price.from !== undefined || price.until !== undefined) {
      const day = dayOf(at);
      if (price.from !== undefined && day < price.from) continue;
      if (price.until !== undefined && day >= price.until) continue;
    }
    if (price.dims !== undefined && !matches(price.dims, dims)) continue;
    if (!best) {
      best = rate;
      if (rate.weight === 0) break;
    } else if (!includes(best.price, price) && !rivals?.some((rival) => includes(rival.price, price))) {
      rivals = [...(rivals ?? []), rate];
    }
  }
  if (!best) return undefined;
  if (!rivals) return { rate: best, contested: false };
  return { rate: rivals.reduce((dear, rate) => (isDearer(rate, dear) ? rate : dear), best), contested: true };
}

const dayLength = 86_400_000;
let lastDay = { number: Number.NaN, text: '' };

/** The day of a time, UTC, as prices write theirs: most calls are of the same day as the one before. */
function dayOf(at: number): string {
  const number = Math.floor(at / dayLength);
  if (number !== lastDay.number) lastDay = { number, text: new Date(at).toISOString().slice(0, 10) };
  return lastDay.text;
}

/** A unit only names what is counted: usage that says nothing of it is counted in it. */
export function matches(wanted: Dims, dims: Dims | undefined): boolean {
  for (const name in wanted) {
    if (dims?.[name] !== wanted[name] && !(name === 'unit' && dims?.unit === undefined)) return false;
  }
  return true;
}

/** True where every condition of the other is one of its own. */
function includes(price: Price, other: Price): boolean {
  if (other.contextOver !== undefined && (price.contextOver ?? 0) < other.contextOver) return false;
  for (const name in other.dims) if (price.dims?.[name] === undefined) return false;
  return true;
}

function isDearer(one: Rate, other: Rate): boolean {
  return compare(one.perUnit, other.perUnit) > 0;
}
