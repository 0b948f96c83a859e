import type { CostBasis, Dims, Json, Meter, Metered, Usage } from '../../src/contract/index.ts';

type UsageDetails = { dims?: Dims; reportedCostUsd?: string; raw?: Json; basis?: CostBasis; contextTokens?: number };

/** Collects disjoint quantities; those of the same meter, dims and model become one. An unknown quantity adds nothing; a known zero counts as known. */
export class Leaves {
  private readonly found: Metered[] = [];

  add(meter: Meter, quantity: number | undefined, more?: { dims?: Dims; model?: string }): this {
    if (quantity === undefined || !Number.isFinite(quantity)) return this;
    const dims = isEmpty(more?.dims) ? undefined : more?.dims;
    const model = more?.model;
    const counted = Math.max(0, quantity);
    for (const leaf of this.found) {
      if (leaf.meter !== meter || leaf.model !== model || !isSame(leaf.dims, dims)) continue;
      leaf.quantity += counted;
      return this;
    }
    const leaf: Metered = { meter, quantity: counted };
    if (dims) leaf.dims = dims;
    if (model !== undefined) leaf.model = model;
    this.found.push(leaf);
    return this;
  }

  /** What is known, without zeros (one zero stays where all are zero: known to be nothing); undefined where nothing is known. */
  usage(source: Usage['source'], more: UsageDetails = {}): Usage | undefined {
    if (this.found.length === 0 && more.reportedCostUsd === undefined) return undefined;
    const counted = this.found.filter((leaf) => leaf.quantity > 0);
    const usage: Usage = { metered: counted.length > 0 ? counted : this.found.slice(0, 1), source };
    if (!isEmpty(more.dims)) usage.dims = more.dims;
    if (more.reportedCostUsd !== undefined) usage.reportedCostUsd = more.reportedCostUsd;
    if (more.raw !== undefined) usage.raw = more.raw;
    if (more.basis !== undefined) usage.basis = more.basis;
    if (more.contextTokens !== undefined) usage.contextTokens = more.contextTokens;
    return usage;
  }
}

function isEmpty(dims: Dims | undefined): boolean {
  for (const _ in dims) return false;
  return true;
}

function isSame(one: Dims | undefined, other: Dims | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** `body` where the provider's own shares fit into its total; else an estimate that says why. */
export function trusted(consistent: boolean): { source: Usage['source']; basis?: CostBasis } {
  return consistent ? { source: 'body' } : { source: 'estimated', basis: 'usage_inconsistent' };
}

/**
 * A total that named shares are taken out of, so that the leaves always sum to the total and none is negative. Shares are served in
 * order; `consistent` is false where the provider's own shares exceed its total.
 */
export class Shares {
  rest: number;
  consistent = true;

  constructor(total: number) {
    this.rest = total;
  }

  take(share: number | undefined): number {
    const wanted = Math.max(0, share ?? 0);
    if (wanted > this.rest) this.consistent = false;
    const part = Math.min(wanted, this.rest);
    this.rest -= part;
    return part;
  }
}

/** The same in one go. */
export function split(
  total: number,
  shares: (number | undefined)[],
): { parts: number[]; rest: number; consistent: boolean } {
  const all = new Shares(total);
  const parts = shares.map((share) => all.take(share));
  return { parts, rest: all.rest, consistent: all.consistent };
}

/** Values of dims that mean "nothing special". */
const plain = new Set(['', 'default', 'standard', 'auto', 'global', 'not_available', 'unspecified', 'unknown']);

/** Dims without the plain values: a price without the dimension is the standard one. */
export function special(dims: Record<string, string | undefined>): Dims {
  const kept: Dims = {};
  for (const name in dims) {
    const value = dims[name]?.toLowerCase();
    if (value !== undefined && !plain.has(value)) kept[name] = value;
  }
  return kept;
}

/** A JSON number as the plain decimal it was written as: 1.05e-5 becomes "0.0000105". */
export function decimal(value: number): string {
  const text = String(value);
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign = '', whole = '', fraction = '', power = '0'] = match;
  const shift = Number(power);
  const digits = whole + fraction;
  const point = whole.length + shift;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0').slice(0, point)}${digits.length > point ? `.${digits.slice(point)}` : ''}`;
}

/** An integer count of 10^-digits units as a plain decimal string. */
export function scaled(count: number, digits: number): string {
  const text = BigInt(Math.round(count))
    .toString()
    .padStart(digits + 1, '0');
  return `${text.slice(0, -digits)}.${text.slice(-digits)}`.replace(/\.?0+$/, '');
}
