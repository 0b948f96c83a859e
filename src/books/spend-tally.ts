import { type Segment, sumOf } from './rollup-columns.ts';
import { highUnit } from './rollup-rows.ts';
import type { Scratch } from './scratch.ts';
import { chainsOf, type Placed } from './spend-items.ts';
import type { Pairs } from './spend-pairs.ts';
import type { SpendScan } from './spend-scan.ts';
import { type Items, mark } from './spend-sums.ts';

/** Tallied unit costs are of a million, so that parts of a pico-dollar count. */
export const million = 1_000_000;

/** Attempts of generations that had others before: no new generation where one of those counted. */
export function countChains(
  { sums, total }: SpendScan,
  { codes: { chain }, rows }: Segment,
  { groupsOf }: Placed,
): void {
  if (chain === undefined) return;
  for (const { row, copies } of chainsOf(chain, rows)) {
    const own = groupsOf(row);
    if (own.length === 0) continue;
    if (copies.some((copy) => groupsOf(copy).length > 0)) total.countAgain(0);
    for (const group of own) if (copies.some((copy) => groupsOf(copy).includes(group))) sums.countAgain(group);
  }
}

/** A generation's cost is that of all its attempts in the group. */
export function tallyChains(
  { costs }: SpendScan,
  { codes: { chain }, rows }: Segment,
  { groupsOf, paid }: Placed,
): void {
  if (chain === undefined) return;
  for (const { row, copies } of chainsOf(chain, rows)) {
    if (paid[row]! < 0) continue;
    for (const group of groupsOf(row)) {
      const before = copies.filter((copy) => paid[copy]! >= 0 && groupsOf(copy).includes(group));
      const sum = before.reduce((all, copy) => all + paid[copy]!, 0);
      if (before.length > 0) costs.remove(group, sum);
      costs.add(group, sum + paid[row]!);
    }
  }
}

/** A segment's units one by one, with the groups of their rows. */
export type UnitItems = {
  size: number;
  /** By unit: the pair of it and its group, or -1. */
  entries: Int32Array;
  /** By unit: what a million of it cost, or -1. */
  costs: Float64Array;
};

/** Takes apart what rows have of units. @param units gets the pairs of units and groups. */
export function unitsOf(
  { rows, codes: { unitCount, unit, chain }, numbers: { unitQuantity } }: Segment,
  groups: Int32Array,
  paid: Float64Array,
  units: Pairs,
  scratch: Scratch,
  leavesChains = false,
): UnitItems {
  const size = unit === undefined || unitQuantity === undefined ? 0 : sumOf(unitCount, rows);
  const entries = scratch.groupsFor('unit entries', size);
  const costs = scratch.numbersFor('unit costs', size);
  const owners = scratch.codesFor('unit owners', size);
  if (size === 0 || unitCount === undefined || unit === undefined || unitQuantity === undefined) {
    return { size: 0, entries, costs };
  }
  let place = 0;
  for (let row = 0; row < rows; row++) {
    const group = groups[row]!;
    const cost = leavesChains && chain !== undefined && chain[row] !== 0 ? -1 : paid[row]!;
    for (const end = place + unitCount[row]!; place < end; place++) {
      const quantity = unitQuantity[place]!;
      entries[place] = group < 0 ? -1 : unit[place]!;
      owners[place] = group;
      costs[place] = cost >= 0 && quantity > 0 ? (cost * million) / quantity : -1;
    }
  }
  units.each(entries, owners, size);
  return { size, entries, costs };
}

/** Costs of generations with one attempt, and of their units. @param wanted by group, 1 for those to tally; absent for all. */
export function tallyRows(scan: SpendScan, segment: Segment, { items, paid }: Placed, wanted?: Uint8Array): void {
  const { rows } = segment;
  const { groups } = items;
  if (wanted) leaveUnwanted(items, wanted);
  scan.costs.addEach(groups, paid, rows, segment.codes.chain);
  const { size, entries, costs } = unitsOf(segment, groups, paid, scan.units, scan.scratch, true);
  scan.unitCosts.addEach(entries, costs, size);
}

export function leaveUnwanted({ size, groups }: Items, wanted: Uint8Array): void {
  for (let item = 0; item < size; item++) if (groups[item]! >= 0 && wanted[groups[item]!] !== 1) groups[item] = -1;
}

/**
 * Costs of lines and of their units, attempt by attempt.
 * @param withChains also of generations with several attempts: those are not in summaries.
 */
export function tallyLines(
  scan: SpendScan,
  segment: Segment,
  placed: Placed,
  wanted?: Uint8Array,
  withChains = false,
): void {
  const { costs, unitCosts, lines, plan } = scan;
  const { sku, chain } = segment.codes;
  const { lineAmount, lineAmountHigh, lineQuantity } = segment.numbers;
  const { items, marks, ends } = placed;
  if (sku === undefined || lineAmount === undefined) return;
  for (let item = 0; item < items.size; item++) {
    const base = items.groups[item]!;
    if (base < 0) continue;
    const row = items.of === undefined ? item : items.of[item]!;
    if ((marks[row]! & mark.billed) === 0 || (!withChains && chain !== undefined && chain[row] !== 0)) continue;
    const end = ends[row + 1]!;
    for (let line = ends[row]!; line < end; line++) {
      const code = sku[line]!;
      const part = plan.skus.at(code);
      if (part < 0 || plan.unpricedSkus.at(code) === 1) continue;
      const target = lines.indexOf(part, base);
      if (wanted !== undefined && wanted[target] !== 1) continue;
      const cost = lineAmount[line]! + (lineAmountHigh === undefined ? 0 : lineAmountHigh[line]! * highUnit);
      costs.add(target, cost);
      const quantity = lineQuantity === undefined ? 0 : lineQuantity[line]!;
      if (quantity > 0) unitCosts.add(scan.entryOf(target, code), (cost * million) / quantity);
    }
  }
}
