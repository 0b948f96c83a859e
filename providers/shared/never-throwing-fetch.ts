import type { Fetch } from '../../src/contract/index.ts';
import { headersOf } from './observe.ts';

/** What really happened on the wire: an answer read to its end, or the failure that prevented one. */
export type Exchange =
  | { kind: 'answer'; status: number; headers: Headers; body: string }
  | { kind: 'failure'; cause: unknown };

export type NeverThrowingFetch = {
  fetch: Fetch;
  /** Undefined until something was sent. */
  exchange(): Exchange | undefined;
};

/** A status that no SDK takes for worth another try. */
const refused = 430;

/**
 * A fetch for SDKs that send again by themselves, which on a paid POST buys twice. It sends exactly one request, never throws and
 * shows every failure as a status outside 429 and 5xx; further requests get the same stand-in without being sent.
 * One instance serves one call with a text answer, which is read to its end; the truth is in `exchange()`.
 * @param headers added to what the SDK sends.
 */
export function neverThrowingFetch(send: Fetch, headers: Record<string, string> = {}): NeverThrowingFetch {
  let sent: Promise<Exchange> | undefined;
  let known: Exchange | undefined;
  return {
    exchange: () => known,
    fetch: async (input, init) => {
      sent ??= exchange(send, input, withHeaders(input, init, headers));
      known = await sent;
      if (known.kind === 'failure' || known.status >= 300) return new Response(null, { status: refused });
      return new Response(known.body, { status: 200, headers: { 'content-type': 'application/json' } });
    },
  };
}

async function exchange(send: Fetch, input: string | URL | Request, init: RequestInit): Promise<Exchange> {
  try {
    const response = await send(input, init);
    return { kind: 'answer', status: response.status, headers: response.headers, body: await response.text() };
  } catch (cause) {
    return { kind: 'failure', cause };
  }
}

function withHeaders(input: string | URL | Request, init: RequestInit | undefined, added: Record<string, string>) {
  const headers = new Headers(init?.headers ?? headersOf(input));
  for (const [name, value] of Object.entries(added)) headers.set(name, value);
  return { ...init, headers };
}
