import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Row, Sql, SqlValue } from '../ports.ts';

/** A SQLite file as the Sql port, plus the transaction verbs its host needs. Statements are prepared once. */
export type SqlFile = Sql & {
  /** @param patient false where a file that somebody else holds is not waited for. */
  begin(patient?: boolean): void;
  commit(): void;
  rollback(): void;
  /** Brings the log's pages into the file, as far as nobody holds them: at best when nobody waits, for the disk takes its time. */
  checkpoint(): void;
  close(): void;
};

/** Pages of the log (4 KB each) that are brought into the file in the middle of the work. SQLite's 1,000 cost as much as all commits. */
const longestLog = 8_000;
/** Milliseconds that a file somebody else holds is waited for. */
const patience = 2_000;

/**
 * Opens (or makes) a book file in WAL mode.
 * @param path a file, or ":memory:".
 * @param synchronous FULL survives power loss, NORMAL only a crash of the process.
 */
export function openSql(path: string, synchronous: 'FULL' | 'NORMAL' = 'NORMAL'): SqlFile {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}; PRAGMA busy_timeout = ${patience};
    PRAGMA wal_autocheckpoint = ${longestLog};`);
  const prepared = new Map<string, StatementSync>();
  const prepare = (text: string): StatementSync => {
    let statement = prepared.get(text);
    if (!statement) {
      statement = database.prepare(text);
      prepared.set(text, statement);
    }
    return statement;
  };
  return {
    run: (text, ...values) => Number(prepare(text).run(...(values as SqlValue[])).changes),
    all: <T extends Row>(text: string, ...values: SqlValue[]) => prepare(text).all(...values) as T[],
    script: (text) => database.exec(text),
    begin: (patient = true) => {
      if (patient) return void prepare('BEGIN IMMEDIATE').run();
      database.exec('PRAGMA busy_timeout = 0');
      try {
        prepare('BEGIN IMMEDIATE').run();
      } finally {
        database.exec(`PRAGMA busy_timeout = ${patience}`);
      }
    },
    commit: () => prepare('COMMIT').run(),
    rollback: () => prepare('ROLLBACK').run(),
    checkpoint: () => database.exec('PRAGMA wal_checkpoint(PASSIVE)'),
    close: () => database.close(),
  };
}
