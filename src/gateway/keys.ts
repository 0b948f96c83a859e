import { isObject, type Json } from '../contract/index.ts';
import type { Upstream } from '../runtime/ports.ts';
import { fnv1a } from './digest.ts';

/** A provider's keys. One that is refused or spent is set aside for a time; none is ever forgotten. */
export class KeyRing {
  private readonly keys: readonly string[];
  private readonly aside = new Map<string, number>();

  constructor(keys: readonly string[]) {
    this.keys = keys;
  }

  /** The first key that is not set aside, else the one that comes back soonest. */
  pick(now: number): string {
    const first = this.keys[0] ?? '';
    if (this.aside.size === 0) return first;
    let best = first;
    for (const key of this.keys) {
      if (this.until(key) <= now) return key;
      if (this.until(key) < this.until(best)) best = key;
    }
    return best;
  }

  /** Whether there is a key that is not set aside. */
  isFree(now: number): boolean {
    return this.aside.size < this.keys.length || this.keys.some((key) => this.until(key) <= now);
  }

  isAside(key: string, now: number): boolean {
    return this.until(key) > now;
  }

  setAside(key: string, until: number): void {
    this.aside.set(key, Math.max(until, this.until(key)));
  }

  /** A key that was taken works. */
  restore(key: string): void {
    if (this.aside.size > 0) this.aside.delete(key);
  }

  private until(key: string): number {
    return this.aside.get(key) ?? 0;
  }
}

/** Several keys are written with commas between them. */
export function keysIn(text: string): string[] {
  return text.split(',').flatMap((key) => key.trim() || []);
}

/** Names a key in the book without telling it: 32 bits of FNV-1a. */
function markOf(key: string): string {
  return (fnv1a(key) >>> 0).toString(16).padStart(8, '0');
}

type Keyed = Pick<Upstream, 'key' | 'keys'>;

/** What is kept of a job: with the mark of its key, since another one, also one that is configured later, is not shown the job. */
export function keyedRef(upstream: Pick<Upstream, 'key'>, ref: Json): Json {
  return { atelier_key: markOf(upstream.key), ref };
}

/** The job's own reference, and its provider with the key that the job was sent with, where that is known and still configured. */
export function openRef<T extends Keyed>(upstream: T, ref: Json): { upstream: T; ref: Json } {
  if (!isObject(ref) || typeof ref.atelier_key !== 'string' || ref.ref === undefined) return { upstream, ref };
  const key = (upstream.keys ?? [upstream.key]).find((one) => markOf(one) === ref.atelier_key);
  return { upstream: key === undefined || key === upstream.key ? upstream : { ...upstream, key }, ref: ref.ref };
}
