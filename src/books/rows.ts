import type { SqlValue } from '../runtime/ports.ts';

/** A number out of a row; undefined where there is none. */
export function numberOf(value: SqlValue | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
