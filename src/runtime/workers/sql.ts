import type { SqlStorage } from '@cloudflare/workers-types';
import type { Row, Sql, SqlValue } from '../ports.ts';

/** A Durable Object's SQLite as the Sql port. Big integers travel as decimal text: the columns' affinity makes them integers. */
export function durableSql(storage: SqlStorage): Sql {
  const bind = (values: SqlValue[]) => values.map((value) => (typeof value === 'bigint' ? value.toString() : value));
  return {
    run: (text, ...values) => {
      storage.exec(text, ...bind(values)).toArray();
      // rowsWritten also counts index rows: SQLite's own counter is what callers mean.
      return Number(storage.exec('SELECT changes() AS changed').one().changed);
    },
    all: <T extends Row>(text: string, ...values: SqlValue[]) =>
      storage.exec(text, ...bind(values)).toArray() as unknown as T[],
    script: (text) => {
      storage.exec(text);
    },
  };
}
