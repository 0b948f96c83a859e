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
