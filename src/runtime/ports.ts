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

/** Content-addressed bytes. `key` is a hex SHA-256. */
export type AssetStore = {
  has(key: string): Promise<boolean>;
  put(key: string, bytes: Uint8Array, mediaType: string): Promise<void>;
  /** `range` is inclusive, as in HTTP. Undefined when the object is gone. */
  get(
    key: string,
    range?: { start: number; end: number },
  ): Promise<{ body: ReadableStream<Uint8Array>; size: number } | undefined>;
};

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
  simulated: boolean;
  egress: Egress;
};

/** How long work may outlive its request: on Node as long as it takes, on Workers as the platform allows. */
export type Lifetime = {
  background(work: Promise<unknown>): void;
  /**
   * A body that is pulled to its end or told to stop, even where a disconnect fires no event.
   * @param stop called when the client leaves, while the source may still be waiting for its next chunk.
   */
  relay(chunks: AsyncIterable<Uint8Array>, stop?: () => void): ReadableStream<Uint8Array>;
};
