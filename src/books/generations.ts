import type { CostBasis, CostStatus, Json, JsonObject, Modality, Receipt, ReceiptLine } from '../contract/index.ts';
import type { Row, Sql } from '../runtime/ports.ts';
import type { Conclusion, NewGeneration } from './book.ts';

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
  outputs: Json[];
  units?: Record<string, number>;
  warnings: string[];
  tags?: JsonObject;
  error?: JsonObject;
  attempts: AttemptRecord[];
};

export type GenerationPage = { data: GenerationRecord[]; hasMore: boolean };

/** Generations with their attempts and ledger lines. */
export class Generations {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  insert(generation: NewGeneration): void {
    this.sql.run(
      `INSERT INTO generation (id, key_id, modality, model, status, simulated, created_at, request, tags, warnings)
       VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?)`,
      generation.id,
      generation.keyId,
      generation.modality,
      generation.model,
      generation.simulated ? 1 : 0,
      generation.at,
      generation.request ? JSON.stringify(generation.request) : null,
      generation.tags ? JSON.stringify(generation.tags) : null,
      generation.warnings?.length ? JSON.stringify(generation.warnings) : null,
    );
  }

  conclude(end: Conclusion): void {
    this.sql.run(
      `UPDATE generation SET status = ?, completed_at = ?, outputs = ?, units = ?, error = ?,
         warnings = COALESCE(?, warnings) WHERE id = ? AND completed_at IS NULL`,
      end.status,
      end.at,
      end.outputs ? JSON.stringify(end.outputs) : null,
      end.units ? JSON.stringify(end.units) : null,
      end.error ? JSON.stringify(end.error) : null,
      end.warnings?.length ? JSON.stringify(end.warnings) : null,
      end.id,
    );
  }

  find(id: string, keyId?: string): GenerationRecord | undefined {
    const owner = keyId ?? null;
    const row =
      this.sql.all('SELECT * FROM generation WHERE id = ? AND (? IS NULL OR key_id = ?)', id, owner, owner)[0] ??
      this.sql.all(
        `SELECT ${plain} FROM attempt WHERE id = ? AND asked IS NOT NULL AND (? IS NULL OR key_id = ?)`,
        `${id}.1`,
        owner,
        owner,
      )[0];
    return row && this.whole(row);
  }

  /** Newest first; `after` is the id of the last one seen. */
  list(query: { limit: number; after?: string; keyId?: string }): GenerationPage {
    const after = query.after ?? null;
    const owner = query.keyId ?? null;
    const limit = query.limit + 1;
    const rows = this.sql.all(
      `SELECT * FROM (SELECT * FROM generation
         WHERE (? IS NULL OR id < ?) AND (? IS NULL OR key_id = ?) ORDER BY id DESC LIMIT ?)
       UNION ALL SELECT * FROM (SELECT ${plain} FROM attempt
         WHERE asked IS NOT NULL AND (? IS NULL OR id < ?) AND (? IS NULL OR key_id = ?) ORDER BY attempt.id DESC LIMIT ?)
       ORDER BY 1 DESC LIMIT ?`,
      ...[after, after, owner, owner, limit],
      ...[after, after, owner, owner, limit],
      limit,
    );
    return { data: rows.slice(0, query.limit).map((row) => this.whole(row)), hasMore: rows.length > query.limit };
  }

  private whole(row: Row): GenerationRecord {
    const attempts = this.sql
      .all(
        `SELECT id, provider, model, state, outcome, at, ended_at, cost_status, cost_basis, catalogue, lines, error,
           CAST(cost_pico AS TEXT) AS cost FROM attempt WHERE id >= ? AND id < ? ORDER BY id`,
        `${row.id}.`,
        `${row.id}/`,
      )
      .map((attempt) => this.attempt(attempt));
    return {
      id: String(row.id),
      keyId: String(row.key_id),
      modality: row.modality as Modality,
      model: String(row.model),
      status: String(row.status),
      simulated: row.simulated === 1,
      at: Number(row.created_at),
      ...(row.completed_at === null ? {} : { completedAt: Number(row.completed_at) }),
      outputs: parsed<Json[]>(row.outputs) ?? [],
      units: parsed(row.units),
      warnings: parsed<string[]>(row.warnings) ?? [],
      tags: parsed(row.tags),
      error: parsed(row.error),
      attempts,
    };
  }

  private attempt(row: Row): AttemptRecord {
    const record: AttemptRecord = {
      id: String(row.id),
      provider: String(row.provider),
      model: String(row.model),
      state: String(row.state),
      at: Number(row.at),
      error: parsed(row.error),
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
    return record;
  }
}

function parsed<T>(value: unknown): T | undefined {
  return typeof value === 'string' ? (JSON.parse(value) as T) : undefined;
}

/** A plain attempt in the columns of a generation, in their order. */
const plain = `generation_id AS id, key_id, modality, asked AS model,
  CASE WHEN state = 'dispatched' THEN 'in_progress' WHEN outcome = 'succeeded' THEN 'completed'
    WHEN outcome = 'canceled' THEN 'canceled' ELSE 'failed' END AS status,
  simulated, at AS created_at, ended_at AS completed_at, NULL AS request, NULL AS outputs, NULL AS units, NULL AS warnings,
  NULL AS tags, error`;

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
