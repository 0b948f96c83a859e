import type { Pace } from '../gateway/gateway.ts';

/** Milliseconds that a look may take before somebody else may look. */
export const lease = 600_000;

/** Milliseconds between two questions about a job where its provider names no pace. */
const usual = 1_000;
/** The pause after a question that found no answer; it doubles. */
const afterFailure = 500;

/**
 * Milliseconds until a job is asked about again: what its provider asks for, within the operator's bounds.
 * @param failures questions in a row that found no answer.
 * @param age milliseconds since the job began: old jobs are asked less often where the provider names no pace.
 */
export function pauseAfter(
  { shortest, longest }: Pace,
  operation: { pollAfterMs?: number },
  failures: number,
  age: number,
): number {
  const patience = failures > 0 ? afterFailure * 2 ** (failures - 1) : 0;
  const pace = operation.pollAfterMs ?? Math.max(usual, age / 10);
  return Math.min(longest, Math.max(shortest, patience, pace));
}
