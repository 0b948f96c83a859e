import type { SimulatorClock } from './clock.ts';

/** What one key may do. */
export type SimulatorLimits = {
  /** Requests that may be open at once. */
  concurrent?: number;
  /** Requests that may begin within a minute. */
  requestsPerMinute?: number;
};

/** Headers in which vendors want their key. */
export const keyHeaders = ['authorization', 'x-api-key', 'x-goog-api-key', 'xi-api-key', 'x-key'] as const;

const minute = 60_000;

/** Counts what every key does, and says when a request is too much. Only what costs (POST) is counted. */
export class Limiter {
  private readonly keys = new Map<string, { open: number; begun: number[] }>();
  private readonly limits: SimulatorLimits;
  private readonly clock: SimulatorClock;

  constructor(limits: SimulatorLimits, clock: SimulatorClock) {
    this.limits = limits;
    this.clock = clock;
  }

  /** Returns what to do at the request's end, or the seconds to wait. */
  begin(request: Request): (() => void) | number {
    if (request.method !== 'POST') return () => {};
    const key = keyHeaders.map((name) => request.headers.get(name)).find((value) => value !== null) ?? '';
    const state = this.keys.get(key) ?? { open: 0, begun: [] };
    this.keys.set(key, state);
    const now = this.clock.now();
    state.begun = state.begun.filter((time) => time > now - minute);
    const { concurrent, requestsPerMinute } = this.limits;
    if (concurrent !== undefined && state.open >= concurrent) return 1;
    const first = state.begun[0];
    if (requestsPerMinute !== undefined && first !== undefined && state.begun.length >= requestsPerMinute) {
      return Math.max(1, Math.ceil((first + minute - now) / 1_000));
    }
    state.open++;
    state.begun.push(now);
    let over = false;
    return () => {
      if (!over) state.open--;
      over = true;
    };
  }

  clear(): void {
    this.keys.clear();
  }
}
