import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Json, type JsonObject, stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { startUpstream } from './upstream.ts';

let gateway: RunningGateway;
let receiver: Awaited<ReturnType<typeof startUpstream>>;
const told: JsonObject[] = [];

beforeAll(async () => {
  receiver = await startUpstream(({ body, response }) => {
    told.push(JSON.parse(body) as JsonObject);
    response.writeHead(204).end();
  });
  gateway = await startGateway({ ATELIER_ALLOWED_ORIGINS: hook() });
});
afterAll(async () => {
  await gateway?.close();
  await receiver?.close();
});

const hook = () => receiver.url;

async function call(method: string, path: string, body: JsonObject | undefined, key: string, headers = {}) {
  const answer = await fetch(gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Json };
}
const admin = (method: string, path: string, body?: JsonObject) => call(method, path, body, gateway.adminKey);

/** A key of its own with a budget on it. */
async function budgeted(budget: JsonObject, key: JsonObject = {}) {
  const made = await admin('POST', '/v1/keys', { name: 'limited', scopes: ['generate', 'spend'], ...key });
  const id = stringAt(made.body, 'id')!;
  const limit = await admin('POST', '/v1/budgets', { scope: 'key', subject: id, window: 'day', ...budget });
  expect(limit.status, JSON.stringify(limit.body)).toBe(201);
  const secret = stringAt(made.body, 'key')!;
  const budgetId = stringAt(limit.body, 'id')!;
  const use = async () => {
    const list = await call('GET', '/v1/budgets', undefined, secret);
    return (at(list.body, 'data') as Json[]).find((one) => stringAt(one, 'id') === budgetId);
  };
  return {
    key: secret,
    use,
    post: (path: string, body: JsonObject, headers = {}) => call('POST', path, body, secret, headers),
  };
}

// 1056 tokens of output at $40 and about ten of input at $5 a million.
const image = { model: 'openai/gpt-image-2', input: 'a lamp', size: '1024x1024', quality: 'low' };
const chat = (text: string, more: JsonObject = {}) => ({
  model: 'openai/gpt-5.5',
  messages: [{ role: 'user', content: text }],
  max_tokens: 20,
  ...more,
});
const codeOf = (answer: { status: number; body: Json }) => `${answer.status} ${stringAt(answer.body, 'error', 'code')}`;

describe('budgets', () => {
  it('300 at once on a budget for 10 images make exactly 10', async () => {
    const { post, use } = await budgeted({ unit: 'images', limit: '10', modality: 'image' });
    const cheap = { model: 'replicate/black-forest-labs/flux-schnell', input: 'a lamp' };
    const answers = await Promise.all(Array.from({ length: 300 }, () => post('/v1/generations', cheap)));
    const made = answers.filter((answer) => answer.status === 200);
    expect(made).toHaveLength(10);
    const refused = new Set(answers.filter((answer) => answer.status !== 200).map(codeOf));
    expect([...refused].every((code) => /^402 budget_(in_flight|exhausted)$/.test(code))).toBe(true);
    expect(at(await use(), 'uses', 0)).toMatchObject({ spent: '10', held: '0', available: '0' });
  }, 30_000);

  it('money: spent is what the receipts say, nothing stays held', async () => {
    const name = 'money alone';
    const { post, use, key } = await budgeted({ limit: '0.5' }, { name });
    const answers = await Promise.all(Array.from({ length: 12 }, () => post('/v1/generations', image)));
    const receipts = answers.filter((one) => one.status === 200);
    expect(receipts.length).toBeGreaterThan(0);
    const spend = await call('GET', `/v1/spend?simulated=include&group_by=key`, undefined, key);
    const row = (at(spend.body, 'rows') as Json[]).find((one) => stringAt(one, 'key') === name);
    expect(stringAt(await use(), 'uses', 0, 'spent')).toBe(stringAt(row, 'cost_usd'));
    expect(stringAt(await use(), 'uses', 0, 'held')).toBe('0');
  });

  it('names what is left, and says when it may work', async () => {
    const { post } = await budgeted({ limit: '0.000001' });
    const answer = await post('/v1/chat/completions', chat('hello'));
    expect(codeOf(answer)).toBe('402 budget_exhausted');
    expect(stringAt(answer.body, 'error', 'message')).toMatch(/limit of \$0\.000001 \(day\)/);
    const direct = await post('/v1/generations', { modality: 'text', input: 'hello' });
    expect(at(direct.body, 'error', 'facts')).toMatchObject({ limit: '$0.000001', available: '$0.000001', held: '$0' });
    expect(answer.headers.get('x-atelier-generation')).toBeNull();
  });

  it('requests a minute are refused with the time until the next one', async () => {
    const { post } = await budgeted({ unit: 'requests', window: 'minute', limit: '2' });
    const first = [await post('/v1/chat/completions', chat('one')), await post('/v1/chat/completions', chat('two'))];
    const third = await post('/v1/chat/completions', chat('three'));
    // The minute may have turned between them.
    if (first.every((one) => one.status === 200) && third.status === 200) return;
    expect(codeOf(third)).toBe('429 rate_limited');
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('refuses a model without a price, unless the key has a ceiling', async () => {
    const unknown = chat('hello', { model: 'openrouter/nobody/has-priced-this' });
    const strict = await budgeted({ limit: '1' });
    expect(codeOf(await strict.post('/v1/chat/completions', unknown))).toBe('402 unpriced_model');
    const lenient = await budgeted({ limit: '1' }, { unpriced_ceiling_usd: '0.25' });
    expect((await lenient.post('/v1/chat/completions', unknown)).status).toBe(200);
    expect(at(await lenient.use(), 'uses', 0)).toMatchObject({ spent: '0.25', held: '0' });
  });

  it('a text call without a limit of its own is held at what its model can write', async () => {
    const { post } = await budgeted({ limit: '0.10' });
    const open = { model: 'openai/gpt-5.5', messages: [{ role: 'user', content: 'hello' }] };
    expect(codeOf(await post('/v1/chat/completions', open))).toBe('402 budget_exhausted');
    expect((await post('/v1/chat/completions', { ...open, max_tokens: 50 })).status).toBe(200);
    const streamed = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${(await budgeted({ limit: '0.10' })).key}` },
      body: JSON.stringify({ ...open, max_tokens: 50, stream: true }),
    });
    expect(await streamed.text()).toContain('[DONE]');
  });

  it('max_cost_usd refuses one request, whatever the budgets', async () => {
    const dear = await call('POST', '/v1/generations', { ...image, max_cost_usd: '0.001' }, gateway.appKey);
    expect(codeOf(dear)).toBe('402 budget_exhausted');
    expect(stringAt(dear.body, 'error', 'param')).toBe('max_cost_usd');
    const fine = await call('POST', '/v1/generations', { ...image, max_cost_usd: '1' }, gateway.appKey);
    expect(fine.status).toBe(200);
    const header = { 'x-atelier-max-cost-usd': '0.0000001' };
    expect(codeOf(await call('POST', '/v1/chat/completions', chat('hello'), gateway.appKey, header))).toBe(
      '402 budget_exhausted',
    );
  });

  it('tells thresholds by signed webhook', async () => {
    const { post } = await budgeted({ unit: 'requests', limit: '4', alerts: [50, 100], alert_url: `${hook()}/alerts` });
    for (let sent = 0; sent < 4; sent++) await post('/v1/chat/completions', chat(`hello ${sent}`));
    for (let tries = 0; tries < 100 && told.length < 2; tries++) await new Promise((done) => setTimeout(done, 20));
    expect(told.map((one) => at(one, 'data', 'percent')).sort()).toEqual([100, 50]);
  });

  it.each([
    [{ scope: 'key', window: 'day', limit: '1' }, 'subject'],
    [{ scope: 'tenant', subject: 'x', window: 'day', limit: '1' }, 'subject'],
    [{ scope: 'tenant', window: 'fortnight', limit: '1' }, 'window'],
    [{ scope: 'tenant', window: 'day', limit: '-1' }, 'limit'],
    [{ scope: 'tenant', window: 'day', limit: '1', time_zone: 'Mars/Olympus' }, 'time_zone'],
    [{ scope: 'tenant', window: 'day', unit: 'jobs', limit: '1' }, 'window'],
  ])('refuses %j', async (body, param) => {
    const answer = await admin('POST', '/v1/budgets', body);
    expect(answer.status).toBe(400);
    expect(stringAt(answer.body, 'error', 'param')).toBe(param);
  });

  it('only the operator makes and removes them', async () => {
    const body = { scope: 'tenant', window: 'day', limit: '1' };
    expect(codeOf(await call('POST', '/v1/budgets', body, gateway.appKey))).toBe('403 permission_denied');
    const made = await admin('POST', '/v1/budgets', { ...body, unit: 'songs' });
    const removed = await admin('DELETE', `/v1/budgets/${stringAt(made.body, 'id')}`);
    expect(removed.body).toMatchObject({ deleted: true });
    expect((await admin('DELETE', `/v1/budgets/${stringAt(made.body, 'id')}`)).status).toBe(404);
  });
});
