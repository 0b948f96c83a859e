import { describe, expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import type { SpendQuery } from '../../src/books/index.ts';
import type { Modality } from '../../src/contract/index.ts';
import { openSql, type SqlFile } from '../../src/runtime/node/sql.ts';
import type { Row, Sql, SqlValue } from '../../src/runtime/ports.ts';
import { ended, keyRow, noon, receiptOf } from './rows.ts';
import { attemptsOf, straight } from './spend-straight.ts';

const count = 60;

/** A book that tells how often attempts with their lines were read. */
function watched(file: SqlFile): { book: Book; reads: () => number } {
  let reads = 0;
  const sql: Sql = {
    ...file,
    all: <T extends Row>(text: string, ...values: SqlValue[]) => {
      const rows = file.all<T>(text, ...values);
      if (text.includes(' lines, ') && text.includes('FROM attempt') && rows.length > 0) reads++;
      return rows;
    },
  };
  const book = new Book(sql);
  book.migrate();
  return { book, reads: () => reads };
}

function begin(book: Book, place: number, number = 1): string {
  const id = `gen_${String(place).padStart(4, '0')}`;
  const modality: Modality = place % 3 ? 'text' : 'image';
  const shared = { keyId: 'key_a', modality, simulated: place % 5 === 0, at: noon + place };
  book.begin(number === 1 ? { id, model: 'house/pen', plain: true, ...shared } : undefined, {
    ...shared,
    id: `${id}.${number}`,
    generationId: id,
    provider: 'house',
    model: `pen-${place % 4}`,
    ...(place % 2 ? { tags: { n: String(place % 7) }, endUser: `user ${place % 3}`, project: 'p' } : {}),
  });
  return `${id}.${number}`;
}

function settle(book: Book, attemptId: string, place: number): void {
  const total = [5n, 2n ** 53n + 3n, 0n, undefined][place % 4];
  const receipt = receiptOf(total, {
    status: total === undefined ? 'unpriced' : total === 0n ? 'not_billable' : 'priced',
  });
  if (place % 6 === 0)
    receipt.lines.push({ meter: 'images', quantity: 2, dims: { size: 'b', quality: 'a' }, amount: 0n });
  book.settle({
    ...{ attemptId, at: noon, outcome: place % 11 ? 'succeeded' : 'provider_error', receipt },
    ...(place % 4 === 0 ? { charge: 9n } : {}),
  });
}

const columnsOf = (sql: SqlFile) =>
  sql.all('SELECT id % 256 AS name, kind, base, hex(data) AS data FROM rollup_column ORDER BY id');
const segmentsOf = (sql: SqlFile) => sql.all('SELECT row_count, first_at, last_at FROM rollup_segment ORDER BY id');
const everything: SpendQuery = { groupBy: ['model', 'user'], simulated: 'include' };

describe('attempts that began and ended a moment ago', () => {
  it('are taken into the columns without being read, as they would be read', () => {
    const [sql, other] = [openSql(':memory:'), openSql(':memory:')];
    const { book, reads } = watched(sql);
    book.createKey(keyRow('key_a'));
    for (let place = 0; place < count; place++) settle(book, begin(book, place), place);
    while (book.rollUp(count, 0));
    expect(reads()).toBe(0);

    const first = watched(other);
    first.book.createKey(keyRow('key_a'));
    for (let place = 0; place < count; place++) settle(first.book, begin(first.book, place), place);
    const second = watched(other);
    while (second.book.rollUp(count, 0));
    expect(second.reads()).toBeGreaterThan(0);
    expect(segmentsOf(sql)).toEqual([expect.objectContaining({ row_count: count })]);
    expect(segmentsOf(sql)).toEqual(segmentsOf(other));
    expect(columnsOf(sql)).toEqual(columnsOf(other));
    expect(sql.all('SELECT kind, text, code FROM rollup_name ORDER BY 1, 3')).toEqual(
      other.all('SELECT kind, text, code FROM rollup_name ORDER BY 1, 3'),
    );
  });

  it('are read where they came to countable results, which only the book knows', () => {
    const sql = openSql(':memory:');
    const { book, reads } = watched(sql);
    book.createKey(keyRow('key_a'));
    for (let place = 0; place < count; place++) {
      const attemptId = begin(book, place);
      if (place !== 7) settle(book, attemptId, place);
      else {
        const units = { images: 3 };
        book.settle(
          { attemptId, at: noon, outcome: 'succeeded', receipt: receiptOf(1n) },
          ended('gen_0007', { units }),
        );
      }
    }
    while (book.rollUp(count, 0));
    expect(reads()).toBe(1);
    const { rows } = book.spend({ groupBy: [], simulated: 'include' });
    expect(rows[0]?.units.images).toBe(3);
  });

  it('are forgotten where what was written of them is undone', () => {
    const sql = openSql(':memory:');
    const { book } = watched(sql);
    book.createKey(keyRow('key_a'));
    const ids = Array.from({ length: count }, (_, place) => begin(book, place));
    sql.begin();
    for (const [place, id] of ids.entries()) settle(book, id, place);
    sql.rollback();
    book.rolledBack();
    // Another process ends them otherwise.
    const elsewhere = new Book(sql);
    for (const [place, id] of ids.entries()) settle(elsewhere, id, place + 1);
    while (book.rollUp(count, 0));
    const { total } = book.spend(everything);
    expect(total).toEqual(straight(attemptsOf(sql), everything).total);
    expect(total.open).toBe(0);
  });

  it('are still told apart where a generation goes on with a second attempt', () => {
    const sql = openSql(':memory:');
    const { book } = watched(sql);
    book.createKey(keyRow('key_a'));
    for (let place = 0; place < count; place++) {
      settle(book, begin(book, place), place);
      if (place % 5 === 0) settle(book, begin(book, place, 2), place + 1);
    }
    while (book.rollUp(9, 0));
    const { total } = book.spend(everything);
    expect(total).toEqual(straight(attemptsOf(sql), everything).total);
    expect(total.generations).toBe(count);
  });
});
