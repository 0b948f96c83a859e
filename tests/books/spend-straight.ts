import type { SpendQuery, SpendRow, SpendSums } from '../../src/books/index.ts';
import type { Sql } from '../../src/runtime/ports.ts';

type Straight = {
  generation: string;
  values: Record<string, string[]>;
  simulated: boolean;
  at: number;
  sums: Omit<SpendSums, 'generations'>;
  billed: boolean;
  units: Record<string, number>;
};

/** Every attempt of a book as a report sees it, read row by row: slow, and nothing like the columns. */
export function attemptsOf(sql: Sql): Straight[] {
  const names = new Map(sql.all('SELECT id, name FROM key').map((row) => [String(row.id), String(row.name)]));
  return sql
    .all(
      `SELECT generation_id, key_id, modality, provider, model, simulated, state, outcome, at, cost_status, cost_basis, lines, units,
         project, end_user, workflow, parent, tags, CAST(cost_pico AS TEXT) AS cost, CAST(charge_pico AS TEXT) AS charge,
         CAST(avoided_pico AS TEXT) AS avoided FROM attempt`,
    )
    .map((row) => {
      const text = (value: unknown) => (value === null ? '' : String(value));
      const lines = JSON.parse(text(row.lines) || '[]') as { meter: string; quantity: number }[];
      const tokens = lines
        .filter((line) => line.meter.endsWith('_tokens'))
        .reduce((sum, line) => sum + line.quantity, 0);
      const tags = Object.entries(JSON.parse(text(row.tags) || '{}') as Record<string, string>);
      const costPico = BigInt(text(row.cost) || 0);
      const isFailed = row.state !== 'dispatched' && row.outcome !== 'succeeded';
      const date = new Date(Number(row.at)).toISOString();
      return {
        generation: text(row.generation_id),
        simulated: row.simulated === 1,
        at: Number(row.at),
        values: {
          modality: [text(row.modality)],
          provider: [text(row.provider)],
          model: [`${row.provider}/${row.model}`],
          key: [names.get(text(row.key_id)) ?? ''],
          project: [text(row.project)],
          user: [text(row.end_user)],
          workflow: [text(row.workflow)],
          parent: [text(row.parent)],
          day: [date.slice(0, 10)],
          hour: [`${date.slice(0, 13)}:00Z`],
          tag: tags.length > 0 ? tags.map(([name, value]) => `${name}=${value}`) : [''],
        },
        sums: {
          attempts: 1,
          open: row.state === 'dispatched' ? 1 : 0,
          failed: isFailed ? 1 : 0,
          failedPico: isFailed ? costPico : 0n,
          unpriced: ['unpriced', 'partially_unpriced'].includes(text(row.cost_status)) ? 1 : 0,
          estimated: row.cost_status === 'priced_estimated' ? 1 : 0,
          cacheHits: row.cost_basis === 'gateway_cache_hit' ? 1 : 0,
          costPico,
          chargePico: BigInt(text(row.charge) || 0),
          avoidedPico: BigInt(text(row.avoided) || 0),
        },
        billed:
          ['priced', 'priced_estimated', 'free'].includes(text(row.cost_status)) &&
          row.cost_basis !== 'gateway_cache_hit',
        units: {
          ...(tokens > 0 ? { tokens } : {}),
          ...(JSON.parse(text(row.units) || '{}') as Record<string, number>),
        },
      };
    });
}

/** The rows of a report, added up one by one, without the order and the percentiles; with the costs that those are of. */
export function straight(
  attempts: readonly Straight[],
  query: SpendQuery,
): { rows: (Omit<SpendRow, 'unitCost' | 'generationCost'> & { costs: number[] })[]; total: SpendSums } {
  const chosen = attempts.filter(
    (one) =>
      (query.simulated === 'include' || one.simulated === (query.simulated === 'only')) &&
      one.at >= (query.from ?? -Infinity) &&
      one.at < (query.to ?? Infinity) &&
      Object.entries(query.filters ?? {}).every(([name, wanted]) =>
        one.values[name]!.some((value) => (wanted as string[]).includes(value)),
      ),
  );
  const groups = new Map<string, Straight[]>();
  for (const one of chosen) {
    for (const values of combinations(query.groupBy.map((group) => one.values[group]!))) {
      const key = JSON.stringify(values);
      groups.set(key, [...(groups.get(key) ?? []), one]);
    }
  }
  const rows = [...groups.entries()].map(([key, members]) => {
    const values = JSON.parse(key) as string[];
    const units: Record<string, number> = {};
    for (const { units: own } of members) {
      for (const [name, quantity] of Object.entries(own)) {
        units[name] = Math.round(((units[name] ?? 0) + quantity) * 1e9) / 1e9;
      }
    }
    const costs = new Map<string, number>();
    for (const one of members) {
      if (one.billed) costs.set(one.generation, (costs.get(one.generation) ?? 0) + Number(one.sums.costPico));
    }
    return {
      group: Object.fromEntries(query.groupBy.map((group, place) => [group, values[place]!])),
      ...sumOf(members),
      units,
      costs: [...costs.values()].sort((one, other) => one - other),
    };
  });
  return { rows: rows.sort(byGroup), total: sumOf(chosen) };
}

export function byGroup(one: { group: object }, other: { group: object }): number {
  const [left, right] = [Object.values(one.group), Object.values(other.group)] as [string[], string[]];
  const place = left.findIndex((value, index) => value !== right[index]);
  return place < 0 ? 0 : left[place]! < right[place]! ? -1 : 1;
}

function sumOf(members: readonly Straight[]): SpendSums {
  const sums: SpendSums = {
    generations: new Set(members.map((one) => one.generation)).size,
    ...{ attempts: 0, open: 0, failed: 0, failedPico: 0n, unpriced: 0, estimated: 0, cacheHits: 0 },
    ...{ costPico: 0n, chargePico: 0n, avoidedPico: 0n },
  };
  for (const one of members) {
    for (const [name, value] of Object.entries(one.sums)) {
      const sum = sums as unknown as Record<string, number | bigint>;
      sum[name] = ((sum[name] as number) + (value as number)) as number | bigint;
    }
  }
  return sums;
}

function combinations(lists: string[][]): string[][] {
  return lists.reduce<string[][]>((all, list) => all.flatMap((one) => list.map((value) => [...one, value])), [[]]);
}
