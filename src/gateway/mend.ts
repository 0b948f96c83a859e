import { GatewayError, type SseFrame, type StreamScan } from '../contract/index.ts';

/** Milliseconds that a stream whose answer is whole is waited for. */
export const graceTime = 1_500;
/** Frames in one stream that may be broken. */
const mostBroken = 8;

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

/** The next piece; `late` where the answer is whole and nothing more comes in time. What is late may still fail, unheard. */
export async function soon<T>(next: Promise<T>, ms = graceTime): Promise<T | 'late'> {
  next.catch(() => {});
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, ms, 'late');
  });
  return Promise.race([next, late]).finally(() => clearTimeout(timer));
}

/**
 * Frames without those that cannot be read, and with the terminal one where a server leaves it out after a whole answer: at its end,
 * where it breaks off, or where it stays silent. A few broken frames are told to `note`; more are provider_garbage.
 * @param stop ends the source where nobody waits for more of it.
 * @param several answers share the stream: one being whole says nothing about the others.
 */
export async function* mended(
  frames: AsyncIterable<SseFrame>,
  scan: StreamScan,
  several: boolean,
  stop: () => void,
  note?: (words: string) => void,
): AsyncGenerator<SseFrame, void, undefined> {
  const iterator = frames[Symbol.asyncIterator]();
  let closes = !several;
  let whole = false;
  let broken = 0;
  let ended = false;
  try {
    while (true) {
      let step: IteratorResult<SseFrame> | 'late';
      try {
        step = whole ? await soon(iterator.next()) : await iterator.next();
      } catch (thrown) {
        ended = true;
        if (!whole) throw thrown;
        break;
      }
      if (step === 'late') {
        stop();
        break;
      }
      if (step.done) {
        ended = true;
        break;
      }
      const { data } = step.value;
      if (!isWhole(data)) {
        if (++broken > mostBroken) throw unreadable();
        note?.('an event of the provider could not be read and was left out');
        continue;
      }
      if (scan.terminal(data)) closes = whole = false;
      else if (closes && scan.closing?.(data)) whole = true;
      yield step.value;
    }
    if (whole && scan.closer) yield scan.closer;
  } finally {
    // a source that waits for its next piece would not hear this before that is here
    if (!ended) iterator.return?.().catch(() => {});
  }
}

function unreadable(): GatewayError {
  return new GatewayError('provider_garbage', { message: 'The events of the stream cannot be read.', failure: 'D' });
}
