import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestHarness } from 'wrangler';
import { png } from '../../providers/simulators/media/index.ts';
import { makeKey } from '../../src/gateway/credential.ts';
import { newId } from '../../src/gateway/ids.ts';

const adminKey = makeKey('admin', 'main');
const url = 'http://atelier.test';
type Store = { exec(text: string, ...values: unknown[]): Promise<Record<string, unknown>[]> };
type Objects = { list(): Promise<{ objects: { key: string }[] }> };

/** A vendor that answers at once, with whatever output is set; webhooks come to it, too. */
let output: string[] = [];
const told: string[] = [];
const vendor = createServer((request, response) => {
  if (request.url === '/hook') {
    request.on('data', (chunk) => told.push(String(chunk)));
    return void response.end();
  }
  if (request.url?.endsWith('.png')) {
    if (request.url === '/lost.png') return void response.writeHead(404).end();
    return void response.end(png({ width: 16, height: 16, seed: request.url }));
  }
  if (request.url === '/v1/images/generations') {
    const image = Buffer.from(png({ width: 16, height: 16, seed: 'slow' })).toString('base64');
    const made = {
      created: 1,
      data: [{ b64_json: image }],
      usage: { input_tokens: 5, output_tokens: 9, total_tokens: 14 },
    };
    return void setTimeout(
      () => response.setHeader('content-type', 'application/json').end(JSON.stringify(made)),
      1_500,
    );
  }
  const prediction = { id: 'p1', status: 'succeeded', output, urls: {}, metrics: { predict_time: 1 } };
  response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(prediction));
});
let home = '';
let harness: ReturnType<typeof createTestHarness>;
let appKey: string;

const send = (path: string, init: RequestInit = {}, key = appKey) =>
  harness.fetch(`${url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...init.headers },
  } as never) as unknown as Promise<Response>;
const post = async (path: string, body: object, key = appKey) => {
  const answer = await send(path, { method: 'POST', body: JSON.stringify(body) }, key);
  return { status: answer.status, body: (await answer.json()) as Record<string, never> };
};
const worker = () => harness.getWorker() as unknown as { getEnv(): Promise<{ ASSETS: Objects }> };
const bookOf = (tenant: string) =>
  (
    harness.getWorker() as unknown as {
      getDurableObjectStorage(binding: string, options: { name: string }): Promise<Store>;
    }
  ).getDurableObjectStorage('BOOKS', { name: tenant });

beforeAll(async () => {
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve));
  home = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}`;
  const vars = {
    // As `echo … | wrangler secret put` leaves it.
    ATELIER_ADMIN_KEY: `${adminKey}\n`,
    REPLICATE_API_TOKEN: 'r8_real',
    REPLICATE_BASE_URL: home,
    OPENAI_API_KEY: 'sk-real',
    OPENAI_BASE_URL: `${home}/v1`,
    ATELIER_ALLOWED_ORIGINS: home,
  };
  harness = createTestHarness({ workers: [{ configPath: './wrangler.toml', vars }] });
  await harness.listen();
  const made = await post('/v1/keys', { name: 'app', scopes: ['generate', 'spend'] }, adminKey);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  appKey = String(made.body.key);
});
afterAll(async () => {
  await harness?.close();
  vendor.close();
  vendor.closeAllConnections();
});

const film = { model: 'replicate/acme/painter', modality: 'image', input: 'a fox', wait: 30 };

it('a tenant that somebody guesses gets no book, and no other answer than a wrong key', async () => {
  const guessed = makeKey('live', 'nobody');
  const wrong = await send('/v1/models', {}, makeKey('live', 'main'));
  const answer = await send('/v1/models', {}, guessed);
  expect([answer.status, await answer.json()]).toEqual([wrong.status, await wrong.json()]);
  expect(answer.status).toBe(401);
  const link = await send(`/assets/asset_nobody_${'0'.repeat(26)}?e=9999999999&s=${'0'.repeat(64)}`, {}, guessed);
  expect(link.status).toBe(404);
  const hook = await send(`/webhooks/nobody/gen_1.1/${'0'.repeat(64)}`, { method: 'POST', body: '{}' }, guessed);
  expect([401, 404]).toContain(hook.status);
  // What begins with _ is the platform's own.
  const tables = await (await bookOf('nobody')).exec("SELECT name FROM sqlite_master WHERE substr(name, 1, 1) <> '_'");
  expect(tables).toEqual([]);
});

it('nothing is left in R2 of the first output whose second cannot be had', async () => {
  output = [`${home}/one.png`, `${home}/lost.png`];
  const { body } = await post('/v1/generations', film);
  expect(body).toMatchObject({ error: { code: 'invalid_output' } });
  expect((await (await worker().getEnv()).ASSETS.list()).objects).toEqual([]);
  output = [`${home}/one.png`, `${home}/two.png`];
  const whole = await post('/v1/generations', film);
  expect(whole.body).toMatchObject({ status: 'completed', outputs: [{ width: 16 }, { width: 16 }] });
  expect((await (await worker().getEnv()).ASSETS.list()).objects).toHaveLength(2);
});

it('a picture that is answered at once is waited for, even by who does not want to: nothing else would outlive the request', async () => {
  const { status, body } = await post('/v1/generations', { model: 'openai/gpt-image-2', input: 'a fox', wait: 0 });
  expect([status, body.status]).toEqual([200, 'completed']);
});

it('a conversation with a picture of megabytes is kept and gone on with, although no row can hold it', async () => {
  const bytes = Buffer.alloc(2_400_000, 'atelier').toString('base64');
  const content = [
    { type: 'input_text', text: 'What is this? 🎨' },
    { type: 'input_image', image_url: `data:image/png;base64,${bytes}` },
  ];
  const model = 'mistral/mistral-large-2512';
  const first = await post('/v1/responses', { model, input: [{ role: 'user', content }] });
  expect(first.status, JSON.stringify(first.body).slice(0, 300)).toBe(200);
  const id = String(first.body.id);
  expect((await send(`/v1/responses/${id}`)).status).toBe(200);
  const items = (await (await send(`/v1/responses/${id}/input_items`)).json()) as { data: { content: unknown }[] };
  expect(items.data[0]?.content).toEqual(content);
  const more = await post('/v1/responses', { model, input: 'And now?', previous_response_id: id });
  expect(more.status, JSON.stringify(more.body).slice(0, 300)).toBe(200);
  const removed = await send(`/v1/responses/${id}`, { method: 'DELETE' });
  expect(removed.status).toBe(200);
  const left = await (await bookOf('main')).exec('SELECT DISTINCT name FROM long_text WHERE name LIKE ?', `${id}/%`);
  expect(left).toEqual([]);
});

it('a background response has its end in it: it would not outlive the request for long enough', async () => {
  const asked = { model: 'mistral/mistral-large-2512', input: 'hello', background: true };
  const { body } = await post('/v1/responses', asked);
  expect(body).toMatchObject({ status: 'completed', background: true });
  expect(await (await send(`/v1/responses/${String(body.id)}`)).json()).toEqual(body);
});

it('a generation whose process stopped between two attempts is ended by an alarm, and its webhook told', async () => {
  const book = await bookOf('main');
  const [key] = await book.exec('SELECT id FROM key LIMIT 1');
  const at = Date.now() - 2 * 3_600_000;
  const id = newId('gen_', at);
  const error = JSON.stringify({ code: 'provider_overloaded', message: 'Busy.', moved_on: { to: 'other' } });
  await book.exec(
    `INSERT INTO generation (id, key_id, modality, model, status, simulated, created_at, webhook)
     VALUES (?, ?, 'image', 'replicate/acme/painter', 'queued', 0, ?, ?)`,
    ...[id, key!.id, at, JSON.stringify({ url: `${home}/hook`, origin: url })],
  );
  await book.exec(
    `INSERT INTO attempt (id, generation_id, key_id, modality, provider, model, simulated, state, at, ended_at, outcome,
       cost_status, cost_basis, catalogue, lines, error)
     VALUES (?, ?, ?, 'image', 'replicate', 'acme/painter', 0, 'released', ?, ?, 'provider_overloaded', 'not_billable',
       'none', 'sha256:x', '[]', ?)`,
    ...[`${id}.1`, id, key!.id, at, at + 1_000, error],
  );
  // What its process left behind: the row that a timer follows, due by now.
  await book.exec(
    'INSERT INTO job (attempt_id, generation_id, due, leased_until, deadline) VALUES (?, ?, ?, ?, ?)',
    ...[`${id}.1`, id, at, at, at + 1],
  );
  // Any work lets the object look at its clock.
  output = [`${home}/one.png`];
  await post('/v1/generations', film);
  let status = '';
  for (const until = Date.now() + 10_000; Date.now() < until && (status !== 'failed' || told.length === 0); ) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    status = ((await (await send(`/v1/generations/${id}`)).json()) as { status: string }).status;
  }
  expect(status).toBe('failed');
  expect(told.map((body) => JSON.parse(body))).toMatchObject([{ type: 'generation.failed', data: { id } }]);
  expect(await book.exec('SELECT attempt_id FROM job WHERE generation_id = ?', id)).toEqual([]);
});

it('the doors of the operator and of reports answer as on Node', async () => {
  const model = 'replicate/black-forest-labs/flux-schnell';
  const asked = { model, modality: 'image', input: 'a fox', n: 2 };
  expect(await post('/v1/quote', asked)).toMatchObject({
    status: 200,
    body: { candidates: [{ model, max: '0.006' }] },
  });
  const profile = [{ model, per_month: 1000 }];
  expect((await post('/v1/forecast', { profile, multiples: [1] })).status).toBe(200);
  const usage = { prompt_tokens: 1200, completion_tokens: 350 };
  const call = { provider: 'openai', model: 'gpt-4o', endpoint: 'chat.completions', usage };
  expect(await post('/v1/price', call)).toMatchObject({ status: 200, body: { total: '0.0065' } });
  const csv = 'date,model,cost\n2026-11-22,acme/painter,0.10\n';
  const reconciled = await send(
    '/v1/reconcile?provider=replicate',
    { method: 'POST', body: csv, headers: { 'content-type': 'text/csv' } },
    adminKey,
  );
  expect([reconciled.status, await reconciled.json()]).toMatchObject([200, { rows_read: 1 }]);
  for (const [path, key] of [
    ['/v1/spend?group_by=model', appKey],
    ['/v1/spend?group_by=model&format=csv', appKey],
    ['/v1/generations?limit=2', appKey],
    ['/v1/webhook_deliveries', adminKey],
    ['/v1/webhook_secret', adminKey],
    ['/v1/dead_letters', adminKey],
    ['/v1/budgets', adminKey],
    ['/v1/keys', adminKey],
  ] as const) {
    const answer = await send(path, {}, key);
    expect([path, answer.status, await answer.text()]).toEqual([path, 200, expect.stringMatching(/./)]);
  }
});
