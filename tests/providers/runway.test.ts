import { decode as decodePng } from 'fast-png';
import { parseBuffer } from 'music-metadata';
import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { runway } from '../../providers/runway.ts';
import { runway as simulate } from '../../providers/simulators/runway.ts';
import {
  type Call,
  type Fetch,
  GatewayError,
  type Json,
  type MediaModality,
  type MediaRequestOf,
  type Operation,
} from '../../src/contract/index.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { priceUsage } from '../../src/meter/price.ts';
import { probe } from '../../src/meter/probe.ts';
import { hasSpecs, requestPointer, validator } from '../support/spec.ts';
import { failures } from './call.ts';

const key = 'key_secret_of_the_operator';
const noon = Date.UTC(2026, 10, 22, 12);
const config = await loadConfig(shipped);
const catalogue = createCatalogue(config.prices, 'sha256:test');
const picture = { mediaType: 'image/png', bytes: new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0]) };

type Sent = { url: string; method: string; headers: Headers; body: Record<string, Json>; redirect: string };

/** A call against a simulator, or against `answer`, with everything sent kept. */
function start(model: string, answer?: Fetch) {
  const simulator = simulate({ prices: config.prices, faults: true, now: () => noon });
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
    baseUrl: 'https://api.dev.runwayml.com',
    signal: new AbortController().signal,
    fetch,
    attemptId: 'attempt-1',
    options: {},
  };
  const bytes = async (url: string) => new Uint8Array(await (await simulator.fetch(url)).arrayBuffer());
  return { simulator, sent, call, bytes };
}

const portOf = (modality: MediaModality) => runway.media![modality]!;

async function run<M extends MediaModality>(request: MediaRequestOf<M>, call: Call) {
  let operation: Operation = await portOf(request.modality).submit(request as never, call);
  const states: string[] = [];
  for (let polls = 0; operation.status === 'queued' || operation.status === 'in_progress'; polls++) {
    if (polls > 9) throw new Error('the job never ends');
    states.push(operation.status);
    expect(operation.pollAfterMs).toBeGreaterThanOrEqual(5000);
    // A restart in between: the reference survives as text.
    operation = await portOf(request.modality).poll!(JSON.parse(JSON.stringify(operation.ref)), call);
  }
  return { operation, states };
}

function assetsOf(operation: Operation): { mediaType: string; url: string; expiresAt?: number }[] {
  if (operation.status !== 'completed') throw new Error(`not completed: ${JSON.stringify(operation)}`);
  return operation.outputs.flatMap((part) => (part.type === 'asset' && 'url' in part.asset ? [part.asset] : []));
}

const caught = (promise: Promise<unknown>): Promise<GatewayError> =>
  promise.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => {
      expect(error).toBeInstanceOf(GatewayError);
      return error as GatewayError;
    },
  );

/** What the gateway would book, against the simulator's own invoice. */
function expectSameBill(model: string, operation: Operation, simulator: ReturnType<typeof simulate>) {
  const usage = 'usage' in operation ? operation.usage : undefined;
  const receipt = priceUsage(catalogue, { provider: 'runway', model, usage, at: noon });
  const billed = simulator.bill.totalOf(simulator.bill.calls.at(-1)!);
  expect(billed.unpriced).toBe(0);
  expect(receipt.total).toBe(billed.pico);
  return receipt.total;
}

describe('a generation', () => {
  test('video from words: endpoint, frame, length, headers, file, and the exact bill', async () => {
    const { simulator, sent, call, bytes } = start('gen4.5');
    const asked = { modality: 'video', prompt: 'waves', seconds: 4, ratio: '9:16', seed: 7 } as const;
    const { operation, states } = await run(asked, call);
    expect(states).toEqual(['queued', 'in_progress']);
    const body = { model: 'gen4.5', promptText: 'waves', ratio: '720:1280', duration: 4, seed: 7 };
    expect(sent[0]).toMatchObject({ method: 'POST', redirect: 'manual', body });
    expect(sent.map(({ url }) => url.replace(/[0-9a-f-]{36}/, 'id'))).toEqual([
      'https://api.dev.runwayml.com/v1/text_to_video',
      'https://api.dev.runwayml.com/v1/tasks/id',
      'https://api.dev.runwayml.com/v1/tasks/id',
    ]);
    for (const { headers } of sent) {
      expect(headers.get('authorization')).toBe(`Bearer ${key}`);
      expect(headers.get('x-runway-version')).toBe('2024-11-06');
    }
    const [asset] = assetsOf(operation);
    expect(asset).toMatchObject({ mediaType: 'video/mp4', expiresAt: noon + 24 * 3_600_000 });
    expect(probe(await bytes(asset!.url))).toMatchObject({ width: 720, height: 1280, seconds: 4 });
    expect(operation).toMatchObject({
      usage: { source: 'body', metered: [{ meter: 'provider_credits', quantity: 48, dims: { unit: 'credit' } }] },
    });
    expect(expectSameBill('gen4.5', operation, simulator)).toBe(480_000_000_000n);
    expect(simulator.bill.find('attempt-1')).toBeDefined();
  });

  test('video from pictures: one is the first frame, a second the last; bytes become data URIs', async () => {
    const { simulator, sent, call } = start('veo3.1_fast');
    const last = { mediaType: 'image/jpeg', url: 'https://example.com/last.jpg' };
    const request = { modality: 'video', prompt: 'a fox', seconds: 6, images: [picture, last], audio: false } as const;
    const { operation } = await run({ ...request, images: [...request.images] }, call);
    expect(sent[0]?.url).toMatch(/image_to_video$/);
    expect(sent[0]?.body.promptImage).toEqual([
      { uri: `data:image/png;base64,${btoa(String.fromCharCode(...picture.bytes))}`, position: 'first' },
      { uri: last.url, position: 'last' },
    ]);
    expect(sent[0]?.body).toMatchObject({ audio: false, duration: 6, ratio: '1280:720' });
    expect(expectSameBill('veo3.1_fast', operation, simulator)).toBe(600_000_000_000n);
  });

  test('video from a video: the field each model wants', async () => {
    const video = { mediaType: 'video/mp4', url: 'https://example.com/clip.mp4' };
    const aleph = start('aleph2');
    const made = await run({ modality: 'video', prompt: 'snow', video, ratio: '9:16', seconds: 5 }, aleph.call);
    expect(aleph.sent[0]?.url).toMatch(/video_to_video$/);
    expect(aleph.sent[0]?.body).toEqual({
      model: 'aleph2',
      promptText: 'snow',
      targetAspectRatio: '9:16',
      videoUri: video.url,
    });
    expect(made.operation).toMatchObject({ warnings: [expect.stringContaining('seconds')] });
    const dance = start('seedance2');
    await run({ modality: 'video', prompt: 'snow', video, images: [picture] }, dance.call);
    expect(dance.sent[0]?.body).toMatchObject({ promptVideo: video.url, references: [{ uri: expect.any(String) }] });
    expect(dance.sent[0]?.body).not.toHaveProperty('ratio');
  });

  test('pictures: size, references, and the bill of the size', async () => {
    const { simulator, sent, call, bytes } = start('gen4_image');
    const request = { modality: 'image', prompt: 'a fox', size: '1920x1080', images: [picture] } as const;
    const { operation } = await run({ ...request, images: [...request.images] }, call);
    expect(sent[0]?.body).toMatchObject({ ratio: '1920:1080', referenceImages: [{ uri: expect.any(String) }] });
    const [asset] = assetsOf(operation);
    expect(decodePng(await bytes(asset!.url))).toMatchObject({ width: 1920, height: 1080 });
    expect(expectSameBill('gen4_image', operation, simulator)).toBe(80_000_000_000n);
    const several = start('gpt_image_2');
    const made = await run({ modality: 'image', prompt: 'a fox', n: 2, ratio: '3:2', quality: 'low' }, several.call);
    expect(several.sent[0]?.body).toMatchObject({ outputCount: 2, quality: 'low', ratio: '1920:1280' });
    expect(assetsOf(made.operation)).toHaveLength(2);
  });

  test('speech and sounds', async () => {
    const speech = start('eleven_multilingual_v2');
    const text = 'Hello from the fox. '.repeat(4);
    const spoken = await run({ modality: 'speech', text, voice: 'Leslie' }, speech.call);
    expect(speech.sent[0]?.body).toEqual({
      model: 'eleven_multilingual_v2',
      promptText: text,
      voice: { type: 'runway-preset', presetId: 'Leslie' },
    });
    const mp3 = await speech.bytes(assetsOf(spoken.operation)[0]!.url);
    expect((await parseBuffer(mp3, 'audio/mpeg', { duration: true })).format.container).toBe('MPEG');
    expect(expectSameBill('eleven_multilingual_v2', spoken.operation, speech.simulator)).toBe(20_000_000_000n);
    const sound = start('eleven_text_to_sound_v2');
    const made = await run({ modality: 'sound_effect', prompt: 'rain', seconds: 2.5 }, sound.call);
    expect(sound.sent[0]?.body).toMatchObject({ promptText: 'rain', duration: 2.5 });
    const heard = await parseBuffer(await sound.bytes(assetsOf(made.operation)[0]!.url), 'audio/mpeg', {
      duration: true,
    });
    expect(heard.format.duration).toBeCloseTo(2.5, 1);
  });

  test('what is too long for a data URI is uploaded, and the key does not go to the store', async () => {
    const { call, sent } = start('gen4_turbo');
    const bytes = new Uint8Array(4_100_000);
    bytes.set(picture.bytes);
    const { operation } = await run({ modality: 'video', prompt: 'x', images: [{ ...picture, bytes }] }, call);
    expect(operation.status).toBe('completed');
    const [place, store, create] = sent;
    expect(place?.url).toMatch(/\/v1\/uploads$/);
    expect(store?.headers.get('authorization')).toBeNull();
    expect(create?.body.promptImage).toMatch(/^runway:\/\//);
  });
});

describe('ends', () => {
  test.each([
    ['fail', 'failed', 'provider_error', 0n],
    ['filtered', 'failed', 'content_policy', 600_000_000_000n],
    ['empty', 'failed', 'invalid_output', 600_000_000_000n],
    ['wrong-type', 'failed', 'invalid_output', 600_000_000_000n],
  ])('[[%s]]: %s, %s, and what Runway charged for it', async (word, status, code, amount) => {
    const { simulator, call } = start('gen4.5');
    const { operation } = await run({ modality: 'video', prompt: `waves [[${word}]]`, seconds: 5 }, call);
    expect(operation).toMatchObject({ status, error: { code, details: { billing: 'known' } } });
    expect(expectSameBill('gen4.5', operation, simulator)).toBe(amount);
  });

  test('[[slow]] tells how far it is; [[expired]] has a dead address', async () => {
    const { call, simulator } = start('gen4.5');
    const port = portOf('video');
    let operation = await port.submit({ modality: 'video', prompt: '[[slow]]' } as never, call);
    const fractions: number[] = [];
    for (let look = 0; look < 6; look++) {
      operation = await port.poll!(operation.ref!, call);
      if (operation.status === 'in_progress') fractions.push(operation.fraction ?? -1);
    }
    expect(fractions).toHaveLength(6);
    expect([...fractions].sort()).toEqual(fractions);
    const dead = await run({ modality: 'video', prompt: '[[expired]]' }, call);
    expect((await simulator.fetch(assetsOf(dead.operation)[0]!.url)).status).toBe(403);
  });

  test('cancel: what Runway keeps of a running task is told; an ended one keeps its output', async () => {
    const port = portOf('video');
    const running = start('gen4.5');
    const submitted = await port.submit({ modality: 'video', prompt: 'x', seconds: 5 } as never, running.call);
    const canceled = await port.cancel!(submitted.ref!, running.call);
    expect(canceled).toMatchObject({ status: 'canceled', error: { code: 'request_canceled' } });
    expect(canceled).toMatchObject({ usage: { metered: [{ meter: 'provider_credits', quantity: 60 }] } });
    expectSameBill('gen4.5', canceled, running.simulator);
    expect(running.sent.map(({ method }) => method)).toEqual(['POST', 'GET', 'DELETE', 'GET']);
    const { call, sent } = start('gen4.5');
    const { operation } = await run({ modality: 'video', prompt: 'x', seconds: 5 }, call);
    expect((await port.cancel!(operation.ref!, call)).status).toBe('completed');
    expect(sent.every(({ method }) => method !== 'DELETE')).toBe(true);
  });

  test('a canceled task that Runway no longer knows: canceled, its cost unknown', async () => {
    let looked = 0;
    const { call } = start('gen4.5', async (input) => {
      const { method } = input as Request;
      if (method === 'DELETE') return new Response(null, { status: 204 });
      if (looked++ > 0) return Response.json({ error: 'Not found' }, { status: 404 });
      return Response.json({ id: 'x', status: 'RUNNING', progress: 0.2, estimatedCost: { credits: 5 } });
    });
    const canceled = await portOf('video').cancel!({ id: 'aaaaaaaa-0000' }, call);
    expect(canceled).toMatchObject({ status: 'canceled', error: { details: { billing: 'unknown' } } });
    expect(canceled).not.toHaveProperty('usage');
  });
});

describe('refusals', () => {
  const video = (more: object) => ({ modality: 'video', prompt: 'x', ...more }) as never;
  test.each([
    ['gen4_turbo', video({}), 'model'],
    ['gen4.5', video({ seconds: 11 }), 'seconds'],
    ['gen4.5', video({ seconds: 2.5 }), 'seconds'],
    ['veo3.1', video({ seconds: 5 }), 'seconds'],
    ['gen4.5', video({ size: '640x480' }), 'size'],
    ['gen4.5', video({ ratio: '1:1' }), 'ratio'],
    ['gen4.5', video({ resolution: '1080p' }), 'resolution'],
    ['gen4.5', video({ images: [picture, picture] }), 'images'],
    ['gen4.5', video({ params: { duration: 10 } }), 'params.duration'],
    ['gen4.5', video({ images: [{ mediaType: 'text/plain', bytes: new Uint8Array(3) }] }), 'images[0]'],
  ])('%s refuses %o before anything is sent', async (model, request, param) => {
    const { call, sent } = start(model);
    const error = await caught(portOf('video').submit(request, call));
    expect(error.details).toMatchObject({ param, failure: 'A', billing: 'none' });
    expect(sent).toHaveLength(0);
  });

  test('a picture model that needs pictures', async () => {
    const { call, sent } = start('gen4_image_turbo');
    const error = await caught(portOf('image').submit({ modality: 'image', prompt: 'x' } as never, call));
    expect(error.details).toMatchObject({ param: 'images', failure: 'A' });
    expect(sent).toHaveLength(0);
  });

  test("the vendor's own: its field and words, unbilled", async () => {
    const { call, sent } = start('gen4.5');
    const error = await caught(portOf('video').submit(video({ prompt: 'x'.repeat(1001) }), call));
    expect(error).toMatchObject({ code: 'provider_rejected', details: { param: 'promptText', failure: 'B' } });
    expect(sent).toHaveLength(1);
  });

  test.each(failures)('$name on submitting: once, $code', async ({ answer, code, failure }) => {
    const { call, sent } = start('gen4.5', () => Promise.resolve(answer()));
    const error = await caught(portOf('video').submit(video({}), call));
    expect(error).toMatchObject({ code, details: { failure } });
    expect(sent).toHaveLength(1);
    expect(JSON.stringify([error.message, error.details])).not.toContain(key);
  });

  test('no credits left is a matter of the operator', async () => {
    const said = { error: 'You do not have enough credits to run this task.' };
    const { call } = start('gen4.5', async () => Response.json(said, { status: 400 }));
    expect((await caught(portOf('video').submit(video({}), call))).code).toBe('provider_quota_exhausted');
  });

  test('a broken look may be repeated; an answer that is no task is garbage; no strange id gets into a path', async () => {
    const broken = start('gen4.5', () =>
      Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })),
    );
    const ref = { id: 'aaaaaaaa-0000-4000-8000-000000000000' };
    expect(await caught(portOf('video').poll!(ref, broken.call))).toMatchObject({ code: 'provider_unavailable' });
    const strange = start('gen4.5', async () => Response.json({ hello: 'you' }));
    expect((await caught(portOf('video').submit(video({}), strange.call))).code).toBe('provider_garbage');
    expect((await caught(portOf('video').poll!(ref, strange.call))).code).toBe('provider_garbage');
    const safe = start('gen4.5');
    expect((await caught(portOf('video').poll!({ id: '../organization' }, safe.call))).code).toBe('internal_error');
    expect(safe.sent).toHaveLength(0);
    const canceled = AbortSignal.abort(new Error('gone'));
    const error = await caught(portOf('video').submit(video({}), { ...safe.call, signal: canceled }));
    expect(error).toMatchObject({ code: 'request_canceled', details: { failure: 'A' } });
  });
});

describe('what is honoured and metered', () => {
  test('honours names what the model has a place for', () => {
    const of = (modality: MediaModality, model: string) =>
      [...portOf(modality).honours!({ model, options: {} })].sort();
    expect(of('video', 'gen4.5')).toEqual(['images', 'prompt', 'ratio', 'resolution', 'seconds', 'seed', 'size']);
    expect(of('video', 'veo3.1')).toContain('audio');
    expect(of('video', 'hailuo3')).not.toContain('size');
    expect(of('video', 'aleph2')).toEqual(['prompt', 'ratio', 'seed', 'video']);
    expect(of('image', 'gpt_image_2')).toEqual(['background', 'images', 'n', 'prompt', 'quality', 'ratio', 'size']);
    expect(of('speech', 'eleven_multilingual_v2')).toEqual(['text', 'voice']);
    expect(of('speech', 'eleven_v3')).toEqual(['language', 'seed', 'speed', 'text', 'voice']);
    expect(of('sound_effect', 'eleven_text_to_sound_v2')).toEqual(['prompt', 'seconds']);
    expect(of('video', 'some_new_model')).toContain('negativePrompt');
  });

  test('a model that nobody here knows is sent as asked', async () => {
    const { call, sent } = start('wan9', async () => Response.json({ id: '0a0a0a0a-0000-4000-8000-000000000000' }));
    await portOf('video').submit(
      { modality: 'video', prompt: 'x', size: '1000x500', seconds: 3, audio: true, images: [picture] } as never,
      call,
    );
    expect(sent[0]?.body).toMatchObject({ model: 'wan9', ratio: '1000:500', duration: 3, audio: true });
  });

  test('reported credits win; without them the request tells; never both', () => {
    const base = { model: 'gen4.5', endpoint: 'text_to_video', modality: 'video' } as const;
    const request = { duration: 5, ratio: '1280:720' };
    const ended = { status: 'FAILED', cost: { credits: 12 } };
    expect(runway.readUsage({ ...base, request, response: ended })?.metered).toEqual([
      { meter: 'provider_credits', quantity: 12, dims: { unit: 'credit' } },
    ]);
    const running = { status: 'RUNNING', estimatedCost: { credits: 60 } };
    expect(runway.readUsage({ ...base, request, response: running })).toMatchObject({ source: 'estimated' });
    expect(runway.readUsage({ ...base, request })).toEqual({
      metered: [{ meter: 'output_video_seconds', quantity: 5, dims: { resolution: '720p' } }],
      source: 'derived',
    });
    expect(runway.readUsage({ ...base, request, response: { status: 'FAILED' } })).toBeUndefined();
    expect(runway.readUsage(base)).toBeUndefined();
  });
});

describe.skipIf(!hasSpecs)('requests follow the published description (../shared/specs needed)', () => {
  const some: [string, MediaModality, object][] = [
    ['gen4.5', 'video', { prompt: 'x', seed: 1 }],
    ['gen4.5', 'video', { prompt: 'x', images: [picture], ratio: '21:9' }],
    ['gen4_turbo', 'video', { prompt: 'x', images: [picture], ratio: '4:3', seconds: 8 }],
    ['veo3.1', 'video', { prompt: 'x', resolution: '1080p', negativePrompt: 'fog', audio: true }],
    ['veo3.1', 'video', { prompt: 'x', images: [picture, picture], seconds: 8 }],
    ['hailuo3', 'video', { prompt: 'x', ratio: '4:3', resolution: '2k', seconds: 6 }],
    ['happyhorse_1_0', 'video', { prompt: 'xx', images: [picture], resolution: '1080p' }],
    ['happyhorse_1_0', 'video', { prompt: 'xx', ratio: '3:4' }],
    ['seedance2', 'video', { prompt: 'x', ratio: '16:9', resolution: '4k', audio: false, seconds: 15 }],
    ['seedance2_fast', 'video', { prompt: 'x', ratio: '21:9', resolution: '480p' }],
    ['seedance2_5', 'video', { prompt: 'x', images: [picture], ratio: '9:16', resolution: '480p', seconds: 30 }],
    ['gemini_omni_flash', 'video', { prompt: 'x', seconds: 3 }],
    [
      'aleph2',
      'video',
      { prompt: 'x', seed: 4, ratio: '1:1', video: { mediaType: 'video/mp4', url: 'https://a.example/b.mp4' } },
    ],
    ['gemini_omni_flash', 'video', { prompt: 'x', video: { mediaType: 'video/mp4', url: 'https://a.example/b.mp4' } }],
    ['gen4_image', 'image', { prompt: 'x', ratio: '21:9' }],
    ['gen4_image_turbo', 'image', { prompt: 'x', images: [picture] }],
    ['gemini_2.5_flash', 'image', { prompt: 'x', ratio: '4:5' }],
    ['gpt_image_2', 'image', { prompt: 'x', n: 3, background: 'opaque', quality: 'high' }],
    ['eleven_multilingual_v2', 'speech', { text: 'x' }],
    ['eleven_v3', 'speech', { text: 'x', speed: 1.1, language: 'de', seed: 3 }],
    ['seed_audio', 'speech', { text: 'x', speed: 1.5, format: 'opus' }],
    ['eleven_text_to_sound_v2', 'sound_effect', { prompt: 'x', seconds: 0.5 }],
  ];
  test.each(some)('%s %s %o', async (model, modality, fields) => {
    const { call, sent } = start(model, async () => Response.json({ id: '0a0a0a0a-0000-4000-8000-000000000000' }));
    await portOf(modality).submit({ modality, ...fields } as never, call);
    const path = new URL(sent[0]!.url).pathname;
    expect(validator('runway', requestPointer(path, 'post'))?.(sent[0]!.body)).toBeUndefined();
  });
});
