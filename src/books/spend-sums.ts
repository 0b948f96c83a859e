import { highUnit } from './rollup-rows.ts';

/** Firsts and seconds that are looked up in a table, where there are not many of them. */
const [mostDirect, mostTable] = [64, 1 << 22] as const;

/** Pairs of small whole numbers as one: the first pair is 0, the next new one 1, and so on. */
export class Pairs {
  size = 0;
  first = new Int32Array(256);
  second = new Int32Array(256);
  /** Of the small firsts: places by second, plus one. */
  private readonly tables: Int32Array[] = [];
  /** Of the others: places plus one, by hash; 0 is empty. */
  private slots = new Int32Array(1024);

  indexOf(first: number, second: number): number {
    if (first < mostDirect && first < this.tables.length) {
      const table = this.tables[first]!;
      const place = second < table.length ? table[second]! : 0;
      if (place > 0) return place - 1;
    }
    return first < mostDirect && second < mostTable ? this.setDirect(first, second) : this.find(first, second);
  }

  private find(first: number, second: number): number {
    const mask = this.slots.length - 1;
    let slot = hashOf(first, second) & mask;
    for (; ; slot = (slot + 1) & mask) {
      const place = this.slots[slot]! - 1;
      if (place < 0) break;
      if (this.first[place] === first && this.second[place] === second) return place;
    }
    if (this.size * 2 >= this.slots.length) {
      this.grow();
      return this.find(first, second);
    }
    this.slots[slot] = this.size + 1;
    return this.append(first, second);
  }

  private setDirect(first: number, second: number): number {
    while (this.tables.length <= first) this.tables.push(new Int32Array(16));
    const table = this.tables[first]!;
    if (second >= table.length) {
      this.tables[first] = new Int32Array(Math.max(table.length * 2, second + 1));
      this.tables[first].set(table);
    }
    const place = this.append(first, second);
    this.tables[first]![second] = place + 1;
    return place;
  }

  private append(first: number, second: number): number {
    if (this.size >= this.first.length) {
      const [firsts, seconds] = [this.first, this.second];
      this.first = new Int32Array(this.size * 2);
      this.second = new Int32Array(this.size * 2);
      this.first.set(firsts);
      this.second.set(seconds);
    }
    this.first[this.size] = first;
    this.second[this.size] = second;
    return this.size++;
  }

  private grow(): void {
    this.slots = new Int32Array(this.slots.length * 4);
    const mask = this.slots.length - 1;
    for (let place = 0; place < this.size; place++) {
      const first = this.first[place]!;
      const second = this.second[place]!;
      if (first < mostDirect && second < mostTable) continue;
      let slot = hashOf(first, second) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = place + 1;
    }
  }
}

function hashOf(first: number, second: number): number {
  const mixed = Math.imul(Math.imul(first, 0x9e3779b1) ^ second, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** A list of whole numbers that grows. */
export class Whole {
  size = 0;
  values = new Int32Array(1024);

  push(value: number): void {
    if (this.size === this.values.length) {
      const { values } = this;
      this.values = new Int32Array(this.size * 2);
      this.values.set(values);
    }
    this.values[this.size++] = value;
  }
}

/** Which group counts what: item by item a group, or -1. `of` is the row or line of each item; the item itself where absent. */
export type Items = { size: number; groups: Int32Array; of?: Int32Array };

/** Sums of numbers by group. */
export class Counts {
  private values = new Float64Array(16);

  add(group: number, value: number): void {
    if (group >= this.values.length) this.values = longer(this.values, group + 1);
    this.values[group]! += value;
  }

  /** The sums themselves, with room for so many groups. */
  fit(groups: number): Float64Array {
    if (groups > this.values.length) this.values = longer(this.values, groups);
    return this.values;
  }

  at(group: number): number {
    return this.values[group] ?? 0;
  }
}

/** Exact sums of whole pico-dollars by group: below 2^52, and multiples of it. */
export class Money {
  private low = new Float64Array(16);
  private high = new Float64Array(16);

  /** @param low between -2^52 and 2^52. */
  add(group: number, low: number, high: number): void {
    if (group >= this.low.length) this.fit(group + 1);
    const sum = this.low[group]! + low;
    const carry = sum >= highUnit ? 1 : sum < 0 ? -1 : 0;
    this.low[group] = sum - carry * highUnit;
    this.high[group]! += high + carry;
  }

  /** Adds up a column. @param most the highest group and one. */
  sum({ size, groups, of }: Items, most: number, lows: Float64Array, highs: Float64Array | undefined): void {
    const low = this.fit(most);
    for (let item = 0; item < size; item++) {
      const group = groups[item]!;
      if (group < 0) continue;
      const row = of === undefined ? item : of[item]!;
      const sum = low[group]! + lows[row]!;
      if (sum >= 0 && sum < highUnit && highs === undefined) low[group] = sum;
      else this.add(group, lows[row]!, highs === undefined ? 0 : highs[row]!);
    }
  }

  addFrom(group: number, other: Money, from: number): void {
    this.add(group, other.low[from] ?? 0, other.high[from] ?? 0);
  }

  at(group: number): bigint {
    return BigInt(this.high[group] ?? 0) * BigInt(highUnit) + BigInt(this.low[group] ?? 0);
  }

  /** Near enough to sort by. */
  near(group: number): number {
    return (this.high[group] ?? 0) * highUnit + (this.low[group] ?? 0);
  }

  /** What is below 2^52 of the sums, with room for so many groups. */
  fit(groups: number): Float64Array {
    if (groups > this.low.length) {
      this.low = longer(this.low, groups);
      this.high = longer(this.high, groups);
    }
    return this.low;
  }
}

/** What holds of an attempt by its cell alone. */
export const mark = { open: 1, failed: 2, unpriced: 4, estimated: 8, hit: 16, billed: 32 } as const;

/** What is added up for each group. */
export class Sums {
  readonly attempts = new Counts();
  /** Attempts of a generation that had been counted before. */
  readonly again = new Counts();
  readonly open = new Counts();
  readonly failed = new Counts();
  readonly unpriced = new Counts();
  readonly estimated = new Counts();
  readonly hits = new Counts();
  readonly cost = new Money();
  readonly failedCost = new Money();
  readonly markup = new Money();
  readonly avoided = new Money();

  /** Adds up attempts with their costs, by row. @param most the highest group and one. */
  add({ size, groups, of }: Items, most: number, marks: Uint8Array, cost: Float64Array, costHigh?: Float64Array): void {
    const attempts = this.attempts.fit(most);
    const lows = this.cost.fit(most);
    for (let item = 0; item < size; item++) {
      const group = groups[item]!;
      if (group < 0) continue;
      const row = of === undefined ? item : of[item]!;
      attempts[group]!++;
      const sum = lows[group]! + cost[row]!;
      const high = costHigh === undefined ? 0 : costHigh[row]!;
      if (sum >= 0 && sum < highUnit && high === 0) lows[group] = sum;
      else this.cost.add(group, cost[row]!, high);
      const marked = marks[row]!;
      if ((marked & ~mark.billed) === 0) continue;
      this.markOne(group, marked);
      if (marked & mark.failed) this.failedCost.add(group, cost[row]!, high);
    }
  }

  /** One attempt. */
  count(group: number, marks: number): void {
    this.attempts.add(group, 1);
    if ((marks & ~mark.billed) !== 0) this.markOne(group, marks);
  }

  pay(group: number, isFailed: boolean, low: number, high: number): void {
    this.cost.add(group, low, high);
    if (isFailed) this.failedCost.add(group, low, high);
  }

  private markOne(group: number, marks: number): void {
    if (marks & mark.open) this.open.add(group, 1);
    if (marks & mark.failed) this.failed.add(group, 1);
    if (marks & mark.unpriced) this.unpriced.add(group, 1);
    if (marks & mark.estimated) this.estimated.add(group, 1);
    if (marks & mark.hit) this.hits.add(group, 1);
  }
}

function longer(values: Float64Array, least: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(Math.max(values.length * 2, least));
  next.set(values);
  return next;
}
