import { type Lists, Tally } from './percentile.ts';
import type { Segment } from './rollup-columns.ts';
import { Scratch } from './scratch.ts';
import { endsOf, groupsByRow, itemsByTag, leaveUntagged, type Placed, paidBy, withoutCopies } from './spend-items.ts';
import { addLines } from './spend-lines.ts';
import { Pairs } from './spend-pairs.ts';
import type { SpendPlan } from './spend-plan.ts';
import { addSpans, addSummary } from './spend-summary.ts';
import { Counts, Sums } from './spend-sums.ts';
import { TagSets } from './spend-tags.ts';
import { countChains, leaveUnwanted, tallyChains, tallyLines, tallyRows, unitsOf } from './spend-tally.ts';

/** More groups than this are not tallied in passing. */
const mostTallied = 2_000;
/** Room that is made beforehand, in groups: 4 MB. */
const mostLikely = 65_536;

/** Adds up segments by the groups of a plan: column by column, in loops that do little. */
export class SpendScan {
  readonly sums: Sums;
  readonly total = new Sums();
  /** Pairs of a unit and a group, and the quantity of each. */
  units = new Pairs();
  quantities = new Counts();
  /** Costs of generations by group, and of a million units by pair. */
  costs: Tally | Lists = new Tally();
  unitCosts = new Tally();
  /** Whether there are too many groups to tally them all: that is done afterwards, for those that are wanted. */
  isPutOff = false;
  readonly plan: SpendPlan;
  readonly scratch = new Scratch();
  /** By line: the number of its words, and the group of its attempt. */
  readonly lines = new Pairs();
  private entries = new Int32Array(64);
  private readonly tags = new Pairs();
  /** Where groups are by tag and attempts are added up. */
  private readonly sets: TagSets | undefined;
  private readonly levels: Pairs[];
  private readonly most: number;

  /** @param most groups that are tallied in passing. */
  constructor(plan: SpendPlan, most = mostTallied) {
    this.plan = plan;
    this.most = most;
    this.levels = plan.levels.map(() => new Pairs());
    this.sums = new Sums(Math.min(plan.likelyGroups, mostLikely) + 64);
    this.sets = plan.groupsTags && !plan.byLine ? new TagSets(this, this.tags) : undefined;
    // The percentiles of tags are told from those of sets of tags, once these are known.
    this.isPutOff = !plan.query.plain && (this.sets !== undefined || plan.likelyGroups > most);
  }

  /** How many groups there are by now. */
  get groups(): number {
    return this.plan.byLine ? this.lines.size : this.bases;
  }

  private get bases(): number {
    return this.plan.groupsTags ? this.tags.size : (this.levels.at(-1)?.size ?? this.plan.cellGroupCount);
  }

  /** The tallies of groups that were tallied in passing. */
  get tallied(): Tally {
    return this.costs instanceof Tally ? this.costs : new Tally();
  }

  /** Whether the groups that rows were said to have still are theirs. */
  get keepsGroups(): boolean {
    return this.sets?.hasForgotten !== true;
  }

  /** Looks up what these groups are called, all at once. */
  learnNames(chosen: readonly number[]): void {
    const { plan, lines, tags, levels } = this;
    const wanted = levels.map(() => [] as number[]);
    const wantedTags: number[] = [];
    for (const index of chosen) {
      const group = plan.byLine ? lines.second[index]! : index;
      if (plan.groupsTags) wantedTags.push(tags.second[group]!);
      this.descend(group, (level, code) => wanted[level]!.push(code));
    }
    plan.names.learn('tag', wantedTags);
    for (const [level, { kind }] of plan.levels.entries()) if (kind) plan.names.learn(kind, wanted[level]!);
  }

  /** What a group is called. */
  textsOf(index: number): Record<string, string> {
    const { plan, lines, tags } = this;
    const texts: Record<string, string> = {};
    let group = index;
    if (plan.byLine) {
      plan.putLineWords(lines.first[group]!, texts);
      group = lines.second[group]!;
    }
    if (plan.groupsTags) texts.tag = plan.names.text('tag', tags.second[group]!);
    const part = this.descend(group, (level, code) => {
      const { name, text } = plan.levels[level]!;
      texts[name] = text(code);
    });
    plan.putWords(part, texts);
    return texts;
  }

  /** The codes of a group, level by level. */
  codesOf(index: number): number[] {
    const codes: number[] = [];
    this.descend(this.plan.byLine ? this.lines.second[index]! : index, (level, code) => {
      codes[level] = code;
    });
    return codes;
  }

  /** Tells a group's codes from the last level to the first. Returns the number of its cells. */
  private descend(from: number, tell: (level: number, code: number) => void): number {
    const { levels } = this;
    let group = this.plan.groupsTags ? this.tags.first[from]! : from;
    for (let level = levels.length - 1; level >= 0; level--) {
      tell(level, levels[level]!.second[group]!);
      group = levels[level]!.first[group]!;
    }
    return group;
  }

  /**
   * @param inside whether all of its times are within the query's.
   * @param room where the groups of its rows are written, for `addPutOff`.
   */
  add(segment: Segment, inside: boolean, room?: Int32Array): void {
    const groups = this.place(segment, inside, room);
    this.checkGroups();
    const placed = this.placed(segment, groups, !this.isPutOff);
    if (this.plan.byLine) addLines(this, segment, placed);
    else this.addRows(segment, placed);
  }

  /** The same with a summary, whose rows are many attempts each. @param wanted where it was added before: only units are. */
  addSummary(summary: Segment, inside: boolean, wanted?: Uint8Array): void {
    const groups = this.place(summary, inside);
    this.checkGroups();
    addSummary(this, summary, groups, this.marksOf(summary), wanted);
  }

  /** The percentiles that go with a summary. @param wanted by group, 1 for those that are asked for; absent for all. */
  addSpans(spans: Segment, inside: boolean, wanted?: Uint8Array): void {
    addSpans(this, spans, this.place(spans, inside), wanted);
  }

  /** The same from the attempts that are in the summary. */
  addTallies(segment: Segment, inside: boolean, wanted?: Uint8Array): void {
    const placed = this.placed(segment, this.place(segment, inside), true);
    if (this.plan.byLine) tallyLines(this, segment, placed, wanted);
    else tallyRows(this, segment, placed, wanted);
  }

  private checkGroups(): void {
    // Lines are counted in passing all the same.
    if (this.groups <= this.most || this.isPutOff || this.plan.query.plain) return;
    this.isPutOff = true;
    this.costs = new Tally();
    this.unitCosts = new Tally();
    if (this.plan.byLine) return;
    this.units = new Pairs();
    this.quantities = new Counts();
  }

  /** The pair of a line's unit and its group: the same for all lines of a group, where groups are by unit. */
  entryOf(group: number, sku: number): number {
    const { entries } = this;
    const known = group < entries.length ? entries[group]! : 0;
    if (known > 0) return known - 1;
    const entry = this.units.indexOf(this.plan.skuUnits.at(sku), group);
    if (this.plan.isByUnit) {
      if (group >= entries.length) {
        this.entries = new Int32Array(Math.max(entries.length * 2, group + 1));
        this.entries.set(entries);
      }
      this.entries[group] = entry + 1;
    }
    return entry;
  }

  /**
   * From here on what was put off is added.
   * @param wanted by group, 1 for those that are asked for. @param costs for their costs.
   */
  tally(wanted: Uint8Array, costs: Lists): void {
    if (this.plan.byLine) return;
    this.costs = costs;
    this.sets?.tally(wanted, costs);
  }

  /** What was added in passing comes to its groups. */
  *settle(): Generator<never[], void> {
    if (this.sets) yield* this.sets.handOn();
  }

  /**
   * Units and percentiles of a segment that was added before.
   * @param wanted as `tally` was told.
   * @param known the groups of its rows, where they were kept. They are gone afterwards.
   */
  addPutOff(segment: Segment, inside: boolean, wanted: Uint8Array, known?: Int32Array): void {
    const groups = known ?? this.place(segment, inside);
    if (this.plan.byLine) {
      tallyLines(this, segment, this.placed(segment, groups, true), wanted, true);
      return;
    }
    if (this.sets) this.sets.leaveUnwanted({ size: segment.rows, groups });
    else leaveUnwanted({ size: segment.rows, groups }, wanted);
    const placed = this.placed(segment, groups, true);
    this.addUnits(segment, placed);
    tallyChains(this, segment, placed);
  }

  /** @param tallies whether costs of attempts are asked for. */
  private placed(segment: Segment, groups: Int32Array, tallies: boolean): Placed {
    const { plan, sets, scratch } = this;
    const { rows, codes } = segment;
    const whole = plan.groupsTags && !sets ? itemsByTag(segment, groups, this.tags, scratch) : { size: rows, groups };
    const marks = this.marksOf(segment);
    return {
      items: codes.chain ? withoutCopies(whole, codes.chain, scratch) : whole,
      whole,
      marks,
      paid: tallies && !plan.byLine ? paidBy(segment, marks, scratch) : noCosts,
      ends: plan.byLine ? endsOf(segment, scratch) : noEnds,
      groupsOf: sets ? (row) => sets.groupsOf(groups[row]!) : groupsByRow(whole),
    };
  }

  private marksOf({ rows, codes: { cell } }: Segment): Uint8Array {
    const marks = this.scratch.bytesFor('marks', rows);
    this.plan.cellMarks.each(cell, rows, marks);
    return marks;
  }

  /** The group of each row, or -1. */
  private place(segment: Segment, inside: boolean, room?: Int32Array): Int32Array {
    const { plan, levels, scratch } = this;
    const { rows, codes, numbers } = segment;
    const { from, to, cells } = plan;
    const groups = room ?? scratch.groupsFor('groups', rows);
    cells.each(codes.cell, rows, groups);
    const { at } = numbers;
    if (!inside && at) for (let row = 0; row < rows; row++) if (at[row]! < from || at[row]! >= to) groups[row] = -1;
    for (const [place, { codesOf, allowed }] of plan.filters.entries()) {
      const found = codesOf(segment, scratch.codesFor(`filter ${place}`, rows));
      for (let row = 0; row < rows; row++) if (groups[row]! >= 0 && !allowed.has(found[row]!)) groups[row] = -1;
    }
    if (plan.tagFilter) leaveUntagged(segment, groups, plan.tagFilter);
    for (const [level, { codesOf }] of plan.levels.entries()) {
      levels[level]!.each(groups, codesOf(segment, scratch.codesFor(`level ${level}`, rows)), rows);
    }
    this.sets?.place(segment, groups);
    return groups;
  }

  private addRows(segment: Segment, placed: Placed): void {
    const { total, scratch, sets } = this;
    const { items, marks } = placed;
    const { groups } = items;
    const { rows, numbers } = segment;
    const { costHigh, markup, markupHigh, avoided, avoidedHigh } = numbers;
    const sums = sets?.sums ?? this.sums;
    const cost = numbers.cost ?? scratch.numbersFor('no cost', rows).fill(0, 0, rows);
    sums.add(groups, sets?.size ?? this.bases, { count: rows, marks, cost, costHigh, markup, markupHigh }, total);
    for (let row = 0; avoided && row < rows; row++) {
      if (groups[row]! < 0 || (avoided[row] === 0 && !avoidedHigh)) continue;
      sums.avoid(groups[row]!, avoided[row]!, avoidedHigh?.[row] ?? 0);
      total.avoid(0, avoided[row]!, avoidedHigh?.[row] ?? 0);
    }
    countChains(this, segment, placed);
    if (this.isPutOff) return;
    this.addUnits(segment, placed);
    if (!this.plan.query.plain) tallyChains(this, segment, placed);
  }

  /** Units, and in the same go the costs of generations and of units. */
  private addUnits(segment: Segment, { items: { groups }, paid }: Placed): void {
    if (this.sets) {
      this.sets.addUnits(segment, groups, paid);
      return;
    }
    const tallies = this.plan.query.plain !== true;
    const { unitQuantity } = segment.numbers;
    if (tallies) this.costs.addEach(groups, paid, segment.rows, segment.codes.chain);
    const { size, entries, costs } = unitsOf(segment, groups, paid, this.units, this.scratch);
    if (unitQuantity) this.quantities.addEach(entries, this.units.size, unitQuantity, size);
    if (tallies) this.unitCosts.addEach(entries, costs, size);
  }
}

const noEnds = new Uint32Array(0);
const noCosts = new Float64Array(0);
