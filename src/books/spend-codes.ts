import type { CodeColumn, Segment } from './rollup-columns.ts';

/** The code of each row, in borrowed memory where it has to be worked out. */
export type CodesOf = (segment: Segment, room: Uint32Array) => Uint32Array;

/** One step of grouping: codes by row, and what they are called. */
export type Level = {
  name: string;
  codesOf: CodesOf;
  text(code: number): string;
};

/** Numbers by code, each found out once. */
export class Lazy {
  private values = new Int32Array(256).fill(-2);
  private readonly find: (code: number) => number;

  constructor(find: (code: number) => number) {
    this.find = find;
  }

  at(code: number): number {
    const value = code < this.values.length ? this.values[code]! : -2;
    return value === -2 ? this.learn(code) : value;
  }

  private learn(code: number): number {
    if (code >= this.values.length) {
      const longer = new Int32Array(Math.max(code + 1, this.values.length * 2)).fill(-2);
      longer.set(this.values);
      this.values = longer;
    }
    const value = this.find(code);
    this.values[code] = value;
    return value;
  }
}

export function column(name: CodeColumn): CodesOf {
  return ({ rows, codes }, room) => codes[name] ?? room.fill(0, 0, rows);
}

/** A column's codes as others. */
export function mapped(name: CodeColumn, change: (code: number) => number): CodesOf {
  return ({ rows, codes }, room) => {
    const from = codes[name];
    if (!from) return room.fill(change(0), 0, rows);
    for (let row = 0; row < rows; row++) room[row] = change(from[row]!);
    return room;
  };
}

/** Days or hours since 1970, by their length in milliseconds. */
export function timeCodes(length: number): CodesOf {
  return ({ rows, numbers: { at } }, room) => {
    for (let row = 0; row < rows; row++) room[row] = at === undefined ? 0 : Math.floor(at[row]! / length);
    return room;
  };
}
