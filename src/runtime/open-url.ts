import { checkUrl, UrlError, type UrlFault } from '../contract/index.ts';
import type { OpenUrl, UrlOptions, WireResponse } from './ports.ts';
import { type Carry, carryOver, streamFrom } from './wire.ts';

/** How a runtime reaches a checked URL. */
export type Ways = {
  /** To hosts that anybody may name: checks again what it connects to, as far as the runtime lets it. */
  guarded: Carry;
  /** To origins that the operator vouches for. */
  trusted: Carry;
  /** True where the platform unpacks bodies by itself: what is counted is then what comes out. */
  unpacks?: boolean;
};

const defaults = { redirects: 3, headersTimeout: 20_000, idleTimeout: 20_000, totalTimeout: 60_000 };
const redirections = new Set([301, 302, 303, 307, 308]);

/** The guarded door over a runtime's ways out: every hop is checked, everything is bounded, nothing is held whole. */
export function openUrlOver(ways: Ways): OpenUrl {
  return async (text, options) => {
    const bounds = { ...defaults, ...given(options) };
    const late = new AbortController();
    const after = (milliseconds: number, message: string) =>
      setTimeout(() => late.abort(new UrlError('timeout', message)), milliseconds);
    const total = after(bounds.totalTimeout, 'It took too long.');
    const first = after(bounds.headersTimeout, 'It did not answer in time.');
    const signal = options.signal ? AbortSignal.any([options.signal, late.signal]) : late.signal;
    try {
      const answer = await follow(ways, checkUrl(text, options.allowedOrigins), { ...options, ...bounds, signal });
      return opened(answer, options, ways.unpacks === true && !options.via, signal, () => clearTimeout(total));
    } catch (thrown) {
      clearTimeout(total);
      throw signal.aborted ? signal.reason : faultOf(thrown, 'unreachable');
    } finally {
      clearTimeout(first);
    }
  };
}

/** What was really given: a field set to undefined asks for the default. */
function given(options: UrlOptions): Partial<typeof defaults> {
  const bounds: Partial<typeof defaults> = {};
  for (const name of Object.keys(defaults) as (keyof typeof defaults)[]) {
    if (options[name] !== undefined) bounds[name] = options[name];
  }
  return bounds;
}

type Bounded = UrlOptions & typeof defaults & { signal: AbortSignal };

/** The first answer that does not point on. */
async function follow(ways: Ways, start: URL, options: Bounded): Promise<WireResponse> {
  const { method = 'GET', allowedOrigins = [], signal } = options;
  let url = start;
  let trusted = allowedOrigins.includes(url.origin);
  let headers = options.headers;
  for (let hops = 0; ; hops++) {
    const carry = options.via ? carryOver(options.via) : trusted ? ways.trusted : ways.guarded;
    const answer = await unlessAborted(
      signal,
      carry(method, {
        url: url.href,
        headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'atelier', ...headers },
        body: options.body ?? '',
        signal,
        headersTimeout: options.headersTimeout,
        idleTimeout: options.idleTimeout,
      }),
    );
    const location = redirections.has(answer.status) ? answer.header('location') : undefined;
    if (location === undefined) return answer;
    answer.abort();
    if (method !== 'GET') throw new UrlError('redirect', `It answered ${answer.status}, and a POST is not sent on.`);
    if (hops >= options.redirects) throw new UrlError('redirect', 'It redirects too often.');
    if (!URL.canParse(location, url.href)) throw new UrlError('redirect', 'It redirects to no URL.');
    const next = new URL(location, url.href);
    if (url.protocol === 'https:' && next.protocol !== 'https:') {
      throw new UrlError('redirect', 'It redirects away from https.');
    }
    // What the operator vouches for is no place that a stranger may send us to.
    checkUrl(next.href, trusted ? allowedOrigins : []);
    trusted &&= allowedOrigins.includes(next.origin);
    if (next.origin !== url.origin) headers = undefined;
    url = next;
  }
}

/** Also where a call does not listen to its signal. An answer that comes too late is dropped. */
function unlessAborted(signal: AbortSignal, call: Promise<WireResponse>): Promise<WireResponse> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(signal.reason);
      call.then(
        (answer) => answer.abort(),
        () => {},
      );
    };
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    call.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** The answer as its opener gets it: checked by its headers, and counted as it is read. */
function opened(answer: WireResponse, options: UrlOptions, unpacks: boolean, signal: AbortSignal, over: () => void) {
  const header = (name: string) => answer.header(name) ?? '';
  const refuse = (fault: UrlFault, message: string) => {
    answer.abort();
    return new UrlError(fault, message);
  };
  const good = answer.status >= 200 && answer.status < 300;
  const mediaType = header('content-type').split(';')[0]!.trim().toLowerCase();
  const packed = !/^(identity)?$/i.test(header('content-encoding'));
  const sized = good && answer.status !== 204 && !packed && /^\d{1,15}$/.test(header('content-length'));
  const size = sized ? Number(header('content-length')) : undefined;
  if (good && packed && !unpacks) throw refuse('media_type', 'It answered with a packed body.');
  if (size !== undefined && size > options.limit) throw refuse('too_large', tooLarge(options.limit));
  if (good && mediaType && options.mediaTypes && !options.mediaTypes.some((start) => mediaType.startsWith(start))) {
    throw refuse('media_type', `It answered with ${mediaType}.`);
  }
  const body = streamFrom(counted(answer, options.limit, size, signal, over), () => {
    over();
    answer.abort();
  });
  return { status: answer.status, headers: answer.headers(), body, mediaType, ...(size === undefined ? {} : { size }) };
}

async function* counted(
  answer: WireResponse,
  limit: number,
  size: number | undefined,
  signal: AbortSignal,
  over: () => void,
): AsyncIterable<Uint8Array> {
  let count = 0;
  try {
    for await (const chunk of answer.stream()) {
      count += chunk.length;
      if (count > limit) throw new UrlError('too_large', tooLarge(limit));
      yield chunk;
    }
    if (size !== undefined && count !== size) throw new UrlError('interrupted', 'Its body broke off.');
  } catch (thrown) {
    throw signal.aborted ? signal.reason : faultOf(thrown, 'interrupted');
  } finally {
    over();
  }
}

function tooLarge(limit: number): string {
  return `It is larger than ${limit} bytes.`;
}

/** A failed call as a UrlError. What it says about addresses and ports stays inside, as the cause. */
function faultOf(thrown: unknown, otherwise: UrlFault): UrlError {
  for (let one = thrown; one instanceof Error; one = one.cause) {
    if (one instanceof UrlError) return one;
    const code = 'code' in one ? String(one.code) : '';
    if (one.name === 'TimeoutError' || /TIMEOUT|TIMEDOUT/.test(code)) {
      return new UrlError('timeout', 'It did not answer in time.', thrown);
    }
  }
  return new UrlError(
    otherwise,
    otherwise === 'unreachable' ? 'It could not be reached.' : 'Its body broke off.',
    thrown,
  );
}
