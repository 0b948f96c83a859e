import type { Catalogue } from './catalogue.ts';
import { exact, times, usdOf } from './forecast-fraction.ts';
import { costOf, knownPico, type Workload } from './forecast-workload.ts';
import { picoOf, writeUsd } from './money.ts';

export type Execution = {
  modality: string;
  model: string;
  tier: string;
  cost_usd: string;
  tier_cost_usd: string;
  share: number;
  saving_usd_per_month: string;
};

/** Tiers for work that can wait. */
const slowTiers = ['batch', 'flex'];

/**
 * What the month would cost in the slower tiers that the catalogue has cheaper prices for. A quantity without a price in the tier counts
 * at its ordinary price. `share` is the part of the work that can wait.
 */
export function executionOf(catalogue: Catalogue, work: Workload, at: number): Execution[] {
  const now = knownPico(costOf(catalogue, work, at));
  if (now === undefined) return [];
  return slowTiers.flatMap((tier) => {
    const bundles = work.bundles.map(({ calls, metered }) => ({
      calls,
      metered: metered.map((line) => ({ ...line, dims: { ...line.dims, service_tier: tier } })),
    }));
    const slow = knownPico(costOf(catalogue, { ...work, bundles }, at));
    if (slow === undefined || slow >= now) return [];
    return [
      {
        modality: work.modality,
        model: work.model.id,
        tier,
        cost_usd: writeUsd(now),
        tier_cost_usd: writeUsd(slow),
        share: work.batchable,
        saving_usd_per_month: writeUsd(picoOf(times(usdOf(now - slow), exact(work.batchable)))),
      },
    ];
  });
}
