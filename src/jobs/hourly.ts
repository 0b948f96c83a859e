import type { Gateway } from '../gateway/gateway.ts';

const hour = 3_600_000;

/** Says whether an hour has passed since it last said so of this gateway and tenant; the first time it has. */
export function onceAnHour(): (gateway: Gateway, tenant: string) => boolean {
  const told = new WeakMap<Gateway, Map<string, number>>();
  return (gateway, tenant) => {
    const times = told.get(gateway) ?? new Map<string, number>();
    told.set(gateway, times);
    const now = gateway.clock.now();
    if (now - (times.get(tenant) ?? Number.NEGATIVE_INFINITY) < hour) return false;
    times.set(tenant, now);
    return true;
  };
}
