import { Tally } from './percentile.ts';
import type { Segment } from './rollup-columns.ts';
import { highUnit } from './rollup-rows.ts';
import { addLines } from './spend-lines.ts';
import type { SpendPlan } from './spend-plan.ts';
import { Counts, type Items, mark, Pairs, Sums, Whole } from './spend-sums.ts';

/** Tallied unit costs are of a million, so that parts of a pico-dollar count. */
export const million = 1_000_000;

/** Adds up segments by the groups of a plan: column by column, in loops that do little. */
export class SpendScan {
  readonly sums = new Sums();
  readonly total = new Sums();
  /** Pairs of a group and a unit, and the quantity of each. */
  readonly units = new Pairs();
  readonly quantities = new Counts();
  readonly costs = new Tally();
  readonly unitCosts = new Tally();
  readonly plan: SpendPlan;
  /** A group before the last step of grouping, with its code there. */
  readonly lines = new Pairs();
  private readonly tags = new Pairs();
  private readonly levels: Pairs[];

  constructor(plan: SpendPlan) {
    this.plan = plan;
    this.levels = plan.levels.map(() => new Pairs());
  }

  /** How many groups there are by now. */
  get groups(): number {
    return this.plan.byLine ? this.lines.size : this.bases;
  }

  private get bases(): number {
    return this.plan.groupsTags ? this.tags.size : (this.levels.at(-1)?.size ?? this.plan.cellGroupCount);
  }

  /** What a group is called. */
  textsOf(index: number): Record<string, string> {
    const { plan, lines, tags, levels } = this;
    const texts: Record<string, string> = {};
    let group = index;
    if (plan.byLine) {
      Object.assign(texts, plan.lineWordsOf(lines.second[group]!));
      group = lines.first[group]!;
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

  /** @param inside whether all of its times are within the query's. */
  add(segment: Segment, inside: boolean): void {
    const marks = new Uint8Array(segment.rows);
    const groups = this.place(segment, inside, marks);
    const rows: Items = { size: segment.rows, groups: Int32Array.from(groups, (group) => (group < 0 ? -1 : 0)) };
    const items = this.plan.groupsTags ? this.byTags(segment, groups) : { size: segment.rows, groups };
    // With their copies: what stands in for attempts that were counted before.
    const { chain } = segment.codes;
    const whole = chain ? { ...items, groups: items.groups.slice(0, items.size) } : items;
    if (chain) for (const list of [items, rows]) leaveCopies(list, chain);
    if (this.plan.byLine) addLines(this, segment, { items, whole, rows, marks });
    else this.addRows(segment, { items, whole, rows, marks });
  }

  /** The group of each row, or -1; and its marks. */
  private place({ rows, codes, numbers }: Segment, inside: boolean, marks: Uint8Array): Int32Array {
    const { plan, levels } = this;
    const { from, to } = plan;
    const groups = new Int32Array(rows);
    const { cell } = codes;
    for (let row = 0; row < rows; row++) {
      const code = cell === undefined ? 0 : cell[row]!;
      groups[row] = plan.cells.at(code);
      marks[row] = plan.cellMarks.at(code);
    }
    const { at } = numbers;
    if (!inside && at) for (let row = 0; row < rows; row++) if (at[row]! < from || at[row]! >= to) groups[row] = -1;
    const segment = { rows, codes, numbers };
    for (const { codesOf, allowed } of plan.filters) {
      const found = codesOf(segment);
      for (let row = 0; row < rows; row++) if (groups[row]! >= 0 && !allowed.has(found[row]!)) groups[row] = -1;
    }
    if (plan.tagFilter) leaveUntagged(segment, groups, plan.tagFilter);
    for (const [level, { codesOf }] of plan.levels.entries()) {
      const found = codesOf(segment);
      const pairs = levels[level]!;
      for (let row = 0; row < rows; row++) {
        const group = groups[row]!;
        if (group >= 0) groups[row] = pairs.indexOf(group, found[row]!);
      }
    }
    return groups;
  }

  /** Each row once for each of its tags, and once under 0 where it has none. */
  private byTags({ rows, codes: { tagCount, tag } }: Segment, groups: Int32Array): Items & { of: Int32Array } {
    const [found, of] = [new Whole(), new Whole()];
    let place = 0;
    for (let row = 0; row < rows; row++) {
      const count = tagCount === undefined ? 0 : tagCount[row]!;
      const group = groups[row]!;
      for (let index = 0; group >= 0 && index < Math.max(count, 1); index++) {
        found.push(this.tags.indexOf(group, count === 0 ? 0 : tag![place + index]!));
        of.push(row);
      }
      place += count;
    }
    return { size: found.size, groups: found.values, of: of.values };
  }

  private addRows(segment: Segment, { items, whole, rows, marks }: Placed): void {
    const { sums, total, plan, bases } = this;
    const { chain, unitCount } = segment.codes;
    const { costHigh, markup, markupHigh, avoided, avoidedHigh } = segment.numbers;
    const cost = segment.numbers.cost ?? new Float64Array(segment.rows);
    for (const [one, list, most] of [[sums, items, bases] as const, [total, rows, 1] as const]) {
      one.attempts.count(list, most);
      one.mark(list, marks);
      one.cost.sum(list, most, cost, costHigh);
      if (markup) one.markup.sum(list, most, markup, markupHigh);
      if (avoided) one.avoided.sum(list, most, avoided, avoidedHigh);
      const failed = onlyMarked(list, marks, mark.failed);
      if (failed) one.failedCost.sum(failed, most, cost, costHigh);
    }
    const exact = (row: number) => cost[row]! + (costHigh ? costHigh[row]! * highUnit : 0);
    if (!plan.query.plain) this.tallyCosts(items, marks, exact, chain);
    if (unitCount) this.addUnits(segment, items, marks, exact);
    if (chain) this.addChains(chain, whole, rows, marks, exact);
  }

  private tallyCosts(items: Items, marks: Uint8Array, cost: (row: number) => number, chain?: Uint32Array): void {
    const { costs } = this;
    const { size, groups, of } = items;
    for (let item = 0; item < size; item++) {
      const group = groups[item]!;
      const row = of === undefined ? item : of[item]!;
      if (group < 0 || (marks[row]! & mark.billed) === 0 || (chain !== undefined && chain[row] === 2)) continue;
      costs.add(group, Math.max(cost(row), 0));
    }
  }

  private addUnits(segment: Segment, items: Items, marks: Uint8Array, cost: (row: number) => number): void {
    const { units, quantities, unitCosts, plan } = this;
    const { unitCount, unit } = segment.codes;
    const { unitQuantity } = segment.numbers;
    const { size, groups, of } = items;
    let [row, from] = [0, 0];
    for (let item = 0; item < size; item++) {
      const group = groups[item]!;
      const own = of === undefined ? item : of[item]!;
      for (; row < own; row++) from += unitCount![row]!;
      if (group < 0) continue;
      const billed = (marks[own]! & mark.billed) !== 0 && plan.query.plain !== true;
      const end = from + unitCount![own]!;
      for (let place = from; place < end; place++) {
        const entry = units.indexOf(group, unit![place]!);
        const quantity = unitQuantity === undefined ? 0 : unitQuantity[place]!;
        quantities.add(entry, quantity);
        if (billed && quantity > 0) unitCosts.add(entry, (Math.max(cost(own), 0) * million) / quantity);
      }
    }
  }

  /** Attempts of generations that had others before: no new generation where one of those counted, and their costs are one. */
  private addChains(
    chain: Uint32Array,
    whole: Items,
    rows: Items,
    marks: Uint8Array,
    cost: (row: number) => number,
  ): void {
    const groupsOf = groupsByRow(whole);
    let first = 0;
    for (let row = 0; row < chain.length; row++) {
      if (chain[row] === 1) continue;
      const copies = chain[row] === 2 ? range(first, row) : [];
      first = row + 1;
      if (copies.length === 0 || rows.groups[row]! < 0) continue;
      if (copies.some((copy) => groupsOf(copy).length > 0)) this.total.again.add(0, 1);
      for (const group of groupsOf(row)) {
        const before = copies.filter((copy) => groupsOf(copy).includes(group));
        if (before.length > 0) this.sums.again.add(group, 1);
        if ((marks[row]! & mark.billed) === 0 || this.plan.query.plain) continue;
        const paid = before.filter((copy) => (marks[copy]! & mark.billed) !== 0);
        const sum = paid.reduce((all, copy) => all + cost(copy), 0);
        if (paid.length > 0) this.costs.remove(group, Math.max(sum, 0));
        this.costs.add(group, Math.max(sum + cost(row), 0));
      }
    }
  }
}

/** Rows with their groups: `whole` with the copies, `items` without; `rows` are all that count, in one group. */
export type Placed = { items: Items; whole: Items; rows: Items; marks: Uint8Array };

/** The groups of a row's items, which stand together. */
export function groupsByRow({ size, groups, of }: Items): (row: number) => number[] {
  const places = new Map<number, number[]>();
  for (let item = 0; item < size; item++) {
    if (groups[item]! < 0) continue;
    const row = of === undefined ? item : of[item]!;
    const found = places.get(row);
    if (found) found.push(groups[item]!);
    else places.set(row, [groups[item]!]);
  }
  return (row) => places.get(row) ?? [];
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** The items of rows with a mark; undefined where there is none. */
export function onlyMarked({ size, groups, of }: Items, marks: Uint8Array, wanted: number): Items | undefined {
  let chosen: Int32Array | undefined;
  for (let item = 0; item < size; item++) {
    if (groups[item]! < 0 || (marks[of === undefined ? item : of[item]!]! & wanted) === 0) continue;
    chosen ??= new Int32Array(size).fill(-1);
    chosen[item] = groups[item]!;
  }
  return chosen && { size, groups: chosen, of };
}

function leaveCopies({ size, groups, of }: Items, chain: Uint32Array): void {
  for (let item = 0; item < size; item++) if (chain[of === undefined ? item : of[item]!] === 1) groups[item] = -1;
}

function leaveUntagged({ rows, codes: { tagCount, tag } }: Segment, groups: Int32Array, wanted: Set<number>): void {
  let place = 0;
  for (let row = 0; row < rows; row++) {
    const count = tagCount === undefined ? 0 : tagCount[row]!;
    let isWanted = count === 0 && wanted.has(0);
    for (let index = 0; index < count; index++) if (wanted.has(tag![place + index]!)) isWanted = true;
    if (!isWanted) groups[row] = -1;
    place += count;
  }
}
