import type { Modality, ReceiptLine } from '../contract/index.ts';
import type { MixClass, MixRow, MixSteps } from '../meter/forecast-mix.ts';
import { roundedQuantity } from '../meter/money.ts';
import type { Row, Sql, SqlValue } from '../runtime/ports.ts';

export type MixQuery = {
  /** Milliseconds, UTC; `to` is exclusive. */
  from: number;
  to: number;
  simulated: 'exclude' | 'include' | 'only';
  keyId?: string;
  /** What parts calls from each other, so that a sum of them has one price. */
  steps: MixSteps;
};

/** Attempts read at a time: a few milliseconds. */
const page = 400;
/** Mixes worked on at a time; who was not asked for the longest begins anew. */
const mostActive = 64;

/** Above any id. */
const aboveAll = '\u{10ffff}';

/** What is still open while a row is added up. `took`: how often so many milliseconds were met. */
type Sums = { row: MixRow; took: Map<number, number>; classes: Map<string, ClassSums>; lastGeneration: string };
type ClassSums = { found: MixClass; lines: Map<string, MixClass['metered'][number]>; costPico: bigint };

export type MixStep = { state: 'working' } | { state: 'done'; rows: MixRow[] };

/** Mixes of one book, a few milliseconds a step: nobody waits long for them. */
export class Mixes {
  private readonly sql: Sql;
  private readonly active = new Map<string, Generator<void, MixRow[]>>();

  constructor(sql: Sql) {
    this.sql = sql;
  }

  /**
   * The next step of a mix. Ask again with the same token until it is done.
   * @param token any text that nobody else uses.
   */
  step(token: string, query: MixQuery): MixStep {
    const steps = this.active.get(token) ?? mixSteps(this.sql, query);
    this.active.delete(token);
    const { done, value } = steps.next();
    if (done) return { state: 'done', rows: value };
    this.active.set(token, steps);
    if (this.active.size > mostActive) this.active.delete(this.active.keys().next().value!);
    return { state: 'working' };
  }
}

/**
 * What was made in a period, by modality and model: attempts that ended, what they consumed, how long they took. Calls are parted into
 * classes by the steps they exceed, and by whether the provider itself said their cost. What the gateway answered from memory consumed
 * nothing. Quantities keep nine decimals.
 */
export function mix(sql: Sql, query: MixQuery): MixRow[] {
  const steps = mixSteps(sql, query);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

function* mixSteps(sql: Sql, query: MixQuery): Generator<void, MixRow[]> {
  const { where, values } = conditions(query);
  const all = new Map<string, Sums>();
  for (let after = ''; ; ) {
    // A page is of all attempts: where few of them are meant, a step would look for them for long.
    const ids = sql.all('SELECT id FROM attempt WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?', after, page - 1);
    const last = ids[0]?.id;
    const rows = sql.all(
      `SELECT a.id, a.generation_id, a.modality, a.provider, a.model, a.simulated, a.state, a.outcome, a.at, a.ended_at,
         CAST(a.cost_pico AS TEXT) AS cost, a.cost_status, a.cost_basis, a.lines, g.units
       FROM attempt a LEFT JOIN generation g ON g.id = a.generation_id
       WHERE a.id > ? AND a.id <= ? AND ${where} ORDER BY a.id`,
      ...[after, last ?? aboveAll, ...values],
    );
    for (const row of rows) add(all, row, query.steps);
    if (last === undefined) break;
    after = String(last);
    yield;
  }
  const sorted = [...all.entries()].sort(([one], [other]) => (one < other ? -1 : 1));
  const found: MixRow[] = [];
  for (const [, sums] of sorted) {
    found.push(finished(sums));
    yield;
  }
  return found;
}

function add(all: Map<string, Sums>, row: Row, steps: MixSteps): void {
  const key = `${row.modality}\n${row.provider}\n${row.model}`;
  let sums = all.get(key);
  if (!sums) {
    sums = { row: emptyRow(row), took: new Map(), classes: new Map(), lastGeneration: '' };
    all.set(key, sums);
  }
  const { row: found } = sums;
  const at = Number(row.at);
  found.attempts++;
  // Attempts of one generation follow each other.
  if (sums.lastGeneration !== row.generation_id) found.generations++;
  sums.lastGeneration = String(row.generation_id);
  found.simulated += Number(row.simulated);
  found.firstAt = Math.min(found.firstAt, at);
  found.lastAt = Math.max(found.lastAt, at);
  if (row.cost !== null) found.costPico += BigInt(String(row.cost));
  if (row.cost_status === 'unpriced' || row.cost_status === 'partially_unpriced') found.unpriced++;
  if (row.outcome === 'succeeded') {
    found.succeeded++;
    const took = Number(row.ended_at) - at;
    sums.took.set(took, (sums.took.get(took) ?? 0) + 1);
    const units = row.units === null ? {} : (JSON.parse(String(row.units)) as Record<string, number>);
    for (const [unit, quantity] of Object.entries(units)) found.units[unit] = (found.units[unit] ?? 0) + quantity;
  }
  if (row.state === 'settled' && row.cost_basis !== 'gateway_cache_hit') addCall(sums.classes, row, steps);
}

function addCall(classes: Map<string, ClassSums>, row: Row, steps: MixSteps): void {
  const lines = row.lines === null ? [] : (JSON.parse(String(row.lines)) as ReceiptLine[]);
  const reported = row.cost_basis === 'provider_reported' && row.cost !== null;
  let [input, other] = [0, 0];
  for (const { meter, quantity, model } of lines) {
    if (!meter.endsWith('_tokens')) other = Math.max(other, quantity);
    else if (model === undefined && !meter.startsWith('output_') && meter !== 'reasoning_tokens') input += quantity;
  }
  const name = `${exceeded(steps.tokens, input)} ${exceeded(steps.quantities, other)} ${reported ? 1 : 0}`;
  let sums = classes.get(name);
  if (!sums) {
    sums = { found: { calls: 0, estimated: 0, metered: [] }, lines: new Map(), costPico: 0n };
    classes.set(name, sums);
  }
  sums.found.calls++;
  if (row.cost_status === 'priced_estimated') sums.found.estimated++;
  if (reported) {
    sums.costPico += BigInt(String(row.cost));
    sums.found.reportedPico = sums.costPico;
  }
  for (const { meter, quantity, dims, model } of lines) {
    const key = dims || model ? `${meter} ${model ?? ''} ${dims ? JSON.stringify(dims) : ''}` : meter;
    const line = sums.lines.get(key);
    if (line) line.quantity += quantity;
    else sums.lines.set(key, { meter, quantity, ...(dims ? { dims } : {}), ...(model ? { model } : {}) });
  }
}

function finished({ row, took, classes }: Sums): MixRow {
  const sorted = [...classes.entries()].sort(([one], [other]) => (one < other ? -1 : 1));
  row.classes = sorted.map(([, { found, lines }]) => {
    const metered = [...lines.entries()].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, line]) => line);
    return { ...found, metered: metered.map((line) => ({ ...line, quantity: roundedQuantity(line.quantity) })) };
  });
  for (const [unit, quantity] of Object.entries(row.units)) row.units[unit] = roundedQuantity(quantity);
  const latency = latencyOf(took);
  if (latency) row.latency = latency;
  return row;
}

/** In seconds; the median is one of them. @param took how often so many milliseconds were met. */
function latencyOf(took: Map<number, number>): MixRow['latency'] {
  let [count, sum] = [0, 0];
  for (const [time, times] of took) {
    count += times;
    sum += time * times;
  }
  if (count === 0) return undefined;
  let [median, left] = [0, Math.floor((count - 1) / 2)];
  for (const time of Float64Array.from(took.keys()).sort()) {
    median = time;
    left -= took.get(time)!;
    if (left < 0) break;
  }
  return { average: Math.round(sum / count) / 1000, median: median / 1000 };
}

function emptyRow(row: Row): MixRow {
  const { modality, provider, model } = row;
  return {
    modality: modality as Modality,
    provider: String(provider),
    model: String(model),
    ...{ generations: 0, attempts: 0, succeeded: 0, simulated: 0, unpriced: 0, costPico: 0n },
    firstAt: Number.POSITIVE_INFINITY,
    lastAt: 0,
    units: {},
    classes: [],
  };
}

function exceeded(steps: readonly number[], quantity: number): number {
  return steps.filter((step) => quantity > step).length;
}

function conditions(query: MixQuery): { where: string; values: SqlValue[] } {
  const parts = ["a.state <> 'dispatched'", 'a.at >= ?', 'a.at < ?'];
  const values: SqlValue[] = [query.from, query.to];
  if (query.simulated !== 'include') parts.push(`a.simulated = ${query.simulated === 'only' ? 1 : 0}`);
  if (query.keyId !== undefined) {
    parts.push('a.key_id = ?');
    values.push(query.keyId);
  }
  return { where: parts.join(' AND '), values };
}
