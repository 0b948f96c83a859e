import { GatewayError } from '../contract/index.ts';
import { roundedQuantity } from '../meter/money.ts';
import type { Sql } from '../runtime/ports.ts';
import { Lists } from './percentile.ts';
import type { Rollup } from './rollup.ts';
import { type Column, type Segment, slices } from './rollup-columns.ts';
import { isFirst, lateOnes, siblingsOf } from './rollup-order.ts';
import { type AttemptRow, readAttempts, SegmentBuilder } from './rollup-rows.ts';
import type { StoredSegment } from './rollup-store.ts';
import type { Percentiles, SpendAnswer, SpendQuery, SpendRow, SpendStep, SpendSums } from './spend.ts';
import { dearest, groupsAStep } from './spend-dearest.ts';
import { SpendPlan } from './spend-plan.ts';
import { SpendScan } from './spend-scan.ts';
import { Sums } from './spend-sums.ts';

/** What one step does at most: a few milliseconds of each. */
const [rowsAStep, attemptsAStep, answersAStep] = [8_192, 160, 200] as const;
/** More hours than this are put off where they are grouped by something else too. */
const mostHours = 480;
/** More groups than this are not held in memory; more rows than that are not put in order. */
const mostGroups = 250_000;
const mostSorted = 10_000;
/** Rows whose groups are kept until percentiles are read: 16 MB. */
const mostPlaced = 4_000_000;
const ranks = [0.5, 0.95];
/** Attempts that take as long as a row of percentiles. */
const attemptsASpanRow = 20;

/** One report over the columns and what is not in them yet, step by step. Nothing may move while it reads. */
export class SpendReport {
  /** Whether all has been read: what follows is only written out. */
  hasRead = false;
  private readonly sql: Sql;
  private readonly rollup: Rollup;
  private readonly query: SpendQuery;
  private readonly plan: SpendPlan;
  private readonly scan: SpendScan;
  /** Groups of rows by segment, from the first reading. */
  private readonly placed = new Map<string, Int32Array>();
  private placedRows = 0;
  /** What this step has done so far. */
  private work = 0;
  private readonly steps: Generator<SpendRow[], Omit<SpendAnswer, 'rows'>>;

  constructor(sql: Sql, rollup: Rollup, query: SpendQuery) {
    this.sql = sql;
    this.rollup = rollup;
    this.query = query;
    this.plan = new SpendPlan(sql, rollup.state().epoch, query);
    this.scan = new SpendScan(this.plan);
    this.foresee();
    this.steps = this.run();
  }

  next(): Exclude<SpendStep, { state: 'waiting' }> {
    const { done, value } = this.steps.next();
    return done ? { state: 'done', answer: value } : { state: 'working', rows: value };
  }

  private *run(): Generator<SpendRow[], Omit<SpendAnswer, 'rows'>> {
    if (this.scan.isPutOff) this.scan.scratch.keeping = this.plan.columnsReadTwice;
    yield* this.readColumns();
    const fresh: Segment[] = [];
    yield* this.readRest((segment) => {
      this.scan.add(segment, false);
      fresh.push(segment);
    });
    yield* this.scan.settle();
    const chosen = yield* dearest(this.scan.sums, this.scan.groups, this.query.limit);
    if (this.scan.isPutOff) {
      const wanted = new Uint8Array(this.scan.groups);
      const attempts = new Int32Array(this.scan.groups);
      for (const group of chosen.groups) {
        wanted[group] = 1;
        attempts[group] = this.scan.sums.attemptsAt(group);
      }
      this.scan.tally(wanted, new Lists(attempts));
      yield* this.readColumns(wanted);
      for (const segment of fresh) {
        yield [];
        this.scan.addPutOff(segment, false, wanted);
      }
      yield* this.scan.settle();
    }
    this.hasRead = true;
    yield [];
    const rest = chosen.isAll ? undefined : yield* this.sumRest(chosen.groups);
    yield* this.write(chosen.groups);
    const total = this.scan.total.at(0);
    return { totalPico: total.costPico, total, ...(rest ? { rest } : {}) };
  }

  /** Hours by something else are soon too many to be tallied in passing: that they will be is better known beforehand. */
  private foresee(): void {
    const { groupBy, plain } = this.query;
    if (plain || !groupBy.includes('hour') || groupBy.length < 2) return;
    const { from, to } = this.plan;
    const known = this.rollup.segments.list();
    const firstAt = Math.max(from, Math.min(...known.map((one) => one.firstAt)));
    const lastAt = Math.min(to, Math.max(...known.map((one) => one.lastAt)));
    if ((lastAt - firstAt) / 3_600_000 > mostHours) this.scan.isPutOff = true;
  }

  /** @param wanted where all was read before: what was put off is read, for these groups. */
  private *readColumns(wanted?: Uint8Array): Generator<SpendRow[], void> {
    const { plan, rollup } = this;
    this.work = 0;
    for (const stored of rollup.segments.list().reverse()) {
      if (stored.lastAt < plan.from || stored.firstAt >= plan.to) continue;
      const inside = stored.firstAt >= plan.from && stored.lastAt < plan.to;
      if (stored.summary !== undefined && plan.isInSummary(inside)) yield* this.readSummary(stored, inside, wanted);
      else yield* this.readPart(stored, 'attempts', inside, wanted);
    }
  }

  private *readPart(
    stored: StoredSegment,
    part: 'attempts' | 'chained',
    inside: boolean,
    wanted?: Uint8Array,
  ): Generator<SpendRow[], void> {
    const { plan, rollup, scan } = this;
    const known = this.roomFor(`${stored.id} ${part}`, part === 'attempts' ? stored.rows : stored.summary!.chained);
    const wantedColumns = !known ? plan.columns : wanted ? plan.putOffColumns : this.columnsInPassing;
    let from = 0;
    for (const slice of slices(rollup.segments.read(stored, wantedColumns, part, scan.scratch), this.rowsASlice)) {
      yield* this.pause(slice.rows * (wanted && known ? 1 : plan.weight));
      const room = known?.subarray(from, from + slice.rows);
      from += slice.rows;
      if (wanted) scan.addPutOff(slice, inside, wanted, room);
      else scan.add(slice, inside, room);
    }
  }

  /** What the first reading needs: units are read with the percentiles. */
  private get columnsInPassing(): readonly Column[] {
    return this.scan.isPutOff ? this.plan.summedColumns : this.plan.columns;
  }

  /** Where the groups of a part's rows are kept for a second reading; undefined where that would be too many. */
  private roomFor(part: string, rows: number): Int32Array | undefined {
    const known = this.scan.keepsGroups ? this.placed.get(part) : undefined;
    if (known || !this.scan.keepsGroups || this.query.plain || this.placedRows + rows > mostPlaced) return known;
    const room = new Int32Array(rows);
    this.placed.set(part, room);
    this.placedRows += rows;
    return room;
  }

  private *readSummary(stored: StoredSegment, inside: boolean, wanted?: Uint8Array): Generator<SpendRow[], void> {
    const { plan, rollup, scan } = this;
    const { segments } = rollup;
    yield* this.pause((stored.summary?.summary ?? 0) * plan.weight);
    scan.addSummary(segments.read(stored, plan.summaryColumns ?? [], 'summary', scan.scratch), inside, wanted);
    if (stored.summary?.chained) yield* this.readPart(stored, 'chained', inside, wanted);
    if (!plan.tallied || (!wanted && scan.isPutOff)) return;
    const { part, columns } = plan.tallied;
    if (part === 'spans') {
      yield* this.pause((stored.summary?.spans ?? 0) * attemptsASpanRow);
      scan.addSpans(segments.read(stored, columns, part, scan.scratch), inside, wanted);
      return;
    }
    for (const slice of slices(segments.read(stored, columns, part, scan.scratch), this.rowsASlice)) {
      yield* this.pause(slice.rows * plan.weight);
      scan.addTallies(slice, inside, wanted);
    }
  }

  private get rowsASlice(): number {
    return Math.floor(rowsAStep / this.plan.weight);
  }

  /** Lets others have their turn, where this much more would be too much for one. */
  private *pause(more: number): Generator<SpendRow[], void> {
    if (this.scan.groups > mostGroups) throw tooMany();
    if (this.work > 0 && this.work + more > rowsAStep) {
      this.work = 0;
      yield [];
    }
    this.work += more;
  }

  /** What is above the watermark, and what is open or late below it. */
  private *readRest(read: (segment: Segment) => void): Generator<SpendRow[], void> {
    const { sql } = this;
    const { upto } = this.rollup.state();
    const isLate = lateOnes(sql);
    const order = { upto, isLate, countsOpen: true };
    const siblings = siblingsOf(sql, order);
    for (let after = upto; ; ) {
      const rows = this.rollup.recent.after(after, attemptsAStep);
      const own = rows.filter(({ id }) => !isLate(id));
      if (own.length > 0) read(this.build(own, (row) => (isFirst(row) ? [] : siblings(row))));
      if (rows.length < attemptsAStep) break;
      after = rows.at(-1)?.id ?? after;
      yield [];
    }
    // Above any id.
    const siblingsOfLate = siblingsOf(sql, { ...order, scannedTo: '\u{10ffff}' });
    for (let after = ''; ; ) {
      const late = sql.all(
        'SELECT attempt_id FROM rollup_late WHERE attempt_id > ? ORDER BY attempt_id LIMIT ?',
        ...[after, attemptsAStep],
      );
      const rows = late.flatMap(({ attempt_id: id }) => readAttempts(sql, 'one', id ?? null));
      if (rows.length > 0) read(this.build(rows, siblingsOfLate));
      if (late.length < attemptsAStep) break;
      after = String(late.at(-1)?.attempt_id);
      yield [];
    }
    if (this.scan.groups > mostGroups) throw tooMany();
  }

  private build(rows: readonly AttemptRow[], siblings: (row: AttemptRow) => AttemptRow[]): Segment {
    const builder = new SegmentBuilder(this.plan.names);
    for (const row of rows) builder.add(row, siblings(row));
    return builder.finish();
  }

  private *sumRest(chosen: readonly number[]): Generator<SpendRow[], SpendSums & { groups: number }> {
    const { sums, groups: size } = this.scan;
    const isChosen = new Uint8Array(size);
    for (const group of chosen) isChosen[group] = 1;
    const whole = new Sums();
    let groups = 0;
    for (let group = 0; group < size; group++) {
      if (group % groupsAStep === groupsAStep - 1) yield [];
      if (isChosen[group] || sums.attemptsAt(group) === 0) continue;
      groups++;
      whole.addFrom(0, sums, group);
    }
    return { ...whole.at(0), groups };
  }

  private *write(chosen: readonly number[]): Generator<SpendRow[], void> {
    const { scan, plan } = this;
    const units = this.unitsByGroup();
    yield [];
    const unitNames = new Map<number, string>();
    const nameOf = (code: number) => {
      const name = unitNames.get(code) ?? plan.names.text('unit', code);
      unitNames.set(code, name);
      return name;
    };
    const rows: SpendRow[] = [];
    for (const [index, group] of chosen.entries()) {
      if (index % answersAStep === 0) scan.learnNames(chosen.slice(index, index + answersAStep));
      const generationCost = percentilesOf(scan.costs.percentiles(group, ranks));
      const row: SpendRow = {
        group: this.groupOf(group),
        ...scan.sums.at(group),
        units: {},
        ...(generationCost ? { generationCost } : {}),
        unitCost: {},
      };
      for (const entry of units(group)) {
        const name = nameOf(scan.units.first[entry]!);
        row.units[name] = roundedQuantity(scan.quantities.at(entry));
        const unitCost = percentilesOf(scan.unitCosts.percentiles(entry, ranks));
        if (unitCost) row.unitCost[name] = unitCost;
      }
      rows.push(row);
      if (index % answersAStep !== answersAStep - 1) continue;
      yield chosen.length > mostSorted ? rows.splice(0) : [];
    }
    if (chosen.length <= mostSorted) {
      rows.sort(compare);
      yield [];
    }
    while (rows.length > 0) yield rows.splice(0, answersAStep);
  }

  /** In the order of the question. */
  private groupOf(group: number): SpendRow['group'] {
    const texts = this.scan.textsOf(group);
    const ordered: Record<string, string> = {};
    for (const name of this.query.groupBy) {
      ordered[name] = texts[name] ?? '';
      if (name === 'unit') ordered.meter = texts.meter ?? '';
    }
    return ordered;
  }

  /** The entries of each group's units. */
  private unitsByGroup(): (group: number) => Int32Array {
    const { units, groups } = this.scan;
    const ends = new Int32Array(groups + 1);
    for (let entry = 0; entry < units.size; entry++) ends[units.second[entry]! + 1]!++;
    for (let group = 0; group < groups; group++) ends[group + 1]! += ends[group]!;
    const next = ends.slice();
    const entries = new Int32Array(units.size);
    for (let entry = 0; entry < units.size; entry++) {
      const group = units.second[entry]!;
      entries[next[group]!++] = entry;
    }
    return (group) => entries.subarray(ends[group]!, ends[group + 1]!);
  }
}

function percentilesOf(values: number[] | undefined): Percentiles | undefined {
  const [p50, p95] = values ?? [];
  if (p50 === undefined || p95 === undefined) return undefined;
  return { p50: BigInt(Math.round(p50)), p95: BigInt(Math.round(p95)) };
}

function compare(one: SpendRow, other: SpendRow): number {
  for (const name of Object.keys(one.group) as (keyof SpendRow['group'])[]) {
    const [left = '', right = ''] = [one.group[name], other.group[name]];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

function tooMany(): GatewayError {
  return new GatewayError('invalid_request', {
    message: `This makes more than ${mostGroups} groups. Ask for a shorter time, fewer groups or with a filter.`,
    param: 'group_by',
  });
}
