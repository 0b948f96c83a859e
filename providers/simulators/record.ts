import type { Fetch } from '../../src/contract/index.ts';
import { joinBytes } from '../../src/contract/index.ts';
import { latin1 } from './base64.ts';
import {
  fingerprintOf,
  keptHeaders,
  type MediaShelf,
  originMark,
  secretsOf,
  type Tape,
  withoutSecrets,
  writeBody,
} from './tape.ts';

export type Recorder = {
  provider: string;
  /** The vendor's address: what follows `/<provider>` in a request is appended. */
  to: string;
  /** How the vendor is reached. */
  pass: Fetch;
  /** Milliseconds since 1970. */
  now: () => number;
  shelf: MediaShelf;
  keep(tape: Tape): Promise<void>;
};

/** Of the connection, not of the call. */
const ofConnection =
  /^(host|connection|keep-alive|content-length|transfer-encoding|accept-encoding|te|upgrade|proxy-.*)$/i;

/**
 * Passes calls on to a vendor and keeps what came back, streams with their chunks and their timing. Addresses of the vendor in its answers
 * are turned into the recorder's own, so that what follows (a job asked about, a file fetched) is recorded, too.
 */
export function recorder({ provider, to, pass, now, shelf, keep }: Recorder): Fetch {
  const turns = new Map<string, number>();
  const vendor = to.replace(/\/+$/, '');
  return async (input, init) => {
    const request = input instanceof Request && init === undefined ? input : new Request(input as Request, init);
    const { origin, pathname, search } = new URL(request.url);
    const here = `${origin}/${provider}`;
    const path = pathname.replace(new RegExp(`^/${provider}`), '') + search;
    const body = new Uint8Array(await request.arrayBuffer());
    const own = secretsOf(request);
    const type = request.headers.get('content-type') ?? '';
    const fingerprint = fingerprintOf(provider, request.method, path, type, body);
    const turn = turns.get(fingerprint) ?? 0;
    turns.set(fingerprint, turn + 1);

    const headers = new Headers([...request.headers].filter(([name]) => !ofConnection.test(name)));
    const answer = await pass(vendor + path, {
      method: request.method,
      headers,
      redirect: 'manual',
      signal: request.signal,
      ...(body.length > 0 ? { body } : {}),
    });
    const start = now();
    const chunks: Uint8Array[] = [];
    const timing: [number, number][] = [];
    const answerType = answer.headers.get('content-type') ?? '';
    const rewrites = /json|text/.test(answerType);
    const sent = new Headers(answer.headers);
    for (const name of ['content-encoding', 'content-length', 'transfer-encoding']) sent.delete(name);
    const write = async () => {
      const marked = (text: string) => withoutSecrets(text, own).replaceAll(vendor, originMark);
      const streams = /event-stream/.test(answerType) || timing.length > 1;
      await keep({
        version: 1,
        provider,
        fingerprint,
        turn,
        request: {
          method: request.method,
          path: withoutSecrets(path, own),
          headers: keptHeaders(request.headers, 'request', own),
          body: await writeBody(body, type, shelf, (text) => withoutSecrets(text, own)),
        },
        answer: {
          status: answer.status,
          headers: keptHeaders(answer.headers, 'answer', own),
          body: await writeBody(joinBytes(chunks), answerType, shelf, marked),
          ...(streams ? { chunks: timing } : {}),
        },
      });
    };
    if (!answer.body) {
      await write();
      return new Response(null, { status: answer.status, headers: sent });
    }
    const reader = answer.body.getReader();
    const rewrite = rewrites ? rewriting(vendor, here) : (bytes: Uint8Array) => bytes;
    const passed = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const chunk = await reader.read();
          if (chunk.done) {
            await write();
            controller.close();
            return;
          }
          chunks.push(chunk.value);
          timing.push([chunk.value.length, now() - start]);
          controller.enqueue(rewrite(chunk.value));
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
    return new Response(passed, { status: answer.status, headers: sent });
  };
}

/** Bytes of text with one address in place of another. An address that is split over two chunks stays as it was. */
function rewriting(from: string, into: string): (bytes: Uint8Array) => Uint8Array {
  const mark = new TextEncoder().encode(from);
  const encoder = new TextEncoder();
  return (bytes) => {
    // Latin-1 keeps bytes that are no whole characters as they are.
    const text = latin1(bytes);
    const plain = String.fromCharCode(...mark);
    if (!text.includes(plain)) return bytes;
    const replaced = text.replaceAll(plain, String.fromCharCode(...encoder.encode(into)));
    return Uint8Array.from(replaced, (one) => one.charCodeAt(0));
  };
}
