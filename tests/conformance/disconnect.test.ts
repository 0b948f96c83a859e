import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/contract/index.ts';
import { eventually } from './matrix/http.ts';
import { openWorld, type World } from './matrix/world.ts';

const long = `Say exactly: ${'word '.repeat(400)}`;
const messages = [{ role: 'user', content: long }];

const doors: [name: string, path: (model: string) => string, body: JsonObject][] = [
  ['chat', () => '/v1/chat/completions', { messages, stream: true }],
  ['responses', () => '/v1/responses', { input: long, stream: true }],
  ['messages', () => '/v1/messages', { messages, max_tokens: 2000, stream: true }],
  [
    'gemini',
    (model) => `/v1beta/models/${model}:streamGenerateContent?alt=sse`,
    { contents: [{ role: 'user', parts: [{ text: long }] }] },
  ],
];
const models = ['openai/gpt-5.5', 'anthropic/claude-sonnet-5', 'google/gemini-3.8-flash', 'mistral/mistral-large-2512'];

describe('a client that leaves in the middle of a stream', () => {
  let world: World;
  beforeAll(async () => {
    world = await openWorld({}, 5);
  });
  afterAll(() => world?.close());

  for (const [name, path, body] of doors) {
    it.each(models)(`at ${name} stops %s, and pays for what was produced`, async (model) => {
      const leaving = new AbortController();
      const answer = await fetch(world.gateway.url + path(model), {
        method: 'POST',
        headers: { authorization: `Bearer ${world.gateway.appKey}` },
        body: JSON.stringify(path(model).startsWith('/v1beta') ? body : { model, ...body }),
        signal: leaving.signal,
      });
      const reader = answer.body!.getReader();
      for (let reads = 0; reads < 8; reads++) await reader.read();
      leaving.abort();
      const id = answer.headers.get('x-atelier-generation')!;
      const received = world.received.at(-1)!;
      await eventually(async () => {
        const before = received.answer().length;
        await new Promise((resolve) => setTimeout(resolve, 40));
        expect(received.answer().length, 'the provider has stopped').toBe(before);
      });
      expect(received.answer().match(/word/g)?.length ?? 0).toBeLessThan(300);
      const generation = await world.generation(id);
      expect(generation).toMatchObject({
        status: 'canceled',
        attempts: [{ state: 'settled', outcome: 'canceled' }],
      });
      const booked = await world.booked(id);
      const billed = world.billed(id)!;
      expect(booked.output).toBeGreaterThan(0);
      expect(booked).toEqual({ ...billed, status: booked.status });
    });
  }
});
