import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf } from './doors.ts';

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** What operators write wrong is told to them, instead of being kept as a key or a limit that never works. */
describe('keys and budgets of operators', () => {
  let gateway: RunningGateway;
  const { send, post } = clientOf(() => gateway);
  const admin = (path: string, body?: unknown) =>
    body === undefined
      ? send(path, { key: gateway.adminKey })
      : post(path, body as Record<string, unknown>, { key: gateway.adminKey });
  const text = { model: 'openai/gpt-5.4-mini', input: 'Say exactly: ok', max_tokens: 10 };

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it('a key does not end in the far future by mistake, and its making tells everything of it', async () => {
    const now = Math.floor(Date.now() / 1000);
    for (const expires_at of [now * 1000, now + 101 * 366 * 86_400]) {
      const { status, body } = await admin('/v1/keys', { name: 'x', expires_at });
      expect([status, at(body, 'error', 'param')], String(expires_at)).toEqual([400, 'expires_at']);
    }
    const asked = { name: 'x', project: 'p', expires_at: now + 60, markup_percent: 2.5, unpriced_ceiling_usd: '0.5' };
    const { status, body } = await admin('/v1/keys', asked);
    expect(status).toBe(201);
    expect(body).toMatchObject({ ...asked, object: 'key', revoked_at: null, scopes: ['generate'] });
    const listed = await admin('/v1/keys');
    const { key, ...shown } = body as { key: string };
    expect(key).toMatch(/^atl_live_/);
    expect((listed.body as { data: unknown[] }).data).toContainEqual(shown);
  });

  it('a field that is not there is named', async () => {
    const { status, body } = await admin('/v1/keys', { name: 'x', tenant: 'other' });
    expect([status, at(body, 'error', 'param')]).toEqual([400, 'tenant']);
  });

  it.each([
    [{ scope: 'tag', subject: 'red', window: 'day' }, 'subject'],
    [{ scope: 'tag', subject: 'team:red', window: 'day' }, 'subject'],
    [{ scope: 'tag', subject: '*', window: 'day' }, 'subject'],
    [{ scope: 'tag', subject: '=red', window: 'day' }, 'subject'],
    [{ scope: 'key', subject: 'key_nobody', window: 'day' }, 'subject'],
    [{ scope: 'tenant' }, 'window'],
    [{ scope: 'tenant', unit: 'jobs', window: 'day' }, 'window'],
    [{ scope: 'tenant', unit: 'usd', window: 'concurrent' }, 'window'],
  ])('a limit that nothing would ever meet is refused: %j', async (budget, param) => {
    const { status, body } = await admin('/v1/budgets', { limit: '1', ...budget });
    expect([status, at(body, 'error', 'param')]).toEqual([400, param]);
  });

  it('each value of a tag is limited by itself', async () => {
    const budget = { scope: 'tag', subject: 'team=*', unit: 'requests', window: 'day', limit: '1' };
    const made = await admin('/v1/budgets', budget);
    expect(made.status).toBe(201);
    const answers = [];
    for (const team of ['red', 'red', 'blue', 'blue']) {
      answers.push((await post('/v1/generations', { ...text, tags: { other: 'x', team } })).status);
    }
    expect(answers).toEqual([200, 402, 200, 402]);
    expect((await post('/v1/generations', { ...text, tags: { steam: 'red' } })).status).toBe(200);
    const uses = at((await admin('/v1/budgets')).body, 'data', 0, 'uses') as { subject: string; spent: string }[];
    expect(uses.map(({ subject, spent }) => `${subject} ${spent}`).sort()).toEqual(['team=blue 1', 'team=red 1']);
    await send(`/v1/budgets/${stringAt(made.body, 'id')}`, { method: 'DELETE', key: gateway.adminKey });
  });

  it('jobs are limited at once without a window named', async () => {
    const made = await admin('/v1/budgets', { scope: 'tenant', unit: 'jobs', limit: '2' });
    expect([made.status, at(made.body, 'window')]).toEqual([201, 'concurrent']);
  });
});

describe('reports', () => {
  it('a question that can only have an empty answer is refused', async () => {
    const gateway = await startGateway();
    const { send } = clientOf(() => gateway);
    for (const [query, param] of [
      ['from=2026-11-30&to=2026-11-01', 'from'],
      ['modality=imgae', 'modality'],
    ]) {
      const { status, body } = await send(`/v1/spend?${query}`);
      expect([status, at(body, 'error', 'param')]).toEqual([400, param]);
    }
    expect((await send('/v1/spend?from=2026-11-01&to=2026-11-01&modality=image,')).status).toBe(400);
    expect((await send('/v1/spend?from=2026-11-01&to=2026-11-01&modality=image')).status).toBe(200);
    await gateway.close();
  });
});

describe('lists', () => {
  it('a place or a modality that is none is refused, and operators may read what can be made', async () => {
    const gateway = await startGateway();
    const { send } = clientOf(() => gateway);
    for (const [path, param] of [
      ['/v1/generations?after=nope', 'after'],
      ['/v1/models?modality=imgae', 'modality'],
    ] as const) {
      const { status, body } = await send(path);
      expect([status, at(body, 'error', 'param')]).toEqual([400, param]);
    }
    expect((await send('/v1/generations?after=')).status).toBe(200);
    expect((await send('/v1/models?modality=video', { key: gateway.adminKey })).status).toBe(200);
    await gateway.close();
  });
});

describe('quotes', () => {
  let gateway: RunningGateway;
  const { post } = clientOf(() => gateway);
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it('what would be refused has no price', async () => {
    for (const [body, param] of [
      [{ model: 'openai/gpt-image-2', input: 'x', size: 'banana' }, 'size'],
      [{ model: 'runway/veo3.1', input: 'x', seconds: 7 }, 'seconds'],
      [{ model: 'fal/fal-ai/trellis', input: 'x' }, 'images'],
      [{ modality: 'video', input: 'x', seconds: 3000 }, 'seconds'],
    ] as const) {
      const quoted = await post('/v1/quote', body);
      expect([quoted.status, at(quoted.body, 'error', 'param')], JSON.stringify(body)).toEqual([400, param]);
      if (!('model' in body)) continue;
      const run = await post('/v1/generations', body);
      expect(at(run.body, 'error', 'message')).toBe(at(quoted.body, 'error', 'message'));
    }
  });

  it('of all models those that can are quoted, of a list each is, with why it cannot', async () => {
    const all = await post('/v1/quote', { modality: 'video', input: 'x', seconds: 8 });
    const names = (at(all.body, 'candidates') as { model: string }[]).map(({ model }) => model);
    expect(names).toContain('runway/veo3.1');
    expect(names.filter((name) => /image-to-video|aleph2|luma/.test(name))).toEqual([]);
    const models = ['luma/ray-2', 'runway/veo3.1'];
    const two = await post('/v1/quote', { models, input: 'x', seconds: 8 });
    expect(at(two.body, 'candidates')).toMatchObject([
      { model: 'luma/ray-2', refused: expect.stringContaining('not 8') },
      { model: 'runway/veo3.1', expected: '3.2' },
    ]);
    expect(at(two.body, 'candidates', 1, 'refused')).toBeUndefined();
  });

  it('a model that needs a picture says so before it is asked', async () => {
    const model = 'fal/fal-ai/trellis';
    const bare = await post('/v1/generations', { model, input: 'a chair' });
    expect([bare.status, at(bare.body, 'error', 'message')]).toEqual([400, `${model} needs images.`]);
    expect(bare.headers.get('x-atelier-generation')).toBeNull();
    const shown = { model, input: 'a chair', images: [`data:image/png;base64,${pixel}`], wait: 0 };
    expect((await post('/v1/generations', shown)).status).toBe(202);
  });
});

describe('degradations', () => {
  let gateway: RunningGateway;
  const { post } = clientOf(() => gateway);
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  it('what a model does anyway is no degradation, and not refused to strict callers', async () => {
    const body = { model: 'runway/gen4_image', input: 'a chair', n: 1, format: 'png', strict: true };
    const picture = await post('/v1/generations', body);
    expect(picture.status, picture.text).toBe(200);
    expect(picture.body).toMatchObject({ warnings: [], degradations: [] });
    const words = { model: 'runway/eleven_multilingual_v2', input: 'Good day.', format: 'mp3', speed: 1 };
    const speech = await post('/v1/generations', words);
    expect(speech.body).toMatchObject({ warnings: [], degradations: [], outputs: [{ media_type: 'audio/mpeg' }] });
    const fast = await post('/v1/generations', { ...words, speed: 1.1 });
    expect(at(fast.body, 'degradations')).toEqual([{ field: 'speed', asked: 1.1 }]);
    expect((await post('/v1/generations', { ...words, speed: 1.1, strict: true })).status).toBe(400);
  });
});
