import { GatewayError } from './error.ts';
import { isObject, type Json, type JsonObject, listAt, stringAt } from './json.ts';
import type { Provider } from './provider.ts';

/** Whose answer it was: an id, or the provider itself where it reads "the money ran out" in its own way. */
export type Answerer = string | Pick<Provider, 'id' | 'isQuotaExhausted'>;
export type AnswerHeaders = { get(name: string): string | null } | Record<string, string>;

const quotaCodes = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'billing_error',
  'enforced_spend_limit_reached',
  'insufficient_credits',
  'insufficient_balance',
  'payment_required',
]);
// Google words an ordinary per-minute limit as "exceeded your current quota": that phrase alone proves nothing.
const quotaWords =
  /credit balance is too low|insufficient (quota|credits?|funds|balance)|(out of|not enough) credits?|credits? (are|is|have been) (depleted|exhausted)|(spend(ing)?|billing hard) (limit|cap)/i;
const policyCodes = new Set([
  'content_policy_violation',
  'moderation_blocked',
  'content_filter',
  'responsible_ai_policy_violation',
]);

/**
 * What a provider's non-2xx answer means, by one rule for every provider.
 * 4xx is `provider_rejected` with the provider's own status, words, param and body (class B, unbilled); 401 and 403 are
 * `provider_authentication` without the provider's words (they may quote the key); 429 is `provider_rate_limited`, or
 * `provider_quota_exhausted` where the money ran out; 408 is `provider_timeout`; 503 and 529 with a body are
 * `provider_overloaded` (class B); every other 5xx is `provider_error` (class C: the work may have been done and billed).
 * @param body the parsed JSON body, or its text, or undefined.
 */
export function errorOfAnswer(
  answerer: Answerer,
  status: number,
  headers: AnswerHeaders,
  body: Json | undefined,
): GatewayError {
  const provider = typeof answerer === 'string' ? answerer : answerer.id;
  const quota = typeof answerer === 'string' ? undefined : answerer.isQuotaExhausted?.(status, body ?? null);
  const fault = readFault(body);
  const retryAfterMs = readRetryAfter(headers, body) ?? (status === 429 ? readReset(headers) : undefined);
  const words = fault.message ?? `answered ${status}`;
  const base = { provider, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  const unbilled = { ...base, failure: 'B', billing: 'none' } as const;
  const unknown = { ...base, failure: 'C', billing: 'unknown' } as const;
  const raw = body === undefined ? {} : { raw: body };

  const refusesKey =
    status === 401 || status === 403 || fault.codes.includes('API_KEY_INVALID') || /api[ _]key not valid/i.test(words);
  if (quota ?? (status === 402 || (status < 500 && meansNoMoney(fault, words)))) {
    return new GatewayError('provider_quota_exhausted', {
      ...unbilled,
      message: `${provider} has no quota or credit left for this key (${status}).`,
    });
  }
  if (refusesKey && status < 500) {
    return new GatewayError('provider_authentication', {
      ...unbilled,
      message: `${provider} refused the gateway's credentials (${status}).`,
    });
  }
  if (status === 429) {
    return new GatewayError('provider_rate_limited', { ...unbilled, ...raw, message: say(provider, words) });
  }
  if (status === 408)
    return new GatewayError('provider_timeout', { ...unknown, ...raw, message: say(provider, words) });
  if (status === 503 || status === 529) {
    const certain = isObject(body) ? unbilled : unknown;
    return new GatewayError('provider_overloaded', { ...certain, ...raw, message: say(provider, words) });
  }
  if (status >= 400 && status < 500) {
    const details = {
      ...unbilled,
      ...raw,
      message: say(provider, words),
      ...(fault.param ? { param: fault.param } : {}),
    };
    if (fault.codes.some((code) => policyCodes.has(code))) return new GatewayError('content_policy', details);
    if (status === 404 && namesModel(fault, words)) return new GatewayError('model_not_found', details);
    return new GatewayError('provider_rejected', { ...details, status });
  }
  return new GatewayError('provider_error', { ...unknown, ...raw, message: say(provider, words) });
}

/** Never reached the provider: the name, the route, the port or the handshake failed. */
const notSent =
  /^(ENOTFOUND|EAI_AGAIN|EAI_FAIL|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|EPROTO|CERT_.*|ERR_TLS_.*|ERR_SSL_.*|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_.*)$/;
const timedOut = /^(UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT|ETIMEDOUT|ESOCKETTIMEDOUT)$/;

/**
 * What a thrown fetch (or a body that broke) means. Not sent at all: `provider_unavailable`, class A.
 * Timed out: `provider_timeout`, class C. Our own abort: its reason where that is a GatewayError, `provider_timeout` where it is a
 * TimeoutError, else `request_canceled`. A body that is not JSON: `provider_garbage`. Anything else broke after sending:
 * `outcome_unknown`, class C. A socket error's `retryable` flag is never believed.
 * @param signal the call's signal: its reason says why we aborted.
 */
export function errorOfThrow(provider: string, thrown: unknown, signal?: AbortSignal): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  if (signal?.aborted && signal.reason instanceof GatewayError) return signal.reason;
  const chain = causes(thrown);
  const unknown = { provider, failure: 'C', billing: 'unknown', cause: thrown } as const;
  const named = (name: string) => chain.some((link) => stringAt(link, 'name') === name);
  const timeout = () =>
    new GatewayError('provider_timeout', { ...unknown, message: `${provider} did not answer in time.` });

  if (signal?.aborted) {
    if (stringAt(signal.reason, 'name') === 'TimeoutError') return timeout();
    return new GatewayError('request_canceled', { ...unknown, message: 'The request was canceled.' });
  }
  for (const link of chain) {
    const code = stringAt(link, 'code') ?? '';
    const early =
      notSent.test(code) ||
      (code === 'ETIMEDOUT' && stringAt(link, 'syscall') === 'connect') ||
      /before secure TLS connection was established/.test(stringAt(link, 'message') ?? '');
    if (early) {
      return new GatewayError('provider_unavailable', {
        provider,
        failure: 'A',
        billing: 'none',
        message: `${provider} could not be reached${code ? ` (${code})` : ''}.`,
        cause: thrown,
      });
    }
    if (timedOut.test(code)) return timeout();
  }
  if (named('TimeoutError')) return timeout();
  if (named('AbortError')) {
    return new GatewayError('request_canceled', { ...unknown, message: 'The request was canceled.' });
  }
  if (named('SyntaxError')) {
    return new GatewayError('provider_garbage', {
      ...unknown,
      message: `${provider} answered something that is not JSON.`,
    });
  }
  // workerd in local development reports a failed name lookup as an internal error; a bad chunk looks the same, so nothing is certain.
  if (chain.some((link) => /internal error; reference/.test(stringAt(link, 'message') ?? ''))) {
    return new GatewayError('provider_unavailable', { ...unknown, message: `${provider} could not be reached.` });
  }
  return new GatewayError('outcome_unknown', {
    ...unknown,
    message: `The connection to ${provider} broke before its answer was complete.`,
  });
}

/**
 * How long the provider asks to wait, in milliseconds: `retry-after-ms`, `x-ms-retry-after-ms`, `retry-after` in seconds or as an HTTP date
 * (counted from the answer's own `date` header, so that no clock is read), or Google's RetryInfo.
 */
export function readRetryAfter(headers: AnswerHeaders, body?: Json): number | undefined {
  const exact = Number.parseFloat(header(headers, 'retry-after-ms') ?? header(headers, 'x-ms-retry-after-ms') ?? '');
  if (Number.isFinite(exact) && exact >= 0) return exact;
  const text = header(headers, 'retry-after')?.trim();
  if (text) {
    if (/^\d+(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
    const wait = readDate(headers, text);
    if (wait !== undefined) return wait;
  }
  for (const detail of listAt(body, 'error', 'details')) {
    const delay = /^(\d+(?:\.\d+)?)s$/.exec(stringAt(detail, 'retryDelay') ?? '');
    if (delay) return Math.round(Number(delay[1]) * 1000);
  }
  return undefined;
}

const resets = ['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap((kind) => [
  { reset: `x-ratelimit-reset-${kind}`, remaining: `x-ratelimit-remaining-${kind}` },
  { reset: `anthropic-ratelimit-${kind}-reset`, remaining: `anthropic-ratelimit-${kind}-remaining` },
]);

/**
 * When the limits of an answer that met one are open again, in milliseconds: OpenAI's `x-ratelimit-reset-*` (`6m0s`, `250ms`) and
 * Anthropic's `anthropic-ratelimit-*-reset` (RFC 3339, counted from the answer's `date`). The longest of those that are used up; where
 * none says so, the shortest.
 */
export function readReset(headers: AnswerHeaders): number | undefined {
  const found = resets.flatMap(({ reset, remaining }) => {
    const text = header(headers, reset);
    const ms = text === undefined ? undefined : (readDuration(text) ?? readDate(headers, text));
    return ms === undefined ? [] : [{ ms, empty: Number(header(headers, remaining) ?? Number.NaN) === 0 }];
  });
  const empty = found.filter((one) => one.empty);
  if (empty.length > 0) return Math.max(...empty.map(({ ms }) => ms));
  return found.length > 0 ? Math.min(...found.map(({ ms }) => ms)) : undefined;
}

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Go's way to write a duration: `1s`, `6m0s`, `1h30m`, `120ms`. */
function readDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (!/^(\d+(\.\d+)?(ms|[smhd]))+$/.test(trimmed)) return undefined;
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)];
  return Math.round(parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit!]!, 0));
}

function readDate(headers: AnswerHeaders, text: string): number | undefined {
  const wait = Date.parse(text) - Date.parse(header(headers, 'date') ?? '');
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

type Fault = { message?: string; param?: string; codes: string[] };

/** The words and codes of any vendor's envelope: `{error:{…}}`, `{error:"…"}`, `{detail}`, `{message}`, a list around one, or plain text. */
function readFault(body: Json | undefined): Fault {
  const whole = Array.isArray(body) ? body[0] : body;
  if (typeof whole === 'string') return { codes: [], ...(/^\s*</.test(whole) ? {} : { message: whole }) };
  if (!isObject(whole)) return { codes: [] };
  const error = isObject(whole.error) ? whole.error : whole;
  const message = [error.message, whole.error, whole.detail, whole.title].find((words) => typeof words === 'string');
  const places: JsonObject[] = [error, ...listAt(error, 'details').filter(isObject)];
  if (isObject(error.details)) places.push(error.details);
  const codes = places
    .flatMap((place) => [place.code, place.type, place.status, place.reason, place.error_code])
    .filter((code) => typeof code === 'string');
  const param = stringAt(error, 'param');
  return { codes, ...(message ? { message } : {}), ...(param ? { param } : {}) };
}

function meansNoMoney(fault: Fault, words: string): boolean {
  return fault.codes.some((code) => quotaCodes.has(code)) || quotaWords.test(words);
}

function namesModel(fault: Fault, words: string): boolean {
  return fault.codes.includes('model_not_found') || /\bmodels?\b/i.test(words);
}

function say(provider: string, words: string): string {
  return `${provider}: ${words.length > 500 ? `${words.slice(0, 500)}…` : words}`;
}

function header(headers: AnswerHeaders, name: string): string | undefined {
  if (typeof headers.get === 'function') return headers.get(name) ?? undefined;
  return (headers as Record<string, string>)[name];
}

/** The error and everything under its `cause`, aggregate errors included, at most ten links. */
function causes(thrown: unknown): unknown[] {
  const links: unknown[] = [];
  const open: unknown[] = [thrown];
  while (open.length > 0 && links.length < 10) {
    const link = open.shift();
    if (typeof link !== 'object' || link === null) continue;
    links.push(link);
    open.push((link as { cause?: unknown }).cause);
    const many = (link as { errors?: unknown }).errors;
    if (Array.isArray(many)) open.push(...many);
  }
  return links;
}
