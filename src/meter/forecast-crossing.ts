import { ceiling, floor, minus, over, plus, times, whole } from './forecast-fraction.ts';
import type { Fraction } from './money.ts';
import { compare } from './money.ts';

/** One set of assumptions about one's own machines, in dollars, hours and outputs a month. */
export type Machines = {
  /** Dollars a month, whatever is made. */
  fixed: Fraction;
  /** Dollars a month of one machine. */
  machine: Fraction;
  /** Dollars an output beside the machines. */
  extra: Fraction;
  /** Outputs that one machine makes in a month. */
  capacity: Fraction;
  /** The fewest machines that run. */
  least: bigint;
};

/** Outputs a month: `first` where one's own machines first cost no more, `always` from where they never cost more again. */
export type Crossing = { first: bigint; always: bigint };

/** Machines that a volume needs. */
export function machinesFor(own: Machines, outputs: Fraction): bigint {
  const needed = ceiling(over(outputs, own.capacity));
  return needed > own.least ? needed : own.least;
}

/** Dollars a month of one's own machines at a volume. */
export function ownCost(own: Machines, outputs: Fraction): Fraction {
  const machines = times(own.machine, whole(machinesFor(own, outputs)));
  return plus(plus(own.fixed, machines), times(own.extra, outputs));
}

/**
 * Where machines of one's own cost no more than an API at a constant price, or undefined: never. Cost rises by a step with every machine,
 * so just past a step the API may be cheaper once more: hence two figures. With n machines, outputs up to n × capacity, the costs meet at
 * b(n) = (fixed + n × machine) / (api − extra).
 * @param api dollars an output.
 */
export function crossing(own: Machines, api: Fraction): Crossing | undefined {
  const gain = minus(api, own.extra);
  if (gain.top <= 0n) return undefined;
  /** What one machine earns in a month when it is fully used. */
  const full = times(gain, own.capacity);
  const margin = minus(full, own.machine);
  const meets = (n: bigint) => over(plus(own.fixed, times(own.machine, whole(n))), gain);
  const starts = (n: bigint) => (n > own.least ? floor(times(own.capacity, whole(n - 1n))) + 1n : 1n);
  const from = (n: bigint) => most(ceiling(meets(n)), starts(n));
  // A machine that gains nothing at its fullest never pays for itself, nor for what is fixed.
  if (margin.top <= 0n) return undefined;
  /** From this many machines on, one more pays from its first output. */
  const settled = ceiling(over(plus(own.fixed, full), margin));
  const pays = most(own.least, ceiling(over(own.fixed, margin)));
  const fits = (n: bigint) => compare(whole(from(n)), times(own.capacity, whole(n))) <= 0;
  let machines = pays;
  while (machines < settled && machines < pays + mostTried && !fits(machines)) machines++;
  if (!fits(machines)) machines = most(settled, own.least);
  // The last number of machines whose first output is still dearer: where capacity is no whole number, a gap may hold no output.
  let last = most(settled - 1n, machines);
  while (last > machines && ceiling(meets(last)) <= starts(last)) last--;
  return { first: from(machines), always: from(last) };
}

/** Only whole outputs count: where a machine makes hardly one a month, some numbers of machines have none in reach. */
const mostTried = 1000n;

function most(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
