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
  /** By span: how many values there were, and the largest of them: side by side, so that one look at memory finds both. */
  private slots = new Float64Array(2 * onAPage * 64);
  private used = 1;

  /** @param owner a small whole number. @param value not negative. */
  add(owner: number, value: number): void {
    const slot = this.slotOf(owner, value);
    const { slots } = this;
    slots[slot]!++;
    if (value > slots[slot + 1]!) slots[slot + 1] = value;
  }

  /** Adds values by row. Those below zero, and of owners below zero, do not count; nor do rows that are to be skipped. */
  addEach(owners: Int32Array, values: Float64Array, rows: number, skipped?: Uint32Array): void {
    let { places, slots } = this;
    for (let row = 0; row < rows; row++) {
      const owner = owners[row]!;
      const value = values[row]!;
      if (owner < 0 || value < 0 || (skipped !== undefined && skipped[row] !== 0)) continue;
      const span = spanOf(value);
      const page = owner * pages + (span >>> 5);
      let place = page < places.length ? places[page]! : 0;
      if (place === 0) {
        place = this.openPage(page);
        places = this.places;
        slots = this.slots;
      }
      const slot = 2 * (place * onAPage + (span & (onAPage - 1)));
      slots[slot]!++;
      if (value > slots[slot + 1]!) slots[slot + 1] = value;
    }
  }

  /** Adds what another tally has in a span. */
  addMany(owner: number, span: number, times: number, largest: number): void {
    const slot = this.slotAt(owner, span);
    this.slots[slot]! += times;
    if (largest > this.slots[slot + 1]!) this.slots[slot + 1] = largest;
  }

  /** An owner's spans that hold anything, with how often and the largest value. */
  spansOf(owner: number): { span: number; times: number; largest: number }[] {
    const spans: { span: number; times: number; largest: number }[] = [];
    for (let page = 0; page < pages; page++) {
      const place = this.places[owner * pages + page] ?? 0;
      for (let at = 0; place > 0 && at < onAPage; at++) {
        const slot = 2 * (place * onAPage + at);
        const times = this.slots[slot]!;
        if (times > 0) spans.push({ span: page * onAPage + at, times, largest: this.slots[slot + 1]! });
      }
    }
    return spans;
  }

  /** Takes back one that was added. */
  remove(owner: number, value: number): void {
    this.slots[this.slotOf(owner, value)]!--;
  }

  /** An owner's values at some ranks (0.5 is the median, nearest rank); undefined where it has none. */
  percentiles(owner: number, ranks: readonly number[]): number[] | undefined {
    let total = 0;
    const first = owner * pages;
    if (first >= this.places.length) return undefined;
    const places: number[] = [];
    const totals: number[] = [];
    for (let page = first; page < first + pages; page++) {
      const place = this.places[page]!;
      if (place === 0) continue;
      const here = this.totalOf(place);
      total += here;
      places.push(place);
      totals.push(here);
    }
    if (total === 0) return undefined;
    return ranks.map((rank) => {
      let left = Math.ceil(total * rank);
      for (const [index, here] of totals.entries()) {
        if (left > here) left -= here;
        else return this.valueAt(places[index]!, left);
      }
      return 0;
    });
  }

  private totalOf(place: number): number {
    let total = 0;
    for (let slot = 2 * place * onAPage; slot < 2 * (place + 1) * onAPage; slot += 2) total += this.slots[slot]!;
    return total;
  }

  private valueAt(place: number, rank: number): number {
    let slot = 2 * place * onAPage;
    for (let left = rank - this.slots[slot]!; left > 0; left -= this.slots[slot]!) slot += 2;
    return this.slots[slot + 1]!;
  }

  private slotOf(owner: number, value: number): number {
    return this.slotAt(owner, spanOf(value));
  }

  private slotAt(owner: number, span: number): number {
    const page = owner * pages + (span >>> 5);
    const place = page < this.places.length ? this.places[page]! : 0;
    return 2 * ((place === 0 ? this.openPage(page) : place) * onAPage + (span & (onAPage - 1)));
  }

  private openPage(page: number): number {
    if (page >= this.places.length) {
      const longer = new Int32Array(Math.max(this.places.length * 2, page + 1));
      longer.set(this.places);
      this.places = longer;
    }
    if (2 * (this.used + 1) * onAPage > this.slots.length) {
      const slots = new Float64Array(this.slots.length * 2);
      slots.set(this.slots);
      this.slots = slots;
    }
    this.places[page] = this.used;
    return this.used++;
  }
}

function spanOf(value: number): number {
  if (value < 1) return 0;
  // A double's exponent and the first six bits of its fraction: logarithmic between doublings, even within one.
  value64[0] = value;
  return Math.min((value32[1]! >>> 14) - (1023 * partsOfADoubling - 1), pages * onAPage - 1);
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

  /** The same by row, as a tally takes it. */
  addEach(owners: Int32Array, values: Float64Array, rows: number, skipped?: Uint32Array): void {
    const { ends, next, values: listed } = this;
    for (let row = 0; row < rows; row++) {
      const owner = owners[row]!;
      const value = values[row]!;
      if (owner < 0 || value < 0 || (skipped !== undefined && skipped[row] !== 0)) continue;
      const place = next[owner]!;
      if (place < ends[owner + 1]!) {
        listed[place] = value;
        next[owner] = place + 1;
      } else this.tally.add(owner, value);
    }
  }

  /** Whether an owner's values are kept one by one. */
  lists(owner: number): boolean {
    return this.ends[owner]! < this.ends[owner + 1]!;
  }

  /** What a tally has in a span counts as its largest value. */
  addMany(owner: number, span: number, times: number, largest: number): void {
    if (!this.lists(owner)) this.tally.addMany(owner, span, times, largest);
    else for (let time = 0; time < times; time++) this.add(owner, largest);
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
