import type { Context } from 'hono';
import { type SpendFilter, type SpendGroup, type SpendQuery, spendFilters, spendGroups } from '../books/index.ts';
import { GatewayError, isModality } from '../contract/index.ts';
import { refused } from './refuse.ts';

/** Rows of an answer: unless asked otherwise, and at most. */
const [usualLimit, highestLimit] = [1_000, 10_000] as const;

/** A report's question in a request's parameters: `group_by`, `from`, `to`, `simulated`, `limit` and filters. */
export function readQuery(c: Context): SpendQuery {
  const groupBy = (c.req.query('group_by') ?? 'modality').split(',').filter((name) => name !== '');
  const unknown = groupBy.find((name) => !(spendGroups as readonly string[]).includes(name));
  if (unknown) {
    const message = `group_by takes any of ${spendGroups.join(', ')}; "${unknown}" is not one.`;
    throw new GatewayError('invalid_request', { message, param: 'group_by' });
  }
  const simulated = readSimulated(c.req.query('simulated'));
  const [from, to] = [readTime(c.req.query('from'), 'from'), readTime(c.req.query('to'), 'to')];
  if (from !== undefined && to !== undefined && from > to) throw refused('from', 'from is not after to.');
  return {
    groupBy: [...new Set(groupBy)] as SpendGroup[],
    from,
    to,
    simulated,
    filters: readFilters(c),
    limit: readLimit(c.req.query('limit')),
  };
}

/** `modality=image&project=x`: any of several values of one name, all of the names. `key` is a credential: the filter is `key_name`. */
function readFilters(c: Context): Partial<Record<SpendFilter, string[]>> {
  const filters: Partial<Record<SpendFilter, string[]>> = {};
  for (const name of spendFilters) {
    const values = c.req.queries(name === 'key' ? 'key_name' : name);
    if (values && values.length > 0) filters[name] = values;
  }
  const unknown = filters.modality?.find((name) => !isModality(name));
  if (unknown !== undefined) throw refused('modality', `modality "${unknown}" is not known.`);
  for (const name of ['day', 'hour'] as const) {
    for (const text of filters[name] ?? []) readTime(text, name);
  }
  return filters;
}

/** Whether simulated calls count; they do not unless asked for. */
export function readSimulated(word = 'exclude'): SpendQuery['simulated'] {
  if (word === 'exclude' || word === 'include' || word === 'only') return word;
  throw refused('simulated', 'simulated is exclude, include or only.');
}

/** A date (UTC midnight), an ISO time, or seconds since 1970. */
export function readTime(text: string | undefined, param: string): number | undefined {
  if (text === undefined || text === '') return undefined;
  const time = /^\d{9,11}$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isFinite(time)) return time;
  throw new GatewayError('invalid_request', {
    message: `${param} is no date: write 2026-11-22 or an ISO time.`,
    param,
  });
}

function readLimit(text: string | undefined): number {
  if (text === undefined || text === '') return usualLimit;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= highestLimit) return limit;
  throw new GatewayError('invalid_request', {
    message: `limit is a whole number from 1 to ${highestLimit}.`,
    param: 'limit',
  });
}
