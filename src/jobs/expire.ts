import type { Gateway } from '../gateway/gateway.ts';
import type { Owner } from './look.ts';

/** Milliseconds between two looks at a tenant's outputs, and how many go at a time. */
const every = 3_600_000;
const most = 500;

const looked = new WeakMap<Gateway, Map<string, number>>();

/** Removes outputs that are older than the operator keeps them. Looks once an hour; without a stated age nothing is ever removed. */
export async function expireOutputs(gateway: Gateway, { tenant, book }: Owner): Promise<void> {
  const { outputLife } = gateway;
  if (outputLife === undefined) return;
  const times = looked.get(gateway) ?? new Map<string, number>();
  looked.set(gateway, times);
  const now = gateway.clock.now();
  if (now - (times.get(tenant) ?? Number.NEGATIVE_INFINITY) < every) return;
  times.set(tenant, now);
  const ids = await book.agedAssets(now - outputLife, most);
  for (const id of ids) {
    // The bytes first: what is left half-way is found again.
    await gateway.assets.remove(id);
    await book.removeAsset(id);
  }
  if (ids.length === most) times.delete(tenant);
}
