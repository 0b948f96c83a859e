import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BookClient } from '../../src/books/index.ts';
import { durableBooks } from '../../src/runtime/workers/books.ts';
import { begun, keyRow } from '../books/rows.ts';

vi.mock('cloudflare:workers', () => ({
  DurableObject: class {
    protected readonly ctx: unknown;
    protected readonly env: unknown;
    constructor(ctx: unknown, env: unknown) {
      this.ctx = ctx;
      this.env = env;
    }
  },
}));
const { TenantBook } = await import('../../src/runtime/workers/tenant-book.ts');

const now = 1_800_000_000_000;
const patience = 1_500_000;

/** A Durable Object's own storage, as far as a book needs it. It outlives the object. */
function storage() {
  const file = new DatabaseSync(':memory:');
  const kept = new Map<string, unknown>();
  const state = { alarm: null as number | null };
  return {
    state,
    file,
    sql: {
      exec: (text: string, ...values: (string | number | null)[]) => {
        if (values.length === 0 && !/^\s*SELECT/.test(text)) {
          file.exec(text);
          return { toArray: () => [], one: () => ({}) };
        }
        const rows = file.prepare(text).all(...values);
        return { toArray: () => rows, one: () => rows[0] };
      },
    },
    kv: { get: (name: string) => kept.get(name), put: (name: string, value: unknown) => void kept.set(name, value) },
    getAlarm: async () => state.alarm,
    setAlarm: async (at: number) => {
      state.alarm = at;
    },
    transactionSync: <T>(work: () => T): T => {
      file.exec('SAVEPOINT one');
      try {
        const value = work();
        file.exec('RELEASE one');
        return value;
      } catch (thrown) {
        file.exec('ROLLBACK TO one; RELEASE one');
        throw thrown;
      }
    },
  };
}

let store: ReturnType<typeof storage>;
let work: (book: BookClient) => Promise<void>;
const errors = vi.spyOn(console, 'error').mockImplementation(() => {});
beforeEach(() => {
  vi.useFakeTimers({ now });
  store = storage();
  work = async () => {};
});
afterEach(() => {
  vi.useRealTimers();
  errors.mockClear();
});

class Tested extends TenantBook {
  protected readonly patience = patience;
  protected work(_: string, book: BookClient): Promise<void> {
    return work(book);
  }
}

async function start(): Promise<Tested> {
  const starting: Promise<unknown>[] = [];
  const ctx = {
    storage: store,
    blockConcurrencyWhile: (ready: () => Promise<void>) => void starting.push(ready()),
    waitUntil: () => {},
  };
  const made = new Tested(ctx as never, {});
  await Promise.all(starting);
  return made;
}

const clientOf = (object: Tested, founder = 'main') =>
  durableBooks({ idFromName: (name) => name, get: () => object }, founder).of('main');

async function founded() {
  const object = await start();
  const book = clientOf(object);
  await book.createKey(keyRow('key_a'));
  return { object, book };
}

describe("a tenant's object", () => {
  it('keeps nothing for a tenant that is not the operator’s and has no book', async () => {
    const object = await start();
    const book = clientOf(object, 'somebody else');
    await expect(book.authorize('hash', now)).rejects.toMatchObject({ code: 'invalid_api_key' });
    await expect(book.setting('secret', 'x')).rejects.toMatchObject({ code: 'invalid_api_key' });
    expect(store.file.prepare('SELECT name FROM sqlite_master').all()).toEqual([]);
    // The operator's own is there from its first call on, for whoever asks.
    await clientOf(object).createKey(keyRow('key_a'));
    expect(await book.setting('secret', 'x')).toBe('x');
  });

  it('rings an hour ahead where nothing is due, and earlier for what has begun', async () => {
    const { object, book } = await founded();
    await book.begin(...begun({ id: 'gen_1', at: now }), {});
    expect(store.state.alarm).toBe(now + patience);
    await book.begin(...begun({ id: 'gen_2', at: now }), {
      job: { leasedUntil: now + 450_000, deadline: now + 900_000 },
    });
    expect(store.state.alarm).toBe(now + 450_000);
    store.file.exec("DELETE FROM job; UPDATE attempt SET state = 'released'");
    await object.alarm();
    expect(store.state.alarm).toBe(now + 3_600_000);
    // What begins while the alarm stands far off draws it nearer.
    await book.begin(...begun({ id: 'gen_3', at: now }), {
      job: { leasedUntil: now + 450_000, deadline: now + 900_000 },
    });
    expect(store.state.alarm).toBe(now + 450_000);
  });

  it('never throws out of its alarm: the next one is set, each a longer while after the one before', async () => {
    const { object, book } = await founded();
    await book.begin(...begun({ id: 'gen_1', at: now }), { job: { leasedUntil: now - 1, deadline: now + 900_000 } });
    work = () => Promise.reject(new Error('no house'));
    const pauses: number[] = [];
    for (let count = 0; count < 9; count++) {
      await object.alarm();
      pauses.push(store.state.alarm! - Date.now());
      vi.setSystemTime(store.state.alarm!);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(errors).toHaveBeenCalledTimes(9);
    // Once it works, what is overdue is not made to wait.
    work = async () => {};
    await object.alarm();
    expect(store.state.alarm).toBeLessThanOrEqual(Date.now());
  });

  it('shows the platform that it lives while a look takes its time', async () => {
    const { object } = await founded();
    let done: () => void = () => {};
    work = () => new Promise((resolve) => (done = resolve));
    const ringing = object.alarm();
    await vi.advanceTimersByTimeAsync(2_000);
    await ringing;
    expect(store.state.alarm).toBe(now + 2_000 + 20_000);
    done();
    await vi.advanceTimersByTimeAsync(0);
  });

  it('goes on at once with what its predecessor was looking at, and leaves alone what is being sent', async () => {
    const { book } = await founded();
    const job = { leasedUntil: now + 450_000, deadline: now + 900_000 };
    await book.begin(...begun({ id: 'gen_1', at: now }), { job });
    await book.begin(...begun({ id: 'gen_2', at: now }), { job });
    await book.submitted('gen_1.1', 'gen_1', { id: 'job' }, now);
    expect((await book.claimWork(now, 600_000, 9, patience)).jobs).toHaveLength(1);
    expect((await book.claimWork(now, 600_000, 9, patience)).jobs).toHaveLength(0);
    const next = clientOf(await start());
    const { jobs } = await next.claimWork(now, 600_000, 9, patience);
    expect(jobs.map(({ job: { attemptId, tries } }) => [attemptId, tries])).toEqual([['gen_1.1', 1]]);
  });

  it('tells of a failing store, and takes back what the call had written', async () => {
    const { object, book } = await founded();
    await expect(book.createKey(keyRow('key_a'))).rejects.toMatchObject({ code: 'store_unavailable' });
    let inside: unknown;
    work = async (own) => {
      inside = await own.createKey(keyRow('key_a')).catch((thrown: unknown) => thrown);
    };
    await object.alarm();
    expect(inside).toMatchObject({ code: 'store_unavailable' });
    expect(await book.listKeys()).toHaveLength(1);
  });
});

describe('a call of a book', () => {
  const failing = (times: number, error: object) => {
    let calls = 0;
    const call = async () => {
      if (++calls <= times) throw Object.assign(new Error('moved'), error);
      return ['settled'];
    };
    const book = durableBooks({ idFromName: () => '', get: () => ({ call }) }, 'main').of('main');
    return { book, calls: () => calls };
  };
  const settlement = {} as Parameters<BookClient['settle']>[0];

  it('is made again where the object moves and nothing is done twice by it', async () => {
    vi.useRealTimers();
    const moved = failing(2, { retryable: true });
    expect(await moved.book.settle(settlement)).toBe('settled');
    expect(moved.calls()).toBe(3);
  });

  it.each([
    ['what begins something', { retryable: true }, 'begin'],
    ['an overloaded object', { retryable: true, overloaded: true }, 'settle'],
    ['what failed for good', {}, 'settle'],
  ] as const)('is made once for %s', async (_, error, method) => {
    const { book, calls } = failing(1, error);
    await expect((book[method] as (value: unknown) => Promise<unknown>)(settlement)).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect(calls()).toBe(1);
  });
});
