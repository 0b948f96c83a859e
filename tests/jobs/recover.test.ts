import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenAttempt } from '../../src/books/index.ts';
import { GatewayError, type Json } from '../../src/contract/index.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { Health } from '../../src/gateway/health.ts';
import { keyedRef } from '../../src/gateway/keys.ts';
import { openedAttempt } from '../../src/jobs/look.ts';
import { recover } from '../../src/jobs/work.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { type FileBooks, openBooks } from '../../src/runtime/node/books.ts';
import { begun, keyRow, noon, temporaryFolder } from '../books/rows.ts';

const model = 'house/pen';

/** As much of a gateway as taking over from another process needs, with a real book. */
describe('what a process left open', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let books: FileBooks;
  let gateway: Gateway;
  const now = noon + 60_000;

  beforeEach(async () => {
    folder = temporaryFolder();
    books = openBooks(folder.path, () => ['main']);
    await books.create('main').createKey(keyRow('key_a'));
    gateway = gatewayWith({ key: 'one' });
  });
  afterEach(() => {
    books.close();
    folder.remove();
  });

  function gatewayWith(keyed: { key: string; keys?: string[] }): Gateway {
    return {
      books,
      clock: { now: () => now },
      upstreams: new Map([['house', { row: { id: 'house' }, provider: { id: 'house' }, simulated: false, ...keyed }]]),
      directory: { find: () => undefined },
      catalogue: createCatalogue([], 'sha256:x'),
      health: new Health({ random: () => 0.5 }),
      wake: { arm: () => {}, ended: () => {} },
    } as unknown as Gateway;
  }
  const leave = async (count: number, ref?: Json): Promise<OpenAttempt[]> => {
    const book = books.of('main');
    for (let place = 0; place < count; place++) {
      const [generation, attempt] = begun({ id: `gen_${place}` });
      expect(await book.begin(generation, attempt, {})).toBe('begun');
      if (ref !== undefined) await book.submitted(attempt.id, generation.id, ref, now, undefined);
    }
    return book.openAttempts(now);
  };
  const seemsWell = () => gateway.health.model(model).breaker.allows(now);

  it('is booked, and says nothing about its provider: nobody saw how those calls went', async () => {
    await leave(8);
    expect(await recover(gateway, 'main', now)).toBe(8);
    const book = books.of('main');
    expect(await book.openAttempts(now)).toEqual([]);
    expect((await book.generation('gen_0'))?.attempts).toMatchObject([{ outcome: 'outcome_unknown' }]);
    expect(seemsWell()).toBe(true);
    expect(gateway.health.model(model).statistics.expected(now, false)).toBeUndefined();
  });

  it('a job that goes on still does: its end is seen here', async () => {
    const owner = { tenant: 'main', book: books.of('main') };
    for (const row of await leave(8, { id: 'job' })) {
      const { attempt } = openedAttempt(gateway, owner, row)!;
      await attempt.fail(new GatewayError('provider_error', 'Broken.'));
    }
    expect(seemsWell()).toBe(false);
  });

  it('a job of one key is asked about with it, also where another one has come before it since', async () => {
    const [row] = await leave(1, keyedRef({ key: 'one' }, { id: 'job' }));
    const owner = { tenant: 'main', book: books.of('main') };
    const { attempt, ref } = openedAttempt(gatewayWith({ key: 'new', keys: ['new', 'one'] }), owner, row!)!;
    expect(attempt.upstream.key).toBe('one');
    expect(ref).toEqual({ id: 'job' });
  });
});
