/** Milliseconds between two questions about a job: at least, at most, and where the provider names no pace. */
const shortest = 50;
const longest = 15_000;
const usual = 1_000;
/** The pause after a question that found no answer; it doubles. */
const afterFailure = 500;

/**
 * Milliseconds until a job is asked about again.
 * @param failures questions in a row that found no answer.
 * @param age milliseconds since the job began: old jobs are asked less often where the provider names no pace.
 */
export function pauseAfter(operation: { pollAfterMs?: number }, failures: number, age: number): number {
  const patience = failures > 0 ? afterFailure * 2 ** (failures - 1) : 0;
  const pace = operation.pollAfterMs ?? Math.max(usual, age / 10);
  return Math.min(longest, Math.max(shortest, patience, pace));
}
