import { type Segment, sumOf } from './rollup-columns.ts';
import { highUnit } from './rollup-rows.ts';
import type { Scratch } from './scratch.ts';
import type { Pairs } from './spend-pairs.ts';
import { type Items, mark } from './spend-sums.ts';

/** Rows with their groups: `whole` with the copies of earlier attempts, `items` without. */
export type Placed = {
  items: Items;
  whole: Items;
  marks: Uint8Array;
  /** Cost of each row; -1 where there is none that could be compared: no price, not billable, from the cache. */
  paid: Float64Array;
  /** Where the lines of each row begin; of the row after the last, where they end. */
  ends: Uint32Array;
  /** All groups of a row, copies of earlier attempts among them. */
  groupsOf: (row: number) => readonly number[];
};

/** Copies of earlier attempts do not count. */
export function withoutCopies({ size, groups, of }: Items, chain: Uint32Array, scratch: Scratch): Items {
  const own = scratch.groupsFor('own', size);
  if (of === undefined) for (let item = 0; item < size; item++) own[item] = chain[item] === 1 ? -1 : groups[item]!;
  else for (let item = 0; item < size; item++) own[item] = chain[of[item]!] === 1 ? -1 : groups[item]!;
  return { size, groups: own, of };
}

/** @param marks by row. */
export function paidBy(
  { rows, numbers: { cost, costHigh } }: Segment,
  marks: Uint8Array,
  scratch: Scratch,
): Float64Array {
  const paid = scratch.numbersFor('paid', rows);
  for (let row = 0; row < rows; row++) {
    const known = (cost === undefined ? 0 : cost[row]!) + (costHigh === undefined ? 0 : costHigh[row]! * highUnit);
    paid[row] = (marks[row]! & mark.billed) === 0 ? -1 : known > 0 ? known : 0;
  }
  return paid;
}

/** Where the lines of each row end, from the second number on. */
export function endsOf({ rows, codes: { lineCount } }: Segment, scratch: Scratch): Uint32Array {
  const ends = scratch.codesFor('ends', rows + 1);
  let end = 0;
  ends[0] = 0;
  for (let row = 0; row < rows; row++) {
    if (lineCount !== undefined) end += lineCount[row]!;
    ends[row + 1] = end;
  }
  return ends;
}

/** The groups of a row's items, which stand together. */
export function groupsByRow({ size, groups, of }: Items): (row: number) => number[] {
  if (of === undefined) return (row) => (groups[row]! < 0 ? [] : [groups[row]!]);
  // Items are in the order of their rows.
  const placeOf = (row: number) => {
    let [low, high] = [0, size];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (of[middle]! < row) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return (row) => {
    const found: number[] = [];
    for (let item = placeOf(row); item < size && of[item] === row; item++) {
      if (groups[item]! >= 0) found.push(groups[item]!);
    }
    return found;
  };
}

/** Rows that have copies of earlier attempts before them. */
export function chainsOf(chain: Uint32Array, rows: number): { row: number; copies: number[] }[] {
  const chains: { row: number; copies: number[] }[] = [];
  let copies: number[] = [];
  for (let row = 0; row < rows; row++) {
    const mark = chain[row]!;
    if (mark === 0) continue;
    if (mark === 1) copies.push(row);
    else {
      chains.push({ row, copies });
      copies = [];
    }
  }
  return chains;
}

/** Each row once for each of its tags, and once under 0 where it has none. @param tags pairs of a group and a tag. */
export function itemsByTag(
  { rows, codes: { tagCount, tag } }: Segment,
  groups: Int32Array,
  tags: Pairs,
  scratch: Scratch,
): Items {
  const most = rows + sumOf(tagCount, rows);
  const [found, of] = [scratch.groupsFor('tagged', most), scratch.groupsFor('tagged rows', most)];
  let [place, size] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const count = tagCount === undefined ? 0 : tagCount[row]!;
    const group = groups[row]!;
    for (let index = 0; group >= 0 && index < Math.max(count, 1); index++) {
      found[size] = tags.indexOf(group, count === 0 ? 0 : tag![place + index]!);
      of[size++] = row;
    }
    place += count;
  }
  return { size, groups: found, of };
}

/** Rows with none of the wanted tags do not count. */
export function leaveUntagged(
  { rows, codes: { tagCount, tag } }: Segment,
  groups: Int32Array,
  wanted: Set<number>,
): void {
  let place = 0;
  for (let row = 0; row < rows; row++) {
    const count = tagCount === undefined ? 0 : tagCount[row]!;
    let isWanted = count === 0 && wanted.has(0);
    for (let index = 0; index < count; index++) if (wanted.has(tag![place + index]!)) isWanted = true;
    if (!isWanted) groups[row] = -1;
    place += count;
  }
}
