import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

async function post(path: string, body: JsonObject, headers: Record<string, string> = { 'x-atelier-cache': '60' }) {
  const answer = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}
const calls = (provider: string) => simulators.simulators.get(provider)!.bill.calls.length;
const chat = (content: string, more: JsonObject = {}): JsonObject => ({
  model: 'openai/gpt-5.5',
  messages: [{ role: 'user', content }],
  ...more,
});

describe('the response cache', () => {
  it('answers an equal request for nothing, and books what that saved', async () => {
    const first = await post('/v1/chat/completions', chat('one'));
    const before = calls('openai');
    const again = await post('/v1/chat/completions', { messages: chat('one').messages!, model: 'openai/gpt-5.5' });
    expect(calls('openai')).toBe(before);
    expect([first, again].map((one) => one.headers.get('x-atelier-cache'))).toEqual(['miss', 'hit']);
    expect(again.text).toBe(first.text);
    expect(again.headers.get('x-atelier-cost-usd')).toBe('0');
    expect(again.headers.get('x-atelier-avoided-usd')).toBe(first.headers.get('x-atelier-cost-usd'));
    const id = again.headers.get('x-atelier-generation')!;
    expect(id).not.toBe(first.headers.get('x-atelier-generation'));
    const record = await fetch(`${gateway.url}/v1/generations/${id}`, {
      headers: { authorization: `Bearer ${gateway.appKey}` },
    });
    expect(((await record.json()) as { attempts: Json[] }).attempts[0]).toMatchObject({
      cost_usd: '0',
      charge_usd: '0',
      avoided_usd: first.headers.get('x-atelier-cost-usd'),
    });
  });

  it('equal requests at the same time make one call', async () => {
    const before = calls('openai');
    const answers = await Promise.all(Array.from({ length: 20 }, () => post('/v1/chat/completions', chat('at once'))));
    expect(calls('openai') - before).toBe(1);
    expect(new Set(answers.map((one) => one.text)).size).toBe(1);
    expect(answers.filter((one) => one.headers.get('x-atelier-cache') === 'miss')).toHaveLength(1);
  });

  it('streams are replayed as streams, to the official SDK too', async () => {
    const client = new OpenAI({
      baseURL: `${gateway.url}/v1`,
      apiKey: gateway.appKey,
      defaultHeaders: { 'x-atelier-cache': '60' },
    });
    const read = async () => {
      let text = '';
      const stream = await client.chat.completions.create({
        model: 'openai/gpt-5.5',
        messages: [{ role: 'user', content: 'Say exactly: a cached stream' }],
        stream: true,
      });
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      return text;
    };
    const before = calls('openai');
    expect([await read(), await read()]).toEqual(['a cached stream', 'a cached stream']);
    expect(calls('openai') - before).toBe(1);
  });

  it('does not answer what is different, failed, too old, or was not asked for', async () => {
    const before = calls('openai');
    await post('/v1/chat/completions', chat('different', { temperature: 0 }));
    await post('/v1/chat/completions', chat('different', { temperature: 1 }));
    await post('/v1/chat/completions', chat('different', { temperature: 0 }), {});
    expect(calls('openai') - before).toBe(3);
    const failed = await post('/v1/chat/completions', chat('[[fault:status:400]]'));
    expect(failed.headers.get('x-atelier-cache')).toBe('bypass');
    expect((await post('/v1/chat/completions', chat('[[fault:status:400]]'))).headers.get('x-atelier-cache')).toBe(
      'bypass',
    );
    await post('/v1/chat/completions', chat('old'));
    await new Promise((done) => setTimeout(done, 1_100));
    const late = await post('/v1/chat/completions', chat('old'), { 'x-atelier-cache': '1' });
    expect(late.headers.get('x-atelier-cache')).toBe('miss');
  });

  it('keeps pictures only where a seed says which', async () => {
    const image = { model: 'replicate/black-forest-labs/flux-schnell', input: 'a lamp' };
    const free = [await post('/v1/generations', image), await post('/v1/generations', image)];
    expect(free.map((one) => one.headers.get('x-atelier-cache'))).toEqual(['bypass', 'bypass']);
    const before = calls('replicate');
    const seeded = [
      await post('/v1/generations', { ...image, seed: 7 }),
      await post('/v1/generations', { ...image, seed: 7 }),
    ];
    expect(seeded.map((one) => one.headers.get('x-atelier-cache'))).toEqual(['miss', 'hit']);
    expect(calls('replicate') - before).toBe(1);
    const url = stringAt(JSON.parse(seeded[1]!.text) as Json, 'outputs', 0, 'url')!;
    expect((await fetch(url)).status).toBe(200);
  });

  it.each(['cut', 'error-event'])('does not serve again what ended in the middle: %s', async (fault) => {
    const stream = chat(`hello [[fault:${fault}:2]]`, { stream: true });
    const before = calls('openai');
    const broken = await post('/v1/chat/completions', stream);
    expect(broken.status).toBe(200);
    expect(broken.text).toContain('"error"');
    const again = await post('/v1/chat/completions', stream);
    expect([broken, again].map((one) => one.headers.get('x-atelier-cache'))).toEqual(['miss', 'miss']);
    expect(again.headers.get('x-atelier-generation')).not.toBe(broken.headers.get('x-atelier-generation'));
    expect(calls('openai') - before).toBe(2);
  });

  it('does not serve what was deleted', async () => {
    const lamp = { model: 'replicate/black-forest-labs/flux-schnell', input: 'a lamp', seed: 8 };
    const first = await post('/v1/generations', lamp);
    expect((await post('/v1/generations', lamp)).headers.get('x-atelier-cache')).toBe('hit');
    const id = first.headers.get('x-atelier-generation')!;
    const headers = { authorization: `Bearer ${gateway.appKey}` };
    expect((await fetch(`${gateway.url}/v1/generations/${id}`, { method: 'DELETE', headers })).status).toBe(200);
    const before = calls('replicate');
    const again = await post('/v1/generations', lamp);
    expect(again.headers.get('x-atelier-cache')).toBe('miss');
    expect(calls('replicate') - before).toBe(1);
    expect(stringAt(JSON.parse(again.text) as Json, 'id')).not.toBe(id);
    expect((await post('/v1/generations', lamp)).headers.get('x-atelier-cache')).toBe('hit');
  });

  it('serves a video while it is made, and no more once it has failed', async () => {
    const model = 'fal/fal-ai/kling-video/v3/turbo/pro/text-to-video';
    const film = (prompt: string) => post('/v1/videos', { model, prompt, seconds: '5', seed: 5 });
    const stateOf = async (id: string) => {
      const headers = { authorization: `Bearer ${gateway.appKey}` };
      return stringAt((await (await fetch(`${gateway.url}/v1/videos/${id}`, { headers })).json()) as Json, 'status');
    };
    const first = await film('a boat [[slow]]');
    const id = stringAt(JSON.parse(first.text) as Json, 'id')!;
    const again = await film('a boat [[slow]]');
    expect(await stateOf(id)).not.toBe('completed');
    expect([first, again].map((one) => one.headers.get('x-atelier-cache'))).toEqual(['miss', 'hit']);
    expect(again.text).toBe(first.text);

    const failing = await film('a boat [[fail]]');
    await expect.poll(() => stateOf(stringAt(JSON.parse(failing.text) as Json, 'id')!)).toBe('failed');
    expect((await film('a boat [[fail]]')).headers.get('x-atelier-cache')).toBe('miss');
  });

  it.each([
    ['x-atelier-strict', 'true'],
    ['x-atelier-route', 'attempts=1'],
  ])('tells requests apart by %s', async (header, value) => {
    const life = { 'x-atelier-cache': '60' };
    const words: (string | null)[] = [];
    for (const headers of [life, { ...life, [header]: value }, life]) {
      const answer = await post('/v1/chat/completions', chat(`with ${header}`), headers);
      words.push(answer.headers.get('x-atelier-cache'));
    }
    expect(words).toEqual(['miss', 'miss', 'hit']);
  });

  it("tells Gemini's two forms of a stream apart, and never by its key", async () => {
    const path = '/v1beta/models/google/gemini-3.8-flash:streamGenerateContent';
    const body = { contents: [{ role: 'user', parts: [{ text: 'in two forms' }] }] };
    const array = await post(path, body);
    const events = await post(`${path}?alt=sse`, body);
    expect([array, events].map((one) => one.headers.get('x-atelier-cache'))).toEqual(['miss', 'miss']);
    expect([array.text.slice(0, 1), events.text.slice(0, 5)]).toEqual(['[', 'data:']);
    const keyed = await post(`${path}?alt=sse&key=${gateway.appKey}`, body);
    expect(keyed.headers.get('x-atelier-cache')).toBe('hit');
    expect(keyed.text).toBe(events.text);
  });

  it('refuses in the words of its door', async () => {
    const refused = async (path: string) =>
      JSON.parse((await post(path, chat('x'), { 'x-atelier-cache': 'forever' })).text) as Json;
    expect(await refused('/v1/messages')).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
    const gemini = await refused('/v1beta/models/google/gemini-3.8-flash:generateContent');
    expect(at(gemini, 'error')).toMatchObject({ code: 400, status: 'INVALID_ARGUMENT' });
  });

  it('refuses a life that is no number of seconds', async () => {
    const answer = await post('/v1/chat/completions', chat('x'), { 'x-atelier-cache': 'forever' });
    expect(answer.status).toBe(400);
    expect(stringAt(JSON.parse(answer.text) as Json, 'error', 'param')).toBe('x-atelier-cache');
  });
});
