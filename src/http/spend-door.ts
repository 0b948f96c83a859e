import type { Context } from 'hono';
import type { SpendAnswer, SpendQuery, SpendRow, SpendSums } from '../books/index.ts';
import { GatewayError, type JsonObject } from '../contract/index.ts';
import { writeUsd } from '../meter/money.ts';
import { unitCosts } from '../meter/unit-costs.ts';
import { hashedUser } from './about.ts';
import { errorAnswer } from './answer.ts';
import { focusQuery, writeFocus } from './focus.ts';
import type { Doors } from './generations.ts';
import { opened } from './opened.ts';
import { writeSpendCsv } from './spend-csv.ts';
import { readQuery } from './spend-door-query.ts';
import { reportOf, wholeReport } from './spend-door-report.ts';

const csvType = { 'content-type': 'text/csv; charset=utf-8' };

/**
 * `GET /v1/spend?group_by=modality,model&from=&to=&simulated=exclude|include|only&format=json|csv|focus`, with any group's name as a
 * filter. The operator and keys with the `spend` scope see the tenant; any other key sees its own.
 */
export function spendDoor({ gateway, authenticator, lifetimeOf }: Doors) {
  return async function answerSpend(c: Context): Promise<Response> {
    try {
      const { caller, tenant } = await authenticator.callerOrAdmin(c);
      const book = caller?.book ?? gateway.books.of(tenant);
      const query = readQuery(c);
      if (caller && !caller.scopes.includes('spend')) query.keyId = caller.keyId;
      // An end user as the app calls it, or as reports do.
      const users = query.filters?.user;
      if (users) query.filters = { ...query.filters, user: [...users, ...(await Promise.all(users.map(hashed)))] };
      const format = c.req.query('format') ?? 'json';
      if (format === 'focus') {
        const focus = focusQuery(query, c.req.query('tags'));
        const pieces = await opened(encoded(writeFocus(reportOf(book, focus), tenant)));
        return c.body(lifetimeOf(c).relay(pieces), 200, csvType);
      }
      if (format === 'csv') {
        return c.body(writeSpendCsv(await wholeReport(book, query), query.groupBy), 200, csvType);
      }
      if (format !== 'json') {
        throw new GatewayError('invalid_request', { message: 'format is json, csv or focus.', param: 'format' });
      }
      return c.body(await writeJson(book, query), 200, { 'content-type': 'application/json' });

      function hashed(user: string): Promise<string> {
        return hashedUser({ book }, user);
      }
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  for await (const text of texts) yield encoder.encode(text);
}

/** Written in portions, like it is read: ten thousand rows in one go would hold everybody up. */
async function writeJson(book: Parameters<typeof reportOf>[0], query: SpendQuery): Promise<string> {
  const steps = reportOf(book, query);
  const pieces: string[] = [];
  for (;;) {
    const { done, value } = await steps.next();
    if (!done) {
      pieces.push(value.map((row) => JSON.stringify(writeRow(row))).join(','));
      continue;
    }
    const head = JSON.stringify({
      currency: 'USD',
      from: query.from === undefined ? null : new Date(query.from).toISOString(),
      to: query.to === undefined ? null : new Date(query.to).toISOString(),
      group_by: query.groupBy,
      simulated: query.simulated,
    });
    return `${head.slice(0, -1)},"rows":[${pieces.join(',')}],${JSON.stringify(writeEnd(value)).slice(1)}`;
  }
}

function writeEnd({ total, totalPico, rest }: Omit<SpendAnswer, 'rows'>): JsonObject {
  return {
    total_usd: writeUsd(totalPico),
    // Unknown is not zero: what has no price stands beside the money.
    total: writeSums(total),
    ...(rest ? { rest: { groups: rest.groups, ...writeSums(rest) } } : {}),
  };
}

function writeSums(sums: SpendSums): JsonObject {
  return {
    generations: sums.generations,
    attempts: sums.attempts,
    open_attempts: sums.open,
    failed_attempts: sums.failed,
    failed_cost_usd: writeUsd(sums.failedPico),
    unpriced: sums.unpriced,
    estimated: sums.estimated,
    cost_usd: writeUsd(sums.costPico),
    charge_usd: writeUsd(sums.chargePico),
    avoided_usd: writeUsd(sums.avoidedPico),
    cache_hits: sums.cacheHits,
  };
}

function writeRow(row: SpendRow): JsonObject {
  const usd = (pico: bigint | undefined) => (pico === undefined ? null : writeUsd(pico));
  return {
    ...row.group,
    ...writeSums(row),
    p50_usd: usd(row.generationCost?.p50),
    p95_usd: usd(row.generationCost?.p95),
    units: unitCosts(row.units, row.costPico, row.unitCost).map((unit) => ({
      unit: unit.unit,
      quantity: unit.quantity,
      unit_cost_usd: usd(unit.costPico),
      p50_usd: usd(unit.p50Pico),
      p95_usd: usd(unit.p95Pico),
    })),
  };
}
