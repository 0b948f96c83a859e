import type { BookClient, Books } from '../books/index.ts';
import type { Dialect, DialectName, Route } from '../contract/index.ts';
import type { PriceList } from '../meter/catalogue.ts';
import type { AssetStore, Clock, OpenUrl, Upstream, Wake } from '../runtime/ports.ts';
import type { Directory } from './directory.ts';
import type { Health } from './health.ts';

/** Milliseconds a text call may take: to its first header, between two chunks, in all. */
export type Deadlines = { headersTimeout: number; idleTimeout: number; totalTimeout: number };

export const defaultDeadlines: Deadlines = { headersTimeout: 120_000, idleTimeout: 60_000, totalTimeout: 600_000 };

/** Milliseconds between two questions about a running job: at least and at most, whatever pace its provider names. */
export type Pace = { shortest: number; longest: number };

export const defaultPace: Pace = { shortest: 50, longest: 15_000 };

/** Waits so many milliseconds; rejects with the signal's reason when that is aborted. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** Everything the gateway needs, put together by an entry. */
export type Gateway = {
  directory: Directory;
  catalogue: PriceList;
  upstreams: ReadonlyMap<string, Upstream>;
  dialects: Readonly<Record<DialectName, Dialect>>;
  books: Books;
  assets: AssetStore;
  /** By name. */
  routes: ReadonlyMap<string, Route>;
  /** Attempts of a request in all, where its route says nothing. */
  attempts: number;
  health: Health;
  clock: Clock;
  /** From 0 to 1, 1 excluded. */
  random: () => number;
  sleep: Sleep;
  wake: Wake;
  /** Where this gateway is reached from outside, without a trailing slash; absent where no provider can call it. */
  publicUrl?: string;
  deadlines: Deadlines;
  pace: Pace;
  /** The one door to URLs that a caller or a provider gave. It lets the operator's `allowedOrigins` pass. */
  openUrl: OpenUrl;
  /** Origins that the operator vouches for: URLs of callers there may be http or private. For `checkUrl` before anything is opened. */
  allowedOrigins: readonly string[];
  /** Milliseconds that outputs are kept; absent: for ever. */
  outputLife?: number;
  /** Bytes of the largest output that is kept. Default 1 GiB. */
  largestOutput?: number;
};

/** Who asks: a live key of a tenant, and that tenant's book. */
export type Caller = {
  tenant: string;
  keyId: string;
  keyName: string;
  scopes: readonly string[];
  book: BookClient;
  /** What the key says about its calls: see KeyTerms. */
  project?: string;
  ceiling?: bigint;
  markupPpm: number;
  /** A budget covers calls of this key: learned from the book. */
  watched?: boolean;
};

/** What a request came to, for the answer's headers: filled in as it becomes known, also when it fails. */
export type Trace = {
  generation?: string;
  provider?: string;
  model?: string;
  attempts: number;
  /** Pico-dollars of all attempts, as far as they are known. */
  total?: bigint;
  cost?: string;
  costStatus?: string;
  simulated?: boolean;
  warnings: string[];
};

export function newTrace(): Trace {
  return {
    generation: undefined,
    provider: undefined,
    model: undefined,
    attempts: 0,
    total: undefined,
    cost: undefined,
    costStatus: undefined,
    simulated: undefined,
    warnings: [],
  };
}
