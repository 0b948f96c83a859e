import { expect, it } from 'vitest';
import { Bill } from '../../providers/simulators/bill.ts';
import { deepseek, simulators } from '../../providers/simulators/testing/index.ts';
import type { Price } from '../../src/contract/index.ts';

const price = (more: Partial<Price>): Price => ({
  provider: 'acme',
  model: 'one',
  meter: 'input_text_tokens',
  price: '2',
  per: '1000000',
  source: 'https://example.com',
  checked: '2026-11-22',
  ...more,
});
const prices = [price({}), price({ price: '1', dims: { hours: 'off_peak' } })];
const charge = { meter: 'input_text_tokens', quantity: 1 } as const;

it.each([
  ['2026-11-23T00:59:59Z', 1_000_000n],
  ['2026-11-23T01:00:00Z', 2_000_000n],
  ['2026-11-23T03:59:59Z', 2_000_000n],
  ['2026-11-23T04:00:00Z', 1_000_000n],
  ['2026-11-22T02:00:00Z', 1_000_000n],
])('bills a token at %s with %s pico-dollars: weekdays have peak hours', (time, pico) => {
  const bill = new Bill('acme', prices, ['01:00-04:00', '06:00-10:00']);
  expect(bill.priceOf(charge, 'one', Date.parse(time))).toBe(pico);
});

it('has one price all day where the vendor names no peak hours', () => {
  expect(new Bill('acme', prices).priceOf(charge, 'one', Date.parse('2026-11-22T02:00:00Z'))).toBe(2_000_000n);
});

it('has the same hours at a desk of one vendor as behind the server', async () => {
  const peak = Date.parse('2026-11-23T02:00:00Z');
  const own = [
    price({ provider: 'deepseek' }),
    price({ provider: 'deepseek', price: '1', dims: { hours: 'off_peak' } }),
  ];
  for (const { bill } of [deepseek({ prices: own }), (await simulators({ prices: own })).get('deepseek')!]) {
    expect(bill.priceOf(charge, 'one', peak)).toBe(2_000_000n);
    expect(bill.priceOf(charge, 'one', peak + 12 * 3_600_000)).toBe(1_000_000n);
  }
});

it('adds up its calls, and tells what has no price apart', () => {
  const bill = new Bill('acme', prices);
  bill.add({ client: 'a', id: '1', model: 'one', at: 0, charges: [charge, { meter: 'songs', quantity: 1 }] });
  bill.add({ client: 'b', id: '2', model: 'one', at: 0, charges: [{ ...charge, quantity: 3 }] });
  expect(bill.statement()).toMatchObject({
    total_pico: '8000000',
    unpriced: 1,
    calls: [
      { client: 'a', amount_pico: '2000000', unpriced: 1 },
      { client: 'b', amount_pico: '6000000', unpriced: 0 },
    ],
  });
});
