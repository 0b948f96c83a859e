import type { Sql } from '../runtime/ports.ts';

export type Scope = 'generate' | 'spend';

export type NewKey = {
  id: string;
  /** Hex SHA-256 of the whole key; the key itself is never stored. */
  hash: string;
  name: string;
  /** First and last characters, for people. */
  hint: string;
  scopes: Scope[];
  at: number;
  expiresAt?: number;
};

export type KeyRow = Omit<NewKey, 'hash'> & { revokedAt?: number };
export type KeyGrant = { id: string; name: string; scopes: Scope[] };

/** Virtual keys of the tenant. */
export class Keys {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  create(key: NewKey): void {
    this.sql.run(
      'INSERT INTO key (id, hash, name, hint, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      key.id,
      key.hash,
      key.name,
      key.hint,
      JSON.stringify(key.scopes),
      key.at,
      key.expiresAt ?? null,
    );
  }

  list(): KeyRow[] {
    return this.sql.all('SELECT * FROM key ORDER BY created_at').map((row) => ({
      id: String(row.id),
      name: String(row.name),
      hint: String(row.hint),
      scopes: JSON.parse(String(row.scopes)),
      at: Number(row.created_at),
      ...(row.expires_at === null ? {} : { expiresAt: Number(row.expires_at) }),
      ...(row.revoked_at === null ? {} : { revokedAt: Number(row.revoked_at) }),
    }));
  }

  revoke(id: string, at: number): boolean {
    return this.sql.run('UPDATE key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL', at, id) === 1;
  }

  authorize(hash: string, at: number): KeyGrant | undefined {
    const row = this.sql.all(
      'SELECT id, name, scopes FROM key WHERE hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)',
      hash,
      at,
    )[0];
    return row && { id: String(row.id), name: String(row.name), scopes: JSON.parse(String(row.scopes)) };
  }
}
