import { afterAll, afterEach, expect } from 'vitest';
import type { JournalFilter } from '../journal.ts';
import { type Asked, type Received, simulatorMatchers } from './matchers.ts';
import { type NetworkGuard, watchNetwork } from './network.ts';

expect.extend(simulatorMatchers);

interface SimulatorMatchers<R> {
  /** A request like this came. `body` says what the JSON body holds at least. */
  toHaveReceived(wanted?: Received): R;
  /** So often; `gaps` are the least milliseconds between the tries. */
  toHaveBeenAsked(wanted?: Asked): R;
  /** The vendor would bill exactly these quantities of these meters. */
  toHaveBilled(wanted: Record<string, number>): R;
  /** A client left before its answer was over. */
  toHaveSeenAbort(filter?: JournalFilter): R;
  /** No more than so many requests were open at once. */
  toHaveBeenBusyAtMost(most: number): R;
}

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends SimulatorMatchers<R> {}
}

/**
 * Closes the network for this test file: a connection to anything but this machine fails, and fails the test that made it.
 * @param allow hosts that may be reached all the same.
 */
export function assertNoRealNetwork(allow: readonly string[] = []): NetworkGuard {
  const guard = watchNetwork(allow);
  afterEach(() => guard.check());
  afterAll(() => guard.stop());
  return guard;
}
