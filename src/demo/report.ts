import { basename } from 'node:path';
import { parseUsd, writeUsd } from '../meter/money.ts';
import type { SpendRow } from './client.ts';
import { measureOf, type Result } from './run-job.ts';
import { type Column, layOut, type Paint, shortNumber } from './terminal.ts';

const resultColumns: Column[] = [
  { title: 'modality' },
  { title: 'model' },
  { title: 'measure' },
  { title: 'latency', align: 'right' },
  { title: 'cost', align: 'point' },
  { title: 'unit cost' },
  { title: 'output' },
];

/**
 * One row for every job: what came out, how long it took, what it cost, and what one unit of it costs.
 * A terminal of fewer than `columns` letters gets the table without file names, which tell nothing that the row does not.
 */
export function resultTable(results: readonly Result[], paint: Paint, columns = Number.POSITIVE_INFINITY): string {
  const rows = results.map((result) => {
    const { job, state } = result;
    if (state !== 'done') return [job.modality, job.model];
    const [file, ...more] = result.saved.map((one) => basename(one.file));
    return [
      job.modality,
      job.model,
      measureOf(result),
      `${((result.latencyMs ?? 0) / 1000).toFixed(2)} s`,
      money(result.costUsd),
      result.units.flatMap((unit) => perUnit(unit.unit, result.costUsd ? unit.costPico : undefined)).join(', '),
      `${file}${more.length > 0 ? ` (+${more.length})` : ''}`,
    ];
  });
  const reason = (result: Result) =>
    result.state === 'done'
      ? ''
      : `  ${paint(result.state === 'failed' ? 'red' : 'yellow', `${result.state}: ${result.note}`)}`;
  // A reason goes behind its row: it may be long, and must not widen the columns.
  const write = (table: Column[]) => layOut(table, rows, paint, (line, row) => `${line}${reason(results[row]!)}`);
  const whole = write(resultColumns);
  const widest = Math.max(...whole.split('\n').map((line) => line.length));
  return widest > columns ? write(resultColumns.slice(0, -1)) : whole;
}

const spendColumns: Column[] = [
  { title: 'modality' },
  { title: 'generations', align: 'right' },
  { title: 'cost', align: 'point' },
  { title: 'made' },
  { title: 'unit cost' },
  { title: 'unpriced', align: 'right' },
];

/** What the gateway's book says this run cost, by modality, with its total. */
export function spendTable(rows: readonly SpendRow[], paint: Paint): string {
  const cells = rows.map((row) => {
    // Tokens say little where something countable was made.
    const countable = row.units.filter((unit) => unit.unit !== '1m_tokens');
    const units = countable.length > 0 ? countable : row.units;
    return [
      row.modality,
      String(row.generations),
      money(row.cost_usd),
      units.map((unit) => amount(unit.unit, Number(unit.quantity))).join(', '),
      units.flatMap((unit) => perUnit(unit.unit, unit.unit_cost_usd)).join(', '),
      String(row.unpriced),
    ];
  });
  const sum = (count: (row: SpendRow) => number) => String(rows.reduce((total, row) => total + count(row), 0));
  cells.push([
    'total',
    sum((row) => row.generations),
    money(totalOf(rows.map((row) => row.cost_usd))),
    '',
    '',
    sum((row) => row.unpriced),
  ]);
  return layOut(spendColumns, cells, paint, (line, row) => (row === rows.length ? paint('bold', line) : line));
}

/** The exact sum of decimal strings of dollars; unknown ones add nothing and are counted elsewhere. */
export function totalOf(costs: readonly (string | null | undefined)[]): string {
  return writeUsd(costs.reduce((total, cost) => total + parseUsd(cost ?? '0'), 0n));
}

/** What people call a unit of cost, and how many things it holds. */
const units: Record<string, { name: string; thing: string; holds: number }> = {
  '1m_tokens': { name: '1M tokens', thing: 'token', holds: 1_000_000 },
  '1k_characters': { name: '1k characters', thing: 'character', holds: 1_000 },
  minute: { name: 'minute', thing: 'second', holds: 60 },
  model3d: { name: '3D model', thing: '3D model', holds: 1 },
};

function amount(unit: string, quantity: number): string {
  const { thing, holds } = units[unit] ?? { thing: unit, holds: 1 };
  const count = Math.round(quantity * holds * 100) / 100;
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function money(usd: string | null | undefined): string {
  return usd === null || usd === undefined ? 'unpriced' : `$${usd}`;
}

/** "$0.05/image", or nothing where it cannot be said. */
function perUnit(unit: string, cost: bigint | string | null | undefined): string[] {
  if (cost === null || cost === undefined) return [];
  const usd = typeof cost === 'bigint' ? writeUsd(cost) : cost;
  return [`$${shortNumber(usd)}/${units[unit]?.name ?? unit}`];
}
