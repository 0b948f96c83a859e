import type { Row } from '../runtime/ports.ts';

/** Bytes of stored columns that are kept for a second reading. */
const mostKept = 32 * 1024 * 1024;

/** Arrays that are used again and again: fresh memory costs more than filling it. What is in them is left over from before. */
export class Scratch {
  private readonly codes = new Map<string, Uint32Array<ArrayBuffer>>();
  private readonly numbers = new Map<string, Float64Array<ArrayBuffer>>();
  private readonly groups = new Map<string, Int32Array<ArrayBuffer>>();
  private readonly bytes = new Map<string, Uint8Array<ArrayBuffer>>();

  /** Rows of the book that are read twice, by number; and the columns that they are of. */
  private readonly rows = new Map<number, Row | undefined>();
  private keptBytes = 0;
  keeping: readonly string[] = [];

  /** A column's row, kept for the second reading where that is wanted and there is room. */
  rowOf(column: string, number: number, read: (number: number) => Row | undefined): Row | undefined {
    if (!this.keeping.includes(column)) return read(number);
    if (this.rows.has(number)) return this.rows.get(number);
    const row = read(number);
    const bytes = (row?.data as Uint8Array | undefined)?.byteLength ?? 0;
    if (this.keptBytes + bytes > mostKept) return row;
    this.keptBytes += bytes;
    this.rows.set(number, row);
    return row;
  }

  /** @returns an array of at least that length. */
  codesFor(use: string, length: number): Uint32Array<ArrayBuffer> {
    return fitting(this.codes, use, length, (size) => new Uint32Array(size));
  }

  numbersFor(use: string, length: number): Float64Array<ArrayBuffer> {
    return fitting(this.numbers, use, length, (size) => new Float64Array(size));
  }

  groupsFor(use: string, length: number): Int32Array<ArrayBuffer> {
    return fitting(this.groups, use, length, (size) => new Int32Array(size));
  }

  bytesFor(use: string, length: number): Uint8Array<ArrayBuffer> {
    return fitting(this.bytes, use, length, (size) => new Uint8Array(size));
  }
}

function fitting<Values extends { length: number }>(
  all: Map<string, Values>,
  use: string,
  length: number,
  make: (size: number) => Values,
): Values {
  let found = all.get(use);
  if (found === undefined || found.length < length) {
    found = make(Math.max(length, 32_768));
    all.set(use, found);
  }
  return found;
}
