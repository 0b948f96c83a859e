import { exact, numberOf, over } from './forecast-fraction.ts';
import type { Interval } from './forecast-machines.ts';
import type { Workload } from './forecast-workload.ts';
import { writeNumber } from './money.ts';

/** Declared seconds of one output, for all or by model or modality; undefined where only measurements are to be used. */
export type SecondsOf = { all?: Interval; by: Readonly<Record<string, Interval>> };

/** Seconds of one output on a machine, and where they are from. */
export type Seconds = { interval: Interval; source: string };

/**
 * What is declared for the model, else for its modality, else for all; else what was measured in the ledger: the computing time that the
 * provider billed, else how long the API took. Never a default.
 */
export function secondsOf(work: Workload, declared: SecondsOf): Seconds | undefined {
  const own = declared.by[work.model.id] ?? declared.by[work.modality] ?? declared.all;
  if (own) return { interval: own, source: 'declared' };
  if (!work.measured || work.outputs <= 0) return undefined;
  const lines = work.bundles.flatMap((bundle) => bundle.metered);
  const computed = lines.reduce((sum, line) => sum + (line.meter === 'gpu_seconds' ? line.quantity : 0), 0);
  if (computed > 0) {
    const each = writeNumber(numberOf(over(exact(computed), exact(work.outputs))));
    return { interval: [each, each], source: 'measured: billed computing seconds of the ledger' };
  }
  const { average = 0, median = 0 } = work.latency ?? {};
  if (average <= 0 || median <= 0) return undefined;
  const [low, high] = [Math.min(average, median), Math.max(average, median)].map(writeNumber) as [string, string];
  return { interval: [low, high], source: 'measured: how long the API took, median and average' };
}
