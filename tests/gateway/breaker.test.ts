import { describe, expect, it } from 'vitest';
import { errorOfAnswer, type Model, type ProviderRow } from '../../src/contract/index.ts';
import { Breaker } from '../../src/gateway/breaker.ts';
import { Health } from '../../src/gateway/health.ts';
import type { Upstream } from '../../src/runtime/ports.ts';

const breaker = (random = 0.999) => new Breaker(() => random);
const fail = (one: Breaker, times: number, now: number) => {
  for (let count = 0; count < times; count++) one.failed(now);
};

describe('breaker', () => {
  it('opens after five failures in a row', () => {
    const one = breaker();
    fail(one, 4, 1_000);
    expect(one.allows(1_000)).toBe(true);
    one.succeeded(1_000);
    fail(one, 4, 1_000);
    expect(one.allows(1_000)).toBe(true);
    fail(one, 1, 1_000);
    expect(one.allows(1_000)).toBe(false);
  });

  it('opens where half of at least twenty calls of the last 30 s failed', () => {
    const one = breaker();
    for (let count = 0; count < 10; count++) {
      one.succeeded(10_000);
      if (count < 9) one.failed(10_000);
    }
    expect(one.allows(10_000)).toBe(true);
    one.failed(10_000);
    expect(one.allows(10_000)).toBe(false);

    const other = breaker();
    for (let count = 0; count < 10; count++) {
      other.succeeded(10_000);
      // half a minute later the earlier ones no longer count
      other.failed(10_000 + (count % 2) * 40_000);
    }
    expect(other.allows(50_000)).toBe(true);
  });

  it('lets one probe through after its pause, and closes when that succeeds', () => {
    const one = breaker();
    fail(one, 5, 0);
    expect(one.allows(23_000)).toBe(false);
    expect(one.allows(30_000)).toBe(true);
    one.enter(30_000);
    expect(one.allows(30_000)).toBe(false);
    one.succeeded(30_100);
    expect(one.allows(30_100)).toBe(true);
    expect(one.reopens).toBe(0);
  });

  it('stays open longer each time, at most five minutes, and somewhat less than said', () => {
    const one = breaker(0.5);
    fail(one, 5, 0);
    const pauses: number[] = [];
    let now = 0;
    for (let count = 0; count < 14; count++) {
      pauses.push(one.reopens - now);
      now = one.reopens;
      expect(one.allows(now)).toBe(true);
      one.enter(now);
      one.failed(now);
    }
    expect(pauses[0]).toBeGreaterThan(24_000);
    expect(pauses[0]).toBeLessThan(30_000);
    expect(pauses[1]! / pauses[0]!).toBeCloseTo(2, 5);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(300_000);
    expect(pauses.at(-1)).toBe(pauses.at(-2));
  });

  it('a probe that never reports, or says nothing, leaves room for another', () => {
    const one = breaker();
    fail(one, 5, 0);
    one.enter(30_000);
    expect(one.allows(60_000)).toBe(false);
    expect(one.allows(151_000)).toBe(true);
    one.enter(151_000);
    one.left();
    expect(one.allows(151_001)).toBe(true);
  });

  it('a call that is made although it is open closes it when it succeeds, and does not lengthen it when it fails', () => {
    const one = breaker();
    fail(one, 5, 0);
    const { reopens } = one;
    one.failed(5_000);
    expect(one.reopens).toBe(reopens);
    one.succeeded(6_000);
    expect(one.allows(6_000)).toBe(true);
  });
});

describe('health', () => {
  const model: Model = { id: 'house/pen', provider: 'house', upstream: 'pen', modality: 'text' };
  const upstream = { row: { id: 'house' } as ProviderRow, key: 'one', keys: ['one', 'two'] } as unknown as Upstream;
  const of = (status: number, headers: Record<string, string> = {}, body: object = { error: { message: 'No.' } }) =>
    errorOfAnswer('house', status, headers, body as never);

  it('refusals, limits and spent keys do not open the breaker; trouble does', () => {
    const health = new Health({ random: () => 0.5 });
    for (const status of [400, 401, 402, 404, 422, 429]) {
      for (let count = 0; count < 6; count++) health.ended(model, upstream, 1_000, 0, of(status));
    }
    expect(health.model(model.id).breaker.allows(1_000)).toBe(true);
    for (const status of [500, 502, 503, 504, 529]) health.ended(model, upstream, 1_000, 0, of(status));
    expect(health.model(model.id).breaker.allows(1_000)).toBe(false);
  });

  it('#4 a spent key is set aside until it is good again, and the next one taken', () => {
    const health = new Health({ random: () => 0.5 });
    const { keys } = health.provider(upstream);
    expect(keys.pick(0)).toBe('one');
    health.ended(model, upstream, 0, 0, of(429, {}, { error: { code: 'insufficient_quota', message: 'No money.' } }));
    expect(keys.pick(1)).toBe('two');
    expect(health.isReady(model, upstream, 1)).toBe(true);
    health.ended(model, { ...upstream, key: 'two' }, 0, 0, of(429, { 'retry-after': '20' }));
    expect(health.isReady(model, upstream, 1)).toBe(false);
    // none is good: the one that comes back soonest
    expect(keys.pick(1)).toBe('two');
    expect(health.isReady(model, upstream, 20_000)).toBe(true);
    expect(keys.pick(300_000)).toBe('one');
  });

  it('knows how long an answer takes, failures counted in, and forgets it', () => {
    const health = new Health({ random: () => 0.5 });
    const { statistics } = health.model(model.id);
    expect(statistics.expected(0, false)).toBeUndefined();
    health.ended(model, upstream, 1_000, 0, undefined, 200);
    expect(statistics.expected(1_000, false)).toBe(1_000);
    expect(statistics.expected(1_000, true)).toBe(200);
    health.ended(model, upstream, 1_000, 0, of(500));
    expect(statistics.expected(1_000, false)).toBeCloseTo(1_250);
    expect(statistics.expected(700_000, false)).toBeUndefined();
  });
});
