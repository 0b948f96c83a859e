import type { StreamScan } from '../contract/index.ts';
import { writeSse } from '../dialects/sse.ts';

/** Milliseconds that a stream whose answer is whole is waited for. */
const graceTime = 1_500;
/** Frames in one stream that may be broken: more are the reader's to complain of. */
export const mostBroken = 8;

/** Whether the payload of a frame can be read. */
export function isWhole(data: string): boolean {
  if (data === '[DONE]') return true;
  try {
    JSON.parse(data);
    return true;
  } catch {
    return false;
  }
}

/** The same at a glance: what was cut off does not end as it began. */
export function looksWhole(data: string): boolean {
  const end = data.charCodeAt(data.length - 1);
  return end === 125 || end === 93;
}

const encoder = new TextEncoder();
const done = { value: undefined, done: true } as const;

/** What is known of a stream's end while it is read. */
export type Ending = {
  /** The answer is whole, and its terminal frame has not been seen. */
  whole: boolean;
};

/**
 * The bytes of a stream, with its terminal frame where a server leaves that out after a whole answer: at its end, where it breaks off,
 * or where it stays silent.
 * @param stop ends the source where nobody waits for more of it.
 */
export function finished(
  chunks: AsyncIterable<Uint8Array>,
  scan: StreamScan,
  ending: Ending,
  stop: () => void,
): AsyncIterable<Uint8Array> {
  const { closer } = scan;
  if (!closer) return chunks;
  const inner = chunks[Symbol.asyncIterator]();
  let over = false;
  const last = async (): Promise<IteratorResult<Uint8Array>> => {
    const step = await soon(inner.next());
    if (step && !step.done) return step;
    over = true;
    stop();
    return { value: encoder.encode(`\n\n${writeSse(closer)}`), done: false };
  };
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => (over ? Promise.resolve(done) : ending.whole ? last() : inner.next()),
      return: async () => {
        // a source that is silent would hear this only after its next piece
        if (!over) await inner.return?.();
        return done;
      },
    }),
  };
}

/** The next piece; undefined where it breaks, or does not come in time. */
async function soon<T>(next: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, graceTime, undefined);
  });
  const safe = next.catch(() => undefined);
  return Promise.race([safe, late]).finally(() => clearTimeout(timer));
}

/**
 * Says of each frame whether it is taken: a few that cannot be read are left out.
 * @param several answers share the stream: one being whole says nothing about the others.
 * @param careful looks at all of a frame, where another model could be asked instead.
 */
export function frameFilter(
  scan: StreamScan,
  ending: Ending,
  options: { several: boolean; careful: boolean; note: (words: string) => void },
): (data: string) => boolean {
  const { several, careful, note } = options;
  const reads = careful ? isWhole : (data: string) => looksWhole(data) || isWhole(data);
  const closing = several ? undefined : scan.closing;
  let broken = 0;
  return (data) => {
    if (!reads(data) && ++broken <= mostBroken) {
      note('an event of the provider could not be read and was left out');
      return false;
    }
    if (closing) ending.whole = !scan.terminal(data) && (ending.whole || closing(data));
    return true;
  };
}
