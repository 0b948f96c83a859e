import type { Json } from '../../src/contract/index.ts';

/** All values at a JSON pointer; `*` goes into every entry of a list or object. Absent and null values are not found. */
export function findAll(value: Json | undefined, pointer: string): Json[] {
  let here: (Json | undefined)[] = [value];
  for (const step of pointer.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    here = here.flatMap((one) => {
      if (typeof one !== 'object' || one === null) return [];
      if (key === '*') return Object.values(one);
      if (Array.isArray(one)) return /^\d+$/.test(key) ? [one[Number(key)]] : [];
      return Object.hasOwn(one, key) ? [one[key]] : [];
    });
  }
  return here.filter((one) => one !== undefined && one !== null);
}

/** The first text or number at any of these pointers, as text. */
export function findWord(value: Json | undefined, pointers: readonly string[] = []): string | undefined {
  for (const pointer of pointers) {
    for (const found of findAll(value, pointer)) {
      if (typeof found === 'number' || (typeof found === 'string' && found.trim() !== '')) return String(found);
    }
  }
  return undefined;
}

/** A finite number, also where it is written as text or with a percent sign. */
export function figureOf(value: Json): number | undefined {
  const number = typeof value === 'string' && /^\s*\d+(\.\d+)?\s*%?\s*$/.test(value) ? Number.parseFloat(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}
