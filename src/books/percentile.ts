/** Parts of a doubling that are told apart: a percentile is never more than 1/64 (1.6 %) above the exact one. */
const partsOfADoubling = 64;
/** Spans of values, 32 on a page: what is near is together, and what is empty takes no room. */
const [pages, onAPage] = [128, 32] as const;

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

  /** Adds what another tally has in a span. */
  addMany(owner: number, span: number, times: number, largest: number): void {
    const slot = this.slotAt(owner, span);
    this.counts[slot]! += times;
    if (largest > this.largest[slot]!) this.largest[slot] = largest;
  }

  /** An owner's spans that hold anything, with how often and the largest value. */
  spansOf(owner: number): { span: number; times: number; largest: number }[] {
    const spans: { span: number; times: number; largest: number }[] = [];
    for (let page = 0; page < pages; page++) {
      const place = this.places[owner * pages + page] ?? 0;
      for (let at = 0; place > 0 && at < onAPage; at++) {
        const times = this.counts[place * onAPage + at]!;
        if (times > 0) spans.push({ span: page * onAPage + at, times, largest: this.largest[place * onAPage + at]! });
      }
    }
    return spans;
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
      // A double's exponent and the first six bits of its fraction: logarithmic between doublings, even within one.
      value64[0] = value;
      span = (value32[1]! >>> 14) - (1023 * partsOfADoubling - 1);
      if (span >= pages * onAPage) span = pages * onAPage - 1;
    }
    return this.slotAt(owner, span);
  }

  private slotAt(owner: number, span: number): number {
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

/** Owners with more values than this are tallied, not listed. */
const mostListed = 2_048;

/** Values of owners that are known with their counts beforehand: exact percentiles of those that have few, tallies of the others. */
export class Lists {
  private readonly ends: Int32Array;
  private readonly next: Int32Array;
  private readonly values: Float64Array;
  private readonly tally = new Tally();
  private readonly removed = new Map<number, number[]>();

  /** @param counts how many values each owner has at most. */
  constructor(counts: Int32Array) {
    this.ends = new Int32Array(counts.length + 1);
    for (let owner = 0; owner < counts.length; owner++) {
      const count = counts[owner]!;
      this.ends[owner + 1] = this.ends[owner]! + (count > mostListed ? 0 : count);
    }
    this.next = this.ends.slice();
    this.values = new Float64Array(this.ends[counts.length]!);
  }

  add(owner: number, value: number): void {
    const place = this.next[owner]!;
    if (place < this.ends[owner + 1]!) {
      this.values[place] = value;
      this.next[owner] = place + 1;
    } else this.tally.add(owner, value);
  }

  /** What a tally has in a span counts as its largest value. */
  addMany(owner: number, _span: number, times: number, largest: number): void {
    for (let time = 0; time < times; time++) this.add(owner, largest);
  }

  /** Takes back one that was added. */
  remove(owner: number, value: number): void {
    if (this.ends[owner]! === this.ends[owner + 1]!) {
      this.tally.remove(owner, value);
      return;
    }
    const list = this.removed.get(owner);
    if (list) list.push(value);
    else this.removed.set(owner, [value]);
  }

  percentiles(owner: number, ranks: readonly number[]): number[] | undefined {
    if (this.ends[owner] === this.ends[owner + 1]) return this.tally.percentiles(owner, ranks);
    let values = this.values.subarray(this.ends[owner], this.next[owner]).sort();
    const removed = this.removed.get(owner);
    if (removed) values = without(values, removed);
    if (values.length === 0) return undefined;
    return ranks.map((rank) => values[Math.ceil(values.length * rank) - 1]!);
  }
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
