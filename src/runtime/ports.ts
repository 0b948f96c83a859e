import type { Fetch, Provider, ProviderRow } from '../contract/index.ts';

/** A value SQLite can hold. Money goes in as bigint or decimal text and comes out as text (CAST AS TEXT): it may exceed 2^53. */
export type SqlValue = string | number | bigint | null | Uint8Array;
export type Row = Record<string, SqlValue>;

/** Synchronous SQLite: node:sqlite under Node, Durable Object storage on Cloudflare. The same SQL text runs on both. */
export type Sql = {
  /** Runs one statement; returns the number of changed rows. */
  run(text: string, ...values: SqlValue[]): number;
  all<T extends Row = Row>(text: string, ...values: SqlValue[]): T[];
  /** Several statements without values, for migrations. */
  script(text: string): void;
};

/** Milliseconds since 1970, UTC. */
export type Clock = { now(): number };

/** Jobs and deliveries of tenants are looked at when their book says so: one timer on Node, alarms on Workers. */
export type Wake = {
  /** The book of a tenant may have something due sooner than known. */
  arm(tenant: string): void;
  /** A generation has ended here: whoever waits for it in this process is told. */
  ended(tenant: string, generationId: string): void;
  /** Resolves when a generation has ended, or after `ms`: look at the book then. */
  whenEnded(tenant: string, generationId: string, ms: number): Promise<void>;
};

/** How a body got into the store: its length in bytes and the hex SHA-256 of them. */
export type Stored = { size: number; sha256: string };

/**
 * Outputs, one object an asset, under the asset's id: what is removed is never somebody else's, and no address has to be known
 * before the last byte is there.
 */
export type AssetStore = {
  /**
   * Takes a body in, never held whole. An object appears whole or not at all: what throws on the way leaves nothing behind.
   * @param key lower case letters, digits, `_` and `-`.
   * @throws RangeError past `limit` bytes; whatever the body itself throws.
   */
  write(key: string, body: AsyncIterable<Uint8Array> | Uint8Array, limit: number): Promise<Stored>;
  /** Length in bytes, undefined when there is no such object. */
  size(key: string): Promise<number | undefined>;
  /** `range` is inclusive, as in HTTP. Undefined when the object is gone. */
  get(
    key: string,
    range?: { start: number; end: number },
  ): Promise<{ body: ReadableStream<Uint8Array>; size: number } | undefined>;
  /** No error when there is no such object. */
  remove(key: string): Promise<void>;
};

/** How a URL is opened that a caller or a provider gave us. Times are milliseconds. */
export type UrlOptions = {
  /** Default GET. A POST is never redirected. */
  method?: 'GET' | 'POST';
  /** Default: none beyond those that ask for an unpacked body. Not carried to another origin by a redirect. */
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Bytes of the answer's body at most: by its announced length, and counted. */
  limit: number;
  /** Beginnings of the media types that a 2xx may have (`image/`). None: any. An answer that names no type passes. */
  mediaTypes?: readonly string[];
  /** Origins that the operator vouches for: may be http or private. A redirect enters them only from one of them. */
  allowedOrigins?: readonly string[];
  /** Redirects followed at most. Default 3. */
  redirects?: number;
  /** To the answer's headers, all redirects included. Default 20 s. */
  headersTimeout?: number;
  /** Between two chunks. Default 20 s. */
  idleTimeout?: number;
  /** For everything, to the body's last byte. Default 60 s. */
  totalTimeout?: number;
  signal?: AbortSignal;
  /** Carries the call in place of the network: a simulator's own fetch, which answers for its own URLs. */
  via?: Fetch;
};

export type OpenedUrl = {
  /** Any status: what it means is the opener's business. */
  status: number;
  headers: Record<string, string>;
  /** Must be read to its end or canceled. Fails with a UrlError: too large, too slow, broken off. */
  body: ReadableStream<Uint8Array>;
  /** Without parameters, lower case; empty where the answer names none. */
  mediaType: string;
  /** Announced length in bytes, where there is one. A body of another length fails. */
  size?: number;
};

/**
 * The one door to URLs that a caller or a provider gave: input media, outputs, webhooks. Public https only, by literal and by DNS,
 * at every hop.
 * @throws UrlError; the signal's reason when aborted.
 */
export type OpenUrl = (url: string, options: UrlOptions) => Promise<OpenedUrl>;

export type WireRequest = {
  url: string;
  headers: Record<string, string>;
  body: string | Uint8Array;
  signal?: AbortSignal;
  /** Milliseconds to the first header, and between two chunks. */
  headersTimeout: number;
  idleTimeout: number;
  /** Milliseconds for the whole call, however alive it looks. None where absent. */
  totalTimeout?: number;
};

/**
 * A small fetch-shaped answer for the straight path: no Response object is built for bytes that only pass.
 * Exactly one of `bytes` and `stream` is called.
 */
export type WireResponse = {
  status: number;
  header(name: string): string | undefined;
  headers(): Record<string, string>;
  /** The whole body; rejects past `limit` bytes. */
  bytes(limit: number): Promise<Uint8Array>;
  stream(): AsyncIterable<Uint8Array>;
  /** Stops the upstream call. */
  abort(): void;
};

/** The only door out of the house. */
export type Egress = {
  fetch: Fetch;
  post(request: WireRequest): Promise<WireResponse>;
};

/** A provider that can be called: its adapter, its row, its credential, and the way out to it (or to its simulator). */
export type Upstream = {
  row: ProviderRow;
  provider: Provider;
  baseUrl: string;
  key: string;
  /** All of them, where there are several: `key` is the one in use. */
  keys?: readonly string[];
  simulated: boolean;
  egress: Egress;
};

/** How long work may outlive its request: on Node as long as it takes, on Workers as the platform allows. */
export type Lifetime = {
  background(work: Promise<unknown>): void;
  /** Set where background work is cut off soon after its request: what nobody could ask about later is waited for before the answer. */
  brief?: true;
  /**
   * A body that is pulled to its end or told to stop, even where a disconnect fires no event.
   * @param stop called when the client leaves, while the source may still be waiting for its next chunk.
   */
  relay(chunks: AsyncIterable<Uint8Array>, stop?: () => void): ReadableStream<Uint8Array>;
};

/** What a door reads of a request, whoever took it in: Hono's context is one. Names of headers are lower case. */
export type Asking = {
  req: {
    method: string;
    path: string;
    header(name: string): string | undefined;
    query(name: string): string | undefined;
    text(): Promise<string>;
    arrayBuffer(): Promise<ArrayBuffer>;
    /** Read where no length was announced. The signal tells that the caller has left. */
    raw: { body: ReadableStream<Uint8Array> | null; signal: AbortSignal };
  };
};

/** A door's answer before any Response is made of it. The headers are the reader's to add to. */
export type Answered = {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array | ReadableStream<Uint8Array>;
};

/** A door that a runtime may open without the router, for requests that it `takes`: any other goes through the app. */
export type Lane = {
  takes(header: (name: string) => string | undefined): boolean;
  answer(asking: Asking, lifetime: Lifetime): Promise<Answered>;
};
