import { joinBytes } from '../../src/contract/index.ts';
import type { BilledCall } from './bill.ts';
import { Digest, digestOf } from './digest.ts';
import { matches, viewEntry } from './journal-view.ts';

/** How a call ended: its client left (`aborted`), or the simulator broke the connection (`broken`). */
export type Outcome = 'open' | 'finished' | 'aborted' | 'broken';

/** One request and what became of it. Times are milliseconds of the simulator's clock. */
export type JournalEntry = {
  number: number;
  provider: string;
  method: string;
  /** With the query; secrets are masked. */
  path: string;
  headers: Record<string, string>;
  /** The bytes as they came, up to the journal's limit; `bodyBytes` is their whole number. */
  body: Uint8Array;
  bodyBytes: number;
  bodyDigest: string;
  model?: string;
  /** The caller's x-client-request-id. */
  client?: string;
  fault?: string;
  at: number;
  /** Which try of the same request (method, path, body) this is, from 1. */
  attempt: number;
  /** Milliseconds since the try before. */
  gap?: number;
  /** Requests open at its arrival, itself included. */
  concurrent: number;
  status?: number;
  answerHeaders: Record<string, string>;
  answer: Uint8Array;
  answerBytes: number;
  answerDigest?: string;
  headersAt?: number;
  endedAt?: number;
  outcome: Outcome;
  billed: BilledCall[];
};

export type JournalFilter = {
  provider?: string;
  method?: string;
  /** A part of the path, or a pattern. */
  path?: string | RegExp;
  model?: string;
  status?: number;
  fault?: string;
  outcome?: Outcome;
  client?: string;
};

export type JournalLimits = { entries: number; requestBytes: number; answerBytes: number; totalBytes: number };

const usual: JournalLimits = {
  entries: 1_000,
  requestBytes: 1024 * 1024,
  answerBytes: 256 * 1024,
  totalBytes: 64 * 1024 * 1024,
};
const secretHeader = /^(authorization|proxy-authorization|cookie|set-cookie|x-goog-api-key|.*api-?key|x-key|.*token)$/i;
const secretQuery = /([?&](?:key|api_key|token|access_token)=)[^&]*/gi;
/** Said by an engine or a connection, not by the caller. */
const transport = /^(host|connection|content-length|transfer-encoding|user-agent|accept.*|sec-fetch-.*|cf-.*|date)$/i;
const longestHeader = 1_024;

/** Every request that reached simulators, in the order of arrival. Bounded: the oldest leave first. */
export class Journal {
  entries: JournalEntry[] = [];
  /** How many entries had to leave. */
  dropped = 0;
  /** The most requests that were open at once. */
  highWater = 0;
  private readonly limits: JournalLimits;
  private readonly listeners = new Set<(entry: JournalEntry) => void>();
  private readonly tries = new Map<string, { count: number; at: number }>();
  private next = 1;
  private open = 0;
  private bytes = 0;

  constructor(limits: Partial<JournalLimits> = {}) {
    this.limits = { ...usual, ...limits };
  }

  /** Notes a request that just came. */
  begin(provider: string, request: Request, body: Uint8Array, at: number): JournalEntry {
    const { pathname, search } = new URL(request.url);
    const path = (pathname + search).replace(secretQuery, '$1***');
    const bodyDigest = digestOf(body);
    const key = `${provider} ${request.method} ${path} ${bodyDigest}`;
    const before = this.tries.get(key);
    if (this.tries.size > this.limits.entries * 2) this.tries.clear();
    this.tries.set(key, { count: (before?.count ?? 0) + 1, at });
    this.highWater = Math.max(this.highWater, ++this.open);
    const kept = body.slice(0, this.limits.requestBytes);
    const entry: JournalEntry = {
      number: this.next++,
      provider,
      method: request.method,
      path,
      headers: maskedHeaders(request.headers),
      body: kept,
      bodyBytes: body.length,
      bodyDigest,
      at,
      attempt: (before?.count ?? 0) + 1,
      concurrent: this.open,
      answerHeaders: {},
      answer: new Uint8Array(),
      answerBytes: 0,
      outcome: 'open',
      billed: [],
    };
    if (before) entry.gap = at - before.at;
    const model = modelOf(path, body);
    if (model) entry.model = model;
    const client = request.headers.get('x-client-request-id');
    if (client) entry.client = client;
    this.entries.push(entry);
    this.bytes += kept.length;
    this.tell(entry);
    return entry;
  }

  /** Notes the head of the answer, and returns the answer with its body watched. */
  answered(entry: JournalEntry, answer: Response, now: () => number): Response {
    entry.status = answer.status;
    entry.answerHeaders = maskedHeaders(answer.headers);
    entry.headersAt = now();
    this.tell(entry);
    if (!answer.body) {
      this.end(entry, 'finished', now(), new Digest());
      return answer;
    }
    const reader = answer.body.getReader();
    const digest = new Digest();
    const kept: Uint8Array[] = [];
    let room = this.limits.answerBytes;
    let latest: Uint8Array = new Uint8Array();
    const end = (outcome: Outcome) => {
      if (entry.outcome !== 'open') return;
      entry.answer = joinBytes(kept);
      // One that has left already counts no longer.
      if (this.entries.includes(entry)) this.bytes += entry.answer.length;
      this.end(entry, outcome, now(), digest);
    };
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            const chunk = await reader.read();
            if (chunk.done) {
              end('finished');
              controller.close();
              return;
            }
            latest = chunk.value;
            entry.answerBytes += chunk.value.length;
            digest.add(chunk.value);
            if (room > 0) kept.push(chunk.value.slice(0, room));
            room -= chunk.value.length;
            controller.enqueue(chunk.value);
          } catch (thrown) {
            end(isAbort(thrown) ? 'aborted' : 'broken');
            controller.error(thrown);
          }
        },
        async cancel(reason) {
          end(isTerminal(latest) ? 'finished' : 'aborted');
          await reader.cancel(reason).catch(() => {});
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body, answer);
  }

  /** Notes that no answer came. */
  broke(entry: JournalEntry, thrown: unknown, at: number, aborted: boolean): void {
    this.end(entry, aborted || isAbort(thrown) ? 'aborted' : 'broken', at, new Digest());
  }

  find(filter: JournalFilter = {}): JournalEntry[] {
    return this.entries.filter((entry) => matches(entry, filter));
  }

  /** Calls whose client left before the end. */
  aborts(filter: JournalFilter = {}): JournalEntry[] {
    return this.find({ ...filter, outcome: 'aborted' });
  }

  get last(): JournalEntry | undefined {
    return this.entries.at(-1);
  }

  /** All of it as lines of JSON: the same requests under the same seed and clock give the same text, on whatever engine. */
  text(): string {
    return this.entries.map((entry) => `${JSON.stringify(viewEntry(entry))}\n`).join('');
  }

  digest(): string {
    return new Digest().text(this.text()).hex();
  }

  /** Hears of an entry when it begins, when its answer begins, and when it ends. Returns how to stop. */
  subscribe(listener: (entry: JournalEntry) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  clear(): void {
    this.entries = [];
    this.tries.clear();
    this.dropped = 0;
    this.bytes = 0;
    this.next = 1;
    this.highWater = this.open;
  }

  private end(entry: JournalEntry, outcome: Outcome, at: number, digest: Digest): void {
    if (entry.outcome !== 'open') return;
    entry.outcome = outcome;
    entry.endedAt = at;
    entry.answerDigest = digest.hex();
    this.open--;
    const { entries, totalBytes } = this.limits;
    while (this.entries.length > entries || (this.bytes > totalBytes && this.entries.length > 1)) {
      const oldest = this.entries.shift();
      if (!oldest) break;
      this.bytes -= oldest.body.length + oldest.answer.length;
      this.dropped++;
    }
    this.tell(entry);
  }

  private tell(entry: JournalEntry): void {
    for (const listener of this.listeners) listener(entry);
  }
}

function maskedHeaders(headers: Headers): Record<string, string> {
  const masked: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (transport.test(name)) continue;
    if (secretHeader.test(name)) masked[name] = value.replace(/\S+$/, '***');
    else masked[name] = value.length > longestHeader ? `${value.slice(0, longestHeader)}…` : value;
  }
  return masked;
}

function modelOf(path: string, body: Uint8Array): string | undefined {
  const start = new TextDecoder().decode(body.subarray(0, 4_096));
  const named = /"(?:model|model_id|model_name)"\s*:\s*"([^"]{1,200})"/.exec(start)?.[1];
  if (named) return named;
  const form = /name="model(?:_id)?"\r\n\r\n([^\r\n]{1,200})/.exec(start)?.[1];
  return form ?? /\/models\/([^:?]+?)(?::|\/predictions|$)/.exec(path)?.[1];
}

/** A client that leaves after the last event has got everything. */
const isTerminal = (chunk: Uint8Array) =>
  /data: ?\[DONE\]|"type": ?"(message_stop|response\.(completed|incomplete|failed))"/.test(
    new TextDecoder().decode(chunk),
  );

const isAbort = (thrown: unknown) =>
  thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError');
