import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import type { Begun, Budget, Demand } from '../../src/books/index.ts';
import { hostBook } from '../../src/runtime/node/books.ts';
import { openSql } from '../../src/runtime/node/sql.ts';
import { begun, ended, keyRow, noon, receiptOf, temporaryFolder, type Work } from './rows.ts';

const budget = (more: Partial<Budget> = {}): Budget => ({
  id: 'bud_1',
  scope: 'key',
  subject: 'key_a',
  unit: 'usd',
  window: 'day',
  timeZone: 'UTC',
  amount: 100n,
  alerts: [],
  at: noon,
  ...more,
});

function openBook(...budgets: Budget[]) {
  const sql = openSql(':memory:');
  const book = new Book(sql);
  book.migrate();
  for (const id of ['key_a', 'key_b']) book.createKey(keyRow(id));
  for (const one of budgets) book.putBudget(one);
  const begin = (work: Work, demand?: Demand, ceiling?: bigint) => book.begin(...begun(work), { demand, ceiling });
  const settle = (id: string, total: bigint | undefined, at = noon + 5, units?: Record<string, number>) =>
    book.settle({ attemptId: `${id}.1`, at, outcome: 'succeeded', receipt: receiptOf(total), units }, ended(id));
  const use = (at = noon) => book.listBudgets(at)[0]!.uses[0];
  return { sql, book, begin, settle, use };
}

const reasonOf = (begun: Begun) => (typeof begun === 'string' ? begun : begun.reason);

describe('a budget', () => {
  it('asks for the demand only where it covers the attempt', () => {
    const { begin } = openBook(budget());
    expect(begin({ id: 'gen_1' })).toBe('demand');
    expect(begin({ id: 'gen_1' }, { usd: 60n })).toBe('begun');
    expect(begin({ id: 'gen_2', keyId: 'key_b' })).toBe('begun');
  });

  it('holds the worst case, books what was used and frees the rest', () => {
    const { begin, settle, use, book } = openBook(budget());
    expect(begin({ id: 'gen_1' }, { usd: 60n })).toBe('begun');
    expect(use()).toMatchObject({ spent: 0n, held: 60n });
    expect(reasonOf(begin({ id: 'gen_2' }, { usd: 60n }))).toBe('in_flight');
    expect(book.generation('gen_2')).toBeUndefined();
    settle('gen_1', 10n);
    expect(use()).toMatchObject({ spent: 10n, held: 0n });
    expect(begin({ id: 'gen_3' }, { usd: 60n })).toBe('begun');
    settle('gen_3', 60n);
    expect(settle('gen_3', 60n)).toBe('before');
    expect(use()).toMatchObject({ spent: 70n, held: 0n });
    expect(reasonOf(begin({ id: 'gen_4' }, { usd: 60n }))).toBe('exhausted');
    expect(reasonOf(begin({ id: 'gen_4' }, { usd: 101n }))).toBe('too_large');
  });

  it('refuses what has no price, unless the key has a ceiling: then that is held and booked', () => {
    const { begin, settle, use } = openBook(budget());
    expect(reasonOf(begin({ id: 'gen_1' }, {}))).toBe('unpriced');
    expect(begin({ id: 'gen_1' }, {}, 40n)).toBe('begun');
    settle('gen_1', undefined);
    expect(use()).toMatchObject({ spent: 40n, held: 0n });
  });

  it('stays held between an attempt that was refused and the one that follows, and is taken over by that one alone', () => {
    const { book, begin, use } = openBook(budget(), budget({ id: 'bud_2', unit: 'requests', amount: 10_000_000n }));
    const requests = () => book.listBudgets(noon).find(({ id }) => id === 'bud_2')!.uses[0];
    const refuse = (attemptId: string) =>
      book.settle({ attemptId, at: noon + 5, outcome: 'rate_limited', receipt: receiptOf(0n), goesOn: true });
    begin({ id: 'gen_1' }, { usd: 60n });
    refuse('gen_1.1');
    expect([use(), requests()]).toMatchObject([
      { spent: 0n, held: 60n },
      { spent: 1_000_000n, held: 0n },
    ]);
    expect(reasonOf(begin({ id: 'gen_2' }, { usd: 60n }))).toBe('in_flight');
    const [, attempt] = begun({ id: 'gen_1' });
    const follow = (id: string, after: string, usd: bigint) =>
      book.begin(undefined, { ...attempt, id }, { demand: { usd }, after });
    expect(follow('gen_1.2', 'gen_1.1', 90n)).toBe('begun');
    expect([use(), requests()]).toMatchObject([{ held: 90n }, { spent: 1_000_000n, held: 1_000_000n }]);
    refuse('gen_1.2');
    expect(reasonOf(follow('gen_1.3', 'gen_1.2', 101n))).toBe('too_large');
    expect(use()).toMatchObject({ spent: 0n, held: 0n });
    expect(begin({ id: 'gen_3' }, { usd: 60n })).toBe('begun');
    refuse('gen_3.1');
    book.release('gen_3.1');
    book.release('gen_3.1');
    expect(use()).toMatchObject({ spent: 0n, held: 0n });
  });

  it('is free again where the process between two attempts is gone, and only there', () => {
    const { book, begin, use } = openBook(budget());
    begin({ id: 'gen_1' }, { usd: 60n });
    begin({ id: 'gen_2' }, { usd: 30n });
    book.settle({ attemptId: 'gen_1.1', at: noon, outcome: 'rate_limited', receipt: receiptOf(0n), goesOn: true });
    expect(use()).toMatchObject({ held: 90n });
    book.takeOver(noon, noon);
    expect(use()).toMatchObject({ held: 30n });
  });

  it('tells of a settlement above its hold, and books all of it', () => {
    const { begin, settle, use } = openBook(budget());
    begin({ id: 'gen_1' }, { usd: 60n });
    settle('gen_1', 75n);
    expect(use()).toMatchObject({ spent: 75n, held: 0n, breaches: 1 });
  });

  it('a hold belongs to the window that it was opened in', () => {
    const { begin, settle, use, book } = openBook(budget());
    const late = Date.UTC(2026, 10, 22, 23, 59, 59);
    begin({ id: 'gen_1', at: late }, { usd: 60n });
    settle('gen_1', 50n, late + 5_000);
    expect(use(late)).toMatchObject({ spent: 50n, held: 0n });
    expect(book.listBudgets(late + 5_000)[0]!.uses).toEqual([]);
  });

  it('counts media in its own units, jobs while they run, requests in a minute', () => {
    const units = openBook(budget({ unit: 'images', amount: 3_000_000n, modality: 'image' }));
    expect(units.begin({ id: 'gen_1', modality: 'image' }, { images: 2_000_000n })).toBe('begun');
    expect(reasonOf(units.begin({ id: 'gen_2', modality: 'image' }, { images: 2_000_000n }))).toBe('in_flight');
    expect(units.begin({ id: 'gen_3', modality: 'text' }, {})).toBe('begun');
    units.settle('gen_1', 5n, noon + 5, { images: 1 });
    expect(units.use()).toMatchObject({ spent: 1_000_000n, held: 0n });

    const jobs = openBook(budget({ unit: 'jobs', window: 'concurrent', amount: 1_000_000n }));
    expect(jobs.begin({ id: 'gen_1' }, {})).toBe('begun');
    expect(reasonOf(jobs.begin({ id: 'gen_2' }, {}))).toBe('in_flight');
    jobs.settle('gen_1', 5n);
    expect(jobs.begin({ id: 'gen_2' }, {})).toBe('begun');

    const rate = openBook(budget({ unit: 'requests', window: 'minute', amount: 2_000_000n }));
    for (const id of ['gen_1', 'gen_2']) {
      rate.begin({ id }, {});
      rate.settle(id, 1n);
    }
    expect(rate.begin({ id: 'gen_3' }, {})).toMatchObject({ reason: 'rate', retryAfterMs: 60_000 });
    expect(rate.begin({ id: 'gen_3', at: noon + 60_000 }, {})).toBe('begun');
  });

  it('"*" gives each key, project or user a limit of its own; all that cover a call must have room', () => {
    const each = budget({ subject: '*', amount: 10n });
    const { begin, book } = openBook(each, budget({ id: 'bud_2', scope: 'tenant', subject: undefined, amount: 15n }));
    expect(begin({ id: 'gen_1' }, { usd: 10n })).toBe('begun');
    expect(begin({ id: 'gen_2', keyId: 'key_b' }, { usd: 10n })).toMatchObject({ budget: { id: 'bud_2' } });
    expect(begin({ id: 'gen_3', keyId: 'key_b' }, { usd: 5n })).toBe('begun');
    expect(book.listBudgets(noon)[0]!.uses.map((use) => [use.subject, use.held])).toEqual([
      ['key_a', 10n],
      ['key_b', 5n],
    ]);
  });

  it('may be as large as a book can count', () => {
    const large = 9_000_000n * 10n ** 12n;
    const { begin, settle, use, book } = openBook(budget({ amount: large }));
    expect(begin({ id: 'gen_1' }, { usd: large - 1n })).toBe('begun');
    settle('gen_1', large - 1n);
    expect(use()).toMatchObject({ spent: large - 1n });
    expect(book.listBudgets(noon)[0]!.amount).toBe(large);
  });

  it('covers a tag', () => {
    const { begin } = openBook(budget({ scope: 'tag', subject: 'team=red', amount: 10n }));
    expect(begin({ id: 'gen_1', tags: { team: 'red' } }, { usd: 10n })).toBe('begun');
    expect(reasonOf(begin({ id: 'gen_2', tags: { team: 'red' } }, { usd: 1n }))).toBe('in_flight');
    expect(begin({ id: 'gen_3', tags: { team: 'blue' } })).toBe('begun');
  });

  it('tells each threshold once, when it is passed', () => {
    const { begin, settle, book } = openBook(budget({ alerts: [50, 90], alertUrl: 'https://ops.example/hook' }));
    for (const [id, total] of [
      ['gen_1', 40n],
      ['gen_2', 15n],
      ['gen_3', 40n],
      ['gen_4', 5n],
    ] as const) {
      begin({ id }, { usd: total });
      settle(id, total);
    }
    const told = book.listDeliveries(10).map((one) => JSON.parse(one.body!).data);
    expect(told.map((one) => one.percent).sort()).toEqual([50, 90]);
    expect(told.find((one) => one.percent === 50)).toMatchObject({ limit: '100', spent: '55', subject: 'key_a' });
  });
});

/** What a script does to the book: begin with a demand, settle for an amount, release, settle again, restart. */
const step = fc.oneof(
  fc.record({ do: fc.constant('begin' as const), demand: fc.bigInt(1n, 40n) }),
  fc.record({ do: fc.constant('settle' as const), which: fc.nat(30), part: fc.nat(100) }),
  fc.record({ do: fc.constant('release' as const), which: fc.nat(30) }),
  fc.record({ do: fc.constant('again' as const), which: fc.nat(30) }),
  fc.record({ do: fc.constant('crash' as const) }),
  fc.record({ do: fc.constant('tomorrow' as const) }),
);

describe('any interleaving', () => {
  it('keeps 0 ≤ spent + held ≤ limit, spent = Σ ledger, held = Σ open holds; the second settlement changes nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const world = openBook(budget());
        let { book } = world;
        const { sql } = world;
        const open = new Map<string, { demand: bigint; day: number }>();
        const spent = new Map<number, bigint>();
        const done: string[] = [];
        let count = 0;
        let day = 0;
        const at = () => noon + day * 86_400_000;
        const end = (id: string, total: bigint | undefined) =>
          book.settle(
            {
              attemptId: `${id}.1`,
              at: at(),
              outcome: total === undefined ? 'provider_error' : 'succeeded',
              receipt: total === undefined ? receiptOf(0n, { lines: [], status: 'not_billable' }) : receiptOf(total),
            },
            ended(id),
          );
        for (const one of steps) {
          const ids = [...open.keys()];
          if (one.do === 'begin') {
            const id = `gen_${String(count++).padStart(3, '0')}`;
            const held = [...open.values()]
              .filter((hold) => hold.day === day)
              .reduce((sum, hold) => sum + hold.demand, 0n);
            const room = 100n - (spent.get(day) ?? 0n) - held;
            const answer = book.begin(...begun({ id, at: at() }), { demand: { usd: one.demand } });
            expect(answer === 'begun').toBe(one.demand <= room);
            if (answer === 'begun') open.set(id, { demand: one.demand, day });
          } else if (one.do === 'settle' || one.do === 'release') {
            const id = ids[one.which % Math.max(1, ids.length)];
            if (!id) continue;
            const hold = open.get(id)!;
            const total = one.do === 'settle' ? (hold.demand * BigInt(one.part)) / 100n : undefined;
            expect(end(id, total)).toBe('settled');
            open.delete(id);
            done.push(id);
            spent.set(hold.day, (spent.get(hold.day) ?? 0n) + (total ?? 0n));
          } else if (one.do === 'again') {
            const id = done[one.which % Math.max(1, done.length)];
            if (id) expect(end(id, 40n)).toBe('before');
          } else if (one.do === 'crash') {
            // Nothing lives but the rows.
            book = new Book(sql);
            book.migrate();
          } else day++;
          for (let past = 0; past <= day; past++) {
            const use = book.listBudgets(noon + past * 86_400_000)[0]!.uses[0] ?? { spent: 0n, held: 0n };
            const held = [...open.values()]
              .filter((hold) => hold.day === past)
              .reduce((sum, hold) => sum + hold.demand, 0n);
            expect({ spent: use.spent, held: use.held }).toEqual({ spent: spent.get(past) ?? 0n, held });
            expect(use.spent + use.held <= 100n).toBe(true);
          }
        }
        const ledger = book.spend({ groupBy: [], simulated: 'include' }).totalPico;
        expect(ledger).toBe([...spent.values()].reduce((sum, total) => sum + total, 0n));
        world.sql.close();
      }),
      { numRuns: 60 },
    );
  });

  it('#50 300 at once on a budget for 10 admit exactly 10', async () => {
    const folder = temporaryFolder();
    const hosted = hostBook(openSql(folder.file));
    await hosted.client.createKey(keyRow('key_a'));
    await hosted.client.putBudget(budget({ amount: 109n }));
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) =>
        hosted.client.begin(...begun({ id: `gen_${index}` }), { demand: { usd: 10n } }),
      ),
    );
    expect(answers.filter((answer) => answer === 'begun')).toHaveLength(10);
    hosted.close();
    folder.remove();
  });
});
