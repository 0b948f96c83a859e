import type { SqlValue } from '../runtime/ports.ts';

/**
 * Columns that hold codes of names, counts and marks. `chain` is 0 for the only attempt of its generation so far, 1 for a copy of an
 * earlier one, 2 where copies of its earlier ones stand before it. The last three are flat: as many values as the row's count says.
 */
export const codeColumns = [
  'cell',
  'key',
  'project',
  'user',
  'workflow',
  'parent',
  'chain',
  'tagCount',
  'unitCount',
  'lineCount',
  'tag',
  'unit',
  'sku',
] as const;

/**
 * Codes and counts of a summary's rows, which stand for many attempts each: percentiles as spans with how often they were met, of the
 * attempts' costs, of their units' and of their meters'.
 */
export const summaryCodeColumns = [
  'attempts',
  'spanCount',
  'span',
  'spanTimes',
  'unitSpanCount',
  'unitSpan',
  'unitSpanTimes',
  'meterCount',
  'meterSku',
  'meterAttempts',
  'meterUnpriced',
  'meterSpanCount',
  'meterSpan',
  'meterSpanTimes',
  'meterUnitSpanCount',
  'meterUnitSpan',
  'meterUnitSpanTimes',
] as const;
export type CodeColumn = (typeof codeColumns)[number] | (typeof summaryCodeColumns)[number];

/** Columns that hold times, quantities, and money: whole pico-dollars below 2^52, and beside them multiples of 2^52. */
export const numberColumns = [
  'at',
  'cost',
  'costHigh',
  'markup',
  'markupHigh',
  'avoided',
  'avoidedHigh',
  'unitQuantity',
  'lineQuantity',
  'lineAmount',
  'lineAmountHigh',
] as const;

export const summaryNumberColumns = [
  'spanMost',
  'unitSpanMost',
  'meterQuantity',
  'meterCost',
  'meterCostHigh',
  'meterMarkup',
  'meterMarkupHigh',
  'meterAvoided',
  'meterAvoidedHigh',
  'meterSpanMost',
  'meterUnitSpanMost',
] as const;
export type NumberColumn = (typeof numberColumns)[number] | (typeof summaryNumberColumns)[number];
export type Column = CodeColumn | NumberColumn;

/** Columns of attempts; then all of them, stored under their places: a name's place never changes. */
export const columns: readonly Column[] = [...codeColumns, ...numberColumns];
export const allColumns: readonly Column[] = [...columns, ...summaryCodeColumns, ...summaryNumberColumns];
const codes = new Set<string>([...codeColumns, ...summaryCodeColumns]);

export function isCode(column: Column): column is CodeColumn {
  return codes.has(column);
}

/** The count that says how long a flat column is; the others are as long as there are rows. */
export const countOf: Partial<Record<Column, CodeColumn>> = {
  tag: 'tagCount',
  unit: 'unitCount',
  unitQuantity: 'unitCount',
  sku: 'lineCount',
  lineQuantity: 'lineCount',
  lineAmount: 'lineCount',
  lineAmountHigh: 'lineCount',
  ...counted('spanCount', ['span', 'spanTimes', 'spanMost']),
  unitSpanCount: 'unitCount',
  ...counted('unitSpanCount', ['unitSpan', 'unitSpanTimes', 'unitSpanMost']),
  ...counted('meterCount', ['meterSku', 'meterAttempts', 'meterUnpriced', 'meterQuantity']),
  ...counted('meterCount', ['meterCost', 'meterCostHigh', 'meterMarkup', 'meterMarkupHigh']),
  ...counted('meterCount', ['meterAvoided', 'meterAvoidedHigh', 'meterSpanCount', 'meterUnitSpanCount']),
  ...counted('meterSpanCount', ['meterSpan', 'meterSpanTimes', 'meterSpanMost']),
  ...counted('meterUnitSpanCount', ['meterUnitSpan', 'meterUnitSpanTimes', 'meterUnitSpanMost']),
};

function counted(count: CodeColumn, names: Column[]): Partial<Record<Column, CodeColumn>> {
  return Object.fromEntries(names.map((name) => [name, count]));
}

/** Attempts by columns. A column that is not there is all zeros; one in borrowed memory may be longer than it says. */
export type Segment = {
  rows: number;
  codes: Partial<Record<CodeColumn, Uint32Array>>;
  numbers: Partial<Record<NumberColumn, Float64Array>>;
};

export type Packed = { kind: number; base: number; data: Uint8Array };

/** One value for all; whole numbers of 1, 2 and 4 bytes above a base; doubles. */
const [constant, byte, short, word, double] = [0, 1, 2, 3, 4];

/** A column in as few bytes as hold it exactly; undefined where all of it is zero. */
export function pack(values: ArrayLike<number>): Packed | undefined {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let isWhole = true;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (value < least) least = value;
    if (value > most) most = value;
    if (!Number.isInteger(value)) isWhole = false;
  }
  if (values.length === 0 || (least === 0 && most === 0)) return undefined;
  const bytes = (array: Uint8Array | Uint16Array | Uint32Array | Float64Array) =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (!isWhole || !Number.isSafeInteger(least) || most - least > 0xffffffff) {
    return { kind: double!, base: 0, data: bytes(Float64Array.from(values)) };
  }
  if (most === least) return { kind: constant!, base: least, data: new Uint8Array(1) };
  // Small ones need no base: reading them is one copy.
  const base = least >= 0 && most <= 0xffff ? 0 : least;
  const span = most - base;
  const kind = span <= 0xff ? byte! : span <= 0xffff ? short! : word!;
  const packed = new [Uint8Array, Uint16Array, Uint32Array][kind - 1]!(values.length);
  for (let index = 0; index < values.length; index++) packed[index] = values[index]! - base;
  return { kind, base, data: bytes(packed) };
}

/** What `pack` packed, as codes. @param room taken where the codes have to be written somewhere. */
export function unpackCodes(packed: Packed, length: number, room?: Uint32Array): Uint32Array {
  const { kind, base, data } = packed;
  if (kind === word && base === 0) return valuesOf(kind, data) as Uint32Array;
  const codes = room ?? new Uint32Array(length);
  if (kind === constant) return codes.fill(base, 0, length);
  codes.set(valuesOf(kind, data));
  if (base !== 0) for (let index = 0; index < length; index++) codes[index]! += base;
  return codes;
}

/** What `pack` packed, as numbers. @param room taken where they have to be written somewhere. */
export function unpackNumbers(packed: Packed, length: number, room?: Float64Array): Float64Array {
  const { kind, base, data } = packed;
  if (kind === double) return valuesOf(kind, data) as Float64Array;
  const numbers = room ?? new Float64Array(length);
  if (kind === constant) return numbers.fill(base, 0, length);
  numbers.set(valuesOf(kind, data));
  if (base !== 0) for (let index = 0; index < length; index++) numbers[index]! += base;
  return numbers;
}

function valuesOf(
  kind: number,
  { buffer, byteOffset }: Uint8Array,
): Uint8Array | Uint16Array | Uint32Array | Float64Array {
  const types = [Uint8Array, Uint16Array, Uint32Array, Float64Array] as const;
  return new types[kind - 1]!(buffer as ArrayBuffer, byteOffset);
}

/** A blob as both runtimes give it, aligned for reading. */
export function blobOf(value: SqlValue | ArrayBuffer | undefined): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  const bytes = value as Uint8Array;
  return bytes.byteOffset % 8 === 0 && bytes.byteOffset + bytes.length === bytes.buffer.byteLength
    ? bytes
    : bytes.slice();
}

/** Several segments as one, in their order. */
export function join(segments: readonly Segment[]): Segment {
  const whole: Segment = { rows: segments.reduce((sum, one) => sum + one.rows, 0), codes: {}, numbers: {} };
  const lengths = (column: Column) => {
    const count = countOf[column];
    return segments.map((one) => (count ? sumOf(one.codes[count], one.rows) : one.rows));
  };
  const fill = <Values extends Uint32Array | Float64Array>(
    parts: (Values | undefined)[],
    sizes: number[],
    make: (length: number) => Values,
  ): Values | undefined => {
    if (parts.every((part) => part === undefined)) return undefined;
    const all = make(sizes.reduce((sum, size) => sum + size, 0));
    let place = 0;
    for (const [index, part] of parts.entries()) {
      if (part) all.set(part, place);
      place += sizes[index]!;
    }
    return all;
  };
  for (const column of codeColumns) {
    const parts = segments.map((one) => one.codes[column]);
    whole.codes[column] = fill(parts, lengths(column), (length) => new Uint32Array(length));
  }
  for (const column of numberColumns) {
    const parts = segments.map((one) => one.numbers[column]);
    whole.numbers[column] = fill(parts, lengths(column), (length) => new Float64Array(length));
  }
  return whole;
}

export function sumOf(counts: Uint32Array | undefined, rows: number): number {
  let sum = 0;
  if (counts) for (let row = 0; row < rows; row++) sum += counts[row]!;
  return sum;
}

/**
 * A segment of attempts in pieces of about so many rows, without copying. An attempt stays with the copies that stand before it.
 */
export function* slices(segment: Segment, size: number): Generator<Segment> {
  const { rows, codes, numbers } = segment;
  if (rows <= size) {
    yield segment;
    return;
  }
  const places = { tagCount: 0, unitCount: 0, lineCount: 0 };
  const there = columns.filter((column) => (isCode(column) ? codes[column] : numbers[column]) !== undefined);
  for (let from = 0; from < rows; ) {
    let to = Math.min(from + size, rows);
    while (to < rows && codes.chain !== undefined && codes.chain[to - 1] === 1) to++;
    const ends = { ...places };
    for (const count of ['tagCount', 'unitCount', 'lineCount'] as const) {
      ends[count] += sumOf(codes[count]?.subarray(from, to), to - from);
    }
    const slice: Segment = { rows: to - from, codes: {}, numbers: {} };
    for (const column of there) {
      const count = countOf[column] as keyof typeof places | undefined;
      const [start, end] = count === undefined ? [from, to] : [places[count], ends[count]];
      if (isCode(column)) slice.codes[column] = codes[column]?.subarray(start, end);
      else slice.numbers[column] = numbers[column]?.subarray(start, end);
    }
    yield slice;
    Object.assign(places, ends);
    from = to;
  }
}

/** The rows that are wanted, of a segment of attempts. */
export function chosenRows(segment: Segment, wanted: (row: number) => boolean): Segment {
  const rows: number[] = [];
  for (let row = 0; row < segment.rows; row++) if (wanted(row)) rows.push(row);
  const chosen: Segment = { rows: rows.length, codes: {}, numbers: {} };
  const places = new Map<CodeColumn | undefined, number[]>([[undefined, rows]]);
  for (const count of ['tagCount', 'unitCount', 'lineCount'] as const) {
    const found: number[] = [];
    const counts = segment.codes[count];
    let place = 0;
    for (let row = 0, next = 0; counts && row < segment.rows; row++) {
      if (rows[next] === row) {
        for (let index = 0; index < counts[row]!; index++) found.push(place + index);
        next++;
      }
      place += counts[row]!;
    }
    places.set(count, found);
  }
  for (const column of columns) {
    const from = places.get(countOf[column]) ?? [];
    if (isCode(column)) {
      const values = segment.codes[column];
      if (values) chosen.codes[column] = Uint32Array.from(from, (place) => values[place]!);
    } else {
      const values = segment.numbers[column];
      if (values) chosen.numbers[column] = Float64Array.from(from, (place) => values[place]!);
    }
  }
  return chosen;
}
