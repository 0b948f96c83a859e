import type { JournalEntry, JournalFilter } from '../journal.ts';
import { matches } from '../journal-view.ts';
import type { Simulator } from '../simulator.ts';

/** What a matcher answers: the form of vitest and jest. */
export type Matched = { pass: boolean; message: () => string; actual?: unknown; expected?: unknown };

/** `toHaveReceived`: a filter of the journal, and what the JSON body holds at least. */
export type Received = JournalFilter & { body?: unknown };

/** `toHaveBeenAsked`: how often, and the milliseconds that lay between the tries at least. */
export type Asked = JournalFilter & { times?: number; gaps?: number[] };

function entriesOf(simulator: Simulator): JournalEntry[] {
  if (!simulator?.journal || !simulator.bill) throw new TypeError('This matcher takes a simulator.');
  return simulator.journal.entries.filter((entry) => entry.provider === simulator.id);
}

/** True where `actual` has everything that `expected` says; lists have the same length. */
export function holds(actual: unknown, expected: unknown): boolean {
  if (expected instanceof RegExp) return typeof actual === 'string' && expected.test(actual);
  if (typeof expected !== 'object' || expected === null) return Object.is(actual, expected);
  if (Array.isArray(expected)) {
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((one, index) => holds(actual[index], one))
    );
  }
  if (typeof actual !== 'object' || actual === null) return false;
  return Object.entries(expected).every(([name, value]) => holds((actual as Record<string, unknown>)[name], value));
}

function jsonOf(entry: JournalEntry): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(entry.body));
  } catch {
    return undefined;
  }
}

function told(entries: JournalEntry[]): string {
  if (entries.length === 0) return '(nothing)';
  const lines = entries.map(
    (one) =>
      `${one.number}. ${one.method} ${one.path} ${one.model ?? ''} → ${one.status ?? 'no answer'} ${one.outcome}`,
  );
  return lines.join('\n');
}

/** Adds up what the simulator's vendor would bill, by meter. */
export function billedOf(simulator: Simulator): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const call of simulator.bill.calls) {
    for (const { meter, quantity } of call.charges) sums[meter] = (sums[meter] ?? 0) + quantity;
  }
  return sums;
}

/** For `expect.extend(simulatorMatchers)`; `import 'atelier/testing/vitest'` does that, and gives vitest the types. */
export const simulatorMatchers = {
  /** A request like this came: `expect(sim).toHaveReceived({ path: '/images', body: { n: 2 } })`. */
  toHaveReceived(simulator: Simulator, wanted: Received = {}): Matched {
    const { body, ...filter } = wanted;
    const entries = entriesOf(simulator);
    const pass = entries.some((one) => matches(one, filter) && (body === undefined || holds(jsonOf(one), body)));
    return {
      pass,
      message: () =>
        `${simulator.id} ${pass ? 'received' : 'did not receive'} ${JSON.stringify(wanted)}. It received:\n${told(entries)}`,
    };
  },

  /** As often as this, with these least gaps: `toHaveBeenAsked({ times: 2, gaps: [1000] })`. */
  toHaveBeenAsked(simulator: Simulator, wanted: Asked = {}): Matched {
    const { times, gaps = [], ...filter } = wanted;
    const all = entriesOf(simulator);
    const entries = all.filter((one) => matches(one, filter));
    const between = entries.slice(1).map((one, index) => one.at - (entries[index]?.at ?? 0));
    const often = times === undefined ? entries.length > 0 : entries.length === times;
    const pass = often && gaps.every((least, index) => (between[index] ?? -1) >= least);
    return {
      pass,
      message: () =>
        `${simulator.id} was asked ${entries.length} time(s), ${between.join(', ') || 'no'} ms apart; ${pass ? 'not ' : ''}wanted ${JSON.stringify(wanted)}. It received:\n${told(all)}`,
      actual: { times: entries.length, gaps: between },
      expected: { times, gaps },
    };
  },

  /** The vendor would bill exactly these quantities of these meters; others are free to be there. */
  toHaveBilled(simulator: Simulator, wanted: Record<string, number>): Matched {
    const actual = billedOf(simulator);
    const pass = Object.entries(wanted).every(([meter, quantity]) => (actual[meter] ?? 0) === quantity);
    return {
      pass,
      message: () =>
        `${simulator.id} ${pass ? 'billed' : 'did not bill'} ${JSON.stringify(wanted)} but ${JSON.stringify(actual)}.`,
      actual,
      expected: wanted,
    };
  },

  /** A client left before its answer was over. */
  toHaveSeenAbort(simulator: Simulator, filter: JournalFilter = {}): Matched {
    const entries = entriesOf(simulator);
    const pass = entries.some((one) => matches(one, { ...filter, outcome: 'aborted' }));
    return {
      pass,
      message: () => `${simulator.id} ${pass ? 'saw' : 'saw no'} client leave. It received:\n${told(entries)}`,
    };
  },

  /** No more than so many requests were open at once. */
  toHaveBeenBusyAtMost(simulator: Simulator, most: number): Matched {
    const actual = Math.max(0, ...entriesOf(simulator).map((one) => one.concurrent));
    return {
      pass: actual <= most,
      message: () => `${simulator.id} had ${actual} requests open at once; at most ${most} were wanted.`,
      actual,
      expected: most,
    };
  },
};
