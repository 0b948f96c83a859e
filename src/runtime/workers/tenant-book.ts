import { DurableObject } from 'cloudflare:workers';
import type { DurableObjectState } from '@cloudflare/workers-types';
import { Book } from '../../books/book.ts';
import type { BookClient } from '../../books/index.ts';
import { durableSql } from './sql.ts';

/** Calls after which something may be due sooner. */
const bringsWork = new Set([
  'submitted',
  'lookAgain',
  'settle',
  'conclude',
  'nudge',
  'cancelJob',
  'deliver',
  'deliverAgain',
  'takeOver',
]);

/**
 * One tenant's book as a SQLite Durable Object: single-threaded, so every call is one transaction. Its alarm stands at the earliest
 * due row; what is done then is `work`, which the entry brings.
 */
export abstract class TenantBook extends DurableObject {
  private readonly book: Book;
  private armedFor: number | undefined;

  constructor(state: DurableObjectState, env: unknown) {
    super(state, env);
    this.book = new Book(durableSql(state.storage.sql));
    state.blockConcurrencyWhile(async () => {
      state.storage.transactionSync(() => this.book.migrate());
      this.armedFor = (await state.storage.getAlarm()) ?? undefined;
    });
  }

  /** Does what is due in this tenant's book. */
  protected abstract work(tenant: string, book: BookClient): Promise<void>;
  /** Milliseconds after which an open attempt without a job is taken for lost. */
  protected abstract readonly patience: number;

  /** Runs one method of the book. All or nothing: what throws is rolled back. */
  async call(tenant: string, method: string, values: unknown[]): Promise<unknown> {
    const methods = this.book as unknown as Record<string, (...values: unknown[]) => unknown>;
    const answer = this.ctx.storage.transactionSync(() => methods[method]!(...values));
    if (bringsWork.has(method) || (method === 'begin' && this.armedFor === undefined)) await this.arm(tenant);
    return answer;
  }

  async alarm(): Promise<void> {
    this.armedFor = undefined;
    const tenant = this.ctx.storage.kv.get<string>('tenant');
    if (tenant === undefined) return;
    // A slow look does not hold up what becomes due meanwhile: the book's leases keep the two apart.
    const work = this.work(tenant, this.client(tenant)).finally(() => this.arm(tenant));
    this.ctx.waitUntil(work);
    await Promise.race([work, new Promise((resolve) => setTimeout(resolve, slow))]);
    await this.arm(tenant);
  }

  /** This book for work inside the object: no call leaves it. */
  private client(tenant: string): BookClient {
    return new Proxy({} as BookClient, {
      get:
        (_, method: string) =>
        (...values: unknown[]) =>
          this.call(tenant, method, values),
    });
  }

  /** Sets the alarm to the earliest due row. */
  async arm(tenant: string): Promise<void> {
    const due = this.book.nextDue(this.patience);
    if (due === undefined || (this.armedFor !== undefined && this.armedFor <= due)) return;
    if (this.ctx.storage.kv.get('tenant') !== tenant) this.ctx.storage.kv.put('tenant', tenant);
    this.armedFor = due;
    await this.ctx.storage.setAlarm(due);
  }
}

/** Milliseconds that an alarm waits for its work before it lets the next one be set. */
const slow = 2_000;
