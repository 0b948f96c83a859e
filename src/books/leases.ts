import type { Row, Sql } from '../runtime/ports.ts';
import { numberOf } from './rows.ts';

/** Which rows are worked on: those of a table, as far as a condition of SQL holds for them. `key` is the column that names one. */
type Leased = { table: string; key: string; condition?: string };

/** Rows that are due at a time each. Whoever takes one holds a lease on it, so that nobody else does until that has ended. */
export class Leases {
  private readonly sql: Sql;
  private readonly leased: Required<Leased>;

  constructor(sql: Sql, leased: Leased) {
    this.sql = sql;
    this.leased = { condition: 'TRUE', ...leased };
  }

  /**
   * Takes rows that are due, for the time of a lease. Returns them as they were before.
   * @param which a further condition of SQL.
   */
  claim(now: number, lease: number, most: number, which = 'TRUE'): Row[] {
    const { table, key, condition } = this.leased;
    const rows = this.sql.all(
      `SELECT * FROM ${table} WHERE ${condition} AND ${which} AND due <= ? AND leased_until <= ? ORDER BY due LIMIT ?`,
      now,
      now,
      most,
    );
    for (const row of rows) {
      this.sql.run(
        `UPDATE ${table} SET leased_until = ?, tries = tries + 1 WHERE ${key} = ?`,
        now + lease,
        String(row[key]),
      );
    }
    return rows;
  }

  /** When there is something to take; undefined for never. */
  nextDue(): number | undefined {
    const { table, condition } = this.leased;
    return numberOf(this.sql.all(`SELECT MIN(MAX(due, leased_until)) AS due FROM ${table} WHERE ${condition}`)[0]?.due);
  }

  /** Ends all leases at once: whoever held them is gone. */
  release(): void {
    const { table, condition } = this.leased;
    this.sql.run(`UPDATE ${table} SET leased_until = 0 WHERE ${condition} AND leased_until > 0`);
  }
}
