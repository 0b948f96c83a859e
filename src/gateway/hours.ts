import { isObject, type Json, type Usage } from '../contract/index.ts';

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
