import type { Receipt } from '../contract/index.ts';
import type { Row, Sql } from '../runtime/ports.ts';
import type { NewAttempt } from './attempts.ts';
import {
  type Alert,
  type Budget,
  type BudgetState,
  consumed,
  type Demand,
  type Refusal,
  readBudget,
  subjectOf,
  wantedOf,
} from './budget.ts';
import { type Span, type Window, windowAt } from './windows.ts';

const perMinute: readonly Window[] = ['minute', 'hour'];

/**
 * Holds the worst case before anything is sent, and replaces it by what was consumed at the end. Every change happens in the transaction
 * of the attempt's own row, and only when that row changes its state: nothing is counted twice or left behind.
 */
export class Budgets {
  private readonly sql: Sql;
  private known: Budget[] | undefined;
  private readonly spans = new Map<string, Span>();

  constructor(sql: Sql) {
    this.sql = sql;
  }

  /** All budgets. One process writes them, so they are read once; `forget` where a transaction that read them is rolled back. */
  all(): Budget[] {
    this.known ??= this.sql
      .all(`SELECT id, scope, subject, modality, unit, "window", time_zone, alerts, alert_url, created_at, CAST(amount AS TEXT) AS amount
         FROM budget ORDER BY id`)
      .map(readBudget);
    return this.known;
  }

  /** What was read may be what the book does not have. */
  forget(): void {
    this.known = undefined;
  }

  put(budget: Budget): void {
    this.forget();
    this.sql.run(
      `INSERT INTO budget (id, scope, subject, modality, unit, "window", time_zone, amount, alerts, alert_url, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, alerts = excluded.alerts,
       alert_url = excluded.alert_url`,
      budget.id,
      budget.scope,
      budget.subject ?? null,
      budget.modality ?? null,
      budget.unit,
      budget.window,
      budget.timeZone,
      budget.amount,
      JSON.stringify(budget.alerts),
      budget.alertUrl ?? null,
      budget.at,
    );
  }

  /** What was held or spent under it stays in the ledger; only the limit goes. */
  remove(id: string): boolean {
    this.forget();
    this.sql.run('DELETE FROM hold WHERE budget_id = ?', id);
    this.sql.run('DELETE FROM budget_use WHERE budget_id = ?', id);
    return this.sql.run('DELETE FROM budget WHERE id = ?', id) === 1;
  }

  /** Held, spent and breached in the windows of `at`. */
  states(at: number): BudgetState[] {
    return this.all().map((budget) => {
      const span = this.span(budget, at);
      const uses = this.sql
        .all(
          `SELECT subject, CAST(spent AS TEXT) AS spent, CAST(held AS TEXT) AS held, breaches FROM budget_use
           WHERE budget_id = ? AND window_start = ? ORDER BY subject`,
          budget.id,
          span.start,
        )
        .map((row) => ({
          subject: String(row.subject),
          windowStart: span.start,
          ...(Number.isFinite(span.end) ? { windowEnd: span.end } : {}),
          spent: BigInt(String(row.spent)),
          held: BigInt(String(row.held)),
          breaches: Number(row.breaches),
        }));
      return { ...budget, uses };
    });
  }

  /** True where an attempt would be held against something: then `demand` must be given to `admit`. */
  watches(attempt: NewAttempt): boolean {
    return this.all().some((budget) => subjectOf(budget, attempt) !== undefined);
  }

  /**
   * Holds `demand` against every budget that covers the attempt, or against none of them.
   * @param ceiling pico-dollars held where the demand in money is not known; without it such an attempt is refused.
   */
  admit(attempt: NewAttempt, demand: Demand, ceiling: bigint | undefined): Refusal | undefined {
    const holds: { budget: Budget; subject: string; start: number; wanted: bigint }[] = [];
    for (const budget of this.all()) {
      const subject = subjectOf(budget, attempt);
      if (subject === undefined) continue;
      const span = this.span(budget, attempt.at);
      const { spent, held } = this.use(budget.id, subject, span.start);
      const wanted = budget.unit === 'usd' ? (demand.usd ?? ceiling) : wantedOf(budget.unit, demand);
      const refusal = { refused: 'budget' as const, budget, subject, spent, held, wanted: wanted ?? 0n };
      if (wanted === undefined) return { ...refusal, reason: 'unpriced' };
      if (wanted === 0n) continue;
      if (spent + held + wanted > budget.amount) {
        const left = Number.isFinite(span.end) ? { retryAfterMs: span.end - attempt.at } : {};
        if (wanted > budget.amount) return { ...refusal, reason: 'too_large' };
        if (perMinute.includes(budget.window)) return { ...refusal, ...left, reason: 'rate' };
        // What is held may come free in a moment; what is spent comes back with the next window, if ever.
        if (spent + wanted <= budget.amount) return { ...refusal, retryAfterMs: 1000, reason: 'in_flight' };
        return { ...refusal, ...left, reason: 'exhausted' };
      }
      holds.push({ budget, subject, start: span.start, wanted });
    }
    for (const { budget, subject, start, wanted } of holds) {
      this.sql.run(
        `INSERT INTO budget_use (budget_id, subject, window_start, held) VALUES (?, ?, ?, ?)
         ON CONFLICT (budget_id, subject, window_start) DO UPDATE SET held = held + excluded.held`,
        budget.id,
        subject,
        start,
        wanted,
      );
      this.sql.run(
        'INSERT INTO hold (attempt_id, budget_id, subject, window_start, amount) VALUES (?, ?, ?, ?, ?)',
        attempt.id,
        budget.id,
        subject,
        start,
        wanted,
      );
    }
    return undefined;
  }

  /**
   * Turns an attempt's holds into what it consumed. Call it only where the attempt's row has just ended.
   * @param goesOn another attempt follows: what this one consumed nothing of stays held for that one.
   */
  settle(attemptId: string, receipt: Receipt, units: Readonly<Record<string, number>>, goesOn = false): Alert[] {
    if (this.all().length === 0) return [];
    const alerts: Alert[] = [];
    for (const row of this.holdsOf(attemptId)) {
      const budget = this.all().find(({ id }) => id === row.budget_id);
      const actual = budget ? consumed(budget.unit, receipt, units, BigInt(String(row.amount))) : 0n;
      if (goesOn && actual === 0n) continue;
      this.turn(row, actual);
      const alert = budget && this.alertOf(budget, String(row.subject), Number(row.window_start));
      if (alert) alerts.push(alert);
    }
    return alerts;
  }

  /** Gives back what an attempt holds that has ended, or is about to be followed by another. */
  release(attemptId: string): void {
    if (this.all().length === 0) return;
    for (const row of this.holdsOf(attemptId)) this.turn(row, 0n);
  }

  /** The same for all that have ended: whoever waited to follow them is gone. */
  releaseEnded(): void {
    const ended = this.sql.all(
      "SELECT DISTINCT h.attempt_id AS id FROM hold h JOIN attempt a ON a.id = h.attempt_id WHERE a.state <> 'dispatched'",
    );
    for (const { id } of ended) this.release(String(id));
  }

  private holdsOf(attemptId: string): Row[] {
    return this.sql.all(
      'SELECT attempt_id, budget_id, subject, window_start, CAST(amount AS TEXT) AS amount FROM hold WHERE attempt_id = ?',
      attemptId,
    );
  }

  /** One hold becomes what was consumed of it. */
  private turn(row: Row, actual: bigint): void {
    const held = BigInt(String(row.amount));
    const budgetId = String(row.budget_id);
    this.sql.run(
      `UPDATE budget_use SET held = held - ?, spent = spent + ?, breaches = breaches + ?
       WHERE budget_id = ? AND subject = ? AND window_start = ?`,
      held,
      actual,
      actual > held ? 1 : 0,
      budgetId,
      String(row.subject),
      Number(row.window_start),
    );
    this.sql.run('DELETE FROM hold WHERE attempt_id = ? AND budget_id = ?', String(row.attempt_id), budgetId);
  }

  /** The highest threshold that was just passed for the first time in its window. */
  private alertOf(budget: Budget, subject: string, start: number): Alert | undefined {
    if (budget.alerts.length === 0) return undefined;
    const { spent, held, alerted } = this.use(budget.id, subject, start);
    const percent = Math.max(0, ...budget.alerts.filter((one) => spent * 100n >= budget.amount * BigInt(one)));
    if (percent <= alerted) return undefined;
    this.sql.run(
      'UPDATE budget_use SET alerted = ? WHERE budget_id = ? AND subject = ? AND window_start = ?',
      percent,
      budget.id,
      subject,
      start,
    );
    return { budget, subject, windowStart: start, percent, spent, held };
  }

  private use(budgetId: string, subject: string, start: number) {
    const row = this.sql.all(
      `SELECT CAST(spent AS TEXT) AS spent, CAST(held AS TEXT) AS held, alerted FROM budget_use
       WHERE budget_id = ? AND subject = ? AND window_start = ?`,
      budgetId,
      subject,
      start,
    )[0];
    return {
      spent: BigInt(String(row?.spent ?? 0)),
      held: BigInt(String(row?.held ?? 0)),
      alerted: Number(row?.alerted ?? 0),
    };
  }

  private span(budget: Budget, at: number): Span {
    const name = `${budget.window}|${budget.timeZone}`;
    const known = this.spans.get(name);
    if (known && known.start <= at && at < known.end) return known;
    const span = windowAt(budget.window, budget.timeZone, at);
    this.spans.set(name, span);
    return span;
  }
}
