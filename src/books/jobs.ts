import type { Row, Sql } from '../runtime/ports.ts';
import { Leases } from './leases.ts';

export type NewJob = { attemptId: string; generationId: string; due: number; leasedUntil: number; deadline: number };

export type ClaimedJob = {
  attemptId: string;
  generationId: string;
  deadline: number;
  /** Looks before this one that never came back: a crash, a kill. */
  tries: number;
  /** Questions in a row that found no answer. */
  failures: number;
  canceling: boolean;
};

/** Suspects that are looked at together. */
const aFew = 4;

export type DeadLetter = { attemptId: string; generationId: string; at: number; reason: string };

/** Running jobs: a durable timer each. Whoever looks at one holds a lease, so that nobody else does. */
export class Jobs {
  private readonly sql: Sql;
  private readonly leases: Leases;

  constructor(sql: Sql) {
    this.sql = sql;
    this.leases = new Leases(sql, { table: 'job', key: 'attempt_id' });
  }

  insert(job: NewJob): void {
    this.sql.run(
      'INSERT INTO job (attempt_id, generation_id, due, leased_until, deadline) VALUES (?, ?, ?, ?, ?)',
      job.attemptId,
      job.generationId,
      job.due,
      job.leasedUntil,
      job.deadline,
    );
  }

  /**
   * Takes jobs that are due, for the time of a lease. Those whose last look never came back are suspects: of many that were looked at
   * when a process ended, one at most has ended it. So a few of them at once; and one that has been among such a few, by itself.
   */
  claim(now: number, lease: number, most: number): ClaimedJob[] {
    const fresh = this.leases.claim(now, lease, most, 'tries = 0');
    return [...fresh, ...this.claimSuspects(now, lease, most - fresh.length)].map((row) => ({
      attemptId: String(row.attempt_id),
      generationId: String(row.generation_id),
      deadline: Number(row.deadline),
      tries: Number(row.tries),
      failures: Number(row.failures),
      canceling: row.canceling === 1,
    }));
  }

  private claimSuspects(now: number, lease: number, most: number): Row[] {
    const row = this.sql.all(
      `SELECT COUNT(*) FILTER (WHERE tries = 2) AS few, COUNT(*) FILTER (WHERE tries > 2) AS alone FROM job
       WHERE tries > 1 AND leased_until > ?`,
      now,
    )[0];
    const few = Number(row?.few);
    if (most <= 0 || Number(row?.alone) > 0) return [];
    const alone = few === 0 ? this.leases.claim(now, lease, 1, 'tries > 1') : [];
    return alone.length > 0 ? alone : this.leases.claim(now, lease, Math.min(most, aFew - few), 'tries = 1');
  }

  /** Ends a look that found the job running (`failures` 0), or found nobody to ask. A nudge meanwhile is not lost. */
  again(attemptId: string, due: number, failures: number, claimedAt: number): void {
    this.sql.run(
      `UPDATE job SET due = CASE WHEN due > ? THEN due ELSE ? END, leased_until = 0, tries = 0, failures = ?
       WHERE attempt_id = ?`,
      claimedAt,
      due,
      failures,
      attemptId,
    );
  }

  /** The provider has accepted the job; a nudge that came before stays. */
  submitted(attemptId: string, due: number): void {
    this.sql.run('UPDATE job SET due = MIN(due, ?), leased_until = 0, tries = 0 WHERE attempt_id = ?', due, attemptId);
  }

  /**
   * A reason to look now. False when there is no such job. Due a millisecond later, so that a look that was claimed in this very one is
   * not taken for the answer to it.
   */
  nudge(attemptId: string, now: number): boolean {
    return this.sql.run('UPDATE job SET due = ? WHERE attempt_id = ?', now + 1, attemptId) === 1;
  }

  /** Leases of a process that is gone end at once, and every job is due now. */
  release(now: number): void {
    this.leases.release();
    this.sql.run('UPDATE job SET due = MIN(due, ?)', now);
  }

  /** Leases of looks end, those of jobs that are still being sent stay: whoever sends them may well be alive. */
  releaseLooks(): void {
    this.sql.run('UPDATE job SET leased_until = 0 WHERE tries > 0');
  }

  cancel(generationId: string, now: number): boolean {
    return this.sql.run('UPDATE job SET canceling = 1, due = ? WHERE generation_id = ?', now + 1, generationId) > 0;
  }

  remove(attemptId: string): void {
    this.sql.run('DELETE FROM job WHERE attempt_id = ?', attemptId);
  }

  bury(letter: DeadLetter): void {
    this.sql.run(
      'INSERT INTO dead_letter (attempt_id, generation_id, at, reason) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      letter.attemptId,
      letter.generationId,
      letter.at,
      letter.reason,
    );
  }

  deadLetters(limit: number): DeadLetter[] {
    return this.sql.all('SELECT * FROM dead_letter ORDER BY at DESC LIMIT ?', limit).map((row) => ({
      attemptId: String(row.attempt_id),
      generationId: String(row.generation_id),
      at: Number(row.at),
      reason: String(row.reason),
    }));
  }

  nextDue(): number | undefined {
    return this.leases.nextDue();
  }
}
