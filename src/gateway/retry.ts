/** Milliseconds: what a first pause is drawn from, and the longest. */
const base = 250;
const longest = 20_000;

/** Full jitter: a time between nothing and the doubled pause. @param retries made before this one. */
export function backoff(retries: number, random: () => number): number {
  return Math.round(random() * Math.min(longest, base * 2 ** retries));
}

/** Retries are this share of live traffic at most, or so many within the window (ms). */
const share = 0.2;
const least = 3;
const window = 10_000;
const steps = 10;

/** Caps what retries add to the load of a provider. */
export class RetryBudget {
  private readonly slots = Array.from({ length: steps }, () => ({ step: -1, calls: 0, retries: 0 }));

  /** A call that is no retry. */
  called(now: number): void {
    this.slot(now).calls++;
  }

  /** True where one more retry may be made; it is counted then. */
  take(now: number): boolean {
    const current = this.slot(now);
    const step = current.step;
    let calls = 0;
    let retries = 0;
    for (const slot of this.slots) {
      if (slot.step <= step - steps) continue;
      calls += slot.calls;
      retries += slot.retries;
    }
    if (retries >= Math.max(least, Math.floor(calls * share))) return false;
    current.retries++;
    return true;
  }

  private slot(now: number) {
    const step = Math.floor(now / (window / steps));
    const slot = this.slots[step % steps]!;
    if (slot.step !== step) {
      slot.step = step;
      slot.calls = 0;
      slot.retries = 0;
    }
    return slot;
  }
}

const capacity = 500;
const cost = 5;
const costOfTimeout = 10;
const priceOf = (timedOut: boolean) => (timedOut ? costOfTimeout : cost);

/** A retry that was paid for. @param timedOut it followed a timeout, which costs more. */
export type Retry = { timedOut: boolean };

/** A provider that keeps failing is asked again less and less: retries take from the bucket, successes fill it. */
export class TokenBucket {
  private tokens = capacity;

  take(timedOut: boolean): boolean {
    const price = priceOf(timedOut);
    if (this.tokens < price) return false;
    this.tokens -= price;
    return true;
  }

  /** @param retried a success after a retry gives back what that took: more where it followed a timeout. */
  succeeded(retried: boolean, timedOut = false): void {
    this.tokens = Math.min(capacity, this.tokens + (retried ? priceOf(timedOut) : 1));
  }
}
