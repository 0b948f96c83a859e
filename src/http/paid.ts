import type { Dialect } from '../contract/index.ts';
import type { Lane } from '../runtime/ports.ts';
import { cached } from './cached.ts';
import type { Doors } from './generations.ts';
import { idempotent, type Retell } from './idempotent.ts';
import type { Door } from './lazy.ts';
import type { TextDoor } from './text-door.ts';

/**
 * A door behind which work is paid for: run once for each Idempotency-Key, answered from the cache where the caller asks for that.
 * @param dialect that of the door, in which it refuses, too; our own envelope where it has none.
 */
export function paid(doors: Doors, door: Door, dialect?: Dialect, retell?: Retell): Door {
  return idempotent(doors, cached(doors, door, dialect), dialect, retell);
}

/** The same door without a router, for requests that ask for neither. */
export function paidLane(answer: TextDoor): Lane {
  return {
    takes: (header) => header('idempotency-key') === undefined && header('x-atelier-cache') === undefined,
    answer,
  };
}
