import type { Row, Sql } from '../runtime/ports.ts';

/** The answer that a repeated request gets: `body` is the address of its bytes in the asset store. */
export type KeptAnswer = { status: number; headers: Record<string, string>; body: string };

/**
 * What became of a request with this Idempotency-Key: `new` runs now, `running` was sent before and has no answer yet,
 * `answered` has one, `conflict` was sent with another body.
 */
export type IdempotentClaim =
  | { state: 'new' | 'conflict' }
  | { state: 'running'; generationId?: string; since: number }
  | { state: 'answered'; generationId?: string; answer: KeptAnswer };

/** Milliseconds a record lives, and after which a request that has begun no generation is taken for lost. */
const life = 86_400_000;
const lost = 120_000;

/** Requests that must not run twice, by key and Idempotency-Key. */
export class Idempotency {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  /** @param lifeMs how old a record may be that still counts. */
  claim(keyId: string, name: string, fingerprint: string, now: number, lifeMs = life): IdempotentClaim {
    const row = this.find(keyId, name);
    if (row && !isStale(row, now, lifeMs)) {
      if (row.fingerprint !== fingerprint) return { state: 'conflict' };
      const known = row.generation_id === null ? {} : { generationId: String(row.generation_id) };
      if (row.answer === null) return { state: 'running', since: Number(row.created_at), ...known };
      return { state: 'answered', answer: JSON.parse(String(row.answer)) as KeptAnswer, ...known };
    }
    this.sql.run(
      `INSERT INTO idempotency (key_id, name, fingerprint, created_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (key_id, name) DO UPDATE SET fingerprint = excluded.fingerprint, created_at = excluded.created_at,
       generation_id = NULL, answer = NULL`,
      keyId,
      name,
      fingerprint,
      now,
    );
    return { state: 'new' };
  }

  /** The generation that a request began: from here on it is never run again. */
  attach(keyId: string, name: string, generationId: string): void {
    this.sql.run('UPDATE idempotency SET generation_id = ? WHERE key_id = ? AND name = ?', generationId, keyId, name);
  }

  answer(keyId: string, name: string, answer: KeptAnswer): void {
    this.sql.run(
      'UPDATE idempotency SET answer = ? WHERE key_id = ? AND name = ?',
      JSON.stringify(answer),
      keyId,
      name,
    );
  }

  /** Forgets a request that came to nothing: it may be sent again. */
  forget(keyId: string, name: string): void {
    this.sql.run('DELETE FROM idempotency WHERE key_id = ? AND name = ?', keyId, name);
  }

  /** Forgets requests that a stopped process had begun nothing for. */
  forgetBegun(before: number): void {
    this.sql.run('DELETE FROM idempotency WHERE generation_id IS NULL AND answer IS NULL AND created_at < ?', before);
  }

  private find(keyId: string, name: string): Row | undefined {
    return this.sql.all('SELECT * FROM idempotency WHERE key_id = ? AND name = ?', keyId, name)[0];
  }
}

function isStale(row: Row, now: number, lifeMs: number): boolean {
  const age = now - Number(row.created_at);
  return age > lifeMs || (age > lost && row.generation_id === null && row.answer === null);
}
