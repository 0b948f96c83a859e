import { isObject, type Json, type Meter, type ProviderRow, type Usage } from '../contract/index.ts';

/**
 * Marks usage as off-peak where a provider's row declares its peak windows (`peak_utc`, "HH:MM-HH:MM", weekdays) and the
 * work was accepted outside of them.
 */
export function withHours(usage: Usage | undefined, quirks: Json | undefined, at: number): Usage | undefined {
  if (!usage || !isObject(quirks) || !Array.isArray(quirks.peak_utc)) return usage;
  const time = new Date(at);
  const weekend = time.getUTCDay() === 0 || time.getUTCDay() === 6;
  const clock = time.toISOString().slice(11, 16);
  const peak = !weekend && quirks.peak_utc.some((window) => within(String(window), clock));
  return peak ? usage : { ...usage, dims: { ...usage.dims, hours: 'off_peak' } };
}

function within(window: string, clock: string): boolean {
  const [start = '', end = ''] = window.split('-');
  return start <= clock && clock < end;
}

/** Milliseconds that a call is taken to have kept its machine at most: one that was found open after a restart did not work all along. */
const longest = 3_600_000;

/**
 * Adds the time for which a call kept a machine of one's own (`gpu_hour_usd` of its row): from its sending until its answer was here, by
 * our clock, and so an estimate. Calls at the same time share the machine and are each counted in full.
 * Left alone where the usage is sold by something else: a cost that is told, a time that is known, a price of the model's own.
 * @param sold meters that the model has prices for.
 * @param took milliseconds.
 */
export function withMachineTime(
  usage: Usage | undefined,
  row: Pick<ProviderRow, 'gpuHourUsd'>,
  sold: () => readonly Meter[],
  took: number,
): Usage | undefined {
  if (row.gpuHourUsd === undefined || usage?.reportedCostUsd !== undefined) return usage;
  const meters = sold();
  if (usage?.metered.some(({ meter }) => meters.includes(meter))) return usage;
  const quantity = Math.max(1, Math.min(longest, Math.round(took))) / 1000;
  return {
    ...usage,
    metered: [...(usage?.metered ?? []), { meter: 'gpu_seconds', quantity }],
    source: 'estimated',
    basis: 'measured_by_gateway',
  };
}
