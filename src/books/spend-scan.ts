import { Tally } from './percentile.ts';
import type { Segment } from './rollup-columns.ts';
import { highUnit } from './rollup-rows.ts';
import type { SpendPlan } from './spend-plan.ts';
import { Counts, mark, Pairs, Sums } from './spend-sums.ts';

/** Where an earlier attempt of the generation at hand was counted, and at what cost (NaN where it had none). */
type Earlier = { targets: number[]; cost: number };

/** Tallied unit costs are of a million, so that parts of a pico-dollar count. */
const million = 1_000_000;

/** Adds up segments by the groups of a plan. */
export class SpendScan {
  readonly sums = new Sums();
  readonly total = new Sums();
  /** Pairs of a group and a unit, and the quantity of each. */
  readonly units = new Pairs();
  readonly quantities = new Counts();
  readonly costs = new Tally();
  readonly unitCosts = new Tally();
  private readonly plan: SpendPlan;
  /** A group so far, with its code in the next level. */
  private readonly chains: Pairs[];
  private readonly tags = new Pairs();
  private readonly lines = new Pairs();
  private readonly targets: number[] = [];
  private readonly bases: number[] = [];

  constructor(plan: SpendPlan) {
    this.plan = plan;
    this.chains = plan.levels.map(() => new Pairs());
  }

  get groups(): number {
    if (this.plan.byLine) return this.lines.size;
    if (this.plan.groupsTags) return this.tags.size;
    return this.chains.at(-1)?.size ?? this.size;
  }
  private size = 0;

  /** What a group is called. */
  textsOf(group: number): Record<string, string> {
    const { plan } = this;
    const texts: Record<string, string> = {};
    let code: number;
    if (plan.byLine) {
      [group, code] = this.lines.at(group);
      Object.assign(texts, plan.lineWordsOf(code));
    }
    if (plan.groupsTags) {
      [group, code] = this.tags.at(group);
      texts.tag = plan.names.text('tag', code);
    }
    for (let level = this.chains.length - 1; level >= 0; level--) {
      [group, code] = this.chains[level]!.at(group);
      texts[plan.levels[level]!.group] = plan.levels[level]!.text(code);
    }
    return { ...texts, ...plan.wordsOf(group) };
  }

  /** @param inside whether all of its times are within the query's. */
  add(segment: Segment, inside: boolean): void {
    const { plan, sums, total, bases, targets } = this;
    const { rows, codes, numbers } = segment;
    const { from, to, byLine, tagFilter } = plan;
    const filters = plan.filters.map((filter) => ({ codes: filter.codes(segment), allowed: filter.allowed }));
    const levels = plan.levels.map((level) => level.codes(segment));
    const cell = codes.cell ?? new Uint32Array(rows);
    const at = numbers.at ?? new Float64Array(rows);
    const cost = numbers.cost ?? new Float64Array(rows);
    const { chain, tagCount, tag, unitCount, unit, lineCount } = codes;
    const { costHigh, markup, markupHigh, avoided, avoidedHigh, unitQuantity } = numbers;
    let earlier: Earlier[] = [];
    let [tagEnd, unitEnd, lineEnd] = [0, 0, 0];

    next: for (let row = 0; row < rows; row++) {
      const tagFrom = tagEnd;
      const unitFrom = unitEnd;
      const lineFrom = lineEnd;
      if (tagCount) tagEnd += tagCount[row]!;
      if (unitCount) unitEnd += unitCount[row]!;
      if (lineCount) lineEnd += lineCount[row]!;
      const isCopy = chain !== undefined && chain[row] === 1;
      const before = earlier;
      if (!isCopy && earlier.length > 0) earlier = [];

      const part = plan.partOfCell(cell[row]!);
      if (part < 0 || (!inside && (at[row]! < from || at[row]! >= to))) continue;
      for (const filter of filters) if (!filter.allowed.has(filter.codes[row]!)) continue next;
      if (tagFilter && !hasOne(tag, tagFrom, tagEnd, tagFilter)) continue;

      if (part >= this.size) this.size = part + 1;
      let group = part;
      for (let level = 0; level < levels.length; level++)
        group = this.chains[level]!.indexOf(group, levels[level]![row]!);
      bases.length = 0;
      if (!plan.groupsTags) bases.push(group);
      else if (tagFrom === tagEnd || !tag) bases.push(this.tags.indexOf(group, 0));
      else for (let place = tagFrom; place < tagEnd; place++) bases.push(this.tags.indexOf(group, tag[place]!));

      const marks = plan.marksOfCell(cell[row]!);
      const high = costHigh ? costHigh[row]! : 0;
      const low = cost[row]!;
      if (byLine) {
        this.targetLines(segment, lineFrom, lineEnd);
        if (targets.length === 0) continue;
      }
      const counted = byLine ? targets : bases;
      if (isCopy) {
        const paid = (marks & mark.billed) === 0 ? Number.NaN : low + high * highUnit;
        earlier.push({ targets: [...counted], cost: paid });
        continue;
      }
      if (byLine) {
        this.payLines(segment, row, lineFrom, lineEnd, marks, before);
        continue;
      }
      total.count(0, marks, before.length === 0);
      total.pay(0, marks, low, high);
      if (markup) total.markup.add(0, markup[row]!, markupHigh ? markupHigh[row]! : 0);
      if (avoided) total.avoided.add(0, avoided[row]!, avoidedHigh ? avoidedHigh[row]! : 0);
      for (const target of bases) {
        sums.count(target, marks, !before.some((one) => one.targets.includes(target)));
        sums.pay(target, marks, low, high);
        if (markup) sums.markup.add(target, markup[row]!, markupHigh ? markupHigh[row]! : 0);
        if (avoided) sums.avoided.add(target, avoided[row]!, avoidedHigh ? avoidedHigh[row]! : 0);
        const billed = (marks & mark.billed) !== 0 && !plan.query.plain;
        if (billed) this.tally(target, low + high * highUnit, before);
        for (let place = unitFrom; place < unitEnd; place++) {
          const entry = this.units.indexOf(target, unit![place]!);
          const quantity = unitQuantity ? unitQuantity[place]! : 0;
          this.quantities.add(entry, quantity);
          if (billed && quantity > 0) this.unitCosts.add(entry, ((low + high * highUnit) * million) / quantity);
        }
      }
    }
  }

  /** A generation's cost is that of all its attempts in the group. */
  private tally(target: number, cost: number, before: readonly Earlier[]): void {
    const paid = before.filter((one) => one.targets.includes(target) && !Number.isNaN(one.cost));
    const sum = paid.reduce((whole, one) => whole + one.cost, 0);
    if (paid.length > 0) this.costs.remove(target, Math.max(sum, 0));
    this.costs.add(target, Math.max(sum + cost, 0));
  }

  /** The groups that a row's lines fall in, each once; with what they do not account for. */
  private targetLines({ codes: { sku } }: Segment, from: number, end: number): void {
    const { plan, targets, bases } = this;
    targets.length = 0;
    const rest = plan.partOfSku(0);
    for (const base of bases) {
      for (let place = from; place < end; place++) {
        const part = plan.partOfSku(sku![place]!);
        if (part < 0) continue;
        const target = this.lines.indexOf(base, part);
        if (!targets.includes(target)) targets.push(target);
      }
      if (from === end && rest >= 0) targets.push(this.lines.indexOf(base, rest));
    }
  }

  private payLines(segment: Segment, row: number, from: number, end: number, marks: number, before: Earlier[]): void {
    const { plan, sums, total, bases, targets, lines } = this;
    const { sku } = segment.codes;
    const { cost, costHigh, markup, markupHigh, avoided, avoidedHigh, lineAmount, lineAmountHigh, lineQuantity } =
      segment.numbers;
    const rest = plan.partOfSku(0);
    // Of several lines only those without a price are unpriced.
    const ownMarks = from === end ? marks : marks & ~mark.unpriced;
    const isNew = (target: number) => !before.some((one) => one.targets.includes(target));
    for (const target of targets) sums.count(target, ownMarks, isNew(target));
    total.count(0, ownMarks, before.length === 0);
    const unpriced: number[] = [];
    const costLow = cost ? cost[row]! : 0;
    const costTop = costHigh ? costHigh[row]! : 0;
    const markupLow = markup ? markup[row]! : 0;
    const markupTop = markupHigh ? markupHigh[row]! : 0;
    const share = costLow > 0 && costTop === 0 && markupTop === 0 ? markupLow / costLow : 0;
    for (const [index, base] of bases.entries()) {
      // What no line accounts for: all of it at first.
      let [low, high] = [costLow, costTop];
      let markupLeft = markupLow;
      let first = -1;
      for (let place = from; place < end; place++) {
        const code = sku![place]!;
        const part = plan.partOfSku(code);
        const amount = lineAmount ? lineAmount[place]! : 0;
        const amountHigh = lineAmountHigh ? lineAmountHigh[place]! : 0;
        low -= amount;
        high -= amountHigh;
        if (low < 0) {
          low += highUnit;
          high--;
        }
        const charged = Math.trunc(amount * share);
        if (part < 0) {
          markupLeft -= charged;
          continue;
        }
        const target = lines.indexOf(base, part);
        if (first < 0) first = target;
        const quantity = lineQuantity ? lineQuantity[place]! : 0;
        const { unit, priced } = plan.unitOfSku(code);
        if (!priced && !unpriced.includes(target)) {
          if (unpriced.length === 0) total.unpriced.add(0, 1);
          unpriced.push(target);
          sums.unpriced.add(target, 1);
        }
        sums.pay(target, marks, amount, amountHigh);
        if (charged !== 0) sums.markup.add(target, charged, 0);
        markupLeft -= charged;
        if (index === 0) {
          total.pay(0, marks, amount, amountHigh);
          if (charged !== 0) total.markup.add(0, charged, 0);
        }
        const entry = this.units.indexOf(target, unit);
        this.quantities.add(entry, quantity);
        if (priced && (marks & mark.billed) !== 0 && !plan.query.plain) {
          const paid = amount + amountHigh * highUnit;
          this.costs.add(target, paid);
          if (quantity > 0) this.unitCosts.add(entry, (paid * million) / quantity);
        }
      }
      const remains = low !== 0 || high !== 0;
      if (rest >= 0 && (remains || from === end)) {
        const target = lines.indexOf(base, rest);
        if (!targets.includes(target)) sums.count(target, ownMarks, isNew(target));
        sums.pay(target, marks, low, high);
        if (index === 0) total.pay(0, marks, low, high);
        if (first < 0) first = target;
      }
      if (first < 0) continue;
      // What could not be shared out stays with the first; with a filter by unit only what is its own.
      if (rest >= 0 && (markupLeft !== 0 || markupTop !== 0)) {
        sums.markup.add(first, markupLeft, markupTop);
        if (index === 0) total.markup.add(0, markupLeft, markupTop);
      }
      if (rest >= 0 && avoided) {
        sums.avoided.add(first, avoided[row]!, avoidedHigh ? avoidedHigh[row]! : 0);
        if (index === 0) total.avoided.add(0, avoided[row]!, avoidedHigh ? avoidedHigh[row]! : 0);
      }
    }
  }
}

function hasOne(values: Uint32Array | undefined, from: number, end: number, wanted: Set<number>): boolean {
  if (from === end || !values) return wanted.has(0);
  for (let place = from; place < end; place++) if (wanted.has(values[place]!)) return true;
  return false;
}
