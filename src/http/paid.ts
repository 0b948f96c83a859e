import { cached } from './cached.ts';
import type { Doors } from './generations.ts';
import { idempotent, type Retell } from './idempotent.ts';
import type { Door } from './lazy.ts';

/** A door behind which work is paid for: run once for each Idempotency-Key, answered from the cache where the caller asks for that. */
export function paid(doors: Doors, door: Door, retell?: Retell): Door {
  return idempotent(doors, cached(doors, door), retell);
}
