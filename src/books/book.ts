import type { Json } from '../contract/index.ts';
import type { Sql } from '../runtime/ports.ts';
import { Attempts, type NewAttempt, type OpenAttempt, type Settlement } from './attempts.ts';
import type { Beginning, Begun, Conclusion, NewGeneration, Work } from './beginning.ts';
import { deliveryOfAlert } from './deliveries.ts';
import { type GenerationPage, type GenerationQuery, type GenerationRecord, Generations } from './generations.ts';
import { Mixes, type MixQuery, type MixStep } from './mix.ts';
import { RecordBook } from './record-book.ts';
import { Rollup } from './rollup.ts';
import { migrations } from './schema.ts';
import { type SpendAnswer, type SpendQuery, SpendReports, type SpendStep, spend } from './spend.ts';

/**
 * One tenant's durable record. Synchronous over the Sql port; hosts run each call in a transaction. A host that runs several calls in
 * one tells of a rollback: see `rolledBack`. No two calls can interleave, so every method is atomic.
 */
export class Book extends RecordBook {
  private readonly generations: Generations;
  private readonly attempts: Attempts;
  private readonly rollup: Rollup;
  private readonly reports: SpendReports;
  private readonly mixes: Mixes;

  constructor(sql: Sql) {
    super(sql);
    this.generations = new Generations(sql);
    this.attempts = new Attempts(sql);
    this.rollup = new Rollup(sql);
    this.reports = new SpendReports(sql, this.rollup);
    this.mixes = new Mixes(sql);
  }

  /** Brings the schema up to date. Safe to call at every start. */
  migrate(): void {
    this.sql.script('CREATE TABLE IF NOT EXISTS version (step INTEGER PRIMARY KEY) STRICT');
    const done = Number(this.sql.all('SELECT COALESCE(MAX(step), 0) AS step FROM version')[0]?.step ?? 0);
    for (let step = done + 1; step <= migrations.length; step++) {
      this.sql.script(migrations[step - 1] ?? '');
      this.sql.run('INSERT INTO version (step) VALUES (?)', step);
    }
  }

  /** For hosts: a transaction of several calls was rolled back. What one of them read of another's writing is not remembered. */
  rolledBack(): void {
    this.budgets.forget();
    this.rollup.forget();
  }

  /**
   * Makes an attempt durable, with its generation where it is the first one (a plain generation is its attempt and has no row of its
   * own), and holds its worst case against every budget that covers it. All of it or nothing.
   */
  begin(generation: NewGeneration | undefined, attempt: NewAttempt, beginning: Beginning = {}): Begun {
    const { demand, ceiling, job, idempotency, degradations, after } = beginning;
    const watched = this.budgets.watches(attempt);
    if (watched && !demand) return 'demand';
    if (!this.attempts.insert(attempt, generation?.plain ? generation.model : undefined)) return 'revoked';
    if (after) this.budgets.release(after);
    const refusal = watched && demand ? this.budgets.admit(attempt, demand, ceiling) : undefined;
    if (refusal) {
      this.attempts.withdraw(attempt.id);
      return refusal;
    }
    this.rollup.began(attempt);
    if (generation && !generation.plain) this.generations.insert(generation);
    if (!generation && degradations) this.generations.degrade(attempt.generationId, degradations);
    const { id: attemptId, generationId } = attempt;
    if (job) this.jobs.insert({ attemptId, generationId, due: job.leasedUntil, ...job });
    if (idempotency) this.idempotency.attach(attempt.keyId, idempotency, generationId);
    return 'begun';
  }

  /** The provider took a job: remembers how to ask about it, and when. */
  submitted(attemptId: string, generationId: string, ref: Json, due: number, fraction?: number): void {
    this.attempts.refer(attemptId, ref);
    this.jobs.submitted(attemptId, due);
    this.generations.progress(generationId, fraction);
  }

  /**
   * Books an attempt's cost, turns its holds into what it consumed and, with `conclusion`, ends its generation and tells whoever
   * wants to know. Exactly once: a second call changes nothing and answers `before`. `telling`: there are webhooks to send now.
   */
  settle(settlement: Settlement, conclusion?: Conclusion): 'settled' | 'telling' | 'before' {
    if (!this.attempts.settle(settlement)) return 'before';
    let telling = false;
    const { attemptId, receipt, units, at, goesOn } = settlement;
    for (const alert of this.budgets.settle(attemptId, receipt, units ?? {}, goesOn)) {
      if (!alert.budget.alertUrl) continue;
      this.deliveries.insert(deliveryOfAlert(alert, at));
      telling = true;
    }
    if (conclusion) {
      this.jobs.remove(attemptId);
      if (this.conclude(conclusion)) telling = true;
      if (conclusion.units) this.attempts.made(attemptId, conclusion.id, conclusion.units);
    }
    this.rollup.ended(settlement, conclusion?.units);
    return telling ? 'telling' : 'settled';
  }

  /** Ends a generation whose attempts have ended before. True where there is a webhook to send now. */
  conclude(conclusion: Conclusion): boolean {
    const webhook = this.generations.conclude(conclusion);
    if (!webhook) return false;
    const { id, status, at } = conclusion;
    this.deliveries.insert({ id: `evt_${id}`, event: `generation.${status}`, generationId: id, at, ...webhook });
    return true;
  }

  /** Ends the generations between two ids that are open although their attempts are not: their process stopped between two attempts. */
  concludeAbandoned(after: string, before: string, at: number): string[] {
    const left = this.generations.abandoned(after, before);
    for (const { id, error } of left) this.conclude({ id, status: 'failed', at, error });
    return left.map(({ id }) => id);
  }

  /** Attempts whose end is not known, oldest first. */
  openAttempts(before: number): OpenAttempt[] {
    return this.attempts.open(before);
  }

  /**
   * Takes what is due, for the time of a lease: nobody else gets it before that is over.
   * @param patience milliseconds after which an open attempt without a job is taken for lost.
   */
  claimWork(now: number, lease: number, most: number, patience: number): Work {
    const jobs: Work['jobs'] = [];
    for (const job of this.jobs.claim(now, lease, most)) {
      const attempt = this.attempts.find(job.attemptId);
      if (attempt) jobs.push({ job, attempt });
      else this.jobs.remove(job.attemptId);
    }
    const lost = this.attempts.lost(now - patience + 1);
    return { jobs, deliveries: this.deliveries.claim(now, lease, most), lost };
  }

  /** When there is something to claim; undefined for never. */
  nextDue(patience: number): number | undefined {
    const oldest = this.attempts.oldestOpen();
    const times = [
      this.jobs.nextDue(),
      this.deliveries.nextDue(),
      oldest === undefined ? undefined : oldest + patience,
    ];
    const known = times.filter((time) => time !== undefined);
    return known.length > 0 ? Math.min(...known) : undefined;
  }

  /** Ends a look at a job that is still running. @param failures questions in a row that found no answer. */
  lookAgain(
    job: { attemptId: string; generationId: string },
    due: number,
    failures: number,
    claimedAt: number,
    fraction?: number,
  ): void {
    this.jobs.again(job.attemptId, due, failures, claimedAt);
    if (fraction !== undefined) this.generations.progress(job.generationId, fraction);
  }

  /** A reason to look at a job now; false where there is none. */
  nudge(attemptId: string, now: number): boolean {
    return this.jobs.nudge(attemptId, now);
  }

  /** What a process that is gone held is free at once: its leases, holds between two attempts, and requests that it had begun nothing for. */
  takeOver(now: number, before: number): void {
    this.jobs.release(now);
    this.deliveries.release();
    this.idempotency.forgetBegun(before);
    this.budgets.releaseEnded();
  }

  /** Gives back what an ended attempt holds for one that does not follow after all. */
  release(attemptId: string): void {
    this.budgets.release(attemptId);
  }

  /** Asks for a job's end. False where it has none that could be ended. */
  cancelJob(generationId: string, now: number): boolean {
    return this.jobs.cancel(generationId, now);
  }

  /** Books an answer that came from the cache: an attempt that was never sent. False where the key was revoked. */
  hit(attempt: NewAttempt, asked: string, settlement: Settlement): boolean {
    if (!this.attempts.insert(attempt, asked)) return false;
    this.rollup.began(attempt);
    const settled = this.attempts.settle(settlement);
    this.rollup.ended(settlement);
    return settled;
  }

  /** Where a generation stands; undefined where there is none. */
  statusOf(generationId: string): string | undefined {
    return this.generations.statusOf(generationId);
  }

  generation(id: string, keyId?: string): GenerationRecord | undefined {
    return this.generations.find(id, keyId);
  }

  listGenerations(query: GenerationQuery): GenerationPage {
    return this.generations.list(query);
  }

  /** Forgets what an ended generation was asked and made; what it cost stays. False where there is none that has ended. */
  removeGeneration(id: string): boolean {
    const assets = this.generations.remove(id);
    for (const asset of assets ?? []) this.assets.remove(asset);
    return assets !== undefined;
  }

  /** A whole report in one go: for books that are small, or nobody else's. */
  spend(query: SpendQuery): SpendAnswer {
    return spend(this.sql, query);
  }

  /** A report a few milliseconds at a time: to be asked again, with the same token, until it is done. */
  spendStep(token: string, query: SpendQuery): SpendStep {
    return this.reports.step(token, query);
  }

  /** Takes settled attempts into the columns that reports read. Returns whether there may be more to take. */
  rollUp(limit?: number, leave?: number): boolean {
    return this.rollup.rollUp(limit, leave);
  }

  /** Makes those columns anew from the attempts: the next reports, or `rollUp` until it is done, do the work. */
  rebuildRollups(): void {
    this.rollup.rebuild();
  }

  /** What was made in a period, for forecasts: to be asked again, with the same token, until it is done. */
  mixStep(token: string, query: MixQuery): MixStep {
    return this.mixes.step(token, query);
  }
}
