import type { Dims, Meter } from './usage.ts';

/** US dollars in units of 1e-12. Money is never a float. */
export type PicoUsd = bigint;

export type CostStatus = 'priced' | 'priced_estimated' | 'partially_unpriced' | 'unpriced' | 'free' | 'not_billable';

export type CostBasis =
  | 'provider_reported'
  | 'computed_from_usage'
  | 'computed_from_request'
  | 'partial_stream_estimate'
  /** How long the call kept a machine of one's own, by our clock. */
  | 'measured_by_gateway'
  | 'pre_call_estimate'
  | 'usage_inconsistent'
  | 'gateway_cache_hit'
  | 'sum_of_attempts'
  | 'none';

/** One priced quantity. `amount` is undefined where no price is known: unknown is not zero. */
export type ReceiptLine = {
  meter: Meter;
  quantity: number;
  dims?: Dims;
  model?: string;
  /** Published price in USD as a decimal string, for `per` units. */
  price?: string;
  per?: string;
  amount?: PicoUsd;
  /** True where two prices hold, neither more specific than the other: the dearer one was taken. */
  contested?: boolean;
};

export type Receipt = {
  lines: ReceiptLine[];
  /** Sum of the known amounts; undefined when nothing could be priced. */
  total?: PicoUsd;
  status: CostStatus;
  basis: CostBasis;
  /** Hash of the price catalogue used. */
  catalogue: string;
};
