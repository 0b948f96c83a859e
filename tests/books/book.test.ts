import { beforeEach, describe, expect, it } from 'vitest';
import { Book } from '../../src/books/book.ts';
import { migrations } from '../../src/books/schema.ts';
import { openSql, type SqlFile } from '../../src/runtime/node/sql.ts';
import { begun, ended, keyRow, noon, receiptOf, temporaryFolder } from './rows.ts';

describe('book', () => {
  let sql: SqlFile;
  let book: Book;
  beforeEach(() => {
    sql = openSql(':memory:');
    book = new Book(sql);
    book.migrate();
    book.createKey(keyRow('key_a'));
  });
  const settle = (id: string, total: bigint | undefined = 5n) =>
    book.settle({ attemptId: `${id}.1`, at: noon + 5, outcome: 'succeeded', receipt: receiptOf(total) }, ended(id));
  const countOf = (table: string) => Number(sql.all(`SELECT COUNT(*) AS count FROM ${table}`)[0]!.count);

  it('migrates once, however often it is started, and keeps what it holds', () => {
    const folder = temporaryFolder();
    try {
      for (let start = 0; start < 3; start++) {
        const file = openSql(folder.file);
        const own = new Book(file);
        own.migrate();
        own.migrate();
        if (start === 0) own.createKey(keyRow('key_a'));
        expect(own.listKeys().map((key) => key.id)).toEqual(['key_a']);
        expect(file.all('SELECT step FROM version ORDER BY step').map((row) => row.step)).toEqual(
          migrations.map((_, step) => step + 1),
        );
        file.close();
      }
    } finally {
      folder.remove();
    }
  });

  it('keeps a setting that was set first', () => {
    expect(book.setting('secret', 'one')).toBe('one');
    expect(book.setting('secret', 'two')).toBe('one');
    expect(book.setting('other', 'two')).toBe('two');
  });

  it('authorises live keys only, and never keeps the key itself', () => {
    book.createKey(keyRow('key_b', { expiresAt: noon + 10, scopes: ['generate', 'spend'] }));
    expect(book.authorize('hash of key_a', noon)).toEqual({
      id: 'key_a',
      name: 'key_a',
      scopes: ['generate'],
      markupPpm: 0,
    });
    expect(book.authorize('hash of key_b', noon + 9)?.scopes).toEqual(['generate', 'spend']);
    expect(book.authorize('hash of key_b', noon + 10)).toBeUndefined();
    expect(book.authorize('unknown', noon)).toBeUndefined();
    expect(book.revokeKey('key_a', noon + 1)).toBe(true);
    expect(book.revokeKey('key_a', noon + 2)).toBe(false);
    expect(book.revokeKey('key_z', noon)).toBe(false);
    expect(book.authorize('hash of key_a', noon)).toBeUndefined();
    expect(book.listKeys()).toMatchObject([
      { id: 'key_a', revokedAt: noon + 1 },
      { id: 'key_b', expiresAt: noon + 10 },
    ]);
    expect(JSON.stringify(book.listKeys())).not.toContain('hash of');
    expect(() => book.createKey(keyRow('key_c', { hash: 'hash of key_a' }))).toThrow();
  });

  it('begins nothing for a key that was revoked or has expired meanwhile', () => {
    book.createKey(keyRow('key_b', { expiresAt: noon }));
    book.revokeKey('key_a', noon);
    for (const keyId of ['key_a', 'key_b', 'key_unknown']) {
      expect(book.begin(...begun({ id: 'gen_1', keyId }))).toBe('revoked');
    }
    expect([countOf('generation'), countOf('attempt')]).toEqual([0, 0]);
  });

  it('begins a generation and its attempt together, once', () => {
    expect(book.begin(...begun({ id: 'gen_1', tags: { team: 'sea' } }))).toBe('begun');
    expect(() => book.begin(...begun({ id: 'gen_1' }))).toThrow();
    const record = book.generation('gen_1')!;
    expect(record).toMatchObject({ status: 'queued', outputs: [] });
    expect(record.attempts[0]!.attribution).toEqual({ tags: { team: 'sea' } });
    expect(record.attempts).toMatchObject([{ id: 'gen_1.1', state: 'dispatched' }]);
    expect(record.attempts[0]).not.toHaveProperty('receipt');
    expect(book.openAttempts(noon + 1)).toMatchObject([{ id: 'gen_1.1', bound: { output_text_tokens: 9 }, ref: null }]);
    expect(book.openAttempts(noon), 'begun at or after is not old').toEqual([]);
  });

  it('counts an answer from the cache in reports, also where its id lies below what they have taken in', () => {
    for (const id of ['gen_5', 'gen_9']) {
      book.begin(...begun({ id }));
      settle(id);
    }
    while (book.rollUp(100, 0));
    const [, attempt] = begun({ id: 'gen_7' });
    const receipt = receiptOf(0n, { lines: [], status: 'free', basis: 'gateway_cache_hit' });
    const settlement = { attemptId: 'gen_7.1', at: noon, outcome: 'succeeded', receipt, avoided: 5n };
    expect(book.hit(attempt, 'house/pen', settlement)).toBe(true);
    const report = () => book.spend({ groupBy: [], simulated: 'include' }).total;
    expect(report()).toMatchObject({ attempts: 3, open: 0, avoidedPico: 5n });
    while (book.rollUp(100, 0));
    expect(countOf('rollup_late')).toBe(0);
    expect(report()).toMatchObject({ attempts: 3, open: 0, avoidedPico: 5n });
    book.revokeKey('key_a', noon);
    expect(book.hit({ ...attempt, id: 'gen_8.1' }, 'house/pen', { ...settlement, attemptId: 'gen_8.1' })).toBe(false);
    expect(report()).toMatchObject({ attempts: 3 });
  });

  it('frees what a process that is gone held: jobs are due at once, webhooks when their next try is', () => {
    const minute = 60_000;
    book.begin(begun({ id: 'gen_1' })[0], begun({ id: 'gen_1' })[1], {
      job: { leasedUntil: noon + minute, deadline: noon + 9 * minute },
    });
    const delivery = { event: 'generation.completed', url: 'https://told.example', body: '{}', origin: '', at: noon };
    for (const id of ['evt_now', 'evt_later', 'evt_told']) book.deliver({ id, ...delivery });
    book.delivered('evt_later', 'pending', '500', noon + 5 * minute);
    book.delivered('evt_told', 'delivered', '200');
    const claim = (at: number) => {
      const { jobs, deliveries } = book.claimWork(at, 10 * minute, 10, 60 * minute);
      return [jobs.map(({ job }) => job.attemptId), deliveries.map(({ id, tries }) => `${id} ${tries}`)];
    };
    expect(claim(noon)).toEqual([[], ['evt_now 1']]);
    expect(claim(noon + 1)).toEqual([[], []]);
    book.takeOver(noon + 2, noon + 2);
    expect(claim(noon + 2)).toEqual([['gen_1.1'], ['evt_now 2']]);
    expect(claim(noon + 5 * minute)).toEqual([[], ['evt_later 1']]);
  });

  it('takes an attempt for lost that nobody follows, once its time is over', () => {
    book.begin(...begun({ id: 'gen_1' }));
    book.begin(begun({ id: 'gen_2' })[0], begun({ id: 'gen_2' })[1], {
      job: { leasedUntil: noon + 9_000, deadline: noon + 9_000 },
    });
    const lost = (at: number) => book.claimWork(at, 1_000, 10, 5_000).lost.map(({ id }) => id);
    expect(book.nextDue(5_000)).toBe(noon + 5_000);
    expect(lost(noon + 4_999)).toEqual([]);
    expect(lost(noon + 5_000)).toEqual(['gen_1.1']);
    settle('gen_1');
    expect(lost(noon + 5_000)).toEqual([]);
    expect(book.nextDue(5_000)).toBe(noon + 9_000);
  });

  it('settles exactly once: a second word changes nothing', () => {
    book.begin(...begun({ id: 'gen_1' }));
    expect(settle('gen_1', 5n)).toBe('settled');
    const before = JSON.stringify(book.generation('gen_1'), (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(settle('gen_1', 7n)).toBe('before');
    const failed = { attemptId: 'gen_1.1', at: noon + 9, outcome: 'provider_error', receipt: receiptOf(undefined) };
    expect(book.settle(failed, ended('gen_1', { status: 'failed', error: { code: 'x' } }))).toBe('before');
    const after = JSON.stringify(book.generation('gen_1'), (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(after).toBe(before);
    expect(book.generation('gen_1')!.attempts[0]!.receipt!.lines).toHaveLength(1);
    expect(book.openAttempts(noon + 99)).toEqual([]);
    expect(book.settle({ ...failed, attemptId: 'gen_unknown.1' })).toBe('before');
  });

  it('gives back a receipt as it was booked, line by line', () => {
    const receipt = receiptOf(3n, {
      lines: [
        {
          meter: 'images',
          quantity: 3.008,
          dims: { size: 'large' },
          model: 'other',
          price: '0.04',
          per: '1',
          amount: 2n ** 62n,
        },
        { meter: 'tool_web_search_calls', quantity: 2 },
      ],
      total: 2n ** 62n,
      status: 'partially_unpriced',
    });
    book.begin(...begun({ id: 'gen_1' }));
    book.settle({ attemptId: 'gen_1.1', at: noon, outcome: 'succeeded', receipt }, ended('gen_1'));
    expect(book.generation('gen_1')!.attempts[0]!.receipt).toEqual(receipt);
  });

  it('tells settled from released', () => {
    book.begin(...begun({ id: 'gen_1' }));
    const receipt = { lines: [], total: 0n, status: 'not_billable', basis: 'none', catalogue: 'c' } as const;
    const error = { code: 'provider_error', message: 'x' };
    book.settle(
      { attemptId: 'gen_1.1', at: noon, outcome: 'provider_error', receipt: { ...receipt, lines: [] }, error },
      ended('gen_1', { status: 'failed', error }),
    );
    expect(book.generation('gen_1')).toMatchObject({
      status: 'failed',
      error,
      attempts: [{ state: 'released', outcome: 'provider_error', error, receipt: { total: 0n, lines: [] } }],
    });
  });

  it('remembers a running job, until it has ended', () => {
    book.begin(...begun({ id: 'gen_1' }));
    book.submitted('gen_1.1', 'gen_1', { id: 'job 1' }, noon);
    expect(book.generation('gen_1')!.status).toBe('in_progress');
    expect(book.openAttempts(noon + 1)[0]!.ref).toEqual({ id: 'job 1' });
    settle('gen_1');
    book.submitted('gen_1.1', 'gen_1', { id: 'job 2' }, noon);
    expect(book.generation('gen_1')!.status).toBe('completed');
  });

  it("shows a generation to its own key only, and pages through a key's own", () => {
    book.createKey(keyRow('key_b'));
    for (let count = 0; count < 7; count++) {
      book.begin(...begun({ id: `gen_${count}`, keyId: count % 2 ? 'key_b' : 'key_a' }));
    }
    expect(book.generation('gen_0', 'key_a')?.id).toBe('gen_0');
    expect(book.generation('gen_0', 'key_b')).toBeUndefined();
    const first = book.listGenerations({ limit: 2, keyId: 'key_a' });
    expect(first.data.map((one) => one.id)).toEqual(['gen_6', 'gen_4']);
    expect(first.hasMore).toBe(true);
    const second = book.listGenerations({ limit: 2, keyId: 'key_a', after: 'gen_4' });
    expect(second.data.map((one) => one.id)).toEqual(['gen_2', 'gen_0']);
    expect(second.hasMore).toBe(false);
    expect(book.listGenerations({ limit: 100 }).data).toHaveLength(7);
  });

  it('shows a plain call, which keeps nothing but its attempt, as a generation among the others', () => {
    book.createKey(keyRow('key_b'));
    for (const [id, plain] of [
      ['gen_1', true],
      ['gen_2', false],
      ['gen_3', true],
    ] as const) {
      const [generation, attempt] = begun({ id });
      expect(book.begin({ ...generation, plain }, attempt)).toBe('begun');
    }
    expect(countOf('generation')).toBe(1);
    expect(book.generation('gen_1')).toMatchObject({ id: 'gen_1', model: 'house/pen', modality: 'text' });
    expect(book.generation('gen_1', 'key_b')).toBeUndefined();
    expect(book.listGenerations({ limit: 2 }).data.map((one) => one.id)).toEqual(['gen_3', 'gen_2']);
    expect(book.listGenerations({ limit: 2, after: 'gen_2' })).toMatchObject({
      data: [{ id: 'gen_1' }],
      hasMore: false,
    });
    expect(book.listGenerations({ limit: 9, keyId: 'key_b' }).data).toEqual([]);
    expect(settle('gen_1', 4n)).toBe('settled');
    expect(settle('gen_1', 9n)).toBe('before');
    expect(book.generation('gen_1')).toMatchObject({
      status: 'completed',
      completedAt: noon + 5,
      outputs: [],
      attempts: [{ state: 'settled', receipt: { total: 4n } }],
    });
    expect(book.spend({ groupBy: ['modality'], simulated: 'include' })).toMatchObject({
      rows: [{ generations: 3, attempts: 3, costPico: 4n }],
      totalPico: 4n,
    });
    book.revokeKey('key_a', noon);
    const [generation, attempt] = begun({ id: 'gen_4' });
    expect(book.begin({ ...generation, plain: true }, attempt)).toBe('revoked');
  });

  it('keeps assets', () => {
    const asset = {
      id: 'asset_main_1',
      generationId: 'gen_1',
      sha256: 'ab',
      mediaType: 'image/png',
      bytes: 3,
      at: noon,
    };
    book.addAsset(asset);
    expect(book.asset('asset_main_1')).toEqual(asset);
    expect(book.asset('asset_main_2')).toBeUndefined();
    expect(() => book.addAsset(asset)).toThrow();
  });
});
