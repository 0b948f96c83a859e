import { brokenBody } from './thrown.ts';

/** What is made of one event of a stream: nothing, itself, others, bytes; or the end. */
export type Mapped = string | Uint8Array | (string | Uint8Array | undefined)[] | undefined;
export type FrameMap = (frame: string, index: number, last: boolean) => Mapped | Promise<Mapped>;

const encoder = new TextEncoder();

/** A response whose events (blocks up to a blank line; a body without any is one event) pass through `map`, one chunk each. */
export function mapFrames(response: Response, map: FrameMap, first?: Uint8Array): Response {
  const reader = textOf(response);
  const frames = framesOf(reader);
  const ready: Uint8Array[] = first ? [first] : [];
  let index = 0;
  let held: Promise<IteratorResult<string, undefined>> | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (ready.length === 0) {
          held ??= frames.next();
          const frame = await held;
          if (frame.done) return controller.close();
          // Only the one after it tells whether it is the last. Its failure belongs to the next look.
          held = frames.next();
          const last = await held.then(
            (next) => next.done === true,
            () => false,
          );
          const mapped = await map(frame.value, index++, last);
          const list = Array.isArray(mapped) ? mapped : [mapped];
          for (const one of list)
            if (one !== undefined) ready.push(typeof one === 'string' ? encoder.encode(one) : one);
        }
        controller.enqueue(ready.shift() as Uint8Array);
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return withBody(response, body);
}

async function* framesOf(reader: TextReader | undefined): AsyncGenerator<string, undefined> {
  let kept = '';
  for (;;) {
    for (let end = kept.indexOf('\n\n'); end >= 0; end = kept.indexOf('\n\n')) {
      const frame = kept.slice(0, end + 2);
      kept = kept.slice(end + 2);
      yield frame;
    }
    const chunk = await reader?.read();
    if (!chunk || chunk.done) break;
    kept += chunk.value;
  }
  if (kept) yield kept;
}

/** What happens after so many events: a clean end, a break with this code, or silence of so many milliseconds (Infinity: for good). */
export type Afterwards = 'end' | { break: string } | { silence: number; wait: (ms: number) => Promise<void> };

/**
 * Passes the first `events` server-sent events, then does `afterwards`. Where nothing follows, the source is canceled as by a
 * dead socket: it is not asked for one event more.
 */
export function afterEvents(response: Response, events: number, afterwards: Afterwards): Response {
  const reader = textOf(response);
  let left = events;
  let kept = '';
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (left > 0) {
          const end = kept.indexOf('\n\n');
          if (end >= 0) {
            controller.enqueue(encoder.encode(kept.slice(0, end + 2)));
            kept = kept.slice(end + 2);
            left--;
            return;
          }
          const chunk = await reader?.read();
          if (!chunk || chunk.done) {
            if (kept) controller.enqueue(encoder.encode(kept));
            return controller.close();
          }
          kept += chunk.value;
        }
        if (typeof afterwards === 'object' && 'silence' in afterwards) {
          await afterwards.wait(afterwards.silence);
          left = Number.POSITIVE_INFINITY;
          return this.pull?.(controller);
        }
        await reader?.cancel();
        if (afterwards === 'end') controller.close();
        else controller.error(brokenBody(afterwards.break));
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return withBody(response, body);
}

/** Passes the first `bytes` bytes, then ends, or breaks with `code`. */
export function afterBytes(response: Response, bytes: number, code?: string): Response {
  const reader = response.body?.getReader();
  let left = bytes;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (left > 0) {
          const chunk = await reader?.read();
          if (chunk && !chunk.done) {
            const part = chunk.value.subarray(0, left);
            left -= part.length;
            if (part.length > 0) controller.enqueue(part);
            return;
          }
        }
        await reader?.cancel();
        if (code) controller.error(brokenBody(code));
        else controller.close();
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return withBody(response, body);
}

/** The same bytes in chunks of `size`, `wait` before each. */
export function inChunks(response: Response, size: number, wait?: () => Promise<void>): Response {
  const reader = response.body?.getReader();
  let kept = new Uint8Array();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (kept.length === 0) {
          const chunk = await reader?.read();
          if (!chunk || chunk.done) return controller.close();
          kept = new Uint8Array(chunk.value);
        }
        await wait?.();
        controller.enqueue(kept.slice(0, size));
        kept = kept.slice(size);
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return withBody(response, body);
}

/** A response with another body: what it said of its length no longer holds. */
export function withBody(response: Response, body: ReadableStream<Uint8Array> | string | Uint8Array | null): Response {
  const headers = new Headers(response.headers);
  headers.delete('content-length');
  return new Response(body as BodyInit | null, { status: response.status, headers });
}

type TextReader = { read(): Promise<{ done: boolean; value: string }>; cancel(reason?: unknown): Promise<void> };

/** A body as text, chunk by chunk. Nothing is read ahead: what a source is asked for is what its bill and its clock say. */
function textOf(response: Response): TextReader | undefined {
  const reader = response.body?.getReader();
  if (!reader) return undefined;
  const decoder = new TextDecoder();
  return {
    read: async () => {
      const chunk = await reader.read();
      if (!chunk.done) return { done: false, value: decoder.decode(chunk.value, { stream: true }) };
      const rest = decoder.decode();
      return { done: rest === '', value: rest };
    },
    cancel: (reason) => reader.cancel(reason),
  };
}
