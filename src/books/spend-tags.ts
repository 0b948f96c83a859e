import type { Lists } from './percentile.ts';
import type { Segment } from './rollup-columns.ts';
import { Pairs } from './spend-pairs.ts';
import type { SpendScan } from './spend-scan.ts';
import { Counts, type Items, Sums } from './spend-sums.ts';
import { tagSets } from './spend-tag-sets.ts';
import { TagTallies } from './spend-tag-tallies.ts';
import { unitsOf } from './spend-tally.ts';

/** Sets that are known at a time: with more of them, what they have is handed on and they are forgotten. */
const mostSets = 40_000;
/** Sets that are looked at in one go: a few milliseconds. */
const setsAStep = 8_000;

/**
 * Groups by tag, by way of the sets of tags that attempts have: those are few, and an attempt is in one of them only. What was added up
 * by set is handed on to the tags in the end.
 */
export class TagSets {
  /** Whether some that rows were placed in are forgotten. */
  hasForgotten = false;
  /** Sums of attempts by set. */
  sums = new Sums();
  private readonly scan: SpendScan;
  /** Pairs of a group and a tag. */
  private readonly tags: Pairs;
  private codes: ReturnType<typeof tagSets>;
  /** Pairs of a group and a set; by pair, the pairs of that group and each of its tags; and those of them that are asked for. */
  private sets = new Pairs();
  private groups: (readonly number[])[] = [];
  private chosen: (readonly number[])[] = [];
  /** Pairs of a unit and a set, and the quantity of each. */
  private units = new Pairs();
  private quantities = new Counts();
  private wanted: Uint8Array | undefined;
  private tallies: TagTallies | undefined;

  constructor(scan: SpendScan, tags: Pairs) {
    this.scan = scan;
    this.tags = tags;
    this.codes = tagSets(scan.plan.names, undefined);
  }

  get size(): number {
    return this.sets.size;
  }

  /** The group of each row becomes that of its set in it. */
  place(segment: Segment, groups: Int32Array): void {
    if (this.size > mostSets) this.forget();
    const { sets, codes, scan } = this;
    sets.each(groups, codes.codesOf(segment, scan.scratch.codesFor('tag sets', segment.rows)), segment.rows);
    for (let set = this.groups.length; set < sets.size; set++) {
      const found = codes.tagsOf(sets.second[set]!);
      this.groups.push((found.length > 0 ? found : [0]).map((tag) => this.tags.indexOf(sets.first[set]!, tag)));
      this.choose(set);
    }
  }

  /** The groups by tag of a set: those that are asked for. */
  groupsOf(set: number): readonly number[] {
    return set < 0 ? none : this.chosen[set]!;
  }

  leaveUnwanted({ size, groups }: Items): void {
    const { chosen } = this;
    for (let row = 0; row < size; row++) if (groups[row]! >= 0 && chosen[groups[row]!]!.length === 0) groups[row] = -1;
  }

  /** What was added before is told once more, for the units and the percentiles of these groups. */
  tally(wanted: Uint8Array, costs: Lists): void {
    this.wanted = wanted;
    this.tallies = new TagTallies(this.scan, costs);
    for (let set = 0; set < this.size; set++) this.choose(set);
  }

  addUnits(segment: Segment, sets: Int32Array, paid: Float64Array): void {
    const items = unitsOf(segment, sets, paid, this.units, this.scan.scratch);
    const { unitQuantity } = segment.numbers;
    if (unitQuantity) this.quantities.addEach(items.entries, this.units.size, unitQuantity, items.size);
    this.tallies?.add(segment, sets, paid, items, this.units);
  }

  /** Hands on to the tags what was added up since the last time. */
  *handOn(): Generator<never[], void> {
    yield* this.handOnSums();
    if (this.tallies) yield* this.tallies.handOn();
  }

  private *handOnSums(): Generator<never[], void> {
    const { scan, sums, units } = this;
    for (let set = 0; set < this.size; set++) {
      if (set % setsAStep === setsAStep - 1) yield [];
      if (sums.attemptsAt(set) > 0) for (const group of this.groupsOf(set)) scan.sums.addFrom(group, sums, set);
    }
    for (let entry = 0; entry < units.size; entry++) {
      if (entry % setsAStep === setsAStep - 1) yield [];
      for (const group of this.groupsOf(units.second[entry]!)) {
        scan.quantities.add(scan.units.indexOf(units.first[entry]!, group), this.quantities.at(entry));
      }
    }
    this.sums = new Sums();
    this.units = new Pairs();
    this.quantities = new Counts();
    this.tallies?.forgetUnits();
  }

  private choose(set: number): void {
    const { wanted } = this;
    const groups = this.groups[set]!;
    this.chosen[set] = wanted === undefined ? groups : groups.filter((group) => wanted[group] === 1);
    this.tallies?.learn(set, this.chosen[set]!);
  }

  private forget(): void {
    for (const _ of this.handOnSums());
    this.hasForgotten = true;
    this.codes = tagSets(this.scan.plan.names, undefined);
    this.sets = new Pairs();
    this.groups = [];
    this.chosen = [];
  }
}

const none: readonly number[] = [];
