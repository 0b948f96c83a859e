import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Book } from '../../books/book.ts';
import type { BookClient, Books } from '../../books/index.ts';
import { GatewayError } from '../../contract/index.ts';
import { openSql, type SqlFile } from './sql.ts';

type Task = { method: string; values: unknown[]; resolve: (value: unknown) => void; reject: (reason: unknown) => void };

/** Books as files under a folder, one per tenant, opened on first use. */
export type FileBooks = Books & {
  /** Every tenant that has a book. */
  tenants(): string[];
  /** Makes the tenant's book if it is missing. */
  create(tenant: string): BookClient;
  close(): void;
};

/** Milliseconds without a call after which a book is quiet. */
const quietTime = 2_000;

const tenantPattern = /^[a-z0-9-]{1,40}$/;

export function openBooks(
  folder: string,
  listTenants: () => string[],
  synchronous: 'FULL' | 'NORMAL' = 'NORMAL',
): FileBooks {
  mkdirSync(folder, { recursive: true });
  const open = new Map<string, { client: BookClient; close(): void }>();
  const bookOf = (tenant: string, make: boolean): BookClient => {
    const known = open.get(tenant);
    if (known) return known.client;
    const path = join(folder, `${tenant}.sqlite`);
    if (!tenantPattern.test(tenant) || (!make && !existsSync(path))) {
      throw new GatewayError('invalid_api_key', 'The API key is not valid.');
    }
    const made = hostBook(openSql(path, synchronous));
    open.set(tenant, made);
    return made.client;
  };
  return {
    of: (tenant) => bookOf(tenant, false),
    create: (tenant) => bookOf(tenant, true),
    tenants: listTenants,
    close: () => {
      for (const book of open.values()) book.close();
      open.clear();
    },
  };
}

/**
 * Runs a book on this thread with group commit: all calls of one turn of the event loop share one transaction and are
 * answered after its commit. A call that throws is rolled back alone. What the log has gathered goes into the file in quiet moments.
 */
export function hostBook(sql: SqlFile, quiet = quietTime): { client: BookClient; close(): void } {
  const book = new Book(sql);
  book.migrate();
  const methods = book as unknown as Record<string, (...values: unknown[]) => unknown>;
  let waiting: Task[] = [];
  let crowd = 0;

  const tidy = setTimeout(() => {
    if (waiting.length > 0) return;
    try {
      sql.checkpoint();
    } catch {
      // Somebody else holds the file: the next quiet moment, or SQLite itself, does it.
    }
  }, quiet).unref();

  const undo = () => {
    rollBack(sql);
    book.rolledBack();
  };

  const alone = (task: Task) => {
    try {
      sql.begin();
      const value = methods[task.method]!(...task.values);
      sql.commit();
      task.resolve(value);
    } catch (thrown) {
      undo();
      task.reject(storeError(thrown));
    }
  };

  const flush = () => {
    const tasks = waiting;
    waiting = [];
    crowd = tasks.length;
    tidy.refresh();
    if (tasks.length === 1) return alone(tasks[0]!);
    const values: unknown[] = [];
    try {
      sql.begin();
    } catch (thrown) {
      // Somebody else holds the file. Whoever waits has waited once: this thread stands still meanwhile.
      for (const task of tasks) task.reject(storeError(thrown));
      return;
    }
    try {
      for (const task of tasks) values.push(methods[task.method]!(...task.values));
      sql.commit();
    } catch {
      undo();
      for (const task of tasks) alone(task);
      return;
    }
    for (let index = 0; index < tasks.length; index++) tasks[index]!.resolve(values[index]);
  };

  const client = new Proxy({} as BookClient, {
    get:
      (_, method: string) =>
      (...values: unknown[]) =>
        new Promise((resolve, reject) => {
          // Under load a millisecond of patience makes fewer, larger commits.
          if (waiting.length === 0) crowd > 2 ? setTimeout(flush, 1) : setImmediate(flush);
          waiting.push({ method, values, resolve, reject });
        }),
  });
  return {
    client,
    close: () => {
      if (waiting.length > 0) flush();
      clearTimeout(tidy);
      sql.close();
    },
  };
}

function rollBack(sql: SqlFile): void {
  try {
    sql.rollback();
  } catch {
    // No transaction was open: BEGIN itself failed.
  }
}

function storeError(thrown: unknown): unknown {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('store_unavailable', { message: 'The ledger cannot be written now.', cause: thrown });
}
