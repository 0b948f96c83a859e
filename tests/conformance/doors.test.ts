import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Json, stringAt } from '../../src/contract/index.ts';
import { httpOf } from './matrix/http.ts';
import { openWorld, type World } from './matrix/world.ts';

const models = ['openai/gpt-5.5', 'anthropic/claude-sonnet-5', 'google/gemini-3.8-flash', 'mistral/mistral-large-2512'];
const hello = [{ role: 'user' as const, content: 'hello there' }];

describe('the doors beside generation', () => {
  let world: World;
  let openai: OpenAI;
  let anthropic: Anthropic;
  let google: GoogleGenAI;
  const send = httpOf(() => world);

  beforeAll(async () => {
    world = await openWorld();
    const { url, appKey: apiKey } = world.gateway;
    openai = new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
    anthropic = new Anthropic({ apiKey, baseURL: url, maxRetries: 0 });
    google = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url, apiVersion: 'v1beta' } });
  });
  afterAll(() => world?.close());

  it.each(models)('counts tokens for %s, by the provider where it can', async (model) => {
    const counted = await anthropic.messages.countTokens({ model, messages: hello }).withResponse();
    const said = await anthropic.messages.create({ model, messages: hello, max_tokens: 100 });
    const { totalTokens } = await google.models.countTokens({ model, contents: 'hello there' });
    expect(totalTokens).toBeGreaterThan(0);
    const counts = /^(anthropic|google)\//.test(model);
    if (counts) expect(counted.data.input_tokens).toBe(said.usage.input_tokens);
    const estimated = counted.response.headers.get('x-atelier-warnings') ?? '';
    expect(estimated.includes('this is an estimate')).toBe(!counts);
    expect(counted.data.input_tokens).toBeGreaterThan(0);
  });

  it.each(['openai/text-embedding-3-small', 'google/gemini-embedding-001'])('embeds with %s', async (model) => {
    const input = ['the first text', 'the second'];
    const floats = await openai.embeddings.create({ model, input, encoding_format: 'float' }).withResponse();
    // Without a word the SDK asks for base64 and decodes it.
    const decoded = await openai.embeddings.create({ model, input });
    expect(floats.data.data).toHaveLength(2);
    expect(floats.data.data[1]!.embedding.length).toBeGreaterThan(500);
    for (const place of [0, 1]) {
      const exact = floats.data.data[place]!.embedding;
      expect(decoded.data[place]!.embedding).toEqual(exact.map(Math.fround));
    }
    const id = floats.response.headers.get('x-atelier-generation')!;
    const booked = await world.booked(id);
    expect(booked).toEqual({ ...world.billed(id)!, status: 'priced' });
    expect(floats.data.usage.prompt_tokens).toBe(booked.input);

    const native = await google.models.embedContent({ model, contents: input });
    expect(native.embeddings).toHaveLength(2);
    const one = await send(`POST /v1beta/models/${model}:embedContent`, {
      body: { content: { parts: [{ text: 'x' }] } },
    });
    expect(at(one.body, 'embedding', 'values')).toHaveLength(floats.data.data[0]!.embedding.length);
  });

  it('lists models in the shape of each SDK', async () => {
    const known = 'google/gemini-3.8-flash';
    const ids = async <T>(list: AsyncIterable<T>, idOf: (item: T) => string | undefined) => {
      const found: (string | undefined)[] = [];
      for await (const item of list) found.push(idOf(item));
      return found;
    };
    const all = await ids(openai.models.list(), (model) => model.id);
    expect(all).toContain(known);
    expect(all).toContain('openai/gpt-image-2');
    expect(await ids(anthropic.models.list(), (model) => model.id)).toContain(known);
    expect(await ids(await google.models.list(), (model) => model.name)).toContain(`models/${known}`);
    expect((await openai.models.retrieve(known)).id).toBe(known);
    expect((await anthropic.models.retrieve(known)).type).toBe('model');
    expect((await google.models.get({ model: known })).name).toBe(`models/${known}`);
    await expect(openai.models.retrieve('openai/nothing')).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
    });
    await expect(anthropic.models.retrieve('openai/nothing')).rejects.toMatchObject({ status: 404 });
  });

  it('moderates', async () => {
    const { results } = await openai.moderations.create({ input: 'hello there' });
    expect(results[0]!.flagged).toBe(false);
  });

  const crossed = {
    model: 'anthropic/claude-sonnet-5',
    messages: hello,
    logit_bias: { 50256: -100 },
    temperature: 0.5,
  };

  it('names every field that a crossing leaves out', async () => {
    const { status, headers } = await send('POST /v1/chat/completions', { body: crossed });
    expect(status).toBe(200);
    const warnings = headers.get('x-atelier-warnings') ?? '';
    expect(warnings).toContain('"logit_bias"');
    expect(warnings).toContain('"temperature"');
    const whole = await send('POST /v1/chat/completions', { body: { model: crossed.model, messages: hello } });
    expect(whole.headers.get('x-atelier-warnings')).toBeNull();
  });

  it('names what a row says its provider refuses, straight as well', async () => {
    const body = { model: 'mistral/mistral-large-2512', messages: hello, user: 'u1', logprobs: true };
    const { status, headers } = await send('POST /v1/chat/completions', { body });
    expect(status).toBe(200);
    expect(headers.get('x-atelier-warnings')).toBe(
      '"user" is not taken by mistral and was left out. | "logprobs" is not taken by mistral and was left out.',
    );
    const strict = await send('POST /v1/chat/completions', { body, headers: { 'x-atelier-strict': 'true' } });
    expect(strict.status).toBe(400);
    expect(stringAt(strict.body, 'error', 'code')).toBe('unsupported_parameter');
  });

  it('refuses instead of leaving out where that is asked for, before anything is sent', async () => {
    const before = world.received.length;
    const headers = { 'x-atelier-strict': 'true' };
    const chat = await send('POST /v1/chat/completions', { body: crossed, headers });
    expect(chat.status).toBe(400);
    expect(chat.body).toMatchObject({ error: { code: 'unsupported_parameter' } });
    expect(stringAt(chat.body, 'error', 'message')).toContain('"logit_bias"');
    const messages = { model: models[0], messages: hello, max_tokens: 9, top_k: 5 };
    const other = await send('POST /v1/messages', { body: messages, headers });
    expect(other.body).toMatchObject({ type: 'error', error: { code: 'unsupported_parameter' } });
    expect(world.received.length).toBe(before);
    const fine = await send('POST /v1/chat/completions', { body: { model: crossed.model, messages: hello }, headers });
    expect(fine.status).toBe(200);
  });

  it('takes the key wherever an SDK puts it, and one key only', async () => {
    const door = 'POST /v1/chat/completions';
    const body = { model: models[0], messages: hello };
    const { appKey } = world.gateway;
    for (const carrier of ['x-api-key', 'x-goog-api-key']) {
      expect((await send(door, { body, key: null, headers: { [carrier]: appKey } })).status).toBe(200);
      expect((await send(door, { body, headers: { [carrier]: appKey } })).status).toBe(200);
      const two = await send(door, { body, headers: { [carrier]: 'another' } });
      expect(two.status).toBe(400);
      expect(stringAt(two.body, 'error', 'code')).toBe('conflicting_credentials');
    }
    expect((await send(`${door}?key=${appKey}`, { body, key: null })).status).toBe(200);
    expect((await send(`${door}?key=another`, { body })).status).toBe(400);
    const wrong = { body, key: `${appKey.slice(0, -2)}zz` };
    expect((await send(door, wrong)).status).toBe(401);
    expect((await send(door, { body, key: null })).status).toBe(401);
    const gemini = await send(`POST /v1beta/models/${models[2]}:generateContent`, { body: {}, key: null });
    expect(gemini.status).toBe(401);
    expect(at(gemini.body, 'error', 'status')).toBe('UNAUTHENTICATED');
    const messages = await send('POST /v1/messages', { body: {}, key: null });
    expect(messages.body).toMatchObject({ type: 'error', error: { type: 'authentication_error' } });
  });

  it.each(models)('streams from %s as one JSON array where Gemini is not asked for events', async (model) => {
    const body = { contents: [{ role: 'user', parts: [{ text: 'Say exactly: one two three four' }] }] };
    const answer = await send(`POST /v1beta/models/${model}:streamGenerateContent`, { body });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    const chunks = answer.body as Json[];
    expect(chunks.length).toBeGreaterThan(2);
    const text = chunks.map((chunk) => stringAt(chunk, 'candidates', 0, 'content', 'parts', 0, 'text') ?? '').join('');
    expect(text).toBe('one two three four');
    expect(at(chunks.at(-1), 'candidates', 0, 'finishReason')).toBe('STOP');
    const cut = {
      contents: [{ role: 'user', parts: [{ text: '[[fault:cut:5]] Say exactly: one two three four five six' }] }],
    };
    const broken = await send(`POST /v1beta/models/${model}:streamGenerateContent`, { body: cut });
    expect(at((broken.body as Json[]).at(-1), 'error', 'details', 0, 'reason')).toBe('stream_interrupted');
  });

  it('gives every crossed answer an id of its own, in the form of its door', async () => {
    const forms: [door: string, body: object, form: RegExp][] = [
      ['POST /v1/chat/completions', { messages: hello }, /^chatcmpl-[0-9a-z]{26}$/],
      ['POST /v1/responses', { input: 'hello' }, /^resp_[0-9a-z]{26}$/],
      ['POST /v1/messages', { messages: hello, max_tokens: 50 }, /^msg_[0-9a-z]{26}$/],
    ];
    for (const [door, body, form] of forms) {
      const model = door.endsWith('/messages') ? models[2] : models[1];
      const [one, other] = [
        await send(door, { body: { model, ...body } }),
        await send(door, { body: { model, ...body } }),
      ];
      expect(stringAt(one.body, 'id')).toMatch(form);
      expect(stringAt(one.body, 'id')).not.toBe(stringAt(other.body, 'id'));
      expect(stringAt(one.body, 'model')).toBe(model);
      const streamed = await send(door, { body: { model, ...body, stream: true } });
      const ids = [...streamed.text.matchAll(/"id":"((?:chatcmpl-|resp_|msg_)[0-9a-z]{26})"/g)].map(([, id]) => id);
      expect(new Set(ids).size).toBe(1);
      expect(streamed.headers.get('x-atelier-generation')?.slice(4)).toBe(ids[0]?.slice(-26));
    }
  });
});
