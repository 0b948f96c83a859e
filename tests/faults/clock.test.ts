import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Json, numberAt, stringAt } from '../../src/contract/index.ts';
import { attemptsOf, openWorld, until, type World } from '../support/fault-world.ts';
import { startGateway } from '../support/gateway.ts';

/** The gateway's clock, moved by hand; it runs on meanwhile. */
let offset = 0;
const clock = { now: () => Date.now() + offset };
const setTo = (time: string) => {
  offset = Date.parse(time) - Date.now();
};

describe('the clock', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld('Node', (env) => startGateway(env, { clock }));
  });
  afterAll(() => world?.close());

  const model = 'openai/gpt-5.5';
  const slowly = (key: string) =>
    world.post(
      '/v1/chat/completions',
      { model, max_tokens: 60, messages: [{ role: 'user', content: '[[fault:slow:400]] hello' }] },
      { key },
    );
  const readAs = async (key: string, id: string): Promise<Json> =>
    (await world.send(`/v1/generations/${id}`, { key })).body;
  const usesOf = async (key: string) =>
    at((await world.send('/v1/budgets', { key })).body, 'data', 0, 'uses') as Json[];

  for (const [what, window, zone, before, after] of [
    ['a month', 'month', 'UTC', '2026-10-31T23:59:57Z', '2026-11-01T00:00:30Z'],
    ['a day', 'day', 'UTC', '2026-11-10T23:59:57Z', '2026-11-11T00:00:30Z'],
    // 25 hours long: clocks go back in this night.
    ['the day on which clocks go back', 'day', 'Europe/Berlin', '2026-10-25T22:59:57Z', '2026-10-25T23:00:30Z'],
    // 23 hours long.
    ['the day on which clocks go forward', 'day', 'Europe/Berlin', '2026-03-29T21:59:57Z', '2026-03-29T22:00:30Z'],
  ] as const) {
    it(`#52 ${what} ends while a call is held: it is booked where it was held, the new window is empty`, async () => {
      setTo(before);
      const { key } = await world.limited({ unit: 'usd', limit: '1', window, time_zone: zone });
      const asked = slowly(key);
      await until('the hold', async () => Number(stringAt((await usesOf(key))[0], 'held') ?? 0) > 0);
      const [held] = await usesOf(key);
      setTo(after);
      const answer = await asked;
      expect(answer.status, answer.text).toBe(200);
      const [now] = await usesOf(key);
      expect(Number(stringAt(now, 'spent') ?? 0), JSON.stringify(now)).toBe(0);
      expect(Number(stringAt(now, 'held') ?? 0)).toBe(0);
      // Back in the window of before, what was held there is spent there.
      setTo(before);
      const [then] = await usesOf(key);
      expect(at(then, 'window_start')).toBe(at(held, 'window_start'));
      expect(Number(stringAt(then, 'held'))).toBe(0);
      const generation = await readAs(key, answer.headers.get('x-atelier-generation')!);
      expect(stringAt(then, 'spent')).toBe(stringAt(generation, 'receipt', 'total'));
      expect(world.agrees(generation)).toBeGreaterThan(0n);
    });
  }

  /** A call during which the clock goes back by an hour. */
  async function overtaken() {
    setTo('2026-11-12T12:00:00Z');
    const { key, use } = await world.limited({ unit: 'usd', limit: '1' });
    const asked = slowly(key);
    await until('the hold', async () => Number(stringAt(await use(), 'held') ?? 0) > 0);
    offset -= 3_600_000;
    const answer = await asked;
    expect(answer.status, answer.text).toBe(200);
    expect(Number(stringAt(await use(), 'held'))).toBe(0);
    return readAs(key, answer.headers.get('x-atelier-generation')!);
  }

  it('#52 a clock that jumps back and forth: the call is booked once, jobs end', async () => {
    const generation = await overtaken();
    expect(attemptsOf(generation)).toMatchObject([{ state: 'settled', outcome: 'succeeded' }]);
    expect(world.agrees(generation)).toBeGreaterThan(0n);
    const job = await world.make('replicate/meta/musicgen', 'a song', { seconds: 1, wait: 0 });
    offset += 600_000;
    const song = await world.behind(job);
    expect(song).toMatchObject({ status: 'completed' });
    expect(world.agrees(song)).toBeGreaterThan(0n);
  });

  it('#52 a clock that jumps back: durations stay sane', async () => {
    const generation = await overtaken();
    expect(numberAt(attemptsOf(generation)[0], 'latency_ms')).toBeGreaterThanOrEqual(0);
    expect(numberAt(generation, 'completed_at')).toBeGreaterThanOrEqual(numberAt(generation, 'created_at')!);
  });
});
