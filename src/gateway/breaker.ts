/** Failures that open a breaker: so many in a row, or this share of so many calls within the window (ms). */
const inRow = 5;
const share = 0.5;
const least = 20;
const window = 30_000;
const steps = 6;
/** Milliseconds that it stays open the first time, times how often it opened, at most. */
const pause = 30_000;
const longestPause = 300_000;
/** A probe that never reports leaves room for another after this time. */
const probeTime = 120_000;

/**
 * Tells whether calls of one model at one provider are worth making. Pure over the time it is given (ms). It never forbids: where
 * every way is closed, the least bad one is taken all the same.
 */
export class Breaker {
  private row = 0;
  private readonly slots = Array.from({ length: steps }, () => ({ step: -1, calls: 0, failures: 0 }));
  private until = 0;
  private opened = 0;
  private probing = 0;
  private closedAt = 0;
  private readonly random: () => number;

  constructor(random: () => number) {
    this.random = random;
  }

  /** Closed, or half open without a probe under way. */
  allows(now: number): boolean {
    if (this.until === 0) return true;
    return now >= this.until && (this.probing === 0 || now - this.probing > probeTime);
  }

  /** A call is made: the first one after the pause is the probe. */
  enter(now: number): void {
    if (this.until !== 0 && now >= this.until) this.probing = now;
  }

  succeeded(now: number): void {
    this.count(now, 0);
    this.row = 0;
    this.probing = 0;
    if (this.until === 0) return;
    this.until = 0;
    this.closedAt = now;
    for (const slot of this.slots) slot.step = -1;
  }

  failed(now: number): void {
    const { calls, failures } = this.count(now, 1);
    this.row++;
    const isProbe = this.until !== 0 && now >= this.until;
    this.probing = 0;
    if (isProbe || (this.until === 0 && (this.row >= inRow || (calls >= least && failures >= calls * share))))
      this.open(now);
  }

  /** The call came to nothing that says anything about the provider. */
  left(): void {
    this.probing = 0;
  }

  /** When it may be tried again; 0 while it is closed. */
  get reopens(): number {
    return this.until;
  }

  private open(now: number): void {
    if (this.opened > 0 && this.closedAt > 0 && now - this.closedAt > longestPause) this.opened = 0;
    this.opened++;
    // somewhat earlier than said, so that not everybody comes back at once, and a short outage is over at the second probe
    const jitter = 0.8 + this.random() * 0.15;
    this.until = now + Math.min(longestPause, pause * this.opened) * jitter;
    this.closedAt = 0;
  }

  private count(now: number, failed: 0 | 1): { calls: number; failures: number } {
    const step = Math.floor(now / (window / steps));
    const slot = this.slots[step % steps]!;
    if (slot.step !== step) {
      slot.step = step;
      slot.calls = 0;
      slot.failures = 0;
    }
    slot.calls++;
    slot.failures += failed;
    if (failed === 0) return slot;
    let calls = 0;
    let failures = 0;
    for (const one of this.slots) {
      if (one.step <= step - steps) continue;
      calls += one.calls;
      failures += one.failures;
    }
    return { calls, failures };
  }
}
