import {
  type Answerer,
  type Call,
  errorOfAnswer,
  errorOfThrow,
  type Fetch,
  GatewayError,
  type Json,
} from '../../src/contract/index.ts';

/** A day and more: the gateway owns the deadline, the SDK's own must never fire first. */
export const noTimeout = 2 ** 31 - 1;

type Refusal = { status: number; headers: Headers; body: Json | undefined };

/** What one SDK call really met on the wire; SDKs hide headers, rename errors and lose bodies, differently each. */
export type Observer = {
  fetch: Fetch;
  /** Headers of the last answer. */
  headers(): Record<string, string>;
  /** The one error of this call, whatever the SDK threw. */
  errorOf(answerer: Answerer, thrown: unknown): GatewayError;
};

/**
 * Wraps the lent fetch for one SDK call: adds our attempt id as `x-client-request-id` and keeps a refused answer's
 * status, headers and body, so that all SDK errors become GatewayErrors by the same rule as on the straight path.
 */
export function observe(call: Call): Observer {
  let answer: Headers | undefined;
  let refusal: Refusal | undefined;
  let broke: unknown;
  let sent = false;
  const observed: Fetch = async (input, init) => {
    const headers = new Headers(init?.headers ?? headersOf(input));
    headers.set('x-client-request-id', call.attemptId);
    let response: Response;
    sent = true;
    try {
      response = await call.fetch(input, { ...init, headers });
    } catch (thrown) {
      broke = thrown;
      throw thrown;
    }
    answer = response.headers;
    if (response.ok) return response;
    const text = await response.text().catch(() => '');
    refusal = { status: response.status, headers: response.headers, body: parseBody(text) };
    return new Response(text, { status: response.status, headers: { 'content-type': 'application/json' } });
  };
  return {
    // The OpenAI SDK probes an unknown fetch with a request to `data:,` unless it carries its Response class.
    fetch: Object.assign(observed, { Response }),
    headers: () => Object.fromEntries(answer?.entries() ?? []),
    errorOf: (answerer, thrown) => {
      if (refusal) return errorOfAnswer(answerer, refusal.status, refusal.headers, refusal.body);
      const id = typeof answerer === 'string' ? answerer : answerer.id;
      if (!sent && !call.signal.aborted && !(thrown instanceof GatewayError)) {
        const message = `The request to ${id} could not be made.`;
        return new GatewayError('internal_error', {
          message,
          provider: id,
          failure: 'A',
          billing: 'none',
          cause: thrown,
        });
      }
      return errorOfThrow(id, broke ?? thrown, call.signal);
    },
  };
}

/** An answer's JSON, or its text where it is none; undefined where it is empty. */
export function parseBody(text: string): Json | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** A server may have put a Request class of its own in the place of the platform's, so nothing is asked about classes here. */
export function headersOf(input: string | URL | Request): Headers | undefined {
  return typeof input === 'object' && 'headers' in input ? input.headers : undefined;
}
