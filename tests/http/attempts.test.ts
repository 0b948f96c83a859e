import { afterEach, describe, expect, it } from 'vitest';
import { at, type Json, stringAt } from '../../src/contract/index.ts';
import { framesOf } from './doors.ts';
import {
  fallback,
  healthy,
  heard,
  openStream,
  pieces,
  primary,
  refuse,
  startPair,
  whole,
  words,
} from './two-providers.ts';

const say = pieces('gpt-5.5');
type Pair = Awaited<ReturnType<typeof startPair>>;
let pair: Pair;
const open = async (...given: Parameters<typeof startPair>) => {
  pair = await startPair(...given);
  pair.reset();
  return pair;
};
afterEach(() => pair.close());
const attemptsOf = (generation: Json) => at(generation, 'attempts') as Json[];
const quiet = { sleep: async () => {}, random: () => 0 };
const cut = (count: number) => (call: Parameters<typeof openStream>[0]) => {
  openStream(call);
  call.response.write(say.role + words.slice(0, count).map(say.word).join(''));
  setTimeout(() => call.response.socket?.destroy(), 30);
};

describe('one model alone', () => {
  it('#1 a short Retry-After is waited for, and the answer comes', async () => {
    await open();
    let calls = 0;
    pair.scripts.primary = (call, body) =>
      ++calls === 1
        ? refuse(429, { message: 'Slow down.' }, { 'retry-after-ms': '300' })(call, body)
        : healthy('gpt-5.5')(call, body);
    const answer = await pair.chat(primary);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get('x-atelier-attempts')).toBe('2');
    const [first, second] = pair.calls;
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(295);
    expect(attemptsOf(await pair.newest())).toMatchObject([
      { outcome: 'provider_rate_limited', failure: 'B', billed: false, moved_on: { wait_ms: 300, to: primary } },
      { outcome: 'succeeded', failure: null, billed: true },
    ]);
  });

  it('#1 a long one is told to the caller, and nobody waits', async () => {
    await open();
    pair.scripts.primary = refuse(429, { message: 'Slow down.' }, { 'retry-after': '30' });
    const answer = await pair.chat(primary);
    expect(`${answer.status} ${answer.headers.get('retry-after')}`).toBe('429 30');
    expect(pair.calls).toHaveLength(1);
  });

  it('#2 Retry-After as a date of the past: an ordinary pause', async () => {
    await open({}, quiet);
    let calls = 0;
    pair.scripts.primary = (call, body) =>
      ++calls < 3
        ? refuse(429, { message: 'No.' }, { 'retry-after': 'Sun, 22 Nov 2020 12:00:00 GMT' })(call, body)
        : healthy('gpt-5.5')(call, body);
    expect((await pair.chat(primary)).status).toBe(200);
    expect(calls).toBe(3);
  });

  it('#5 overloaded for ever: three attempts, then the caller is told', async () => {
    await open({}, quiet);
    pair.scripts.primary = refuse(529, { message: 'Overloaded.' });
    const answer = await pair.chat(primary);
    expect(`${answer.status} ${stringAt(answer.body, 'error', 'code')}`).toBe('503 provider_overloaded');
    expect(pair.calls).toHaveLength(3);
  });

  it('#5 retries that help cost nothing: each success gives back what its retry took', async () => {
    let now = Date.UTC(2026, 10, 22);
    await open({}, { ...quiet, clock: { now: () => now } });
    let calls = 0;
    pair.scripts.primary = (call, body) =>
      ++calls % 2 === 1 ? refuse(529, { message: 'Overloaded.' })(call, body) : healthy('gpt-5.5')(call, body);
    // a hundred and twenty retries would empty the bucket of five hundred
    for (let count = 0; count < 140; count++) {
      // beyond the window in which retries are a share of the traffic
      now += 20_000;
      const answer = await pair.chat(primary);
      expect(`${count} ${answer.status}`).toBe(`${count} 200`);
    }
    expect(calls).toBe(280);
  });

  it('#5 a retry storm is capped: retries are a fifth of the traffic', async () => {
    await open({}, quiet);
    pair.scripts.primary = refuse(529, { message: 'Overloaded.' });
    for (let count = 0; count < 50; count++) await pair.chat(primary);
    expect(pair.calls.length).toBeGreaterThanOrEqual(53);
    expect(pair.calls.length).toBeLessThanOrEqual(62);
  });

  for (const [name, status] of [
    ['#6 500 after work done', 500],
    ['#7 504 from the edge', 504],
  ] as const) {
    it(`${name} is sent once`, async () => {
      await open({}, quiet);
      pair.scripts.primary = refuse(status, { message: 'Broken.' });
      expect((await pair.chat(primary)).status).toBeGreaterThanOrEqual(500);
      expect(pair.calls).toHaveLength(1);
    });
  }

  it('#10 a reset is sent once, and once more where the caller allows it', async () => {
    await open({}, quiet);
    pair.scripts.primary = ({ response }) => {
      response.socket?.resetAndDestroy();
    };
    expect(stringAt((await pair.chat(primary)).body, 'error', 'code')).toBe('outcome_unknown');
    expect(pair.calls).toHaveLength(1);
    await pair.chat(primary, { route: { duplicate_ok: true, attempts: 2 } });
    expect(pair.calls).toHaveLength(3);
  });

  it('#31 a caller that leaves during the pause ends it: nothing more is sent', async () => {
    await open();
    pair.scripts.primary = refuse(429, { message: 'Slow down.' }, { 'retry-after': '1' });
    const leave = new AbortController();
    const asked = fetch(`${pair.gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${pair.gateway.appKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: primary, messages: [{ role: 'user', content: 'x' }] }),
      signal: leave.signal,
    }).catch(() => {});
    await expect.poll(() => pair.calls.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    leave.abort();
    await asked;
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(pair.calls).toHaveLength(1);
  });

  it('is in a hurry where the caller says so', async () => {
    await open();
    pair.scripts.primary = () => {};
    const began = Date.now();
    const answer = await pair.chat(primary, {}, { 'x-atelier-timeout-ms': '200' });
    expect(stringAt(answer.body, 'error', 'code')).toBe('provider_timeout');
    // the socket's clock ticks once a second
    expect(Date.now() - began).toBeLessThan(1_500);
  });
});

describe('several models', () => {
  for (const [name, script] of [
    [
      '#12 a reset after the headers',
      (call) => {
        openStream(call).flushHeaders();
        setTimeout(() => call.response.socket?.resetAndDestroy(), 20);
      },
    ],
    ['an empty stream', (call) => void openStream(call).end()],
    [
      '#24 an error in the first event',
      (call) => void openStream(call).end('data: {"error":{"message":"Hot.","type":"server_error"}}\n\n'),
    ],
    ['#24 an error object in a 200', refuse(200, { message: 'Hot.', type: 'server_error' })],
    ['#26 a login page', ({ response }) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
    ['#14 a stream that ends before its first word', (call) => void openStream(call).end(say.role)],
    [
      '#28 a header that is too large',
      ({ response }) => void response.writeHead(200, { 'x-large': 'x'.repeat(40_000) }).end(),
    ],
    ['#29 a redirect', ({ response }) => void response.writeHead(302, { location: 'http://169.254.169.254/' }).end()],
    ['#11 FIN before the headers', ({ response }) => void response.socket?.end()],
  ] as [string, Pair['scripts']['primary']][]) {
    it(`${name}: the other answers, and the caller sees nothing of it`, async () => {
      await open();
      pair.scripts.primary = script;
      for (const stream of [true, false]) {
        const answer = await pair.chat('pair', { stream });
        expect(answer.status, answer.text).toBe(200);
        expect(answer.headers.get('x-atelier-attempts')).toBe('2');
        if (stream) expect(heard(answer.text)).toMatchObject({ text: whole, done: true, error: undefined });
        else expect(stringAt(answer.body, 'choices', 0, 'message', 'content')).toBe(whole);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
  }

  it('#8 a closed port: the other is asked at once', async () => {
    await open({ OPENAI_BASE_URL: 'http://127.0.0.1:9' });
    const began = Date.now();
    expect((await pair.chat('pair')).headers.get('x-atelier-provider')).toBe('mistral');
    expect(Date.now() - began).toBeLessThan(1_000);
    expect(attemptsOf(await pair.newest())[0]).toMatchObject({ failure: 'A', moved_on: { wait_ms: 0 } });
  });

  it('#10 where nothing may be done twice, an unknown outcome ends it', async () => {
    await open();
    pair.scripts.primary = ({ response }) => {
      response.socket?.resetAndDestroy();
    };
    const answer = await pair.chat('careful');
    expect(`${answer.status} ${stringAt(answer.body, 'error', 'code')}`).toBe('502 outcome_unknown');
    expect(pair.to('fallback')).toHaveLength(0);
  });

  it('#13 a cut in the middle is an in-band error where the route does not restart, and what came is booked', async () => {
    await open();
    pair.scripts.primary = cut(40);
    const answer = await pair.chat('pair', { stream: true });
    expect(heard(answer.text)).toMatchObject({
      text: words.slice(0, 40).join(''),
      done: false,
      error: 'stream_interrupted',
    });
    expect(pair.to('fallback')).toHaveLength(0);
    expect(await pair.newest()).toMatchObject({ status: 'failed', receipt: { status: 'priced_estimated' } });
  });

  it('all breakers open: the least bad is still asked', async () => {
    await open({}, quiet);
    pair.scripts.primary = pair.scripts.fallback = refuse(503, { message: 'Down.' });
    for (let count = 0; count < 6; count++) await pair.chat('pair');
    const before = pair.calls.length;
    pair.scripts.primary = pair.scripts.fallback = healthy('m');
    expect((await pair.chat('pair')).status).toBe(200);
    expect(pair.calls.length).toBe(before + 1);
  });

  it('#4 keys: a spent one is set aside, a refused one too, and the answer comes from the next', async () => {
    await open({ OPENAI_API_KEY: 'sk-spent,sk-refused,sk-good' }, quiet);
    pair.scripts.primary = (call, body) => {
      const key = call.request.headers.authorization;
      if (key === 'Bearer sk-spent')
        return refuse(429, { message: 'No money.', code: 'insufficient_quota' })(call, body);
      if (key === 'Bearer sk-refused') return refuse(401, { message: 'Bad key sk-refused' })(call, body);
      return healthy('gpt-5.5')(call, body);
    };
    for (let count = 0; count < 3; count++) {
      const answer = await pair.chat(primary);
      expect(answer.status, answer.text).toBe(200);
    }
    expect(pair.calls.map(({ key }) => key)).toEqual(['sk-spent', 'sk-refused', 'sk-good', 'sk-good', 'sk-good']);
    const generations = (await pair.send('/v1/generations?limit=3')).text;
    expect(generations).not.toContain('sk-');
  });

  it('models of the request, with the first one that is named before them; in headers, too', async () => {
    await open();
    pair.scripts.primary = refuse(503, { message: 'Down.' });
    const first = await pair.chat(primary, { models: [fallback] });
    expect(first.headers.get('x-atelier-model')).toBe(fallback);
    expect(at(pair.to('fallback')[0]!.body, 'models')).toBeUndefined();
    expect(stringAt(pair.to('fallback')[0]!.body, 'model')).toBe('mistral-large-2512');
    const second = await pair.chat(primary, {}, { 'x-atelier-models': `${primary}, ${fallback}` });
    expect(second.headers.get('x-atelier-model')).toBe(fallback);
    const none = await pair.post('/v1/chat/completions', {
      models: [primary, fallback],
      messages: [{ role: 'user', content: 'x' }],
    });
    expect(none.headers.get('x-atelier-model')).toBe(fallback);
    const listed = await pair.post(
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'x' }] },
      { headers: { 'x-atelier-models': `${primary},${fallback}` } },
    );
    expect(listed.headers.get('x-atelier-model'), listed.text).toBe(fallback);
    for (const [more, param] of [
      [{ models: [] }, 'models'],
      [{ models: [primary, 'openai/gpt-image-2'] }, 'model'],
      [{ models: [primary], route: { strategy: 'prettiest' } }, 'route.strategy'],
      [{ route: { tries: 3 } }, 'route.tries'],
    ] as const) {
      const refused = await pair.chat(primary, more as never);
      expect(`${refused.status} ${stringAt(refused.body, 'error', 'param')}`, refused.text).toBe(`400 ${param}`);
    }
  });

  it('a budget admits each at its own price: who is too dear is passed over', async () => {
    await open();
    const answer = await pair.post('/v1/generations', {
      model: primary,
      models: [fallback],
      modality: 'text',
      input: 'x',
      max_output_tokens: 1000,
      max_tokens: 1000,
      max_cost_usd: '0.01',
    });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get('x-atelier-model')).toBe(fallback);
    expect(pair.to('primary')).toHaveLength(0);
  });

  it('weighted: both are asked; a conversation keeps to one', async () => {
    await open();
    for (let count = 0; count < 40; count++) await pair.chat('split');
    expect(pair.to('primary').length).toBeGreaterThan(5);
    expect(pair.to('fallback').length).toBeGreaterThan(5);
    for (const session of ['one', 'two', 'three', 'four']) {
      pair.calls.length = 0;
      for (let count = 0; count < 5; count++) await pair.chat('kept', {}, { 'x-session': session });
      expect(new Set(pair.calls.map(({ to }) => to)).size).toBe(1);
    }
  });

  it('fastest: who answered faster is asked', async () => {
    await open();
    pair.scripts.primary = async (call, body) => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      return healthy('gpt-5.5')(call, body);
    };
    const asked = () => pair.chat(primary, { models: [primary, fallback], route: 'fastest' });
    for (let count = 0; count < 2; count++) await asked();
    pair.calls.length = 0;
    for (let count = 0; count < 3; count++) await asked();
    expect(pair.to('primary')).toHaveLength(0);
  });

  it('a slow provider fills its own share and starves nobody', async () => {
    await open({ ATELIER_CONCURRENCY: '4', ATELIER_DEADLINES_MS: '5000,5000,20000' });
    let active = 0;
    let highest = 0;
    pair.scripts.primary = async (call, body) => {
      highest = Math.max(highest, ++active);
      await new Promise((resolve) => setTimeout(resolve, 200));
      active--;
      return healthy('gpt-5.5')(call, body);
    };
    const slow = Array.from({ length: 20 }, () => pair.chat(primary));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const began = Date.now();
    expect((await pair.chat(fallback)).status).toBe(200);
    expect(Date.now() - began).toBeLessThan(500);
    const answers = await Promise.all(slow);
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(highest).toBe(4);
  });
});

describe('a restart through other doors', () => {
  it('messages: one message, one block, whole', async () => {
    await open();
    pair.scripts.primary = cut(40);
    const answer = await pair.post('/v1/messages', {
      model: 'whole',
      max_tokens: 500,
      stream: true,
      messages: [{ role: 'user', content: 'Say your words.' }],
    });
    const frames = framesOf(answer.text);
    const types = frames.map((frame) => stringAt(frame, 'type'));
    expect(types.filter((type) => type === 'message_start' || type === 'content_block_start')).toHaveLength(2);
    expect(types.at(-1)).toBe('message_stop');
    expect(frames.map((frame) => stringAt(frame, 'delta', 'text') ?? '').join('')).toBe(whole);
  });

  it('responses: kept whole', async () => {
    await open();
    pair.scripts.primary = cut(40);
    const answer = await pair.post('/v1/responses', { model: 'whole', stream: true, input: 'Say your words.' });
    const last = framesOf(answer.text).at(-1);
    expect(stringAt(last, 'type')).toBe('response.completed');
    const id = stringAt(last, 'response', 'id');
    const kept = await pair.send(`/v1/responses/${id}`);
    expect(stringAt(kept.body, 'output', 0, 'content', 0, 'text')).toBe(whole);
  });

  it('generations: told as a warning, kept whole, with what answered instead', async () => {
    await open();
    pair.scripts.primary = cut(40);
    const answer = await pair.post('/v1/generations', {
      model: 'whole',
      modality: 'text',
      stream: true,
      input: 'Say.',
    });
    const frames = framesOf(answer.text);
    expect(frames.map((frame) => stringAt(frame, 'type'))).toContain('generation.warning');
    expect(frames.at(-1)).toMatchObject({
      type: 'generation.completed',
      generation: {
        status: 'completed',
        outputs: [{ type: 'text', text: whole }],
        degradations: [{ field: 'model', asked: primary, delivered: fallback }],
        receipt: { attempts: 2 },
      },
    });
  });

  it('half a JSON answer is not gone on with', async () => {
    await open();
    pair.scripts.primary = cut(40);
    const answer = await pair.chat('whole', { stream: true, response_format: { type: 'json_object' } });
    expect(heard(answer.text)).toMatchObject({ done: false, error: 'stream_interrupted' });
    expect(pair.to('fallback')).toHaveLength(0);
  });
});
