import { expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import { Jobs } from '../../src/books/jobs.ts';
import { openSql } from '../../src/runtime/node/sql.ts';

const job = { attemptId: 'gen_1.1', generationId: 'gen_1', due: 1_000, leasedUntil: 0, deadline: 9_000_000 };

it.each(['nudge', 'cancel'] as const)(
  'a %s in the millisecond of a claim is not lost to the look that began then',
  (word) => {
    const sql = openSql(':memory:');
    new Book(sql).migrate();
    const jobs = new Jobs(sql);
    jobs.insert(job);
    expect(jobs.claim(5_000, 60_000, 10)).toHaveLength(1);
    expect(word === 'nudge' ? jobs.nudge(job.attemptId, 5_000) : jobs.cancel(job.generationId, 5_000)).toBe(true);
    jobs.again(job.attemptId, 20_000, 0, 5_000);
    expect(jobs.nextDue()).toBe(5_001);
    expect(jobs.claim(5_001, 60_000, 10)).toHaveLength(1);
    // Without a reason it is left alone until its time.
    jobs.again(job.attemptId, 20_000, 0, 5_001);
    expect(jobs.claim(19_999, 60_000, 10)).toEqual([]);
    sql.close();
  },
);
