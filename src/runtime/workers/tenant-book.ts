import { DurableObject } from 'cloudflare:workers';
import type { DurableObjectState } from '@cloudflare/workers-types';
import { Book } from '../../books/book.ts';
import { durableSql } from './sql.ts';

/** One tenant's book as a SQLite Durable Object: single-threaded, so every call is one transaction. */
export class TenantBook extends DurableObject {
  private readonly book: Book;

  constructor(state: DurableObjectState, env: unknown) {
    super(state, env);
    const sql = durableSql(state.storage.sql);
    this.book = new Book(sql);
    state.blockConcurrencyWhile(async () => state.storage.transactionSync(() => this.book.migrate()));
  }

  /** Runs one method of the book. All or nothing: what throws is rolled back. */
  async call(method: string, values: unknown[]): Promise<unknown> {
    const methods = this.book as unknown as Record<string, (...values: unknown[]) => unknown>;
    return this.ctx.storage.transactionSync(() => methods[method]!(...values));
  }
}
