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

/** A record past its life, and where the bytes of its answer are. */
export type AgedRequest = { keyId: string; name: string; at: number; body?: string };

/** Milliseconds a record lives, and after which a request that has begun no generation is taken for lost. */
const life = 86_400_000;
const lost = 120_000;
/** Milliseconds that an answer of the cache may be asked to live at most. Its records are of "cache": no key is called so. */
const longestCached = 30 * life;
/** Whose records the answers are that no request has any more: their bytes are yet to be removed. */
const nobody = 'nobody';

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
    this.leave(keyId, name);
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

  /** The answer that is told from here on. Where the request was forgotten meanwhile nobody is told it, and its bytes go. */
  answer(keyId: string, name: string, answer: KeptAnswer): void {
    const text = JSON.stringify(answer);
    this.leave(keyId, name);
    const changed = this.sql.run('UPDATE idempotency SET answer = ? WHERE key_id = ? AND name = ?', text, keyId, name);
    if (changed > 0) return;
    this.sql.run(
      "INSERT INTO idempotency (key_id, name, fingerprint, created_at, answer) VALUES (?, ?, '', 0, ?)",
      nobody,
      answer.body,
      text,
    );
  }

  /** Forgets a request that came to nothing: it may be sent again. */
  forget(keyId: string, name: string): void {
    this.leave(keyId, name);
    this.sql.run('DELETE FROM idempotency WHERE key_id = ? AND name = ?', keyId, name);
  }

  /** Forgets requests that a stopped process had begun nothing for. */
  forgetBegun(before: number): void {
    this.sql.run('DELETE FROM idempotency WHERE generation_id IS NULL AND answer IS NULL AND created_at < ?', before);
  }

  /**
   * Records that nobody is answered by any more, the oldest of each kind first. The bytes go before the rows (`removeAged`): what is
   * left half-way is found again.
   */
  aged(now: number, most: number): AgedRequest[] {
    const older = (isCached: 0 | 1, lifeMs: number) =>
      this.sql.all(
        `SELECT key_id, name, created_at, answer ->> 'body' AS body FROM idempotency
         WHERE (key_id = 'cache') = ? AND created_at < ? ORDER BY created_at LIMIT ?`,
        isCached,
        now - lifeMs,
        most,
      );
    return [...older(0, life), ...older(1, longestCached)].slice(0, most).map((row) => ({
      keyId: String(row.key_id),
      name: String(row.name),
      at: Number(row.created_at),
      ...(row.body === null ? {} : { body: String(row.body) }),
    }));
  }

  /** Removes what `aged` found, save what has changed since. */
  removeAged(found: readonly AgedRequest[]): void {
    for (const { keyId, name, at, body } of found) {
      this.sql.run(
        "DELETE FROM idempotency WHERE key_id = ? AND name = ? AND created_at = ? AND answer ->> 'body' IS ?",
        keyId,
        name,
        at,
        body ?? null,
      );
    }
  }

  /** Before a record loses its answer: the address of the bytes stays, and ages on. */
  private leave(keyId: string, name: string): void {
    this.sql.run(
      `INSERT INTO idempotency (key_id, name, fingerprint, created_at, answer)
       SELECT ?, answer ->> 'body', '', created_at, answer FROM idempotency
       WHERE key_id = ? AND name = ? AND answer IS NOT NULL ON CONFLICT DO NOTHING`,
      nobody,
      keyId,
      name,
    );
  }

  private find(keyId: string, name: string): Row | undefined {
    return this.sql.all('SELECT * FROM idempotency WHERE key_id = ? AND name = ?', keyId, name)[0];
  }
}

function isStale(row: Row, now: number, lifeMs: number): boolean {
  const age = now - Number(row.created_at);
  return age > lifeMs || (age > lost && row.generation_id === null && row.answer === null);
}
