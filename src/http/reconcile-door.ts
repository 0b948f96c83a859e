import type { Context } from 'hono';
import type { BookClient, SpendQuery } from '../books/index.ts';
import { GatewayError, isObject, type JsonObject, stringAt } from '../contract/index.ts';
import { writeUsd } from '../meter/money.ts';
import { type OursLine, type Reconciled, reconcile, type Side } from '../meter/reconcile.ts';
import { readStatement, type Statement, type StatementColumn } from '../meter/statement.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import { readText } from './body.ts';
import type { Doors } from './generations.ts';
import { readSimulated, readTime } from './spend-door-query.ts';
import { wholeReport } from './spend-door-report.ts';

const day = 86_400_000;
const statementColumns: StatementColumn[] = ['date', 'model', 'meter', 'quantity', 'cost', 'currency'];

/**
 * `POST /v1/reconcile?provider=openai&from=&to=&simulated=` with a provider's usage export, as CSV or as JSON `{csv, columns, provider,
 * from, to, simulated}`: what it says against what the ledger has, by model and meter. Its columns are found by their names;
 * `columns` (or parameters such as `cost_column=Amount`) names others. Without a time it is that of the export's dates.
 */
export function reconcileDoor({ gateway, authenticator }: Doors) {
  return async function answerReconcile(c: Context): Promise<Response> {
    try {
      const tenant = await authenticator.admin(c);
      const asked = await readAsked(c);
      const statement = readOrRefuse(asked.csv, asked.columns);
      const times = statement.lines.flatMap(({ at }) => (at === undefined ? [] : [at]));
      const from = asked.from ?? (times.length > 0 ? startOf(least(times)) : undefined);
      const to = asked.to ?? (times.length > 0 ? startOf(most(times)) + day : undefined);
      const lines = statement.lines.filter(({ at }) => at === undefined || (at >= (from ?? at) && at < (to ?? at + 1)));
      const query: SpendQuery = { groupBy: ['model', 'unit'], from, to, simulated: asked.simulated, plain: true };
      if (asked.provider) query.filters = { provider: [asked.provider] };
      const ours = await oursOf(gateway.books.of(tenant), query);
      const rows = reconcile(ours, lines);
      return jsonAnswer(c, {
        currency: 'USD',
        provider: asked.provider ?? null,
        from: from === undefined ? null : new Date(from).toISOString(),
        to: to === undefined ? null : new Date(to).toISOString(),
        columns: statement.columns,
        rows_read: statement.lines.length,
        rows_ignored: statement.ignored,
        rows_outside: statement.lines.length - lines.length,
        rows: rows.map(writeRow),
        total: writeTotal(ours, lines),
      });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

type Asked = {
  csv: string;
  columns: Partial<Record<StatementColumn, string>>;
  provider?: string;
  from?: number;
  to?: number;
  simulated: SpendQuery['simulated'];
};

async function readAsked(c: Context): Promise<Asked> {
  const text = await readText(c);
  const body = (c.req.header('content-type') ?? '').includes('json') ? readBody(text) : undefined;
  const word = (name: string) => (body ? stringAt(body, name) : undefined) ?? c.req.query(name);
  const csv = body ? stringAt(body, 'csv') : text;
  if (!csv?.trim()) throw new GatewayError('invalid_request', { message: 'There is no CSV to read.', param: 'csv' });
  const columns: Asked['columns'] = {};
  for (const column of statementColumns) {
    const named = (body ? stringAt(body, 'columns', column) : undefined) ?? c.req.query(`${column}_column`);
    if (named) columns[column] = named;
  }
  const simulated = readSimulated(word('simulated'));
  const provider = word('provider');
  const from = readTime(word('from'), 'from');
  const to = readTime(word('to'), 'to');
  return {
    csv,
    columns,
    simulated,
    ...(provider ? { provider } : {}),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

function readBody(text: string): JsonObject {
  try {
    const body: unknown = JSON.parse(text);
    if (isObject(body)) return body;
  } catch {
    // Answered like any other text that is no object.
  }
  throw new GatewayError('invalid_json', 'The body must be a JSON object with the export as "csv", or the CSV itself.');
}

function readOrRefuse(csv: string, columns: Asked['columns']): Statement {
  try {
    return readStatement(csv, columns);
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    throw new GatewayError('invalid_request', {
      message: `The export cannot be read: ${thrown.message}`,
      param: 'csv',
    });
  }
}

async function oursOf(book: BookClient, query: SpendQuery): Promise<OursLine[]> {
  const { rows } = await wholeReport(book, query);
  return rows.map(({ group, units, costPico }) => ({
    model: group.model ?? '',
    meter: group.meter ?? '',
    unit: group.unit ?? '',
    quantity: units[group.unit ?? ''] ?? 0,
    costPico,
  }));
}

function writeRow({ model, meter, unit, side, ours, theirs, drift }: Reconciled): JsonObject {
  return {
    ...{ model, meter, unit, side, ours: writeSide(ours), theirs: writeSide(theirs) },
    drift: {
      quantity: drift.quantity ?? null,
      quantity_percent: drift.quantityPercent ?? null,
      cost_usd: drift.costPico === undefined ? null : writeUsd(drift.costPico),
      cost_percent: drift.costPercent ?? null,
    },
  };
}

function writeSide({ quantity, costPico }: Side): JsonObject {
  return { quantity: quantity ?? null, cost_usd: costPico === undefined ? null : writeUsd(costPico) };
}

function writeTotal(ours: readonly OursLine[], theirs: Statement['lines']): JsonObject {
  const [mine, other] = [ours, theirs].map((lines) => lines.reduce((sum, line) => sum + (line.costPico ?? 0n), 0n)) as [
    bigint,
    bigint,
  ];
  const known = theirs.some((line) => line.costPico !== undefined);
  return {
    ours_usd: writeUsd(mine),
    theirs_usd: known ? writeUsd(other) : null,
    drift_usd: known ? writeUsd(mine - other) : null,
  };
}

function startOf(time: number): number {
  return time - (time % day);
}

function least(times: readonly number[]): number {
  return times.reduce((one, other) => Math.min(one, other));
}

function most(times: readonly number[]): number {
  return times.reduce((one, other) => Math.max(one, other));
}
