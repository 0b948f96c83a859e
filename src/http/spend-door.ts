import type { Context } from 'hono';
import type { SpendAnswer, SpendGroup, SpendQuery, SpendRow } from '../books/index.ts';
import { GatewayError, type JsonObject } from '../contract/index.ts';
import { writeUsd } from '../meter/money.ts';
import { unitCosts } from '../meter/unit-costs.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import type { Doors } from './generations.ts';

const groups: SpendGroup[] = ['modality', 'provider', 'model', 'key', 'tag', 'day'];

/**
 * `GET /v1/spend?group_by=modality,model&from=&to=&simulated=exclude|include|only&format=json|csv`.
 * The operator and keys with the `spend` scope see the tenant; any other key sees its own.
 */
export function spendDoor({ gateway, authenticator }: Doors) {
  return async function answerSpend(c: Context): Promise<Response> {
    try {
      const { caller, tenant } = await authenticator.callerOrAdmin(c);
      const query = readQuery(c);
      if (caller && !caller.scopes.includes('spend')) query.keyId = caller.keyId;
      const answer = await (caller?.book ?? gateway.books.of(tenant)).spend(query);
      const format = c.req.query('format') ?? 'json';
      if (format === 'csv') {
        return c.body(writeCsv(answer, query.groupBy), 200, { 'content-type': 'text/csv; charset=utf-8' });
      }
      if (format !== 'json') {
        throw new GatewayError('invalid_request', { message: 'format is json or csv.', param: 'format' });
      }
      return jsonAnswer(c, {
        currency: 'USD',
        from: query.from === undefined ? null : new Date(query.from).toISOString(),
        to: query.to === undefined ? null : new Date(query.to).toISOString(),
        group_by: query.groupBy,
        simulated: query.simulated,
        rows: answer.rows.map(writeRow),
        total_usd: writeUsd(answer.totalPico),
      });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

function readQuery(c: Context): SpendQuery {
  const groupBy = (c.req.query('group_by') ?? 'modality').split(',').filter((name) => name !== '');
  const unknown = groupBy.find((name) => !groups.includes(name as SpendGroup));
  if (unknown) {
    const message = `group_by takes any of ${groups.join(', ')}; "${unknown}" is not one.`;
    throw new GatewayError('invalid_request', { message, param: 'group_by' });
  }
  const simulated = c.req.query('simulated') ?? 'exclude';
  if (simulated !== 'exclude' && simulated !== 'include' && simulated !== 'only') {
    throw new GatewayError('invalid_request', {
      message: 'simulated is exclude, include or only.',
      param: 'simulated',
    });
  }
  return {
    groupBy: [...new Set(groupBy)] as SpendGroup[],
    from: readTime(c.req.query('from'), 'from'),
    to: readTime(c.req.query('to'), 'to'),
    simulated,
  };
}

/** A date (UTC midnight), an ISO time, or seconds since 1970. */
function readTime(text: string | undefined, param: string): number | undefined {
  if (text === undefined || text === '') return undefined;
  const time = /^\d{9,11}$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isFinite(time)) return time;
  throw new GatewayError('invalid_request', {
    message: `${param} is no date: write 2026-11-22 or an ISO time.`,
    param,
  });
}

function writeRow(row: SpendRow): JsonObject {
  return {
    ...row.group,
    generations: row.generations,
    attempts: row.attempts,
    unpriced: row.unpriced,
    estimated: row.estimated,
    cost_usd: writeUsd(row.costPico),
    units: unitCosts(row.units, row.costPico).map((unit) => ({
      unit: unit.unit,
      quantity: unit.quantity,
      unit_cost_usd: unit.costPico === undefined ? null : writeUsd(unit.costPico),
    })),
  };
}

function writeCsv(answer: SpendAnswer, groupBy: SpendGroup[]): string {
  const cell = (value: string | number) => {
    // A leading = + - @ would be run as a formula by a spreadsheet.
    const text = /^[=+\-@\t\r]/.test(String(value)) && typeof value === 'string' ? `'${value}` : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [
    [...groupBy, 'generations', 'attempts', 'unpriced', 'estimated', 'cost_usd', 'unit', 'quantity', 'unit_cost_usd'],
  ];
  for (const row of answer.rows) {
    const fixed = [
      ...groupBy.map((group) => row.group[group] ?? ''),
      row.generations,
      row.attempts,
      row.unpriced,
      row.estimated,
      writeUsd(row.costPico),
    ];
    const units = unitCosts(row.units, row.costPico);
    if (units.length === 0) lines.push([...fixed, '', '', ''].map(cell));
    for (const unit of units) {
      const cost = unit.costPico === undefined ? '' : writeUsd(unit.costPico);
      lines.push([...fixed, unit.unit, unit.quantity, cost].map(cell));
    }
  }
  return `${lines.map((line) => line.join(',')).join('\r\n')}\r\n`;
}
