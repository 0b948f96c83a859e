import type { Price } from '../src/contract/index.ts';
import type { PricesFile } from './schema.ts';

type Uplift = PricesFile['uplifts'][number];

/**
 * The twins that an uplift gives to token prices: the same conditions and its dimensions, the price times its factor, in the days in which
 * both hold. Factors multiply exactly: decimals stay decimals.
 */
export function uplift(prices: readonly Price[], row: Uplift, file: { source: string; checked: string }): Price[] {
  return prices.flatMap((price) => {
    if (!row.models.includes(price.model) || !price.meter.endsWith('_tokens')) return [];
    if (Object.keys(row.dims).some((name) => price.dims?.[name] !== undefined)) return [];
    const from = later(price.from, row.from);
    const until = earlier(price.until, row.until);
    if (from && until && from >= until) return [];
    const { from: _from, until: _until, ...rest } = price;
    const twin: Price = {
      ...rest,
      price: times(price.price, row.times),
      dims: { ...price.dims, ...row.dims },
      ...(from && { from }),
      ...(until && { until }),
      source: row.source ?? file.source,
      checked: row.checked ?? file.checked,
    };
    return [twin];
  });
}

function later(one: string | undefined, other: string | undefined): string | undefined {
  return one && other ? (one > other ? one : other) : (one ?? other);
}

function earlier(one: string | undefined, other: string | undefined): string | undefined {
  return one && other ? (one < other ? one : other) : (one ?? other);
}

/** The exact product of two plain decimals. */
export function times(one: string, other: string): string {
  const places = (text: string) => text.split('.')[1]?.length ?? 0;
  const scale = places(one) + places(other);
  const digits = (BigInt(one.replace('.', '')) * BigInt(other.replace('.', ''))).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return fraction ? `${whole}.${fraction}` : whole;
}
