import { describe, expect, test } from 'vitest';
import { errorOfAnswer, errorOfThrow, GatewayError, type Json, readRetryAfter } from '../../src/contract/index.ts';

const answer = (status: number, body?: Json, headers: Record<string, string> = {}) =>
  errorOfAnswer('acme', status, new Headers(headers), body);

describe('errorOfAnswer', () => {
  const rows: [string, number, Json | undefined, string, number, string][] = [
    ['bad request', 400, { error: { message: 'no', param: 'size' } }, 'provider_rejected', 400, 'B'],
    ['FastAPI', 422, { detail: 'field required' }, 'provider_rejected', 422, 'B'],
    ['too large', 413, undefined, 'provider_rejected', 413, 'B'],
    ['unknown path', 404, { error: { message: 'nothing here' } }, 'provider_rejected', 404, 'B'],
    ['OpenAI model', 404, { error: { message: 'x', code: 'model_not_found' } }, 'model_not_found', 404, 'B'],
    [
      'Anthropic model',
      404,
      { type: 'error', error: { type: 'not_found_error', message: 'model: claude-0' } },
      'model_not_found',
      404,
      'B',
    ],
    [
      'Gemini model',
      404,
      { error: { code: 404, status: 'NOT_FOUND', message: 'models/x is not found' } },
      'model_not_found',
      404,
      'B',
    ],
    ['moderation', 400, { error: { message: 'x', code: 'moderation_blocked' } }, 'content_policy', 400, 'B'],
    ['no key', 403, { error: { message: 'sk-abc' } }, 'provider_authentication', 502, 'B'],
    [
      'Gemini key',
      400,
      { error: { message: 'x', details: [{ reason: 'API_KEY_INVALID' }] } },
      'provider_authentication',
      502,
      'B',
    ],
    ['paid out', 402, undefined, 'provider_quota_exhausted', 503, 'B'],
    [
      'OpenAI quota',
      429,
      { error: { code: 'insufficient_quota', message: 'x' } },
      'provider_quota_exhausted',
      503,
      'B',
    ],
    [
      'Anthropic credit',
      400,
      {
        error: {
          type: 'invalid_request_error',
          message: 'Your credit balance is too low to access the Anthropic API.',
        },
      },
      'provider_quota_exhausted',
      503,
      'B',
    ],
    [
      'Anthropic spend limit',
      429,
      { error: { type: 'rate_limit_error', message: 'x', details: { error_code: 'enforced_spend_limit_reached' } } },
      'provider_quota_exhausted',
      503,
      'B',
    ],
    [
      'Gemini minute quota is a rate limit',
      429,
      {
        error: {
          status: 'RESOURCE_EXHAUSTED',
          message: 'You exceeded your current quota, please check your plan and billing details.',
        },
      },
      'provider_rate_limited',
      429,
      'B',
    ],
    ['timeout', 408, undefined, 'provider_timeout', 504, 'C'],
    [
      'overloaded',
      529,
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      'provider_overloaded',
      503,
      'B',
    ],
    ['a proxy without words', 503, undefined, 'provider_overloaded', 503, 'C'],
    ['server error', 500, { error: { message: 'x' } }, 'provider_error', 502, 'C'],
    ['gateway page', 502, '<html>', 'provider_error', 502, 'C'],
    ['gateway timeout', 504, undefined, 'provider_error', 502, 'C'],
  ];
  test.each(rows)('%s', (_name, status, body, code, ours, failure) => {
    const error = answer(status, body);
    expect([error.code, error.status, error.details.failure]).toEqual([code, ours, failure]);
    expect(error.details.billing).toBe(failure === 'B' ? 'none' : 'unknown');
    expect(error.message).not.toContain('<html>');
  });
  test('keeps words, param and body; never those that may quote a key', () => {
    const body = { error: { message: 'no such size', param: 'size', code: 'invalid_value' } };
    expect(answer(400, body).details).toMatchObject({
      message: 'acme: no such size',
      param: 'size',
      raw: body,
      provider: 'acme',
    });
    const leak = answer(401, { error: { message: 'Incorrect API key provided: sk-proj-abcd****wxyz' } });
    expect(JSON.stringify({ ...leak.details, text: String(leak) })).not.toContain('sk-');
  });
  test("a provider's own reading of quota wins", () => {
    const isQuotaExhausted = (status: number) => status === 418;
    expect(errorOfAnswer({ id: 'acme', isQuotaExhausted }, 418, {}, undefined).code).toBe('provider_quota_exhausted');
    expect(errorOfAnswer({ id: 'acme', isQuotaExhausted }, 402, {}, undefined).code).toBe('provider_rejected');
  });
});

describe('readRetryAfter', () => {
  test('milliseconds, seconds, a date against the answer’s own clock, Google’s RetryInfo', () => {
    expect(readRetryAfter({ 'retry-after-ms': '250', 'retry-after': '9' })).toBe(250);
    expect(readRetryAfter(new Headers({ 'retry-after': '1.5' }))).toBe(1500);
    const dates = { date: 'Sun, 22 Nov 2026 10:00:00 GMT', 'retry-after': 'Sun, 22 Nov 2026 10:00:07 GMT' };
    expect(readRetryAfter(dates)).toBe(7000);
    expect(readRetryAfter({ 'retry-after': dates['retry-after'] })).toBeUndefined();
    expect(readRetryAfter({ 'retry-after': '-3' })).toBeUndefined();
    expect(readRetryAfter({}, { error: { details: [{ retryDelay: '34.5s' }] } })).toBe(34_500);
    expect(answer(429, {}, { 'retry-after': '3' }).details.retryAfterMs).toBe(3000);
  });
});

describe('errorOfThrow', () => {
  const broken = (code: string, more: object = {}) =>
    new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code, ...more }) });
  const rows: [string, unknown, string, string][] = [
    ['DNS', broken('ENOTFOUND'), 'provider_unavailable', 'A'],
    [
      'refused on every address',
      new TypeError('fetch failed', { cause: new AggregateError([broken('ECONNREFUSED')]) }),
      'provider_unavailable',
      'A',
    ],
    ['certificate', broken('CERT_HAS_EXPIRED'), 'provider_unavailable', 'A'],
    ['connect timeout', broken('UND_ERR_CONNECT_TIMEOUT'), 'provider_unavailable', 'A'],
    ['connect syscall timeout', broken('ETIMEDOUT', { syscall: 'connect' }), 'provider_unavailable', 'A'],
    ['read timeout', broken('ETIMEDOUT', { syscall: 'read' }), 'provider_timeout', 'C'],
    ['headers timeout', broken('UND_ERR_HEADERS_TIMEOUT'), 'provider_timeout', 'C'],
    ['reset', broken('ECONNRESET'), 'outcome_unknown', 'C'],
    ['body cut', new TypeError('terminated'), 'outcome_unknown', 'C'],
    ['workerd drop', Object.assign(new Error('Network connection lost.'), { retryable: true }), 'outcome_unknown', 'C'],
    ['workerd local DNS', new Error('internal error; reference = abc'), 'provider_unavailable', 'C'],
    ['not JSON', new SyntaxError('Unexpected token'), 'provider_garbage', 'C'],
    ['timeout signal', new DOMException('late', 'TimeoutError'), 'provider_timeout', 'C'],
    ['abort', new DOMException('stop', 'AbortError'), 'request_canceled', 'C'],
    ['a string', 'oops', 'outcome_unknown', 'C'],
  ];
  test.each(rows)('%s', (_name, thrown, code, failure) => {
    const error = errorOfThrow('acme', thrown);
    expect([error.code, error.details.failure]).toEqual([code, failure]);
  });
  test('our own abort says why', () => {
    const aborted = (reason?: unknown) => {
      const controller = new AbortController();
      controller.abort(reason);
      return errorOfThrow('acme', new Error('Request was aborted.'), controller.signal).code;
    };
    expect(aborted()).toBe('request_canceled');
    expect(aborted(new DOMException('late', 'TimeoutError'))).toBe('provider_timeout');
    expect(aborted(new GatewayError('shutting_down', 'bye'))).toBe('shutting_down');
  });
});
