import { type Lists, Tally } from './percentile.ts';
import type { Segment } from './rollup-columns.ts';
import { Pairs } from './spend-pairs.ts';
import type { SpendScan } from './spend-scan.ts';
import { million, type UnitItems } from './spend-tally.ts';

/** Groups that are tallied together at most, as often as they meet: more of them are tallied one by one. */
const mostBundles = 4_000;
/** Bundles whose tallies are handed on in one go: a few milliseconds. */
const bundlesAStep = 500;

/**
 * Percentiles by tag, by way of sets of tags. Tags with many values are bundled as they stand together, and each value is tallied once for
 * its bundle; those with few have their values listed.
 */
export class TagTallies {
  private readonly scan: SpendScan;
  private readonly lists: Lists;
  /** A bundle is a pair of the one before, plus one, and a group. */
  private readonly bundles = new Pairs();
  private readonly costs = new Tally();
  /** Pairs of a unit and a bundle. */
  private readonly units = new Pairs();
  private readonly unitCosts = new Tally();
  /** By pair of a unit and a set: that of the unit and the set's bundle, or -1. */
  private readonly unitOf: number[] = [];
  /** By set: its bundle, or -1; and the groups whose values are told one by one. */
  private readonly bundleOf: number[] = [];
  private readonly singles: (readonly number[] | undefined)[] = [];

  constructor(scan: SpendScan, lists: Lists) {
    this.scan = scan;
    this.lists = lists;
  }

  learn(set: number, groups: readonly number[]): void {
    let bundle = -1;
    const singles: number[] = [];
    for (const group of groups) {
      if (this.lists.lists(group) || this.bundles.size >= mostBundles) singles.push(group);
      else bundle = this.bundles.indexOf(bundle + 1, group);
    }
    this.bundleOf[set] = bundle;
    this.singles[set] = singles.length > 0 ? singles : undefined;
  }

  /** @param sets by row, or -1. @param units pairs of a unit and a set, which the items stand for. */
  add(segment: Segment, sets: Int32Array, paid: Float64Array, items: UnitItems, units: Pairs): void {
    const { rows, codes } = segment;
    const { bundleOf, unitOf, scan } = this;
    const owners = scan.scratch.groupsFor('bundles', rows);
    for (let row = 0; row < rows; row++) owners[row] = sets[row]! < 0 ? -1 : bundleOf[sets[row]!]!;
    this.costs.addEach(owners, paid, rows, codes.chain);
    for (let entry = unitOf.length; entry < units.size; entry++) {
      const bundle = bundleOf[units.second[entry]!]!;
      unitOf.push(bundle < 0 ? -1 : this.units.indexOf(units.first[entry]!, bundle));
    }
    const { size, entries, costs } = items;
    for (let item = 0; item < size; item++) if (entries[item]! >= 0) entries[item] = unitOf[entries[item]!]!;
    this.unitCosts.addEach(entries, costs, size);
    this.addSingles(segment, sets, paid);
  }

  /** The pairs of units and sets are numbered anew. */
  forgetUnits(): void {
    this.unitOf.length = 0;
  }

  *handOn(): Generator<never[], void> {
    const { bundles, units, scan } = this;
    for (let bundle = 0; bundle < bundles.size; bundle++) {
      if (bundle % bundlesAStep === bundlesAStep - 1) yield [];
      const spans = this.costs.spansOf(bundle);
      for (const group of spans.length > 0 ? this.groupsOf(bundle) : []) {
        for (const { span, times, largest } of spans) this.lists.addMany(group, span, times, largest);
      }
    }
    for (let entry = 0; entry < units.size; entry++) {
      if (entry % bundlesAStep === bundlesAStep - 1) yield [];
      const spans = this.unitCosts.spansOf(entry);
      for (const group of spans.length > 0 ? this.groupsOf(units.second[entry]!) : []) {
        const owner = scan.units.indexOf(units.first[entry]!, group);
        for (const { span, times, largest } of spans) scan.unitCosts.addMany(owner, span, times, largest);
      }
    }
  }

  private groupsOf(bundle: number): number[] {
    const groups: number[] = [];
    for (let one = bundle; one >= 0; one = this.bundles.first[one]! - 1) groups.push(this.bundles.second[one]!);
    return groups;
  }

  private addSingles({ rows, codes, numbers }: Segment, sets: Int32Array, paid: Float64Array): void {
    const { chain, unitCount, unit } = codes;
    const { unitQuantity } = numbers;
    const { singles, scan, lists } = this;
    let place = 0;
    for (let row = 0; row < rows; row++) {
      const end = place + (unitCount === undefined ? 0 : unitCount[row]!);
      const groups = sets[row]! < 0 || paid[row]! < 0 ? undefined : singles[sets[row]!];
      if (groups !== undefined) {
        for (const group of groups) {
          if (chain === undefined || chain[row] === 0) lists.add(group, paid[row]!);
          for (let at = place; at < end; at++) {
            const quantity = unitQuantity === undefined ? 0 : unitQuantity[at]!;
            const owner = quantity > 0 ? scan.units.indexOf(unit === undefined ? 0 : unit[at]!, group) : -1;
            if (owner >= 0) scan.unitCosts.add(owner, (paid[row]! * million) / quantity);
          }
        }
      }
      place = end;
    }
  }
}
