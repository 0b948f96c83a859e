import { highUnit } from './rollup-rows.ts';
import type { SpendSums } from './spend.ts';

/** Which group counts what: item by item a group, or -1. `of` is the row or line of each item; the item itself where absent. */
export type Items = { size: number; groups: Int32Array; of?: Int32Array };

/** Sums of numbers by group. */
export class Counts {
  private values = new Float64Array(16);

  add(group: number, value: number): void {
    if (group >= this.values.length) this.values = longer(this.values, group + 1);
    this.values[group]! += value;
  }

  at(group: number): number {
    return this.values[group] ?? 0;
  }

  addFrom(group: number, other: Counts, from: number): void {
    const value = other.at(from);
    if (value !== 0) this.add(group, value);
  }
}

/** Exact sums of whole pico-dollars by group. */
class Money {
  private low = new Float64Array(16);
  private high = new Float64Array(16);

  /** @param low between -2^52 and 2^52. */
  add(group: number, low: number, high: number): void {
    if (group >= this.low.length) {
      this.low = longer(this.low, group + 1);
      this.high = longer(this.high, group + 1);
    }
    const sum = this.low[group]! + low;
    const carry = sum >= highUnit ? 1 : sum < 0 ? -1 : 0;
    this.low[group] = sum - carry * highUnit;
    this.high[group]! += high + carry;
  }

  addFrom(group: number, other: Money, from: number): void {
    this.add(group, other.low[from] ?? 0, other.high[from] ?? 0);
  }

  at(group: number): bigint {
    return BigInt(this.high[group] ?? 0) * BigInt(highUnit) + BigInt(this.low[group] ?? 0);
  }
}

/** What holds of an attempt by its cell alone. */
export const mark = { open: 1, failed: 2, unpriced: 4, estimated: 8, hit: 16, billed: 32 } as const;

/** A group's sums stand together, so that one look at memory finds them: four numbers each; and their multiples of 2^52 apart. */
const stride = 4;
const [attemptsPlace, costPlace, markupPlace, avoidedPlace] = [0, 1, 2, 3] as const;
/** Attempts of generations that had been counted before have no multiples: they stand where those of the attempts would. */
const againPlace = attemptsPlace;

/** What is added up for each group. Money is exact: below 2^52, and beside it multiples of that. */
export class Sums {
  private low = new Float64Array(stride * 16);
  private high = new Float64Array(stride * 16);
  private readonly open = new Counts();
  private readonly failed = new Counts();
  private readonly unpriced = new Counts();
  private readonly estimated = new Counts();
  private readonly hits = new Counts();
  private readonly failedCost = new Money();

  /**
   * Adds up attempts with their costs and markups.
   * @param most the highest group and one. @param total gets each item, where an item is a row.
   */
  add({ size, groups, of }: Items, most: number, rows: Attempts, total: Sums | undefined): void {
    const { marks, cost, costHigh, markup, markupHigh } = rows;
    const table = this.fit(most);
    let [count, costSum, markupSum, costTop, markupTop] = [0, 0, 0, 0, 0];
    for (let item = 0; item < size; item++) {
      const group = groups[item]!;
      if (group < 0) continue;
      const row = of === undefined ? item : of[item]!;
      const place = group * stride;
      table[place]!++;
      const low = cost[row]!;
      const high = costHigh === undefined ? 0 : costHigh[row]!;
      const sum = table[place + costPlace]! + low;
      if (sum >= 0 && sum < highUnit && high === 0) table[place + costPlace] = sum;
      else this.put(place + costPlace, low, high);
      count++;
      costSum += low;
      costTop += high;
      if (costSum >= highUnit) {
        costSum -= highUnit;
        costTop++;
      }
      if (markup !== undefined) {
        const more = markup[row]!;
        const moreHigh = markupHigh === undefined ? 0 : markupHigh[row]!;
        const whole = table[place + markupPlace]! + more;
        if (whole >= 0 && whole < highUnit && moreHigh === 0) table[place + markupPlace] = whole;
        else this.put(place + markupPlace, more, moreHigh);
        markupSum += more;
        markupTop += moreHigh;
        if (markupSum >= highUnit || markupSum < 0) {
          markupTop += markupSum < 0 ? -1 : 1;
          markupSum += markupSum < 0 ? highUnit : -highUnit;
        }
      }
      const marked = marks[row]!;
      if ((marked & ~mark.billed) === 0) continue;
      this.mark(group, marked);
      if (marked & mark.failed) this.failedCost.add(group, low, high);
      if (total === undefined) continue;
      total.mark(0, marked);
      if (marked & mark.failed) total.failedCost.add(0, low, high);
    }
    if (total === undefined) return;
    total.low[attemptsPlace]! += count;
    total.put(costPlace, costSum, costTop);
    total.put(markupPlace, markupSum, markupTop);
  }

  /** One attempt, without its money. */
  count(group: number, marks: number): void {
    this.fit(group + 1)[group * stride + attemptsPlace]!++;
    if ((marks & ~mark.billed) !== 0) this.mark(group, marks);
  }

  /** An attempt of a generation that had been counted before. */
  countAgain(group: number): void {
    this.fit(group + 1);
    this.high[group * stride + againPlace]!++;
  }

  countUnpriced(group: number, attempts = 1): void {
    this.unpriced.add(group, attempts);
  }

  pay(group: number, isFailed: boolean, low: number, high: number): void {
    this.fit(group + 1);
    this.put(group * stride + costPlace, low, high);
    if (isFailed) this.failedCost.add(group, low, high);
  }

  /** A line's amount and charge in one. */
  payLine(group: number, isFailed: boolean, low: number, high: number, charged: number): void {
    const table = this.fit(group + 1);
    const place = group * stride + costPlace;
    const sum = table[place]! + low;
    if (sum >= 0 && sum < highUnit && high === 0) table[place] = sum;
    else this.put(place, low, high);
    if (charged !== 0) this.put(group * stride + markupPlace, charged, 0);
    if (isFailed) this.failedCost.add(group, low, high);
  }

  charge(group: number, low: number, high: number): void {
    this.fit(group + 1);
    this.put(group * stride + markupPlace, low, high);
  }

  avoid(group: number, low: number, high: number): void {
    this.fit(group + 1);
    this.put(group * stride + avoidedPlace, low, high);
  }

  /** Many attempts of one cell at once. @param money cost, markup and what was avoided, each below 2^52 and in multiples of it. */
  addMany(group: number, marks: number, attempts: number, money: ArrayLike<number>): void {
    this.fit(group + 1);
    const place = group * stride;
    this.low[place + attemptsPlace]! += attempts;
    this.put(place + costPlace, money[0]!, money[1]!);
    this.put(place + markupPlace, money[2]!, money[3]!);
    this.put(place + avoidedPlace, money[4]!, money[5]!);
    if ((marks & ~mark.billed) === 0) return;
    this.mark(group, marks, attempts);
    if (marks & mark.failed) this.failedCost.add(group, money[0]!, money[1]!);
  }

  /** Cost, markup and what was avoided, each below 2^52 and in multiples of it. */
  moneyAt(group: number): Float64Array {
    const first = group * stride;
    const places = [costPlace, markupPlace, avoidedPlace];
    return Float64Array.from(places.flatMap((place) => [this.low[first + place] ?? 0, this.high[first + place] ?? 0]));
  }

  unpricedAt(group: number): number {
    return this.unpriced.at(group);
  }

  attemptsAt(group: number): number {
    return this.low[group * stride + attemptsPlace] ?? 0;
  }

  /** Near enough to sort by. */
  costNear(group: number): number {
    const place = group * stride + costPlace;
    return (this.high[place] ?? 0) * highUnit + (this.low[place] ?? 0);
  }

  at(group: number): SpendSums {
    const { low, high, open, failed, failedCost, unpriced, estimated, hits } = this;
    const place = group * stride;
    const attempts = low[place + attemptsPlace] ?? 0;
    const money = (at: number) => BigInt(high[place + at] ?? 0) * BigInt(highUnit) + BigInt(low[place + at] ?? 0);
    const costPico = money(costPlace);
    return {
      generations: attempts - (high[place + againPlace] ?? 0),
      attempts,
      ...{ open: open.at(group), failed: failed.at(group), failedPico: failedCost.at(group) },
      ...{ unpriced: unpriced.at(group), estimated: estimated.at(group), cacheHits: hits.at(group) },
      ...{ costPico, chargePico: costPico + money(markupPlace), avoidedPico: money(avoidedPlace) },
    };
  }

  /** Adds one group of others to one of these. */
  addFrom(group: number, other: Sums, from: number): void {
    this.fit(group + 1);
    const place = group * stride;
    const source = from * stride;
    this.low[place + attemptsPlace]! += other.low[source + attemptsPlace]!;
    this.high[place + againPlace]! += other.high[source + againPlace]!;
    for (let at: number = costPlace; at <= avoidedPlace; at++)
      this.put(place + at, other.low[source + at]!, other.high[source + at]!);
    const failed = other.failed.at(from);
    if (failed !== 0) {
      this.failed.add(group, failed);
      this.failedCost.addFrom(group, other.failedCost, from);
    }
    this.open.addFrom(group, other.open, from);
    this.unpriced.addFrom(group, other.unpriced, from);
    this.estimated.addFrom(group, other.estimated, from);
    this.hits.addFrom(group, other.hits, from);
  }

  private put(place: number, low: number, high: number): void {
    const sum = this.low[place]! + low;
    const carry = sum >= highUnit ? 1 : sum < 0 ? -1 : 0;
    this.low[place] = sum - carry * highUnit;
    if (carry !== 0 || high !== 0) this.high[place]! += high + carry;
  }

  private mark(group: number, marks: number, attempts = 1): void {
    if (marks & mark.open) this.open.add(group, attempts);
    if (marks & mark.failed) this.failed.add(group, attempts);
    if (marks & mark.unpriced) this.unpriced.add(group, attempts);
    if (marks & mark.estimated) this.estimated.add(group, attempts);
    if (marks & mark.hit) this.hits.add(group, attempts);
  }

  private fit(groups: number): Float64Array {
    if (groups * stride > this.low.length) {
      this.low = longer(this.low, groups * stride);
      this.high = longer(this.high, groups * stride);
    }
    return this.low;
  }
}

/** Attempts by row. */
export type Attempts = {
  marks: Uint8Array;
  cost: Float64Array;
  costHigh: Float64Array | undefined;
  markup: Float64Array | undefined;
  markupHigh: Float64Array | undefined;
};

function longer(values: Float64Array, least: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(Math.max(values.length * 2, least));
  next.set(values);
  return next;
}
