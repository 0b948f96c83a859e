/** A stable 32-bit hash (FNV-1a) of text: same on every engine. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/** Seeded numbers in [0, 2^32): mulberry32. */
export type Random = { next(): number; below(limit: number): number; hex(length: number): string };

export function random(seed: string): Random {
  let state = hash32(seed);
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    next,
    below: (limit) => next() % limit,
    hex: (length) => {
      let text = '';
      while (text.length < length) text += next().toString(16).padStart(8, '0');
      return text.slice(0, length);
    },
  };
}
