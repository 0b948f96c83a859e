import type { Segment } from './rollup-columns.ts';
import { highUnit } from './rollup-rows.ts';
import { chainsOf, groupsByRow, type Placed } from './spend-items.ts';
import type { SpendScan } from './spend-scan.ts';
import { mark } from './spend-sums.ts';

/** Tallied unit costs are of a million, so that parts of a pico-dollar count. */
export const million = 1_000_000;

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

/** Costs of lines, attempt by attempt, afterwards. */
export function tallyLines(
  { costs, lines, plan }: SpendScan,
  segment: Segment,
  placed: Placed,
  wanted: Uint8Array,
): void {
  const { sku } = segment.codes;
  const { lineAmount, lineAmountHigh } = segment.numbers;
  const { items, marks, ends } = placed;
  if (sku === undefined || lineAmount === undefined) return;
  for (let item = 0; item < items.size; item++) {
    const base = items.groups[item]!;
    if (base < 0) continue;
    const row = items.of === undefined ? item : items.of[item]!;
    if ((marks[row]! & mark.billed) === 0) continue;
    const end = ends[row + 1]!;
    for (let line = ends[row]!; line < end; line++) {
      const code = sku[line]!;
      const part = plan.skus.at(code);
      if (part < 0 || plan.unpricedSkus.at(code) === 1) continue;
      const target = lines.indexOf(part, base);
      if (wanted[target] !== 1) continue;
      costs.add(target, lineAmount[line]! + (lineAmountHigh === undefined ? 0 : lineAmountHigh[line]! * highUnit));
    }
  }
}
