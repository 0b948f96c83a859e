import type { Json, Usage } from '../../src/contract/index.ts';
import { decimal, Leaves } from '../shared/leaves.ts';
import { figureOf, findAll } from './pointer.ts';
import type { HttpWay } from './row.ts';

/**
 * What an ended job consumed: the vendor's own figures, and for a delivery what the row counts of it.
 * @param delivered how many outputs came; undefined for a job that failed, of which only the vendor's figures count.
 * @returns undefined where nothing is known.
 */
export function usageOf(way: HttpWay, answer: Json | undefined, delivered: number | undefined): Usage | undefined {
  const leaves = new Leaves();
  const figures: Json[] = [];
  for (const { meter, pointer, quantity, dims } of way.usage ?? []) {
    const more = dims ? { dims } : {};
    if (pointer === undefined) {
      leaves.add(meter, delivered === undefined ? undefined : (quantity ?? delivered), more);
      continue;
    }
    const found = findAll(answer, pointer);
    const numbers = found.map(figureOf).filter((number) => number !== undefined);
    if (numbers.length === 0) continue;
    figures.push(...found);
    leaves.add(meter, sum(numbers), more);
  }
  const told = way.reported_cost === undefined ? undefined : figureOf(findAll(answer, way.reported_cost)[0] ?? null);
  const cost = told !== undefined && told >= 0 ? told : undefined;
  return leaves.usage(figures.length > 0 || cost !== undefined ? 'body' : 'derived', {
    ...(cost === undefined ? {} : { reportedCostUsd: decimal(cost) }),
    ...(figures.length > 0 ? { raw: { figures } } : {}),
  });
}

/** A sum of decimals without the dust of binary fractions. */
function sum(numbers: readonly number[]): number {
  return Number(numbers.reduce((total, one) => total + one, 0).toPrecision(15));
}
