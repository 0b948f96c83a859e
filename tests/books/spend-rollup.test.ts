import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import type { SpendAnswer, SpendQuery } from '../../src/books/index.ts';
import { Rollup } from '../../src/books/rollup.ts';
import type { CostStatus, Modality } from '../../src/contract/index.ts';
import { openSql, type SqlFile } from '../../src/runtime/node/sql.ts';
import { keyRow, noon, receiptOf } from './rows.ts';
import { attemptsOf, byGroup, straight } from './spend-straight.ts';

const hour = 3_600_000;

type Begin = {
  do: 'begin';
  generation: number;
  number: number;
  modality: Modality;
  model: string;
  key: string;
  user?: string;
  workflow?: string;
  tags?: Record<string, string>;
  at: number;
  simulated: boolean;
};
type Settle = {
  do: 'settle';
  which: number;
  status: CostStatus;
  cost: bigint;
  charge?: bigint;
  outcome: string;
  units: number;
};
type Step =
  | Begin
  | Settle
  | { do: 'rollUp'; limit: number; leave: number; isLost: boolean }
  | { do: 'rebuild' }
  | { do: 'report'; groupBy: SpendQuery['groupBy']; steps: number };

const money = fc.oneof(fc.bigInt(0n, 10n ** 12n), fc.bigInt(2n ** 51n, 2n ** 57n));
const stepOf = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('begin' as const),
      generation: fc.nat(40),
      number: fc.integer({ min: 1, max: 3 }),
      modality: fc.constantFrom<Modality>('text', 'image'),
      model: fc.constantFrom('pen', 'quill'),
      key: fc.constantFrom('key_a', 'key_b'),
      user: fc.option(fc.constantFrom('ann', 'bob'), { nil: undefined }),
      workflow: fc.option(fc.constantFrom('flow', "it's"), { nil: undefined }),
      tags: fc.option(fc.dictionary(fc.constantFrom('a', 'b', ''), fc.constantFrom('1', '2', '=')), { nil: undefined }),
      at: fc.integer({ min: noon - 30 * hour, max: noon + 30 * hour }),
      simulated: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat(60),
      status: fc.constantFrom<CostStatus>(
        'priced',
        'priced_estimated',
        'partially_unpriced',
        'unpriced',
        'free',
        'not_billable',
      ),
      cost: money,
      charge: fc.option(money, { nil: undefined }),
      outcome: fc.constantFrom('succeeded', 'succeeded', 'provider_error', 'canceled'),
      units: fc.nat(4),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('rollUp' as const),
      limit: fc.integer({ min: 1, max: 6 }),
      leave: fc.nat(3),
      isLost: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'rebuild' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      groupBy: fc.constantFrom<SpendQuery['groupBy']>([], ['model'], ['tag'], ['user', 'day'], ['hour']),
      steps: fc.nat(3),
    }),
  },
);

/** A book driven by steps, some of which run inside transactions that are rolled back. */
class Driven {
  readonly sql: SqlFile = openSql(':memory:');
  readonly book = new Book(this.sql);
  private readonly begun: string[] = [];
  /** Attempts begun by now. */
  get count(): number {
    return this.begun.length;
  }
  private readonly started = new Set<string>();
  private reports = 0;

  constructor() {
    this.book.migrate();
    for (const id of ['key_a', 'key_b']) this.book.createKey(keyRow(id));
  }

  run(step: Step): void {
    switch (step.do) {
      case 'begin':
        this.begin(step);
        return;
      case 'settle':
        this.settle(step);
        return;
      case 'rollUp':
        this.sql.begin();
        this.book.rollUp(step.limit, step.leave);
        if (step.isLost) this.sql.rollback();
        else this.sql.commit();
        return;
      case 'rebuild':
        this.book.rebuildRollups();
        return;
      case 'report':
        // Left unfinished: another one goes on from there, or waits until this one is given up.
        for (let count = 0; count < step.steps; count++) {
          this.book.spendStep(`report ${this.reports}`, { groupBy: step.groupBy, simulated: 'include' });
        }
    }
  }

  /** A whole report in steps, after those that were left lying. */
  report(query: SpendQuery): SpendAnswer {
    const token = `report ${++this.reports} whole`;
    const rows: SpendAnswer['rows'] = [];
    for (;;) {
      const step = this.book.spendStep(token, query);
      if (step.state === 'working') rows.push(...step.rows);
      if (step.state === 'done') return { rows, ...step.answer };
    }
  }

  private begin(step: Begin): void {
    const generationId = `gen_${String(step.generation).padStart(4, '0')}`;
    const id = `${generationId}.${step.number}`;
    if (this.started.has(id)) return;
    this.started.add(id);
    const { modality, model, key: keyId, at, simulated, user: endUser, workflow, tags } = step;
    const isFirst = !this.started.has(generationId);
    this.started.add(generationId);
    const generation = { id: generationId, keyId, modality, model: `house/${model}`, simulated, at };
    const attempt = {
      id,
      generationId,
      keyId,
      modality,
      provider: 'house',
      model,
      simulated,
      at,
      endUser,
      workflow,
      tags,
    };
    if (this.book.begin(isFirst ? generation : undefined, attempt) === 'begun') this.begun.push(id);
  }

  private settle(step: Settle): void {
    if (this.begun.length === 0) return;
    const attemptId = this.begun[step.which % this.begun.length]!;
    const total = step.status === 'unpriced' ? undefined : step.status === 'not_billable' ? 0n : step.cost;
    const receipt = receiptOf(total, { status: step.status });
    const { outcome } = step;
    const units = step.units > 0 ? { images: step.units, seconds: step.units / 8 } : undefined;
    this.book.settle(
      { attemptId, at: noon, outcome, receipt, charge: step.charge },
      outcome === 'succeeded' ? { id: attemptId.slice(0, -2), status: 'completed', at: noon, units } : undefined,
    );
  }
}

/** The report's rows are those added up from the attempts; its percentiles the nearest rank's, or a little above. */
function expectStraight(sql: SqlFile, answer: SpendAnswer, query: SpendQuery): void {
  const wanted = straight(attemptsOf(sql), query);
  const bare = answer.rows.map(({ generationCost: _, unitCost: __, ...row }) => row).sort(byGroup);
  expect(bare).toEqual(wanted.rows.map(({ costs: _, ...row }) => row));
  expect(answer.total).toEqual(wanted.total);
  expect(answer.totalPico).toBe(wanted.total.costPico);
  const rows = [...answer.rows].sort(byGroup);
  for (const [index, { costs }] of wanted.rows.entries()) {
    const found = rows[index]!.generationCost;
    if (costs.length === 0) expect(found).toBeUndefined();
    else {
      const [p50, p95] = [0.5, 0.95].map((rank) => costs[Math.ceil(costs.length * rank) - 1]!) as [number, number];
      for (const [got, exact] of [[Number(found!.p50), p50] as const, [Number(found!.p95), p95] as const]) {
        expect(got).toBeGreaterThanOrEqual(exact);
        expect(got).toBeLessThanOrEqual(exact * 1.0157);
      }
    }
  }
}

const queries: SpendQuery[] = [
  { groupBy: [], simulated: 'include' },
  { groupBy: ['model'], simulated: 'exclude' },
  { groupBy: ['modality', 'model', 'key'], simulated: 'include' },
  { groupBy: ['tag'], simulated: 'include' },
  { groupBy: ['tag', 'user'], simulated: 'only' },
  { groupBy: ['user', 'workflow', 'day'], simulated: 'include' },
  { groupBy: ['hour'], simulated: 'include', from: noon - 5 * hour, to: noon + 7 * hour + 1 },
  { groupBy: ['day'], simulated: 'include', filters: { tag: ['a=1', 'b=='], user: ['ann'] } },
  {
    groupBy: ['user'],
    simulated: 'include',
    filters: { model: ['house/pen'], key: ['key_a'], workflow: ['', 'flow'] },
  },
];

describe('rolled up spend', () => {
  it('is what the rows add up to, however settling, rolling up, losing, rebuilding and reading are mixed', () => {
    fc.assert(
      fc.property(fc.array(stepOf, { maxLength: 120 }), (steps) => {
        const driven = new Driven();
        for (const step of steps) driven.run(step as Step);
        for (const query of queries) {
          expectStraight(driven.sql, driven.book.spend(query), query);
          expectStraight(driven.sql, driven.report(query), query);
        }
        while (driven.book.rollUp(5, 0));
        for (const query of queries) expectStraight(driven.sql, driven.book.spend(query), query);
        driven.book.rebuildRollups();
        while (driven.book.rollUp(7, 0));
        for (const query of queries) expectStraight(driven.sql, driven.book.spend(query), query);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

describe('rolling up', () => {
  let driven: Driven;
  beforeEach(() => {
    driven = new Driven();
  });
  const begin = (generation: number, number = 1, more: Partial<Begin> = {}) =>
    driven.run({
      ...{ do: 'begin', generation, number, modality: 'text', model: 'pen', key: 'key_a', at: noon, simulated: false },
      ...more,
    });
  const settle = (which: number, cost: bigint, outcome = 'succeeded') =>
    driven.run({ do: 'settle', which, status: 'priced', cost, outcome, units: 0 });
  const segments = () => driven.sql.all('SELECT row_count, level FROM rollup_segment ORDER BY id');
  const late = () => driven.sql.all('SELECT attempt_id FROM rollup_late');

  it('takes open attempts in once they have ended', () => {
    for (let generation = 0; generation < 4; generation++) begin(generation);
    settle(1, 5n);
    driven.book.rollUp(10, 0);
    expect(segments()).toMatchObject([{ row_count: 1 }]);
    expect(late()).toHaveLength(3);
    settle(0, 7n);
    while (driven.book.rollUp(10, 0));
    expect(segments()).toMatchObject([{ row_count: 1 }, { row_count: 1 }]);
    expect(late()).toHaveLength(2);
    expect(driven.book.spend({ groupBy: [], simulated: 'include' })).toMatchObject({
      totalPico: 12n,
      total: { attempts: 4, open: 2, generations: 4 },
    });
  });

  it('takes in an attempt that comes after others with higher ids', () => {
    begin(20);
    settle(0, 5n);
    while (driven.book.rollUp(10, 0));
    begin(3);
    settle(1, 7n);
    expect(late()).toEqual([expect.objectContaining({ attempt_id: 'gen_0003.1' })]);
    while (driven.book.rollUp(10, 0));
    expect(late()).toEqual([]);
    expect(driven.book.spend({ groupBy: [], simulated: 'include' }).totalPico).toBe(12n);
  });

  it('counts a generation once and its costs as one, whichever of its attempts was taken in first', () => {
    begin(1, 1);
    begin(1, 2, { model: 'quill' });
    settle(1, 30n);
    while (driven.book.rollUp(10, 0));
    settle(0, 12n, 'provider_error');
    while (driven.book.rollUp(10, 0));
    const answer = driven.book.spend({ groupBy: ['modality'], simulated: 'include' });
    expect(answer.rows).toMatchObject([
      { generations: 1, attempts: 2, failed: 1, failedPico: 12n, generationCost: { p50: 42n, p95: 42n } },
    ]);
    expect(driven.book.spend({ groupBy: ['model'], simulated: 'include' }).rows).toMatchObject([
      { group: { model: 'house/pen' }, generations: 1, generationCost: { p50: 12n } },
      { group: { model: 'house/quill' }, generations: 1, generationCost: { p50: 30n } },
    ]);
  });

  it('joins small segments into large ones and loses nothing', () => {
    for (let generation = 0; generation < 40; generation++) {
      begin(generation, 1, { tags: generation % 3 ? { n: String(generation % 3) } : undefined });
      settle(generation, BigInt(generation));
      while (driven.book.rollUp(1, 0));
    }
    expect(segments().map((row) => row.level)).toEqual([1, 1, 1, 1, 1]);
    expect(segments().map((row) => row.row_count)).toEqual([8, 8, 8, 8, 8]);
    const query: SpendQuery = { groupBy: ['tag'], simulated: 'include' };
    expectStraight(driven.sql, driven.book.spend(query), query);
  });

  it('answers from summaries of large segments exactly what the attempts add up to', () => {
    let state = 7;
    const pick = <Value>(...values: Value[]): Value => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return values[Math.floor((state / 2 ** 32) * values.length)]!;
    };
    for (let count = 0; count < 1_400; count++) {
      const modality = pick<Modality>('text', 'image');
      const at = noon + pick(0, 1, 2) * 10 * hour + count;
      const simulated = pick(false, false, true);
      begin(count, 1, { modality, key: pick('key_a', 'key_b'), at, simulated, user: pick('ann', 'bob', undefined) });
      driven.run({
        ...{ do: 'settle', which: driven.count - 1, outcome: 'succeeded', units: pick(0, 1, 3) },
        ...{ status: pick<CostStatus>('priced', 'priced', 'unpriced'), cost: BigInt(pick(5, 70, 900, 2 ** 52 + 1)) },
        charge: pick(undefined, 80n),
      });
      if (count % 20 > 0) continue;
      begin(count, 2, { modality, model: 'quill', key: 'key_a', at: at + 1, simulated });
      settle(driven.count - 1, 11n);
    }
    const { book, sql } = driven;
    const asked: SpendQuery[] = [
      ...queries,
      { groupBy: ['unit'], simulated: 'include' },
      { groupBy: ['model', 'unit', 'day'], simulated: 'exclude' },
      { groupBy: ['unit'], simulated: 'include', filters: { unit: ['tokens'] } },
      { groupBy: ['day', 'key'], simulated: 'include', from: Date.UTC(2026, 10, 22), to: Date.UTC(2026, 10, 23) },
      { groupBy: ['modality'], simulated: 'include', from: noon + 1, to: noon + 11 * hour },
    ];
    book.rebuildRollups();
    const before = asked.map((query) => book.spend(query));
    while (book.rollUp(20, 0));
    expect(sql.all('SELECT 1 FROM rollup_segment WHERE summary_rows > 0')).toHaveLength(1);
    expect(asked.map((query) => book.spend(query))).toEqual(before);
    for (const query of queries) expectStraight(sql, book.spend(query), query);
    // It is the summary that was read: without the attempts' own columns the answer is the same.
    const [first] = segments();
    const whole = book.spend({ groupBy: ['model'], simulated: 'include' });
    sql.run(
      'DELETE FROM rollup_column WHERE id < ?',
      Number(sql.all('SELECT MIN(id) AS id FROM rollup_segment')[0]!.id) * 256 + 64,
    );
    expect(first).toBeDefined();
    expect(book.spend({ groupBy: ['model'], simulated: 'include' })).toEqual(whole);
    expect(book.spend({ groupBy: ['user'], simulated: 'include' }).totalPico).not.toBe(whole.totalPico);
  });

  it('leaves the newest alone, and goes on by itself as attempts settle', () => {
    for (let count = 0; count < 900; count++) {
      const id = `gen_${String(count).padStart(5, '0')}`;
      driven.book.begin(
        { id, keyId: 'key_a', modality: 'text', model: 'house/pen', simulated: false, at: noon, plain: true },
        {
          id: `${id}.1`,
          generationId: id,
          keyId: 'key_a',
          modality: 'text',
          provider: 'house',
          model: 'pen',
          simulated: false,
          at: noon,
        },
      );
      driven.book.settle({ attemptId: `${id}.1`, at: noon, outcome: 'succeeded', receipt: receiptOf(1n) });
    }
    expect(segments().map((row) => row.row_count)).toEqual([384]);
    expect(driven.book.spend({ groupBy: [], simulated: 'include' }).totalPico).toBe(900n);
  });

  it('holds still while a report reads, but not for ever', () => {
    const rollup = new Rollup(driven.sql);
    for (let generation = 0; generation < 30; generation++) {
      begin(generation);
      settle(generation, 1n);
    }
    const ticket = rollup.freeze();
    for (let count = 0; count < 64; count++) expect(rollup.rollUp(4, 0)).toBe(true);
    expect(segments()).toEqual([]);
    expect(rollup.isFrozenFor(ticket)).toBe(true);
    while (rollup.rollUp(4, 0));
    expect(rollup.isFrozenFor(ticket)).toBe(false);
    expect(segments().reduce((sum, row) => sum + Number(row.row_count), 0)).toBe(30);
  });

  it('makes one report wait for the other, and gives one up that nobody asks for any more', () => {
    begin(1);
    settle(0, 1n);
    const query: SpendQuery = { groupBy: ['model'], simulated: 'include' };
    const { book } = driven;
    expect(book.spendStep('one', query)).toEqual({ state: 'working', rows: [] });
    let waits = 0;
    let step = book.spendStep('two', query);
    for (; step.state === 'waiting'; waits++) step = book.spendStep('two', query);
    expect(waits).toBeGreaterThan(100);
    while (step.state === 'working') step = book.spendStep('two', query);
    expect(step).toMatchObject({ state: 'done', answer: { totalPico: 1n } });
    for (step = book.spendStep('one', query); step.state !== 'done'; ) step = book.spendStep('one', query);
    expect(step.answer.totalPico).toBe(1n);
  });

  it('shows the dearest groups and sums up the others', () => {
    for (let generation = 0; generation < 20; generation++) {
      begin(generation, 1, { user: `user ${String(generation).padStart(2, '0')}` });
      settle(generation, BigInt(generation * 100));
    }
    const answer = driven.book.spend({ groupBy: ['user'], simulated: 'include', limit: 3 });
    expect(answer.rows.map((row) => row.group.user)).toEqual(['user 17', 'user 18', 'user 19']);
    expect(answer.rest).toMatchObject({ groups: 17, generations: 17, attempts: 17, costPico: 13_600n });
    expect(answer.totalPico).toBe(19_000n);
  });
});
