import type { Json, JsonObject } from '../contract/index.ts';
import type { Sql } from '../runtime/ports.ts';
import { LongTexts } from './long-texts.ts';

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
  private readonly texts: LongTexts;

  constructor(sql: Sql) {
    this.sql = sql;
    this.texts = new LongTexts(sql);
  }

  save(record: ResponseRecord): void {
    const known = this.sql.all('SELECT status FROM response WHERE id = ?', record.id)[0];
    const isNew = known === undefined;
    // An ended one stays as it is, and so do its long texts.
    if (!isNew && known.status !== 'queued' && known.status !== 'in_progress') return;
    const put = (part: string, value: Json) => this.texts.put(`${record.id}/${part}`, JSON.stringify(value));
    this.sql.run(
      `INSERT INTO response (id, key_id, provider, status, created_at, input, context, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, provider = excluded.provider, body = excluded.body
       WHERE response.status IN ('queued', 'in_progress')`,
      record.id,
      record.keyId,
      record.provider,
      record.status,
      record.at,
      isNew ? put('input', record.input) : '',
      isNew ? put('context', record.context) : '',
      put('body', record.body),
    );
  }

  find(id: string, keyId: string): ResponseRecord | undefined {
    const row = this.sql.all('SELECT * FROM response WHERE id = ? AND key_id = ?', id, keyId)[0];
    const get = (part: 'input' | 'context' | 'body') =>
      JSON.parse(this.texts.get(`${id}/${part}`, String(row?.[part])));
    return (
      row && {
        id: String(row.id),
        keyId: String(row.key_id),
        provider: String(row.provider),
        status: String(row.status),
        at: Number(row.created_at),
        input: get('input'),
        context: get('context'),
        body: get('body'),
      }
    );
  }

  remove(id: string, keyId: string): boolean {
    const removed = this.sql.run('DELETE FROM response WHERE id = ? AND key_id = ?', id, keyId) === 1;
    if (removed) for (const part of ['input', 'context', 'body']) this.texts.remove(`${id}/${part}`);
    return removed;
  }
}
