import type { Fetch, Price } from '../../src/contract/index.ts';
import { Bill, type BilledCall } from './bill.ts';
import { type SimulatorClock, systemClock } from './clock.ts';
import { type Fault, type FaultPlan, Faults } from './faults.ts';
import { Journal, type JournalEntry, type JournalLimits } from './journal.ts';
import { Limiter, type SimulatorLimits } from './limits.ts';
import { hash32 } from './seed.ts';
import type { TaskFault } from './tasks.ts';
import { watch } from './under-way.ts';

export type SimulatorOptions = {
  /** Price list for the bill: the parsed config/prices files. */
  prices?: Price[];
  /** Hours of weekdays ("HH:MM-HH:MM", UTC) outside of which the vendor bills another price. */
  peakUtc?: string[];
  seed?: string;
  /** Milliseconds since 1970; a fixed clock makes runs byte-equal. */
  now?: () => number;
  /** Time and waits: `new VirtualClock()` makes a stall of 30 s take none. Default the real ones. */
  clock?: SimulatorClock;
  /** Notes every request and its answer: `true`, its limits, or a journal that several simulators share. Default off. */
  journal?: boolean | Partial<JournalLimits> | Journal;
  /** What one key may do before the vendor's 429. Default everything. */
  limits?: SimulatorLimits;
  /** Faults stay off unless allowed: a caller of a public gateway must not inject them. */
  faults?: boolean;
  /** Where the simulator is reached from outside; asset URLs are made under it. Default `https://<id>.simulator.invalid`. */
  publicUrl?: string;
  /** Milliseconds between streamed events. Default 0. */
  paceMs?: number;
  /** Carries webhooks out. None: webhooks are taken and never sent. */
  deliver?: Fetch;
};

/** What every simulator's handler gets. */
export type SimulatorContext = {
  id: string;
  seed: string;
  now: () => number;
  sleep: SimulatorClock['sleep'];
  bill: Bill;
  publicUrl: string;
  paceMs: number;
  /** Whether directives in a prompt may choose how the work ends. */
  faults: boolean;
  deliver?: Fetch;
  /** How the job ends that this request makes, where a planned fault says so. */
  jobFault?: (request: Request) => TaskFault | undefined;
  /** A stable id for this request: same seed, path and body, same id. */
  idFor(prefix: string, ...material: string[]): string;
};

/** One simulated upstream: a pure fetch handler with its own bill. */
export type Simulator = {
  id: string;
  fetch: Fetch;
  bill: Bill;
  faults: Faults;
  clock: SimulatorClock;
  /** Empty unless the option `journal` turned it on. */
  journal: Journal;
  /** The next request (or as many as the plan says) goes wrong: `fail('status:429', { times: 2 })`. Turns faults on. */
  fail(fault: string | Fault, plan?: FaultPlan): void;
  reset(): void;
};

export type SimulatorHandler = {
  /** Paths are those of the vendor below its base URL's origin and prefix: the handler matches on the end of the path. */
  handle(request: Request): Promise<Response>;
  /** The vendor's own error envelope. */
  writeError(status: number, message: string, type?: string): Response;
  /** Forgets jobs, files and the like. */
  reset?(): void;
};

/**
 * Wraps a vendor's handler with bill, faults and identity.
 * @param make receives the context and returns the vendor's routes; it must not use timers other than pace, the clock or randomness of its own.
 */
export function createSimulator(
  id: string,
  make: (context: SimulatorContext) => SimulatorHandler,
  options: SimulatorOptions = {},
): Simulator {
  const bill = new Bill(id, options.prices ?? [], options.peakUtc);
  const seed = options.seed ?? 'atelier';
  const clock = options.clock ?? systemClock(options.now);
  const faults = new Faults(options.faults ?? false, id, clock);
  const context: SimulatorContext = {
    id,
    seed,
    now: options.now ?? clock.now,
    sleep: clock.sleep,
    bill,
    publicUrl: options.publicUrl ?? `https://${id}.simulator.invalid`,
    paceMs: options.paceMs ?? 0,
    faults: options.faults ?? false,
    deliver: options.deliver,
    jobFault: (request) => faults.jobs.get(request),
    idFor: (prefix, ...material) => prefix + stableHex(`${seed}|${id}|${material.join('|')}`),
  };
  const handler = make(context);
  const limiter = options.limits ? new Limiter(options.limits, clock) : undefined;

  const answer = async (asked: Request, entry?: JournalEntry): Promise<Response> => {
    const end = limiter?.begin(asked) ?? (() => {});
    if (typeof end === 'number') {
      const refused = handler.writeError(429, 'Simulated: too many requests for this key.');
      refused.headers.set('retry-after', String(end));
      return refused;
    }
    const { fault, request } = await faults.pick(asked);
    if (entry && fault) entry.fault = fault.argument === undefined ? fault.name : `${fault.name}:${fault.argument}`;
    try {
      const made = await (fault ? faults.apply(fault, request, handler) : handler.handle(request));
      return limiter ? watch(made, end, (thrown) => Promise.reject(thrown)) : made;
    } catch (thrown) {
      end();
      throw thrown;
    }
  };

  const claimed = new WeakSet<BilledCall>();
  /** Calls billed while a request was handled belong to it: by its client id where it has one, else in order. */
  const claim = (calls: BilledCall[], entry: JournalEntry): void => {
    entry.billed = calls.filter((call) => !claimed.has(call) && (call.client ?? entry.client) === entry.client);
    for (const call of entry.billed) claimed.add(call);
    const [first] = entry.billed;
    if (first) entry.model ??= first.model;
  };

  const noted = async (journal: Journal, asked: Request): Promise<Response> => {
    const body = new Uint8Array(await asked.arrayBuffer());
    const { method, headers, signal } = asked;
    const entry = journal.begin(id, asked, body, context.now());
    const bare = method === 'GET' || method === 'HEAD';
    const request = new Request(asked.url, { method, headers, signal, ...(bare ? {} : { body }) });
    const before = bill.calls.length;
    try {
      const made = await answer(request, entry).finally(() => claim(bill.calls.slice(before), entry));
      return journal.answered(entry, made, context.now);
    } catch (thrown) {
      journal.broke(entry, thrown, context.now(), signal.aborted);
      throw thrown;
    }
  };

  const { journal: wanted } = options;
  const journal = wanted instanceof Journal ? wanted : new Journal(typeof wanted === 'object' ? wanted : {});
  return {
    id,
    bill,
    faults,
    clock,
    journal,
    fetch: async (input, init) => {
      const request = input instanceof Request && init === undefined ? input : new Request(input as string, init);
      return wanted ? noted(journal, request) : answer(request);
    },
    fail: (fault, plan) => {
      faults.enabled = true;
      context.faults = true;
      faults.plan(fault, plan);
    },
    reset: () => {
      bill.clear();
      faults.clear();
      journal.clear();
      limiter?.clear();
      handler.reset?.();
    },
  };
}

/** 128 bits of hex in the form of a UUID of version 4. */
export function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5');
}

/** 128 stable bits as hex. */
export function stableHex(material: string): string {
  let text = '';
  for (const salt of ['a', 'b', 'c', 'd'])
    text += hash32(salt + material + salt)
      .toString(16)
      .padStart(8, '0');
  return text;
}
