import { appendFileSync, existsSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostBook, openBooks } from '../../src/runtime/node/books.ts';
import { Spill } from '../../src/runtime/node/spill.ts';
import { openSql, type SqlFile } from '../../src/runtime/node/sql.ts';
import { begun, ended, keyRow, noon, receiptOf, temporaryFolder } from './rows.ts';

describe('a hosted book', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let sql: SqlFile;
  let commits: number;
  let hosted: ReturnType<typeof hostBook>;
  beforeEach(async () => {
    folder = temporaryFolder();
    const file = openSql(folder.file);
    commits = 0;
    sql = {
      ...file,
      commit: () => {
        commits++;
        file.commit();
      },
    };
    hosted = hostBook(sql);
    await hosted.client.createKey(keyRow('key_a'));
    commits = 0;
  });
  afterEach(() => {
    hosted.close();
    folder.remove();
  });

  it('commits the calls of one turn together, and answers each with its own', async () => {
    const { client } = hosted;
    const begins = Array.from({ length: 50 }, (_, count) => client.begin(...begun({ id: `gen_${count}` })));
    expect(await Promise.all(begins)).toEqual(begins.map(() => 'begun'));
    expect(commits).toBe(1);
    const found = await Promise.all(begins.map((_, count) => client.generation(`gen_${count}`)));
    expect(found.map((record) => record?.id)).toEqual(begins.map((_, count) => `gen_${count}`));
  });

  it('lets one failing call spoil nobody else, and leaves nothing half done', async () => {
    const { client } = hosted;
    await client.begin(...begun({ id: 'gen_twice' }));
    const [, attempt] = begun({ id: 'gen_half' });
    const results = await Promise.allSettled([
      client.begin(...begun({ id: 'gen_1' })),
      client.begin(...begun({ id: 'gen_twice' })),
      // The generation is new, its attempt is not: nothing of it may stay.
      client.begin(begun({ id: 'gen_half' })[0], { ...attempt, id: 'gen_twice.1' }),
      client.begin(...begun({ id: 'gen_2' })),
      client.revokeKey('key_nobody', noon),
    ]);
    expect(results.map((result) => result.status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'store_unavailable', retryable: true });
    expect(String((results[1] as PromiseRejectedResult).reason.message)).not.toContain('UNIQUE');
    expect(await client.generation('gen_half')).toBeUndefined();
    expect((await client.listGenerations({ limit: 10 })).data.map((one) => one.id)).toEqual([
      'gen_twice',
      'gen_2',
      'gen_1',
    ]);
  });

  it('brings its log into the file once nobody asks any more, and not while somebody does', async () => {
    const other = temporaryFolder();
    const quick = hostBook(openSql(other.file), { quiet: 500 });
    const size = () => statSync(other.file).size;
    try {
      await quick.client.createKey(keyRow('key_a'));
      const before = size();
      for (let round = 0; round < 6; round++) {
        const begins = Array.from({ length: 20 }, (_, count) =>
          quick.client.begin(...begun({ id: `gen_${round}_${count}` })),
        );
        await Promise.all([...begins, new Promise((resolve) => setTimeout(resolve, 10))]);
        expect(size()).toBe(before);
      }
      await expect.poll(size, { timeout: 5_000 }).toBeGreaterThan(before + 20_000);
    } finally {
      quick.close();
      other.remove();
    }
  });

  it('remembers no budget of a transaction that was rolled back', async () => {
    const { client } = hosted;
    const limit = {
      ...({ id: 'bud_1', scope: 'tenant', unit: 'usd', window: 'day', timeZone: 'UTC' } as const),
      ...{ amount: 1n, alerts: [], at: noon },
    };
    /** The commit of all calls together fails, and then the beginning of the first one by itself. */
    const breakDown = () => {
      const { begin, commit } = sql;
      const fail = () => {
        throw new Error('The disk is full.');
      };
      sql.commit = () => {
        sql.commit = commit;
        sql.begin = () => {
          sql.begin = begin;
          fail();
        };
        fail();
      };
    };
    breakDown();
    const [put, begin] = await Promise.allSettled([
      client.putBudget(limit),
      client.begin(...begun({ id: 'gen_1' }), { demand: { usd: 5n } }),
    ]);
    expect([put.status, begin]).toEqual(['rejected', { status: 'fulfilled', value: 'begun' }]);
    expect(await client.listBudgets(noon)).toEqual([]);
    await client.putBudget(limit);
    breakDown();
    const [removed, refused] = await Promise.allSettled([
      client.removeBudget('bud_1'),
      client.begin(...begun({ id: 'gen_2' }), { demand: { usd: 5n } }),
    ]);
    expect(removed.status).toBe('rejected');
    expect(refused).toMatchObject({ value: { refused: 'budget', reason: 'too_large' } });
  });

  it('settles once, however many say so at the same time', async () => {
    const { client } = hosted;
    await client.begin(...begun({ id: 'gen_1' }));
    const words = await Promise.all(
      Array.from({ length: 20 }, (_, count) =>
        client.settle(
          { attemptId: 'gen_1.1', at: noon, outcome: 'succeeded', receipt: receiptOf(BigInt(count + 1)) },
          ended('gen_1'),
        ),
      ),
    );
    expect(words.filter((word) => word !== 'before')).toHaveLength(1);
    expect((await client.spend({ groupBy: [], simulated: 'include' })).totalPico).toBe(1n);
  });

  it('answers for what a provider has done while the file cannot be written, and makes it good, over a restart', async () => {
    const other = temporaryFolder();
    const file = openSql(other.file);
    const spill = () => new Spill(`${other.path}/main.spill`);
    let shut = false;
    const begin = (patient?: boolean) => {
      if (shut) throw new Error('The disk is full.');
      file.begin(patient);
    };
    const first = hostBook({ ...file, begin }, { spill: spill() });
    let told = 0;
    try {
      await first.client.createKey(keyRow('key_a'));
      for (const id of ['gen_1', 'gen_2']) await first.client.begin(...begun({ id }));
      expect(first.ready()).toBe(true);
      shut = true;
      const asset = { id: 'asset_1', generationId: 'gen_1', sha256: 'ab', mediaType: 'image/png', bytes: 3, at: noon };
      await first.client.addAsset(asset);
      const settle = (id: string) =>
        first.client.settle(
          { attemptId: `${id}.1`, at: noon, outcome: 'succeeded', receipt: receiptOf(7n) },
          ended(id, { units: { images: 1 } }),
        );
      expect(await Promise.all([settle('gen_1'), settle('gen_2')])).toEqual(['settled', 'settled']);
      await expect(first.client.begin(...begun({ id: 'gen_3' }))).rejects.toMatchObject({ code: 'store_unavailable' });
      expect(first.ready()).toBe(false);
      expect(statSync(`${other.path}/main.spill`).mode & 0o777).toBe(0o600);
    } finally {
      first.close();
    }
    // The last line was being written when the process ended.
    appendFileSync(`${other.path}/main.spill`, 'bm90IHdob2xl');
    const again = hostBook(openSql(other.file), { spill: spill(), told: () => told++ });
    try {
      expect(told).toBe(1);
      expect(existsSync(`${other.path}/main.spill`)).toBe(false);
      expect(await again.client.asset('asset_1')).toMatchObject({ generationId: 'gen_1' });
      expect((await again.client.spend({ groupBy: [], simulated: 'include' })).totalPico).toBe(14n);
      expect((await again.client.generation('gen_2'))?.units).toEqual({ images: 1 });
    } finally {
      again.close();
      other.remove();
    }
  });

  it('lets nothing overtake what was spilled', async () => {
    const other = temporaryFolder();
    const file = openSql(other.file);
    let shut = false;
    const begin = (patient?: boolean) => {
      if (shut) throw new Error('The disk is full.');
      file.begin(patient);
    };
    const house = hostBook({ ...file, begin }, { spill: new Spill(`${other.path}/main.spill`) });
    try {
      await house.client.createKey(keyRow('key_a'));
      await house.client.begin(...begun({ id: 'gen_1' }));
      shut = true;
      const settlement = { attemptId: 'gen_1.1', at: noon, outcome: 'succeeded', receipt: receiptOf(7n) };
      await house.client.settle(settlement, ended('gen_1', { outputs: [{ type: 'image', asset: 'asset_1' }] }));
      await expect(house.client.generation('gen_1')).rejects.toMatchObject({ code: 'store_unavailable' });
      shut = false;
      // At once, long before it is tried again by itself.
      const [one, two] = await Promise.all([house.client.generation('gen_1'), house.client.statusOf('gen_1')]);
      expect([one?.outputs, two]).toEqual([[{ type: 'image', asset: 'asset_1' }], 'completed']);
      expect(existsSync(`${other.path}/main.spill`)).toBe(false);
    } finally {
      house.close();
      other.remove();
    }
  });

  it('has on disk what it has answered, without being closed', async () => {
    await hosted.client.begin(...begun({ id: 'gen_1' }));
    const other = new DatabaseSync(folder.file, { readOnly: true });
    expect(other.prepare('SELECT id FROM attempt').all()).toMatchObject([{ id: 'gen_1.1' }]);
    other.close();
  });

  it('says store_unavailable to everybody at once while another writer holds the file, then goes on', async () => {
    const other = new DatabaseSync(folder.file);
    other.exec('BEGIN IMMEDIATE');
    const began = Date.now();
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, (_, count) => hosted.client.begin(...begun({ id: `gen_${count}` }))),
    );
    // One wait for all of them, not one each: the thread stands still meanwhile.
    expect(Date.now() - began).toBeLessThan(5_000);
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } });
    }
    other.exec('ROLLBACK');
    other.close();
    expect(await hosted.client.begin(...begun({ id: 'gen_1' }))).toBe('begun');
    expect((await hosted.client.listGenerations({ limit: 10 })).data).toHaveLength(1);
  });
});

describe('books of tenants', () => {
  it('open only where they were made, and under no other name', async () => {
    const folder = temporaryFolder();
    const books = openBooks(folder.path, () => []);
    try {
      await books.create('main').createKey(keyRow('key_a'));
      expect(await books.of('main').listKeys()).toHaveLength(1);
      for (const tenant of ['other', '../main', 'main.sqlite', '', 'MAIN', 'a/b', 'main\u0000']) {
        expect(() => books.of(tenant), tenant).toThrowError(expect.objectContaining({ code: 'invalid_api_key' }));
      }
      expect(() => books.create('../escape')).toThrow();
    } finally {
      books.close();
      folder.remove();
    }
  });
});
