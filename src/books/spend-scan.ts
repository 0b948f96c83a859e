import { type Lists, Tally } from './percentile.ts';
import type { Segment } from './rollup-columns.ts';
import { highUnit } from './rollup-rows.ts';
import { Scratch } from './scratch.ts';
import { itemsByTag, leaveUntagged, type Placed } from './spend-items.ts';
import { addLines } from './spend-lines.ts';
import { Pairs } from './spend-pairs.ts';
import type { SpendPlan } from './spend-plan.ts';
import { addSpans, addSummary } from './spend-summary.ts';
import { Counts, type Items, mark, Sums } from './spend-sums.ts';
import { countChains, million, tallyChains, tallyLines, tallyRows } from './spend-tally.ts';

/** More groups than this are not tallied in passing. */
const mostTallied = 2_000;

/** Adds up segments by the groups of a plan: column by column, in loops that do little. */
export class SpendScan {
  readonly sums = new Sums();
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
  private readonly levels: Pairs[];
  private readonly most: number;

  /** @param most groups that are tallied in passing. */
  constructor(plan: SpendPlan, most = mostTallied) {
    this.plan = plan;
    this.most = most;
    this.levels = plan.levels.map(() => new Pairs());
    this.isPutOff = !plan.query.plain && plan.likelyGroups > most;
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

  /** What a group is called. */
  textsOf(index: number): Record<string, string> {
    const { plan, lines, tags, levels } = this;
    const texts: Record<string, string> = {};
    let group = index;
    if (plan.byLine) {
      Object.assign(texts, plan.lineWordsOf(lines.first[group]!));
      group = lines.second[group]!;
    }
    if (plan.groupsTags) {
      texts.tag = plan.names.text('tag', tags.second[group]!);
      group = tags.first[group]!;
    }
    for (let level = levels.length - 1; level >= 0; level--) {
      const { name, text } = plan.levels[level]!;
      texts[name] = text(levels[level]!.second[group]!);
      group = levels[level]!.first[group]!;
    }
    return Object.assign(texts, plan.wordsOf(group));
  }

  /** The codes of a group, level by level. Not for groups by tag. */
  codesOf(index: number): number[] {
    const codes: number[] = [];
    let group = this.plan.byLine ? this.lines.second[index]! : index;
    for (let level = this.levels.length - 1; level >= 0; level--) {
      codes.unshift(this.levels[level]!.second[group]!);
      group = this.levels[level]!.first[group]!;
    }
    return codes;
  }

  /**
   * @param inside whether all of its times are within the query's.
   * @param room where the groups of its rows are written, for `addPutOff`.
   */
  add(segment: Segment, inside: boolean, room?: Int32Array): void {
    const placed = this.placed(segment, this.place(segment, inside, room));
    this.checkGroups();
    if (this.plan.byLine) addLines(this, segment, placed);
    else this.addRows(segment, placed);
  }

  /** The same with a summary, whose rows are many attempts each. @param wanted where it was added before: only units are. */
  addSummary(summary: Segment, inside: boolean, wanted?: Uint8Array): void {
    const groups = this.place(summary, inside);
    this.checkGroups();
    addSummary(this, summary, groups, this.marksOf(summary, groups), wanted);
  }

  /** The percentiles that go with a summary. @param wanted by group, 1 for those that are asked for; absent for all. */
  addSpans(spans: Segment, inside: boolean, wanted?: Uint8Array): void {
    addSpans(this, spans, this.place(spans, inside), wanted);
  }

  /** The same from the attempts that are in the summary. */
  addTallies(segment: Segment, inside: boolean, wanted?: Uint8Array): void {
    const placed = this.placed(segment, this.place(segment, inside));
    if (this.plan.byLine) tallyLines(this, segment, placed, wanted);
    else tallyRows(this, segment, placed, wanted);
  }

  private checkGroups(): void {
    // Lines are counted in passing all the same.
    if (this.groups <= this.most || this.isPutOff || (this.plan.byLine && this.plan.query.plain)) return;
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
   * Units and percentiles of a segment that was added before.
   * @param wanted by group, 1 for those that are asked for.
   * @param known the groups of its rows, where they were kept. They are gone afterwards.
   */
  addPutOff(segment: Segment, inside: boolean, wanted: Uint8Array, known?: Int32Array): void {
    const { byLine, groupsTags } = this.plan;
    const leaveUnwanted = ({ size, groups }: Items) => {
      for (let item = 0; item < size; item++) if (groups[item]! >= 0 && wanted[groups[item]!] !== 1) groups[item] = -1;
    };
    const groups = known ?? this.place(segment, inside);
    if (!byLine && !groupsTags) leaveUnwanted({ size: segment.rows, groups });
    const placed = this.placed(segment, groups);
    if (byLine) {
      tallyLines(this, segment, placed, wanted, true);
      return;
    }
    if (groupsTags) for (const list of new Set([placed.items, placed.whole])) leaveUnwanted(list);
    this.addUnits(segment, placed);
    if (segment.codes.chain) tallyChains(this, segment.codes.chain, segment.rows, placed);
  }

  private placed(segment: Segment, groups: Int32Array): Placed {
    const { rows, codes } = segment;
    const whole = this.plan.groupsTags ? itemsByTag(segment, groups, this.tags, this.scratch) : { size: rows, groups };
    const marks = this.marksOf(segment, groups);
    const items = codes.chain ? this.withoutCopies(whole, codes.chain) : whole;
    return { items, whole, marks, paid: this.paidBy(segment, groups, marks), ends: this.endsOf(segment) };
  }

  /** Copies of earlier attempts do not count. */
  private withoutCopies({ size, groups, of }: Items, chain: Uint32Array): Items {
    const own = this.scratch.groupsFor('own', size);
    for (let item = 0; item < size; item++) {
      own[item] = chain[of === undefined ? item : of[item]!] === 1 ? -1 : groups[item]!;
    }
    return { size, groups: own, of };
  }

  /** Of the rows that have a group. */
  private marksOf({ rows, codes: { cell } }: Segment, groups: Int32Array): Uint8Array {
    const { cellMarks } = this.plan;
    const marks = this.scratch.bytesFor('marks', rows);
    for (let row = 0; row < rows; row++) {
      if (groups[row]! >= 0) marks[row] = cellMarks.at(cell === undefined ? 0 : cell[row]!);
    }
    return marks;
  }

  private paidBy({ rows, numbers: { cost, costHigh } }: Segment, groups: Int32Array, marks: Uint8Array): Float64Array {
    const paid = this.scratch.numbersFor('paid', rows);
    for (let row = 0; row < rows; row++) {
      if (groups[row]! < 0) continue;
      const known = (cost === undefined ? 0 : cost[row]!) + (costHigh === undefined ? 0 : costHigh[row]! * highUnit);
      paid[row] = (marks[row]! & mark.billed) === 0 ? -1 : known > 0 ? known : 0;
    }
    return paid;
  }

  private endsOf({ rows, codes: { lineCount } }: Segment): Uint32Array {
    const ends = this.scratch.codesFor('ends', rows + 1);
    let end = 0;
    ends[0] = 0;
    for (let row = 0; this.plan.byLine && row < rows; row++) {
      if (lineCount !== undefined) end += lineCount[row]!;
      ends[row + 1] = end;
    }
    return ends;
  }

  /** The group of each row, or -1. */
  private place(segment: Segment, inside: boolean, room?: Int32Array): Int32Array {
    const { plan, levels, scratch } = this;
    const { rows, codes, numbers } = segment;
    const { from, to, cells } = plan;
    const groups = room ?? scratch.groupsFor('groups', rows);
    const { cell } = codes;
    for (let row = 0; row < rows; row++) groups[row] = cells.at(cell === undefined ? 0 : cell[row]!);
    const { at } = numbers;
    if (!inside && at) for (let row = 0; row < rows; row++) if (at[row]! < from || at[row]! >= to) groups[row] = -1;
    for (const [place, { codesOf, allowed }] of plan.filters.entries()) {
      const found = codesOf(segment, scratch.codesFor(`filter ${place}`, rows));
      for (let row = 0; row < rows; row++) if (groups[row]! >= 0 && !allowed.has(found[row]!)) groups[row] = -1;
    }
    if (plan.tagFilter) leaveUntagged(segment, groups, plan.tagFilter);
    for (const [level, { codesOf }] of plan.levels.entries()) {
      const found = codesOf(segment, scratch.codesFor(`level ${level}`, rows));
      const pairs = levels[level]!;
      for (let row = 0; row < rows; row++) {
        const group = groups[row]!;
        if (group >= 0) groups[row] = pairs.indexOf(group, found[row]!);
      }
    }
    return groups;
  }

  private addRows(segment: Segment, placed: Placed): void {
    const { sums, total, bases, scratch, isPutOff } = this;
    const { items, marks, whole } = placed;
    const { rows, codes, numbers } = segment;
    const { costHigh, markup, markupHigh, avoided, avoidedHigh } = numbers;
    const cost = numbers.cost ?? scratch.numbersFor('no cost', rows).fill(0, 0, rows);
    const attempts = { marks, cost, costHigh, markup, markupHigh };
    sums.add(items, bases, attempts, items.of ? undefined : total);
    const once = items.of ? this.onceEach(rows, items) : items.groups;
    if (items.of) total.add({ size: rows, groups: once }, 1, attempts, undefined);
    if (avoided) {
      for (let item = 0; item < items.size; item++) {
        const row = items.of === undefined ? item : items.of[item]!;
        if (avoided[row] === 0 && !avoidedHigh) continue;
        if (items.groups[item]! >= 0) sums.avoid(items.groups[item]!, avoided[row]!, avoidedHigh?.[row] ?? 0);
      }
      for (let row = 0; row < rows; row++) {
        if (once[row]! >= 0) total.avoid(0, avoided[row]!, avoidedHigh?.[row] ?? 0);
      }
    }
    if (!isPutOff) this.addUnits(segment, placed);
    if (!codes.chain) return;
    countChains(this, codes.chain, rows, whole);
    if (!isPutOff && !this.plan.query.plain) tallyChains(this, codes.chain, rows, placed);
  }

  /** Rows that have a group, for the total. */
  private onceEach(rows: number, { size, groups, of }: Items): Int32Array {
    const once = this.scratch.groupsFor('once', rows).fill(-1, 0, rows);
    for (let item = 0; item < size; item++) if (groups[item]! >= 0) once[of![item]!] = 0;
    return once;
  }

  /** Units, and in the same go the costs of generations and of units. */
  private addUnits(segment: Segment, { items, paid }: Placed): void {
    const { units, quantities, unitCosts, costs } = this;
    const { chain, unitCount, unit } = segment.codes;
    const { unitQuantity } = segment.numbers;
    const { size, groups, of } = items;
    const tallies = this.plan.query.plain !== true;
    const hasUnits = unitCount !== undefined && unit !== undefined && unitQuantity !== undefined;
    let [row, place] = [0, 0];
    for (let item = 0; item < size; item++) {
      const group = groups[item]!;
      if (group < 0) continue;
      const own = of === undefined ? item : of[item]!;
      const cost = tallies ? paid[own]! : -1;
      if (cost >= 0 && (chain === undefined || chain[own] === 0)) costs.add(group, cost);
      if (!hasUnits) continue;
      for (; row < own; row++) place += unitCount[row]!;
      const end = place + unitCount[own]!;
      for (let at = place; at < end; at++) {
        const entry = units.indexOf(unit[at]!, group);
        const quantity = unitQuantity[at]!;
        quantities.add(entry, quantity);
        if (cost >= 0 && quantity > 0) unitCosts.add(entry, (cost * million) / quantity);
      }
    }
  }
}
