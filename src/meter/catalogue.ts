import type { Dims, Meter, Price } from '../contract/index.ts';
import { type Fraction, parseDecimal, picoPerUsd } from './money.ts';

/** A price ready for arithmetic: pico-dollars per unit as an exact fraction. */
export type Rate = { price: Price; perUnit: Fraction; weight: number };

/** Prices indexed by provider/model and meter. */
export type Catalogue = {
  hash: string;
  rates(provider: string, model: string, meter: Meter): readonly Rate[];
  has(provider: string, model: string): boolean;
};

/** Indexes prices. `hash` identifies this exact set and is pinned on every ledger line. */
export function createCatalogue(prices: readonly Price[], hash: string): Catalogue {
  const index = new Map<string, Map<string, Rate[]>>();
  for (const price of prices) {
    const id = `${price.provider}/${price.model}`;
    const byMeter = index.get(id) ?? new Map<string, Rate[]>();
    index.set(id, byMeter);
    const rates = byMeter.get(price.meter) ?? [];
    byMeter.set(price.meter, rates);
    rates.push(rateOf(price));
    rates.sort((one, other) => other.weight - one.weight);
  }
  const none: Rate[] = [];
  return {
    hash,
    rates: (provider, model, meter) => index.get(`${provider}/${model}`)?.get(meter) ?? none,
    has: (provider, model) => index.has(`${provider}/${model}`),
  };
}

/** The fraction that turns a quantity into pico-dollars, and how specific the price is. */
export function rateOf(price: Price): Rate {
  const amount = parseDecimal(price.price);
  const per = parseDecimal(price.per);
  return {
    price,
    perUnit: { top: amount.top * per.bottom * picoPerUsd, bottom: amount.bottom * per.top },
    weight: Object.keys(price.dims ?? {}).length * 2 + (price.contextOver === undefined ? 0 : 1),
  };
}

/** The most specific rate that holds at this time, for these dimensions and this much input in the one call. */
export function selectRate(
  rates: readonly Rate[],
  dims: Dims | undefined,
  inputTokens: number,
  at: number,
): Rate | undefined {
  let day: string | undefined;
  for (const rate of rates) {
    const { price } = rate;
    if (price.contextOver !== undefined && inputTokens <= price.contextOver) continue;
    if (price.from !== undefined || price.until !== undefined) {
      day ??= new Date(at).toISOString().slice(0, 10);
      if (price.from !== undefined && day < price.from) continue;
      if (price.until !== undefined && day >= price.until) continue;
    }
    if (price.dims !== undefined && !matches(price.dims, dims)) continue;
    return rate;
  }
  return undefined;
}

function matches(wanted: Dims, dims: Dims | undefined): boolean {
  for (const name in wanted) if (dims?.[name] !== wanted[name]) return false;
  return true;
}
