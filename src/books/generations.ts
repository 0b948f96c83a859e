import {
  type CostBasis,
  type CostStatus,
  type Json,
  type JsonObject,
  type Modality,
  type Receipt,
  type ReceiptLine,
  stringAt,
} from '../contract/index.ts';
import type { Row, Sql } from '../runtime/ports.ts';
import type { Attribution } from './attempts.ts';
import type { Conclusion, NewGeneration } from './beginning.ts';
import { LongTexts } from './long-texts.ts';

export type AttemptRecord = {
  id: string;
  provider: string;
  model: string;
  state: string;
  outcome?: string;
  at: number;
  endedAt?: number;
  receipt?: Receipt;
  error?: JsonObject;
  attribution: Attribution;
  /** Pico-dollars. */
  charge?: bigint;
  avoided?: bigint;
};

export type GenerationRecord = {
  id: string;
  keyId: string;
  modality: Modality;
  model: string;
  status: string;
  simulated: boolean;
  at: number;
  completedAt?: number;
  /** The request as the book keeps it: no media bytes. */
  request?: JsonObject;
  outputs: Json[];
  units?: Record<string, number>;
  warnings: string[];
  degradations: Json[];
  /** How far it is, from 0 to 1, where the provider says. */
  fraction?: number;
  error?: JsonObject;
  attempts: AttemptRecord[];
};

export type GenerationPage = { data: GenerationRecord[]; hasMore: boolean };

/** Newest first unless `oldestFirst`; `after` is the id of the last one seen. */
export type GenerationQuery = {
  limit: number;
  after?: string;
  keyId?: string;
  modality?: Modality;
  oldestFirst?: boolean;
};

/** Generations with their attempts and ledger lines. */
export class Generations {
  private readonly sql: Sql;
  private readonly texts: LongTexts;

  constructor(sql: Sql) {
    this.sql = sql;
    this.texts = new LongTexts(sql);
  }

  insert(generation: NewGeneration): void {
    this.sql.run(
      `INSERT INTO generation (id, key_id, modality, model, status, simulated, created_at, request, warnings, degradations, webhook)
       VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?)`,
      generation.id,
      generation.keyId,
      generation.modality,
      generation.model,
      generation.simulated ? 1 : 0,
      generation.at,
      generation.request ? JSON.stringify(generation.request) : null,
      generation.warnings?.length ? JSON.stringify(generation.warnings) : null,
      generation.degradations?.length ? JSON.stringify(generation.degradations) : null,
      generation.webhook ? JSON.stringify(generation.webhook) : null,
    );
  }

  /** It is under way, and how far where that is known. */
  progress(id: string, fraction: number | undefined): void {
    this.sql.run(
      "UPDATE generation SET status = 'in_progress', fraction = COALESCE(?, fraction) WHERE id = ? AND completed_at IS NULL",
      fraction ?? null,
      id,
    );
  }

  degrade(id: string, degradations: Json[]): void {
    const text = degradations.length > 0 ? JSON.stringify(degradations) : null;
    this.sql.run('UPDATE generation SET degradations = ? WHERE id = ? AND completed_at IS NULL', text, id);
  }

  /** Those between two ids that are not over although all their attempts are, with the error of the last one. */
  abandoned(after: string, before: string): { id: string; error?: JsonObject }[] {
    return this.sql
      .all(
        `SELECT id, (SELECT error FROM attempt WHERE id >= g.id || '.' AND id < g.id || '/' ORDER BY id DESC LIMIT 1) AS error
         FROM generation g WHERE id > ? AND id < ? AND completed_at IS NULL AND NOT EXISTS
           (SELECT 1 FROM attempt a WHERE a.id >= g.id || '.' AND a.id < g.id || '/' AND a.state = 'dispatched')`,
        after,
        before,
      )
      .map((row) => ({ id: String(row.id), error: parsed<JsonObject>(row.error) }));
  }

  statusOf(id: string): string | undefined {
    const row = this.sql.all('SELECT status FROM generation WHERE id = ?', id)[0];
    return row && String(row.status);
  }

  /** Ends it. Returns whom to tell, if anybody. */
  conclude(end: Conclusion): { url: string; origin: string } | undefined {
    const degradations = end.degradations?.length
      ? [...this.knownBefore(end.id, 'degradations'), ...end.degradations]
      : [];
    const warnings = end.warnings?.length ? [...this.knownBefore(end.id, 'warnings'), ...end.warnings] : [];
    const changed = this.sql.run(
      `UPDATE generation SET status = ?, completed_at = ?, outputs = ?, units = ?, error = ?,
         warnings = COALESCE(?, warnings), degradations = COALESCE(?, degradations)
       WHERE id = ? AND completed_at IS NULL`,
      end.status,
      end.at,
      end.outputs ? this.texts.put(end.id, JSON.stringify(end.outputs)) : null,
      end.units ? JSON.stringify(end.units) : null,
      end.error ? JSON.stringify(end.error) : null,
      warnings.length > 0 ? JSON.stringify(warnings) : null,
      degradations.length > 0 ? JSON.stringify(degradations) : null,
      end.id,
    );
    if (changed === 0) return undefined;
    return parsed(this.sql.all('SELECT webhook FROM generation WHERE id = ?', end.id)[0]?.webhook);
  }

  /** What was said of it before anything was sent. */
  private knownBefore(id: string, what: 'degradations' | 'warnings'): Json[] {
    return parsed<Json[]>(this.sql.all(`SELECT ${what} FROM generation WHERE id = ?`, id)[0]?.[what]) ?? [];
  }

  find(id: string, keyId?: string): GenerationRecord | undefined {
    const owner = keyId ?? null;
    const row =
      this.sql.all(
        "SELECT * FROM generation WHERE id = ? AND (? IS NULL OR key_id = ?) AND status <> 'deleted'",
        ...[id, owner, owner],
      )[0] ??
      this.sql.all(
        `SELECT ${plain} FROM attempt WHERE id = ? AND asked IS NOT NULL AND (? IS NULL OR key_id = ?)`,
        `${id}.1`,
        owner,
        owner,
      )[0];
    return row && this.whole(row);
  }

  list(query: GenerationQuery): GenerationPage {
    const { oldestFirst } = query;
    const after = query.after ?? null;
    const owner = query.keyId ?? null;
    const modality = query.modality ?? null;
    const limit = query.limit + 1;
    const past = oldestFirst ? '>' : '<';
    const order = oldestFirst ? 'ASC' : 'DESC';
    const asked = [after, after, owner, owner, modality, modality, limit];
    const rows = this.sql.all(
      `SELECT * FROM (SELECT * FROM generation
         WHERE (? IS NULL OR id ${past} ?) AND (? IS NULL OR key_id = ?) AND (? IS NULL OR modality = ?)
           AND status <> 'deleted' ORDER BY id ${order} LIMIT ?)
       UNION ALL SELECT * FROM (SELECT ${plain} FROM attempt
         WHERE asked IS NOT NULL AND id LIKE '%.1' AND (? IS NULL OR id ${past} ?) AND (? IS NULL OR key_id = ?)
           AND (? IS NULL OR modality = ?) ORDER BY attempt.id ${order} LIMIT ?)
       ORDER BY 1 ${order} LIMIT ?`,
      ...asked,
      ...asked,
      limit,
    );
    return { data: rows.slice(0, query.limit).map((row) => this.whole(row)), hasMore: rows.length > query.limit };
  }

  /** Forgets what an ended generation was asked and made; what it cost stays. Returns the ids of its assets, undefined where there is none. */
  remove(id: string): string[] | undefined {
    const row = this.sql.all(
      "SELECT outputs FROM generation WHERE id = ? AND completed_at IS NOT NULL AND status <> 'deleted'",
      id,
    )[0];
    if (!row) return undefined;
    this.sql.run("UPDATE generation SET status = 'deleted', request = NULL, outputs = NULL WHERE id = ?", id);
    const outputs = this.outputsOf(id, row.outputs);
    this.texts.remove(id);
    return outputs.flatMap((output) => stringAt(output, 'asset') ?? []);
  }

  private outputsOf(id: string, stored: unknown): Json[] {
    return stored === null ? [] : (JSON.parse(this.texts.get(id, String(stored))) as Json[]);
  }

  private whole(row: Row): GenerationRecord {
    const attempts = this.sql
      .all(
        `SELECT id, provider, model, state, outcome, at, ended_at, cost_status, cost_basis, catalogue, lines, error,
           CAST(cost_pico AS TEXT) AS cost, CAST(charge_pico AS TEXT) AS charge, CAST(avoided_pico AS TEXT) AS avoided,
           project, end_user, workflow, parent, tags FROM attempt WHERE id >= ? AND id < ? ORDER BY id`,
        `${row.id}.`,
        `${row.id}/`,
      )
      .map(readAttempt);
    const last = attempts.at(-1);
    const isPlain = row.status === 'plain';
    const completedAt = isPlain ? last?.endedAt : row.completed_at === null ? undefined : Number(row.completed_at);
    return {
      id: String(row.id),
      keyId: String(row.key_id),
      modality: row.modality as Modality,
      model: String(row.model),
      status: isPlain ? statusOfPlain(last) : String(row.status),
      simulated: row.simulated === 1,
      at: Number(row.created_at),
      ...(completedAt === undefined ? {} : { completedAt }),
      request: parsed(row.request),
      outputs: this.outputsOf(String(row.id), row.outputs),
      units: parsed(row.units),
      warnings: parsed<string[]>(row.warnings) ?? [],
      degradations: parsed<Json[]>(row.degradations) ?? [],
      ...(row.fraction === null ? {} : { fraction: Number(row.fraction) }),
      error: isPlain ? last?.error : parsed(row.error),
      attempts,
    };
  }
}

function statusOfPlain(last: AttemptRecord | undefined): string {
  if (last?.outcome === undefined) return 'in_progress';
  if (last.outcome === 'succeeded') return 'completed';
  return last.outcome === 'canceled' ? 'canceled' : 'failed';
}

function readAttempt(row: Row): AttemptRecord {
  const record: AttemptRecord = {
    id: String(row.id),
    provider: String(row.provider),
    model: String(row.model),
    state: String(row.state),
    at: Number(row.at),
    error: parsed(row.error),
    attribution: {
      ...(row.project === null ? {} : { project: String(row.project) }),
      ...(row.end_user === null ? {} : { endUser: String(row.end_user) }),
      ...(row.workflow === null ? {} : { workflow: String(row.workflow) }),
      ...(row.parent === null ? {} : { parent: String(row.parent) }),
      ...(row.tags === null ? {} : { tags: JSON.parse(String(row.tags)) }),
    },
  };
  if (row.state === 'dispatched') return record;
  record.outcome = String(row.outcome);
  record.endedAt = Number(row.ended_at);
  record.receipt = {
    ...(row.cost === null ? {} : { total: BigInt(String(row.cost)) }),
    status: row.cost_status as CostStatus,
    basis: row.cost_basis as CostBasis,
    catalogue: String(row.catalogue),
    lines: readLines(row.lines),
  };
  if (row.charge !== null) record.charge = BigInt(String(row.charge));
  if (row.avoided !== null) record.avoided = BigInt(String(row.avoided));
  return record;
}

function parsed<T>(value: unknown): T | undefined {
  return typeof value === 'string' ? (JSON.parse(value) as T) : undefined;
}

/** A plain attempt in the columns of a generation, in their order: what became of it is read from its attempts. */
const plain = `generation_id AS id, key_id, modality, asked AS model, 'plain' AS status, simulated, at AS created_at,
  NULL AS completed_at, NULL AS request, NULL AS outputs, NULL AS units, NULL AS warnings, NULL AS tags, NULL AS error,
  NULL AS degradations, NULL AS fraction, NULL AS webhook`;

/** A receipt's lines as the book keeps them; amounts as decimal text, for they may exceed 2^53. */
export function writeLines(lines: readonly ReceiptLine[]): string {
  return JSON.stringify(
    lines.map((line) => (line.amount === undefined ? line : { ...line, amount: line.amount.toString() })),
  );
}

function readLines(text: unknown): ReceiptLine[] {
  const lines = parsed<(Omit<ReceiptLine, 'amount'> & { amount?: string })[]>(text) ?? [];
  return lines.map(({ amount, ...line }) => (amount === undefined ? line : { ...line, amount: BigInt(amount) }));
}
