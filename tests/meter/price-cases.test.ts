import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBasePrices, type Published } from '../../config/base-prices.ts';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { createUsageReader } from '../../providers/index.ts';
import { isObject, type Json, type JsonObject } from '../../src/contract/index.ts';
import { priceObject } from '../../src/gateway/price-object.ts';
import { readPriceCall, writePrice } from '../../src/http/price-door.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { parseUsd } from '../../src/meter/money.ts';

/**
 * Raw usage of many vendors in the forms in which it is met (bare, in a whole answer, as events, snake and camel case, headers), with what
 * it costs by the published rule. The sums were made with exact fractions by another program than this one.
 */
type PriceCase = {
  id: string;
  call: JsonObject;
  /** Prices that come with the call: once with them, and where `shipped` says so once with our own. */
  rates?: JsonObject[];
  shipped?: true;
  expected: { total: string | null; status: string; basis: string; lines?: string[] };
};

const cases = readFileSync(new URL('price-cases.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as PriceCase);

const config = await loadConfig(shipped);
const require = createRequire(import.meta.url);
const base = createBasePrices(() => require('@pydantic/genai-prices') as Published);
const means = {
  catalogue: createCatalogue(config.prices, config.hash, base),
  readUsage: createUsageReader(config.providers),
  find: (provider: string, model: string) =>
    config.models.find((row) => row.provider === provider && (row.upstream === model || row.id === model)),
  quirksOf: (provider: string) => config.providers.find((row) => row.id === provider)?.quirks,
  now: Date.parse('2026-11-22T12:00:00Z'),
};

function price(body: JsonObject): JsonObject {
  return writePrice(priceObject(readPriceCall(body), means));
}

/** The answer as a case tells it. */
function told(answer: JsonObject, withLines: boolean): PriceCase['expected'] {
  const lines = (answer.lines as JsonObject[]).map(({ meter, quantity, price: amount, per, amount: cost }) =>
    cost === null ? `${meter} ${quantity} unpriced` : `${meter} ${quantity} at ${amount}/${per} = ${cost}`,
  );
  const { total, status, basis } = answer as PriceCase['expected'];
  return { total, status, basis, ...(withLines ? { lines: lines.sort() } : {}) };
}

function wanted({ expected }: PriceCase): PriceCase['expected'] {
  return { ...expected, ...(expected.lines ? { lines: expected.lines.toSorted() } : {}) };
}

describe('raw usage as vendors send it', () => {
  test('there are many, each with a name of its own', () => {
    expect(cases.length).toBeGreaterThan(400);
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
  });
  const rated = cases.filter(({ rates }) => rates !== undefined).map((one) => [one.id, one] as const);
  test.each(rated)("%s: with the caller's rates", (_, one) => {
    const body = one.rates?.length ? { ...one.call, rates: one.rates } : one.call;
    expect(told(price(body), one.expected.lines !== undefined)).toEqual(wanted(one));
  });
  const own = cases.filter((one) => one.shipped === true).map((one) => [one.id, one] as const);
  test.each(own)('%s: with the shipped prices', (_, one) => {
    expect(told(price(one.call), one.expected.lines !== undefined)).toEqual(wanted(one));
  });
});

describe('raw usage as vendors should not send it', () => {
  const odd: Json[] = [null, -1, 0, 1.5, -0.5, 1e-9, 1e21, '7', 'x', '', true, [], [1], {}, { a: [null] }];
  /** The same with some values replaced and some left out. `next` draws a number below its argument. */
  function spoiled(value: Json, next: (below: number) => number): Json {
    if (next(7) === 0) return odd[next(odd.length)] ?? null;
    if (Array.isArray(value)) return value.map((each) => spoiled(each, next));
    if (!isObject(value)) return value;
    const kept = Object.entries(value).filter(() => next(12) > 0);
    return Object.fromEntries(kept.map(([name, each]) => [name, spoiled(each, next)]));
  }

  test('it is priced or unknown, never a failure, never below 0, and lines sum up to the total', () => {
    const draws = fc.infiniteStream(fc.nat(1_000_000));
    const chosen = fc.record({ one: fc.constantFrom(...cases), rated: fc.boolean(), draws });
    fc.assert(
      fc.property(chosen, ({ one, rated, draws: numbers }) => {
        const next = (below: number) => (numbers.next().value ?? 0) % below;
        const parts = ['usage', 'request', 'response'].filter((name) => one.call[name] !== undefined);
        const spoilt = Object.fromEntries(parts.map((name) => [name, spoiled(one.call[name] ?? null, next)]));
        const rates = rated && one.rates?.length ? { rates: one.rates } : {};
        const answer = price({ ...one.call, ...spoilt, ...rates } as JsonObject);
        const total = answer.total as string | null;
        expect(total === null).toBe(answer.status === 'unpriced');
        expect(parseUsd(total ?? '0') >= 0n).toBe(true);
        if (total === null || answer.basis === 'provider_reported') return;
        const amounts = (answer.lines as JsonObject[]).map(({ amount }) => parseUsd((amount as string | null) ?? '0'));
        expect(amounts.reduce((sum, amount) => sum + amount, 0n)).toBe(parseUsd(total));
      }),
      { numRuns: 2000 },
    );
  });
});
