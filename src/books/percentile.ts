/** Parts of a doubling that are told apart: a percentile is never more than 1/128 (0.8 %) above the exact one. */
const partsOfADoubling = 128;
/** Spans of values, 32 on a page: what is near is together, and what is empty takes no room. */
const [pages, onAPage] = [256, 32] as const;

const value64 = new Float64Array(1);
const value32 = new Uint32Array(value64.buffer);

/**
 * Counts of values by owner and span, for percentiles of many owners at once. What is answered is the largest value seen in the right
 * span: a value that was there, and the exact one where the span holds only one.
 */
export class Tally {
  /** By owner and page: where its counts begin, in pages; 0 where it has none. */
  private places = new Int32Array(pages * 16);
  private counts = new Int32Array(onAPage * 64);
  private largest = new Float64Array(onAPage * 64);
  private used = 1;

  /** @param owner a small whole number. @param value not negative. */
  add(owner: number, value: number): void {
    const slot = this.slotOf(owner, value);
    this.counts[slot]!++;
    if (value > this.largest[slot]!) this.largest[slot] = value;
  }

  /** Takes back one that was added. */
  remove(owner: number, value: number): void {
    this.counts[this.slotOf(owner, value)]!--;
  }

  /** An owner's values at some ranks (0.5 is the median, nearest rank); undefined where it has none. */
  percentiles(owner: number, ranks: readonly number[]): number[] | undefined {
    let total = 0;
    const first = owner * pages;
    if (first >= this.places.length) return undefined;
    const places = this.places.subarray(first, first + pages);
    for (const place of places) if (place > 0) total += this.totalOf(place);
    if (total === 0) return undefined;
    return ranks.map((rank) => {
      let left = Math.ceil(total * rank);
      for (const place of places) {
        if (place === 0) continue;
        const here = this.totalOf(place);
        if (left > here) left -= here;
        else return this.valueAt(place, left);
      }
      return 0;
    });
  }

  private totalOf(place: number): number {
    let total = 0;
    for (let slot = place * onAPage; slot < (place + 1) * onAPage; slot++) total += this.counts[slot]!;
    return total;
  }

  private valueAt(place: number, rank: number): number {
    let slot = place * onAPage;
    for (let left = rank - this.counts[slot]!; left > 0; left -= this.counts[slot]!) slot++;
    return this.largest[slot]!;
  }

  private slotOf(owner: number, value: number): number {
    let span = 0;
    if (value >= 1) {
      // A double's exponent and the first seven bits of its fraction: logarithmic between doublings, even within one.
      value64[0] = value;
      span = (value32[1]! >>> 13) - (1023 * partsOfADoubling - 1);
      if (span >= pages * onAPage) span = pages * onAPage - 1;
    }
    const page = owner * pages + (span >>> 5);
    const place = page < this.places.length ? this.places[page]! : 0;
    return (place === 0 ? this.openPage(page) : place) * onAPage + (span & (onAPage - 1));
  }

  private openPage(page: number): number {
    if (page >= this.places.length) {
      const longer = new Int32Array(Math.max(this.places.length * 2, page + 1));
      longer.set(this.places);
      this.places = longer;
    }
    if ((this.used + 1) * onAPage > this.counts.length) {
      const counts = new Int32Array(this.counts.length * 2);
      const largest = new Float64Array(this.counts.length * 2);
      counts.set(this.counts);
      largest.set(this.largest);
      this.counts = counts;
      this.largest = largest;
    }
    this.places[page] = this.used;
    return this.used++;
  }
}

/** Values by owner, as many as announced for each: exact percentiles of a few owners. */
export class Lists {
  private readonly ends: Int32Array;
  private readonly next: Int32Array;
  private readonly values: Float64Array;
  private readonly removed = new Map<number, number[]>();
  private readonly more = new Map<number, number[]>();

  /** @param counts how many values each owner has at most; what comes beyond is kept too. */
  constructor(counts: Int32Array) {
    this.ends = new Int32Array(counts.length + 1);
    for (let owner = 0; owner < counts.length; owner++) this.ends[owner + 1] = this.ends[owner]! + counts[owner]!;
    this.next = this.ends.slice();
    this.values = new Float64Array(this.ends[counts.length]!);
  }

  add(owner: number, value: number): void {
    const place = this.next[owner]!;
    if (place < this.ends[owner + 1]!) {
      this.values[place] = value;
      this.next[owner] = place + 1;
    } else append(this.more, owner, value);
  }

  /** Takes back one that was added, or will be. */
  remove(owner: number, value: number): void {
    append(this.removed, owner, value);
  }

  percentiles(owner: number, ranks: readonly number[]): number[] | undefined {
    if (owner + 1 >= this.ends.length) return undefined;
    let values = this.values.subarray(this.ends[owner], this.next[owner]);
    const more = this.more.get(owner);
    if (more) values = Float64Array.from([...values, ...more]);
    values.sort();
    const removed = this.removed.get(owner);
    if (removed) values = without(values, removed);
    if (values.length === 0) return undefined;
    return ranks.map((rank) => values[Math.ceil(values.length * rank) - 1]!);
  }
}

function append(lists: Map<number, number[]>, owner: number, value: number): void {
  const list = lists.get(owner);
  if (list) list.push(value);
  else lists.set(owner, [value]);
}

function without(values: Float64Array, removed: readonly number[]): Float64Array<ArrayBuffer> {
  const counts = new Map<number, number>();
  for (const value of removed) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Float64Array.from(
    [...values].filter((value) => {
      const count = counts.get(value) ?? 0;
      if (count > 0) counts.set(value, count - 1);
      return count === 0;
    }),
  );
}
