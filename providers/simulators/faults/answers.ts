import type { JsonObject } from '../../../src/contract/index.ts';
import type { Fault } from '../faults.ts';
import type { SimulatorHandler } from '../simulator.ts';

/** What the server must do to a body that fetch cannot say; it takes the header away. */
export const wireHeader = 'x-simulator-wire';

type Answering = { provider: string; now: () => number; writeError: SimulatorHandler['writeError'] };

const metadata = 'http://169.254.169.254/latest/meta-data/';

/** An answer of its own for a fault that needs none of the vendor's work; undefined where the fault is of another kind. */
export function answerOf(fault: Fault, { provider, now, writeError }: Answering): Response | undefined {
  const { argument } = fault;
  const limited = (headers: Record<string, string>) => {
    const response = writeError(429, 'Simulated 429.');
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
    return response;
  };
  const date = (seconds: number) => new Date(now() + seconds * 1_000).toUTCString();
  switch (fault.name) {
    case 'status': {
      const status = Number(argument ?? 500);
      const response = writeError(status, `Simulated ${status}.`);
      if (status === 429 || status === 503) response.headers.set('retry-after', fault.retryAfter ?? '1');
      return response;
    }
    case 'retry-after':
      return limited({ 'retry-after': argument ?? '2' });
    case 'retry-after-date':
      return limited({ 'retry-after': date(Number(argument ?? 2)) });
    case 'retry-after-past':
      return limited({ 'retry-after': date(-3_600) });
    case 'retry-after-ms':
      return limited({ 'retry-after-ms': argument ?? '1500' });
    case 'retry-after-bad':
      return limited({ 'retry-after': 'soon' });
    case 'retry-after-negative':
      return limited({ 'retry-after': '-5' });
    case 'retry-after-none': {
      const response = writeError(429, 'Simulated 429.');
      for (const name of [...response.headers.keys()]) if (/retry|ratelimit/.test(name)) response.headers.delete(name);
      return response;
    }
    case 'rate-reset':
      return limited({
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': argument ?? '6m0s',
        'x-ratelimit-reset-tokens': argument ?? '6m0s',
      });
    case 'rate-reset-at': {
      const reset = new Date(now() + Number(argument ?? 2) * 1_000).toISOString().replace(/\.\d+Z$/, 'Z');
      return limited({
        'anthropic-ratelimit-requests-remaining': '0',
        'anthropic-ratelimit-requests-reset': reset,
        'anthropic-ratelimit-tokens-reset': reset,
      });
    }
    case 'quota':
      return quota(provider, writeError);
    case 'overloaded':
      return writeError(provider === 'anthropic' ? 529 : 503, 'Simulated: overloaded.');
    case 'edge':
      return page(Number(argument ?? 502));
    case 'garbage':
      return page(200);
    case 'empty':
      return new Response(null, { status: 200, headers: { 'content-type': 'application/json' } });
    case 'redirect':
      return new Response(null, { status: 302, headers: { location: argument ?? metadata } });
    case 'gzip-bomb':
      return zeros(Number(argument ?? 50));
    default:
      return undefined;
  }
}

/** What a proxy in front of the vendor shows. */
export function page(status: number): Response {
  const title = status === 504 ? 'Gateway time-out' : 'Bad gateway';
  return new Response(`<!doctype html><title>${title}</title>`, { status, headers: { 'content-type': 'text/html' } });
}

/** The vendors' own ways to say that the money ran out, none with Retry-After. */
const quotas: Record<string, { status: number; body: JsonObject }> = {
  openai: {
    status: 429,
    body: {
      error: {
        message: 'You exceeded your current quota, please check your plan and billing details.',
        type: 'insufficient_quota',
        param: null,
        code: 'insufficient_quota',
      },
    },
  },
  anthropic: {
    status: 400,
    body: {
      type: 'error',
      error: {
        type: 'invalid_request_error',
        message: 'Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.',
      },
    },
  },
  google: {
    status: 429,
    body: { error: { code: 429, message: 'Your prepayment credits are depleted.', status: 'RESOURCE_EXHAUSTED' } },
  },
  replicate: {
    status: 402,
    body: { title: 'Insufficient credit', detail: 'You have insufficient credit to run this model.', status: 402 },
  },
  elevenlabs: {
    status: 401,
    body: {
      detail: { status: 'quota_exceeded', message: 'This request exceeds your quota. You have 0 credits left.' },
    },
  },
  fal: { status: 403, body: { detail: 'User is locked. Reason: Exhausted balance. Top up your balance.' } },
  bfl: { status: 402, body: { detail: 'Insufficient credits.' } },
  runway: { status: 400, body: { error: 'You do not have enough credits to run this task.' } },
  luma: { status: 400, body: { detail: 'Insufficient credits' } },
  deepseek: {
    status: 402,
    body: {
      error: { message: 'Insufficient Balance', type: 'unknown_error', param: null, code: 'invalid_request_error' },
    },
  },
};

function quota(provider: string, writeError: SimulatorHandler['writeError']): Response {
  const known = quotas[provider];
  if (known) return Response.json(known.body, { status: known.status });
  return writeError(402, 'Insufficient credits.', 'insufficient_quota');
}

/** So many megabytes of zeros; the server sends them gzipped. */
function zeros(megabytes: number): Response {
  const megabyte = 1024 * 1024;
  let left = megabytes;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (left-- > 0) controller.enqueue(new Uint8Array(megabyte));
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { 'content-type': 'application/json', [wireHeader]: 'gzip' } });
}
