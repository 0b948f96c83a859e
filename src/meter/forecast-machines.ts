import type { Machines } from './forecast-crossing.ts';
import { exact, over, plus, times, whole } from './forecast-fraction.ts';
import type { SecondsOf } from './forecast-seconds.ts';
import { type Fraction, picoOf, writeUsd } from './money.ts';

/** A figure that is only known between two. */
export type Interval = readonly [low: string, high: string];

/** Machines of one's own, as declared: dollars, seconds and shares as decimal text. */
export type SelfHosted = {
  gpuHourUsd: Interval;
  /** Share of the hours in which a machine makes outputs. */
  utilisation: Interval;
  /** The fewest machines that run. */
  redundancy: number;
  fixedMonthlyUsd: Interval;
  extraUsdPerOutput: Interval;
  /** Outputs that one machine makes at the same time. */
  outputsAtOnce: number;
  secondsPerOutput: SecondsOf;
  /** Only these models and modalities; all where undefined. */
  only?: readonly string[];
};

export type Pair<T> = [low: T, high: T];

/** Hours that a price per hour is paid for in a month. */
export const monthHours = 730;

/** The best case and the worst. */
export function casesOf(own: SelfHosted, seconds: Interval): Pair<Machines> {
  const of = (cheap: 0 | 1): Machines => {
    const busy = exact(own.utilisation[cheap === 0 ? 1 : 0]);
    const made = times(times(whole(3600 * monthHours), busy), exact(own.outputsAtOnce));
    return {
      fixed: exact(own.fixedMonthlyUsd[cheap]),
      machine: times(exact(own.gpuHourUsd[cheap]), whole(monthHours)),
      extra: exact(own.extraUsdPerOutput[cheap]),
      capacity: over(made, exact(seconds[cheap])),
      least: BigInt(own.redundancy),
    };
  };
  return [of(0), of(1)];
}

/** Dollars a month before the first output. */
export function baseOf(own: Machines): string {
  return writeUsd(picoOf(plus(own.fixed, times(own.machine, whole(own.least)))));
}

/** Dollars of one output on a machine that is as busy as assumed. */
function marginal(own: Machines): Fraction {
  return plus(own.extra, over(own.machine, own.capacity));
}

export const marginalOf = (own: Machines) => writeUsd(picoOf(marginal(own)));
