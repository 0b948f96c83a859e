import type { CostBasis, Metered, Receipt, ReceiptLine, Usage } from '../contract/index.ts';
import { type Catalogue, selectRate } from './catalogue.ts';
import { divideHalfEven, parseDecimal, parseUsd } from './money.ts';

/**
 * Prices one call's usage. Every metered quantity becomes a line; a quantity without a price makes the receipt
 * `partially_unpriced` or `unpriced`, never 0. The provider's own reported cost wins over the computed one.
 * @param at when the provider accepted the work (ms, UTC): chooses the price version.
 */
export function priceUsage(
  catalogue: Catalogue,
  call: { provider: string; model: string; usage: Usage | undefined; at: number },
): Receipt {
  const { usage } = call;
  if (!usage || usage.metered.length === 0) {
    const reported = usage?.reportedCostUsd;
    if (reported === undefined) return { lines: [], status: 'unpriced', basis: 'none', catalogue: catalogue.hash };
    return {
      lines: [],
      total: parseUsd(reported),
      status: 'priced',
      basis: 'provider_reported',
      catalogue: catalogue.hash,
    };
  }
  const inputTokens = totalInput(usage.metered);
  const lines: ReceiptLine[] = [];
  let total = 0n;
  let unpriced = 0;
  let free = 0;
  for (const metered of usage.metered) {
    if (metered.quantity === 0) continue;
    // A quantity without dims of its own shares the usage's: no copy on the common path.
    const dims = metered.dims && usage.dims ? { ...usage.dims, ...metered.dims } : (metered.dims ?? usage.dims);
    const rates = catalogue.rates(call.provider, metered.model ?? call.model, metered.meter);
    const rate = selectRate(rates, dims, inputTokens, call.at);
    const line: ReceiptLine = { meter: metered.meter, quantity: metered.quantity };
    if (dims && Object.keys(dims).length > 0) line.dims = dims;
    if (metered.model !== undefined) line.model = metered.model;
    if (rate) {
      line.price = rate.price.price;
      line.per = rate.price.per;
      line.amount = amountOf(metered.quantity, rate.perUnit.top, rate.perUnit.bottom);
      total += line.amount;
      if (rate.price.free) free++;
    } else {
      unpriced++;
    }
    lines.push(line);
  }
  const estimated = usage.source === 'estimated';
  const receipt: Receipt = {
    lines,
    status: estimated ? 'priced_estimated' : 'priced',
    basis: basisOf(usage.source),
    catalogue: catalogue.hash,
  };
  if (usage.reportedCostUsd !== undefined) {
    receipt.total = parseUsd(usage.reportedCostUsd);
    receipt.basis = 'provider_reported';
    return receipt;
  }
  if (unpriced === lines.length && lines.length > 0) receipt.status = 'unpriced';
  else {
    receipt.total = total;
    if (unpriced > 0) receipt.status = 'partially_unpriced';
    else if (free === lines.length && total === 0n && free > 0) receipt.status = 'free';
  }
  return receipt;
}

/** A receipt for work that cost nothing because nothing was done: refused, not sent, failed without charge. */
export function notBillable(catalogue: Catalogue): Receipt {
  return { lines: [], total: 0n, status: 'not_billable', basis: 'none', catalogue: catalogue.hash };
}

function amountOf(quantity: number, top: bigint, bottom: bigint): bigint {
  if (Number.isSafeInteger(quantity)) return divideHalfEven(BigInt(quantity) * top, bottom);
  const exact = parseDecimal(String(quantity));
  return divideHalfEven(exact.top * top, exact.bottom * bottom);
}

function totalInput(metered: readonly Metered[]): number {
  let sum = 0;
  for (const { meter, quantity } of metered) {
    if (meter.endsWith('_tokens') && !meter.startsWith('output_') && meter !== 'reasoning_tokens') sum += quantity;
  }
  return sum;
}

function basisOf(source: Usage['source']): CostBasis {
  switch (source) {
    case 'body':
    case 'header':
      return 'computed_from_usage';
    case 'derived':
      return 'computed_from_request';
    case 'estimated':
      return 'partial_stream_estimate';
  }
}
