import type { Segment } from './rollup-columns.ts';
import type { SpendScan } from './spend-scan.ts';
import { mark } from './spend-sums.ts';

/** Adds up a summary. @param wanted by group, 1 for those that are asked for: then only units are added, which were put off. */
export function addSummary(
  scan: SpendScan,
  { rows, codes, numbers }: Segment,
  groups: Int32Array,
  marks: Uint8Array,
  wanted: Uint8Array | undefined,
): void {
  const { sums, total, plan, units, quantities } = scan;
  const money = moneyOf(rows, [
    numbers.cost,
    numbers.costHigh,
    numbers.markup,
    numbers.markupHigh,
    numbers.avoided,
    numbers.avoidedHigh,
  ]);
  const attempts = codes.attempts ?? new Uint32Array(rows);
  const addsUnits = !plan.byLine && (wanted !== undefined || !scan.isPutOff);
  let place = 0;
  for (let row = 0; row < rows; row++) {
    const group = groups[row]!;
    const end = place + (codes.unitCount === undefined ? 0 : codes.unitCount[row]!);
    if (group >= 0 && wanted === undefined) {
      total.addMany(0, marks[row]!, attempts[row]!, money(row));
      if (!plan.byLine) sums.addMany(group, marks[row]!, attempts[row]!, money(row));
    }
    const isWanted = addsUnits && group >= 0 && (wanted === undefined || wanted[group] === 1);
    for (; place < end; place++) {
      if (isWanted) quantities.add(units.indexOf(codes.unit?.[place] ?? 0, group), numbers.unitQuantity?.[place] ?? 0);
    }
  }
  if (plan.byLine && wanted === undefined) addMeters(scan, { rows, codes, numbers }, groups, marks);
}

function addMeters(scan: SpendScan, { rows, codes, numbers }: Segment, groups: Int32Array, marks: Uint8Array): void {
  const { sums, plan, lines, quantities } = scan;
  const { meterCount, meterSku, meterAttempts, meterUnpriced } = codes;
  const { meterCost, meterCostHigh, meterMarkup, meterMarkupHigh, meterAvoided, meterAvoidedHigh } = numbers;
  if (meterCount === undefined) return;
  const count = meterCount.subarray(0, rows).reduce((sum, one) => sum + one, 0);
  const money = moneyOf(count, [
    meterCost,
    meterCostHigh,
    meterMarkup,
    meterMarkupHigh,
    meterAvoided,
    meterAvoidedHigh,
  ]);
  let place = 0;
  for (let row = 0; row < rows; row++) {
    const base = groups[row]!;
    for (const end = place + meterCount[row]!; place < end; place++) {
      if (base < 0) continue;
      const sku = meterSku === undefined ? 0 : meterSku[place]!;
      const target = lines.indexOf(plan.skus.at(sku), base);
      sums.addMany(
        target,
        marks[row]! & ~mark.unpriced,
        meterAttempts === undefined ? 0 : meterAttempts[place]!,
        money(place),
      );
      if (meterUnpriced !== undefined && meterUnpriced[place]! > 0) sums.countUnpriced(target, meterUnpriced[place]!);
      if (sku !== 0) quantities.add(scan.entryOf(target, sku), numbers.meterQuantity?.[place] ?? 0);
    }
  }
}

/** Adds percentiles that were tallied before. */
export function addSpans(scan: SpendScan, segment: Segment, groups: Int32Array, wanted: Uint8Array | undefined): void {
  const { plan, lines, units, costs, unitCosts } = scan;
  const { codes, numbers, rows } = segment;
  const isWanted = (group: number) => wanted === undefined || wanted[group] === 1;
  const { spanCount, span, spanTimes, meterSpanCount, meterSpan, meterSpanTimes } = codes;
  const { unitSpanCount, unitSpan, unitSpanTimes, meterUnitSpanCount, meterUnitSpan, meterUnitSpanTimes } = codes;
  const walk = plan.byLine
    ? spansOf(costs, meterSpanCount, meterSpan, meterSpanTimes, numbers.meterSpanMost)
    : spansOf(costs, spanCount, span, spanTimes, numbers.spanMost);
  const walkUnits = plan.byLine
    ? spansOf(unitCosts, meterUnitSpanCount, meterUnitSpan, meterUnitSpanTimes, numbers.meterUnitSpanMost)
    : spansOf(unitCosts, unitSpanCount, unitSpan, unitSpanTimes, numbers.unitSpanMost);
  const counts = plan.byLine ? codes.meterCount : codes.unitCount;
  let place = 0;
  for (let row = 0; row < rows; row++) {
    const base = groups[row]!;
    if (!plan.byLine) walk(row, base >= 0 && isWanted(base) ? base : -1);
    const end = place + (counts === undefined ? 0 : counts[row]!);
    for (; place < end; place++) {
      const sku = codes.meterSku?.[place] ?? 0;
      const group = base < 0 || !plan.byLine ? base : lines.indexOf(plan.skus.at(sku), base);
      const isIn = group >= 0 && isWanted(group);
      if (plan.byLine) walk(place, isIn ? group : -1);
      const hasUnit = isIn && (!plan.byLine || sku !== 0);
      if (!hasUnit) walkUnits(place, -1);
      else walkUnits(place, plan.byLine ? scan.entryOf(group, sku) : units.indexOf(codes.unit?.[place] ?? 0, group));
    }
  }
}

type Spans = { addMany(owner: number, span: number, times: number, largest: number): void };

/** Hands the spans of one thing after another, in their order, to an owner; to none where that is -1. */
function spansOf(
  tally: Spans,
  counts: Uint32Array | undefined,
  spans: Uint32Array | undefined,
  times: Uint32Array | undefined,
  most: Float64Array | undefined,
): (of: number, owner: number) => void {
  let place = 0;
  return (of, owner) => {
    const end = place + (counts === undefined ? 0 : counts[of]!);
    if (owner < 0) place = end;
    for (; place < end; place++) tally.addMany(owner, spans?.[place] ?? 0, times?.[place] ?? 0, most?.[place] ?? 0);
  };
}

/** Columns of money side by side. */
function moneyOf(rows: number, columns: (Float64Array | undefined)[]): (row: number) => Float64Array {
  const money = new Float64Array(columns.length);
  const known = columns.flatMap((column, place) => (column === undefined || rows === 0 ? [] : [{ column, place }]));
  return (row) => {
    for (const { column, place } of known) money[place] = column[row]!;
    return money;
  };
}
