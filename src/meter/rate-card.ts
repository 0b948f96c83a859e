import type { Dims, Meter, Price } from '../contract/index.ts';
import { type Catalogue, matches, type Rate, rateOf, type Selected, selectRate, type Wanted } from './catalogue.ts';
import { compare, parseDecimal } from './money.ts';

/** A price that a caller brings along. `model` (or `dims.model`) limits it to lines of that model. */
export type RateRow = { meter: Meter; price: string; per: string; dims?: Dims; model?: string; minQuantity?: string };

/**
 * A caller's own prices in place of a catalogue, for any provider and model. Dimensions choose among several rates of a meter as in a
 * catalogue, in capitals or not; a rate that is the only one left also holds where the usage does not tell its dimension, but never against what it tells.
 * What a provider bills at least is no price: it stays that of `shipped`, unless a row says otherwise.
 */
export function createRateCard(rows: readonly RateRow[], shipped: Catalogue): Catalogue {
  const rates = rows.map((row) => {
    const { model: dimsModel, ...dims } = row.dims ?? {};
    const price: Price = {
      provider: '*',
      model: row.model ?? dimsModel ?? '*',
      meter: row.meter,
      price: row.price,
      per: row.per,
      ...(Object.keys(dims).length > 0 ? { dims: lower(dims) } : {}),
      ...(row.minQuantity === undefined ? {} : { minQuantity: row.minQuantity }),
      ...(Number(row.price) === 0 ? { free: true } : {}),
      source: 'the request',
      checked: '',
    };
    return rateOf(price);
  });
  const meters = [...new Set(rows.map((row) => row.meter))];
  return {
    hash: 'rates',
    hashOf: () => 'rates',
    meters: () => meters,
    has: () => true,
    isFree: () => rates.length > 0 && rates.every((rate) => rate.price.free === true),
    select: (wanted) => {
      const selected = selectOwn(rates, wanted);
      const least = selected?.rate.least ?? shipped.select(wanted)?.rate.least;
      return selected && least ? { ...selected, rate: { ...selected.rate, least } } : selected;
    },
  };
}

function selectOwn(rates: readonly Rate[], wanted: Wanted): Selected | undefined {
  const { provider, model, meter, inputTokens, at } = wanted;
  const ofMeter = rates.filter((rate) => rate.price.meter === meter);
  const dims = lower({ ...plainOf(ofMeter), ...wanted.dims });
  const named = ofMeter.filter(({ price }) => price.model === model || price.model === `${provider}/${model}`);
  const own = named.length > 0 ? named : ofMeter.filter(({ price }) => price.model === '*');
  const sorted = own.toSorted((one, other) => other.weight - one.weight);
  const exact = selectRate(sorted, dims, inputTokens, at);
  if (exact) return exact;
  const possible = own.filter(({ price }) => !contradicts(price.dims ?? {}, dims));
  const [only, ...others] = possible;
  return only && others.every((other) => samePrice(only, other)) ? { rate: only, contested: false } : undefined;
}

/** Values that mean what usage without the dimension means. */
const plain = new Set(['standard', 'default', 'global']);

/** Dimensions that some rates set to nothing special: usage that is silent about them is just that. */
function plainOf(rates: readonly Rate[]): Dims {
  const all = rates.flatMap(({ price }) => Object.entries(price.dims ?? {}));
  return Object.fromEntries(all.filter(([, value]) => plain.has(value)));
}

function lower(dims: Dims): Dims {
  return Object.fromEntries(Object.entries(dims).map(([name, value]) => [name, value.toLowerCase()]));
}

function contradicts(wanted: Dims, dims: Dims | undefined): boolean {
  return Object.entries(wanted).some(
    ([name, value]) => dims?.[name] !== undefined && !matches({ [name]: value }, dims),
  );
}

function samePrice(one: Rate, other: Rate): boolean {
  return compare(one.perUnit, other.perUnit) === 0;
}

/** True for text that reads as a price or unit: a plain decimal, perhaps with an exponent. */
export function isDecimal(text: string): boolean {
  try {
    parseDecimal(text);
    return true;
  } catch {
    return false;
  }
}
