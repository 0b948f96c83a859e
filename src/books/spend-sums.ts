import { highUnit } from './rollup-rows.ts';

/** Pairs of small whole numbers as one: the first pair is 0, the next new one 1, and so on. */
export class Pairs {
  size = 0;
  private first = new Float64Array(256);
  private second = new Float64Array(256);
  /** Places of pairs plus one; 0 is empty. */
  private slots = new Int32Array(1024);

  indexOf(first: number, second: number): number {
    const mask = this.slots.length - 1;
    let slot = (Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b)) >>> 7;
    for (slot &= mask; ; slot = (slot + 1) & mask) {
      const place = this.slots[slot]! - 1;
      if (place < 0) break;
      if (this.first[place] === first && this.second[place] === second) return place;
    }
    if (this.size * 2 >= mask) {
      this.grow();
      return this.indexOf(first, second);
    }
    if (this.size >= this.first.length) {
      this.first = longer(this.first);
      this.second = longer(this.second);
    }
    this.first[this.size] = first;
    this.second[this.size] = second;
    this.slots[slot] = ++this.size;
    return this.size - 1;
  }

  at(index: number): [first: number, second: number] {
    return [this.first[index] ?? 0, this.second[index] ?? 0];
  }

  private grow(): void {
    const { slots } = this;
    this.slots = new Int32Array(slots.length * 2);
    const mask = this.slots.length - 1;
    for (let place = 0; place < this.size; place++) {
      let slot = (Math.imul(this.first[place]!, 0x9e3779b1) ^ Math.imul(this.second[place]!, 0x85ebca6b)) >>> 7;
      slot &= mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = place + 1;
    }
  }
}

/** Exact sums of whole pico-dollars by group: below 2^52, and multiples of it. */
export class Money {
  private low = new Float64Array(64);
  private high = new Float64Array(64);

  /** @param low between -2^52 and 2^52. */
  add(group: number, low: number, high: number): void {
    if (group >= this.low.length) {
      this.low = longer(this.low, group + 1);
      this.high = longer(this.high, group + 1);
    }
    const sum = this.low[group]! + low;
    const carry = sum >= highUnit ? 1 : sum < 0 ? -1 : 0;
    this.low[group] = sum - carry * highUnit;
    if (carry !== 0 || high !== 0) this.high[group]! += high + carry;
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
}

/** Sums of numbers by group. */
export class Counts {
  private values = new Float64Array(64);

  add(group: number, value: number): void {
    if (group >= this.values.length) this.values = longer(this.values, group + 1);
    this.values[group]! += value;
  }

  at(group: number): number {
    return this.values[group] ?? 0;
  }
}

/** What holds of an attempt by its cell alone. */
export const mark = { open: 1, failed: 2, unpriced: 4, estimated: 8, hit: 16, billed: 32 } as const;

/** What is added up for each group. */
export class Sums {
  readonly generations = new Counts();
  readonly attempts = new Counts();
  readonly open = new Counts();
  readonly failed = new Counts();
  readonly unpriced = new Counts();
  readonly estimated = new Counts();
  readonly hits = new Counts();
  readonly cost = new Money();
  readonly failedCost = new Money();
  readonly markup = new Money();
  readonly avoided = new Money();

  count(group: number, marks: number, isNew: boolean): void {
    this.attempts.add(group, 1);
    if (isNew) this.generations.add(group, 1);
    if ((marks & ~mark.billed) === 0) return;
    if (marks & mark.open) this.open.add(group, 1);
    if (marks & mark.failed) this.failed.add(group, 1);
    if (marks & mark.unpriced) this.unpriced.add(group, 1);
    if (marks & mark.estimated) this.estimated.add(group, 1);
    if (marks & mark.hit) this.hits.add(group, 1);
  }

  pay(group: number, marks: number, low: number, high: number): void {
    this.cost.add(group, low, high);
    if (marks & mark.failed) this.failedCost.add(group, low, high);
  }
}

function longer(values: Float64Array, least = 0): Float64Array<ArrayBuffer> {
  const next = new Float64Array(Math.max(values.length * 2, least));
  next.set(values);
  return next;
}
