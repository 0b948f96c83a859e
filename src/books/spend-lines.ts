import type { Segment } from './rollup-columns.ts';
import { highUnit } from './rollup-rows.ts';
import { groupsByRow, million, type Placed, range, type SpendScan } from './spend-scan.ts';
import { mark } from './spend-sums.ts';

/** Groups of one attempt's lines, each once. */
const targets = new Int32Array(4096);

/**
 * Adds up the ledger's lines of a segment. What a receipt says beyond its lines (the provider's own figure, or no line at all) is
 * counted under no meter, so that all of it is the cost of the attempts.
 */
export function addLines(scan: SpendScan, segment: Segment, { items, whole, marks }: Placed): void {
  const { sums, total, plan, lines, units, quantities, costs, unitCosts } = scan;
  const { codes, numbers } = segment;
  const ends = endsOf(codes.lineCount, segment.rows);
  const sku = codes.sku ?? new Uint32Array(0);
  const amounts = numbers.lineAmount ?? new Float64Array(sku.length);
  const lineQuantities = numbers.lineQuantity ?? new Float64Array(sku.length);
  const { costHigh, lineAmountHigh } = numbers;
  const cost = numbers.cost ?? new Float64Array(segment.rows);
  const tallies = plan.query.plain !== true;
  const rest = plan.skus.at(0);
  const hasShares = numbers.markup !== undefined || numbers.avoided !== undefined;
  let lastRow = -1;

  for (let item = 0; item < items.size; item++) {
    const base = items.groups[item]!;
    if (base < 0) continue;
    const row = items.of === undefined ? item : items.of[item]!;
    const isOnce = row !== lastRow;
    const end = ends[row + 1]!;
    const from = ends[row]!;
    // Of several lines only those without a price are unpriced.
    const own = from === end ? marks[row]! : marks[row]! & ~mark.unpriced;
    const isFailed = (own & mark.failed) !== 0;
    const isTallied = tallies && (own & mark.billed) !== 0;
    let found = 0;
    let unpriced = 0;
    let low = cost[row]!;
    let high = costHigh === undefined ? 0 : costHigh[row]!;
    for (let line = from; line < end; line++) {
      const amount = amounts[line]!;
      const amountHigh = lineAmountHigh === undefined ? 0 : lineAmountHigh[line]!;
      low -= amount;
      high -= amountHigh;
      if (low < 0) {
        low += highUnit;
        high--;
      }
      const code = sku[line]!;
      const part = plan.skus.at(code);
      if (part < 0) continue;
      const target = lines.indexOf(base, part);
      let place = 0;
      while (place < found && targets[place] !== target) place++;
      if (place === found) {
        targets[found++] = target;
        sums.count(target, own);
      }
      sums.pay(target, isFailed, amount, amountHigh);
      if (isOnce) total.pay(0, isFailed, amount, amountHigh);
      const entry = units.indexOf(target, plan.skuUnits.at(code));
      const quantity = lineQuantities[line]!;
      quantities.add(entry, quantity);
      if (plan.unpricedSkus.at(code) === 1) {
        // Once for an attempt, however many of its lines: the lowest places are marked first.
        if (!isMarked(unpriced, place)) sums.unpriced.add(target, 1);
        unpriced |= 1 << Math.min(place, 30);
      } else if (isTallied) {
        const paid = amount + amountHigh * highUnit;
        costs.add(target, paid);
        if (quantity > 0) unitCosts.add(entry, (paid * million) / quantity);
      }
    }
    if (rest >= 0 && (from === end || low !== 0 || high !== 0)) {
      const target = lines.indexOf(base, rest);
      let place = 0;
      while (place < found && targets[place] !== target) place++;
      if (place === found) {
        targets[found++] = target;
        sums.count(target, own);
      }
      sums.pay(target, isFailed, low, high);
      if (isOnce) total.pay(0, isFailed, low, high);
    }
    if (found === 0) continue;
    lastRow = row;
    if (isOnce) {
      total.count(0, own);
      if (unpriced !== 0) total.unpriced.add(0, 1);
    }
    if (hasShares) addShares(scan, segment, { row, base, from, end, first: targets[0]!, isOnce });
  }
  if (codes.chain) {
    const expand = (row: number, bases: number[]) => {
      const groups = new Set<number>();
      for (const base of bases) {
        for (let line = ends[row]!; line < ends[row + 1]!; line++) {
          const part = plan.skus.at(sku[line]!);
          if (part >= 0) groups.add(lines.indexOf(base, part));
        }
        if (ends[row] === ends[row + 1] && rest >= 0) groups.add(lines.indexOf(base, rest));
      }
      return groups;
    };
    addChains(scan, codes.chain, groupsByRow(whole), expand);
  }
}

function isMarked(marked: number, place: number): boolean {
  return (marked & (1 << Math.min(place, 30))) !== 0;
}

/** No new generation where an earlier attempt of it was counted. */
function addChains(
  { sums, total }: SpendScan,
  chain: Uint32Array,
  basesOf: (row: number) => number[],
  expand: (row: number, bases: number[]) => Set<number>,
): void {
  let first = 0;
  for (let row = 0; row < chain.length; row++) {
    if (chain[row] === 1) continue;
    const copies = chain[row] === 2 ? range(first, row) : [];
    first = row + 1;
    const own = expand(row, basesOf(row));
    if (copies.length === 0 || own.size === 0) continue;
    const before = new Set(copies.flatMap((copy) => [...expand(copy, basesOf(copy))]));
    if (before.size > 0) total.again.add(0, 1);
    for (const group of own) if (before.has(group)) sums.again.add(group, 1);
  }
}

type Share = { row: number; base: number; from: number; end: number; first: number; isOnce: boolean };

/**
 * Charges go with the lines in proportion to their amounts; what is left by rounding, and what the cache avoided, goes to the first.
 * With a filter by unit only what is its own counts.
 */
function addShares({ sums, total, plan, lines }: SpendScan, { codes, numbers }: Segment, share: Share): void {
  const { row, base, from, end, first, isOnce } = share;
  const { cost, costHigh, markup, markupHigh, avoided, avoidedHigh, lineAmount } = numbers;
  const isAll = plan.skus.at(0) >= 0;
  const whole = cost === undefined ? 0 : cost[row]!;
  const isWide = (costHigh !== undefined && costHigh[row] !== 0) || (markupHigh !== undefined && markupHigh[row] !== 0);
  let left = markup === undefined ? 0 : markup[row]!;
  const ratio = isWide || whole <= 0 ? 0 : left / whole;
  for (let line = from; line < end && ratio !== 0; line++) {
    const part = plan.skus.at(codes.sku![line]!);
    const charged = Math.trunc((lineAmount === undefined ? 0 : lineAmount[line]!) * ratio);
    left -= charged;
    if (part < 0 || charged === 0) continue;
    sums.markup.add(lines.indexOf(base, part), charged, 0);
    if (isOnce) total.markup.add(0, charged, 0);
  }
  if (!isAll) return;
  const leftHigh = markupHigh === undefined ? 0 : markupHigh[row]!;
  sums.markup.add(first, left, leftHigh);
  if (isOnce) total.markup.add(0, left, leftHigh);
  if (!avoided) return;
  const avoidedTop = avoidedHigh === undefined ? 0 : avoidedHigh[row]!;
  sums.avoided.add(first, avoided[row]!, avoidedTop);
  if (isOnce) total.avoided.add(0, avoided[row]!, avoidedTop);
}

/** Where the lines of each row begin; of the row after the last, where they end. */
function endsOf(counts: Uint32Array | undefined, rows: number): Uint32Array {
  const ends = new Uint32Array(rows + 1);
  for (let row = 0; counts !== undefined && row < rows; row++) ends[row + 1] = ends[row]! + counts[row]!;
  return ends;
}
