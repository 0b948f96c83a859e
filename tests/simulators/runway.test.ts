import RunwayML from '@runwayml/sdk';
import { decode as decodePng } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { runway } from '../../providers/simulators/runway.ts';
import type { SimulatorOptions } from '../../providers/simulators/simulator.ts';
import { probe } from '../../src/meter/probe.ts';
import { hasSpecs, responsePointer, validator } from '../support/spec.ts';

const noon = Date.UTC(2026, 10, 22, 12);

/** The official SDK straight against the simulator. */
function start(options: SimulatorOptions = {}) {
  const clock = { now: noon };
  const simulator = runway({ now: () => clock.now, faults: true, ...options });
  const client = new RunwayML({
    apiKey: 'key_simulated',
    maxRetries: 0,
    fetch: (input, init) => simulator.fetch(input, init),
  });
  const send = (path: string, init: RequestInit = {}, headers: Record<string, string> = {}) =>
    simulator.fetch(`https://api.dev.runwayml.com/v1${path}`, {
      ...init,
      headers: { authorization: 'Bearer k', 'x-runway-version': '2024-11-06', ...headers },
    });
  const post = (path: string, body: unknown) => send(path, { method: 'POST', body: JSON.stringify(body) });
  const bytes = async (url: string) => new Uint8Array(await (await simulator.fetch(url)).arrayBuffer());
  return { simulator, client, clock, send, post, bytes };
}

const clip = { model: 'gen4.5', promptText: 'waves', ratio: '1280:720', duration: 2 } as const;

function expectTask(task: unknown) {
  if (hasSpecs) expect(validator('runway', responsePointer('/v1/tasks/{id}', 'get', 200))?.(task)).toBeUndefined();
}

describe('the official SDK', () => {
  test('a video: created, looked at, made of the asked size and length', async () => {
    const { client, bytes, simulator } = start();
    const { id, ...created } = await client.textToVideo.create(clip);
    expect(created).toEqual({ estimatedCost: { credits: 24 } });
    const states = [];
    for (let look = 0; look < 2; look++) {
      const task = await client.tasks.retrieve(id);
      expectTask(task);
      states.push(task.status);
      if (task.status === 'SUCCEEDED') {
        expect(task.cost.credits).toBe(24);
        expect(probe(await bytes(task.output[0]!))).toMatchObject({ width: 1280, height: 720, seconds: 2 });
      }
    }
    expect(states).toEqual(['RUNNING', 'SUCCEEDED']);
    expect(simulator.bill.calls[0]?.charges).toMatchObject([{ meter: 'provider_credits', quantity: 24 }]);
  });

  test('pictures, speech and sounds', async () => {
    const { client, bytes } = start();
    const image = await client.textToImage.create({
      model: 'gpt_image_2',
      promptText: 'a fox',
      ratio: '1920:1088',
      outputCount: 2,
    });
    const speech = await client.textToSpeech.create({
      model: 'eleven_multilingual_v2',
      promptText: 'Hello',
      voice: { type: 'runway-preset', presetId: 'Maya' },
    });
    const sound = await client.soundEffect.create({
      model: 'eleven_text_to_sound_v2',
      promptText: 'rain',
      duration: 3,
    });
    const outputs: string[][] = [];
    for (const { id } of [image, speech, sound]) {
      await client.tasks.retrieve(id);
      const task = await client.tasks.retrieve(id);
      expectTask(task);
      if (task.status === 'SUCCEEDED') outputs.push(task.output);
    }
    expect(outputs.map((urls) => urls.length)).toEqual([2, 1, 1]);
    expect(decodePng(await bytes(outputs[0]![1]!))).toMatchObject({ width: 1920, height: 1088 });
    expect(probe(await bytes(outputs[1]![0]!))?.mediaType).toBe('audio/mpeg');
    expect(probe(await bytes(outputs[2]![0]!))).toMatchObject({ seconds: expect.closeTo(3, 1) });
  });

  test('uploads: a file at its own address, then used; one that holds nothing is refused', async () => {
    const { client, post } = start();
    const file = new File([new Uint8Array(2000)], 'first.png', { type: 'image/png' });
    const place = await client.uploads.createEphemeral({ file });
    const uri = typeof place === 'string' ? place : (place as { uri: string }).uri;
    const body = { model: 'gen4_turbo', promptImage: uri, ratio: '1280:720' } as const;
    expect((await client.imageToVideo.create(body)).id).toMatch(/^[0-9a-f-]{36}$/);
    expect((await post('/image_to_video', { ...body, promptImage: 'runway://never-made' })).status).toBe(400);
  });

  test('an unknown model, a wrong field and a wrong key are refused in Runway’s envelope', async () => {
    const { client, post, simulator } = start();
    await expect(client.textToVideo.create({ ...clip, duration: 60 })).rejects.toMatchObject({ status: 400 });
    const answer = await post('/text_to_video', { ...clip, model: 'seedance2', duration: 60, colour: 'red' });
    const body = await answer.json();
    expect(body).toMatchObject({
      error: 'Validation of body failed',
      issues: [{ path: ['duration'] }, { code: 'unrecognized_keys' }],
    });
    if (hasSpecs) {
      expect(validator('runway', responsePointer('/v1/text_to_video', 'post', 400))?.(body)).toBeUndefined();
    }
    expect((await post('/text_to_video', { ...clip, model: 'gen4_turbo' })).status).toBe(400);
    const bare = await simulator.fetch('https://api.dev.runwayml.com/v1/tasks/x', {
      headers: { authorization: 'Bearer k' },
    });
    expect(bare.status).toBe(400);
    expect((await simulator.fetch('https://api.dev.runwayml.com/v1/tasks/x')).status).toBe(401);
    expect(simulator.bill.calls).toHaveLength(0);
  });
});

describe('tasks', () => {
  test('every end follows the description and bills what it says', async () => {
    const { client, simulator } = start();
    const ends: Record<string, [string, number]> = {
      fail: ['FAILED', 0],
      filtered: ['FAILED', 24],
      empty: ['SUCCEEDED', 24],
    };
    for (const [word, [status, credits]] of Object.entries(ends)) {
      const { id } = await client.textToVideo.create({ ...clip, promptText: `waves [[${word}]]` });
      await client.tasks.retrieve(id);
      const task = await client.tasks.retrieve(id);
      expectTask(task);
      expect(task).toMatchObject({ status, cost: { credits } });
      expect(simulator.bill.calls.at(-1)?.charges[0]?.quantity ?? 0).toBe(credits);
    }
  });

  test('deleting: waiting is free, running is not, an ended task is gone with its output', async () => {
    const { client, send, simulator } = start();
    for (const [looks, credits] of [
      [0, 0],
      [1, 24],
    ] as const) {
      const { id } = await client.textToVideo.create(clip);
      for (let look = 0; look < looks; look++) await client.tasks.retrieve(id);
      await client.tasks.delete(id);
      const task = await client.tasks.retrieve(id);
      expectTask(task);
      expect(task).toMatchObject({ status: 'CANCELLED', cost: { credits } });
    }
    const { id } = await client.textToVideo.create(clip);
    await client.tasks.retrieve(id);
    const task = await client.tasks.retrieve(id);
    await client.tasks.delete(id);
    expect((await send(`/tasks/${id}`)).status).toBe(404);
    expect(task.status === 'SUCCEEDED' && (await simulator.fetch(task.output[0]!)).status).toBe(404);
  });

  test('addresses are signed and expire; the same seed makes the same bytes', async () => {
    const make = async () => {
      const { client, clock, simulator, bytes } = start({ seed: 'same' });
      const { id } = await client.textToVideo.create(clip);
      await client.tasks.retrieve(id);
      const task = await client.tasks.retrieve(id);
      if (task.status !== 'SUCCEEDED') throw new Error(task.status);
      const url = task.output[0]!;
      const file = await bytes(url);
      const range = await simulator.fetch(url, { headers: { range: 'bytes=0-3' } });
      expect(range.status).toBe(206);
      expect((await simulator.fetch(url.replace('_jwt=', '_jwt=0'))).status).toBe(403);
      clock.now += 24 * 3_600_000;
      expect((await simulator.fetch(url)).status).toBe(403);
      return { url, file };
    };
    expect(await make()).toEqual(await make());
  });

  test('directives do nothing where faults are not allowed', async () => {
    const { client } = start({ faults: false });
    const { id } = await client.textToVideo.create({ ...clip, promptText: 'waves [[fail]]' });
    await client.tasks.retrieve(id);
    expect((await client.tasks.retrieve(id)).status).toBe('SUCCEEDED');
  });
});
