import { GoogleGenAI } from '@google/genai';
import { describe, expect, test } from 'vitest';
import { google } from '../../providers/simulators/google.ts';
import type { SimulatorOptions } from '../../providers/simulators/simulator.ts';
import type { Fetch, Json, JsonObject } from '../../src/contract/index.ts';
import { probe } from '../../src/meter/probe.ts';
import { hasSpecs, validator } from '../support/spec.ts';

const origin = 'https://google.simulator.invalid';
const model = 'gemini-omni-1.2-flash';
const headers = { 'x-goog-api-key': 'key' };

function start(options: SimulatorOptions = {}) {
  const simulator = google({ now: () => Date.UTC(2026, 10, 22, 12), ...options });
  const client = new GoogleGenAI({
    apiKey: 'key',
    httpOptions: { baseUrl: origin, apiVersion: 'v1beta', fetch: simulator.fetch as typeof fetch },
  });
  return { simulator, client };
}

const post = (fetch: Fetch, body: JsonObject, path = 'interactions') =>
  fetch(`${origin}/v1beta/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
const bytesOf = async (fetch: Fetch, url: string) =>
  new Uint8Array(await (await fetch(url, { headers })).arrayBuffer());

describe('a video through the official SDK', () => {
  test('in the background: it moves on by being looked at and delivers a file', async () => {
    const { simulator, client } = start();
    const created = await client.interactions.create({
      model,
      input: 'A marble on a track',
      background: true,
      response_format: { type: 'video', delivery: 'uri', duration: '5s', resolution: '1080p', aspect_ratio: '9:16' },
    });
    expect(created.status).toBe('queued');
    expect((await client.interactions.get(created.id)).status).toBe('in_progress');
    const done = await client.interactions.get(created.id);
    expect(done.status).toBe('completed');
    const uri = done.output_video?.uri ?? '';
    const name = /files\/[^:]+/.exec(uri)?.[0] ?? '';
    const file = await client.files.get({ name });
    expect([file.state, file.mimeType, file.videoMetadata?.videoDuration]).toEqual(['ACTIVE', 'video/mp4', '5s']);
    const bytes = await bytesOf(simulator.fetch, uri);
    expect(probe(bytes)).toMatchObject({ kind: 'video', width: 1080, height: 1920, seconds: 5 });
    expect(file.sizeBytes).toBe(String(bytes.length));
    expect(done.usage).toMatchObject({
      output_tokens_by_modality: [{ modality: 'video', tokens: 5 * 8688 }],
      total_output_tokens: 5 * 8688,
    });
    const charges = simulator.bill.calls[0]?.charges ?? [];
    expect(charges).toContainEqual({
      meter: 'output_video_seconds',
      quantity: 5,
      dims: { resolution: '1080p', audio: 'true' },
    });
  });

  test('at once and inline, eight seconds at 720p where nothing is said', async () => {
    const { client } = start();
    const done = await client.interactions.create({ model, input: [{ type: 'text', text: 'A sunset' }] });
    expect(done.status).toBe('completed');
    const bytes = Uint8Array.from(Buffer.from(done.output_video?.data ?? '', 'base64'));
    expect(probe(bytes)).toMatchObject({ width: 1280, height: 720, seconds: 8 });
  });

  test('canceled before it ends, and not afterwards', async () => {
    const { simulator, client } = start();
    const created = await client.interactions.create({ model, input: 'x', background: true });
    expect((await client.interactions.cancel(created.id)).status).toBe('cancelled');
    expect(simulator.bill.calls[0]?.charges).toEqual([]);
    const again = await post(simulator.fetch, {}, `interactions/${created.id}/cancel`);
    expect(again.status).toBe(400);
  });
});

describe('files', () => {
  test.skipIf(!hasSpecs)('their facts are as described', async () => {
    const { simulator, client } = start();
    const created = await client.interactions.create({
      model,
      input: 'x',
      response_format: { type: 'video', delivery: 'uri' },
    });
    const name = /files\/[^:]+/.exec(created.output_video?.uri ?? '')?.[0] ?? '';
    const facts = await (await simulator.fetch(`${origin}/v1beta/${name}`, { headers })).json();
    expect(validator('google-generativelanguage', '/components/schemas/File')?.(facts)).toBeUndefined();
  });

  test('need a key, come in parts, are under the address that was asked on loopback, and not there otherwise', async () => {
    const { simulator } = start();
    const body = { model, input: 'x', response_format: { type: 'video', delivery: 'uri' } };
    const local = await simulator.fetch('http://127.0.0.1:9000/google/v1beta/interactions', {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const answer = (await local.json()) as { steps: { content: { uri: string }[] }[] };
    const uri = answer.steps[0]?.content[0]?.uri ?? '';
    expect(uri).toMatch(/^http:\/\/127\.0\.0\.1:9000\/google\/v1beta\/files\/\w+:download\?alt=media$/);
    const whole = await bytesOf(simulator.fetch, uri);
    const part = await simulator.fetch(uri, { headers: { ...headers, range: 'bytes=4-7' } });
    expect([part.status, await part.text()]).toEqual([206, 'ftyp']);
    expect(Buffer.compare(await bytesOf(simulator.fetch, uri), whole)).toBe(0);
    expect((await simulator.fetch(uri)).status).toBe(403);
    expect((await simulator.fetch(`${origin}/v1beta/files/none`, { headers })).status).toBe(403);
    expect((await simulator.fetch(`${origin}/v1beta/files/none:download?alt=media`, { headers })).status).toBe(403);
  });
});

describe('refusals', () => {
  const video = (more: JsonObject): JsonObject => ({ type: 'video', ...more });
  test.each<[string, JsonObject, number]>([
    ['another model', { model: 'gemini-3.8-flash', input: 'x' }, 404],
    ['no input', { model }, 400],
    ['an unknown field', { model, input: 'x', prompt: 'x' }, 400],
    ['a length as a number', { model, input: 'x', response_format: video({ duration: 8 }) }, 400],
    ['a length too short', { model, input: 'x', response_format: video({ duration: '2s' }) }, 400],
    [
      'a length too long',
      { model: 'gemini-omni-1.1-flash', input: 'x', response_format: video({ duration: '12s' }) },
      400,
    ],
    ['a resolution it has not', { model, input: 'x', response_format: video({ resolution: '480p' }) }, 400],
    ['a ratio it has not', { model, input: 'x', response_format: video({ aspect_ratio: '1:1' }) }, 400],
    ['another format', { model, input: 'x', response_format: { type: 'audio' } }, 400],
    ['a temperature', { model, input: 'x', generation_config: { temperature: 1 } }, 400],
    ['an unknown task', { model, input: 'x', generation_config: { video_config: { task: 'dance' } } }, 400],
    [
      'a task without its image',
      { model, input: 'x', generation_config: { video_config: { task: 'image_to_video' } } },
      400,
    ],
    ['a background job that is not stored', { model, input: 'x', background: true, store: false }, 400],
    ['an image that is none', { model, input: [{ type: 'image', data: '%', mime_type: 'image/png' }] }, 400],
    ['safety settings', { model, input: 'x', safety_settings: [] }, 400],
  ])('%s', async (_, body, status) => {
    const { simulator } = start();
    const answer = await post(simulator.fetch, body);
    expect(answer.status).toBe(status);
    const error = ((await answer.json()) as { error: Json }).error;
    expect(error).toEqual({ message: expect.any(String), code: status === 404 ? 'not_found' : 'invalid_request' });
    expect(simulator.bill.calls).toEqual([]);
  });

  test('an interaction that is not known, a key that is missing, a model asked in the old way', async () => {
    const { simulator } = start();
    const unknown = await simulator.fetch(`${origin}/v1beta/interactions/v1_none`, { headers });
    expect([unknown.status, ((await unknown.json()) as { error: { message: string } }).error.message]).toEqual([
      400,
      'Invalid interaction name.',
    ]);
    const bare = await simulator.fetch(`${origin}/v1beta/interactions`, { method: 'POST', body: '{}' });
    expect(bare.status).toBe(403);
    const old = await post(
      simulator.fetch,
      { contents: [{ parts: [{ text: 'x' }] }] },
      `models/${model}:generateContent`,
    );
    expect(old.status).toBe(404);
  });
});

describe('chosen endings', () => {
  test('are taken from the prompt where faults are allowed, and only there', async () => {
    const asked = async (simulator: ReturnType<typeof start>['simulator'], prompt: string) =>
      (await (await post(simulator.fetch, { model, input: prompt })).json()) as JsonObject;
    const { simulator } = start({ faults: true });
    expect(await asked(simulator, '[[fail]]')).toMatchObject({ status: 'failed', errors: [{ code: 'internal' }] });
    const refused = await asked(simulator, '[[filtered]]');
    expect(refused).toMatchObject({ status: 'completed', steps: [{ content: [{ type: 'text' }] }] });
    expect(refused).not.toHaveProperty('steps.0.content.0.data');
    expect(await asked(simulator, '[[empty]]')).toMatchObject({ status: 'completed', steps: [{ content: [] }] });
    expect(await asked(start().simulator, '[[fail]]')).toMatchObject({ status: 'completed' });
    const lines = simulator.bill.calls.map((call) => call.charges.map((charge) => charge.meter));
    expect(lines).toEqual([
      [],
      ['input_text_tokens', 'output_text_tokens'],
      ['input_text_tokens', 'output_text_tokens'],
    ]);
  });

  test('a webhook is told of the end', async () => {
    const told: string[] = [];
    const deliver: Fetch = async (input, init) => {
      told.push(`${String(input)} ${String(init?.body)}`);
      return new Response(null, { status: 204 });
    };
    const { simulator } = start({ deliver });
    const webhook_config = { uris: ['https://gateway.example/hook'] };
    const answer = await post(simulator.fetch, { model, input: 'x', background: true, webhook_config });
    const { id } = (await answer.json()) as { id: string };
    await expect
      .poll(() => told)
      .toEqual([`https://gateway.example/hook ${JSON.stringify({ type: 'interaction.completed', data: { id } })}`]);
  });

  test('reset forgets', async () => {
    const { simulator } = start();
    const { id } = (await (await post(simulator.fetch, { model, input: 'x' })).json()) as { id: string };
    simulator.reset();
    expect((await simulator.fetch(`${origin}/v1beta/interactions/${id}`, { headers })).status).toBe(400);
  });
});
