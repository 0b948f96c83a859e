import { hashOf } from './spend-sums.ts';

/** Parts of a doubling that are told apart: a percentile is never more than 1/128 (0.8 %) above the exact one. */
const partsOfADoubling = 128;
const spans = 8192;

const view = new DataView(new ArrayBuffer(8));

/** The span of values that a value is counted in; all below 1 are one. */
export function spanOf(value: number): number {
  if (value < 1) return 0;
  // A double's exponent and the first seven bits of its fraction: logarithmic between doublings, linear within.
  view.setFloat64(0, value);
  return Math.min((view.getUint32(0) >>> 13) - (1023 * partsOfADoubling - 1), spans - 1);
}

/**
 * Counts of values by owner and span, for percentiles of any number of owners at once. What is answered is the largest value seen
 * in the right span: a value that was there, and the exact one where the span holds only one.
 */
export class Tally {
  private keys = new Float64Array(1024);
  private counts = new Int32Array(1024);
  private largest = new Float64Array(1024);
  private used = 0;

  /** @param owner a small integer. @param value not negative. */
  add(owner: number, value: number): void {
    const slot = this.slotOf(owner, spanOf(value));
    this.counts[slot]!++;
    if (value > this.largest[slot]!) this.largest[slot] = value;
  }

  /** Takes back one that was added. */
  remove(owner: number, value: number): void {
    this.counts[this.slotOf(owner, spanOf(value))]!--;
  }

  /**
   * The values at some ranks (0.5 is the median, nearest rank) for the wanted owners; one without values is left out.
   * @param wanted where an owner's answer goes, or -1.
   */
  percentiles(wanted: Int32Array, ranks: readonly number[]): Map<number, number[]> {
    const found = new Map<number, { span: number; count: number; largest: number }[]>();
    for (let slot = 0; slot < this.keys.length; slot++) {
      const key = this.keys[slot]!;
      const count = this.counts[slot]!;
      if (key === 0 || count <= 0) continue;
      const owner = Math.floor((key - 1) / spans);
      if (owner >= wanted.length || wanted[owner]! < 0) continue;
      const entry = { span: (key - 1) % spans, count, largest: this.largest[slot]! };
      const list = found.get(owner);
      if (list) list.push(entry);
      else found.set(owner, [entry]);
    }
    const answers = new Map<number, number[]>();
    for (const [owner, entries] of found) {
      entries.sort((one, other) => one.span - other.span);
      const total = entries.reduce((sum, entry) => sum + entry.count, 0);
      answers.set(
        wanted[owner]!,
        ranks.map((rank) => {
          let left = Math.ceil(total * rank);
          return entries.find((entry) => {
            left -= entry.count;
            return left <= 0;
          })!.largest;
        }),
      );
    }
    return answers;
  }

  private slotOf(owner: number, span: number): number {
    const key = owner * spans + span + 1;
    const mask = this.keys.length - 1;
    let slot = hashOf(owner, span) & mask;
    for (;;) {
      const there = this.keys[slot]!;
      if (there === key) return slot;
      if (there === 0) break;
      slot = (slot + 1) & mask;
    }
    if (this.used * 2 >= mask) {
      this.grow();
      return this.slotOf(owner, span);
    }
    this.keys[slot] = key;
    this.used++;
    return slot;
  }

  private grow(): void {
    const { keys, counts, largest } = this;
    this.keys = new Float64Array(keys.length * 2);
    this.counts = new Int32Array(keys.length * 2);
    this.largest = new Float64Array(keys.length * 2);
    this.used = 0;
    for (let old = 0; old < keys.length; old++) {
      const key = keys[old]!;
      if (key === 0) continue;
      const slot = this.slotOf(Math.floor((key - 1) / spans), (key - 1) % spans);
      this.counts[slot] = counts[old]!;
      this.largest[slot] = largest[old]!;
    }
  }
}
