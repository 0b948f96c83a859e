import type { Sql } from '../runtime/ports.ts';
import { Rollup } from './rollup.ts';
import { SpendReport } from './spend-report.ts';

/** What a report can be grouped by. `unit` parts the ledger's lines by meter. */
export const spendGroups = [
  'modality',
  'provider',
  'model',
  'unit',
  'key',
  'project',
  'tag',
  'user',
  'workflow',
  'parent',
  'day',
  'hour',
] as const;
export type SpendGroup = (typeof spendGroups)[number];

/** What exports and summaries are grouped by besides: `cell` is all that does not change between like attempts, `tags` are all of an attempt's tags together, `sku` is a price with its meter. */
export type ExportGroup = 'cell' | 'key_id' | 'tags' | 'sku' | 'simulated' | 'status' | 'basis' | 'catalogue';

export const spendFilters = [...spendGroups, 'meter'] as const;
export type SpendFilter = (typeof spendFilters)[number];

export type SpendQuery = {
  groupBy: (SpendGroup | ExportGroup)[];
  /** Milliseconds, UTC, of the attempts' beginning; `to` is exclusive. */
  from?: number;
  to?: number;
  simulated: 'exclude' | 'include' | 'only';
  /** Nothing but this key's. */
  keyId?: string;
  /** Values as they stand in reports (keys also by id, models also without their provider); any of them. "" is none. */
  filters?: Partial<Record<SpendFilter, string[]>>;
  /** The dearest groups at most; the others are summed up as `rest`. */
  limit?: number;
  /** Leaves percentiles out. */
  plain?: boolean;
  /** Names of tags to group by with `tags`. Absent: all. */
  tagNames?: string[];
};

/** Costs at the median and at 95 of 100, in pico-dollars: paid ones, at most 1.6 % above the exact rank. */
export type Percentiles = { p50: bigint; p95: bigint };

export type SpendSums = {
  generations: number;
  attempts: number;
  /** Attempts whose end is not known yet. */
  open: number;
  /** Attempts that ended otherwise than with success, canceled ones too, and what they cost all the same. */
  failed: number;
  failedPico: bigint;
  /** Attempts with any quantity that has no price. */
  unpriced: number;
  estimated: number;
  cacheHits: number;
  costPico: bigint;
  /** What the tenant's customers are charged. */
  chargePico: bigint;
  /** What answers from the cache did not cost. */
  avoidedPico: bigint;
};

export type SpendRow = SpendSums & {
  /** With `unit` comes `meter`. */
  group: Partial<Record<SpendGroup | ExportGroup | 'meter', string>>;
  /** Countable results by name: images, seconds, characters, tokens. By unit: what the meter counted. */
  units: Record<string, number>;
  /** Cost of one generation that had a cost. */
  generationCost?: Percentiles;
  /** Cost of a million of each unit. */
  unitCost: Record<string, Percentiles>;
};

export type SpendAnswer = {
  rows: SpendRow[];
  totalPico: bigint;
  /** Every attempt once, whatever it is grouped by. */
  total: SpendSums;
  /** The groups beyond the limit. */
  rest?: SpendSums & { groups: number };
};

/** `waiting`: another report goes first. `rows` come in portions while it works. */
export type SpendStep =
  | { state: 'waiting' }
  | { state: 'working'; rows: SpendRow[] }
  | { state: 'done'; answer: Omit<SpendAnswer, 'rows'> };

/** Reports of one book, one at a time, a few milliseconds a step: nobody waits long for them. */
export class SpendReports {
  private readonly sql: Sql;
  private readonly rollup: Rollup;
  private active: { token: string; reading?: { report: SpendReport; ticket: number } } | undefined;
  /** Questions of others since the active one was last asked for. */
  private impatience = 0;

  constructor(sql: Sql, rollup: Rollup) {
    this.sql = sql;
    this.rollup = rollup;
  }

  /**
   * The next step of a report. Ask again with the same token until it is done; one that was lost begins anew, as long as it has
   * given no rows.
   * @param token any text that nobody else uses.
   */
  step(token: string, query: SpendQuery): SpendStep {
    if (this.active && this.active.token !== token) {
      if (++this.impatience < 2000) return { state: 'waiting' };
      this.end();
    }
    this.impatience = 0;
    this.active ??= { token };
    try {
      const step = this.work(this.active, query);
      if (step.state === 'done') this.end();
      return step;
    } catch (thrown) {
      this.end();
      throw thrown;
    }
  }

  private work(active: NonNullable<typeof this.active>, query: SpendQuery): SpendStep {
    const { rollup } = this;
    if (!active.reading) {
      // What has settled since goes into the columns first.
      if (rollup.rollUp()) return { state: 'working', rows: [] };
      active.reading = { ticket: rollup.freeze(), report: new SpendReport(this.sql, rollup, query) };
    }
    const { report, ticket } = active.reading;
    if (!report.hasRead && !rollup.isFrozenFor(ticket)) {
      delete active.reading;
      return { state: 'working', rows: [] };
    }
    const step = report.next();
    if (report.hasRead) rollup.thaw(ticket);
    return step;
  }

  private end(): void {
    if (this.active?.reading) this.rollup.thaw(this.active.reading.ticket);
    this.active = undefined;
  }
}

/**
 * Sums attempts and their countable results, all in one go. Grouping by tag counts a generation once under each of its tags, and
 * once under "" when it has none; the total never counts twice.
 */
export function spend(sql: Sql, query: SpendQuery): SpendAnswer {
  const report = new SpendReport(sql, new Rollup(sql), query);
  const rows: SpendRow[] = [];
  for (;;) {
    const step = report.next();
    if (step.state === 'working') rows.push(...step.rows);
    if (step.state === 'done') return { rows, ...step.answer };
  }
}
