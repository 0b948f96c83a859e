import type { Fetch, Price } from '../../src/contract/index.ts';
import { Bill } from './bill.ts';
import { type Fault, Faults } from './faults.ts';
import { hash32 } from './seed.ts';

export type SimulatorOptions = {
  /** Price list for the bill: the parsed config/prices files. */
  prices?: Price[];
  /** Hours of weekdays ("HH:MM-HH:MM", UTC) outside of which the vendor bills another price. */
  peakUtc?: string[];
  seed?: string;
  /** Milliseconds since 1970; a fixed clock makes runs byte-equal. */
  now?: () => number;
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
  bill: Bill;
  publicUrl: string;
  paceMs: number;
  /** Whether directives in a prompt may choose how the work ends. */
  faults: boolean;
  deliver?: Fetch;
  /** A stable id for this request: same seed, path and body, same id. */
  idFor(prefix: string, ...material: string[]): string;
};

/** One simulated upstream: a pure fetch handler with its own bill. */
export type Simulator = {
  id: string;
  fetch: Fetch;
  bill: Bill;
  faults: Faults;
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
  const context: SimulatorContext = {
    id,
    seed,
    now: options.now ?? Date.now,
    bill,
    publicUrl: options.publicUrl ?? `https://${id}.simulator.invalid`,
    paceMs: options.paceMs ?? 0,
    faults: options.faults ?? false,
    deliver: options.deliver,
    idFor: (prefix, ...material) => prefix + stableHex(`${seed}|${id}|${material.join('|')}`),
  };
  const handler = make(context);
  const faults = new Faults(options.faults ?? false);
  return {
    id,
    bill,
    faults,
    fetch: async (input, init) => {
      const request = input instanceof Request && init === undefined ? input : new Request(input as string, init);
      const fault: Fault | undefined = await faults.pick(request);
      if (!fault) return handler.handle(request);
      return faults.apply(fault, request, handler);
    },
    reset: () => {
      bill.clear();
      faults.clear();
      handler.reset?.();
    },
  };
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
