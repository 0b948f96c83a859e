import type { Segment } from './rollup-columns.ts';
import { highUnit } from './rollup-rows.ts';
import { chainsOf, groupsByRow, type Placed } from './spend-items.ts';
import type { SpendScan } from './spend-scan.ts';
import { mark } from './spend-sums.ts';
import { million } from './spend-tally.ts';

/** Groups of one attempt's lines, each once; and those of them with a line that has no price. */
const targets: number[] = [];
const unpriced: number[] = [];

/**
 * Adds up the ledger's lines of a segment. What a receipt says beyond its lines (the provider's own figure, or no line at all) is
 * counted under no meter, so that all of it is the cost of the attempts. Charges go with the lines in proportion to their amounts;
 * what is left by rounding, and what the cache avoided, goes to the first of them.
 */
export function addLines(scan: SpendScan, segment: Segment, placed: Placed): void {
  const { sums, total, plan, lines, quantities, costs, unitCosts, scratch } = scan;
  const { items, marks, ends } = placed;
  const { codes, numbers, rows } = segment;
  const tallies = !scan.isPutOff && plan.query.plain !== true;
  const sku = codes.sku ?? new Uint32Array(0);
  const lineTotal = ends[rows]!;
  const amounts = numbers.lineAmount ?? scratch.numbersFor('no amount', lineTotal).fill(0, 0, lineTotal);
  const lineQuantities = numbers.lineQuantity ?? scratch.numbersFor('no quantity', lineTotal).fill(0, 0, lineTotal);
  const { costHigh, lineAmountHigh, markup, markupHigh, avoided, avoidedHigh } = numbers;
  const cost = numbers.cost ?? scratch.numbersFor('no cost', rows).fill(0, 0, rows);
  const rest = plan.skus.at(0);
  let lastRow = -1;

  for (let item = 0; item < items.size; item++) {
    const base = items.groups[item]!;
    if (base < 0) continue;
    const row = items.of === undefined ? item : items.of[item]!;
    const end = ends[row + 1]!;
    const from = ends[row]!;
    // Of several lines only those without a price are unpriced.
    const own = from === end ? marks[row]! : marks[row]! & ~mark.unpriced;
    const isFailed = (own & mark.failed) !== 0;
    const isTallied = tallies && (own & mark.billed) !== 0;
    let low = cost[row]!;
    let high = costHigh === undefined ? 0 : costHigh[row]!;
    const isWide = high !== 0 || (markupHigh !== undefined && markupHigh[row] !== 0);
    let charge = markup === undefined ? 0 : markup[row]!;
    const ratio = isWide || low <= 0 ? 0 : charge / low;
    const isOnce = row !== lastRow;
    let found = 0;
    let first = -1;
    let unpricedFound = 0;
    for (let line = from; line < end; line++) {
      const amount = amounts[line]!;
      const amountHigh = lineAmountHigh === undefined ? 0 : lineAmountHigh[line]!;
      low -= amount;
      high -= amountHigh;
      if (low < 0) {
        low += highUnit;
        high--;
      }
      const charged = ratio === 0 ? 0 : Math.trunc(amount * ratio);
      charge -= charged;
      const code = sku[line]!;
      const part = plan.skus.at(code);
      if (part < 0) continue;
      const target = lines.indexOf(part, base);
      let place = 0;
      while (place < found && targets[place] !== target) place++;
      if (place === found) {
        targets[found++] = target;
        if (first < 0) first = target;
        sums.count(target, own);
      }
      sums.payLine(target, isFailed, amount, amountHigh, charged);
      if (isOnce && rest < 0) {
        total.pay(0, isFailed, amount, amountHigh);
        total.charge(0, charged, 0);
      }
      const entry = scan.entryOf(target, code);
      const quantity = lineQuantities[line]!;
      quantities.add(entry, quantity);
      if (plan.unpricedSkus.at(code) !== 1) {
        if (!isTallied) continue;
        const paid = amount + amountHigh * highUnit;
        costs.add(target, paid);
        if (quantity > 0) unitCosts.add(entry, (paid * million) / quantity);
        continue;
      }
      place = 0;
      while (place < unpricedFound && unpriced[place] !== target) place++;
      if (place < unpricedFound) continue;
      unpriced[unpricedFound++] = target;
      sums.countUnpriced(target);
    }
    const isRest = rest >= 0 && (from === end || low !== 0 || high !== 0);
    if (isRest) {
      const target = lines.indexOf(rest, base);
      if (first < 0) first = target;
      sums.count(target, own);
      sums.pay(target, isFailed, low, high);
    }
    if (first < 0) continue;
    lastRow = row;
    // Without a filter by unit the total is that of the attempts.
    if (isOnce) total.count(0, rest < 0 ? own : marks[row]!);
    if (isOnce && rest < 0 && unpricedFound > 0) total.countUnpriced(0);
    if (rest < 0) continue;
    if (isOnce) total.pay(0, isFailed, cost[row]!, costHigh === undefined ? 0 : costHigh[row]!);
    if (isOnce && markup) total.charge(0, markup[row]!, markupHigh === undefined ? 0 : markupHigh[row]!);
    const chargeHigh = markupHigh === undefined ? 0 : markupHigh[row]!;
    if (charge !== 0 || chargeHigh !== 0) sums.charge(first, charge, chargeHigh);
    if (avoided === undefined || (avoided[row] === 0 && !avoidedHigh)) continue;
    const avoidedTop = avoidedHigh === undefined ? 0 : avoidedHigh[row]!;
    sums.avoid(first, avoided[row]!, avoidedTop);
    if (isOnce) total.avoid(0, avoided[row]!, avoidedTop);
  }
  if (codes.chain) addChains(scan, segment, placed);
}

/** No new generation where an earlier attempt of it was counted. */
function addChains(scan: SpendScan, { rows, codes: { chain, sku } }: Segment, { whole, ends }: Placed): void {
  const { plan, lines, sums, total } = scan;
  const basesOf = groupsByRow(whole);
  const rest = plan.skus.at(0);
  const groupsOf = (row: number) => {
    const groups = new Set<number>();
    for (const base of basesOf(row)) {
      for (let line = ends[row]!; line < ends[row + 1]!; line++) {
        const part = plan.skus.at(sku![line]!);
        if (part >= 0) groups.add(lines.indexOf(part, base));
      }
      if (ends[row] === ends[row + 1] && rest >= 0) groups.add(lines.indexOf(rest, base));
    }
    return groups;
  };
  for (const { row, copies } of chainsOf(chain!, rows)) {
    const own = groupsOf(row);
    if (own.size === 0) continue;
    const before = new Set(copies.flatMap((copy) => [...groupsOf(copy)]));
    if (before.size > 0) total.countAgain(0);
    for (const group of own) if (before.has(group)) sums.countAgain(group);
  }
}
