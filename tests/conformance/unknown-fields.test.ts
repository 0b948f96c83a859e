import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Json, type JsonObject } from '../../src/contract/index.ts';
import { httpOf } from './matrix/http.ts';
import { framesOf, openWorld, type World } from './matrix/world.ts';

/** The four straight ways, and one to an OpenAI-compatible upstream. */
const ways: { name: string; path(stream: boolean): string; model?: string; body: JsonObject }[] = [
  ...['openai/gpt-5.5', 'xai/grok-4.6'].map((model) => ({
    name: `chat to ${model}`,
    path: () => '/v1/chat/completions',
    model,
    body: { messages: [{ role: 'user', content: 'Say exactly: whole' }] } as JsonObject,
  })),
  {
    name: 'responses',
    path: () => '/v1/responses',
    model: 'openai/gpt-5.5',
    body: { input: 'Say exactly: whole' },
  },
  {
    name: 'messages',
    path: () => '/v1/messages',
    model: 'anthropic/claude-sonnet-5',
    body: { max_tokens: 100, messages: [{ role: 'user', content: 'Say exactly: whole' }] },
  },
  ...['v1', 'v1beta'].map((version) => ({
    name: `gemini ${version}`,
    path: (stream: boolean) =>
      `/${version}/models/google/gemini-3.8-flash:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: { contents: [{ role: 'user', parts: [{ text: 'Say exactly: whole' }] }] } as JsonObject,
  })),
];

/** Text, numbers and nesting that a careless round trip would change. */
const unknown: JsonObject = {
  x_note: { deep: [1, { große: 'ünïcode 🦊', none: null }], exact: 0.1 },
  x_empty: '',
  x_false: false,
};

describe('what passes straight passes whole', () => {
  let world: World;
  const send = httpOf(() => world);

  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world?.close());

  for (const { name, path, model, body } of ways) {
    it(`${name}, plain: every field arrives and comes back, byte for byte`, async () => {
      const sent: JsonObject = { ...(model ? { model } : {}), ...body, ...unknown };
      const answer = await send(`POST ${path(false)}`, { body: sent });
      expect(answer.status, answer.text).toBe(200);
      const received = world.received.at(-1)!;
      expect(received.body).toEqual({ ...sent, ...(model ? { model: model.slice(model.indexOf('/') + 1) } : {}) });
      expect(answer.text).toBe(received.answer());
      expect(answer.body).toMatchObject(unknown);
    });

    it(`${name}, streamed`, async () => {
      const gemini = path(true).includes('alt=sse');
      const sent: JsonObject = {
        ...(model ? { model } : {}),
        ...body,
        ...unknown,
        ...(gemini ? {} : { stream: true }),
      };
      const answer = await send(`POST ${path(true)}`, { body: sent });
      expect(answer.status, answer.text).toBe(200);
      const received = world.received.at(-1)!;
      const chat = path(true).endsWith('/completions');
      expect(received.body).toEqual({
        ...sent,
        ...(model ? { model: model.slice(model.indexOf('/') + 1) } : {}),
        ...(chat ? { stream_options: { include_usage: true } } : {}),
      });
      // The usage chunk that only we asked for is ours to take out again.
      const asked = (frame: Json) =>
        !chat || !Array.isArray(at(frame, 'choices')) || at(frame, 'choices', 0) !== undefined;
      expect(framesOf(answer.text)).toEqual(framesOf(received.answer()).filter(asked));
      if (!chat) expect(answer.text).toBe(received.answer());
      expect(framesOf(answer.text).some((frame) => carries(frame))).toBe(true);
    });
  }
});

/** True where a frame, or the message or response inside it, holds all the unknown fields. */
function carries(frame: Json): boolean {
  return [frame, at(frame, 'message'), at(frame, 'response')].some((place) =>
    Object.entries(unknown).every(([field, value]) => JSON.stringify(at(place, field)) === JSON.stringify(value)),
  );
}
