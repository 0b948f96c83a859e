import type { CostStatus, Json, JsonObject, Modality, Receipt } from '../contract/index.ts';
import type { Sql } from '../runtime/ports.ts';
import { writeLines } from './generations.ts';
import { numberOf } from './rows.ts';

/** Whom and what an attempt is for, in reports and budgets. */
export type Attribution = {
  project?: string;
  /** Hashed under the tenant's own secret. */
  endUser?: string;
  workflow?: string;
  /** The generation that asked for this one. */
  parent?: string;
  tags?: Record<string, string>;
};

/** What is written before any byte leaves for a provider. */
export type NewAttempt = Attribution & {
  /** `${generationId}.${n}`, also sent to the provider as the client request id. */
  id: string;
  generationId: string;
  keyId: string;
  modality: Modality;
  provider: string;
  model: string;
  simulated: boolean;
  at: number;
  /** The most this attempt can consume: what is booked (as estimated) if nobody can say what became of it. */
  bound?: Json;
};

/** How an attempt ended. `receipt` says what it cost; `error` what the caller was told. */
export type Settlement = {
  attemptId: string;
  at: number;
  outcome: string;
  receipt: Receipt;
  error?: JsonObject;
  /** Pico-dollars that the tenant's customer is charged. */
  charge?: bigint;
  /** Pico-dollars that an answer from the cache did not cost. */
  avoided?: bigint;
  /** What was consumed, by unit of budgets. */
  units?: Record<string, number>;
  /** Another attempt follows: what was held stays so until that one takes its place, or is released. */
  goesOn?: boolean;
};

export type OpenAttempt = {
  id: string;
  generationId: string;
  modality: Modality;
  provider: string;
  model: string;
  simulated: boolean;
  at: number;
  bound: Json;
  ref: Json;
  plain: boolean;
  /** What its key's customer is charged on top, in millionths. */
  markupPpm: number;
  /** The generation's request, as far as the book keeps it. */
  request: JsonObject;
};

/** Open, and no job that a timer follows. Of `attempt a`. */
const hasNoJob = "a.state = 'dispatched' AND a.id NOT IN (SELECT attempt_id FROM job)";

/** The rows that money rests on. */
export class Attempts {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  /**
   * @param asked the model as the caller wrote it, where the attempt is its own generation.
   * @returns false when the key was revoked meanwhile: nothing is written.
   */
  insert(attempt: NewAttempt, asked: string | undefined): boolean {
    const { project, endUser, workflow, parent, tags } = attempt;
    const inserted = this.sql.run(
      `INSERT INTO attempt (id, generation_id, asked, key_id, modality, provider, model, simulated, state, at, bound,
         project, end_user, workflow, parent, tags)
       SELECT ?, ?, ?, id, ?, ?, ?, ?, 'dispatched', ?, ?, ?, ?, ?, ?, ? FROM key
       WHERE id = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
      attempt.id,
      attempt.generationId,
      asked ?? null,
      attempt.modality,
      attempt.provider,
      attempt.model,
      attempt.simulated ? 1 : 0,
      attempt.at,
      attempt.bound === undefined ? null : JSON.stringify(attempt.bound),
      project ?? null,
      endUser ?? null,
      workflow ?? null,
      parent ?? null,
      tags ? JSON.stringify(tags) : null,
      attempt.keyId,
      attempt.at,
    );
    return inserted === 1;
  }

  /** Takes back an attempt that was refused in the transaction that wrote it. */
  withdraw(id: string): void {
    this.sql.run("DELETE FROM attempt WHERE id = ? AND state = 'dispatched'", id);
  }

  /** Remembers how to ask the provider again. */
  refer(id: string, ref: Json): void {
    this.sql.run("UPDATE attempt SET ref = ? WHERE id = ? AND state = 'dispatched'", JSON.stringify(ref), id);
  }

  /** False when it had ended before: then nothing changes. */
  settle(settlement: Settlement): boolean {
    const { receipt } = settlement;
    const changed = this.sql.run(
      `UPDATE attempt SET state = ?, outcome = ?, ended_at = ?, cost_pico = ?, cost_status = ?, cost_basis = ?,
         catalogue = ?, lines = ?, error = ?, charge_pico = ?, avoided_pico = ? WHERE id = ? AND state = 'dispatched'`,
      receipt.status === 'not_billable' ? 'released' : 'settled',
      settlement.outcome,
      settlement.at,
      receipt.total ?? null,
      receipt.status satisfies CostStatus,
      receipt.basis,
      receipt.catalogue,
      writeLines(receipt.lines),
      settlement.error ? JSON.stringify(settlement.error) : null,
      settlement.charge ?? null,
      settlement.avoided ?? null,
      settlement.attemptId,
    );
    return changed === 1;
  }

  /** Notes what the generation came to that ended with this attempt: once for a generation. */
  made(id: string, generationId: string, units: Record<string, number>): void {
    this.sql.run(
      `UPDATE attempt SET units = ? WHERE id = ? AND NOT EXISTS
         (SELECT 1 FROM attempt WHERE id >= ? AND id < ? AND units IS NOT NULL)`,
      ...[JSON.stringify(units), id, `${generationId}.`, `${generationId}/`],
    );
  }

  /** Those whose end is not known, oldest first. */
  open(before: number): OpenAttempt[] {
    return this.opened("a.state = 'dispatched' AND a.at < ? ORDER BY a.at", before);
  }

  /** One of them. */
  find(id: string): OpenAttempt | undefined {
    return this.opened("a.id = ? AND a.state = 'dispatched'", id)[0];
  }

  /** When the oldest open one without a job began. */
  oldestOpen(): number | undefined {
    return numberOf(this.sql.all(`SELECT MIN(a.at) AS at FROM attempt a WHERE ${hasNoJob}`)[0]?.at);
  }

  /** Those without a job that began before a time, oldest first. */
  lost(before: number): OpenAttempt[] {
    return this.opened(`${hasNoJob} AND a.at < ? ORDER BY a.at`, before);
  }

  private opened(where: string, value: string | number): OpenAttempt[] {
    return this.sql
      .all(
        `SELECT a.*, NULL AS cost_pico, NULL AS charge_pico, NULL AS avoided_pico, g.request AS request,
           k.markup_ppm AS markup_ppm FROM attempt a LEFT JOIN generation g ON g.id = a.generation_id
         LEFT JOIN key k ON k.id = a.key_id WHERE ${where}`,
        value,
      )
      .map((row) => ({
        id: String(row.id),
        generationId: String(row.generation_id),
        modality: row.modality as Modality,
        provider: String(row.provider),
        model: String(row.model),
        simulated: row.simulated === 1,
        at: Number(row.at),
        bound: row.bound === null ? null : JSON.parse(String(row.bound)),
        ref: row.ref === null ? null : JSON.parse(String(row.ref)),
        plain: row.asked !== null,
        markupPpm: Number(row.markup_ppm ?? 0),
        request: row.request === null ? {} : JSON.parse(String(row.request)),
      }));
  }
}
