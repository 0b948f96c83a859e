import type { Dims, Meter, Metered, Model, PicoUsd, Receipt, Usage } from '../contract/index.ts';
import type { Catalogue } from './catalogue.ts';
import { divideHalfEven } from './money.ts';
import { priceUsage } from './price.ts';
import { quantitiesOf } from './quote-quantities.ts';

/** What a request asks for, as far as it decides about the cost. Counts of the request, never of an answer. */
export type Asked = {
  modality: Model['modality'];
  /** Characters of all text that goes in. */
  characters: number;
  /** UTF-8 bytes of the same text: no tokenizer makes more tokens of it. */
  bytes: number;
  /** Pictures that go in. */
  images: number;
  /** Pixels of those whose size is known. */
  pixels?: readonly number[];
  /** True where something goes in whose tokens cannot be bounded (a file, a video). */
  unbounded?: boolean;
  maxOutputTokens?: number;
  n?: number;
  size?: string;
  quality?: string;
  resolution?: string;
  audio?: boolean;
  speed?: number;
  /** Seconds of output asked for. */
  seconds?: number;
  /** Seconds of the audio that goes in. */
  audioSeconds?: number;
  mode?: string;
  serviceTier?: string;
  /** Names of the vendor's own parameters that come along. */
  params?: readonly string[];
  /** Seconds of computing that earlier runs of this model took. */
  computed?: readonly number[];
};

/** One quantity between two bounds; an undefined `max` has none. Equal bounds mean that it is known. */
export type Bounded = { meter: Meter; min: number; expected: number; max?: number; dims?: Dims };

/** Cost before running. Undefined amounts are unknown: never 0. `receipt` is of the expected case. */
export type Quote = {
  min?: PicoUsd;
  expected?: PicoUsd;
  max?: PicoUsd;
  status: Receipt['status'];
  receipt: Receipt;
  /** What the figures rest on beside the request, in words. */
  assumptions: string[];
};

/**
 * What a request will cost with one model, from the request alone. `min` ≤ `expected` ≤ `max`; `max` is undefined where the request
 * has no bound. Whatever meter has no price makes `expected` and `max` unknown.
 * @param at ms, UTC: chooses the price version.
 * @param adjust last change of the usage before it is priced, e.g. the hours of the day.
 */
export function quote(
  catalogue: Catalogue,
  model: Model,
  asked: Asked,
  at: number,
  adjust: (usage: Usage) => Usage = (usage) => usage,
): Quote {
  const sold = catalogue.meters(model.provider, model.upstream);
  const { bounded, assumptions } = quantitiesOf(model, asked, new Set(sold));
  const priceOf = (pick: (one: Bounded) => number) => {
    const metered: Metered[] = bounded.map((one) => ({
      meter: one.meter,
      quantity: pick(one),
      ...(one.dims && Object.keys(one.dims).length > 0 ? { dims: one.dims } : {}),
    }));
    const tier = asked.serviceTier?.toLowerCase();
    const dims =
      tier === undefined || ['auto', 'default', 'standard'].includes(tier) ? undefined : { service_tier: tier };
    const usage: Usage = { metered, source: 'estimated', basis: 'pre_call_estimate', ...(dims ? { dims } : {}) };
    return priceUsage(catalogue, {
      provider: model.provider,
      model: model.upstream,
      usage: metered.length > 0 ? adjust(usage) : undefined,
      at,
    });
  };
  const receipt = priceOf((one) => one.expected);
  if (receipt.status === 'free') return { min: 0n, expected: 0n, max: 0n, status: 'free', receipt, assumptions };
  if (receipt.status === 'unpriced') return { status: 'unpriced', receipt, assumptions };
  // Voices are listed by the character and billed in whole credits.
  const inCredits = sold.includes('provider_credits') && bounded.some(({ meter }) => meter === 'input_characters');
  const credit = inCredits ? creditOf(catalogue, model, at) : 0n;
  const min = inWhole(credit, priceOf((one) => one.min).total, 0n);
  if (receipt.status === 'partially_unpriced') return { min, status: 'partially_unpriced', receipt, assumptions };
  const open = bounded.some((one) => one.max === undefined);
  const max = open ? undefined : inWhole(credit, priceOf((one) => one.max ?? 0).total, credit - 1n);
  const exact = bounded.every((one) => one.min === one.max);
  if (exact && min !== max && !open) assumptions.push('whole credits are billed');
  return {
    min,
    expected: receipt.total,
    max,
    status: exact && min === max && !receipt.lines.some((line) => line.contested) ? 'priced' : 'priced_estimated',
    receipt,
    assumptions,
  };
}

function inWhole(credit: PicoUsd, amount: PicoUsd | undefined, more: PicoUsd): PicoUsd | undefined {
  return amount === undefined || credit <= 0n ? amount : ((amount + more) / credit) * credit;
}

/** What one credit costs, where a vendor bills in whole ones whatever its list is in. */
function creditOf(catalogue: Catalogue, { provider, upstream }: Model, at: number): PicoUsd {
  const dims = { unit: 'credit' };
  const wanted = { provider, model: upstream, meter: 'provider_credits', dims, inputTokens: 0, at } as const;
  const rate = catalogue.select(wanted)?.rate;
  return rate ? divideHalfEven(rate.perUnit.top, rate.perUnit.bottom) : 0n;
}
