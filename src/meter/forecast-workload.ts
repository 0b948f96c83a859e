import type { CostStatus, Metered, Modality, Model, PicoUsd, Usage } from '../contract/index.ts';
import type { Catalogue, Selected } from './catalogue.ts';
import { exact, product, times, usdOf } from './forecast-fraction.ts';
import { divideHalfEven, picoOf, writeScaled } from './money.ts';
import { priceUsage } from './price.ts';
import type { Asked } from './quote.ts';

/**
 * Calls of one kind in a month, added up: they fall under the same price tier and on the same side of every minimum.
 * `reportedPico` is what the provider itself said they cost, where it did for all of them.
 */
export type Bundle = { calls: number; metered: Metered[]; reportedPico?: PicoUsd };

/** What one model makes in a month. */
export type Workload = {
  modality: Modality;
  model: Model;
  /** Outputs a month: generations that succeed. */
  outputs: number;
  bundles: Bundle[];
  /** One output in words that hold for every model of the modality. */
  asked: Asked;
  /** True where the quantities are our own estimate. */
  estimated: boolean;
  /** The part of the month's work that can wait for a batch, 0 to 1. */
  batchable: number;
  /** Countable results of the month: images, seconds, characters. */
  units: Readonly<Record<string, number>>;
  /** Seconds of one output, as far as real calls showed them. */
  latency?: { average: number; median: number };
  /** True where real calls were measured: no profile, no simulation. */
  measured: boolean;
  assumptions: string[];
};

/** `pico` is undefined where no part has a price. */
export type Cost = { pico?: PicoUsd; status: CostStatus; basis: 'catalogue' | 'provider_reported' };

/** What a month's workload costs at a multiple of its volume. @param at ms, UTC: chooses the prices' version. */
export function costOf(
  catalogue: Catalogue,
  work: Pick<Workload, 'bundles' | 'model' | 'estimated'>,
  at: number,
  multiple = 1,
): Cost {
  const costs = work.bundles.map((bundle) => priceBundle(catalogue, work, bundle, at, multiple));
  const known = costs.filter((cost) => cost.pico !== undefined);
  const basis = costs.some((cost) => cost.basis === 'provider_reported') ? 'provider_reported' : 'catalogue';
  if (known.length === 0) return { status: 'unpriced', basis };
  return { pico: known.reduce((sum, cost) => sum + (cost.pico ?? 0n), 0n), status: worst(costs), basis };
}

/** The whole cost, or undefined where any part of it is unknown. */
export function knownPico(cost: Cost): PicoUsd | undefined {
  return cost.status === 'unpriced' || cost.status === 'partially_unpriced' ? undefined : cost.pico;
}

/** Cost of one output; undefined where it is unknown or there is none. */
export function unitPico(cost: Cost, outputs: number): PicoUsd | undefined {
  const pico = knownPico(cost);
  if (pico === undefined || outputs <= 0) return undefined;
  const count = exact(outputs);
  return divideHalfEven(pico * count.bottom, count.top);
}

/** Tokens of any kind, in and out. */
export function tokensOf({ metered }: Bundle): number {
  return metered.reduce((total, line) => total + (line.meter.endsWith('_tokens') ? line.quantity : 0), 0);
}

function worst(costs: readonly Cost[]): CostStatus {
  const has = (...statuses: CostStatus[]) => costs.some((cost) => statuses.includes(cost.status));
  if (has('unpriced', 'partially_unpriced')) return 'partially_unpriced';
  if (has('priced_estimated')) return 'priced_estimated';
  return costs.every((cost) => cost.status === 'free') ? 'free' : 'priced';
}

function priceBundle(
  catalogue: Catalogue,
  work: Pick<Workload, 'model' | 'estimated'>,
  bundle: Bundle,
  at: number,
  multiple: number,
): Cost {
  const { provider, upstream: model } = work.model;
  const metered = bundle.metered.flatMap((one) => {
    const quantity = product(one.quantity, multiple);
    return quantity > 0 ? [{ ...one, quantity }] : [];
  });
  const usage: Usage = { metered, source: work.estimated ? 'estimated' : 'body' };
  const calls = product(bundle.calls, multiple);
  const { total, status } = priceUsage(asOneCall(catalogue, calls), { provider, model, usage, at });
  const unknown = status === 'unpriced' || status === 'partially_unpriced';
  if (unknown && bundle.reportedPico !== undefined) {
    const pico = picoOf(times(usdOf(bundle.reportedPico), exact(multiple)));
    return { pico, status: 'priced_estimated', basis: 'provider_reported' };
  }
  return { pico: total, status, basis: 'catalogue' };
}

/** The catalogue for calls added up: context tiers go by one call's input, minimums count for every call. */
function asOneCall(catalogue: Catalogue, calls: number): Catalogue {
  return {
    ...catalogue,
    select: (wanted) => {
      const inputTokens = calls > 0 ? wanted.inputTokens / calls : wanted.inputTokens;
      const selected = catalogue.select({ ...wanted, inputTokens });
      return selected && withLeast(selected, calls);
    },
  };
}

function withLeast(selected: Selected, calls: number): Selected {
  const { rate } = selected;
  if (!rate.least) return selected;
  const least = times(rate.least, exact(calls));
  const text = writeScaled((least.top * 1_000_000_000n) / least.bottom, 9);
  return { ...selected, rate: { ...rate, least, price: { ...rate.price, minQuantity: text } } };
}
