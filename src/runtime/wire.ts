import { type Fetch, GatewayError } from '../contract/index.ts';
import type { Egress, WireRequest, WireResponse } from './ports.ts';

/** Long enough for the slowest generation; the gateway's own deadline comes first. */
const headersTimeout = 600_000;
const idleTimeout = 600_000;

/** A real fetch, as SDKs want it, over a runtime's raw call. */
export function fetchOver(call: Carry): Fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const signal = init?.signal ?? request.signal;
    const body = request.body ? new Uint8Array(await request.arrayBuffer()) : new Uint8Array();
    const answer = await call(request.method, {
      url: request.url,
      headers: Object.fromEntries(request.headers),
      body,
      signal,
      headersTimeout,
      idleTimeout,
    });
    const empty = answer.status === 204 || answer.status === 304 || request.method === 'HEAD';
    return new Response(empty ? null : streamOf(answer), { status: answer.status, headers: answer.headers() });
  };
}

/** One raw call. */
export type Carry = (method: string, request: WireRequest) => Promise<WireResponse>;

/**
 * The way out over any fetch: the platform's on Workers, a simulator's anywhere. No redirects are followed, whatever an SDK asks for:
 * what a provider points to is checked first.
 */
export function egressOver(fetch: Fetch): Egress {
  const carry = carryOver(fetch);
  return {
    fetch: (input, init) => fetch(input, { ...init, redirect: 'manual' }),
    post: (request) => carry('POST', request),
  };
}

export function carryOver(fetch: Fetch): Carry {
  return async (method, request) => {
    const abort = new AbortController();
    const signal = request.signal ? AbortSignal.any([request.signal, abort.signal]) : abort.signal;
    const timer = setTimeout(
      () => abort.abort(new DOMException('No answer in time.', 'TimeoutError')),
      request.headersTimeout,
    );
    try {
      const response = await fetch(request.url, {
        method,
        headers: request.headers,
        body: request.body.length === 0 ? undefined : (request.body as BodyInit),
        signal,
        redirect: 'manual',
      });
      return wireOf(response, abort, request);
    } finally {
      clearTimeout(timer);
    }
  };
}

function wireOf(response: Response, abort: AbortController, request: WireRequest): WireResponse {
  const tooLate = () => abort.abort(new DOMException('The call took too long.', 'TimeoutError'));
  const timer = request.totalTimeout === undefined ? undefined : setTimeout(tooLate, request.totalTimeout);
  const stop = () => {
    clearTimeout(timer);
    abort.abort(new Error('aborted'));
  };
  return {
    status: response.status,
    header: (name) => response.headers.get(name) ?? undefined,
    headers: () => Object.fromEntries(response.headers),
    bytes: (limit) => bytesOf(response, limit, stop).finally(() => clearTimeout(timer)),
    stream: () => readIdly(response.body, stop, request.idleTimeout),
    abort: stop,
  };
}

/** A whole body, counted as it unpacks: a few bytes on the wire may stand for more than a Worker can hold. */
async function bytesOf(response: Response, limit: number, stop: () => void): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array<ArrayBuffer>>) {
    size += chunk.length;
    if (size > limit) {
      stop();
      throw new GatewayError('provider_garbage', `The provider's answer is larger than ${limit} bytes.`);
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Chunks of a body; silence longer than `idleTimeout` milliseconds ends it with a TimeoutError. */
async function* readIdly(
  body: ReadableStream<Uint8Array> | null,
  stop: () => void,
  idleTimeout: number,
): AsyncIterable<Uint8Array> {
  if (!body) return stop();
  const reader = body.getReader();
  try {
    while (true) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new DOMException('The stream went silent.', 'TimeoutError')), idleTimeout);
      });
      const chunk = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer));
      if (chunk.done) return;
      yield chunk.value;
    }
  } finally {
    // After the end both do nothing.
    stop();
    reader.cancel().catch(() => {});
  }
}

/** A pull-driven stream over an answer's chunks: the reader's pace is the provider's pace. */
export function streamOf(answer: Pick<WireResponse, 'stream' | 'abort'>): ReadableStream<Uint8Array> {
  return streamFrom(answer.stream());
}

/** @param stop called when the reader leaves: a source that waits for its next chunk would not see it. */
export function streamFrom(chunks: AsyncIterable<Uint8Array>, stop?: () => void): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      stop?.();
      await iterator.return?.();
    },
  });
}
