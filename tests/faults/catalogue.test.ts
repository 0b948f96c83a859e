import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sharedFolder } from '../support/spec.ts';

const reference = join(sharedFolder, 'reference', 'reliability.md');
const tests = resolve(import.meta.dirname, '..');

/** The numbers of the faults in the reference's table. */
function numbersIn(text: string): number[] {
  const table = text.slice(text.indexOf('| # | fault |'));
  return [...table.slice(0, table.indexOf('\n\n')).matchAll(/^\| (\d+) \|/gm)].map(([, number]) => Number(number));
}

/** The numbers that begin the title of a test, and the files in which they do. */
function titled(): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>();
  for (const file of readdirSync(tests, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    for (const [, number] of readFileSync(join(tests, file), 'utf8').matchAll(/['"`]#(\d+) \S/g)) {
      const files = found.get(Number(number)) ?? new Set();
      found.set(Number(number), files.add(file));
    }
  }
  return found;
}

describe('the faults of the reference', () => {
  const known = titled();
  it.skipIf(!existsSync(reference))(
    `each have a test that begins with their number${existsSync(reference) ? '' : ` (skipped: ${reference} is not there)`}`,
    () => {
      const numbers = numbersIn(readFileSync(reference, 'utf8'));
      expect(numbers.length).toBeGreaterThan(40);
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, place) => place + 1));
      expect(numbers.filter((number) => !known.has(number))).toEqual([]);
      expect([...known.keys()].filter((number) => !numbers.includes(number))).toEqual([]);
    },
  );

  it('are shown end to end: each in this folder, or in those of crashes', () => {
    const here = /^(faults|crash|acceptance)\//;
    const elsewhere = [...known].filter(([, files]) => ![...files].some((file) => here.test(file)));
    expect(elsewhere).toEqual([]);
  });
});
