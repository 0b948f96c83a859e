import { beforeEach, describe, expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import { type SpendQuery, spendGroups } from '../../src/books/spend.ts';
import type { Receipt } from '../../src/contract/index.ts';
import { openSql } from '../../src/runtime/node/sql.ts';
import { begun, ended, keyRow, noon, receiptOf, type Work } from './rows.ts';

const day = 86_400_000;

describe('spend', () => {
  let book: Book;
  beforeEach(() => {
    book = new Book(openSql(':memory:'));
    book.migrate();
    for (const id of ['key_a', 'key_b']) book.createKey(keyRow(id));
  });
  const did = (work: Work, total: bigint | undefined, units?: Record<string, number>, more: Partial<Receipt> = {}) => {
    book.begin(...begun(work));
    const receipt = receiptOf(total, more);
    book.settle({ attemptId: `${work.id}.1`, at: noon, outcome: 'succeeded', receipt }, ended(work.id, { units }));
  };
  const ask = (query: Partial<SpendQuery> = {}) =>
    book.spend({ groupBy: ['modality'], simulated: 'include', ...query });
  const table = (groupBy: SpendQuery['groupBy'], query: Partial<SpendQuery> = {}) =>
    ask({ groupBy, ...query }).rows.map((row) => [...groupBy.map((group) => row.group[group]), row.costPico]);

  const fill = () => {
    did({ id: 'gen_1', tags: { team: 'sea', job: 'map' } }, 100n);
    did({ id: 'gen_2', keyId: 'key_b', model: 'quill', at: noon + day, tags: { team: 'sea' } }, 20n);
    did({ id: 'gen_3', modality: 'image', provider: 'other', model: 'canvas', at: noon + day }, 3n, { images: 2 });
  };

  it('groups by each of its groups, and every table adds up to the total', () => {
    fill();
    expect(table(['modality'])).toEqual([
      ['image', 3n],
      ['text', 120n],
    ]);
    expect(table(['provider'])).toEqual([
      ['house', 120n],
      ['other', 3n],
    ]);
    expect(table(['model'])).toEqual([
      ['house/pen', 100n],
      ['house/quill', 20n],
      ['other/canvas', 3n],
    ]);
    expect(table(['key'])).toEqual([
      ['key_a', 103n],
      ['key_b', 20n],
    ]);
    expect(table(['day'])).toEqual([
      ['2026-11-22', 100n],
      ['2026-11-23', 23n],
    ]);
    expect(table(['modality', 'day'])).toEqual([
      ['image', '2026-11-23', 3n],
      ['text', '2026-11-22', 100n],
      ['text', '2026-11-23', 20n],
    ]);
    for (const group of spendGroups) {
      const answer = ask({ groupBy: [group] });
      expect(answer.totalPico).toBe(123n);
      if (group === 'tag') continue;
      expect(answer.rows.reduce((sum, row) => sum + row.costPico, 0n)).toBe(123n);
      expect(answer.rows.reduce((sum, row) => sum + row.generations, 0)).toBe(3);
    }
    expect(ask({ groupBy: [] })).toMatchObject({ rows: [{ group: {}, generations: 3, attempts: 3, costPico: 123n }] });
  });

  it('counts a generation under each of its tags, the untagged under none, the total once', () => {
    fill();
    expect(table(['tag'])).toEqual([
      ['', 3n],
      ['job=map', 100n],
      ['team=sea', 120n],
    ]);
    expect(table(['tag', 'modality'])).toEqual([
      ['', 'image', 3n],
      ['job=map', 'text', 100n],
      ['team=sea', 'text', 120n],
    ]);
    expect(ask({ groupBy: ['tag'] }).totalPico).toBe(123n);
  });

  it('is not misled by what tags and names hold', () => {
    did({ id: 'gen_1', tags: { "a'; DROP TABLE ledger; --": '"x"=y', '': '' } }, 1n);
    did({ id: 'gen_2', model: "it's" }, 2n);
    expect(table(['tag'])).toEqual([
      ['', 2n],
      ['=', 1n],
      [`a'; DROP TABLE ledger; --="x"=y`, 1n],
    ]);
    expect(ask().totalPico).toBe(3n);
  });

  it('keeps real and simulated apart', () => {
    did({ id: 'gen_1' }, 10n);
    did({ id: 'gen_2', simulated: true }, 7n);
    expect(ask({ simulated: 'exclude' }).totalPico).toBe(10n);
    expect(ask({ simulated: 'only' }).totalPico).toBe(7n);
    expect(ask({ simulated: 'include' }).totalPico).toBe(17n);
  });

  it('counts from a time until another, the latter exclusive', () => {
    fill();
    expect(ask({ from: noon, to: noon + day }).totalPico).toBe(100n);
    expect(ask({ from: noon + 1 }).totalPico).toBe(23n);
    expect(ask({ to: noon })).toMatchObject({ rows: [], totalPico: 0n });
    expect(ask({ keyId: 'key_b' }).totalPico).toBe(20n);
    expect(ask({ keyId: 'key_z' })).toMatchObject({ rows: [], totalPico: 0n });
  });

  it('adds units once, whatever they are grouped by', () => {
    did({ id: 'gen_1', modality: 'speech', tags: { a: '1', b: '2' } }, 1n, { seconds: 1.5, characters: 30 });
    did({ id: 'gen_2', modality: 'speech' }, 1n, { seconds: 2.25, characters: 12 });
    expect(ask().rows[0]!.units).toMatchObject({ seconds: 3.75, characters: 42, tokens: 2000 });
    const tagged = ask({ groupBy: ['tag'] }).rows;
    expect(tagged.map((row) => [row.group.tag, row.units.seconds])).toEqual([
      ['', 2.25],
      ['a=1', 1.5],
      ['b=2', 1.5],
    ]);
  });

  it('shows what has no price and what is estimated, and never as zero', () => {
    did({ id: 'gen_1' }, undefined);
    did({ id: 'gen_2' }, 5n, undefined, { status: 'partially_unpriced' });
    did({ id: 'gen_3' }, 5n, undefined, { status: 'priced_estimated' });
    expect(ask().rows).toMatchObject([{ attempts: 3, unpriced: 2, estimated: 1, costPico: 10n }]);
  });

  it('is exact beyond what a float can hold', () => {
    const big = 2n ** 53n + 1n;
    for (let count = 0; count < 5; count++) did({ id: `gen_${count}` }, big);
    expect(ask().totalPico).toBe(5n * big);
    expect(ask().rows[0]!.costPico).toBe(5n * big);
    expect(book.generation('gen_0')!.attempts[0]!.receipt!.total).toBe(big);
    did({ id: 'gen_9', modality: 'video' }, 2n ** 62n);
    expect(table(['modality'])).toEqual([
      ['text', 5n * big],
      ['video', 2n ** 62n],
    ]);
    expect(ask().totalPico).toBe(2n ** 62n + 5n * big);
  });

  it('leaves out what has not ended, and counts what was free', () => {
    book.begin(...begun({ id: 'gen_1' }));
    did({ id: 'gen_2' }, 0n, undefined, { status: 'free' });
    expect(ask().rows).toMatchObject([{ attempts: 2, unpriced: 0, estimated: 0, costPico: 0n }]);
    expect(ask().totalPico).toBe(0n);
  });
});
