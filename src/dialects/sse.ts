import { createParser, type EventSourceParser } from 'eventsource-parser';
import { GatewayError, type SseFrame } from '../contract/index.ts';

/** The longest event that is taken, in characters. */
const longest = 16 * 1024 * 1024;

/**
 * Server-sent events of a byte stream, however it is cut: split UTF-8, LF, CRLF or CR, a BOM, comments and keep-alives.
 * Comments and events without data yield nothing. A last event whose blank line is missing still counts if it is whole.
 * Stopping early cancels the source. What `keep` refuses is left out. Throws GatewayError `provider_garbage` for an event above 16 M characters.
 */
export async function* readSse(
  source: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
  keep: (data: string) => boolean = () => true,
): AsyncGenerator<SseFrame, void, undefined> {
  let ready: SseFrame[] = [];
  let tooLong = false;
  const decoder = new TextDecoder();
  const parser = createParser({
    maxBufferSize: longest,
    onEvent: ({ event, data }) => {
      if (keep(data)) ready.push(event === undefined ? { data } : { event, data });
    },
    onError: (error) => {
      tooLong ||= error.type === 'max-buffer-size-exceeded';
    },
  });
  let midLine = false;
  for await (const bytes of chunksOf(source)) {
    const text = decoder.decode(bytes, { stream: true });
    if (!text) continue;
    feed(parser, text);
    if (ready.length > 0) {
      const frames = ready;
      ready = [];
      yield* frames;
    }
    if (tooLong) throw new GatewayError('provider_garbage', 'A streamed event is longer than 16 million characters.');
    midLine = !/[\n\r]$/.test(text);
  }
  feed(parser, `${decoder.decode()}\n\n`);
  for (const frame of ready) if (!midLine || isWhole(frame.data)) yield frame;
}

/** One event as sent on the wire, with its blank line. */
export function writeSse(frame: SseFrame): string {
  const data = frame.data.includes('\n') || frame.data.includes('\r') ? frame.data.split(/\r\n|\n|\r/) : [frame.data];
  return `${frame.event === undefined ? '' : `event: ${frame.event}\n`}data: ${data.join('\ndata: ')}\n\n`;
}

function feed(parser: EventSourceParser, text: string): void {
  try {
    parser.feed(text);
  } catch {
    // a parser that met its limit throws from then on; the limit itself was reported to onError
  }
}

/** Whether an event that the stream's end cut off can be a complete one. */
function isWhole(data: string): boolean {
  if (data === '[DONE]') return true;
  try {
    return typeof JSON.parse(data) === 'object';
  } catch {
    return false;
  }
}

/** Workers and Node iterate a ReadableStream; the reader works everywhere and cancels on early exit. */
async function* chunksOf(
  source: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!('getReader' in source)) return yield* source;
  const reader = source.getReader();
  let finished = false;
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) {
        finished = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!finished) await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
}
