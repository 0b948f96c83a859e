import { decode as decodePng } from 'fast-png';
import { decode as decodeJpeg } from 'jpeg-js';
import { describe, expect, test } from 'vitest';
import { bfl } from '../../providers/simulators/bfl.ts';
import { jpeg, png } from '../../providers/simulators/media/index.ts';
import type { SimulatorOptions } from '../../providers/simulators/simulator.ts';
import type { JsonObject } from '../../src/contract/index.ts';
import { hasSpecs, requestPointer, responsePointer, validator } from '../support/spec.ts';

const base = 'https://api.bfl.ai';
const headers = { 'x-key': 'k', 'content-type': 'application/json' };

function start(options: SimulatorOptions = {}) {
  const simulator = bfl({ faults: true, ...options });
  const get = async (url: string) => (await simulator.fetch(url, { headers })).json() as Promise<JsonObject>;
  const post = (model: string, body: unknown, more: Record<string, string> = headers) =>
    simulator.fetch(`${base}/v1/${model}`, { method: 'POST', headers: more, body: JSON.stringify(body) });
  const create = async (model: string, body: JsonObject) => (await (await post(model, body)).json()) as JsonObject;
  const finish = async (model: string, body: JsonObject) => {
    const { polling_url } = await create(model, body);
    await get(String(polling_url));
    return get(String(polling_url));
  };
  const bytes = async (task: JsonObject) => {
    const { sample } = task.result as { sample: string };
    return new Uint8Array(await (await simulator.fetch(sample)).arrayBuffer());
  };
  return { simulator, get, post, create, finish, bytes };
}

const image = btoa(String.fromCharCode(...png({ width: 512, height: 512, seed: 'x' })));
const asked: [string, JsonObject][] = [
  ['flux-2-pro', { prompt: 'a fox', width: 512, height: 256, output_format: 'png', seed: 1 }],
  ['flux-2-max', { prompt: 'a fox', input_image: image }],
  ['flux-2-flex', { prompt: 'a fox', steps: 20, guidance: 3 }],
  ['flux-2-klein-9b', { prompt: 'a fox' }],
  ['flux-2-klein-4b', { prompt: 'a fox' }],
  ['flux-pro-1.1', { prompt: 'a fox', width: 256, height: 288 }],
  ['flux-dev', { prompt: 'a fox', steps: 4 }],
  ['flux-pro-1.1-ultra', { prompt: 'a fox', aspect_ratio: '1:1', raw: true }],
  ['flux-kontext-pro', { prompt: 'in snow', input_image: image }],
  ['flux-kontext-max', { prompt: 'in snow', input_image: image, webhook_url: 'https://app.example/hook' }],
  ['flux-pro-1.0-fill', { image, mask: image, prompt: 'a hat' }],
];

describe.skipIf(!hasSpecs)('the published description (../shared/specs needed)', () => {
  test.each(asked)('%s, in both directions', async (model, body) => {
    const { create, get } = start();
    expect(validator('bfl', requestPointer(`/v1/${model}`, 'post'))?.(body)).toBeUndefined();
    const created = await create(model, body);
    expect(validator('bfl', responsePointer(`/v1/${model}`, 'post', 200))?.(created)).toBeUndefined();
    const result = validator('bfl', responsePointer('/v1/get_result', 'get', 200));
    const url = String(created.polling_url ?? `${base}/v1/get_result?id=${created.id}`);
    for (const status of ['Pending', 'Ready', 'Ready']) {
      const seen = await get(url);
      expect(seen.status).toBe(status);
      expect(result?.(seen)).toBeUndefined();
    }
  });

  test('ends without a picture, tasks that are not there, credits, faults', async () => {
    const { finish, get, post } = start();
    const result = validator('bfl', responsePointer('/v1/get_result', 'get', 200));
    const ends: [string, string][] = [
      ['fail', 'Error'],
      ['filtered', 'Content Moderated'],
      ['empty', 'Ready'],
    ];
    for (const [word, status] of ends) {
      const task = await finish('flux-2-pro', { prompt: `x [[${word}]]` });
      expect([task.status, task.result]).toEqual([status, null]);
      expect(result?.(task)).toBeUndefined();
    }
    const unknown = await get(`${base}/v1/get_result?id=none`);
    expect(unknown.status).toBe('Task not found');
    expect(result?.(unknown)).toBeUndefined();
    expect(
      validator('bfl', responsePointer('/v1/credits', 'get', 200))?.(await get(`${base}/v1/credits`)),
    ).toBeUndefined();
    const faults: [string, JsonObject, string][] = [
      ['flux-2-pro', {}, 'prompt'],
      ['flux-2-pro', { prompt: 'x', width: 8 }, 'width'],
      ['flux-2-pro', { prompt: 'x', safety_tolerance: 6 }, 'safety_tolerance'],
      ['flux-2-pro', { prompt: 'x', input_image: 'no picture' }, 'input_image'],
      ['flux-pro-1.1', { prompt: 'x', width: 1000 }, 'width'],
      ['flux-kontext-pro', { prompt: 'x', aspect_ratio: '9:1' }, 'aspect_ratio'],
      ['flux-2-flex', { prompt: 'x', output_format: 'gif' }, 'output_format'],
    ];
    for (const [model, body, field] of faults) {
      const refused = await post(model, body);
      const told = (await refused.json()) as { detail: { loc: string[] }[] };
      expect([refused.status, told.detail[0]?.loc.at(-1)]).toEqual([422, field]);
      expect(validator('bfl', responsePointer(`/v1/${model}`, 'post', 422))?.(told)).toBeUndefined();
    }
  });
});

describe('pictures', () => {
  test('have the asked pixels, the ratio, or those of the picture given', async () => {
    const { finish, bytes } = start();
    const size = async (model: string, body: JsonObject) => {
      const { width, height } = decodePng(
        await bytes(await finish(model, { prompt: 'x', output_format: 'png', ...body })),
      );
      return [width, height];
    };
    expect(await size('flux-2-pro', { width: 640, height: 320 })).toEqual([640, 320]);
    expect(await size('flux-2-pro', { input_image: image })).toEqual([512, 512]);
    const photo = btoa(String.fromCharCode(...jpeg({ width: 320, height: 160, seed: 'x' })));
    expect(await size('flux-2-pro', { input_image: photo })).toEqual([320, 160]);
    expect(await size('flux-pro-1.1', {})).toEqual([1024, 768]);
    expect(await size('flux-kontext-pro', { aspect_ratio: '16:9' })).toEqual([1344, 768]);
    const plain = decodeJpeg(await bytes(await finish('flux-2-klein-4b', { prompt: 'x' })));
    expect([plain.width, plain.height]).toEqual([1024, 1024]);
  });

  test('are the same for the same request, and are text where a directive says so', async () => {
    const [one, other] = [start({ now: () => 0 }), start({ now: () => 0 })];
    const [first, second] = [
      await one.finish('flux-2-pro', { prompt: 'x' }),
      await other.finish('flux-2-pro', { prompt: 'x' }),
    ];
    expect(first).toEqual(second);
    expect(await one.bytes(first)).toEqual(await other.bytes(second));
    const wrong = await one.finish('flux-2-pro', { prompt: 'x [[wrong-type]]' });
    expect(new TextDecoder().decode(await one.bytes(wrong))).toContain('no picture');
    const dead = await one.finish('flux-2-pro', { prompt: 'x [[expired]]' });
    expect((await one.simulator.fetch((dead.result as { sample: string }).sample)).status).toBe(403);
  });

  test.each([
    ['flux-2-pro', { width: 1440, height: 1440 }, 4.5, 0, 1.98],
    ['flux-2-pro', { input_image: image }, 4.5, 0.25, 0.25],
    ['flux-2-max', { width: 2048, height: 2048 }, 16, 0, 4],
    ['flux-2-klein-9b', { input_image: image, input_image_2: image, width: 1024, height: 1024 }, 1.7, 0.5, 1],
    ['flux-kontext-max', { input_image: image }, 8, 0.25, 1],
  ])('%s %o costs %d credits', async (model, body, cost, input_mp, output_mp) => {
    const { create, simulator } = start();
    expect(await create(model, { prompt: 'x', ...body })).toMatchObject({ cost, input_mp, output_mp });
    expect(simulator.bill.calls[0]?.charges).toEqual([
      { meter: 'provider_credits', quantity: cost, dims: { unit: 'credit' } },
    ]);
  });
});

test('the door wants a key, a model and a method it knows', async () => {
  const { post, simulator } = start();
  expect((await post('flux-2-pro', { prompt: 'x' }, {})).status).toBe(403);
  expect((await post('flux-9', { prompt: 'x' })).status).toBe(404);
  expect((await post('flux-2-pro', 'text')).status).toBe(422);
  expect((await simulator.fetch(`${base}/v1/flux-2-pro`, { method: 'DELETE', headers })).status).toBe(405);
  expect(simulator.bill.calls).toEqual([]);
});

test('below a loopback prefix all addresses stay there', async () => {
  const { simulator } = start();
  const prefix = 'http://127.0.0.1:9090/bfl';
  const body = JSON.stringify({ prompt: 'x' });
  const created = (await (
    await simulator.fetch(`${prefix}/v1/flux-2-pro`, { method: 'POST', headers, body })
  ).json()) as JsonObject;
  expect(created.polling_url).toBe(`${prefix}/v1/get_result?id=${created.id}`);
  await simulator.fetch(String(created.polling_url), { headers });
  const task = (await (await simulator.fetch(String(created.polling_url), { headers })).json()) as {
    result: { sample: string };
  };
  expect(task.result.sample.startsWith(`${prefix}/results/`)).toBe(true);
  expect((await simulator.fetch(task.result.sample)).headers.get('content-type')).toBe('image/jpeg');
});
