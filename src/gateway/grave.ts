import type { CostStatus } from '../contract/index.ts';

/** Worst first: what a sum is worth when its parts differ. */
const order: CostStatus[] = ['unpriced', 'partially_unpriced', 'priced_estimated', 'priced', 'free', 'not_billable'];

/** What a sum over parts of these statuses is worth. At least one is given. */
export function gravest(statuses: readonly CostStatus[]): CostStatus {
  return order.find((status) => statuses.includes(status))!;
}

/** The same of two; the first may be missing. */
export function graver(one: string | undefined, other: CostStatus): CostStatus {
  return one === undefined ? other : gravest([one as CostStatus, other]);
}
