import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Metered, Price, Usage } from '../../src/contract/index.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { parseUsd } from '../../src/meter/money.ts';
import { notBillable, priceUsage } from '../../src/meter/price.ts';
import { writeReceipt } from '../../src/meter/receipt.ts';

const at = Date.UTC(2026, 10, 22, 12);
const price = (meter: Price['meter'], usd: string, more: Partial<Price> = {}): Price => ({
  provider: 'house',
  model: 'brush',
  meter,
  price: usd,
  per: '1000000',
  source: 'https://example.com/prices',
  checked: '2026-11-22',
  ...more,
});
const receiptFor = (prices: Price[], usage: Usage | undefined, when = at, model = 'brush') =>
  priceUsage(createCatalogue(prices, 'sha256:test'), { provider: 'house', model, usage, at: when });
const used = (metered: Metered[], more: Partial<Usage> = {}): Usage => ({ metered, source: 'body', ...more });

describe('price', () => {
  it('multiplies exactly, line by line', () => {
    const receipt = receiptFor(
      [price('input_text_tokens', '1.25'), price('output_text_tokens', '10')],
      used([
        { meter: 'input_text_tokens', quantity: 1234 },
        { meter: 'output_text_tokens', quantity: 57 },
      ]),
    );
    expect(receipt.lines.map((line) => line.amount)).toEqual([1_542_500_000n, 570_000_000n]);
    expect(receipt).toMatchObject({ status: 'priced', basis: 'computed_from_usage', catalogue: 'sha256:test' });
    expect(receipt.total).toBe(parseUsd('0.0021125'));
    expect(writeReceipt(receipt, 2)).toMatchObject({
      total: '0.0021125',
      attempts: 2,
      lines: [{ quantity: '1234', price: '1.25', per: '1000000', amount: '0.0015425' }, { amount: '0.00057' }],
    });
  });

  it('rounds each line half to even at the last pico-dollar', () => {
    const per = '2000000000000';
    for (const [quantity, amount] of [
      [1, 0n],
      [3, 2n],
      [5, 2n],
      [7, 4n],
    ] as const) {
      const receipt = receiptFor([price('images', '1', { per })], used([{ meter: 'images', quantity }]));
      expect(receipt.total, String(quantity)).toBe(amount);
    }
  });

  it('takes fractional quantities at their shortest decimal, not at their binary value', () => {
    const seconds = [price('output_audio_seconds', '0.006', { per: '60' })];
    expect(receiptFor(seconds, used([{ meter: 'output_audio_seconds', quantity: 3.008 }])).total).toBe(300_800_000n);
    expect(receiptFor(seconds, used([{ meter: 'output_audio_seconds', quantity: 0.1 + 0.2 }])).total).toBe(30_000_000n);
    expect(
      receiptFor([price('gpu_seconds', '1', { per: '1' })], used([{ meter: 'gpu_seconds', quantity: 1e21 }])).total,
    ).toBe(10n ** 33n);
  });

  it('sums lines without loss, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ quantity: fc.nat(10 ** 9), micro: fc.nat(10 ** 8) }), { minLength: 1, maxLength: 4 }),
        (rows) => {
          const meters = ['input_text_tokens', 'output_text_tokens', 'images', 'songs'] as const;
          const prices = rows.map((row, place) => price(meters[place]!, (row.micro / 1e6).toFixed(6)));
          const metered = rows.map((row, place) => ({ meter: meters[place]!, quantity: row.quantity }));
          const receipt = receiptFor(prices, used(metered));
          // per 1,000,000 and six decimals: the exact product is whole.
          const exact = rows.reduce((sum, row) => sum + BigInt(row.quantity) * BigInt(row.micro), 0n);
          expect(receipt.total).toBe(exact);
        },
      ),
    );
  });

  it('chooses the version in force: from inclusive, until exclusive, by UTC day', () => {
    const prices = [
      price('images', '1', { until: '2026-11-01' }),
      price('images', '2', { from: '2026-11-01', until: '2026-11-23' }),
      price('images', '3', { from: '2026-11-23' }),
    ];
    const on = (when: number) => receiptFor(prices, used([{ meter: 'images', quantity: 1_000_000 }]), when).total;
    expect(on(Date.UTC(2026, 9, 31, 23, 59, 59, 999))).toBe(parseUsd('1'));
    expect(on(Date.UTC(2026, 10, 1))).toBe(parseUsd('2'));
    expect(on(Date.UTC(2026, 10, 22, 23, 59, 59, 999))).toBe(parseUsd('2'));
    expect(on(Date.UTC(2026, 10, 23))).toBe(parseUsd('3'));
  });

  it('knows no price before the first version and after the last', () => {
    const prices = [price('images', '2', { from: '2026-11-01', until: '2026-12-01' })];
    for (const when of [Date.UTC(2026, 9, 31), Date.UTC(2026, 11, 1)]) {
      const receipt = receiptFor(prices, used([{ meter: 'images', quantity: 1 }]), when);
      expect(receipt).toMatchObject({ status: 'unpriced' });
      expect(receipt.total).toBeUndefined();
    }
  });

  it('prefers the most specific dimensions, whatever the order of the list', () => {
    const rows = [
      price('images', '1'),
      price('images', '2', { dims: { size: 'large' } }),
      price('images', '3', { dims: { size: 'large', quality: 'high' } }),
    ];
    const orders = [rows, [...rows].reverse(), [rows[1]!, rows[2]!, rows[0]!]];
    for (const prices of orders) {
      const cost = (dims?: Record<string, string>) =>
        receiptFor(prices, used([{ meter: 'images', quantity: 1_000_000, dims }])).total;
      expect(cost()).toBe(parseUsd('1'));
      expect(cost({ size: 'small' })).toBe(parseUsd('1'));
      expect(cost({ size: 'large' })).toBe(parseUsd('2'));
      expect(cost({ size: 'large', quality: 'low' })).toBe(parseUsd('2'));
      expect(cost({ size: 'large', quality: 'high', style: 'x' })).toBe(parseUsd('3'));
    }
  });

  it("lays a quantity's own dimensions over the usage's", () => {
    const prices = [
      price('images', '1', { dims: { tier: 'flex' } }),
      price('images', '2', { dims: { tier: 'flex', size: 'large' } }),
      price('images', '9', { dims: { tier: 'batch' } }),
    ];
    const metered: Metered[] = [
      { meter: 'images', quantity: 1_000_000 },
      { meter: 'images', quantity: 1_000_000, dims: { size: 'large' } },
      { meter: 'images', quantity: 1_000_000, dims: { tier: 'batch' } },
    ];
    const receipt = receiptFor(prices, used(metered, { dims: { tier: 'flex' } }));
    expect(receipt.lines.map((line) => line.amount)).toEqual([parseUsd('1'), parseUsd('2'), parseUsd('9')]);
    expect(receipt.lines[1]!.dims).toEqual({ tier: 'flex', size: 'large' });
  });

  it('falls off the context cliff only beyond it, counting the whole input of the call', () => {
    const prices = [
      price('input_text_tokens', '1'),
      price('input_text_tokens', '2', { contextOver: 200_000 }),
      price('output_text_tokens', '4'),
      price('output_text_tokens', '6', { contextOver: 200_000 }),
      price('cached_input_tokens', '0.1'),
    ];
    const totals = (text: number, cached: number, output: number) =>
      receiptFor(
        prices,
        used([
          { meter: 'input_text_tokens', quantity: text },
          { meter: 'cached_input_tokens', quantity: cached },
          { meter: 'output_text_tokens', quantity: output },
        ]),
      ).lines.map((line) => line.price);
    expect(totals(150_000, 50_000, 9)).toEqual(['1', '0.1', '4']);
    expect(totals(150_000, 50_001, 9)).toEqual(['2', '0.1', '6']);
    // Output is no input: it never pushes a call over the cliff.
    expect(totals(1, 1, 500_000)).toEqual(['1', '0.1', '4']);
  });

  it('prices work that another model did under that model', () => {
    const prices = [price('output_text_tokens', '1'), price('output_text_tokens', '5', { model: 'adviser' })];
    const receipt = receiptFor(
      prices,
      used([
        { meter: 'output_text_tokens', quantity: 1_000_000 },
        { meter: 'output_text_tokens', quantity: 1_000_000, model: 'adviser' },
      ]),
    );
    expect(receipt.total).toBe(parseUsd('6'));
    expect(receipt.lines[1]).toMatchObject({ model: 'adviser', price: '5' });
  });

  it('never takes an unknown price for zero', () => {
    const none = receiptFor([], used([{ meter: 'images', quantity: 3 }]));
    expect(none).toMatchObject({ status: 'unpriced', lines: [{ meter: 'images', quantity: 3 }] });
    expect(none.total).toBeUndefined();
    expect(none.lines[0]).not.toHaveProperty('amount');
    expect(writeReceipt(none, 1)).toMatchObject({ total: null, lines: [{ price: null, amount: null }] });

    const some = receiptFor(
      [price('input_text_tokens', '1')],
      used([
        { meter: 'input_text_tokens', quantity: 1_000_000 },
        { meter: 'tool_web_search_calls', quantity: 1 },
      ]),
    );
    expect(some).toMatchObject({ status: 'partially_unpriced', total: parseUsd('1') });

    for (const usage of [undefined, used([])]) {
      const blind = receiptFor([price('images', '1')], usage);
      expect(blind).toMatchObject({ status: 'unpriced', basis: 'none' });
      expect(blind.total).toBeUndefined();
    }
    expect(receiptFor([price('images', '1')], used([{ meter: 'images', quantity: 1 }]), at, 'other').status).toBe(
      'unpriced',
    );
  });

  it('is free only where the source says so for everything', () => {
    const free = price('input_text_tokens', '0', { free: true });
    expect(receiptFor([free], used([{ meter: 'input_text_tokens', quantity: 5 }]))).toMatchObject({
      status: 'free',
      total: 0n,
    });
    const mixed = receiptFor(
      [free, price('output_text_tokens', '1')],
      used([
        { meter: 'input_text_tokens', quantity: 5 },
        { meter: 'output_text_tokens', quantity: 5 },
      ]),
    );
    expect(mixed).toMatchObject({ status: 'priced', total: 5_000_000n });
    const half = receiptFor(
      [free],
      used([
        { meter: 'input_text_tokens', quantity: 5 },
        { meter: 'output_text_tokens', quantity: 5 },
      ]),
    );
    expect(half.status).toBe('partially_unpriced');
  });

  it('says what it rests on', () => {
    const prices = [price('images', '1')];
    const basis = (source: Usage['source']) => {
      const { status, basis } = receiptFor(prices, used([{ meter: 'images', quantity: 1 }], { source }));
      return `${status} ${basis}`;
    };
    expect(basis('body')).toBe('priced computed_from_usage');
    expect(basis('header')).toBe('priced computed_from_usage');
    expect(basis('derived')).toBe('priced computed_from_request');
    expect(basis('estimated')).toBe('priced_estimated partial_stream_estimate');
  });

  it("believes the provider's own figure over ours, and keeps our lines", () => {
    const receipt = receiptFor(
      [price('output_text_tokens', '1')],
      used([{ meter: 'output_text_tokens', quantity: 1_000_000 }], { reportedCostUsd: '0.95' }),
    );
    expect(receipt).toMatchObject({ total: parseUsd('0.95'), basis: 'provider_reported', status: 'priced' });
    expect(receipt.lines[0]!.amount).toBe(parseUsd('1'));
    expect(receiptFor([], used([], { reportedCostUsd: '1.2e-6' }))).toMatchObject({
      total: 1_200_000n,
      status: 'priced',
    });
  });

  it('leaves out what was not used', () => {
    const receipt = receiptFor(
      [price('input_text_tokens', '1')],
      used([
        { meter: 'input_text_tokens', quantity: 1_000_000 },
        { meter: 'tool_web_search_calls', quantity: 0 },
      ]),
    );
    expect(receipt).toMatchObject({ status: 'priced', total: parseUsd('1') });
    expect(receipt.lines).toHaveLength(1);
  });

  it('has a receipt for nothing', () => {
    expect(notBillable(createCatalogue([], 'sha256:x'))).toEqual({
      lines: [],
      total: 0n,
      status: 'not_billable',
      basis: 'none',
      catalogue: 'sha256:x',
    });
  });
});
