import type { Call, Fetch } from '../../src/contract/index.ts';

/** A call lent to an adapter in a test. */
export function callOf(fetch: Fetch, more: Partial<Call> = {}): Call {
  return {
    model: 'm',
    key: 'sk-secret-key',
    baseUrl: 'https://api.example/v1',
    signal: new AbortController().signal,
    fetch,
    attemptId: 'att_1',
    options: {},
    ...more,
  };
}

export type Seen = { url: string; headers: Headers; body: unknown; form?: FormData };

/** A fetch that answers each request with `answer` and remembers what it was asked. */
export function recorder(answer: (seen: Seen) => Response | Promise<Response>): { fetch: Fetch; seen: Seen[] } {
  const seen: Seen[] = [];
  return {
    seen,
    fetch: async (input, init) => {
      const request = new Request(input as string, init as RequestInit);
      const multipart = request.headers.get('content-type')?.includes('multipart/form-data');
      const form = multipart ? await request.formData() : undefined;
      const text = form ? '' : await request.text();
      const entry = { url: request.url, headers: request.headers, body: text ? JSON.parse(text) : undefined, form };
      seen.push(entry);
      return answer(entry);
    },
  };
}

/** Server-sent events of these payloads. */
export function sse(payloads: unknown[]): Response {
  const text = payloads.map((payload) => `event: x\r\ndata: ${JSON.stringify(payload)}\r\n\r\n`).join('');
  return new Response(text, { headers: { 'content-type': 'text/event-stream' } });
}

/** What each way of failing must become; every one with exactly one request. */
export const failures: { name: string; answer: () => Response | Promise<Response>; code: string; failure: string }[] = [
  {
    name: 'a killed connection',
    answer: () =>
      Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }) })),
    code: 'outcome_unknown',
    failure: 'C',
  },
  {
    name: 'a refused connection',
    answer: () =>
      Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) })),
    code: 'provider_unavailable',
    failure: 'A',
  },
  {
    name: '429',
    answer: () =>
      Response.json(
        { error: { message: 'slow down' } },
        { status: 429, headers: { 'retry-after': '2', 'x-should-retry': 'true' } },
      ),
    code: 'provider_rate_limited',
    failure: 'B',
  },
  {
    name: '500',
    answer: () => Response.json({ error: { message: 'oh' } }, { status: 500 }),
    code: 'provider_error',
    failure: 'C',
  },
  {
    name: '503',
    answer: () => Response.json({ error: { message: 'busy' } }, { status: 503 }),
    code: 'provider_overloaded',
    failure: 'B',
  },
  {
    name: '401 quoting the key',
    answer: () =>
      Response.json({ error: { message: 'Incorrect API key provided: sk-secr*****-key' } }, { status: 401 }),
    code: 'provider_authentication',
    failure: 'B',
  },
  {
    name: 'half a JSON',
    answer: () => new Response('{"data": [', { headers: { 'content-type': 'application/json' } }),
    code: 'provider_garbage',
    failure: 'C',
  },
  {
    name: 'a web page',
    answer: () =>
      new Response('<!doctype html><title>Bad gateway</title>', { headers: { 'content-type': 'text/html' } }),
    code: 'provider_garbage',
    failure: 'C',
  },
];
