import type { Fetch } from '../../src/contract/index.ts';
import type { SimulatorClock } from './clock.ts';
import { fingerprintOf, type MediaShelf, originMark, readBody, type Tape } from './tape.ts';

export type Replayer = {
  tapes: readonly Tape[];
  shelf: MediaShelf;
  /** Keeps the recorded time between chunks; without it everything comes at once. */
  clock?: SimulatorClock;
};

/**
 * Answers `/<provider>/…` from tapes, by fingerprint: whoever asks, in whatever order, in parallel or again. Calls with the same
 * fingerprint get their recorded answers in turn, and the last one from then on. What was never recorded is 404.
 */
export function replayer({ tapes, shelf, clock }: Replayer): Fetch {
  const byPrint = new Map<string, Tape[]>();
  for (const tape of [...tapes].sort((one, other) => one.turn - other.turn)) {
    byPrint.set(tape.fingerprint, [...(byPrint.get(tape.fingerprint) ?? []), tape]);
  }
  const turns = new Map<string, number>();
  return async (input, init) => {
    const request = input instanceof Request && init === undefined ? input : new Request(input as Request, init);
    const { origin, pathname, search } = new URL(request.url);
    const [, provider = ''] = pathname.split('/');
    const path = pathname.slice(provider.length + 1) + search;
    const body = new Uint8Array(await request.arrayBuffer());
    const type = request.headers.get('content-type') ?? '';
    const print = fingerprintOf(provider, request.method, path, type, body);
    const list = byPrint.get(print) ?? [];
    const turn = turns.get(print) ?? 0;
    turns.set(print, turn + 1);
    const tape = list[Math.min(turn, list.length - 1)];
    if (!tape) {
      const message = `Nothing was recorded for ${request.method} ${path} of ${provider} (${print}).`;
      return Response.json({ error: { message, type: 'not_recorded' } }, { status: 404 });
    }
    const { status, headers, body: recorded, chunks } = tape.answer;
    const bytes = await readBody(recorded, shelf, (text) => text.replaceAll(originMark, `${origin}/${provider}`));
    if (status === 204 || status === 304 || request.method === 'HEAD') return new Response(null, { status, headers });
    return new Response(chunks ? inTurn(bytes, chunks, clock) : (bytes as BodyInit), { status, headers });
  };
}

/** The bytes in the recorded chunks. What was written anew in place of secrets may have another length: the last chunk takes the rest. */
function inTurn(bytes: Uint8Array, chunks: [number, number][], clock?: SimulatorClock): ReadableStream<Uint8Array> {
  let place = 0;
  let index = 0;
  let waited = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const [length, after] = chunks[index] ?? [0, waited];
        if (place >= bytes.length) return controller.close();
        if (clock && after > waited) await clock.sleep(after - waited);
        waited = after;
        index++;
        const end = index >= chunks.length ? bytes.length : Math.min(bytes.length, place + length);
        if (end > place) controller.enqueue(bytes.slice(place, end));
        else controller.enqueue(new Uint8Array());
        place = end;
      },
    },
    { highWaterMark: 0 },
  );
}
