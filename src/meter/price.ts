import type { CostBasis, Metered, Receipt, ReceiptLine, Usage } from '../contract/index.ts';
import type { Catalogue, Rate } from './catalogue.ts';
import { compare, divideHalfEven, parseDecimal, parseUsd } from './money.ts';

/**
 * Prices one call's usage. Every metered quantity becomes a line; a quantity without a price makes the receipt
 * `partially_unpriced` or `unpriced`, never 0; whatever was made in priced machine time is paid with it. The provider's own reported
 * cost wins over the computed one.
 * @param at when the provider accepted the work (ms, UTC): chooses the price version.
 */
export function priceUsage(
  catalogue: Catalogue,
  call: { provider: string; model: string; usage: Usage | undefined; at: number },
): Receipt {
  const { usage } = call;
  if (!usage || usage.metered.length === 0) return priceNothing(catalogue, call);
  const lines: ReceiptLine[] = [];
  /** Input tokens of the call's own model, and of others. */
  let own: number | undefined;
  let others: Map<string, number> | undefined;
  let total = 0n;
  let unpriced = 0;
  let free = 0;
  let estimated = usage.source === 'estimated';
  let hash = catalogue.hashOf(call.provider, call.model);
  for (const metered of usage.metered) {
    if (!(metered.quantity > 0)) continue;
    // A quantity without dims of its own shares the usage's: no copy on the common path.
    const dims = metered.dims && usage.dims ? { ...usage.dims, ...metered.dims } : (metered.dims ?? usage.dims);
    const model = metered.model ?? call.model;
    let inputTokens = model === call.model ? own : others?.get(model);
    if (inputTokens === undefined) {
      inputTokens =
        (model === call.model ? usage.contextTokens : undefined) ?? totalInput(usage.metered, metered.model);
      if (model === call.model) own = inputTokens;
      else others = (others ?? new Map()).set(model, inputTokens);
    }
    const { provider, at } = call;
    if (metered.model !== undefined && hash === catalogue.hash) hash = catalogue.hashOf(provider, metered.model);
    const selected = catalogue.select({ provider, model, meter: metered.meter, dims, inputTokens, at });
    const line: ReceiptLine = { meter: metered.meter, quantity: metered.quantity };
    if (dims && Object.keys(dims).length > 0) line.dims = dims;
    if (metered.model !== undefined) line.model = metered.model;
    if (selected) {
      total += priceLine(line, selected.rate);
      if (selected.rate.price.free) free++;
      if (selected.contested) {
        line.contested = true;
        estimated = true;
      }
    } else {
      unpriced++;
    }
    lines.push(line);
  }
  const receipt: Receipt = {
    lines,
    status: estimated ? 'priced_estimated' : 'priced',
    basis: usage.basis ?? basisOf(usage.source),
    catalogue: hash,
  };
  if (usage.reportedCostUsd !== undefined) {
    receipt.total = parseUsd(usage.reportedCostUsd);
    receipt.status = 'priced';
    receipt.basis = 'provider_reported';
    return receipt;
  }
  if (lines.some((line) => line.meter === 'gpu_seconds' && line.amount !== undefined)) unpriced = 0;
  if (unpriced === lines.length && lines.length > 0) {
    if (!isFreeByRequest(catalogue, call.provider, call.model)) return { ...receipt, status: 'unpriced' };
    receipt.total = 0n;
    receipt.status = 'free';
  } else {
    receipt.total = total;
    if (unpriced > 0) receipt.status = 'partially_unpriced';
    else if (free === lines.length && total === 0n && free > 0) receipt.status = 'free';
  }
  return receipt;
}

/** Free whatever was counted: a model whose only price is that a request costs nothing. */
function isFreeByRequest(catalogue: Catalogue, provider: string, model: string): boolean {
  if (!catalogue.isFree(provider, model)) return false;
  return catalogue.meters(provider, model).every((meter) => meter === 'requests' || meter.startsWith('tool_'));
}

/** A receipt for work that cost nothing because nothing was done: refused, not sent, failed without charge. */
export function notBillable(catalogue: Catalogue): Receipt {
  return { lines: [], total: 0n, status: 'not_billable', basis: 'none', catalogue: catalogue.hash };
}

/** A call of which nothing was counted: free where the model is, known where the provider says its cost, else unknown. */
function priceNothing(
  catalogue: Catalogue,
  call: { provider: string; model: string; usage: Usage | undefined },
): Receipt {
  const reported = call.usage?.reportedCostUsd;
  const bare = { lines: [], catalogue: catalogue.hashOf(call.provider, call.model) };
  if (reported !== undefined) {
    return { ...bare, total: parseUsd(reported), status: 'priced', basis: 'provider_reported' };
  }
  if (catalogue.isFree(call.provider, call.model)) {
    return { ...bare, total: 0n, status: 'free', basis: 'computed_from_usage' };
  }
  return { ...bare, status: 'unpriced', basis: 'none' };
}

function priceLine(line: ReceiptLine, rate: Rate): bigint {
  const { price, least } = rate;
  if (least && compare(parseDecimal(String(line.quantity)), least) < 0)
    line.quantity = Number(price.minQuantity ?? least.top);
  // What is counted may be named by the price alone.
  if (price.dims?.unit !== undefined && line.dims?.unit === undefined)
    line.dims = { ...line.dims, unit: price.dims.unit };
  line.price = price.price;
  line.per = price.per;
  line.amount = amountOf(line.quantity, rate.perUnit.top, rate.perUnit.bottom);
  return line.amount;
}

function amountOf(quantity: number, top: bigint, bottom: bigint): bigint {
  if (Number.isSafeInteger(quantity)) return divideHalfEven(BigInt(quantity) * top, bottom);
  const exact = parseDecimal(String(quantity));
  return divideHalfEven(exact.top * top, exact.bottom * bottom);
}

/** Input tokens of the parts that one model did. */
function totalInput(metered: readonly Metered[], model: string | undefined): number {
  let sum = 0;
  for (const one of metered) {
    if (one.model !== model || one.meter === 'reasoning_tokens') continue;
    if (one.meter.endsWith('_tokens') && !one.meter.startsWith('output_')) sum += one.quantity;
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
