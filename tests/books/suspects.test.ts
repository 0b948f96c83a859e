import { beforeEach, describe, expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import { mostTries } from '../../src/gateway/strays.ts';
import { openSql } from '../../src/runtime/node/sql.ts';
import { begun, ended, keyRow, noon, receiptOf } from './rows.ts';

const minute = 60_000;

describe('jobs whose looks did not come back', () => {
  let book: Book;
  let now: number;
  beforeEach(() => {
    book = new Book(openSql(':memory:'));
    book.migrate();
    book.createKey(keyRow('key_a'));
    now = noon;
    for (let count = 10; count < 30; count++) {
      const [generation, attempt] = begun({ id: `gen_${count}`, modality: 'video' });
      book.begin(generation, attempt, { job: { leasedUntil: noon, deadline: noon + 60 * minute } });
      book.submitted(attempt.id, generation.id, { job: count }, noon);
    }
  });
  const claim = () => book.claimWork(now, 10 * minute, 64, 60 * minute).jobs.map(({ job }) => job);
  const comesBack = (job: ReturnType<typeof claim>[number]) => book.lookAgain(job, now + 1_000, 0, now);

  it('are looked at a few at a time, and then one by one', () => {
    expect(claim()).toHaveLength(20);
    book.takeOver(now, now);
    const few = claim();
    expect(few.map(({ tries }) => tries)).toEqual([1, 1, 1, 1]);
    expect(claim()).toEqual([]);
    comesBack(few[0]!);
    expect(claim()).toHaveLength(1);
    book.takeOver(now, now);
    const one = claim();
    // The one that came back is as good as any.
    expect(one.map(({ tries }) => tries)).toEqual([0, 2]);
    expect(claim()).toEqual([]);
    for (const job of one) comesBack(job);
    expect(claim().map(({ tries }) => tries)).toEqual([2]);
  });

  it('are given up where they end their process each time, and nobody else is', () => {
    const poison = 'gen_17.1';
    const buried: string[] = [];
    let starts = 0;
    while (buried.length === 0 && starts++ < 20) {
      book.takeOver(++now, now);
      for (let jobs = claim(); jobs.length > 0; jobs = claim()) {
        // All at once: whoever is looked at beside it goes down with it.
        for (const job of jobs) if (job.tries >= mostTries) buried.push(job.attemptId);
        if (buried.length > 0 || jobs.some(({ attemptId }) => attemptId === poison)) break;
        for (const job of jobs) comesBack(job);
      }
    }
    expect(buried).toEqual([poison]);
    // Looked at together, with three others, and twice alone.
    expect(starts).toBeLessThanOrEqual(5);
    const failed = { outcome: 'outcome_unknown', receipt: receiptOf(1n) };
    book.settle({ attemptId: poison, at: now, ...failed }, ended('gen_17', { status: 'failed' }));
    now += 2_000;
    const others = new Set<string>();
    for (let jobs = claim(); jobs.length > 0; jobs = claim()) {
      for (const job of jobs) comesBack(job);
      for (const { attemptId, tries } of jobs) if (tries < mostTries) others.add(attemptId);
      now += 2_000;
      if (others.size === 19) break;
    }
    expect([others.size, others.has(poison)]).toEqual([19, false]);
  });
});
