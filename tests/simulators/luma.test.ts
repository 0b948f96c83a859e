import LumaAI from 'lumaai';
import { describe, expect, test } from 'vitest';
import { luma } from '../../providers/simulators/luma.ts';
import type { SimulatorOptions } from '../../providers/simulators/simulator.ts';
import type { Fetch } from '../../src/contract/index.ts';
import { probe } from '../../src/meter/probe.ts';
import { hasSpecs, responsePointer, validator } from '../support/spec.ts';

const noon = Date.UTC(2026, 10, 22, 12);
const api = 'https://api.lumalabs.ai/dream-machine/v1';

/** The official SDK straight against the simulator. */
function start(options: SimulatorOptions = {}) {
  const clock = { now: noon };
  const simulator = luma({ now: () => clock.now, faults: true, ...options });
  // The SDK passes node-fetch's own types: only the URL, method, headers and text matter here.
  const fetch = async (input: unknown, init?: { method?: string; headers?: unknown; body?: unknown }) => {
    const headers = Object.fromEntries(Object.entries((init?.headers ?? {}) as Record<string, string>));
    const body = init?.body === undefined || init.body === null ? {} : { body: String(init.body) };
    return simulator.fetch(String(input), { method: init?.method ?? 'GET', headers, ...body });
  };
  const client = new LumaAI({ authToken: 'luma-simulated', maxRetries: 0, fetch: fetch as never });
  const bytes = async (url: string) => new Uint8Array(await (await simulator.fetch(url)).arrayBuffer());
  return { simulator, client, clock, bytes };
}

/** The description calls `request` one of seven forms with every field optional: more than one fits any request. */
function expectGeneration(generation: unknown, path = '/generations/{id}', method = 'get', status = 200) {
  if (!hasSpecs) return;
  const { request, ...rest } = generation as Record<string, unknown>;
  expect(validator('luma', responsePointer(path, method, status))?.(rest)).toBeUndefined();
  const form = rest.generation_type === 'image' ? 'ImageGenerationRequest' : 'GenerationRequest';
  expect(validator('luma', `/components/schemas/${form}`)?.(request)).toBeUndefined();
}

describe('the official SDK', () => {
  test('a video: queued, dreaming, completed, of the asked size and length', async () => {
    const { client, bytes, simulator } = start();
    const made = await client.generations.video.create({
      model: 'ray-flash-2',
      prompt: 'a fox in the snow',
      aspect_ratio: '1:1',
      resolution: '540p',
      duration: '9s',
      keyframes: { frame0: { type: 'image', url: 'https://example.com/a.png' } },
    });
    expectGeneration(made, '/generations/video', 'post', 201);
    expect(made.state).toBe('queued');
    const states = [];
    for (let look = 0; look < 2; look++) {
      const seen = await client.generations.get(made.id!);
      expectGeneration(seen);
      states.push(seen.state);
      if (seen.state === 'completed') {
        expect(probe(await bytes(seen.assets!.video!))).toMatchObject({ width: 540, height: 540, seconds: 9 });
      }
    }
    expect(states).toEqual(['dreaming', 'completed']);
    expect(simulator.bill.calls[0]).toMatchObject({
      model: 'ray-flash-2',
      charges: [{ meter: 'output_video_seconds', quantity: 9, dims: { resolution: '540p' } }],
    });
  });

  test('a picture, at once where asked so; the list; deleting', async () => {
    const { client, bytes } = start();
    const image = await client.generations.image.create({ model: 'photon-1', prompt: 'a fox', sync: true });
    expectGeneration(image, '/generations/image', 'post', 201);
    expect(image.state).toBe('completed');
    expect(probe(await bytes(image.assets!.image!))).toMatchObject({
      mediaType: 'image/jpeg',
      width: 1920,
      height: 1080,
    });
    const listed = await client.generations.list({ limit: 1 });
    expect(listed).toMatchObject({ has_more: false, count: 1, generations: [{ id: image.id }] });
    await client.generations.delete(image.id!);
    await expect(client.generations.get(image.id!)).rejects.toMatchObject({ status: 404 });
    expect((await bytes(image.assets!.image!)).length).toBeLessThan(100);
    expect(await client.ping.check()).toEqual({ message: 'pong' });
    expect((await client.credits.get()).credit_balance).toBeGreaterThan(0);
    expect(await client.generations.concepts.list()).toContain('orbit_right');
  });

  test('refusals in Luma’s envelope, unbilled', async () => {
    const { client, simulator } = start();
    const prompt = 'a fox';
    const wrong = [
      { model: 'ray-9', prompt },
      { model: 'ray-2', prompt, duration: '60s' },
      { model: 'ray-2', prompt: 'x' },
      { model: 'ray-2', prompt, aspect_ratio: '5:1' },
      { model: 'ray-2', prompt, keyframes: { frame0: { type: 'image', url: 'data:image/png;base64,AA==' } } },
    ];
    for (const body of wrong) {
      await expect(client.generations.video.create(body as never)).rejects.toMatchObject({
        status: 400,
        error: { detail: expect.any(String) },
      });
    }
    expect((await simulator.fetch(`${api}/generations`)).status).toBe(401);
    expect(simulator.bill.calls).toHaveLength(0);
  });
});

describe('generations', () => {
  test('a callback: dreaming, then the end, each the generation itself', async () => {
    const told: { url: string; body: Record<string, unknown> }[] = [];
    const deliver: Fetch = async (input, init) => {
      const request = new Request(input as string, init);
      told.push({ url: request.url, body: await request.json() });
      return new Response(null, { status: 200 });
    };
    const { client } = start({ deliver });
    const callback_url = 'https://gateway.example/hooks/1';
    const made = await client.generations.video.create({ model: 'ray-2', prompt: 'waves', callback_url });
    const lost = await client.generations.video.create({ model: 'ray-2', prompt: '[[webhook-lost]]', callback_url });
    const twice = await client.generations.video.create({ model: 'ray-2', prompt: '[[webhook-twice]]', callback_url });
    await expect.poll(() => told.length).toBe(5);
    const of = (id: string | undefined) => told.filter(({ body }) => body.id === id);
    expect(of(made.id).map(({ body }) => body.state)).toEqual(['dreaming', 'completed']);
    expect(of(twice.id).map(({ body }) => body.state)).toEqual(['dreaming', 'completed', 'completed']);
    expect(of(lost.id)).toHaveLength(0);
    for (const { url, body } of told) {
      expect(url).toBe(callback_url);
      expectGeneration(body);
    }
  });

  test('failures say why and cost nothing', async () => {
    const { client, simulator } = start();
    const reasons: Record<string, RegExp> = { fail: /Job failed/, filtered: /moderation/ };
    for (const [word, reason] of Object.entries(reasons)) {
      const { id } = await client.generations.video.create({ model: 'ray-2', prompt: `waves [[${word}]]` });
      await client.generations.get(id!);
      const ended = await client.generations.get(id!);
      expectGeneration(ended);
      expect(ended).toMatchObject({ state: 'failed', failure_reason: expect.stringMatching(reason) });
      expect(simulator.bill.calls.at(-1)?.charges).toEqual([]);
    }
  });

  test('addresses are signed and expire; the same seed makes the same generation', async () => {
    const make = async () => {
      const { client, clock, simulator, bytes } = start({ seed: 'same' });
      const image = await client.generations.image.create({ model: 'photon-flash-1', prompt: 'a fox', sync: true });
      const url = image.assets!.image!;
      const file = await bytes(url);
      expect((await simulator.fetch(url.replace('Expires=1', 'Expires=2'))).status).toBe(403);
      clock.now += 3_600_000;
      expect((await simulator.fetch(url)).status).toBe(403);
      return { image, file };
    };
    expect(await make()).toEqual(await make());
    const { client, simulator } = start();
    const dead = await client.generations.image.create({ model: 'photon-1', prompt: 'x [[expired]]', sync: true });
    expect((await simulator.fetch(dead.assets!.image!)).status).toBe(403);
  });
});
