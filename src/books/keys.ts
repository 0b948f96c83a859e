import type { Row, Sql } from '../runtime/ports.ts';

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
  project?: string;
  /** Pico-dollars at which a call without a known price is admitted under a budget; absent refuses such calls. */
  ceiling?: bigint;
  /** What the key's customer is charged on top of the provider's cost, in millionths. */
  markupPpm?: number;
};

/** What a key's calls carry with them. */
export type KeyTerms = { project?: string; ceiling?: bigint; markupPpm: number };

export type KeyRow = Omit<NewKey, 'hash'> & KeyTerms & { revokedAt?: number };
/** `expiresAt` in milliseconds, where it ends by itself. */
export type KeyGrant = { id: string; name: string; scopes: Scope[]; expiresAt?: number } & KeyTerms;

/** Virtual keys of the tenant. */
export class Keys {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  create(key: NewKey): void {
    this.sql.run(
      `INSERT INTO key (id, hash, name, hint, scopes, created_at, expires_at, project, ceiling_pico, markup_ppm)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      key.id,
      key.hash,
      key.name,
      key.hint,
      JSON.stringify(key.scopes),
      key.at,
      key.expiresAt ?? null,
      key.project ?? null,
      key.ceiling ?? null,
      key.markupPpm ?? 0,
    );
  }

  list(): KeyRow[] {
    return this.sql.all(`SELECT ${columns} FROM key ORDER BY created_at`).map((row) => ({
      id: String(row.id),
      name: String(row.name),
      hint: String(row.hint),
      scopes: JSON.parse(String(row.scopes)),
      at: Number(row.created_at),
      ...(row.expires_at === null ? {} : { expiresAt: Number(row.expires_at) }),
      ...(row.revoked_at === null ? {} : { revokedAt: Number(row.revoked_at) }),
      ...termsOf(row),
    }));
  }

  revoke(id: string, at: number): boolean {
    return this.sql.run('UPDATE key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL', at, id) === 1;
  }

  authorize(hash: string, at: number): KeyGrant | undefined {
    const row = this.sql.all(
      `SELECT ${columns} FROM key WHERE hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
      hash,
      at,
    )[0];
    return (
      row && {
        id: String(row.id),
        name: String(row.name),
        scopes: JSON.parse(String(row.scopes)),
        ...(row.expires_at === null ? {} : { expiresAt: Number(row.expires_at) }),
        ...termsOf(row),
      }
    );
  }
}

const columns = `id, name, hint, scopes, created_at, expires_at, revoked_at, project, markup_ppm,
  CAST(ceiling_pico AS TEXT) AS ceiling`;

function termsOf(row: Row): KeyTerms {
  return {
    ...(row.project === null ? {} : { project: String(row.project) }),
    ...(row.ceiling === null ? {} : { ceiling: BigInt(String(row.ceiling)) }),
    markupPpm: Number(row.markup_ppm),
  };
}
