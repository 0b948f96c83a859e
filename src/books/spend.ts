import type { Sql, SqlValue } from '../runtime/ports.ts';

export const spendGroups = ['modality', 'provider', 'model', 'key', 'tag', 'day'] as const;
export type SpendGroup = (typeof spendGroups)[number];

export type SpendQuery = {
  groupBy: SpendGroup[];
  /** Milliseconds, UTC; `to` is exclusive. */
  from?: number;
  to?: number;
  simulated: 'exclude' | 'include' | 'only';
  keyId?: string;
};

export type SpendRow = {
  group: Partial<Record<SpendGroup, string>>;
  generations: number;
  attempts: number;
  /** Attempts with any quantity that has no price. */
  unpriced: number;
  estimated: number;
  costPico: bigint;
  /** Countable results by name: images, seconds, characters, tokens. */
  units: Record<string, number>;
};

export type SpendAnswer = { rows: SpendRow[]; totalPico: bigint };

const columns: Record<SpendGroup, string> = {
  modality: 'a.modality',
  provider: 'a.provider',
  model: "a.provider || '/' || a.model",
  key: 'k.name',
  tag: "t.key || '=' || t.value",
  day: "strftime('%Y-%m-%d', a.at / 1000, 'unixepoch')",
};

/**
 * Sums attempts and their countable results. Grouping by tag counts a generation once under each of its tags, and
 * once under "" when it has none; the total is then taken without tags, so it never counts twice.
 */
export function spend(sql: Sql, query: SpendQuery): SpendAnswer {
  const { where, values } = conditions(query);
  const groups = query.groupBy.map((group, place) => `${columns[group]} AS g${place}`);
  const names = query.groupBy.map((_, place) => `g${place}`);
  const select = groups.length ? `${groups.join(', ')},` : '';
  const by = names.length ? `GROUP BY ${names.join(', ')} ORDER BY ${names.join(', ')}` : '';
  const from = `FROM attempt a LEFT JOIN generation g ON g.id = a.generation_id LEFT JOIN key k ON k.id = a.key_id
    ${query.groupBy.includes('tag') ? "LEFT JOIN json_each(COALESCE(a.tags, '{}')) t" : ''}`;

  const money = sql.all(
    `SELECT ${select} COUNT(DISTINCT a.generation_id) AS generations, COUNT(*) AS attempts,
       SUM(a.cost_status IN ('unpriced', 'partially_unpriced')) AS unpriced,
       SUM(a.cost_status = 'priced_estimated') AS estimated,
       CAST(COALESCE(SUM(a.cost_pico), 0) AS TEXT) AS cost ${from} ${where} ${by}`,
    ...values,
  );
  const units = sql.all(
    `SELECT ${select} u.key AS unit, SUM(u.value) AS quantity ${from}, json_each(g.units) u
     ${where} AND g.units IS NOT NULL AND a.id = g.id || '.1' GROUP BY ${[...names, 'u.key'].join(', ')}`,
    ...values,
  );
  const tokens = sql.all(
    `SELECT ${select} SUM(l.value ->> 'quantity') AS quantity ${from}, json_each(a.lines) l
     ${where} AND l.value ->> 'meter' LIKE '%\\_tokens' ESCAPE '\\' ${by}`,
    ...values,
  );
  const total = sql.all(
    `SELECT CAST(COALESCE(SUM(a.cost_pico), 0) AS TEXT) AS cost FROM attempt a ${where}`,
    ...values,
  )[0];

  const keyOf = (row: Record<string, SqlValue>) => JSON.stringify(names.map((name) => row[name] ?? ''));
  const rows = new Map<string, SpendRow>();
  for (const row of money) {
    if (Number(row.attempts) === 0) continue;
    rows.set(keyOf(row), {
      group: Object.fromEntries(query.groupBy.map((group, place) => [group, String(row[`g${place}`] ?? '')])),
      generations: Number(row.generations),
      attempts: Number(row.attempts),
      unpriced: Number(row.unpriced),
      estimated: Number(row.estimated),
      costPico: BigInt(String(row.cost)),
      units: {},
    });
  }
  for (const row of tokens) {
    const group = rows.get(keyOf(row));
    if (group && row.quantity) group.units.tokens = Number(row.quantity);
  }
  for (const row of units) {
    const group = rows.get(keyOf(row));
    if (group) group.units[String(row.unit)] = Number(row.quantity);
  }
  return { rows: [...rows.values()], totalPico: BigInt(String(total?.cost ?? '0')) };
}

function conditions(query: SpendQuery): { where: string; values: SqlValue[] } {
  const parts = ['1 = 1'];
  const values: SqlValue[] = [];
  if (query.simulated !== 'include') parts.push(`a.simulated = ${query.simulated === 'only' ? 1 : 0}`);
  const add = (text: string, value: SqlValue | undefined) => {
    if (value === undefined) return;
    parts.push(text);
    values.push(value);
  };
  add('a.at >= ?', query.from);
  add('a.at < ?', query.to);
  add('a.key_id = ?', query.keyId);
  return { where: `WHERE ${parts.join(' AND ')}`, values };
}
