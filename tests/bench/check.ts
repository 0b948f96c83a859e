import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { divideHalfEven, parseUsd, writeUsd } from '../../src/meter/money.ts';
import { answerMeters } from './answers.ts';
import type { Tally } from './measure.ts';
import type { Started } from './targets.ts';

/** One thing that must hold after the load, with both sides of it. */
export type Check = { what: string; expected: string; found: string; holds: boolean };

type PriceLine = { meter: string; price: string; per: string; dims?: object; context_over?: number };

/** Holds the gateway's book and its spend report against what its callers and its upstream counted. */
export async function checkBooks(gateway: Started, data: string, tally: Tally, billed: number): Promise<Check[]> {
  const book = new DatabaseSync(join(data, 'books', 'main.sqlite'), { readOnly: true });
  const count = (sql: string) => String(book.prepare(sql).get()?.n ?? 0);
  const attempts = count('SELECT COUNT(*) AS n FROM attempt');
  const settled = count("SELECT COUNT(*) AS n FROM attempt WHERE state = 'settled' AND outcome = 'succeeded'");
  // A plain call has no row in `generation`: its attempt is its own generation.
  const completed = count(`SELECT (SELECT COUNT(*) FROM generation WHERE status = 'completed')
    + (SELECT COUNT(*) FROM attempt WHERE asked IS NOT NULL AND state <> 'dispatched' AND outcome = 'succeeded') AS n`);
  book.close();

  const cost = await costOfOne(gateway);
  const spend = await read<{ rows: { model: string; attempts: number }[]; total_usd: string }>(
    gateway,
    '/v1/spend?group_by=model',
  );
  const answered = String(tally.answered);
  const check = (what: string, expected: string, found: string) => ({
    what,
    expected,
    found,
    holds: expected === found,
  });
  return [
    check('wrong or failed answers', '0', String(tally.wrong + tally.failed)),
    check('requests the upstream billed', answered, String(billed)),
    check('attempts in the ledger', answered, attempts),
    check('attempts settled as succeeded', answered, settled),
    check('generations completed', answered, completed),
    check(
      `attempts in /v1/spend under ${gateway.model}`,
      answered,
      String(spend.rows.find((row) => row.model === gateway.model)?.attempts),
    ),
    check(
      `total of /v1/spend, ${answered} × $${writeUsd(cost)}`,
      writeUsd(cost * BigInt(tally.answered)),
      spend.total_usd,
    ),
  ];
}

/** Pico-dollars of one answer. */
async function costOfOne(gateway: Started): Promise<bigint> {
  return (await priceOf(gateway, gateway.model))(answerMeters);
}

/** What so much of each meter costs in pico-dollars at the published standard prices: quantity × price, line by line. */
export async function priceOf(gateway: Reached, id: string): Promise<(quantities: Record<string, number>) => bigint> {
  const { prices } = await read<{ prices: PriceLine[] }>(gateway, `/v1/models/${id}`);
  return (quantities) => {
    let sum = 0n;
    for (const [meter, quantity] of Object.entries(quantities)) {
      const line = prices.find((price) => price.meter === meter && !price.dims && price.context_over === undefined);
      if (!line) throw new Error(`${id} has no price for ${meter}.`);
      sum += divideHalfEven(BigInt(quantity) * parseUsd(line.price), BigInt(line.per));
    }
    return sum;
  };
}

type Reached = Pick<Started, 'origin' | 'headers'>;

export async function read<T>(gateway: Reached, path: string): Promise<T> {
  const answer = await fetch(gateway.origin + path, { headers: gateway.headers });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}
