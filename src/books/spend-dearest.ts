import type { Sums } from './spend-sums.ts';

/** Groups that are looked at in one go: a few milliseconds. */
export const groupsAStep = 25_000;

/** The dearest groups of so many, or all that have attempts where the limit allows. Lets others have their turn in between. */
export function* dearest(
  sums: Sums,
  size: number,
  limit = Number.POSITIVE_INFINITY,
): Generator<never[], { groups: number[]; isAll: boolean }> {
  // By size first: only those near the limit have to be put in order.
  const sizes = new Uint16Array(size);
  const counts = new Int32Array(1024);
  const groups: number[] = [];
  for (let group = 0; group < size; group++) {
    if (group % groupsAStep === groupsAStep - 1) yield [];
    if (sums.attemptsAt(group) === 0) continue;
    groups.push(group);
    sizes[group] = sizeOf(sums.costNear(group));
    counts[sizes[group]!]!++;
  }
  if (groups.length <= limit) return { groups, isAll: true };
  yield [];
  let least = 1023;
  for (let sum = counts[least]!; sum < limit && least > 0; ) sum += counts[--least]!;
  const near = groups.filter((group) => sizes[group]! >= least);
  near.sort((one, other) => sums.costNear(other) - sums.costNear(one) || one - other);
  return { groups: near.slice(0, limit), isAll: false };
}

const value64 = new Float64Array(1);
const value32 = new Uint32Array(value64.buffer);

/** In sixteenths of a doubling, from 0 to 1023: a double's exponent and the first bits of its fraction. */
function sizeOf(value: number): number {
  if (value < 1) return 0;
  value64[0] = value;
  return Math.min(1023, (value32[1]! >>> 16) - 1023 * 16);
}
