import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Lists, Tally } from '../../src/books/percentile.ts';

const ranks = [0.5, 0.95];
const exact = (values: number[]) => {
  const sorted = [...values].sort((one, other) => one - other);
  return ranks.map((rank) => sorted[Math.ceil(sorted.length * rank) - 1]!);
};
const value = fc.oneof(fc.nat(100), fc.double({ min: 0, max: 2 ** 52, noNaN: true }));

describe('percentiles', () => {
  it('are never below the exact ones, and less than 1.6 % above', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 400 }), fc.nat(5), (values, owner) => {
        const tally = new Tally();
        for (const one of values) tally.add(owner, one);
        const found = tally.percentiles(owner, ranks)!;
        for (const [index, wanted] of exact(values).entries()) {
          expect(found[index]).toBeGreaterThanOrEqual(wanted);
          expect(found[index]).toBeLessThanOrEqual(Math.max(wanted * (1 + 1 / 64), 1));
          expect(values).toContain(found[index]);
        }
        expect(tally.percentiles(owner + 1, ranks)).toBeUndefined();
      }),
    );
  });

  it('are the same from a tally that was handed on in spans', () => {
    const [one, other] = [new Tally(), new Tally()];
    for (let count = 0; count < 500; count++) one.add(count % 3, count ** 3);
    for (const owner of [0, 1, 2]) {
      for (const { span, times, largest } of one.spansOf(owner)) other.addMany(owner, span, times, largest);
      expect(other.percentiles(owner, ranks)).toEqual(one.percentiles(owner, ranks));
    }
  });

  it('are exact for few values, also where some were taken back', () => {
    const lists = new Lists(Int32Array.of(5, 0, 3_000));
    for (const one of [5, 1, 4, 2, 3]) lists.add(0, one);
    expect(lists.percentiles(0, ranks)).toEqual([3, 5]);
    lists.remove(0, 5);
    expect(lists.percentiles(0, ranks)).toEqual([2, 4]);
    expect(lists.percentiles(1, ranks)).toBeUndefined();
    for (let count = 0; count < 3_000; count++) lists.add(2, 7);
    lists.add(2, 1_000_000);
    lists.remove(2, 1_000_000);
    expect(lists.percentiles(2, ranks)).toEqual([7, 7]);
  });
});
