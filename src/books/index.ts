import type { Book } from './book.ts';

export type * from './assets.ts';
export type * from './attempts.ts';
export type * from './beginning.ts';
export type * from './book.ts';
export type * from './budget.ts';
export { budgetScopes, budgetUnits, unitDigits } from './budget.ts';
export type * from './deliveries.ts';
export type * from './generations.ts';
export type * from './idempotency.ts';
export type * from './jobs.ts';
export type * from './keys.ts';
export type * from './mix.ts';
export type * from './responses.ts';
export type * from './spend.ts';
export { spendFilters, spendGroups } from './spend.ts';

/** A book as seen from another thread or machine: the same methods, asynchronous, without those for its host. */
export type BookClient = {
  [Method in Exclude<keyof Book, 'migrate' | 'rolledBack'>]: (
    ...values: Parameters<Book[Method]>
  ) => Promise<ReturnType<Book[Method]>>;
};

/** Opens tenants' books. A tenant without a book has no keys, so nothing in it can be reached. */
export type Books = {
  of(tenant: string): BookClient;
  /** Whether what is to be written now can be; absent where that is not known. */
  ready?(): boolean;
};
export { windows } from './windows.ts';
