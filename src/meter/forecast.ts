import type { Model, PicoUsd } from '../contract/index.ts';
import type { Catalogue } from './catalogue.ts';
import { type BreakEven, breakEvenOf } from './forecast-break-even.ts';
import { type Ceiling, ceilingsOf, type RateLimit } from './forecast-ceilings.ts';
import { type Execution, executionOf } from './forecast-execution.ts';
import { decimalOf, over, product, shown, whole } from './forecast-fraction.ts';
import { monthHours, type SelfHosted } from './forecast-machines.ts';
import { type Substitution, substitutionsOf } from './forecast-substitutions.ts';
import { type Cost, costOf, knownPico, tokensOf, unitPico, type Workload } from './forecast-workload.ts';
import { writeUsd } from './money.ts';
import { unitCosts } from './unit-costs.ts';

export type ForecastInput = {
  catalogue: Catalogue;
  /** Milliseconds, UTC: the prices of this day hold. */
  at: number;
  works: readonly Workload[];
  multiples: readonly number[];
  /** Models that may stand in for others. */
  candidates: readonly Model[];
  selfHosted?: SelfHosted;
  rateLimits?: Readonly<Record<string, RateLimit>>;
  /** How much busier the busiest minute is than the average one. */
  peak: number;
};

export type ForecastRow = {
  modality: string;
  model: string;
  per_month: number;
  unit_cost_usd: string | null;
  units: { unit: string; quantity: string; unit_cost_usd: string | null }[];
  cost_basis: string;
  curve: { multiple: number; outputs: number; cost_usd: string | null; cost_status: string }[];
  assumptions: string[];
};

export type Forecast = {
  currency: 'USD';
  catalogue: string;
  prices_at: string;
  month_days: string;
  month_hours: number;
  rows: ForecastRow[];
  /** `unpriced` counts outputs of rows without a whole price; `cost_usd` is what is known. */
  total: { multiple: number; cost_usd: string | null; unpriced: number }[];
  substitutions: Substitution[];
  execution: Execution[];
  ceilings: Ceiling[];
  break_even: BreakEven[];
  assumptions: string[];
};

/** Cost at each multiple of a month's work, what would make it cheaper, and what stands in its way. */
export function forecast(input: ForecastInput): Forecast {
  const { catalogue, works, at, multiples, candidates, selfHosted, rateLimits = {}, peak } = input;
  const rows = works.map((work) => {
    const costs = multiples.map((multiple) => costOf(catalogue, work, at, multiple));
    return { work, costs };
  });
  const only = selfHosted?.only;
  const hosted = (work: Workload) => !only || only.includes(work.model.id) || only.includes(work.modality);
  return {
    currency: 'USD',
    catalogue: catalogue.hash,
    prices_at: new Date(at).toISOString().slice(0, 10),
    month_days: decimalOf(over(whole(monthHours), whole(24))),
    month_hours: monthHours,
    rows: rows.map(({ work, costs }) => rowOf(catalogue, work, costs, multiples, at)),
    total: multiples.map((multiple, place) => {
      const known = rows.flatMap(({ costs }) => costs[place]?.pico ?? []);
      const unknown = rows.filter(({ costs }) => knownPico(costs[place] as Cost) === undefined);
      return {
        multiple,
        cost_usd: known.length > 0 || rows.length === 0 ? writeUsd(sum(known)) : null,
        unpriced: shown(unknown.reduce((total, { work }) => total + product(work.outputs, multiple), 0)),
      };
    }),
    substitutions: works.flatMap((work) => substitutionsOf(catalogue, work, candidates, at)),
    execution: works.flatMap((work) => executionOf(catalogue, work, at)),
    ceilings: ceilingsOf(works, rateLimits, peak, monthHours * 60),
    break_even: selfHosted
      ? works.filter(hosted).map((work) => breakEvenOf(catalogue, work, selfHosted, at, multiples))
      : [],
    assumptions: [
      `a month has ${monthHours} hours`,
      'an output is one generation that succeeds, whatever it holds',
      'list prices of the catalogue on the day of prices_at, whatever the volume: no discounts, commitments, credits or free allowances',
      'where nothing is declared, all of the work can wait for a slower tier (share 1)',
      'the mix stays as it is while it grows; least billed quantities count for every call, context tiers by the average call of each tier',
      ...(Object.keys(rateLimits).length > 0
        ? [
            `the busiest minute is ${peak} times the average one: with 1, a ceiling is reached at its multiple at the latest`,
          ]
        : []),
    ],
  };
}

function rowOf(
  catalogue: Catalogue,
  work: Workload,
  costs: readonly Cost[],
  multiples: readonly number[],
  at: number,
): ForecastRow {
  const now = costOf(catalogue, work, at);
  const pico = knownPico(now);
  return {
    modality: work.modality,
    model: work.model.id,
    per_month: shown(work.outputs),
    unit_cost_usd: orNull(unitPico(now, work.outputs)),
    units: unitCosts(countedOf(work), pico ?? 0n).map(({ unit, quantity, costPico }) => ({
      unit,
      quantity,
      unit_cost_usd: pico === undefined ? null : orNull(costPico),
    })),
    cost_basis: now.basis,
    curve: multiples.map((multiple, place) => {
      const { pico: cost, status = 'unpriced' } = costs[place] ?? {};
      return { multiple, outputs: shown(product(work.outputs, multiple)), cost_usd: orNull(cost), cost_status: status };
    }),
    assumptions: work.assumptions,
  };
}

/** What the month's cost may be set against: countable results, and tokens. */
function countedOf(work: Workload): Record<string, number> {
  const tokens = work.bundles.reduce((total, bundle) => total + tokensOf(bundle), 0);
  return { ...work.units, ...(tokens > 0 ? { tokens } : {}) };
}

function sum(costs: readonly PicoUsd[]): PicoUsd {
  return costs.reduce((total, cost) => total + cost, 0n);
}

function orNull(pico: PicoUsd | undefined): string | null {
  return pico === undefined ? null : writeUsd(pico);
}
