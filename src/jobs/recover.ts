import { GatewayError } from '../contract/index.ts';
import { type Attempt, attemptOf } from '../gateway/attempt.ts';
import { type Gateway, newTrace } from '../gateway/gateway.ts';
import { settleUnknown } from '../gateway/unknown.ts';
import { followMedia } from './follow.ts';

/**
 * Ends every attempt that a stopped gateway left open. A job goes on from its stored `ref`; for anything else the
 * provider is asked what it did, and where it cannot say, the stored upper bound is booked as estimated.
 * @param before attempts begun at or after this time (ms) belong to the running gateway.
 * @returns how many attempts were found.
 */
export async function recover(gateway: Gateway, tenant: string, before: number): Promise<number> {
  const book = gateway.books.of(tenant);
  const open = await book.openAttempts(before);
  await Promise.all(
    open.map(async (row) => {
      const upstream = gateway.upstreams.get(row.provider);
      if (!upstream) return;
      const model = gateway.directory.find(`${row.provider}/${row.model}`) ?? {
        id: `${row.provider}/${row.model}`,
        provider: row.provider,
        upstream: row.model,
        modality: row.modality,
      };
      const caller = { tenant, book };
      const attempt: Attempt = attemptOf(gateway, { ...row, model, upstream, caller, trace: newTrace() });
      const lost = new GatewayError('outcome_unknown', {
        message: 'The gateway stopped before the answer arrived.',
        provider: row.provider,
        failure: 'C',
        billing: 'unknown',
      });
      try {
        if (row.ref === null) return await settleUnknown(gateway, attempt, lost);
        const running = { status: 'in_progress' as const, ref: row.ref, pollAfterMs: 0 };
        await followMedia(gateway, caller, attempt, running, row.request);
      } catch (thrown) {
        // What a job ended with is in the book; anything else leaves the attempt open for the next start.
        const told = thrown instanceof GatewayError && thrown.code !== 'store_unavailable';
        if (!told) console.error(`${row.id} could not be recovered`, thrown);
      }
    }),
  );
  return open.length;
}
