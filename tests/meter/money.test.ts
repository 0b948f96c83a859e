import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compare,
  divideHalfEven,
  parseDecimal,
  parseUsd,
  picoOf,
  picoPerUsd,
  roundedQuantity,
  writeScaled,
  writeUsd,
} from '../../src/meter/money.ts';

describe('money', () => {
  it('reads decimals exactly, with exponents and signs', () => {
    expect(parseDecimal('0.1')).toEqual({ top: 1n, bottom: 10n });
    expect(parseDecimal('1.50')).toEqual({ top: 150n, bottom: 100n });
    expect(parseDecimal('-2.5')).toEqual({ top: -25n, bottom: 10n });
    expect(parseDecimal('1e-7')).toEqual({ top: 1n, bottom: 10_000_000n });
    expect(parseDecimal('1.5e+21')).toEqual({ top: 15n * 10n ** 20n, bottom: 1n });
    expect(parseDecimal('.5')).toEqual({ top: 5n, bottom: 10n });
    expect(parseDecimal('5.')).toEqual({ top: 5n, bottom: 1n });
    expect(parseDecimal(' 7 ')).toEqual({ top: 7n, bottom: 1n });
  });

  it('refuses what is no decimal', () => {
    for (const text of ['', '.', '-', 'e5', '1,5', '1.2.3', '0x10', 'NaN', 'Infinity', '+1', '$1', '1e', '1 2']) {
      expect(() => parseDecimal(text), text).toThrow(RangeError);
    }
  });

  it('rounds quantities to nine decimals and lets whole ones pass', () => {
    expect(roundedQuantity(0.1 + 0.2)).toBe(0.3);
    expect(roundedQuantity(1.0000000004)).toBe(1);
    for (const quantity of [0, -3, 7_905_701_217, 2 ** 53 - 1]) expect(roundedQuantity(quantity)).toBe(quantity);
  });

  it('compares fractions and reads them as pico-dollars', () => {
    const [third, half] = [
      { top: 1n, bottom: 3n },
      { top: 2n, bottom: 4n },
    ];
    expect([compare(third, half), compare(half, third), compare(half, { top: 1n, bottom: 2n })]).toEqual([-1, 1, 0]);
    expect(picoOf(half)).toBe(picoPerUsd / 2n);
  });

  it('rounds halves to even, on both sides of zero', () => {
    const cases = [
      [1n, 2n, 0n],
      [3n, 2n, 2n],
      [5n, 2n, 2n],
      [7n, 2n, 4n],
      [-1n, 2n, 0n],
      [-3n, 2n, -2n],
      [-5n, 2n, -2n],
      [1n, 3n, 0n],
      [2n, 3n, 1n],
      [-2n, 3n, -1n],
      [10n, 5n, 2n],
      [0n, 9n, 0n],
    ] as const;
    for (const [top, bottom, wanted] of cases) expect(divideHalfEven(top, bottom), `${top}/${bottom}`).toBe(wanted);
  });

  it('is never further than half a unit off, and exact where it can be', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.bigInt(1n, 10n ** 18n), (top, bottom) => {
        const rest = top - divideHalfEven(top, bottom) * bottom;
        const twice = (rest < 0n ? -rest : rest) * 2n;
        expect(twice <= bottom).toBe(true);
        if (top % bottom === 0n) expect(rest).toBe(0n);
      }),
    );
  });

  it('keeps what floats lose', () => {
    expect(parseUsd('0.1') + parseUsd('0.2')).toBe(parseUsd('0.3'));
    expect(parseUsd('0.000000000001')).toBe(1n);
    expect(parseUsd('0.0000000000005')).toBe(0n);
    expect(parseUsd('0.0000000000015')).toBe(2n);
    expect(parseUsd('9007199254740993')).toBe(9_007_199_254_740_993n * picoPerUsd);
  });

  it('writes plain decimals: no exponent, no trailing zeros, no lost sign', () => {
    expect(writeUsd(0n)).toBe('0');
    expect(writeUsd(1n)).toBe('0.000000000001');
    expect(writeUsd(picoPerUsd)).toBe('1');
    expect(writeUsd(-1_500_000_000_000n)).toBe('-1.5');
    expect(writeUsd(-1n)).toBe('-0.000000000001');
    expect(writeUsd(10n ** 30n)).toBe('1000000000000000000');
    expect(writeScaled(12_345n, 2)).toBe('123.45');
    expect(writeScaled(5n, 3)).toBe('0.005');
  });

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 24n), 10n ** 24n), (pico) => {
        expect(parseUsd(writeUsd(pico))).toBe(pico);
      }),
    );
  });
});
