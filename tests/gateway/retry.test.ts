import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  errorOfAnswer,
  errorOfThrow,
  GatewayError,
  type Json,
  readReset,
  readRetryAfter,
} from '../../src/contract/index.ts';
import { Bulkhead } from '../../src/gateway/bulkhead.ts';
import { KeyRing, keyedRef, keysIn, openRef } from '../../src/gateway/keys.ts';
import { backoff, RetryBudget, TokenBucket } from '../../src/gateway/retry.ts';
import { isTooLong, verdictOf } from '../../src/gateway/verdict.ts';

const date = 'Sun, 22 Nov 2026 12:00:00 GMT';

describe('when to try again', () => {
  it('full jitter: from nothing to the doubled pause, at most 20 s', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (retries, chance) => {
        const pause = backoff(retries, () => chance);
        expect(pause).toBeGreaterThanOrEqual(0);
        expect(pause).toBeLessThanOrEqual(Math.min(20_000, 250 * 2 ** retries));
      }),
    );
    expect([0, 1, 2, 10].map((retries) => backoff(retries, () => 0.5))).toEqual([125, 250, 500, 10_000]);
  });

  for (const [name, headers, wanted] of [
    ['#1 seconds', { 'retry-after': '2' }, 2_000],
    ['#2 an HTTP date', { 'retry-after': 'Sun, 22 Nov 2026 12:00:07 GMT', date }, 7_000],
    ['#2 a date of the past', { 'retry-after': 'Sun, 22 Nov 2026 11:00:00 GMT', date }, 0],
    ['#2 no date at all', { 'retry-after': 'soon', date }, undefined],
    ['#2 a negative number', { 'retry-after': '-3' }, undefined],
    ['#3 milliseconds', { 'retry-after-ms': '1500', 'retry-after': '9' }, 1_500],
    ['#3 milliseconds in Azure words', { 'x-ms-retry-after-ms': '250' }, 250],
  ] as const) {
    it(`Retry-After: ${name}`, () => expect(readRetryAfter(headers)).toBe(wanted));
  }

  for (const [headers, wanted] of [
    [{ 'x-ratelimit-reset-requests': '1s' }, 1_000],
    [{ 'x-ratelimit-reset-tokens': '6m0s' }, 360_000],
    [{ 'x-ratelimit-reset-requests': '120ms', 'x-ratelimit-reset-tokens': '1h30m' }, 120],
    [
      {
        'x-ratelimit-reset-requests': '120ms',
        'x-ratelimit-remaining-requests': '3',
        'x-ratelimit-reset-tokens': '17s',
        'x-ratelimit-remaining-tokens': '0',
      },
      17_000,
    ],
    [{ 'anthropic-ratelimit-requests-reset': '2026-11-22T12:00:30Z', date }, 30_000],
    [{ 'anthropic-ratelimit-requests-reset': '2026-11-22T12:00:30Z' }, undefined],
    [{ 'x-ratelimit-reset-requests': 'later' }, undefined],
    [{}, undefined],
  ] as const) {
    it(`#3 the end of a limit: ${JSON.stringify(headers)}`, () => expect(readReset(headers)).toBe(wanted));
  }

  it('#3 the end of a limit is read only where one was met', () => {
    const headers = { 'x-ratelimit-reset-requests': '3s' };
    expect(errorOfAnswer('x', 429, headers, {}).details.retryAfterMs).toBe(3_000);
    expect(errorOfAnswer('x', 400, headers, {}).details.retryAfterMs).toBeUndefined();
  });

  it('the retry budget: 20 % of live traffic, three in any case', () => {
    const budget = new RetryBudget();
    const takeAll = (now: number) => {
      let taken = 0;
      while (budget.take(now)) taken++;
      return taken;
    };
    expect(takeAll(5_000)).toBe(3);
    for (let count = 0; count < 100; count++) budget.called(6_000);
    expect(takeAll(6_000)).toBe(17);
    // ten seconds later all of that is forgotten
    expect(takeAll(16_500)).toBe(3);
  });

  it('the token bucket: a hundred retries without a success, then one for each five successes', () => {
    const bucket = new TokenBucket();
    let taken = 0;
    while (bucket.take(false)) taken++;
    expect(taken).toBe(100);
    for (let count = 0; count < 5; count++) bucket.succeeded(false);
    expect([bucket.take(false), bucket.take(false)]).toEqual([true, false]);
    bucket.succeeded(true);
    bucket.succeeded(true);
    expect([bucket.take(true), bucket.take(true)]).toEqual([true, false]);
  });

  it('the token bucket: a retry that succeeds gives back what it took, more after a timeout', () => {
    const bucket = new TokenBucket();
    while (bucket.take(false));
    for (const timedOut of [true, false]) {
      bucket.succeeded(true, timedOut);
      expect([bucket.take(timedOut), bucket.take(false)], String(timedOut)).toEqual([true, false]);
    }
  });
});

describe('what a failure allows', () => {
  const text = { media: false, idle: false };
  const answered = (status: number, body?: object) => errorOfAnswer('x', status, {}, body as never);
  const thrown = (code: string) => errorOfThrow('x', new TypeError('fetch failed', { cause: { code } }));

  for (const [name, error, wanted, ofMedia] of [
    ['#8 DNS', thrown('ENOTFOUND'), 'again', 'again'],
    ['#8 refused', thrown('ECONNREFUSED'), 'again', 'again'],
    ['#8 TLS', thrown('CERT_HAS_EXPIRED'), 'again', 'again'],
    ['#9 connect timeout', thrown('UND_ERR_CONNECT_TIMEOUT'), 'again', 'again'],
    ['#5 529', answered(529, { error: {} }), 'again', 'again'],
    ['#5 503 with a body', answered(503, { error: {} }), 'again', 'again'],
    ['503 without one', answered(503), 'elsewhere', 'stop'],
    ['#1 429', answered(429, {}), 'again', 'again'],
    ['#4 429, money ran out', answered(429, { error: { code: 'insufficient_quota' } }), 'elsewhere', 'elsewhere'],
    ['401', answered(401, {}), 'elsewhere', 'elsewhere'],
    ['400', answered(400, { error: { message: 'No such field.' } }), 'stop', 'stop'],
    ['404 model', answered(404, { error: { code: 'model_not_found' } }), 'elsewhere', 'elsewhere'],
    ['policy', answered(400, { error: { code: 'content_policy_violation' } }), 'stop', 'stop'],
    ['#6 500', answered(500, {}), 'elsewhere', 'stop'],
    ['#7 504', answered(504), 'elsewhere', 'stop'],
    ['#10 reset', thrown('ECONNRESET'), 'elsewhere', 'stop'],
    ['#11 FIN', thrown('UND_ERR_SOCKET'), 'elsewhere', 'stop'],
    ['#15 silence', thrown('UND_ERR_HEADERS_TIMEOUT'), 'elsewhere', 'stop'],
    ['#28 huge header', thrown('UND_ERR_HEADERS_OVERFLOW'), 'elsewhere', 'stop'],
    ['#31 the client left', new GatewayError('request_canceled', { message: '', failure: 'D' }), 'stop', 'stop'],
    ['#13 cut', new GatewayError('stream_interrupted', { message: '', failure: 'D' }), 'stop', 'stop'],
    ['#49 no store', new GatewayError('store_unavailable', { message: '', failure: 'C' }), 'stop', 'stop'],
  ] as const) {
    it(`${name}: ${wanted}; of media: ${ofMedia}`, () => {
      expect(verdictOf(error, text)).toBe(wanted);
      expect(verdictOf(error, { ...text, media: true })).toBe(ofMedia);
    });
  }

  it('an unknown outcome: never twice where forbidden, by the same model where allowed, media only where nothing was done', () => {
    const unknown = thrown('ECONNRESET');
    expect(verdictOf(unknown, { ...text, duplicateOk: false })).toBe('stop');
    expect(verdictOf(unknown, { ...text, duplicateOk: true })).toBe('again');
    expect(verdictOf(unknown, { ...text, media: true, duplicateOk: true })).toBe('stop');
    expect(verdictOf(unknown, { media: true, idle: true })).toBe('again');
    const cut = new GatewayError('stream_interrupted', { message: '', failure: 'D' });
    expect(verdictOf(cut, { ...text, restart: true })).toBe('again');
  });

  it('tells a request that is too long from one that is wrong', () => {
    for (const body of [
      { error: { code: 'context_length_exceeded', message: 'x' } },
      { error: { message: "This model's maximum context length is 8192 tokens." } },
      { error: { type: 'invalid_request_error', message: 'prompt is too long: 210000 tokens > 200000 maximum' } },
      { error: { message: 'The input token count (1200000) exceeds the maximum number of tokens allowed' } },
    ]) {
      expect(isTooLong(answered(400, body)), body.error.message).toBe(true);
    }
    expect(isTooLong(answered(413, {}))).toBe(true);
    expect(isTooLong(answered(400, { error: { message: 'max_tokens is too large' } }))).toBe(false);
    expect(isTooLong(answered(429, { error: { message: 'context length' } }))).toBe(false);
  });
});

describe('the bulkhead', () => {
  const limits = { most: 2, waiting: 1, patience: 50 };

  it('lets so many through, then one wait, then refuses as never sent', async () => {
    const bulkhead = new Bulkhead('house', limits);
    expect([bulkhead.enter(), bulkhead.enter(), bulkhead.enter()]).toEqual([true, true, false]);
    const turn = bulkhead.wait();
    await expect(bulkhead.wait()).rejects.toMatchObject({ code: 'provider_overloaded', details: { failure: 'A' } });
    bulkhead.leave();
    await turn;
    expect(bulkhead.enter()).toBe(false);
    bulkhead.leave();
    bulkhead.leave();
    expect([bulkhead.enter(), bulkhead.enter(), bulkhead.enter()]).toEqual([true, true, false]);
    expect(bulkhead.highWater).toBe(2);
  });

  it('gives up waiting in time, and leaves no place taken', async () => {
    const bulkhead = new Bulkhead('house', limits);
    bulkhead.enter();
    bulkhead.enter();
    await expect(bulkhead.wait()).rejects.toMatchObject({ code: 'provider_overloaded' });
    bulkhead.leave();
    expect(bulkhead.enter()).toBe(true);
  });
});

describe('keys', () => {
  it('are read from one variable', () => {
    expect(keysIn(' a, b ,,c')).toEqual(['a', 'b', 'c']);
    expect(keysIn('')).toEqual([]);
  });

  it('one key is used whatever became of it', () => {
    const ring = new KeyRing(['a']);
    ring.setAside('a', 1_000);
    expect([ring.pick(0), ring.isFree(0), ring.isFree(1_000)]).toEqual(['a', false, true]);
    ring.restore('a');
    expect(ring.isFree(0)).toBe(true);
  });

  it('a job is asked about with the key that it was sent with', () => {
    const upstream = { key: 'two', keys: ['one', 'two'] };
    const ref = keyedRef(upstream, { id: 'job' });
    expect(JSON.stringify(ref)).not.toContain('two');
    expect(openRef({ key: 'one', keys: ['one', 'two'] }, ref)).toEqual({ upstream, ref: { id: 'job' } });
    expect(openRef({ key: 'new' }, ref)).toEqual({ upstream: { key: 'new' }, ref: { id: 'job' } });
    expect(openRef({ key: 'one' }, keyedRef({ key: 'one' }, 'plain'))).toEqual({
      upstream: { key: 'one' },
      ref: 'plain',
    });
    expect(openRef({ key: 'one' }, null)).toEqual({ upstream: { key: 'one' }, ref: null });
  });

  it('also where it was the only one then, and another has come before it since', () => {
    const ref = keyedRef({ key: 'one' }, { id: 'job' });
    expect(JSON.stringify(ref)).not.toContain('one');
    expect(openRef({ key: 'two', keys: ['two', 'one'] }, ref)).toEqual({
      upstream: { key: 'one', keys: ['two', 'one'] },
      ref: { id: 'job' },
    });
  });

  it('what was kept of a job before keys were marked is read as it stands', () => {
    const upstream = { key: 'two', keys: ['two', 'one'] };
    for (const ref of [{ id: 'job' }, 'job', ['job'], { atelier_key: 'x' }] as Json[]) {
      expect(openRef(upstream, ref)).toEqual({ upstream, ref });
    }
  });
});
