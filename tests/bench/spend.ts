/**
 * Reports over a month of synthetic traffic: node tests/bench/spend.ts [rows=1000000] [folder]
 * Prints how fast the book was filled (with and without its columns), how large it is, and for each report how long it took, cold, warm
 * (the median) and at best, how much processor time that was, and how long it held the event loop at most. With a folder the book is kept
 * there, and found again by the next run.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Book } from '../../src/books/book.ts';
import type { BookClient, SpendQuery } from '../../src/books/index.ts';
import type { Modality, Receipt, ReceiptLine } from '../../src/contract/index.ts';
import { newId } from '../../src/gateway/ids.ts';
import { hostBook } from '../../src/runtime/node/books.ts';
import { openSql, type SqlFile } from '../../src/runtime/node/sql.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const kept = process.argv[3];
const folder = kept ?? mkdtempSync(join(tmpdir(), 'atelier-spend-'));
mkdirSync(folder, { recursive: true });
const start = Date.UTC(2026, 9, 1);
const month = 31 * 86_400_000;

const models: [modality: Modality, provider: string, model: string, share: number][] = [
  ...(['small', 'medium', 'large', 'thinking'] as const).flatMap((size) =>
    (['north', 'south', 'east'] as const).map(
      (house) => ['text', house, `pen-${size}`, 7] as [Modality, string, string, number],
    ),
  ),
  ['embedding', 'north', 'vector', 8],
  ['image', 'north', 'canvas', 4],
  ['image', 'west', 'brush', 2],
  ['speech', 'south', 'voice', 2],
  ['transcription', 'east', 'ear', 2],
  ['video', 'west', 'film', 1],
  ['music', 'west', 'tune', 1],
];

/** A repeatable sequence of numbers from 0 to 1. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const line = (
  meter: ReceiptLine['meter'],
  quantity: number,
  pico: number,
  dims?: Record<string, string>,
): ReceiptLine => ({
  meter,
  quantity,
  ...(dims ? { dims } : {}),
  price: String(pico / 1e6),
  per: '1000000',
  amount: BigInt(Math.round(quantity * pico)),
});

function receiptOf(modality: Modality, random: () => number): { receipt: Receipt; units?: Record<string, number> } {
  const whole = (most: number) => 1 + Math.floor(random() ** 3 * most);
  const lines: ReceiptLine[] = [];
  let units: Record<string, number> | undefined;
  if (modality === 'text') {
    lines.push(line('input_text_tokens', whole(20_000), 250_000), line('output_text_tokens', whole(4_000), 2_000_000));
    if (random() < 0.3) lines.push(line('cached_input_tokens', whole(20_000), 25_000));
  } else if (modality === 'embedding') lines.push(line('input_text_tokens', whole(8_000), 20_000));
  else if (modality === 'image') {
    units = { images: whole(4) };
    const size = random() < 0.5 ? '1024x1024' : '1536x1024';
    lines.push(line('images', units.images!, 42_000_000_000, { size, quality: 'medium' }));
  } else if (modality === 'speech') {
    units = { seconds: whole(900) / 10, characters: whole(2_000) };
    lines.push(line('input_characters', units.characters!, 15_000_000));
  } else if (modality === 'transcription') {
    units = { seconds: whole(6_000) / 10 };
    lines.push(line('input_audio_seconds', units.seconds!, 100_000_000));
  } else {
    units = { seconds: whole(10) };
    lines.push(
      line(modality === 'video' ? 'output_video_seconds' : 'output_audio_seconds', units.seconds!, 100_000_000_000),
    );
  }
  const total = lines.reduce((sum, one) => sum + (one.amount ?? 0n), 0n);
  const receipt: Receipt = { lines, total, status: 'priced', basis: 'computed_from_usage', catalogue: 'sha256:bench' };
  if (random() < 0.01) {
    delete receipt.total;
    receipt.status = 'unpriced';
    for (const one of lines) delete one.amount;
  }
  return { receipt, ...(units ? { units } : {}) };
}

/** Writes attempts as the gateway does, some of them in flight at a time. */
function fill(sql: SqlFile, book: Book, rows: number, seed: number, from = start): bigint {
  const random = sequence(seed);
  const shares = models.flatMap((model) => Array.from({ length: model[3] }, () => model));
  const pick = (most: number) => Math.floor(random() ** 2 * most);
  const notBillable: Receipt = {
    lines: [],
    total: 0n,
    status: 'not_billable',
    basis: 'none',
    catalogue: 'sha256:bench',
  };
  let written = 0;
  let paid = 0n;
  let inFlight: (() => void)[] = [];
  while (written < rows) {
    sql.begin();
    const ending = inFlight;
    inFlight = [];
    for (let turn = 0; turn < 64 && written < rows; turn++) {
      const at = from + Math.floor((written / rows) * month);
      const [modality, provider, model] = shares[Math.floor(random() * shares.length)]!;
      const id = newId('gen_', at);
      const keyId = `key_${pick(40)}`;
      const about = {
        project: `project ${Number(keyId.slice(4)) % 12}`,
        endUser: `user_${pick(50_000).toString(16).padStart(32, '0')}`,
        ...(random() < 0.3 ? { workflow: `flow ${Math.floor(written / 7)}` } : {}),
        tags: {
          team: `team ${pick(20)}`,
          env: random() < 0.9 ? 'prod' : 'test',
          ...(random() < 0.02 ? { job: id } : {}),
        },
      };
      const plain = modality === 'text' || modality === 'embedding';
      const generation = { id, keyId, modality, model: `${provider}/${model}`, simulated: random() < 0.05, at, plain };
      const { simulated } = generation;
      const attempt = { generationId: id, keyId, modality, provider, simulated, at, ...about };
      let number = 1;
      if (random() < 0.03) {
        book.begin(generation, { ...attempt, id: `${id}.1`, model: `${model}-old` });
        book.settle({
          attemptId: `${id}.1`,
          at: at + 900,
          outcome: 'provider_overloaded',
          receipt: notBillable,
          charge: 0n,
        });
        number = 2;
        written++;
      }
      book.begin(number === 1 ? generation : undefined, { ...attempt, id: `${id}.${number}`, model });
      written++;
      const { receipt, units } = receiptOf(modality, random);
      paid += receipt.total ?? 0n;
      const charge = receipt.total === undefined ? undefined : receipt.total + receipt.total / 5n;
      const settle = () =>
        book.settle(
          { attemptId: `${id}.${number}`, at: at + 4_000, outcome: 'succeeded', receipt, charge, units },
          plain ? undefined : { id, status: 'completed', at: at + 4_000, units },
        );
      inFlight.push(settle);
    }
    for (const settle of ending) settle();
    sql.commit();
  }
  sql.begin();
  for (const settle of inFlight) settle();
  sql.commit();
  return paid;
}

/** Microseconds of processor time that one attempt takes from begin to settle, in commits of 64. */
function pace(rows: number, withColumns: boolean): number {
  const path = join(folder, `pace-${withColumns}.sqlite`);
  const sql = openSql(path);
  const book = new Book(sql);
  book.migrate();
  keys(book);
  if (!withColumns) Object.assign(book, { rollup: { began: () => {}, ended: () => {} } });
  fill(sql, book, 5_000, 1, start - month);
  const before = process.cpuUsage();
  fill(sql, book, rows, 2);
  const { user, system } = process.cpuUsage(before);
  sql.close();
  for (const end of ['', '-wal', '-shm']) rmSync(path + end, { force: true });
  return (user + system) / rows;
}

function keys(book: Book): void {
  for (let key = 0; key < 40; key++) {
    const id = `key_${key}`;
    book.createKey({ id, hash: id, name: `app ${key}`, hint: '', scopes: ['generate'], at: start });
  }
}

type Measured = { rows: number; took: number; cpu: number; turn: number };

/** Milliseconds of processor time that this thread had: others on the machine do not count. */
const cpu = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

async function report(client: BookClient, query: SpendQuery): Promise<Measured> {
  const token = crypto.randomUUID();
  let rows = 0;
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
  for (;;) {
    const step = await client.spendStep(token, query);
    if (step.state === 'working') rows += step.rows.length;
    if (step.state !== 'done') continue;
    isOver = true;
    tick();
    return { rows, took: performance.now() - began, cpu: cpu() - begunCpu, turn };
  }
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
  [
    'FOCUS, a line for each charge',
    {
      groupBy: [
        'day',
        'project',
        'key_id',
        'key',
        'modality',
        'provider',
        'model',
        'simulated',
        'status',
        'basis',
        'catalogue',
        'sku',
      ],
      plain: true,
    },
  ],
];

const path = join(folder, 'main.sqlite');
const isThere = existsSync(path);
if (!isThere) {
  console.log(
    `begin + settle: ${pace(60_000, false).toFixed(1)} µs without columns, ${pace(60_000, true).toFixed(1)} µs with`,
  );
  const sql = openSql(path);
  const book = new Book(sql);
  book.migrate();
  keys(book);
  const began = performance.now();
  const paid = fill(sql, book, count, 3);
  console.log(
    `${count} attempts, $${Number(paid / 1_000_000_000_000n)}, written in ${((performance.now() - began) / 1000).toFixed(1)} s`,
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
const hosted = hostBook(openSql(path));
const head = ['rows', 'cold ms', 'warm ms', 'best ms', 'best CPU ms', 'longest turn', 'best turn'];
console.log(`\n${'report'.padEnd(38)}${head.map((one) => one.padStart(13)).join('')}`);
for (const [name, more] of reports) {
  const query: SpendQuery = { groupBy: [], simulated: 'exclude', ...(more.plain ? {} : { limit: 1000 }), ...more };
  const runs: Measured[] = [];
  for (let run = 0; run < 8; run++) runs.push(await report(hosted.client, query));
  const [cold, ...warm] = runs;
  const median = (values: number[]) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)]!;
  const best = (figure: 'took' | 'cpu' | 'turn') => Math.min(...warm.map((run) => run[figure]));
  const figures = [cold!.took, median(warm.map((run) => run.took)), best('took'), best('cpu')];
  // Of the warm runs: the first one of a report also compiles its code.
  figures.push(median(warm.map((run) => run.turn)), best('turn'));
  const cells = [String(cold!.rows), ...figures.map((value) => value.toFixed(1))];
  console.log(name.padEnd(38) + cells.map((cell) => cell.padStart(13)).join(''));
}
hosted.close();
if (!kept) rmSync(folder, { recursive: true, force: true });
