import type { Row, Sql } from '../runtime/ports.ts';
import {
  allColumns,
  blobOf,
  type Column,
  columns,
  countOf,
  isCode,
  pack,
  type Segment,
  sumOf,
  unpackCodes,
  unpackNumbers,
} from './rollup-columns.ts';
import type { Scratch } from './scratch.ts';

export type StoredSegment = {
  id: number;
  rows: number;
  level: number;
  firstAt: number;
  lastAt: number;
  /** Rows of its summary by part. None where it has no summary. */
  summary?: { summary: number; spans: number; chained: number };
};

const columnsAPart = 64;

/** A segment's attempts; and of a large one also what `summarize` makes of them. */
const parts = ['attempts', 'summary', 'spans', 'chained'] as const;
type Part = (typeof parts)[number];

/** Segments as the book keeps them: a row each, and one for each of their columns. */
export class Segments {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  /** Newest first. Times are those of attempts, in milliseconds. */
  list(most = -1): StoredSegment[] {
    return this.sql
      .all(
        `SELECT id, row_count, level, first_at, last_at, summary_rows, span_rows, chained_rows FROM rollup_segment
         WHERE epoch = (SELECT epoch FROM rollup_state) ORDER BY id DESC LIMIT ?`,
        most,
      )
      .map((row) => ({
        id: Number(row.id),
        rows: Number(row.row_count),
        level: Number(row.level),
        firstAt: Number(row.first_at),
        lastAt: Number(row.last_at),
        ...(Number(row.summary_rows) > 0
          ? {
              summary: {
                summary: Number(row.summary_rows),
                spans: Number(row.span_rows),
                chained: Number(row.chained_rows),
              },
            }
          : {}),
      }));
  }

  /**
   * The wanted columns of a segment; those of a flat column need its count.
   */
  read(stored: StoredSegment, wanted: readonly Column[], part: Part = 'attempts', scratch?: Scratch): Segment {
    const { id, summary } = stored;
    const rows = part === 'attempts' ? stored.rows : (summary?.[part] ?? 0);
    const segment: Segment = { rows, codes: {}, numbers: {} };
    const lengths: Partial<Record<Column, number>> = {};
    const lengthOf = (column: Column): number => {
      const count = countOf[column];
      if (!count) return rows;
      lengths[count] ??= sumOf(segment.codes[count], lengthOf(count));
      return lengths[count];
    };
    const first = numberOf(id, part, allColumns[0]!);
    const rowOf = wanted === columns ? this.all(first) : (number: number) => this.one(number);
    for (const column of allColumns) {
      if (!wanted.includes(column)) continue;
      const number = numberOf(id, part, column);
      const row = scratch ? scratch.rowOf(column, number, rowOf) : rowOf(number);
      if (!row) continue;
      const packed = { kind: Number(row.kind), base: Number(row.base), data: blobOf(row.data) };
      const length = lengthOf(column);
      const room = `${part} ${column}`;
      if (isCode(column)) segment.codes[column] = unpackCodes(packed, length, scratch?.codesFor(room, length));
      else segment.numbers[column] = unpackNumbers(packed, length, scratch?.numbersFor(room, length));
    }
    return segment;
  }

  private one(number: number): Row | undefined {
    return this.sql.all('SELECT kind, base, data FROM rollup_column WHERE id = ?', number)[0];
  }

  /** One question for all columns of a part. */
  private all(first: number): (number: number) => Row | undefined {
    const rows = this.sql.all(
      'SELECT id, kind, base, data FROM rollup_column WHERE id >= ? AND id < ?',
      ...[first, first + columnsAPart],
    );
    const found = new Map(rows.map((row) => [Number(row.id), row]));
    return (number) => found.get(number);
  }

  write(epoch: number, level: number, firstAt: number, lastAt: number, segment: Segment): void {
    const id = Number(this.sql.all('SELECT COALESCE(MAX(id), 0) + 1 AS id FROM rollup_segment')[0]?.id);
    this.sql.run(
      'INSERT INTO rollup_segment (id, epoch, row_count, level, first_at, last_at) VALUES (?, ?, ?, ?, ?, ?)',
      ...[id, epoch, segment.rows, level, firstAt, lastAt],
    );
    this.writePart(id, 'attempts', segment);
  }

  writePart(id: number, part: Part, segment: Segment): void {
    for (const column of allColumns) {
      const values = isCode(column) ? segment.codes[column] : segment.numbers[column];
      const packed = values && pack(values);
      if (!packed) continue;
      const { kind, base, data } = packed;
      this.sql.run(
        'INSERT INTO rollup_column (id, kind, base, data) VALUES (?, ?, ?, ?)',
        ...[numberOf(id, part, column), kind, base, data],
      );
    }
  }

  remove(segment: number): void {
    const first = numberOf(segment, 'attempts', allColumns[0]!);
    this.sql.run('DELETE FROM rollup_column WHERE id >= ? AND id < ?', first, first + parts.length * columnsAPart);
    this.sql.run('DELETE FROM rollup_segment WHERE id = ?', segment);
  }
}

function numberOf(segment: number, part: Part, column: Column): number {
  return (segment * parts.length + parts.indexOf(part)) * columnsAPart + allColumns.indexOf(column);
}
