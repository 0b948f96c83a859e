import { decimalOf, exact, over, times } from './forecast-fraction.ts';
import { tokensOf, type Workload } from './forecast-workload.ts';
import type { Fraction } from './money.ts';
import { compare } from './money.ts';

/** What a provider allows one account; a minute's requests, tokens and images, and calls at one time. */
export type RateLimit = { rpm?: number; tpm?: number; images_per_minute?: number; concurrent?: number };

export type Ceiling = {
  model: string;
  limit: { name: string; value: number };
  /** Decimal text; null where it cannot be said. */
  reached_at_multiple: string | null;
  note: string;
};

type Use = { perMinute?: Fraction; note: string };

/**
 * At which multiple of today's volume each declared limit is reached, the nearest first.
 * @param peak how much busier the busiest minute is than the average one.
 * @param minutes of a month.
 */
export function ceilingsOf(
  works: readonly Workload[],
  limits: Readonly<Record<string, RateLimit>>,
  peak: number,
  minutes: number,
): Ceiling[] {
  const found = Object.entries(limits).flatMap(([model, limit]) => {
    const of = works.filter((work) => work.model.id === model);
    return Object.entries(limit).map(([name, value]) => {
      const use = useOf(of, name, minutes);
      const busiest = use.perMinute && times(use.perMinute, exact(peak));
      const at = busiest && busiest.top > 0n ? over(exact(value), busiest) : undefined;
      return { model, limit: { name, value }, at, note: use.note };
    });
  });
  found.sort((one, other) =>
    one.at && other.at ? compare(one.at, other.at) : Number(one.at === undefined) - Number(other.at === undefined),
  );
  return found.map(({ at, ...ceiling }) => ({
    model: ceiling.model,
    limit: ceiling.limit,
    reached_at_multiple: at ? decimalOf(at, 3) : null,
    note: ceiling.note,
  }));
}

function useOf(works: readonly Workload[], limit: string, minutes: number): Use {
  if (works.length === 0) return { note: 'the mix has nothing of this model' };
  const month = exact(minutes);
  const calls = sum(works, (work) => work.bundles.reduce((total, bundle) => total + bundle.calls, 0));
  const perMinute = over(calls, month);
  if (limit === 'rpm') return { perMinute, note: 'requests in the busiest minute' };
  if (limit === 'tpm')
    return {
      perMinute: over(
        sum(works, (work) => work.bundles.reduce((total, bundle) => total + tokensOf(bundle), 0)),
        month,
      ),
      note: 'tokens in and out, busiest minute',
    };
  if (limit === 'images_per_minute') {
    const images = sum(works, (work) => work.units.images ?? 0);
    return images.top > 0n
      ? { perMinute: over(images, month), note: 'images in the busiest minute' }
      : { note: 'no images are counted in the mix' };
  }
  const known = works.filter((work) => work.latency);
  if (known.length < works.length) return { note: 'the seconds of a call were not measured' };
  const busy = sum(known, (work) => (work.latency?.average ?? 0) * work.outputs);
  return {
    perMinute: over(busy, exact(minutes * 60)),
    note: 'calls at one time: arrivals a second times seconds each',
  };
}

function sum(works: readonly Workload[], count: (work: Workload) => number): Fraction {
  return exact(works.reduce((total, work) => total + count(work), 0));
}
