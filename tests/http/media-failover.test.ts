import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { png } from '../../providers/simulators/media/index.ts';
import { at, type Json, stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf, parsed } from './doors.ts';
import { refuse, type Script } from './two-providers.ts';
import { startUpstream } from './upstream.ts';

const first = 'openai/gpt-image-2';
const second = 'openai/gpt-image-1.5';
const picture = Buffer.from(png({ width: 64, height: 64, seed: 'x' })).toString('base64');

const paint: Script = ({ response }) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(
    JSON.stringify({
      created: 1,
      data: [{ b64_json: picture }],
      usage: {
        input_tokens: 5,
        output_tokens: 100,
        total_tokens: 105,
        input_tokens_details: { text_tokens: 5, image_tokens: 0 },
      },
    }),
  );
};

describe('media and its candidates', () => {
  let gateway: RunningGateway;
  let upstream: Awaited<ReturnType<typeof startUpstream>>;
  let lookup: Awaited<ReturnType<typeof startUpstream>>;
  let known = 200;
  const scripts: Record<string, Script> = {};
  const asked: string[] = [];
  const { post, newest, spent } = clientOf(() => gateway);

  beforeAll(async () => {
    upstream = await startUpstream(async (call) => {
      const body = parsed(call.body);
      const model = stringAt(body, 'model') ?? '';
      asked.push(model);
      await (scripts[model] ?? paint)(call, body);
    });
    lookup = await startUpstream(({ response }) => {
      response.writeHead(known, { 'content-type': 'application/json' }).end('{"charges":"unknown"}');
    });
    gateway = await startGateway({
      OPENAI_API_KEY: 'sk-x',
      OPENAI_BASE_URL: upstream.url,
      ATELIER_LOOKUP_URL: `${lookup.url}/{provider}/{attempt}`,
    });
  });
  afterEach(() => {
    asked.length = 0;
    known = 200;
    for (const name of Object.keys(scripts)) delete scripts[name];
  });
  afterAll(async () => {
    await gateway.close();
    await Promise.all([upstream.close(), lookup.close()]);
  });
  const make = (more: object = {}) =>
    post('/v1/generations', { model: first, models: [second], input: 'a lamp', size: '1024x1024', ...more });

  for (const [name, status, error] of [
    ['#1 429', 429, { message: 'Slow down.' }],
    ['#5 503', 503, { message: 'Overloaded.' }],
    ['#4 no money', 429, { message: 'No.', code: 'insufficient_quota' }],
    ['a model that this account has not', 404, { message: 'No such model.', code: 'model_not_found' }],
  ] as const) {
    it(`${name}: refused unbilled, so the next one makes it, and that is told`, async () => {
      scripts['gpt-image-2'] = refuse(status, error);
      const answer = await make();
      expect(answer.status, answer.text).toBe(200);
      expect(asked).toEqual(['gpt-image-2', 'gpt-image-1.5']);
      expect(answer.body).toMatchObject({
        status: 'completed',
        model: second,
        degradations: [{ field: 'model', asked: first, delivered: second }, {}],
        attempts: [{ billed: false, failure: 'B', moved_on: { to: second } }, { outcome: 'succeeded' }],
      });
    });
  }

  for (const [name, script] of [
    ['#6 500', refuse(500, { message: 'Broken.' })],
    ['#7 504', refuse(504, { message: 'Gateway time-out.' })],
    ['#10 reset', ({ response }) => void response.socket?.resetAndDestroy()],
  ] as [string, Script][]) {
    it(`${name}: it may have been made, so nobody makes it again`, async () => {
      scripts['gpt-image-2'] = script;
      const answer = await make();
      expect(answer.status, answer.text).toBeGreaterThanOrEqual(500);
      expect(answer.headers.get('x-should-retry')).toBe('false');
      expect(asked).toEqual(['gpt-image-2']);
    });
  }

  it('#7 the provider says that it did nothing: then another may make it', async () => {
    known = 404;
    scripts['gpt-image-2'] = refuse(504, { message: 'Gateway time-out.' });
    const before = await spent();
    const answer = await make();
    expect(answer.status, answer.text).toBe(200);
    expect(asked).toEqual(['gpt-image-2', 'gpt-image-1.5']);
    expect(stringAt(answer.body, 'attempts', 0, 'cost_usd')).toBe('0');
    expect(await spent()).not.toBe(before);
  });

  it('one model alone is asked again where it refused unbilled, and the generation ends', async () => {
    scripts['gpt-image-2'] = refuse(429, { message: 'Slow down.' }, { 'retry-after-ms': '20' });
    const answer = await make({ models: [first] });
    expect(`${answer.status} ${stringAt(answer.body, 'error', 'code')}`).toBe('429 provider_rate_limited');
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.length).toBeLessThanOrEqual(3);
    expect(await newest()).toMatchObject({ status: 'failed', error: { code: 'provider_rate_limited' } });
    expect(at(await newest(), 'error', 'moved_on')).toBeUndefined();
  });

  it('a candidate that cannot make it is passed over before anything is sent', async () => {
    const answer = await make({ model: second, models: [first], size: '2048x1024' });
    expect(answer.status, answer.text).toBe(200);
    expect(asked).toEqual(['gpt-image-2']);
  });

  it('embeddings, too', async () => {
    scripts['text-embedding-3-small'] = refuse(503, { message: 'Overloaded.' });
    scripts['text-embedding-3-large'] = ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          object: 'list',
          data: [{ object: 'embedding', index: 0, embedding: [0.5, 0.25] }],
          model: 'text-embedding-3-large',
          usage: { prompt_tokens: 2, total_tokens: 2 },
        }),
      );
    };
    const answer = await post('/v1/embeddings', {
      model: 'openai/text-embedding-3-small',
      models: ['openai/text-embedding-3-large'],
      input: 'x',
    });
    expect(answer.status, answer.text).toBe(200);
    expect(stringAt(answer.body, 'model')).toBe('openai/text-embedding-3-large');
    expect(answer.headers.get('x-atelier-warnings')).toContain('answers instead');
    const mixed = await post('/v1/embeddings', { model: 'openai/text-embedding-3-small', models: [first], input: 'x' });
    expect(`${mixed.status} ${stringAt(mixed.body as Json, 'error', 'code')}`).toBe('400 modality_mismatch');
  });
});

describe('a generation between two attempts', () => {
  it('whose next attempt cannot begin ends with the error of the last one', async () => {
    const upstream = await startUpstream((call) =>
      refuse(429, { message: 'Slow.' }, { 'retry-after': '1' })(call, null),
    );
    const gateway = await startGateway({ OPENAI_API_KEY: 'sk-x', OPENAI_BASE_URL: upstream.url });
    const { post, send, newest } = clientOf(() => gateway);
    try {
      const keys = await send('/v1/keys', { key: gateway.adminKey });
      const id = stringAt(keys.body, 'data', 0, 'id');
      const asked = post('/v1/generations', { model: first, input: 'a lamp' });
      await expect.poll(async () => at(await newest(), 'attempts', 0, 'moved_on')).toBeTruthy();
      expect((await send(`/v1/keys/${id}`, { method: 'DELETE', key: gateway.adminKey })).status).toBeLessThan(300);
      const answer = await asked;
      expect(answer.status, answer.text).toBeGreaterThanOrEqual(400);
      const book = new DatabaseSync(`${gateway.data}/books/main.sqlite`, { readOnly: true });
      const rows = book.prepare('SELECT status, completed_at, error FROM generation').all();
      book.close();
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({ status: 'failed' });
      expect(rows[0]!.completed_at).not.toBeNull();
    } finally {
      await gateway.close();
      await upstream.close();
    }
  });

  it('tells its end to whoever asked to be told, at once', async () => {
    const upstream = await startUpstream((call) =>
      refuse(429, { message: 'Slow.' }, { 'retry-after': '1' })(call, null),
    );
    const told: Json[] = [];
    const receiver = await startUpstream(({ body, response }) => {
      told.push(parsed(body));
      response.writeHead(204).end();
    });
    const gateway = await startGateway({
      OPENAI_API_KEY: 'sk-x',
      OPENAI_BASE_URL: upstream.url,
      ATELIER_ALLOWED_ORIGINS: receiver.url,
    });
    const { post, send, newest } = clientOf(() => gateway);
    try {
      const keys = await send('/v1/keys', { key: gateway.adminKey });
      const id = stringAt(keys.body, 'data', 0, 'id');
      await post('/v1/generations', { model: first, input: 'a lamp', wait: 0, webhook: `${receiver.url}/done` });
      await expect.poll(async () => at(await newest(), 'attempts', 0, 'moved_on')).toBeTruthy();
      await send(`/v1/keys/${id}`, { method: 'DELETE', key: gateway.adminKey });
      await expect.poll(() => told, { timeout: 5_000 }).toHaveLength(1);
      expect(told[0]).toMatchObject({ type: 'generation.failed', data: { status: 'failed' } });
    } finally {
      await gateway.close();
      await Promise.all([upstream.close(), receiver.close()]);
    }
  });
});
