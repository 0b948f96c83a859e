import type { CostStatus, Json, JsonObject, Modality, Receipt } from '../contract/index.ts';
import type { Sql } from '../runtime/ports.ts';
import { AssetRecords, type AssetRow } from './assets.ts';
import { type GenerationPage, type GenerationRecord, Generations, writeLines } from './generations.ts';
import { type KeyGrant, type KeyRow, Keys, type NewKey } from './keys.ts';
import { type ResponseRecord, Responses } from './responses.ts';
import { migrations } from './schema.ts';
import { type SpendAnswer, type SpendQuery, spend } from './spend.ts';

/** What is written before any byte leaves for a provider. */
export type NewAttempt = {
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

export type NewGeneration = {
  id: string;
  keyId: string;
  modality: Modality;
  /** As asked: provider/model or alias. */
  model: string;
  simulated: boolean;
  at: number;
  /** Nothing but its attempt is worth a row: a text call at an SDK's door. */
  plain?: boolean;
  request?: JsonObject;
  tags?: JsonObject;
  warnings?: string[];
};

/** How an attempt ended. `receipt` says what it cost; `error` what the caller was told. */
export type Settlement = {
  attemptId: string;
  at: number;
  outcome: string;
  receipt: Receipt;
  error?: JsonObject;
};

/** What became of the whole generation. */
export type Conclusion = {
  id: string;
  status: 'completed' | 'failed' | 'canceled';
  at: number;
  outputs?: Json[];
  /** Countable results: images, seconds, characters, tokens. */
  units?: Record<string, number>;
  warnings?: string[];
  error?: JsonObject;
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
  /** The generation's request, as far as the book keeps it. */
  request: JsonObject;
};

/**
 * One tenant's durable record. Synchronous over the Sql port; hosts run each call in a transaction.
 * No two calls can interleave, so every method is atomic.
 */
export class Book {
  private readonly sql: Sql;
  private readonly keys: Keys;
  private readonly generations: Generations;
  private readonly assets: AssetRecords;
  private readonly responses: Responses;

  constructor(sql: Sql) {
    this.sql = sql;
    this.keys = new Keys(sql);
    this.generations = new Generations(sql);
    this.assets = new AssetRecords(sql);
    this.responses = new Responses(sql);
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

  /** The stored setting, or `value` stored now if there was none. */
  setting(name: string, value: string): string {
    this.sql.run('INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING', name, value);
    return String(this.sql.all('SELECT value FROM setting WHERE name = ?', name)[0]?.value);
  }

  createKey(key: NewKey): void {
    this.keys.create(key);
  }

  listKeys(): KeyRow[] {
    return this.keys.list();
  }

  revokeKey(id: string, at: number): boolean {
    return this.keys.revoke(id, at);
  }

  /** The live key with this SHA-256, or undefined: unknown, expired and revoked are not told apart. */
  authorize(hash: string, at: number): KeyGrant | undefined {
    return this.keys.authorize(hash, at);
  }

  /**
   * Makes a generation and its first attempt durable. A plain generation is its attempt and has no row of its own.
   * False when the key was revoked meanwhile: nothing is written.
   */
  begin(generation: NewGeneration, attempt: NewAttempt): boolean {
    const inserted = this.sql.run(
      `INSERT INTO attempt (id, generation_id, asked, key_id, modality, provider, model, simulated, state, at, bound)
       SELECT ?, ?, ?, id, ?, ?, ?, ?, 'dispatched', ?, ? FROM key
       WHERE id = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
      attempt.id,
      attempt.generationId,
      generation.plain ? generation.model : null,
      attempt.modality,
      attempt.provider,
      attempt.model,
      attempt.simulated ? 1 : 0,
      attempt.at,
      attempt.bound === undefined ? null : JSON.stringify(attempt.bound),
      attempt.keyId,
      attempt.at,
    );
    if (inserted === 0) return false;
    if (!generation.plain) this.generations.insert(generation);
    return true;
  }

  /** Remembers how to ask the provider again about a running job. */
  submitted(attemptId: string, generationId: string, ref: Json): void {
    this.sql.run("UPDATE attempt SET ref = ? WHERE id = ? AND state = 'dispatched'", JSON.stringify(ref), attemptId);
    this.sql.run("UPDATE generation SET status = 'in_progress' WHERE id = ? AND completed_at IS NULL", generationId);
  }

  /**
   * Books an attempt's cost and, with `conclusion`, ends its generation. Exactly once: a second call changes nothing
   * and returns false.
   */
  settle(settlement: Settlement, conclusion?: Conclusion): boolean {
    const { receipt } = settlement;
    const changed = this.sql.run(
      `UPDATE attempt SET state = ?, outcome = ?, ended_at = ?, cost_pico = ?, cost_status = ?, cost_basis = ?,
         catalogue = ?, lines = ?, error = ? WHERE id = ? AND state = 'dispatched'`,
      receipt.status === 'not_billable' ? 'released' : 'settled',
      settlement.outcome,
      settlement.at,
      receipt.total ?? null,
      receipt.status satisfies CostStatus,
      receipt.basis,
      receipt.catalogue,
      writeLines(receipt.lines),
      settlement.error ? JSON.stringify(settlement.error) : null,
      settlement.attemptId,
    );
    if (changed === 0) return false;
    if (conclusion) this.generations.conclude(conclusion);
    return true;
  }

  /** Attempts whose end is not known, oldest first. */
  openAttempts(before: number): OpenAttempt[] {
    return this.sql
      .all(
        `SELECT a.*, g.request AS request FROM attempt a LEFT JOIN generation g ON g.id = a.generation_id
         WHERE a.state = 'dispatched' AND a.at < ? ORDER BY a.at`,
        before,
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
        request: row.request === null ? {} : JSON.parse(String(row.request)),
      }));
  }

  generation(id: string, keyId?: string): GenerationRecord | undefined {
    return this.generations.find(id, keyId);
  }

  listGenerations(query: { limit: number; after?: string; keyId?: string }): GenerationPage {
    return this.generations.list(query);
  }

  addAsset(asset: AssetRow): void {
    this.assets.insert(asset);
  }

  asset(id: string): AssetRow | undefined {
    return this.assets.find(id);
  }

  /** Keeps a Responses answer. An ended one is never overwritten. */
  saveResponse(record: ResponseRecord): void {
    this.responses.save(record);
  }

  response(id: string, keyId: string): ResponseRecord | undefined {
    return this.responses.find(id, keyId);
  }

  removeResponse(id: string, keyId: string): boolean {
    return this.responses.remove(id, keyId);
  }

  spend(query: SpendQuery): SpendAnswer {
    return spend(this.sql, query);
  }
}
