import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, stringAt } from '../../src/contract/index.ts';
import { hostBook } from '../../src/runtime/node/books.ts';
import { openSql } from '../../src/runtime/node/sql.ts';
import { begun, keyRow, temporaryFolder } from '../books/rows.ts';
import { startSimulated } from '../support/gateway.ts';

let gateway: Awaited<ReturnType<typeof startSimulated>>;
beforeAll(async () => {
  gateway = await startSimulated();
});
afterAll(() => gateway?.close());

async function post(path: string, body: object) {
  const answer = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Json };
}
const calls = () => [...gateway.simulators.values()].reduce((sum, one) => sum + one.bill.calls.length, 0);

const chat = { model: 'openai/gpt-5.5', messages: [{ role: 'user', content: 'hello' }], max_tokens: 5 };
const image = { model: 'openai/gpt-image-2', input: 'a lamp', size: '1024x1024', quality: 'low' };

describe('without a store', () => {
  it('#48 nothing is sent while somebody else holds the file, and everything works again afterwards', async () => {
    expect((await post('/v1/chat/completions', chat)).status).toBe(200);
    const other = new DatabaseSync(join(gateway.data, 'books', 'main.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    const before = calls();
    const answers = await Promise.all([
      post('/v1/chat/completions', chat),
      post('/v1/generations', image),
      post('/v1/messages', { ...chat, model: 'anthropic/claude-sonnet-5' }),
    ]);
    expect(answers.map((one) => one.status)).toEqual([503, 503, 503]);
    expect(stringAt(answers[1]!.body, 'error', 'code')).toBe('store_unavailable');
    expect(calls()).toBe(before);
    other.exec('ROLLBACK');
    other.close();
    expect((await post('/v1/chat/completions', chat)).status).toBe(200);
  }, 30_000);

  it('#49 a full one refuses what is new and keeps what it has', async () => {
    const folder = temporaryFolder();
    const sql = openSql(folder.file);
    const hosted = hostBook(sql);
    await hosted.client.createKey(keyRow('key_a'));
    const pages = Number(sql.all('PRAGMA page_count')[0]!.page_count);
    sql.script(`PRAGMA max_page_count = ${pages + 2}`);
    let kept = 0;
    let refused = '';
    while (!refused && kept < 2000) {
      const large = 'x'.repeat(2000);
      await hosted.client.begin(...begun({ id: `gen_${kept}`, tags: { large } })).then(
        () => kept++,
        (thrown) => {
          refused = String(thrown.code);
        },
      );
    }
    expect(refused).toBe('store_unavailable');
    expect((await hosted.client.openAttempts(Number.MAX_SAFE_INTEGER)).length).toBe(kept);
    hosted.close();
    folder.remove();
  });
});
