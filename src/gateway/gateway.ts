import type { BookClient, Books } from '../books/index.ts';
import type { Dialect, DialectName } from '../contract/index.ts';
import type { PriceList } from '../meter/catalogue.ts';
import type { AssetStore, Clock, Upstream } from '../runtime/ports.ts';
import type { Directory } from './directory.ts';

/** Milliseconds a text call may take: to its first header, between two chunks, in all. */
export type Deadlines = { headersTimeout: number; idleTimeout: number; totalTimeout: number };

export const defaultDeadlines: Deadlines = { headersTimeout: 120_000, idleTimeout: 60_000, totalTimeout: 600_000 };

/** Everything the gateway needs, put together by an entry. */
export type Gateway = {
  directory: Directory;
  catalogue: PriceList;
  upstreams: ReadonlyMap<string, Upstream>;
  dialects: Readonly<Record<DialectName, Dialect>>;
  books: Books;
  assets: AssetStore;
  clock: Clock;
  deadlines: Deadlines;
  /** Fetches a caller-given public URL, guarded: no private addresses, no redirects, `limit` bytes at most. */
  fetchPublic(url: string, limit: number): Promise<{ bytes: Uint8Array; mediaType: string }>;
};

/** Who asks: a live key of a tenant, and that tenant's book. */
export type Caller = { tenant: string; keyId: string; keyName: string; scopes: readonly string[]; book: BookClient };

/** What a request came to, for the answer's headers: filled in as it becomes known, also when it fails. */
export type Trace = {
  generation?: string;
  provider?: string;
  model?: string;
  attempts: number;
  cost?: string;
  costStatus?: string;
  simulated?: boolean;
  warnings: string[];
};

export function newTrace(): Trace {
  return { attempts: 0, warnings: [] };
}
