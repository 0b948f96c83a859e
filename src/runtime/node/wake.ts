import type { Clock, Wake } from '../ports.ts';

type Timekeeper = {
  wake: Wake;
  /** Begins to keep time. */
  start(work: (tenant: string) => Promise<void>, next: (tenant: string) => Promise<number | undefined>): void;
  stop(): void;
};

/** Milliseconds between two looks at a book that could not be read, and the longest that a timer may wait. */
const afterFailure = 1_000;
const longest = 60_000;

/** One timer over the earliest due row of every tenant's book. Work of a tenant does not wait for another tenant's. */
export function keepTime(clock: Clock): Timekeeper {
  const due = new Map<string, number>();
  const busy = new Map<string, 'once' | 'again'>();
  const waiting = new Map<string, Set<() => void>>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let keeper: Parameters<Timekeeper['start']> | undefined;

  const set = () => {
    clearTimeout(timer);
    if (!keeper || due.size === 0) return;
    const pause = Math.min(longest, Math.max(0, Math.min(...due.values()) - clock.now()));
    timer = setTimeout(ring, pause);
  };
  const ring = () => {
    const now = clock.now();
    for (const [tenant, at] of due) if (at <= now) void serve(tenant);
    set();
  };
  const serve = async (tenant: string) => {
    due.delete(tenant);
    if (!keeper) return;
    if (busy.has(tenant)) {
      busy.set(tenant, 'again');
      return;
    }
    busy.set(tenant, 'once');
    let next: number | undefined;
    try {
      // Long work does not hold up what becomes due meanwhile: the book's leases keep the two apart.
      const [work, nextDue] = keeper;
      work(tenant).catch(() => plan(tenant, clock.now() + afterFailure));
      next = await nextDue(tenant);
    } catch {
      next = clock.now() + afterFailure;
    }
    const again = busy.get(tenant) === 'again';
    busy.delete(tenant);
    if (next !== undefined) plan(tenant, next);
    if (again) wake.arm(tenant);
  };
  const plan = (tenant: string, at: number) => {
    due.set(tenant, Math.min(at, due.get(tenant) ?? Number.POSITIVE_INFINITY));
    set();
  };
  const wake: Wake = {
    arm: (tenant) => plan(tenant, clock.now()),
    ended: (tenant, generationId) => {
      for (const tell of waiting.get(`${tenant}/${generationId}`) ?? []) tell();
    },
    whenEnded: (tenant, generationId, ms) =>
      new Promise((resolve) => {
        const name = `${tenant}/${generationId}`;
        const all = waiting.get(name) ?? new Set();
        waiting.set(name, all);
        const tell = () => {
          clearTimeout(patience);
          all.delete(tell);
          if (all.size === 0) waiting.delete(name);
          resolve();
        };
        const patience = setTimeout(tell, ms);
        all.add(tell);
      }),
  };
  return {
    wake,
    start: (...given) => {
      keeper = given;
      set();
    },
    stop: () => {
      keeper = undefined;
      clearTimeout(timer);
    },
  };
}
