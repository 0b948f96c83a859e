import type { Sql } from '../runtime/ports.ts';
import {
  type CodeColumn,
  chosenRows,
  isCode,
  type NumberColumn,
  type Segment,
  slices,
  summaryCodeColumns,
  summaryNumberColumns,
} from './rollup-columns.ts';
import type { SpendQuery } from './spend.ts';
import { SpendPlan } from './spend-plan.ts';
import { SpendScan } from './spend-scan.ts';

const day = 86_400_000;
const bySums: SpendQuery['groupBy'] = ['cell', 'day', 'key_id', 'project'];
const bySpans: SpendQuery['groupBy'] = ['cell', 'day'];

/** Attempts for each row of a summary, at least: else it is not worth its place. */
const worth = 4;

export type Summaries = {
  /** Sums by cell, key, project and day, of attempts that are the only ones of their generations. */
  summary: Segment;
  /** Percentiles of the same attempts, by cell and day. */
  spans: Segment;
  /** The other attempts, as they are. */
  chained: Segment;
};

/** Attempts that are looked at in one go: a few milliseconds. */
const rowsAPart = 4_096;

/** A segment in fewer rows, a part at a time; undefined where they are hardly fewer. */
export function* summarize(sql: Sql, epoch: number, segment: Segment): Generator<void, Summaries | undefined> {
  const { chain } = segment.codes;
  const chained = chosenRows(segment, (row) => chain !== undefined && chain[row] !== 0);
  const plain = chain ? chosenRows(segment, (row) => chain[row] === 0) : segment;
  const scanBy = function* (groups: SpendQuery['groupBy'], isPlain: boolean): Generator<void, SpendScan> {
    const plan = new SpendPlan(sql, epoch, { groupBy: groups, simulated: 'include', plain: isPlain });
    const scan = new SpendScan(plan, Number.POSITIVE_INFINITY);
    for (const slice of slices(plain, rowsAPart)) {
      yield;
      if (isPlain) scan.add(slice, true);
      else scan.addTallies(slice, true);
    }
    return scan;
  };
  const rows = yield* scanBy(bySums, true);
  if (rows.groups * worth > plain.rows) return undefined;
  const lines = yield* scanBy([...bySums, 'unit'], true);
  const summary = written(rows, lines);
  const spans = yield* scanBy(bySpans, false);
  const lineSpans = yield* scanBy([...bySpans, 'unit'], false);
  return { summary, spans: written(spans, lineSpans), chained };
}

const shared = ['cell', 'key', 'project', 'unitCount', 'unit'] as const;
const sharedNumbers = [
  'at',
  'cost',
  'costHigh',
  'markup',
  'markupHigh',
  'avoided',
  'avoidedHigh',
  'unitQuantity',
] as const;

function written(rows: SpendScan, lines: SpendScan): Segment {
  const values = Object.fromEntries(
    [...shared, ...sharedNumbers, ...summaryCodeColumns, ...summaryNumberColumns].map((name) => [name, [] as number[]]),
  ) as Record<CodeColumn | NumberColumn, number[]>;
  const spans = (found: ReturnType<SpendScan['unitCosts']['spansOf']>, of: '' | 'unit' | 'meter' | 'meterUnit') => {
    const name = (word: string) => (of === '' ? word.replace('S', 's') : of + word) as CodeColumn | NumberColumn;
    values[name('SpanCount')].push(found.length);
    for (const { span, times, largest } of found) {
      values[name('Span')].push(span);
      values[name('SpanTimes')].push(times);
      values[name('SpanMost')].push(largest);
    }
  };
  const unitsOf = listed(rows.units.second, rows.units.size);
  const linesOf = listed(lines.lines.second, lines.lines.size);
  for (let group = 0; group < rows.groups; group++) {
    const [cell = 0, days = 0, key = 0, project = 0] = rows.codesOf(group);
    values.cell.push(cell);
    values.key.push(key);
    values.project.push(project);
    values.at.push(days * day);
    values.attempts.push(rows.sums.attemptsAt(group));
    pushMoney(values, rows.sums.moneyAt(group), ['cost', 'costHigh', 'markup', 'markupHigh', 'avoided', 'avoidedHigh']);
    spans(rows.tallied.spansOf(group), '');
    const units = unitsOf(group);
    values.unitCount.push(units.length);
    for (const entry of units) {
      values.unit.push(rows.units.first[entry]!);
      values.unitQuantity.push(rows.quantities.at(entry));
      spans(rows.unitCosts.spansOf(entry), 'unit');
    }
    const targets = linesOf(group);
    values.meterCount.push(targets.length);
    for (const target of targets) {
      const sku = lines.plan.sampleOf(lines.lines.first[target]!);
      const entry = sku === 0 ? -1 : lines.entryOf(target, sku);
      values.meterSku.push(sku);
      values.meterAttempts.push(lines.sums.attemptsAt(target));
      values.meterUnpriced.push(lines.sums.unpricedAt(target));
      values.meterQuantity.push(entry < 0 ? 0 : lines.quantities.at(entry));
      const names = [
        'meterCost',
        'meterCostHigh',
        'meterMarkup',
        'meterMarkupHigh',
        'meterAvoided',
        'meterAvoidedHigh',
      ] as const;
      pushMoney(values, lines.sums.moneyAt(target), names);
      spans(lines.tallied.spansOf(target), 'meter');
      spans(entry < 0 ? [] : lines.unitCosts.spansOf(entry), 'meterUnit');
    }
  }
  const summary: Segment = { rows: rows.groups, codes: {}, numbers: {} };
  for (const [name, list] of Object.entries(values) as [CodeColumn | NumberColumn, number[]][]) {
    if (isCode(name)) summary.codes[name] = Uint32Array.from(list);
    else summary.numbers[name] = Float64Array.from(list);
  }
  return summary;
}

function pushMoney(
  values: Record<CodeColumn | NumberColumn, number[]>,
  money: Float64Array,
  names: readonly NumberColumn[],
): void {
  for (const [place, name] of names.entries()) values[name].push(money[place] ?? 0);
}

/** The places of each group in a list of groups. */
function listed(groups: Int32Array, size: number): (group: number) => number[] {
  const places = new Map<number, number[]>();
  for (let place = 0; place < size; place++) {
    const found = places.get(groups[place]!);
    if (found) found.push(place);
    else places.set(groups[place]!, [place]);
  }
  return (group) => places.get(group) ?? [];
}
