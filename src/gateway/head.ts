import { type Dialect, errorOfThrow, GatewayError, isObject, type Json, joinBytes } from '../contract/index.ts';
import { streamErrorCode } from '../dialects/shared.ts';
import type { WireResponse } from '../runtime/ports.ts';
import { garbage, interrupted } from './answers.ts';
import type { Attempt } from './attempt.ts';
import { withoutKey } from './refusal.ts';

/** What a stream told before its first output: its frames, errors aside, and the figures that came with them. */
export type Heard = { frames: number; usage?: Json; frame?: Json };

/** How a stream is held back until its first output. */
export type Hold = {
  /** Milliseconds that the first output may take. */
  ms: number;
  /** After that time it is passed on as it is; else it has failed. */
  letGo: boolean;
  /** Filled while it is held back, for whoever books a stream that broke off by then. */
  heard: Heard;
};

/** Frames without output after which a stream counts as begun: a server that speaks in a way that we do not know. */
const mostSilent = 32;
const blank = /\r?\n\r?\n|\r\r/;
/** Characters of an event without end that are held, as in a stream under way. */
const longest = 16 * 1024 * 1024;

/**
 * Reads a stream up to its first output, so that what fails before it can be answered by a status, or by another model. Nothing is
 * lost: the answer's stream begins with what was read.
 * @throws GatewayError where the stream ends, breaks, tells an error or says nothing in time: `heard` then holds what came before.
 */
export async function holdHead(
  attempt: Attempt,
  wire: WireResponse,
  dialect: Dialect,
  { ms, letGo, heard }: Hold,
  now: () => number,
): Promise<WireResponse> {
  const chunks = wire.stream()[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  const decoder = new TextDecoder();
  /** Pieces of an event that has not ended, how long they are, and their last characters: a blank line may lie across two. */
  let pieces: string[] = [];
  let size = 0;
  let tail = '';
  let pending: Promise<IteratorResult<Uint8Array>> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, ms, 'late');
  });
  try {
    while (true) {
      pending = chunks.next();
      const step = await Promise.race([pending, late]);
      if (step === 'late') {
        if (letGo) return resumed(wire, head, chunks, pending);
        pending.catch(() => {});
        wire.abort();
        throw tooLate(attempt);
      }
      pending = undefined;
      if (step.done) throw cutShort(attempt, heard);
      head.push(step.value);
      const piece = decoder.decode(step.value, { stream: true });
      size += piece.length;
      if (size > longest) {
        wire.abort();
        throw garbage(attempt);
      }
      pieces.push(piece);
      tail += piece;
      if (!blank.test(tail)) {
        tail = tail.slice(-3);
        continue;
      }
      let text = pieces.join('');
      for (let end = blank.exec(text); end; end = blank.exec(text)) {
        const data = dataOf(text.slice(0, end.index));
        text = text.slice(end.index + end[0].length);
        if (data === '') continue;
        const frame = dialect.scan.interesting(data) ? jsonOf(data) : undefined;
        const error = frame === undefined ? undefined : errorIn(attempt, dialect, frame);
        if (error) {
          wire.abort();
          throw error;
        }
        note(heard, dialect, frame);
        const begun = dialect.scan.begins?.(data) ?? true;
        if (begun || dialect.scan.terminal(data) || heard.frames > mostSilent) {
          attempt.heardAt = now();
          return resumed(wire, head, chunks);
        }
      }
      pieces = [text];
      size = text.length;
      tail = text.slice(-3);
    }
  } catch (thrown) {
    throw thrown instanceof GatewayError ? thrown : errorOfThrow(attempt.model.provider, thrown);
  } finally {
    clearTimeout(timer);
  }
}

/** The same answer; its stream begins with what was read, and goes on without another layer. */
function resumed(
  wire: WireResponse,
  head: Uint8Array[],
  chunks: AsyncIterator<Uint8Array>,
  pending?: Promise<IteratorResult<Uint8Array>>,
): WireResponse {
  // one piece: what is read at once passes on with one write
  let read = head.length > 1 ? joinBytes(head) : head[0];
  let waiting = pending;
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => {
      if (read) {
        const value = read;
        read = undefined;
        return Promise.resolve({ value, done: false });
      }
      const first = waiting;
      if (!first) return chunks.next();
      waiting = undefined;
      return first;
    },
    return: async () => {
      waiting?.catch(() => {});
      await chunks.return?.();
      return { value: undefined, done: true };
    },
  };
  return {
    status: wire.status,
    header: (name) => wire.header(name),
    headers: () => wire.headers(),
    bytes: (limit) => wire.bytes(limit),
    stream: () => ({ [Symbol.asyncIterator]: () => iterator }),
    abort: () => wire.abort(),
  };
}

function dataOf(frame: string): string {
  let data = '';
  for (const line of frame.split(/\r\n|\n|\r/)) {
    if (line.startsWith('data:')) data += line.slice(line[5] === ' ' ? 6 : 5);
  }
  return data;
}

function jsonOf(data: string): Json | undefined {
  try {
    return JSON.parse(data) as Json;
  } catch {
    return undefined;
  }
}

/** Counts a frame and keeps the figures that it carries, with what stands beside them. */
function note(heard: Heard, dialect: Dialect, frame: Json | undefined): void {
  heard.frames++;
  const usage = frame === undefined ? undefined : dialect.scan.usage(frame, heard.usage);
  if (usage === undefined || usage === null) return;
  heard.usage = usage;
  heard.frame = isObject(frame) && isObject(frame.response) ? frame.response : frame;
}

/** The error that a stream begins with. A limit or an overload told like that is a refusal: nothing was made. */
function errorIn(attempt: Attempt, dialect: Dialect, frame: Json): GatewayError | undefined {
  const found = dialect.scan.error?.(frame);
  if (found === undefined) return undefined;
  const { id } = attempt.upstream.row;
  const words = dialect.readError(200, found);
  const code = streamErrorCode(words);
  const refused = code !== 'provider_error' && code !== 'provider_timeout';
  return new GatewayError(code, {
    message: `${id}: ${withoutKey(words.message, attempt.upstream)}`,
    provider: id,
    failure: refused ? 'B' : 'C',
    billing: refused ? 'none' : 'unknown',
  });
}

function cutShort(attempt: Attempt, { frames }: Heard): GatewayError {
  if (frames === 0) return garbage(attempt);
  const { details, code } = interrupted(attempt);
  return new GatewayError(code, { ...details, failure: 'C' });
}

function tooLate({ model: { provider } }: Attempt): GatewayError {
  return new GatewayError('provider_timeout', {
    message: `${provider} began no answer in time.`,
    provider,
    failure: 'C',
    billing: 'unknown',
  });
}
