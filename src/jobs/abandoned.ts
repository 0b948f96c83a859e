import type { Gateway } from '../gateway/gateway.ts';
import { newId } from '../gateway/ids.ts';
import { onceAnHour } from './hourly.ts';
import type { Owner } from './look.ts';

/** Milliseconds after which no attempt of a generation begins any more, whatever its request asked for; and that one is looked for. */
const longestJourney = 3_600_000;
const lookedFor = 2 * 86_400_000;

const isTime = onceAnHour();

/**
 * Ends generations whose process stopped between two attempts, once an hour. They have no attempt left that a timer would follow; which
 * processes still run need not be known, for the time in which they could have begun another one is over.
 */
export async function endAbandoned(gateway: Gateway, { tenant, book }: Owner): Promise<void> {
  if (!isTime(gateway, tenant)) return;
  const now = gateway.clock.now();
  const before = now - Math.max(longestJourney, 2 * gateway.deadlines.totalTimeout);
  const ended = await book.concludeAbandoned(newId('gen_', now - lookedFor), newId('gen_', before), now);
  if (ended.length > 0) gateway.wake.arm(tenant);
}
