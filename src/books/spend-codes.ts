import type { CodeColumn, Segment } from './rollup-columns.ts';
import type { NameKind } from './rollup-names.ts';

/** The code of each row, in borrowed memory where it has to be worked out. */
export type CodesOf = (segment: Segment, room: Uint32Array) => Uint32Array;

/** One step of grouping: codes by row, and what they are called. */
export type Level = {
  name: string;
  /** Whose names its codes are, where they are just that. */
  kind?: NameKind;
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

  /** Those of many codes at once, which is sooner done than one by one. */
  each(codes: Uint32Array | undefined, rows: number, room: Int32Array | Uint8Array | Uint32Array): void {
    if (codes === undefined) {
      room.fill(this.at(0), 0, rows);
      return;
    }
    let { values } = this;
    for (let row = 0; row < rows; row++) {
      const code = codes[row]!;
      let value = code < values.length ? values[code]! : -2;
      if (value === -2) {
        value = this.learn(code);
        values = this.values;
      }
      room[row] = value;
    }
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
export function mapped(name: CodeColumn, change: Lazy): CodesOf {
  return ({ rows, codes }, room) => {
    change.each(codes[name], rows, room);
    return room;
  };
}

/** Days or hours since 1970, by their length in milliseconds. */
export function timeCodes(length: number): CodesOf {
  return ({ rows, numbers: { at } }, room) => {
    if (at === undefined) return room.fill(0, 0, rows);
    // What comes one after another is mostly of the same day or hour.
    let [code, from, to] = [0, 0, length];
    for (let row = 0; row < rows; row++) {
      const time = at[row]!;
      if (time < from || time >= to) {
        code = Math.floor(time / length);
        from = code * length;
        to = from + length;
      }
      room[row] = code;
    }
    return room;
  };
}
