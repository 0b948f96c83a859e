import type { Segment } from './rollup-columns.ts';
import { highUnit } from './rollup-rows.ts';
import { chainsOf, groupsByRow, type Placed } from './spend-items.ts';
import type { SpendScan } from './spend-scan.ts';
import { type Items, mark } from './spend-sums.ts';

/** Tallied unit costs are of a million, so that parts of a pico-dollar count. */
export const million = 1_000_000;

/** Attempts of generations that had others before: no new generation where one of those counted. */
export function countChains({ sums, total }: SpendScan, chain: Uint32Array, rows: number, whole: Items): void {
  const groupsOf = groupsByRow(whole);
  for (const { row, copies } of chainsOf(chain, rows)) {
    const own = groupsOf(row);
    if (own.length === 0) continue;
    if (copies.some((copy) => groupsOf(copy).length > 0)) total.countAgain(0);
    for (const group of own) if (copies.some((copy) => groupsOf(copy).includes(group))) sums.countAgain(group);
  }
}

/** A generation's cost is that of all its attempts in the group. */
export function tallyChains({ costs }: SpendScan, chain: Uint32Array, rows: number, { whole, paid }: Placed): void {
  const groupsOf = groupsByRow(whole);
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

/** Costs of generations with one attempt, and of their units. @param wanted by group, 1 for those to tally; absent for all. */
export function tallyRows(scan: SpendScan, segment: Segment, { items, paid }: Placed, wanted?: Uint8Array): void {
  const { costs, unitCosts, units } = scan;
  const { chain, unitCount, unit } = segment.codes;
  const { unitQuantity } = segment.numbers;
  let [row, place] = [0, 0];
  for (let item = 0; item < items.size; item++) {
    const group = items.groups[item]!;
    if (group < 0 || (wanted !== undefined && wanted[group] !== 1)) continue;
    const own = items.of === undefined ? item : items.of[item]!;
    const cost = paid[own]!;
    if (cost < 0 || (chain !== undefined && chain[own] !== 0)) continue;
    costs.add(group, cost);
    if (unitCount === undefined || unit === undefined || unitQuantity === undefined) continue;
    for (; row < own; row++) place += unitCount[row]!;
    for (let at = place; at < place + unitCount[own]!; at++) {
      const quantity = unitQuantity[at]!;
      if (quantity > 0) unitCosts.add(units.indexOf(unit[at]!, group), (cost * million) / quantity);
    }
  }
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
