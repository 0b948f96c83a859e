/** What tells simulators the time, and how long a wait takes. */
export type SimulatorClock = {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

/** Taken now, before a test replaces the timers of its process. */
const timer = setTimeout;

/** The real time; `now` may be given another source. */
export function systemClock(now: () => number = Date.now): SimulatorClock {
  return {
    now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const leave = () => {
          clearTimeout(waiting);
          reject(signal?.reason);
        };
        const waiting = timer(() => {
          signal?.removeEventListener('abort', leave);
          resolve();
        }, ms);
        signal?.addEventListener('abort', leave, { once: true });
      }),
  };
}

type Sleeper = { until: number; wake: () => void };

/**
 * A clock that stands still until `advance` moves it: a stall of 30 s takes no time.
 * `auto: true` moves it by itself: every wait is over at once, and the time says that it was waited.
 */
export class VirtualClock implements SimulatorClock {
  private time: number;
  private readonly auto: boolean;
  private sleepers: Sleeper[] = [];
  private watchers: (() => void)[] = [];

  /** @param options.start milliseconds since 1970; default 2026-01-01T00:00:00Z. */
  constructor(options: { start?: number; auto?: boolean } = {}) {
    this.time = options.start ?? Date.UTC(2026, 0, 1);
    this.auto = options.auto ?? false;
  }

  now = (): number => this.time;

  sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted();
    if (this.auto) {
      this.time += ms;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const sleeper: Sleeper = { until: this.time + ms, wake: resolve };
      this.sleepers.push(sleeper);
      signal?.addEventListener(
        'abort',
        () => {
          this.sleepers = this.sleepers.filter((one) => one !== sleeper);
          reject(signal.reason);
        },
        { once: true },
      );
      for (const watcher of this.watchers.splice(0)) watcher();
    });
  };

  /** How many waits are open. */
  get sleeping(): number {
    return this.sleepers.length;
  }

  /** Resolves as soon as somebody waits for this clock: then `advance` wakes them. */
  async untilSleeping(): Promise<void> {
    while (this.sleepers.length === 0) await new Promise<void>((resolve) => this.watchers.push(resolve));
  }

  /** Moves time on by `ms`, waking who waits in order, each at its own time. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settle();
      const due = this.sleepers.filter((one) => one.until <= end).sort((one, other) => one.until - other.until)[0];
      if (!due) break;
      this.time = Math.max(this.time, due.until);
      this.sleepers = this.sleepers.filter((one) => one !== due);
      due.wake();
    }
    this.time = end;
    await settle();
  }
}

/** Lets what was woken run on until it waits again. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => timer(resolve, 0));
}
