import { DurableObject } from 'cloudflare:workers';
import type { DurableObjectState } from '@cloudflare/workers-types';
import { Book } from '../../books/book.ts';
import { Deliveries } from '../../books/deliveries.ts';
import type { Beginning, BookClient } from '../../books/index.ts';
import { Jobs } from '../../books/jobs.ts';
import { storeError } from '../store-error.ts';
import type { Told } from './books.ts';
import { durableSql } from './sql.ts';

/** Calls after which something may be due sooner. */
const bringsWork = new Set([
  'submitted',
  'lookAgain',
  'settle',
  'conclude',
  'concludeAbandoned',
  'nudge',
  'cancelJob',
  'deliver',
  'deliverAgain',
  'takeOver',
]);

/** Milliseconds that an alarm waits for its work before it lets the next one be set. */
const slow = 2_000;
/** Milliseconds until the next alarm: at most while work is under way, so that the platform sees that the object lives; and at all. */
const beat = 20_000;
const hour = 3_600_000;
/** Milliseconds until the next alarm where what is due is being done, and the longest pause after work that could not begin. */
const crowded = 100;
const longestRest = 60_000;

/**
 * One tenant's book as a SQLite Durable Object: single-threaded, so every call is one transaction. Its alarm stands at the earliest
 * due row, and an hour ahead where nothing is due; what is done then is `work`, which the entry brings.
 */
export abstract class TenantBook extends DurableObject {
  private readonly book: Book;
  /** False until the tenant has a book: an object of a guessed name keeps nothing. */
  private open = false;
  private armedFor: number | undefined;
  /** Alarms whose work is under way, and how many in a row could not do theirs. */
  private working = 0;
  private failures = 0;
  private restUntil = 0;

  constructor(state: DurableObjectState, env: unknown) {
    super(state, env);
    this.book = new Book(durableSql(state.storage.sql));
    state.blockConcurrencyWhile(async () => {
      this.armedFor = (await state.storage.getAlarm()) ?? undefined;
      if (state.storage.kv.get('tenant') !== undefined) this.found();
    });
  }

  /** Does what is due in this tenant's book. */
  protected abstract work(tenant: string, book: BookClient): Promise<void>;
  /** Milliseconds after which an open attempt without a job is taken for lost. */
  protected abstract readonly patience: number;

  /** Opens the book, new or of an earlier object: whatever that one was looking at, it does no more. */
  private found(): void {
    this.ctx.storage.transactionSync(() => {
      this.book.migrate();
      const sql = durableSql(this.ctx.storage.sql);
      new Jobs(sql).releaseLooks();
      new Deliveries(sql).release();
    });
    this.open = true;
  }

  /**
   * Runs one method of the book. All or nothing: what throws is rolled back.
   * @param founds whether the book is made where there is none; else the answer is empty.
   */
  async call(tenant: string, method: string, values: unknown[], founds: boolean): Promise<Told> {
    if (!this.open && !founds) return [];
    if (!this.open) {
      this.ctx.storage.kv.put('tenant', tenant);
      this.found();
    }
    const answer = this.run(method, values);
    if (bringsWork.has(method) || (method === 'begin' && this.isDueSooner((values[2] ?? {}) as Beginning)))
      await this.arm();
    return [answer];
  }

  /** Whether an attempt that has just begun is to be looked at, should nothing more be heard of it, before the alarm rings. */
  private isDueSooner({ job }: Beginning): boolean {
    return (this.armedFor ?? Number.POSITIVE_INFINITY) > (job?.leasedUntil ?? Date.now() + this.patience);
  }

  private run(method: string, values: unknown[]): unknown {
    const methods = this.book as unknown as Record<string, (...values: unknown[]) => unknown>;
    try {
      return this.ctx.storage.transactionSync(() => methods[method]!(...values));
    } catch (thrown) {
      this.book.rolledBack();
      throw thrown;
    }
  }

  /** Never throws: the platform would ring six times more and then for ever be silent. */
  async alarm(): Promise<void> {
    this.armedFor = undefined;
    const tenant = this.ctx.storage.kv.get<string>('tenant');
    if (tenant === undefined) return;
    // A slow look does not hold up what becomes due meanwhile: the book's leases keep the two apart.
    const work = this.attend(tenant);
    this.ctx.waitUntil(work);
    await Promise.race([work, new Promise((resolve) => setTimeout(resolve, slow))]);
    await this.arm();
  }

  private async attend(tenant: string): Promise<void> {
    this.working++;
    try {
      await this.work(tenant, this.client(tenant));
      this.failures = 0;
    } catch (thrown) {
      this.restUntil = Date.now() + Math.min(longestRest, 1_000 * 2 ** this.failures++);
      console.error('the work of an alarm could not be done', thrown);
    }
    this.working--;
    await this.arm();
  }

  /** This book for work inside the object: no call leaves it. */
  private client(tenant: string): BookClient {
    return new Proxy({} as BookClient, {
      get:
        (_, method: string) =>
        async (...values: unknown[]) => {
          try {
            return (await this.call(tenant, method, values, false))[0];
          } catch (thrown) {
            throw storeError(thrown);
          }
        },
    });
  }

  /** Sets the alarm to the earliest due row. */
  private async arm(): Promise<void> {
    const now = Date.now();
    const latest = now + (this.working > 0 ? beat : hour);
    const soonest = Math.max(this.restUntil, this.working > 0 ? now + crowded : 0);
    const due = Math.max(soonest, Math.min(latest, this.book.nextDue(this.patience) ?? latest));
    if (this.armedFor !== undefined && this.armedFor <= due) return;
    this.armedFor = due;
    await this.ctx.storage.setAlarm(due);
  }
}
