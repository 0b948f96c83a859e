import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Book } from '../../books/book.ts';
import type { AssetRow, BookClient, Books } from '../../books/index.ts';
import { GatewayError } from '../../contract/index.ts';
import { storeError } from '../store-error.ts';
import { Spill } from './spill.ts';
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
/** Milliseconds between two tries to write what could not be written. */
const retryTime = 500;

export type HostOptions = {
  /** Milliseconds without a call after which the log goes into the file. */
  quiet?: number;
  /** Takes what must not be lost while the book cannot be written. Without it that fails like any other call. */
  spill?: Spill;
  /** Something was made good later: there may be work to do. */
  told?: () => void;
};

/** A book with its thread: `ready` says whether it can be written now. */
export type Hosted = { client: BookClient; ready(): boolean; close(): void };

/** Calls that come after a provider's work, with what is answered where they are spilled. Each may be made twice. */
const spilled: Partial<Record<keyof BookClient, unknown>> = {
  addAsset: undefined,
  submitted: undefined,
  settle: 'settled',
  conclude: false,
};

/** Milliseconds that a commit waits for company: the longer, the more came together the last time. */
function patienceFor(crowd: number): number {
  if (crowd > 16) return 4;
  return crowd > 8 ? 2 : 1;
}

const tenantPattern = /^[a-z0-9-]{1,40}$/;

export function openBooks(
  folder: string,
  listTenants: () => string[],
  synchronous: 'FULL' | 'NORMAL' = 'NORMAL',
  told: (tenant: string) => void = () => {},
): FileBooks {
  mkdirSync(folder, { recursive: true });
  const open = new Map<string, Hosted>();
  const bookOf = (tenant: string, make: boolean): BookClient => {
    const known = open.get(tenant);
    if (known) return known.client;
    const path = join(folder, `${tenant}.sqlite`);
    if (!tenantPattern.test(tenant) || (!make && !existsSync(path))) {
      throw new GatewayError('invalid_api_key', 'The API key is not valid.');
    }
    const spill = new Spill(join(folder, `${tenant}.spill`));
    const made = hostBook(openSql(path, synchronous), { spill, told: () => told(tenant) });
    open.set(tenant, made);
    return made.client;
  };
  return {
    of: (tenant) => bookOf(tenant, false),
    create: (tenant) => bookOf(tenant, true),
    tenants: listTenants,
    ready: () => [...open.values()].every((hosted) => hosted.ready()),
    close: () => {
      for (const book of open.values()) book.close();
      open.clear();
    },
  };
}

/**
 * Runs a book on this thread with group commit: all calls of one turn of the event loop share one transaction and are
 * answered after its commit. A call that throws is rolled back alone. What the log has gathered goes into the file in quiet moments.
 * What a provider has done already is never refused: where it cannot be written it is spilled, answered for, and made good as soon as
 * that is possible.
 */
export function hostBook(sql: SqlFile, options: HostOptions = {}): Hosted {
  const { quiet = quietTime, spill, told } = options;
  const book = new Book(sql);
  book.migrate();
  const methods = book as unknown as Record<string, (...values: unknown[]) => unknown>;
  let waiting: Task[] = [];
  let crowd = 0;
  let failing = false;
  let retry: NodeJS.Timeout | undefined;

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
      failing = false;
      task.resolve(value);
    } catch (thrown) {
      undo();
      refuse(task, thrown);
    }
  };

  const refuse = (task: Task, thrown: unknown) => {
    const error = storeError(thrown);
    if (error === thrown) return task.reject(error);
    failing = true;
    if (!spill || !(task.method in spilled)) return task.reject(error);
    try {
      spill.put([task.method, ...task.values]);
      task.resolve(spilled[task.method as keyof BookClient]);
      retry ??= setTimeout(tryAgain, retryTime);
    } catch {
      task.reject(error);
    }
  };

  /** Writes what was spilled, or tries again later. Throws what keeps it from being written. */
  const makeGood = (patient: boolean) => {
    clearTimeout(retry);
    retry = undefined;
    if (!spill || spill.isEmpty) return;
    try {
      sql.begin(patient);
      for (const [method, ...values] of spill.read()) {
        const isThere = method === 'addAsset' && book.asset((values[0] as AssetRow).id) !== undefined;
        if (!isThere) methods[String(method)]!(...values);
      }
      sql.commit();
      failing = false;
      // After the commit: twice changes nothing, never would.
      spill.clear();
      told?.();
    } catch (thrown) {
      undo();
      retry = setTimeout(tryAgain, retryTime);
      throw thrown;
    }
  };

  const tryAgain = () => {
    try {
      makeGood(false);
    } catch {
      // It is tried again.
    }
  };

  const isWritable = () => {
    try {
      sql.begin(false);
      sql.rollback();
      return true;
    } catch {
      return false;
    }
  };

  const flush = () => {
    const tasks = waiting;
    waiting = [];
    crowd = tasks.length;
    tidy.refresh();
    try {
      // Nothing overtakes what was spilled: whoever reads would take it for never done.
      if (retry) makeGood(true);
    } catch (thrown) {
      for (const task of tasks) refuse(task, thrown);
      return;
    }
    if (tasks.length === 1) return alone(tasks[0]!);
    const values: unknown[] = [];
    try {
      sql.begin();
    } catch (thrown) {
      // Somebody else holds the file. Whoever waits has waited once: this thread stands still meanwhile.
      for (const task of tasks) refuse(task, thrown);
      return;
    }
    try {
      for (const task of tasks) values.push(methods[task.method]!(...task.values));
      sql.commit();
      failing = false;
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
          // Under load some milliseconds of patience make fewer, larger commits.
          if (waiting.length === 0) crowd > 2 ? setTimeout(flush, patienceFor(crowd)) : setImmediate(flush);
          waiting.push({ method, values, resolve, reject });
        }),
  });
  tryAgain();
  return {
    client,
    ready: () => !failing || isWritable(),
    close: () => {
      if (waiting.length > 0) flush();
      clearTimeout(tidy);
      clearTimeout(retry);
      spill?.close();
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
