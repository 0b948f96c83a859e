/**
 * Reports over a month of synthetic traffic: node tests/bench/spend.ts [ledger rows=1000000] [folder] [reports]
 * A ledger row is a line of a receipt; an attempt has about two. Prints how fast the book was filled (with and without its columns), how
 * large it is, and for each report how long it took, cold, warm (the median) and at best, how much processor time that was, and how long
 * it held the event loop at most. With a folder the book is kept there, and found again by the next run; with some words only the reports
 * are made that have them in their names.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Book } from '../../src/books/book.ts';
import type { SpendQuery } from '../../src/books/index.ts';
import { focusQuery, writeFocus } from '../../src/http/focus.ts';
import { reportOf } from '../../src/http/spend-door-report.ts';
import { hostBook } from '../../src/runtime/node/books.ts';
import { openSql } from '../../src/runtime/node/sql.ts';
import { fill, keys, month, start } from './spend-book.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const kept = process.argv[3];
const words = process.argv[4] ?? '';
const folder = kept ?? mkdtempSync(join(tmpdir(), 'atelier-spend-'));
mkdirSync(folder, { recursive: true });
/** Microseconds of processor time that one attempt takes from begin to settle, in commits of 64. */
function pace(rows: number, withColumns: boolean): number {
  const path = join(folder, `pace-${withColumns}.sqlite`);
  const sql = openSql(path);
  const book = new Book(sql);
  book.migrate();
  keys(book);
  if (!withColumns) Object.assign(book, { rollup: { began: () => {}, ended: () => {} } });
  fill(sql, book, 10_000, 1, start - month);
  const before = process.cpuUsage();
  const { attempts } = fill(sql, book, rows, 2);
  const { user, system } = process.cpuUsage(before);
  sql.close();
  for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
  return (user + system) / attempts;
}

type Measured = { lines: number; took: number; cpu: number; turn: number; first: number };

/** Milliseconds of processor time that this thread had: others on the machine do not count. */
const cpu = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** @param pieces told how many lines each brings. The first of them may be slow to come. */
async function measure(pieces: AsyncIterable<number>): Promise<Measured> {
  let lines = 0;
  let first = 0;
  const [began, begunCpu] = [performance.now(), cpu()];
  let last = performance.now();
  let turn = 0;
  let isOver = false;
  // Whatever else this thread has to do would come in between: how long it was since is how long it would wait.
  const tick = () => {
    const now = performance.now();
    turn = Math.max(turn, now - last);
    last = now;
    if (!isOver) setImmediate(tick);
  };
  setImmediate(tick);
  for await (const more of pieces) {
    if (lines === 0 && more > 0) first = performance.now() - began;
    lines += more;
  }
  isOver = true;
  tick();
  return { lines, took: performance.now() - began, cpu: cpu() - begunCpu, turn, first };
}

const day = 86_400_000;
const reports: [string, Partial<SpendQuery>][] = [
  ['modality', { groupBy: ['modality'] }],
  ['nothing (the total)', { groupBy: [] }],
  ['modality, provider, model', { groupBy: ['modality', 'provider', 'model'] }],
  ['key, project', { groupBy: ['key', 'project'] }],
  ['day, model', { groupBy: ['day', 'model'] }],
  ['hour, modality', { groupBy: ['hour', 'modality'] }],
  ['unit', { groupBy: ['unit'] }],
  ['model, unit', { groupBy: ['model', 'unit'] }],
  ['tag', { groupBy: ['tag'] }],
  ['user (50,000), dearest 1,000', { groupBy: ['user'] }],
  ['workflow (100,000), dearest 1,000', { groupBy: ['workflow'] }],
  ['user, modality, dearest 1,000', { groupBy: ['user', 'modality'] }],
  ['modality of one user', { groupBy: ['modality'], filters: { user: [`user_${'7'.padStart(32, '0')}`] } }],
  ['model of one team and modality', { groupBy: ['model'], filters: { tag: ['team=team 3'], modality: ['image'] } }],
  ['hour of one day', { groupBy: ['hour'], from: start + 12 * day, to: start + 13 * day }],
];

const path = join(folder, 'main.sqlite');
const isThere = existsSync(path);
if (!isThere) {
  console.log(
    `begin + settle: ${pace(120_000, false).toFixed(1)} µs without columns, ${pace(120_000, true).toFixed(1)} µs with`,
  );
  const sql = openSql(path);
  const book = new Book(sql);
  book.migrate();
  keys(book);
  const began = performance.now();
  const { attempts, rows, paid } = fill(sql, book, count, 3);
  console.log(
    `${rows} ledger rows of ${attempts} attempts, $${Number(paid / 1_000_000_000_000n)}, written in ${((performance.now() - began) / 1000).toFixed(1)} s`,
  );
  const exact = book.spend({ groupBy: [], simulated: 'include' }).totalPico;
  console.log(`report equals what was paid: ${exact === paid}`);
  sql.all('PRAGMA wal_checkpoint(TRUNCATE)');
  const size = (name: string) =>
    Number(sql.all(`SELECT SUM(pgsize) AS size FROM dbstat WHERE name LIKE '${name}'`)[0]?.size ?? 0) / 1e6;
  try {
    console.log(`columns ${size('rollup_column').toFixed(0)} MB, names ${size('rollup_name%').toFixed(0)} MB`);
  } catch {
    // This SQLite was built without dbstat.
  }
  sql.close();
}
console.log(`file ${(statSync(path).size / 1e6).toFixed(0)} MB`);
const sql = openSql(path);
const [size] = sql.all('SELECT COUNT(*) AS attempts, SUM(json_array_length(lines)) AS rows FROM attempt');
console.log(`${size?.rows} ledger rows of ${size?.attempts} attempts`);
const hosted = hostBook(sql);
const { client } = hosted;

async function* rowsOf(query: SpendQuery): AsyncGenerator<number> {
  const token = crypto.randomUUID();
  for (;;) {
    const step = await client.spendStep(token, query);
    if (step.state === 'working') yield step.rows.length;
    if (step.state === 'done') return;
  }
}

/** The export as a client gets it, without its head. */
async function* linesOf(query: SpendQuery): AsyncGenerator<number> {
  let isHead = true;
  for await (const text of writeFocus(reportOf(client, query), 'bench')) {
    let lines = 0;
    for (let at = text.indexOf('\r\n'); at >= 0; at = text.indexOf('\r\n', at + 2)) lines++;
    if (!isHead) yield lines;
    isHead = false;
  }
}

const median = (values: number[]) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)]!;

async function print(name: string, run: () => AsyncIterable<number>, withFirst = false): Promise<void> {
  if (!name.includes(words)) return;
  const runs: Measured[] = [];
  for (let turn = 0; turn < 8; turn++) runs.push(await measure(run()));
  const [cold, ...warm] = runs;
  const best = (figure: 'took' | 'cpu' | 'turn') => Math.min(...warm.map((one) => one[figure]));
  const figures = [cold!.took, median(warm.map((one) => one.took)), best('took'), best('cpu')];
  // Of the warm runs: the first one of a report also compiles its code.
  figures.push(median(warm.map((one) => one.turn)), best('turn'));
  if (withFirst) figures.push(median(warm.map((one) => one.first)));
  const cells = [String(cold!.lines), ...figures.map((value) => value.toFixed(1))];
  console.log(name.padEnd(38) + cells.map((cell) => cell.padStart(13)).join(''));
}

const head = ['lines', 'cold ms', 'warm ms', 'best ms', 'best CPU ms', 'longest turn', 'best turn', 'first line'];
console.log(`\n${'report'.padEnd(38)}${head.map((one) => one.padStart(13)).join('')}`);
for (const [name, more] of reports) {
  const query: SpendQuery = { groupBy: [], simulated: 'exclude', limit: 1000, ...more };
  await print(name, () => rowsOf(query));
}
const exported: SpendQuery = { groupBy: [], simulated: 'exclude' };
await print('FOCUS', () => linesOf(focusQuery(exported, 'none')), true);
hosted.close();
if (!kept) rmSync(folder, { recursive: true, force: true });
