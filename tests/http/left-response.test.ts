import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../support/gateway.ts';

let gateway: RunningGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

type Answer = { id: string; status: string; error: { message: string } | null; output: unknown[] };

async function send(path: string, init: RequestInit = {}): Promise<Answer> {
  const headers = { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' };
  return (await (await fetch(`${gateway.url}${path}`, { ...init, headers })).json()) as Answer;
}

/** What a process leaves behind that stopped so many minutes ago in the middle of a background response. */
let count = 0;
async function leave(minutes: number): Promise<string> {
  const body = JSON.stringify({ model: 'openai/gpt-5.5', input: `hello ${++count}` });
  const { id } = await send('/v1/responses', { method: 'POST', body });
  const file = new DatabaseSync(join(gateway.data, 'books', 'main.sqlite'));
  const left =
    "UPDATE response SET status = 'queued', created_at = ?, body = json_set(body, '$.status', 'queued', '$.background', json('true')) WHERE id = ?";
  file.prepare(left).run(Date.now() - minutes * 60_000, id);
  file.close();
  return id;
}

it('a background response whose process stopped has failed, once nobody can be at work on it any more', async () => {
  const id = await leave(61);
  for (const _ of [1, 2]) {
    expect(await send(`/v1/responses/${id}`)).toMatchObject({
      status: 'failed',
      error: { code: 'server_error', message: 'The gateway stopped before the answer arrived.' },
    });
  }
  expect(await send(`/v1/responses/${await leave(61)}/cancel`, { method: 'POST' })).toMatchObject({ status: 'failed' });
});

it('one that may still be worked on is as it was', async () => {
  expect(await send(`/v1/responses/${await leave(30)}`)).toMatchObject({ status: 'queued', error: null });
});
