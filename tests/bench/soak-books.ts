import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { writeUsd } from '../../src/meter/money.ts';
import { answerMeters } from './answers.ts';
import { type Check, priceOf, read } from './check.ts';
import { sleep } from './figures.ts';
import { imageInput, imageModel, type Received, unbilledFaults, vendors } from './mix.ts';
import type { Target } from './targets.ts';

type Booked = { state: string; outcome: string | null; cost: bigint | null; status: string | null };

/** Milliseconds that a last attempt may take to be settled. */
const patience = 15_000;

/**
 * Holds the book against what the vendors wrote down, attempt by attempt, and against what the callers were told.
 * @param records lines of `Received`. @param notes lines of a generation's id and its outcome.
 */
export async function checkLedger(gateway: Target, data: string, records: string, notes: string): Promise<Check[]> {
  const book = new DatabaseSync(join(data, 'books', 'main.sqlite'), { readOnly: true });
  const open = await openAttempts(book);
  const { attempts, succeeded, generations, sum } = readBook(book);
  book.close();
  const bill = await billOf(gateway);

  const received = linesOf(records).map((line) => JSON.parse(line) as Received);
  const seen = new Set<string>();
  const faults: Record<string, number> = {};
  const odd = { unnamed: 0, twice: 0, missing: 0, free: 0, charged: 0, vague: 0, different: 0 };
  const first: Partial<Record<keyof typeof odd, string>> = {};
  const note = (what: keyof typeof odd, record: Received, booked?: Booked) => {
    odd[what]++;
    const { state, outcome, status, cost } = booked ?? {};
    first[what] ??=
      `first ${JSON.stringify(record)}, booked ${booked ? [state, outcome, status, cost].join(' ') : 'nowhere'}`;
  };
  let exact = { vendors: 0n, book: 0n, count: 0 };
  let estimated = 0;
  for (const record of received) {
    if (record.fault) faults[record.fault] = (faults[record.fault] ?? 0) + 1;
    if (!record.attempt) note('unnamed', record);
    if (seen.has(record.attempt)) note('twice', record);
    seen.add(record.attempt);
    const booked = attempts.get(record.attempt);
    if (!booked) {
      note('missing', record);
      continue;
    }
    const isFlagged = booked.status === 'priced_estimated' && booked.cost !== null && booked.cost > 0n;
    const isExact = booked.status === 'priced' && booked.cost !== null;
    if (isFlagged) estimated++;
    if (record.billed && !isFlagged && !isExact) note('free', record, booked);
    if (!record.billed && record.fault && (unbilledFaults as readonly string[]).includes(record.fault)) {
      if (booked.status !== 'not_billable' || booked.cost) note('charged', record, booked);
    }
    // What was answered whole and arrived is known to the last pico-dollar; what did not arrive may be a guess.
    if (record.full && booked.outcome === 'succeeded' && !isExact) note('vague', record, booked);
    if (!isExact) continue;
    const cost = bill(record);
    exact = { vendors: exact.vendors + cost, book: exact.book + booked.cost!, count: exact.count + 1 };
    if (!record.full || booked.cost !== cost) note('different', record, booked);
  }
  let phantom = 0;
  for (const [id, booked] of attempts) if (!seen.has(id) && booked.status !== 'not_billable') phantom++;
  let untold = 0;
  let unfinished = 0;
  for (const line of linesOf(notes)) {
    const [id = '', outcome] = line.split(' ');
    if (!generations.has(id)) untold++;
    else if (outcome === 'answered' && !succeeded.has(id)) unfinished++;
  }
  const spend = await read<{ total_usd: string }>(gateway, '/v1/spend?group_by=model');

  const none = (what: string, found: number, example?: string): Check => ({
    what,
    expected: '0',
    found: example ? `${found} (${example})` : String(found),
    holds: found === 0,
  });
  const equal = (what: string, expected: string, found: string): Check => ({
    what,
    expected,
    found,
    holds: expected === found,
  });
  return [
    none(`of ${received.length} requests at the vendors: without an attempt's name`, odd.unnamed, first.unnamed),
    none('… the same attempt sent twice', odd.twice, first.twice),
    none('… without their attempt in the book', odd.missing, first.missing),
    none('… billed, and neither priced nor flagged as estimated', odd.free, first.free),
    none('… refused or nonsense, and booked with a cost', odd.charged, first.charged),
    none('… answered whole, and not booked exactly', odd.vague, first.vague),
    none('… booked exactly, and not what the vendor bills', odd.different, first.different),
    equal(
      `Σ of ${exact.count} exact attempts in USD, as the vendors bill it`,
      writeUsd(exact.vendors),
      writeUsd(exact.book),
    ),
    none('attempts left open', open),
    none('attempts with a cost that no vendor has seen', phantom),
    none('generations that callers were told of and the book does not have', untold),
    none('answers that the book does not call succeeded', unfinished),
    equal(`total of /v1/spend, with ${estimated} estimated attempts`, writeUsd(sum), spend.total_usd),
    {
      what: 'kinds of faults that came about',
      expected: 'at least 1',
      found: `${Object.keys(faults).length} (${Object.entries(faults)
        .map(([fault, times]) => `${fault} ${times}`)
        .join(', ')})`,
      holds: Object.keys(faults).length > 0,
    },
  ];
}

async function openAttempts(book: DatabaseSync): Promise<number> {
  const count = book.prepare("SELECT COUNT(*) AS n FROM attempt WHERE state = 'dispatched'");
  for (const until = performance.now() + patience; ; await sleep(100)) {
    const open = Number(count.get()?.n);
    if (open === 0 || performance.now() > until) return open;
  }
}

function readBook(book: DatabaseSync) {
  const attempts = new Map<string, Booked>();
  const generations = new Set<string>();
  const succeeded = new Set<string>();
  let sum = 0n;
  const rows = book.prepare('SELECT id, generation_id, state, outcome, cost_pico, cost_status FROM attempt');
  rows.setReadBigInts(true);
  for (const row of rows.iterate()) {
    const cost = row.cost_pico as bigint | null;
    const outcome = row.outcome as string | null;
    const generation = String(row.generation_id);
    attempts.set(String(row.id), { state: String(row.state), outcome, cost, status: row.cost_status as string | null });
    generations.add(generation);
    if (outcome === 'succeeded') succeeded.add(generation);
    sum += cost ?? 0n;
  }
  return { attempts, generations, succeeded, sum };
}

/** What a vendor bills for a whole answer, in pico-dollars. */
async function billOf(gateway: Target): Promise<(record: Received) => bigint> {
  const prices = new Map<string, (quantities: Record<string, number>) => bigint>();
  for (const [provider, { model }] of Object.entries(vendors)) {
    prices.set(provider, await priceOf(gateway, `${provider}/${model}`));
  }
  const ofImage = await priceOf(gateway, `openai/${imageModel}`);
  const known = new Map<string, bigint>();
  return ({ provider, kind, tokens }) => {
    const name = `${kind === 'image'} ${provider} ${tokens}`;
    let cost = known.get(name);
    if (cost === undefined) {
      cost =
        kind === 'image'
          ? ofImage({ input_text_tokens: imageInput, output_image_tokens: tokens })
          : prices.get(provider)!({
              input_text_tokens: answerMeters.input_text_tokens,
              output_text_tokens: tokens,
            });
      known.set(name, cost);
    }
    return cost;
  };
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}
