import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import type { JsonObject } from '../../src/contract/index.ts';
import { openSql, type SqlFile } from '../../src/runtime/node/sql.ts';
import { begun, ended, keyRow, noon, receiptOf, temporaryFolder } from './rows.ts';

/** Bytes that a row of a Durable Object has at most. */
const mostOfARow = 2_000_000;
let folder: ReturnType<typeof temporaryFolder>;
let file: SqlFile;
let book: Book;
beforeEach(() => {
  folder = temporaryFolder();
  file = openSql(folder.file);
  book = new Book(file);
  book.migrate();
  book.createKey(keyRow('key_a'));
});
afterEach(() => {
  file.close();
  folder.remove();
});

function longestRow(table: string): number {
  const own = new DatabaseSync(folder.file);
  const columns = own.prepare(`SELECT name FROM pragma_table_info('${table}')`).all();
  const sum = columns.map(({ name }) => `COALESCE(length(CAST(${name} AS BLOB)), 0)`).join(' + ');
  const row = own.prepare(`SELECT MAX(${sum}) AS bytes, COUNT(*) AS rows FROM ${table}`).get();
  own.close();
  return Number(row?.bytes ?? 0);
}

// Letters of one, three and four bytes; the last ones are two units each, at every place of a cut.
it.each(['x', '界', '🎨', 'x🎨'])('a long conversation of %s is kept in rows that a Durable Object takes', (letter) => {
  const text = letter.repeat(Math.ceil(1_500_000 / letter.length));
  const items = [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }];
  const record = { id: 'resp_1', keyId: 'key_a', provider: '', at: noon, input: items, context: items };
  const body = { id: 'resp_1', output: [{ text }] };
  book.saveResponse({ ...record, status: 'queued', body: { id: 'resp_1' } });
  book.saveResponse({ ...record, status: 'completed', body });
  // An ended one is not overwritten, nor what is too long for its row.
  book.saveResponse({ ...record, status: 'failed', body: { id: 'resp_1', output: [{ text: `no ${text}` }] } });
  expect(book.response('resp_1', 'key_a')).toEqual({ ...record, status: 'completed', body });
  for (const table of ['response', 'long_text']) {
    expect(longestRow(table)).toBeGreaterThan(0);
    expect(longestRow(table)).toBeLessThan(mostOfARow);
  }
  expect(book.removeResponse('resp_1', 'key_a')).toBe(true);
  expect(longestRow('long_text')).toBe(0);
});

it('long outputs of a generation are told whole, and go with it', () => {
  const outputs: JsonObject[] = [
    { type: 'text', text: '界'.repeat(900_000) },
    { type: 'image', asset: 'asset_main_1' },
  ];
  book.begin(...begun({ id: 'gen_1' }), {});
  book.settle(
    { attemptId: 'gen_1.1', at: noon, outcome: 'succeeded', receipt: receiptOf(1n) },
    ended('gen_1', { outputs }),
  );
  expect(book.generation('gen_1')?.outputs).toEqual(outputs);
  expect(book.listGenerations({ limit: 1 }).data[0]?.outputs).toEqual(outputs);
  expect(longestRow('generation')).toBeLessThan(mostOfARow);
  expect(book.removeGeneration('gen_1')).toBe(true);
  expect(longestRow('long_text')).toBe(0);
});
