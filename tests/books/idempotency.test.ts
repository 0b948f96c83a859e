import { beforeEach, describe, expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import { Idempotency } from '../../src/books/idempotency.ts';
import type { BookClient } from '../../src/books/index.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { expireOutputs } from '../../src/jobs/expire.ts';
import { openSql, type SqlFile } from '../../src/runtime/node/sql.ts';
import type { Row, SqlValue } from '../../src/runtime/ports.ts';
import { noon } from './rows.ts';

const minute = 60_000;
const day = 86_400_000;

describe('answers that are kept', () => {
  let sql: SqlFile;
  let book: Book;
  let now: number;
  let stored: Set<string>;
  /** Objects that cannot be removed now. */
  let stuck: Set<string>;
  let gateway: Gateway;
  beforeEach(() => {
    sql = openSql(':memory:');
    book = new Book(sql);
    book.migrate();
    now = noon;
    stored = new Set();
    stuck = new Set();
    gateway = {
      clock: { now: () => now },
      assets: {
        remove: async (address: string) => {
          if (stuck.has(address)) throw new Error('The store is away.');
          stored.delete(address);
        },
      },
    } as unknown as Gateway;
  });
  const claim = (name: string, keyId = 'key_a', lifeMs?: number) => book.claimRequest(keyId, name, 'same', now, lifeMs);
  const answer = (name: string, address: string, keyId = 'key_a') => {
    stored.add(address);
    book.answerRequest(keyId, name, { status: 200, headers: {}, body: address });
  };
  /** A request that is asked and answered now. */
  const keep = (name: string, address: string, keyId = 'key_a') => {
    expect(claim(name, keyId).state).toBe('new');
    answer(name, address, keyId);
  };
  const look = () =>
    expireOutputs(gateway, {
      tenant: 'main',
      book: new Proxy({} as BookClient, {
        get:
          (_, method: string) =>
          async (...values: unknown[]) =>
            (book as unknown as Record<string, (...values: unknown[]) => unknown>)[method]!(...values),
      }),
    });
  const rows = () => Number(sql.all('SELECT COUNT(*) AS count FROM idempotency')[0]!.count);

  it('are gone after 24 hours, bytes and record, where no age of outputs is configured', async () => {
    keep('old', 'answer_old');
    claim('unanswered');
    now += minute;
    keep('young', 'answer_young');
    now = noon + day;
    await look();
    expect([...stored]).toEqual(['answer_old', 'answer_young']);
    expect(claim('old')).toMatchObject({ state: 'answered' });
    // Looks are an hour apart.
    now += 1;
    await look();
    expect(rows()).toBe(3);
    now = noon + day + 60 * minute;
    await look();
    expect([[...stored], rows()]).toEqual([[], 0]);
  });

  it('of the cache live as long as a caller may ask', async () => {
    keep('equal', 'answer_cached', 'cache');
    now += 30 * day;
    await look();
    expect(claim('equal', 'cache', 30 * day)).toMatchObject({ state: 'answered' });
    now += 60 * minute;
    await look();
    expect([[...stored], rows()]).toEqual([[], 0]);
  });

  it('go however many there are', async () => {
    for (let count = 0; count < 1100; count++) keep(`name ${count}`, `answer_${count}`);
    now += day + 1;
    await look();
    expect([stored.size, rows()]).toEqual([0, 0]);
  });

  it('are found again where their bytes could not be removed', async () => {
    for (const name of ['a', 'b', 'c']) keep(name, `answer_${name}`);
    now += day + 1;
    stuck.add('answer_b');
    await expect(look()).rejects.toThrow('away');
    expect(rows()).toBe(3);
    stuck.clear();
    now += 60 * minute;
    await look();
    expect([stored.size, rows()]).toEqual([0, 0]);
  });

  it('leave nothing behind where a request is made anew, forgotten or answered twice', async () => {
    keep('stale', 'answer_stale', 'cache');
    now += 2 * minute;
    expect(claim('stale', 'cache', minute).state).toBe('new');
    answer('stale', 'answer_fresh', 'cache');
    keep('forgotten', 'answer_forgotten');
    book.forgetRequest('key_a', 'forgotten');
    expect(claim('forgotten').state).toBe('new');
    book.forgetRequest('key_a', 'forgotten');
    keep('twice', 'answer_first');
    answer('twice', 'answer_second');
    answer('nobody asks', 'answer_late');
    expect(claim('twice')).toMatchObject({ answer: { body: 'answer_second' } });
    now += day + 1;
    await look();
    // What the cache still answers with stays.
    expect([[...stored], rows()]).toEqual([['answer_fresh'], 1]);
    expect(claim('stale', 'cache', 2 * day)).toMatchObject({ state: 'answered', answer: { body: 'answer_fresh' } });
  });

  it('stay where a record was made anew between the look and its end', () => {
    keep('again', 'answer_old');
    claim('slow');
    now += day + 1;
    const aged = book.agedRequests(now, 10);
    expect(aged.map(({ name, body }) => [name, body])).toEqual([
      ['again', 'answer_old'],
      ['slow', undefined],
    ]);
    keep('again', 'answer_new');
    answer('slow', 'answer_slow');
    book.removeAgedRequests(aged);
    expect(claim('again')).toMatchObject({ state: 'answered', answer: { body: 'answer_new' } });
    const left = book.agedRequests(now, 10).map(({ body }) => body);
    expect(left.sort()).toEqual(['answer_old', 'answer_slow']);
  });

  it('are found by an index', () => {
    const plans: unknown[] = [];
    const explained = {
      ...sql,
      all: <T extends Row>(text: string, ...values: SqlValue[]) => {
        plans.push(sql.all(`EXPLAIN QUERY PLAN ${text}`, ...values).map((row) => row.detail));
        return sql.all<T>(text, ...values);
      },
    };
    new Idempotency(explained).aged(now, 10);
    const byIndex = [expect.stringContaining('USING INDEX idempotency_aged')];
    expect(plans).toEqual([byIndex, byIndex]);
  });
});
