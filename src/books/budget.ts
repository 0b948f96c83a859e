import type { Modality, Receipt } from '../contract/index.ts';
import type { Row } from '../runtime/ports.ts';
import type { NewAttempt } from './attempts.ts';
import type { Window } from './windows.ts';

export const budgetScopes = ['tenant', 'key', 'project', 'tag', 'user'] as const;
export type BudgetScope = (typeof budgetScopes)[number];

/** `jobs` goes with the window `concurrent` and nothing else does. */
export const budgetUnits = [
  'usd',
  'requests',
  'tokens',
  'characters',
  'images',
  'audio_seconds',
  'video_seconds',
  'songs',
  'models_3d',
  'jobs',
] as const;
export type BudgetUnit = (typeof budgetUnits)[number];

export type Budget = {
  id: string;
  scope: BudgetScope;
  /** A key's id, a project, "tag=value" or a hashed end user; "*", or "tag=*", for each one by itself. Absent for the tenant. */
  subject?: string;
  /** Absent: all of them. */
  modality?: Modality;
  unit: BudgetUnit;
  window: Window;
  timeZone: string;
  /** Pico-dollars for usd, millionths of the unit elsewhere. */
  amount: bigint;
  /** Percentages of the amount at which to tell `alertUrl`. */
  alerts: number[];
  alertUrl?: string;
  at: number;
};

export type BudgetState = Budget & {
  uses: { subject: string; windowStart: number; windowEnd?: number; spent: bigint; held: bigint; breaches: number }[];
};

/**
 * The most that an attempt can consume, as budgets count it: pico-dollars (absent where no price or no bound is known),
 * millionths of units.
 */
export type Demand = { usd?: bigint } & Partial<Record<Exclude<BudgetUnit, 'usd' | 'requests' | 'jobs'>, bigint>>;

/** Why a budget let an attempt not begin. */
export type Refusal = {
  refused: 'budget';
  budget: Budget;
  subject: string;
  reason: 'exhausted' | 'in_flight' | 'rate' | 'unpriced' | 'too_large';
  spent: bigint;
  held: bigint;
  wanted: bigint;
  /** Milliseconds until the window ends. */
  retryAfterMs?: number;
};

export type Alert = {
  budget: Budget;
  subject: string;
  windowStart: number;
  percent: number;
  spent: bigint;
  held: bigint;
};

/** Digits of the smallest part of a unit that is counted: one millionth. Dollars have digits of their own. */
export const unitDigits = 6;
const unitScale = 10 ** unitDigits;

/** Who a budget counts this attempt under; undefined where it does not cover it. */
export function subjectOf(budget: Budget, attempt: NewAttempt): string | undefined {
  if (budget.modality !== undefined && budget.modality !== attempt.modality) return undefined;
  const named = (name: string | undefined) =>
    name !== undefined && (budget.subject === '*' || budget.subject === name) ? name : undefined;
  switch (budget.scope) {
    case 'tenant':
      return '';
    case 'key':
      return named(attempt.keyId);
    case 'project':
      return named(attempt.project);
    case 'user':
      return named(attempt.endUser);
    case 'tag': {
      const tags = Object.entries(attempt.tags ?? {}).map(([name, value]) => `${name}=${value}`);
      const { subject = '' } = budget;
      return tags.find((tag) => (subject.endsWith('=*') ? tag.startsWith(subject.slice(0, -1)) : tag === subject));
    }
  }
}

/** What an attempt may take of a unit at most. */
export function wantedOf(unit: Exclude<BudgetUnit, 'usd'>, demand: Demand): bigint {
  if (unit === 'requests' || unit === 'jobs') return BigInt(unitScale);
  return demand[unit] ?? 0n;
}

/** What an ended attempt took of a unit. */
export function consumed(
  unit: BudgetUnit,
  receipt: Receipt,
  units: Readonly<Record<string, number>>,
  held: bigint,
): bigint {
  switch (unit) {
    case 'jobs':
      return 0n;
    case 'requests':
      return held;
    case 'usd':
      // Without a price the ceiling that was held is the only figure there is.
      if (receipt.status === 'unpriced' || receipt.status === 'partially_unpriced') {
        return receipt.total !== undefined && receipt.total > held ? receipt.total : held;
      }
      return receipt.total ?? 0n;
    default:
      return BigInt(Math.ceil((units[unit] ?? 0) * unitScale));
  }
}

export function readBudget(row: Row): Budget {
  return {
    id: String(row.id),
    scope: row.scope as BudgetScope,
    ...(row.subject === null ? {} : { subject: String(row.subject) }),
    ...(row.modality === null ? {} : { modality: row.modality as Modality }),
    unit: row.unit as BudgetUnit,
    window: row.window as Window,
    timeZone: String(row.time_zone),
    amount: BigInt(String(row.amount)),
    alerts: JSON.parse(String(row.alerts)) as number[],
    ...(row.alert_url === null ? {} : { alertUrl: String(row.alert_url) }),
    at: Number(row.created_at),
  };
}
