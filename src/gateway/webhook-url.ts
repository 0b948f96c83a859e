import type { BookClient } from '../books/index.ts';
import type { Attempt } from './attempt.ts';
import type { Caller, Gateway } from './gateway.ts';
import { type Mac, macOf } from './mac.ts';

const macs = new WeakMap<BookClient, Mac>();

function macFor(book: BookClient): Mac {
  const mac = macs.get(book) ?? macOf(book, 'webhook_in_secret');
  macs.set(book, mac);
  return mac;
}

/**
 * Where a provider may say that a job has moved on: an address that only it was told. What comes there is a reason to ask, never
 * believed by itself, so a forged, late or doubled delivery changes nothing. Undefined where nobody outside can reach this gateway.
 */
export async function webhookUrlOf(
  gateway: Gateway,
  caller: Pick<Caller, 'tenant' | 'book'>,
  attempt: Attempt,
): Promise<string | undefined> {
  if (!gateway.publicUrl) return undefined;
  const mac = await macFor(caller.book).sign(attempt.id);
  return `${gateway.publicUrl}/webhooks/${caller.tenant}/${attempt.id}/${mac}`;
}

/** True for an address of ours. */
export function isOwnWebhook(book: BookClient, attemptId: string, mac: string): Promise<boolean> {
  return macFor(book).verify(attemptId, mac);
}
