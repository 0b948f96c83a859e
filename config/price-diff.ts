import type { Price } from '../src/contract/index.ts';
import type { ForeignPrice } from './foreign-catalogue.ts';
import { holdsOn } from './holds-on.ts';

export type Difference = { where: string; ours: Price; theirs: ForeignPrice; ratio: number };
export type Diff = {
  compared: number;
  differences: Difference[];
  /** Differences below a thousandth: the other side keeps rounded floats. */
  rounded: Difference[];
  /** Theirs of models that we price, for meters and conditions that we lack. */
  lacking: ForeignPrice[];
  /** Theirs of models that we do not price. */
  unknown: ForeignPrice[];
};

/** A price row as it would stand in a file of config/prices, with what a reader must look at first. */
export type Proposal = {
  model: string;
  meter: string;
  price: string;
  per: string;
  dims?: Record<string, string>;
  context_over?: number;
  from?: string;
  change: 'new' | 'changed';
  ours?: string;
  flags: string[];
};

/** A change beyond this factor is a slip more often than a new price. */
const most = 3;

/** Holds our prices of a day against those of another catalogue. Equal means equal to nine digits: others keep floats. */
export function diffPrices(own: readonly Price[], foreign: readonly ForeignPrice[], day: string): Diff {
  const held = own.filter((price) => holdsOn(price, day));
  const index = new Map(held.map((price) => [placeOf(price), price]));
  const models = new Set(own.map((price) => `${price.provider}/${price.model}`));
  const diff: Diff = { compared: 0, differences: [], rounded: [], lacking: [], unknown: [] };
  for (const theirs of foreign) {
    const ours = index.get(placeOf(theirs));
    if (!ours) {
      const list = models.has(`${theirs.provider}/${theirs.model}`) ? diff.lacking : diff.unknown;
      list.push(theirs);
      continue;
    }
    diff.compared++;
    const ratio = unitPrice(theirs) / unitPrice(ours);
    const list = Math.abs(ratio - 1) < 1e-3 ? diff.rounded : diff.differences;
    if (Math.abs(ratio - 1) > 1e-9) list.push({ where: nameOf(theirs), ours, theirs, ratio });
  }
  return diff;
}

/** What an import would change for one provider: nothing is taken over, everything is proposed. */
export function propose(diff: Diff, provider: string, day: string): Proposal[] {
  const changed = diff.differences
    .filter(({ theirs }) => theirs.provider === provider)
    .map(({ theirs, ours, ratio }): Proposal => {
      const flags = ratio > most || ratio < 1 / most ? [`changes the price ${ratio.toPrecision(3)}-fold`] : [];
      return { ...rowOf(theirs), from: day, change: 'changed', ours: `${ours.price} per ${ours.per}`, flags };
    });
  const fresh = [...diff.lacking, ...diff.unknown]
    .filter((price) => price.provider === provider)
    .map((price): Proposal => ({ ...rowOf(price), change: 'new', flags: [] }));
  return [...changed, ...fresh];
}

function rowOf(price: ForeignPrice) {
  return {
    model: price.model,
    meter: price.meter,
    price: price.price,
    per: price.per,
    ...(price.dims ? { dims: price.dims } : {}),
    ...(price.contextOver === undefined ? {} : { context_over: price.contextOver }),
  };
}

function unitPrice(price: { price: string; per: string }): number {
  return Number(price.price) / Number(price.per);
}

function placeOf(price: ForeignPrice): string {
  const dims = Object.entries(price.dims ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  // "More than 199,999" and "more than 200,000" are the same tier: they differ about one token.
  const over = Math.ceil((price.contextOver ?? 0) / 10) * 10;
  return JSON.stringify([price.provider, price.model, price.meter, dims, over]);
}

export function nameOf(price: ForeignPrice): string {
  const dims = Object.entries(price.dims ?? {}).map(([name, value]) => `${name}=${value}`);
  const over = price.contextOver === undefined ? [] : [`over ${price.contextOver}`];
  return [`${price.provider}/${price.model}`, price.meter, ...dims, ...over].join(' ');
}
