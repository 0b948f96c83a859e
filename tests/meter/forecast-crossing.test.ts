import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crossing, type Machines, ownCost } from '../../src/meter/forecast-crossing.ts';
import { ceiling, over, times, whole } from '../../src/meter/forecast-fraction.ts';
import { compare } from '../../src/meter/money.ts';

const fraction = (top: number, bottom: number) => ({ top: BigInt(top), bottom: BigInt(bottom) });
const amount = (most: number) =>
  fc.tuple(fc.integer({ min: 0, max: most }), fc.constantFrom(1, 2, 3)).map((t) => fraction(...t));
const positive = (most: number) =>
  fc.tuple(fc.integer({ min: 1, max: most }), fc.constantFrom(1, 2, 3)).map((t) => fraction(...t));

const cases = fc.record({
  own: fc.record({
    fixed: amount(60),
    machine: positive(60),
    extra: amount(3),
    capacity: positive(30),
    least: fc.integer({ min: 1, max: 3 }).map(BigInt),
  }),
  api: positive(20),
});

const pays = (own: Machines, api: { top: bigint; bottom: bigint }, outputs: bigint) =>
  compare(ownCost(own, whole(outputs)), times(api, whole(outputs))) <= 0;

test('the crossing is what trying every volume finds', () => {
  let [crossed, never, stepped] = [0, 0, 0];
  fc.assert(
    fc.property(cases, ({ own, api }) => {
      const found = crossing(own, api);
      const end = found ? found.always + 4n * ceiling(own.capacity) + 4n : 400n;
      if (end > 5000n) return;
      let first: bigint | undefined;
      let always = 1n;
      for (let outputs = 1n; outputs <= end; outputs++) {
        if (pays(own, api, outputs)) first ??= outputs;
        else always = outputs + 1n;
      }
      if (!found) {
        never++;
        // At its fullest a machine may just break even: that is no gain either.
        const gainless = first === undefined || compare(ownCost(own, whole(first)), times(api, whole(first))) === 0;
        expect(gainless).toBe(true);
        return;
      }
      crossed++;
      if (found.always > found.first) stepped++;
      expect([found.first, found.always]).toEqual([first, always]);
    }),
    { numRuns: 3000 },
  );
  expect([crossed > 200, never > 200, stepped > 100]).toEqual([true, true, true]);
});

test('a machine that makes less than one output a month still gets an answer', () => {
  const own = { fixed: whole(1), machine: whole(2), extra: whole(0), capacity: fraction(1, 3), least: 1n };
  const found = crossing(own, whole(7));
  expect(found && pays(own, whole(7), found.first)).toBe(true);
  expect(over(whole(7), whole(2))).toEqual({ top: 7n, bottom: 2n });
});
