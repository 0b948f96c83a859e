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

  /** Adds values by row, to none where the group is below zero. */
  addEach(groups: Int32Array, most: number, values: Float64Array, rows: number): void {
    if (most > this.values.length) this.values = longer(this.values, most);
    const sums = this.values;
    for (let row = 0; row < rows; row++) if (groups[row]! >= 0) sums[groups[row]!]! += values[row]!;
  }

  at(group: number): number {
    return this.values[group] ?? 0;
  }

  addFrom(group: number, other: Counts, from: number): void {
    const value = other.at(from);
    if (value !== 0) this.add(group, value);
  }
}

/** What holds of an attempt by its cell alone. */
export const mark = { open: 1, failed: 2, unpriced: 4, estimated: 8, hit: 16, billed: 32 } as const;

/** A group's sums stand together, so that one look at memory finds them: eight numbers, which is what memory gives at a time. */
const stride = 8;
const [attemptsPlace, costPlace, markupPlace, avoidedPlace] = [0, 1, 2, 3] as const;
const [failedPlace, failedCostPlace, unpricedPlace, estimatedPlace] = [4, 5, 6, 7] as const;
/** Before the first group is room for what has none, so that nobody has to ask. */
const first = stride;

/** What is added up for each group. Money is exact: below 2^52, and beside it multiples of that. */
export class Sums {
  private low: Float64Array;
  /** The multiples, where there are any. */
  private high: Float64Array | undefined;
  private readonly open = new Counts();
  private readonly hits = new Counts();
  /** Attempts of generations that had been counted before. */
  private readonly again = new Counts();

  /** @param likely how many groups there may be. */
  constructor(likely = 15) {
    this.low = new Float64Array(stride * (likely + 1));
  }

  /**
   * Adds up attempts with their costs and markups.
   * @param most the highest group and one. @param total gets each of them too.
   */
  add(groups: Int32Array, most: number, rows: Attempts, total: Sums): void {
    const { marks, cost, costHigh, count } = rows;
    const table = this.fit(most);
    table.fill(0, 0, stride);
    this.high?.fill(0, 0, stride);
    let [costSum, costTop] = [0, 0];
    const unit = highUnit;
    for (let row = 0; row < count; row++) {
      const place = groups[row]! * stride + first;
      table[place]! += 1;
      const low = cost[row]!;
      const high = costHigh === undefined ? 0 : costHigh[row]!;
      const sum = table[place + costPlace]! + low;
      if (sum >= 0 && sum < unit && high === 0) table[place + costPlace] = sum;
      else this.put(place + costPlace, low, high);
      costSum += low;
      costTop += high;
      if (costSum >= unit || costSum < 0) {
        costTop += costSum < 0 ? -1 : 1;
        costSum += costSum < 0 ? unit : -unit;
      }
      if ((marks[row]! & ~mark.billed) !== 0) this.addMarked(groups[row]!, marks[row]!, low, high, total);
    }
    this.addMarkups(groups, rows, total);
    total.low[first + attemptsPlace]! += count - table[attemptsPlace]!;
    total.put(first + costPlace, costSum, costTop);
    total.put(first + costPlace, -table[costPlace]!, -(this.high?.[costPlace] ?? 0));
  }

  private addMarked(group: number, marks: number, low: number, high: number, total: Sums): void {
    if (group < 0) return;
    this.mark(group, marks);
    total.mark(0, marks);
    if ((marks & mark.failed) === 0) return;
    this.put(group * stride + first + failedCostPlace, low, high);
    total.put(first + failedCostPlace, low, high);
  }

  private addMarkups(groups: Int32Array, { count, markup, markupHigh }: Attempts, total: Sums): void {
    if (markup === undefined) return;
    const table = this.low;
    const unit = highUnit;
    let [markupSum, markupTop] = [0, 0];
    for (let row = 0; row < count; row++) {
      const place = groups[row]! * stride + first + markupPlace;
      const low = markup[row]!;
      const high = markupHigh === undefined ? 0 : markupHigh[row]!;
      const sum = table[place]! + low;
      if (sum >= 0 && sum < unit && high === 0) table[place] = sum;
      else this.put(place, low, high);
      markupSum += low;
      markupTop += high;
      if (markupSum >= unit || markupSum < 0) {
        markupTop += markupSum < 0 ? -1 : 1;
        markupSum += markupSum < 0 ? unit : -unit;
      }
    }
    total.put(first + markupPlace, markupSum, markupTop);
    total.put(first + markupPlace, -table[markupPlace]!, -(this.high?.[markupPlace] ?? 0));
  }

  /** One attempt, without its money. */
  count(group: number, marks: number): void {
    this.fit(group + 1)[group * stride + first + attemptsPlace]! += 1;
    if ((marks & ~mark.billed) !== 0) this.mark(group, marks);
  }

  /** An attempt of a generation that had been counted before. */
  countAgain(group: number): void {
    this.again.add(group, 1);
  }

  countUnpriced(group: number, attempts = 1): void {
    this.fit(group + 1)[group * stride + first + unpricedPlace]! += attempts;
  }

  pay(group: number, isFailed: boolean, low: number, high: number): void {
    this.fit(group + 1);
    const place = group * stride + first;
    this.put(place + costPlace, low, high);
    if (isFailed) this.put(place + failedCostPlace, low, high);
  }

  /** A line's amount and charge in one. */
  payLine(group: number, isFailed: boolean, low: number, high: number, charged: number): void {
    const table = this.fit(group + 1);
    const place = group * stride + first;
    const sum = table[place + costPlace]! + low;
    if (sum >= 0 && sum < highUnit && high === 0) table[place + costPlace] = sum;
    else this.put(place + costPlace, low, high);
    if (charged !== 0) this.put(place + markupPlace, charged, 0);
    if (isFailed) this.put(place + failedCostPlace, low, high);
  }

  charge(group: number, low: number, high: number): void {
    this.fit(group + 1);
    this.put(group * stride + first + markupPlace, low, high);
  }

  avoid(group: number, low: number, high: number): void {
    this.fit(group + 1);
    this.put(group * stride + first + avoidedPlace, low, high);
  }

  /** Many attempts of one cell at once. @param money cost, markup and what was avoided, each below 2^52 and in multiples of it. */
  addMany(group: number, marks: number, attempts: number, money: ArrayLike<number>): void {
    this.fit(group + 1);
    const place = group * stride + first;
    this.low[place + attemptsPlace]! += attempts;
    this.put(place + costPlace, money[0]!, money[1]!);
    this.put(place + markupPlace, money[2]!, money[3]!);
    this.put(place + avoidedPlace, money[4]!, money[5]!);
    if ((marks & ~mark.billed) === 0) return;
    this.mark(group, marks, attempts);
    if (marks & mark.failed) this.put(place + failedCostPlace, money[0]!, money[1]!);
  }

  /** Cost, markup and what was avoided, each below 2^52 and in multiples of it. */
  moneyAt(group: number): Float64Array {
    const places = [costPlace, markupPlace, avoidedPlace].map((place) => group * stride + first + place);
    return Float64Array.from(places.flatMap((place) => [this.low[place] ?? 0, this.high?.[place] ?? 0]));
  }

  unpricedAt(group: number): number {
    return this.low[group * stride + first + unpricedPlace] ?? 0;
  }

  attemptsAt(group: number): number {
    return this.low[group * stride + first + attemptsPlace] ?? 0;
  }

  /** Near enough to sort by. */
  costNear(group: number): number {
    const place = group * stride + first + costPlace;
    return (this.high?.[place] ?? 0) * highUnit + (this.low[place] ?? 0);
  }

  at(group: number): SpendSums {
    const { low, high, open, hits, again } = this;
    const place = group * stride + first;
    const count = (at: number) => low[place + at] ?? 0;
    const money = (at: number) => BigInt(high?.[place + at] ?? 0) * BigInt(highUnit) + BigInt(low[place + at] ?? 0);
    const attempts = count(attemptsPlace);
    const costPico = money(costPlace);
    return {
      generations: attempts - again.at(group),
      attempts,
      ...{ open: open.at(group), failed: count(failedPlace), failedPico: money(failedCostPlace) },
      ...{ unpriced: count(unpricedPlace), estimated: count(estimatedPlace), cacheHits: hits.at(group) },
      ...{ costPico, chargePico: costPico + money(markupPlace), avoidedPico: money(avoidedPlace) },
    };
  }

  /** Adds one group of others to one of these. */
  addFrom(group: number, other: Sums, from: number): void {
    this.fit(group + 1);
    const place = group * stride + first;
    const source = from * stride + first;
    for (const at of counted) this.low[place + at]! += other.low[source + at]!;
    for (const at of paid) this.put(place + at, other.low[source + at]!, other.high?.[source + at] ?? 0);
    this.open.addFrom(group, other.open, from);
    this.hits.addFrom(group, other.hits, from);
    this.again.addFrom(group, other.again, from);
  }

  private put(place: number, low: number, high: number): void {
    const sum = this.low[place]! + low;
    const carry = sum >= highUnit ? 1 : sum < 0 ? -1 : 0;
    this.low[place] = sum - carry * highUnit;
    if (carry === 0 && high === 0) return;
    this.high ??= new Float64Array(this.low.length);
    this.high[place]! += high + carry;
  }

  private mark(group: number, marks: number, attempts = 1): void {
    const place = group * stride + first;
    if (marks & mark.failed) this.low[place + failedPlace]! += attempts;
    if (marks & mark.unpriced) this.low[place + unpricedPlace]! += attempts;
    if (marks & mark.estimated) this.low[place + estimatedPlace]! += attempts;
    if (marks & mark.open) this.open.add(group, attempts);
    if (marks & mark.hit) this.hits.add(group, attempts);
  }

  private fit(groups: number): Float64Array {
    const least = (groups + 1) * stride;
    if (least > this.low.length) {
      this.low = longer(this.low, least);
      if (this.high) this.high = longer(this.high, this.low.length);
    }
    return this.low;
  }
}

const counted = [attemptsPlace, failedPlace, unpricedPlace, estimatedPlace] as const;
const paid = [costPlace, markupPlace, avoidedPlace, failedCostPlace] as const;

/** So many attempts by row. */
export type Attempts = {
  count: number;
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
