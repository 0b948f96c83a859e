import { describe, expect, test } from 'vitest';
import { luma } from '../../providers/luma.ts';
import { luma as simulate } from '../../providers/simulators/luma.ts';
import {
  type Call,
  type Fetch,
  GatewayError,
  type Json,
  type MediaModality,
  type MediaRequestOf,
  type Operation,
  type Price,
} from '../../src/contract/index.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { priceUsage } from '../../src/meter/price.ts';
import { probe } from '../../src/meter/probe.ts';
import { hasSpecs, requestPointer, validator } from '../support/spec.ts';
import { failures } from './call.ts';

const key = 'luma-secret-of-the-operator';
const noon = Date.UTC(2026, 10, 22, 12);
const dated = { provider: 'luma', per: '1', checked: '2026-11-22', source: 'https://example.com/prices' };
/** Prices of this test alone: Luma's own are not known to the house. */
const prices: Price[] = [
  { ...dated, model: 'ray-2', meter: 'output_video_seconds', price: '0.25', dims: { resolution: '720p' } },
  { ...dated, model: 'ray-2', meter: 'output_video_seconds', price: '0.125', dims: { resolution: '540p' } },
  { ...dated, model: 'photon-1', meter: 'images', price: '0.02' },
];
const catalogue = createCatalogue(prices, 'sha256:test');
const first = { mediaType: 'image/png', url: 'https://example.com/first.png' };
const last = { mediaType: 'image/png', url: 'https://example.com/last.png' };

type Sent = { url: string; method: string; headers: Headers; body: Record<string, Json>; redirect: string };

function start(model: string, answer?: Fetch) {
  const simulator = simulate({ prices, faults: true, now: () => noon });
  const sent: Sent[] = [];
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input as string, init);
    const text = await request.clone().text();
    const body = text.startsWith('{') ? JSON.parse(text) : {};
    sent.push({ url: request.url, method: request.method, headers: request.headers, body, redirect: request.redirect });
    return (answer ?? simulator.fetch)(request);
  };
  const call: Call = {
    model,
    key,
    baseUrl: 'https://api.lumalabs.ai/dream-machine/v1',
    signal: new AbortController().signal,
    fetch,
    attemptId: 'attempt-1',
    options: {},
  };
  const bytes = async (url: string) => new Uint8Array(await (await simulator.fetch(url)).arrayBuffer());
  return { simulator, sent, call, bytes };
}

const portOf = (modality: MediaModality) => luma.media![modality]!;

async function run<M extends MediaModality>(request: MediaRequestOf<M>, call: Call) {
  let operation: Operation = await portOf(request.modality).submit(request as never, call);
  const states: string[] = [];
  for (let polls = 0; operation.status === 'queued' || operation.status === 'in_progress'; polls++) {
    if (polls > 9) throw new Error('the job never ends');
    states.push(operation.status);
    expect(operation.pollAfterMs).toBeGreaterThan(0);
    operation = await portOf(request.modality).poll!(JSON.parse(JSON.stringify(operation.ref)), call);
  }
  return { operation, states };
}

function assetOf(operation: Operation): { mediaType: string; url: string } {
  const part = operation.status === 'completed' ? operation.outputs[0] : undefined;
  if (part?.type !== 'asset' || !('url' in part.asset)) throw new Error(`no asset: ${JSON.stringify(operation)}`);
  return part.asset;
}

const caught = (promise: Promise<unknown>): Promise<GatewayError> =>
  promise.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => {
      expect(error).toBeInstanceOf(GatewayError);
      return error as GatewayError;
    },
  );

function expectSameBill(model: string, operation: Operation, simulator: ReturnType<typeof simulate>) {
  const usage = 'usage' in operation ? operation.usage : undefined;
  const receipt = priceUsage(catalogue, { provider: 'luma', model, usage, at: noon });
  const billed = simulator.bill.totalOf(simulator.bill.find('attempt-1')!);
  expect(billed.unpriced).toBe(0);
  expect(receipt.total).toBe(billed.pico);
  return receipt.total;
}

describe('a generation', () => {
  test('video from words: everything that decides the price is said; the exact bill', async () => {
    const { simulator, sent, call, bytes } = start('ray-2');
    const { operation, states } = await run({ modality: 'video', prompt: 'a quiet sea', params: { loop: true } }, call);
    expect(states).toEqual(['queued', 'in_progress']);
    expect(sent[0]).toMatchObject({ method: 'POST', redirect: 'manual' });
    expect(sent[0]?.body).toEqual({
      generation_type: 'video',
      model: 'ray-2',
      prompt: 'a quiet sea',
      aspect_ratio: '16:9',
      resolution: '720p',
      duration: '5s',
      loop: true,
    });
    expect(sent.map(({ url }) => url.replace(/[0-9a-f-]{36}/, 'id').slice(40))).toEqual([
      '/generations/video',
      '/generations/id',
      '/generations/id',
    ]);
    expect(sent.every(({ headers }) => headers.get('authorization') === `Bearer ${key}`)).toBe(true);
    const asset = assetOf(operation);
    expect(asset.mediaType).toBe('video/mp4');
    expect(probe(await bytes(asset.url))).toMatchObject({ width: 1280, height: 720, seconds: 5 });
    expect(operation).toMatchObject({ usage: { source: 'derived' } });
    expect(expectSameBill('ray-2', operation, simulator)).toBe(1_250_000_000_000n);
  });

  test('video between two pictures, of a size, with a callback', async () => {
    const { simulator, sent, call } = start('ray-2');
    const webhookUrl = 'https://gateway.example/hooks/1';
    const request = { modality: 'video', prompt: 'a fox', seconds: 9, size: '540x960', images: [first, last] } as const;
    const { operation } = await run({ ...request, images: [...request.images] }, { ...call, webhookUrl });
    expect(sent[0]?.body).toMatchObject({
      aspect_ratio: '9:16',
      resolution: '540p',
      duration: '9s',
      callback_url: webhookUrl,
      keyframes: { frame0: { type: 'image', url: first.url }, frame1: { type: 'image', url: last.url } },
    });
    expect(expectSameBill('ray-2', operation, simulator)).toBe(1_125_000_000_000n);
  });

  test('pictures: one is changed, several are looked at', async () => {
    const { simulator, sent, call, bytes } = start('photon-1');
    const { operation } = await run({ modality: 'image', prompt: 'a fox', ratio: '4:3', format: 'png' }, call);
    expect(probe(await bytes(assetOf(operation).url))).toMatchObject({
      mediaType: 'image/png',
      width: 1440,
      height: 1080,
    });
    expect(expectSameBill('photon-1', operation, simulator)).toBe(20_000_000_000n);
    await run({ modality: 'image', prompt: 'a fox', format: 'jpeg', images: [first] }, call);
    await run({ modality: 'image', prompt: 'a fox', images: [first, last] }, call);
    const [, changed, looked] = sent.filter(({ method }) => method === 'POST');
    expect(changed?.body).toMatchObject({ format: 'jpg', modify_image_ref: { url: first.url } });
    expect(looked?.body).toMatchObject({ image_ref: [{ url: first.url }, { url: last.url }] });
  });

  test.each([
    ['fail', 'provider_error', 'unknown'],
    ['filtered', 'content_policy', 'unknown'],
    ['empty', 'invalid_output', 'known'],
    ['wrong-type', 'invalid_output', 'known'],
  ])('[[%s]] ends as %s', async (word, code, billing) => {
    const { simulator, call } = start('ray-2');
    const { operation } = await run({ modality: 'video', prompt: `waves [[${word}]]` }, call);
    expect(operation).toMatchObject({ status: 'failed', error: { code, details: { billing } } });
    if (billing === 'known') expectSameBill('ray-2', operation, simulator);
    else expect(operation).not.toHaveProperty('usage');
  });

  test('cancel deletes what runs, and leaves what has ended', async () => {
    const port = portOf('video');
    const { call, sent } = start('ray-2');
    const submitted = await port.submit({ modality: 'video', prompt: 'waves' } as never, call);
    const canceled = await port.cancel!(submitted.ref!, call);
    expect(canceled).toMatchObject({ status: 'canceled', error: { details: { billing: 'unknown' } } });
    expect(sent.map(({ method }) => method)).toEqual(['POST', 'GET', 'DELETE']);
    expect((await caught(port.poll!(submitted.ref!, call))).code).toBe('outcome_unknown');
    const ended = await run({ modality: 'video', prompt: 'other waves' }, call);
    expect((await port.cancel!(ended.operation.ref!, call)).status).toBe('completed');
    expect(sent.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  });
});

describe('refusals', () => {
  const bytes = { mediaType: 'image/png', bytes: new Uint8Array(8) };
  test.each([
    ['video', { images: [bytes] }, 'invalid_request', 'images[0]'],
    [
      'video',
      { images: [{ mediaType: 'image/png', url: 'http://example.com/a.png' }] },
      'invalid_request',
      'images[0]',
    ],
    ['video', { images: [first, last, first] }, 'unsupported_parameter', 'images'],
    [
      'video',
      { video: { mediaType: 'video/mp4', url: 'https://example.com/a.mp4' } },
      'unsupported_parameter',
      'video',
    ],
    ['video', { seconds: 7 }, 'unsupported_parameter', 'seconds'],
    ['video', { ratio: '2:1' }, 'unsupported_parameter', 'ratio'],
    ['video', { size: '1000x1000' }, 'unsupported_parameter', 'size'],
    ['video', { resolution: '8k' }, 'unsupported_parameter', 'resolution'],
    ['video', { params: { duration: '9s' } }, 'unsupported_parameter', 'params.duration'],
    ['video', { params: { callback_url: 'https://x.example' } }, 'unsupported_parameter', 'params.callback_url'],
    ['image', { mask: first }, 'unsupported_parameter', 'mask'],
    ['image', { format: 'webp' }, 'unsupported_parameter', 'format'],
  ] as const)('%s %o: before anything is sent', async (modality, more, code, param) => {
    const { call, sent } = start(modality === 'video' ? 'ray-2' : 'photon-1');
    const error = await caught(portOf(modality).submit({ modality, prompt: 'a fox', ...more } as never, call));
    expect(error).toMatchObject({ code, details: { param, failure: 'A', billing: 'none' } });
    expect(sent).toHaveLength(0);
  });

  test('keyframes of one’s own pass as params', async () => {
    const { call, sent } = start('ray-2');
    const keyframes = { frame0: { type: 'generation', id: 'aaaaaaaa-0000-4000-8000-000000000000' } };
    await portOf('video').submit({ modality: 'video', prompt: 'waves', params: { keyframes } } as never, call);
    expect(sent[0]?.body.keyframes).toEqual(keyframes);
  });

  test("the vendor's own words, unbilled", async () => {
    const { call } = start('ray-2');
    const error = await caught(portOf('video').submit({ modality: 'video', prompt: 'x' } as never, call));
    expect(error).toMatchObject({ code: 'provider_rejected', details: { failure: 'B' } });
    expect(error.message).toContain('Prompt is too short');
  });

  test.each(failures)('$name on submitting: once, $code', async ({ answer, code, failure }) => {
    const { call, sent } = start('ray-2', () => Promise.resolve(answer()));
    const error = await caught(portOf('video').submit({ modality: 'video', prompt: 'waves' } as never, call));
    expect(error).toMatchObject({ code, details: { failure } });
    expect(sent).toHaveLength(1);
    expect(JSON.stringify([error.message, error.details])).not.toContain(key);
  });

  test('looks: a break may be repeated, garbage is garbage, no strange id gets into a path', async () => {
    const ref = { id: 'aaaaaaaa-0000-4000-8000-000000000000' };
    const broken = start('ray-2', () =>
      Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })),
    );
    expect((await caught(portOf('video').poll!(ref, broken.call))).code).toBe('provider_unavailable');
    const strange = start('ray-2', async () => Response.json({ state: 'floating' }));
    expect((await caught(portOf('video').poll!(ref, strange.call))).code).toBe('provider_garbage');
    const safe = start('ray-2');
    expect((await caught(portOf('video').poll!({ id: 'a/../credits' }, safe.call))).code).toBe('internal_error');
    expect(safe.sent).toHaveLength(0);
  });
});

describe('metering', () => {
  test('a raw generation tells what it consumed, one that made nothing tells nothing', () => {
    const base = { model: 'ray-2', endpoint: 'generations', modality: 'video' } as const;
    const response = { state: 'completed', request: { duration: '9s', resolution: '1080p' } };
    expect(luma.readUsage({ ...base, response })).toEqual({
      metered: [{ meter: 'output_video_seconds', quantity: 9, dims: { resolution: '1080p' } }],
      source: 'derived',
    });
    expect(luma.readUsage({ ...base, response: { ...response, state: 'failed' } })).toBeUndefined();
    expect(luma.readUsage(base)).toBeUndefined();
  });
});

describe.skipIf(!hasSpecs)('requests follow the published description (../shared/specs needed)', () => {
  test.each([
    ['video', 'ray-2', { prompt: 'a fox', images: [first], ratio: '21:9', resolution: '4k', seconds: 9 }],
    ['video', 'ray-flash-2', { prompt: 'a fox', size: '1920x1080', params: { concepts: [{ key: 'orbit_right' }] } }],
    ['image', 'photon-1', { prompt: 'a fox', images: [first, last], format: 'png' }],
    ['image', 'photon-flash-1', { prompt: 'a fox', images: [first] }],
  ] as const)('%s %s %o', async (modality, model, fields) => {
    const { call, sent } = start(model);
    const webhookUrl = 'https://gateway.example/hooks/1';
    await portOf(modality).submit({ modality, ...fields } as never, { ...call, webhookUrl });
    expect(validator('luma', requestPointer(`/generations/${modality}`, 'post'))?.(sent[0]!.body)).toBeUndefined();
  });
});
