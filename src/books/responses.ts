import type { Json, JsonObject } from '../contract/index.ts';
import type { Sql } from '../runtime/ports.ts';

/** A stored answer of the Responses dialect, with what is needed to go on from it. */
export type ResponseRecord = {
  id: string;
  keyId: string;
  /** Whose own store also knows this id; empty when only we do. */
  provider: string;
  status: string;
  at: number;
  /** The items this request brought. */
  input: Json[];
  /** The whole conversation before this answer: earlier turns and this input. */
  context: Json[];
  body: JsonObject;
};

export class Responses {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  save(record: ResponseRecord): void {
    this.sql.run(
      `INSERT INTO response (id, key_id, provider, status, created_at, input, context, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, provider = excluded.provider, body = excluded.body
       WHERE response.status IN ('queued', 'in_progress')`,
      record.id,
      record.keyId,
      record.provider,
      record.status,
      record.at,
      JSON.stringify(record.input),
      JSON.stringify(record.context),
      JSON.stringify(record.body),
    );
  }

  find(id: string, keyId: string): ResponseRecord | undefined {
    const row = this.sql.all('SELECT * FROM response WHERE id = ? AND key_id = ?', id, keyId)[0];
    return (
      row && {
        id: String(row.id),
        keyId: String(row.key_id),
        provider: String(row.provider),
        status: String(row.status),
        at: Number(row.created_at),
        input: JSON.parse(String(row.input)),
        context: JSON.parse(String(row.context)),
        body: JSON.parse(String(row.body)),
      }
    );
  }

  remove(id: string, keyId: string): boolean {
    return this.sql.run('DELETE FROM response WHERE id = ? AND key_id = ?', id, keyId) === 1;
  }
}
