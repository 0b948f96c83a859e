import type { Gateway } from '../gateway/gateway.ts';
import { onceAnHour } from './hourly.ts';
import type { Owner } from './look.ts';

/** How many are read at a time. */
const most = 500;

const isTime = onceAnHour();

/**
 * Removes what is older than it is kept, once an hour: answers for whoever repeats a request (see Idempotency), and outputs where the
 * operator states an age. The bytes go first: what is left half-way is found again.
 */
export async function expireOutputs(gateway: Gateway, { tenant, book }: Owner): Promise<void> {
  if (!isTime(gateway, tenant)) return;
  const now = gateway.clock.now();
  const ends = [removeAnswers(gateway, book, now)];
  if (gateway.outputLife !== undefined) ends.push(removeOutputs(gateway, book, now - gateway.outputLife));
  await Promise.all(ends);
}

async function removeOutputs({ assets }: Gateway, book: Owner['book'], before: number): Promise<void> {
  let ids: string[];
  do {
    ids = await book.agedAssets(before, most);
    for (const id of ids) {
      await assets.remove(id);
      await book.removeAsset(id);
    }
  } while (ids.length === most);
}

async function removeAnswers({ assets }: Gateway, book: Owner['book'], now: number): Promise<void> {
  let aged: Awaited<ReturnType<typeof book.agedRequests>>;
  do {
    aged = await book.agedRequests(now, most);
    for (const { body } of aged) if (body !== undefined) await assets.remove(body);
    if (aged.length > 0) await book.removeAgedRequests(aged);
  } while (aged.length === most);
}
