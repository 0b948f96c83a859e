import type { Dispatcher } from 'undici';
import { GatewayError } from '../../contract/index.ts';
import type { WireRequest, WireResponse } from '../ports.ts';

type Headers = Record<string, string | string[] | undefined>;

/** Bytes that wait to be read before the socket is paused, and up to which they are passed on in one piece. */
const mostQueued = 1 << 18;
const mergedSize = 1 << 16;

/** One call, answered when its headers are here. The body waits, paused, until it is asked for. */
export function dispatch(agent: Dispatcher, method: string, request: WireRequest): Promise<WireResponse> {
  return new Promise((resolve, reject) => {
    const { origin, path } = placeOf(request.url);
    if (request.signal?.aborted) return reject(request.signal.reason);
    const answer = new DispatchedAnswer(resolve, reject, request);
    agent.dispatch(
      {
        origin,
        path,
        method: method as Dispatcher.HttpMethod,
        headers: request.headers,
        body: request.body.length === 0 ? null : request.body,
        headersTimeout: request.headersTimeout,
        bodyTimeout: request.idleTimeout,
      },
      answer,
    );
  });
}

type Place = { origin: string; path: string };

/** Addresses taken apart: text goes to the same few all the time. */
const places = new Map<string, Place>();
const mostPlaces = 256;

function placeOf(address: string): Place {
  const known = places.get(address);
  if (known) return known;
  const { origin, pathname, search } = new URL(address);
  const place = { origin, path: pathname + search };
  if (places.size >= mostPlaces) places.clear();
  places.set(address, place);
  return place;
}

/** Collects a dispatched answer: chunks queue up until they are read; a full queue pauses the socket. */
class DispatchedAnswer implements Dispatcher.DispatchHandler, WireResponse {
  status = 0;
  private fields: Headers = {};
  private controller: Dispatcher.DispatchController | undefined;
  private chunks: Uint8Array[] = [];
  private queued = 0;
  private ended = false;
  private failure: unknown;
  private wake: (() => void) | undefined;
  private readonly answered: (answer: WireResponse) => void;
  private readonly refused: (reason: unknown) => void;
  private readonly signal: AbortSignal | undefined;
  private readonly timer: NodeJS.Timeout | undefined;
  /** Set once the time for the whole call is over. */
  private overdue: DOMException | undefined;
  private readonly onAbort = () => this.controller?.abort(this.signal?.reason ?? new Error('aborted'));

  constructor(answered: (answer: WireResponse) => void, refused: (reason: unknown) => void, request: WireRequest) {
    this.answered = answered;
    this.refused = refused;
    this.signal = request.signal;
    if (request.totalTimeout !== undefined) {
      const tooLate = () => {
        this.overdue = new DOMException('The call took too long.', 'TimeoutError');
        this.controller?.abort(this.overdue);
      };
      this.timer = setTimeout(tooLate, request.totalTimeout);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    // Under a connection cap a call may wait in line: look again whether there is time left, and whether anybody still wants it.
    if (this.overdue) controller.abort(this.overdue);
    else if (this.signal?.aborted) controller.abort(this.signal.reason);
    else this.signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status < 200) return;
    this.status = status;
    this.fields = headers;
    this.answered(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.queued += chunk.length;
    if (this.queued > mostQueued) controller.pause();
    this.wake?.();
  }

  onResponseEnd(): void {
    this.over();
    this.wake?.();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.failure = error;
    this.over();
    this.refused(error);
    this.wake?.();
  }

  private over(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.signal?.removeEventListener('abort', this.onAbort);
  }

  header(name: string): string | undefined {
    const value = this.fields[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  headers(): Record<string, string> {
    const all: Record<string, string> = {};
    for (const name in this.fields) all[name] = this.header(name) ?? '';
    return all;
  }

  async bytes(limit: number): Promise<Uint8Array> {
    while (!this.ended) {
      if (this.queued > limit) this.tooLarge(limit);
      await this.more();
    }
    if (this.failure) throw this.failure;
    if (this.queued > limit) this.tooLarge(limit);
    return this.taken();
  }

  /** Until something happens. A paused socket goes on, and may hand out at once what it has read meanwhile. */
  private more(): Promise<void> {
    const more = new Promise<void>((resolve) => {
      this.wake = resolve;
    });
    if (this.controller?.paused) this.controller.resume();
    return more;
  }

  /** All that has arrived, as one chunk: what came with one read of the socket passes on with one write. */
  private taken(): Uint8Array {
    const { chunks, queued } = this;
    this.chunks = [];
    this.queued = 0;
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, queued);
  }

  /** The same for a stream; of a long queue only its head, so that a large body is not copied once more. */
  private next(): Uint8Array {
    if (this.queued <= mergedSize) return this.taken();
    const chunk = this.chunks.shift()!;
    this.queued -= chunk.length;
    return chunk;
  }

  async *stream(): AsyncIterable<Uint8Array> {
    try {
      while (true) {
        if (this.chunks.length > 0) {
          yield this.next();
          continue;
        }
        if (this.failure) throw this.failure;
        if (this.ended) return;
        await this.more();
      }
    } finally {
      if (!this.ended) this.abort();
    }
  }

  abort(): void {
    if (!this.ended) this.controller?.abort(new Error('aborted'));
  }

  private tooLarge(limit: number): never {
    this.abort();
    throw new GatewayError('provider_garbage', `The provider's answer is larger than ${limit} bytes.`);
  }
}
