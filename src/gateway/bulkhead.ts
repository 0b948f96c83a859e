import { GatewayError } from '../contract/index.ts';

export type BulkheadLimits = {
  /** Calls under way, and those that may wait for their turn. */
  most: number;
  waiting: number;
  /** Milliseconds that one waits at most. */
  patience: number;
};

type Waiter = { go: () => void };

/** How many calls one provider may have under way: a slow one fills its own share and nobody else's. Costs next to nothing while idle. */
export class Bulkhead {
  private active = 0;
  private highest = 0;
  private readonly queue: Waiter[] = [];
  private readonly provider: string;
  private readonly limits: BulkheadLimits;

  constructor(provider: string, limits: BulkheadLimits) {
    this.provider = provider;
    this.limits = limits;
  }

  /** The most that were under way at once. */
  get highWater(): number {
    return this.highest;
  }

  /** True where the call may go at once. */
  enter(): boolean {
    if (this.active >= this.limits.most) return false;
    this.active++;
    if (this.active > this.highest) this.highest = this.active;
    return true;
  }

  /** Waits for a turn. Throws provider_overloaded (class A: nothing was sent) where the line is too long or too slow. */
  wait(): Promise<void> {
    if (this.queue.length >= this.limits.waiting) return Promise.reject(this.full());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        go: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.queue.splice(this.queue.indexOf(waiter), 1);
        reject(this.full());
      }, this.limits.patience);
      this.queue.push(waiter);
    });
  }

  /** The place passes to whoever waits longest. */
  leave(): void {
    const next = this.queue.shift();
    if (next) next.go();
    else this.active--;
  }

  private full(): GatewayError {
    return new GatewayError('provider_overloaded', {
      message: `${this.limits.most} calls of this gateway to ${this.provider} are under way already.`,
      provider: this.provider,
      failure: 'A',
      billing: 'none',
      retryAfterMs: 1_000,
    });
  }
}
