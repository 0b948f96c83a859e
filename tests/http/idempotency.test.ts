import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { speechPcm, wav } from '../../providers/simulators/media/index.ts';
import { startSimulators } from '../../providers/simulators/server.ts';
import { at, type Json, type JsonObject, stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';

let gateway: RunningGateway;
let simulators: Awaited<ReturnType<typeof startSimulators>>;
beforeAll(async () => {
  simulators = await startSimulators({ port: 0, faults: true });
  gateway = await startGateway(simulators.env);
});
afterAll(async () => {
  await gateway?.close();
  await simulators?.close();
});

async function post(path: string, name: string | undefined, body: JsonObject | FormData) {
  const answer = await fetch(gateway.url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.appKey}`,
      ...(name ? { 'idempotency-key': name } : {}),
      ...(body instanceof FormData ? {} : { 'content-type': 'application/json' }),
    },
    body: body instanceof FormData ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  let parsed: Json = null;
  try {
    parsed = JSON.parse(text) as Json;
  } catch {
    // A stream.
  }
  return { status: answer.status, headers: answer.headers, text, body: parsed };
}

const callsOf = (provider: string) => simulators.simulators.get(provider)!.bill.calls.length;
const image = (input: string): JsonObject => ({
  model: 'openai/gpt-image-2',
  input,
  size: '1024x1024',
  quality: 'low',
});
const chat = (content: string, more: JsonObject = {}) => ({
  model: 'openai/gpt-5.5',
  messages: [{ role: 'user', content }],
  ...more,
});

describe('Idempotency-Key', () => {
  it('50 at once make one provider call and 50 equal answers', async () => {
    const before = callsOf('openai');
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post('/v1/generations', 'fifty', image('a lamp'))),
    );
    expect(callsOf('openai') - before).toBe(1);
    expect(new Set(answers.map((one) => `${one.status} ${one.text}`)).size).toBe(1);
    expect(answers[0]!.status, answers[0]!.text).toBe(200);
    expect(answers.filter((one) => one.headers.get('idempotent-replayed') === 'true')).toHaveLength(49);
    expect(new Set(answers.map((one) => one.headers.get('x-atelier-generation'))).size).toBe(1);
  });

  it('the same for chat, plain and streamed: byte for byte', async () => {
    for (const stream of [false, true]) {
      const before = callsOf('openai');
      const answers = await Promise.all(
        Array.from({ length: 10 }, () =>
          post('/v1/chat/completions', `chat ${stream}`.replace(' ', '-'), chat('hello', { stream })),
        ),
      );
      expect(callsOf('openai') - before).toBe(1);
      expect(new Set(answers.map((one) => one.text)).size).toBe(1);
      expect(answers[0]!.text).toContain(stream ? '[DONE]' : 'chat.completion');
    }
  });

  it('a job is attached to while it runs', async () => {
    const before = callsOf('replicate');
    const song = { model: 'replicate/meta/musicgen', input: 'a song', seconds: 2 };
    const answers = await Promise.all([1, 2, 3].map(() => post('/v1/generations', 'song', song)));
    expect(callsOf('replicate') - before).toBe(1);
    expect(answers.map((one) => stringAt(one.body, 'status'))).toEqual(['completed', 'completed', 'completed']);
    expect(new Set(answers.map((one) => one.text)).size).toBe(1);
  });

  it('forms are compared without their boundaries', async () => {
    const samples = { sampleRate: 16_000, channels: 1 };
    const sound = wav(speechPcm({ text: 'hello there', seed: 'form', sampleRate: 16_000 }), samples);
    const form = () => {
      const made = new FormData();
      made.set('model', 'openai/whisper-1');
      made.set('file', new File([sound as Uint8Array<ArrayBuffer>], 'a.wav'));
      return made;
    };
    const first = await post('/v1/generations', 'form', form());
    expect(first.status, first.text).toBe(200);
    const again = await post('/v1/generations', 'form', form());
    expect(again.text).toBe(first.text);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
  });

  it('refuses the name for another request, and sends nothing', async () => {
    await post('/v1/generations', 'taken', image('one'));
    const before = callsOf('openai');
    const other = await post('/v1/generations', 'taken', image('two'));
    expect(other.status).toBe(422);
    expect(stringAt(other.body, 'error', 'code')).toBe('idempotency_conflict');
    expect(callsOf('openai')).toBe(before);
  });

  it('a request that began nothing may be sent again; so may one that was refused unbilled', async () => {
    const bad = await post('/v1/generations', 'bad', { model: 'openai/gpt-image-2' });
    expect(bad.status).toBe(400);
    const good = await post('/v1/generations', 'bad', image('better'));
    expect(good.status).toBe(200);

    const limited = await post('/v1/chat/completions', 'limited', chat('hello [[fault:status:503]]'));
    expect(limited.status).toBe(503);
    const again = await post('/v1/chat/completions', 'limited', chat('hello [[fault:status:503]]'));
    expect(again.headers.get('idempotent-replayed')).toBeNull();
  });

  it('what may have cost money is told again, not done again', async () => {
    const unknown = await post('/v1/generations', 'unknown', image('lamp [[fault:billed-500]]'));
    expect(unknown.status).toBeGreaterThanOrEqual(500);
    const before = callsOf('openai');
    const again = await post('/v1/generations', 'unknown', image('lamp [[fault:billed-500]]'));
    expect(again.text).toBe(unknown.text);
    expect(callsOf('openai')).toBe(before);
  });

  it('background work is begun once', async () => {
    const before = callsOf('openai');
    const body = { model: 'openai/gpt-5.5', input: 'hello', background: true };
    const first = await post('/v1/responses', 'background', body);
    expect(first.status, first.text).toBe(200);
    const again = await post('/v1/responses', 'background', body);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.text).toBe(first.text);
    const headers = { authorization: `Bearer ${gateway.appKey}` };
    const url = `${gateway.url}/v1/responses/${stringAt(first.body, 'id')}`;
    const state = async () => stringAt((await (await fetch(url, { headers })).json()) as Json, 'status');
    await expect.poll(state).toBe('completed');
    expect((await post('/v1/responses', 'background', body)).text).toBe(first.text);
    expect(callsOf('openai') - before).toBe(1);
  });

  it("is another request where Gemini's stream is to have another form", async () => {
    const path = '/v1beta/models/google/gemini-3.8-flash:streamGenerateContent';
    const body = { contents: [{ role: 'user', parts: [{ text: 'hello' }] }] };
    const first = await post(`${path}?alt=sse`, 'forms', body);
    expect(first.status, first.text).toBe(200);
    expect((await post(path, 'forms', body)).status).toBe(422);
    expect((await post(`${path}?key=${gateway.appKey}&alt=sse`, 'forms', body)).text).toBe(first.text);
  });

  const native: [path: string, body: (text: string) => JsonObject, refusal: object][] = [
    [
      '/v1/messages',
      (content) => ({ model: 'anthropic/claude-sonnet-5', max_tokens: 20, messages: [{ role: 'user', content }] }),
      { type: 'error', error: { type: expect.any(String) } },
    ],
    [
      '/v1beta/models/google/gemini-3.8-flash:generateContent',
      (text) => ({ contents: [{ role: 'user', parts: [{ text }] }] }),
      { error: { code: expect.any(Number), status: expect.any(String) } },
    ],
  ];
  it.each(native)('%s refuses in its own words', async (path, body, refusal) => {
    expect((await post(path, path, body('one'))).status).toBe(200);
    const conflict = await post(path, path, body('two'));
    expect(conflict.status).toBe(422);
    expect(conflict.body).toMatchObject(refusal);
    const stranger = await fetch(gateway.url + path, {
      method: 'POST',
      headers: { authorization: 'Bearer nobody', 'idempotency-key': path, 'content-type': 'application/json' },
      body: JSON.stringify(body('one')),
    });
    expect(stranger.status).toBe(401);
    expect(await stranger.json()).toMatchObject(refusal);
  });

  it('names have a form', async () => {
    const answer = await post('/v1/generations', 'a'.repeat(256), image('x'));
    expect(answer.status).toBe(400);
    expect(stringAt(answer.body, 'error', 'param')).toBe('idempotency-key');
    expect(at(answer.body, 'error', 'retryable')).toBe(false);
  });
});
