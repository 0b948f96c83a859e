import { decode as decodePng } from 'fast-png';
import { parseBuffer } from 'music-metadata';
import { beforeAll, describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { fal } from '../../providers/fal.ts';
import { fal as simulate } from '../../providers/simulators/fal.ts';
import {
  type Call,
  type Fetch,
  GatewayError,
  type Json,
  type JsonObject,
  type MediaModality,
  type MediaRequestOf,
  type Model,
  type Operation,
  type Price,
} from '../../src/contract/index.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { priceUsage } from '../../src/meter/price.ts';
import { probe } from '../../src/meter/probe.ts';
import { callOf, failures, recorder } from './call.ts';

const now = Date.UTC(2026, 10, 22, 12);
const baseUrl = 'https://queue.fal.run';
let models: Model[] = [];
let prices: Price[] = [];

beforeAll(() => {
  const own = shipped.models.models.filter(({ id }) => id.startsWith('fal/'));
  models = own.map((row) => ({ ...row, provider: 'fal', upstream: row.id.slice(4) }) as unknown as Model);
  const file = shipped.prices.find((one) => (one as { provider: string }).provider === 'fal') as {
    prices: Omit<Price, 'source' | 'checked' | 'provider'>[];
    source: string;
    checked: string;
  };
  prices = file.prices.map((price) => ({ source: file.source, checked: file.checked, ...price, provider: 'fal' }));
});

type Sent = { url: string; method: string; headers: Headers; body: Json };

/** A call against a simulator, or against `answer`, with everything sent kept. */
function start(model: string, { answer, ...more }: Partial<Call> & { answer?: Fetch } = {}) {
  const simulator = simulate({ prices, faults: true, now: () => now });
  const sent: Sent[] = [];
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input as string, init);
    const text = await request.clone().text();
    const { url, method, headers } = request;
    sent.push({ url, method, headers, body: text ? (JSON.parse(text) as Json) : null });
    return (answer ?? simulator.fetch)(request);
  };
  const options = models.find(({ upstream }) => upstream === model)?.options ?? {};
  return { simulator, sent, call: callOf(fetch, { model, baseUrl, options, ...more }) };
}

const portOf = (modality: MediaModality) => fal.media![modality]!;

async function submit<M extends MediaModality>(request: MediaRequestOf<M>, call: Call): Promise<Operation> {
  return portOf(request.modality).submit(request as never, call);
}

async function follow(first: Operation, modality: MediaModality, call: Call) {
  let operation = first;
  const states: string[] = [];
  while (operation.status === 'queued' || operation.status === 'in_progress') {
    if (states.length > 9) throw new Error('the job never ends');
    states.push(operation.status);
    expect(operation.pollAfterMs).toBeGreaterThan(0);
    operation = await portOf(modality).poll!(JSON.parse(JSON.stringify(operation.ref)) as Json, call);
  }
  return { operation, states };
}

const run = async <M extends MediaModality>(request: MediaRequestOf<M>, call: Call) =>
  follow(await submit(request, call), request.modality, call);

function completed(operation: Operation): Operation & { status: 'completed' } {
  if (operation.status !== 'completed') throw new Error(`not completed: ${JSON.stringify(operation)}`);
  return operation;
}

function assetOf(operation: Operation): { mediaType: string; url: string } {
  const part = completed(operation).outputs[0];
  if (part?.type !== 'asset' || !('url' in part.asset)) throw new Error('no linked asset');
  return part.asset;
}

const bytesOf = async (simulator: { fetch: Fetch }, operation: Operation) =>
  new Uint8Array(await (await simulator.fetch(assetOf(operation).url)).arrayBuffer());

/** What the gateway would book, against the vendor's own invoice. */
function expectExactBill(simulator: ReturnType<typeof simulate>, model: string, operation: Operation) {
  const call = simulator.bill.calls.at(-1)!;
  expect(call.client).toBe('att_1');
  const billed = simulator.bill.totalOf(call);
  const { usage } = completed(operation);
  const receipt = priceUsage(createCatalogue(prices, 'h'), { provider: 'fal', model, usage, at: now });
  expect(receipt.status).toBe('priced');
  expect([receipt.total, billed.unpriced]).toEqual([billed.pico, 0]);
  expect(usage.metered).toEqual(call.charges);
  expect(usage.source).toBe('header');
}

const caught = (promise: Promise<unknown>): Promise<GatewayError> =>
  promise.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => {
      expect(error).toBeInstanceOf(GatewayError);
      return error as GatewayError;
    },
  );

describe('a generation', () => {
  test('images: count, pixels and format; queued, then running; the header is the bill', async () => {
    const model = 'fal-ai/flux/dev';
    const { simulator, sent, call } = start(model);
    const request = { modality: 'image', prompt: 'a fox', n: 2, size: '1280x832', format: 'png', seed: 7 } as const;
    const { operation, states } = await run(request, call);
    expect(states).toEqual(['queued', 'in_progress']);
    expect(completed(operation).outputs).toMatchObject([
      { asset: { mediaType: 'image/png' }, width: 1280, height: 832 },
      { asset: { mediaType: 'image/png' }, width: 1280, height: 832 },
    ]);
    expect(decodePng(await bytesOf(simulator, operation))).toMatchObject({ width: 1280, height: 832 });
    // 1280x832 is more than 2^20 pixels: two megapixels each.
    expect(completed(operation).usage.metered).toEqual([{ meter: 'megapixels', quantity: 4 }]);
    expectExactBill(simulator, model, operation);
    const id = /requests\/([0-9a-f-]{36})/.exec(sent[1]!.url)?.[1];
    expect(sent.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `POST ${baseUrl}/fal-ai/flux/dev`,
      `GET ${baseUrl}/fal-ai/flux/requests/${id}/status?logs=1`,
      `GET ${baseUrl}/fal-ai/flux/requests/${id}/status?logs=1`,
      `GET ${baseUrl}/fal-ai/flux/requests/${id}`,
    ]);
    expect(sent[0]?.body).toEqual({
      prompt: 'a fox',
      num_images: 2,
      image_size: { width: 1280, height: 832 },
      output_format: 'png',
      seed: 7,
    });
    expect(sent.every(({ headers }) => headers.get('authorization') === 'Key sk-secret-key')).toBe(true);
  });

  test('a ratio becomes one megapixel of pixels, or the name that the endpoint has for it', async () => {
    const flux = start('fal-ai/flux/schnell');
    const { operation } = await run({ modality: 'image', prompt: 'x', ratio: '16:9' }, flux.call);
    expect(flux.sent[0]?.body).toMatchObject({ image_size: { width: 1360, height: 768 } });
    expect(completed(operation).usage.metered).toEqual([{ meter: 'megapixels', quantity: 1 }]);
    expect(operation).not.toHaveProperty('warnings');
    const ultra = start('fal-ai/flux-pro/v1.1-ultra');
    const wide = await run({ modality: 'image', prompt: 'x', size: '1920x820' }, ultra.call);
    expect(ultra.sent[0]?.body).toEqual({ prompt: 'x', aspect_ratio: '21:9' });
    expect(completed(wide.operation).warnings).toEqual([expect.stringContaining('21:9')]);
    expectExactBill(ultra.simulator, 'fal-ai/flux-pro/v1.1-ultra', wide.operation);
  });

  test('an edit takes its picture in place; one too many is told', async () => {
    const model = 'fal-ai/flux-pro/kontext';
    const { sent, call, simulator } = start(model);
    const images = [
      { mediaType: 'image/png', bytes: Uint8Array.of(1, 2, 3) },
      { mediaType: 'image/png', url: 'https://pictures.example/two.png' },
    ];
    const { operation } = await run({ modality: 'image', prompt: 'in snow', images }, call);
    expect(sent[0]?.body).toEqual({ prompt: 'in snow', image_url: 'data:image/png;base64,AQID' });
    expect(completed(operation).warnings).toHaveLength(1);
    expectExactBill(simulator, model, operation);
  });

  test('video of the asked length', async () => {
    const model = 'fal-ai/kling-video/v3/turbo/pro/text-to-video';
    const { simulator, sent, call } = start(model);
    const { operation } = await run({ modality: 'video', prompt: 'waves', seconds: 3, ratio: '1:1' }, call);
    expect(sent[0]?.body).toEqual({ prompt: 'waves', duration: '3', aspect_ratio: '1:1' });
    expect(sent[1]?.url).toContain('/fal-ai/kling-video/requests/');
    expect(assetOf(operation).mediaType).toBe('video/mp4');
    expect(probe(await bytesOf(simulator, operation))).toMatchObject({
      kind: 'video',
      width: 1440,
      height: 1440,
      seconds: 3,
    });
    expectExactBill(simulator, model, operation);
  });

  test('first and last picture of a video', async () => {
    const { sent, call } = start('fal-ai/kling-video/v2.5-turbo/pro/image-to-video');
    const images = ['one', 'two'].map((name) => ({
      mediaType: 'image/png',
      url: `https://pictures.example/${name}.png`,
    }));
    const request = { modality: 'video', prompt: 'waves', seconds: 7, images } as const;
    const { operation } = await run({ ...request, images: [...images] }, call);
    expect(sent[0]?.body).toEqual({ prompt: 'waves', image_url: images[0]!.url, tail_image_url: images[1]!.url });
    expect(completed(operation).warnings).toEqual([expect.stringContaining('"seconds" (7)')]);
  });

  test('music and sound effects', async () => {
    const music = start('fal-ai/stable-audio-25/text-to-audio');
    const song = (await run({ modality: 'music', prompt: 'piano', seconds: 4 }, music.call)).operation;
    const { format } = await parseBuffer(await bytesOf(music.simulator, song), 'audio/wav', { duration: true });
    expect(format.duration).toBe(4);
    expectExactBill(music.simulator, 'fal-ai/stable-audio-25/text-to-audio', song);
    const sfx = start('fal-ai/stable-audio-3/small/sfx/text-to-audio');
    const door = (await run({ modality: 'sound_effect', prompt: 'a door', seconds: 1.5 }, sfx.call)).operation;
    expect(sfx.sent[1]?.url).toContain('/fal-ai/stable-audio-3/requests/');
    expectExactBill(sfx.simulator, 'fal-ai/stable-audio-3/small/sfx/text-to-audio', door);
  });

  test('speech is heard again, by characters and by minutes', async () => {
    const tts = start('fal-ai/minimax/speech-02-turbo');
    const text = 'The fox waits. 👋';
    const request = {
      modality: 'speech',
      text,
      voice: 'Wise_Woman',
      speed: 1.5,
      format: 'flac',
      language: 'en',
    } as const;
    const spoken = (await run(request, tts.call)).operation;
    expect(tts.sent[0]?.body).toEqual({
      output_format: 'url',
      text,
      voice_setting: { voice_id: 'Wise_Woman', speed: 1.5 },
      audio_setting: { format: 'flac' },
      language_boost: 'English',
    });
    expect(completed(spoken).usage.metered).toEqual([{ meter: 'input_characters', quantity: 16 }]);
    expectExactBill(tts.simulator, 'fal-ai/minimax/speech-02-turbo', spoken);
    const stt = start('fal-ai/elevenlabs/speech-to-text');
    const audio = { mediaType: 'audio/flac', bytes: await bytesOf(tts.simulator, spoken) };
    const heard = (await run({ modality: 'transcription', audio, format: 'json', diarize: true }, stt.call)).operation;
    expect(completed(heard).outputs).toMatchObject([{ type: 'text', text }]);
    expect(heard).not.toHaveProperty('warnings');
    expectExactBill(stt.simulator, 'fal-ai/elevenlabs/speech-to-text', heard);
  });

  test('3D: the mesh, not its companions', async () => {
    const image = { mediaType: 'image/png', url: 'https://pictures.example/rock.png' };
    const trellis = start('fal-ai/trellis');
    const rock = (await run({ modality: 'model3d', prompt: '', images: [image] }, trellis.call)).operation;
    expect(assetOf(rock).mediaType).toBe('model/gltf-binary');
    expect(trellis.sent[0]?.body).toEqual({ image_url: image.url });
    expectExactBill(trellis.simulator, 'fal-ai/trellis', rock);
    const hunyuan = start('fal-ai/hunyuan3d-v3/text-to-3d');
    const chest = (await run({ modality: 'model3d', prompt: 'a chest' }, hunyuan.call)).operation;
    expect(completed(chest).outputs).toHaveLength(1);
    expect(new TextDecoder().decode((await bytesOf(hunyuan.simulator, chest)).subarray(0, 4))).toBe('glTF');
    expectExactBill(hunyuan.simulator, 'fal-ai/hunyuan3d-v3/text-to-3d', chest);
  });

  test('an endpoint that the catalogue does not know runs by its id and bills its own units', async () => {
    const { call, sent } = start('acme/painter-9');
    const { operation } = await run({ modality: 'image', prompt: 'x', n: 3 }, call);
    expect(completed(operation).outputs).toHaveLength(3);
    expect(completed(operation).usage).toMatchObject({ metered: [{ meter: 'provider_units', quantity: 3 }] });
    const flow = start('workflows/acme/flow/deep');
    await run({ modality: 'image', prompt: 'x' }, flow.call);
    expect(flow.sent[1]?.url).toContain(`${baseUrl}/workflows/acme/flow/requests/`);
    expect(sent).toHaveLength(4);
  });
});

describe('how jobs end', () => {
  const model = 'fal-ai/flux/dev';
  test.each([
    ['fail', 'provider_error', 0],
    ['filtered', 'content_policy', 0],
    ['empty', 'invalid_output', 1],
  ])('[[%s]] is %s and bills %i times', async (word, code, billed) => {
    const { simulator, call } = start(model);
    const { operation } = await run({ modality: 'image', prompt: `x [[${word}]]` }, call);
    if (operation.status !== 'failed') throw new Error(operation.status);
    expect(operation.error).toMatchObject({ code });
    expect(simulator.bill.calls.at(-1)?.charges).toHaveLength(billed);
    expect(operation.usage?.metered ?? []).toEqual(simulator.bill.calls.at(-1)?.charges);
    expect(operation.error.details.billing).toBe(billed ? 'known' : 'none');
  });

  test('a refused input names its field, and costs nothing', async () => {
    const { simulator, call } = start(model);
    const { operation } = await run({ modality: 'image', prompt: 'x', n: 9 }, call);
    expect(operation).toMatchObject({
      status: 'failed',
      error: { code: 'provider_rejected', details: { param: 'num_images', status: 422, billing: 'none' } },
    });
    expect(operation).not.toHaveProperty('usage');
    expect(simulator.bill.calls.at(-1)?.charges).toEqual([]);
  });

  test('a wrong file is handed over as what it is; a dead link stays a link', async () => {
    const { simulator, call } = start(model);
    const wrong = (await run({ modality: 'image', prompt: 'x [[wrong-type]]' }, call)).operation;
    expect(assetOf(wrong).mediaType).toBe('text/plain');
    const dead = (await run({ modality: 'image', prompt: 'x [[expired]]' }, call)).operation;
    expect((await simulator.fetch(assetOf(dead).url)).status).toBe(404);
  });

  test('pictures blackened by the safety checker are no outputs', async () => {
    const urls = [1, 2].map((index) => ({ url: `https://v3.fal.media/files/${index}.png`, content_type: 'image/png' }));
    const answers =
      (flags: boolean[]): Fetch =>
      async (input) => {
        if (String(new Request(input as string).url).includes('/status')) return Response.json({ status: 'COMPLETED' });
        const headers = { 'x-fal-billable-units': '2' };
        return Response.json({ images: urls, has_nsfw_concepts: flags }, { headers });
      };
    const look = (flags: boolean[]) =>
      portOf('image').poll!({ id: 'a' }, start(model, { answer: answers(flags) }).call);
    const some = completed(await look([true, false]));
    expect(some.outputs).toHaveLength(1);
    expect(some.warnings).toHaveLength(1);
    expect(await look([true, true])).toMatchObject({
      status: 'failed',
      error: { code: 'content_policy', details: { billing: 'known' } },
      usage: { metered: [{ meter: 'megapixels', quantity: 2 }] },
    });
  });

  test('cancel: what waits and what runs are stopped unbilled; what has ended is handed over', async () => {
    for (const looks of [0, 1, 2]) {
      const { simulator, call } = start(model);
      const port = portOf('image');
      let operation = await submit({ modality: 'image', prompt: 'x' }, call);
      for (let look = 0; look < looks; look++) operation = await port.poll!(operation.ref!, call);
      const ended = await port.cancel!(operation.ref!, call);
      expect(ended.status).toBe(looks === 2 ? 'completed' : 'canceled');
      expect(simulator.bill.calls.at(-1)?.charges).toHaveLength(looks === 2 ? 1 : 0);
    }
  });

  test('a job goes on after a restart, from its ref alone', async () => {
    const { call } = start(model);
    const { ref } = await submit({ modality: 'image', prompt: 'x', quality: 'high' }, call);
    expect(Object.keys(ref as JsonObject)).toEqual(['id', 'warnings']);
    const { operation } = await follow(
      await portOf('image').poll!(JSON.parse(JSON.stringify(ref)), call),
      'image',
      call,
    );
    expect(completed(operation).warnings).toEqual([expect.stringContaining('"quality" (high)')]);
    for (const bad of [{}, { id: '../../other' }, { id: '' }, null]) {
      const error = await caught(Promise.resolve().then(() => portOf('image').poll!(bad as Json, call)));
      expect(error.code).toBe('internal_error');
    }
  });

  test('a webhook is asked for, sent once, and never needed', async () => {
    const model = 'fal-ai/flux/dev';
    const hooks: Json[] = [];
    const simulator = simulate({
      deliver: async (input, init) => {
        hooks.push(JSON.parse(await new Request(input as string, init).text()));
        return new Response(null);
      },
    });
    const webhookUrl = 'https://atelier.example/hooks/1?key=a&b=c';
    const { call, sent } = start(model, { answer: simulator.fetch, webhookUrl });
    await submit({ modality: 'image', prompt: 'x' }, call);
    expect(new URL(sent[0]!.url).searchParams.get('fal_webhook')).toBe(webhookUrl);
    await expect.poll(() => hooks.length, { timeout: 2000 }).toBe(1);
    expect(hooks[0]).toMatchObject({ status: 'OK', payload: { images: [{}] } });
  });
});

describe('failures', () => {
  test.each(failures)('$name on submit: sent once, class $failure', async ({ answer, code, failure }) => {
    const { fetch, seen } = recorder(answer);
    const error = await caught(submit({ modality: 'image', prompt: 'x' }, callOf(fetch, { model: 'a/b', baseUrl })));
    expect([error.code, error.details.failure]).toEqual([code, failure]);
    expect(seen).toHaveLength(1);
    expect(JSON.stringify([error.message, error.details])).not.toContain('sk-secr');
  });

  const told: [string, number, Json, object][] = [
    [
      'no balance',
      403,
      { detail: 'User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.' },
      { code: 'provider_quota_exhausted', details: { failure: 'B' } },
    ],
    ['a wrong key', 401, { detail: 'Invalid key' }, { code: 'provider_authentication' }],
    ['an unknown endpoint', 404, { detail: 'Application "x" not found' }, { code: 'provider_rejected' }],
    [
      'a policy',
      422,
      { detail: [{ loc: ['body', 'prompt'], msg: 'flagged', type: 'content_policy_violation' }] },
      { code: 'content_policy', details: { param: 'prompt', billing: 'none' } },
    ],
    ['no runner', 503, { detail: 'none', error_type: 'runner_scheduling_failure' }, { code: 'provider_overloaded' }],
    ['an id that is a path', 200, { request_id: '../x' }, { code: 'provider_garbage', details: { failure: 'C' } }],
  ];
  test.each(told)('%s', async (_, status, body, expected) => {
    const { call } = start('a/b', { answer: async () => Response.json(body, { status }) });
    expect(await caught(submit({ modality: 'image', prompt: 'x' }, call))).toMatchObject(expected);
  });

  test('a redirect is not followed', async () => {
    const { fetch, seen } = recorder(
      () => new Response(null, { status: 302, headers: { location: 'https://evil.example' } }),
    );
    const error = await caught(submit({ modality: 'image', prompt: 'x' }, callOf(fetch, { model: 'a/b', baseUrl })));
    expect([error.code, error.details.failure, seen.length]).toEqual(['provider_error', 'C', 1]);
  });

  const polls: [string, () => Response | Promise<Response>, string, boolean][] = [
    ['a broken connection', () => Promise.reject(new TypeError('terminated')), 'provider_unavailable', true],
    ['500 without a word of the job', () => Response.json({ detail: 'oops' }, { status: 500 }), 'provider_error', true],
    ['429', () => Response.json({ detail: 'slow down' }, { status: 429 }), 'provider_rate_limited', true],
    ['HTML', () => new Response('<html>'), 'provider_garbage', true],
    [
      'a job that is gone',
      () => Response.json({ detail: 'Request not found' }, { status: 404 }),
      'outcome_unknown',
      false,
    ],
  ];
  test.each(polls)('%s on a poll', async (_, answer, code, retryable) => {
    const { call } = start('a/b', { answer: async () => answer() });
    const error = await caught(portOf('image').poll!({ id: 'a1' }, call));
    expect([error.code, error.retryable]).toEqual([code, retryable]);
  });

  test.each(['reset', 'status:429', 'status:500', 'billed-500', 'garbage', 'empty', 'half-json'])(
    'the simulator’s %s',
    async (fault) => {
      const { simulator, call, sent } = start('fal-ai/flux/dev');
      simulator.faults.push(fault);
      await caught(submit({ modality: 'image', prompt: 'x' }, call));
      expect(sent).toHaveLength(1);
      expect(simulator.bill.calls).toHaveLength(['billed-500', 'half-json'].includes(fault) ? 1 : 0);
    },
  );

  test.each(['flux', 'a/../b', 'a//b', 'a/b?c', '/a/b', 'a/b/', 'https://evil.example/x'])(
    'nothing is sent for the model "%s"',
    async (model) => {
      const { call, sent } = start(model);
      const error = await caught(submit({ modality: 'image', prompt: 'x' }, call));
      expect([error.code, error.details.failure, sent.length]).toEqual(['model_not_found', 'A', 0]);
    },
  );

  test('nothing is sent after a cancel, nor with a count smuggled into params', async () => {
    const { call, sent } = start('fal-ai/flux/dev', { signal: AbortSignal.abort() });
    expect((await caught(submit({ modality: 'image', prompt: 'x' }, call))).details.failure).toBe('A');
    const smuggled = submit(
      { modality: 'image', prompt: 'x', params: { num_images: 4 } },
      start('fal-ai/flux/dev').call,
    );
    expect((await caught(smuggled)).code).toBe('unsupported_parameter');
    expect(sent).toHaveLength(0);
  });

  const kling = 'fal-ai/kling-video/v3/turbo/pro/text-to-video';
  const pixels = { width: 4096, height: 4096 };
  test.each<[string, MediaRequestOf<'image' | 'video' | 'music'>, string, JsonObject?]>([
    [kling, { modality: 'video', prompt: 'x', seconds: 3, params: { duration: '15' } }, 'duration'],
    [
      'fal-ai/stable-audio-25/text-to-audio',
      { modality: 'music', prompt: 'x', params: { seconds_total: 9 } },
      'seconds_total',
    ],
    ['fal-ai/flux/dev', { modality: 'image', prompt: 'x', params: { duration: 9 } }, 'duration'],
    ['fal-ai/flux/dev', { modality: 'image', prompt: 'x', params: { image_size: pixels } }, 'image_size'],
    [
      'acme/painter-9',
      { modality: 'image', prompt: 'x', size: '512x512', params: { image_size: pixels } },
      'image_size',
    ],
    [
      'a/b',
      { modality: 'image', prompt: 'x', params: { width: 4096 } },
      'width',
      { size: { width: 'width', height: 'height' } },
    ],
    [
      'a/b',
      { modality: 'image', prompt: 'x', params: { frame: pixels } },
      'frame',
      { size: { width: 'frame.w', height: 'frame.h' } },
    ],
  ])('%s: what is quoted by cannot come in by params (%j)', async (model, request, param, fields) => {
    const { call, sent } = start(model, fields ? { options: { fields } } : {});
    const error = await caught(submit(request as never, call));
    expect(error).toMatchObject({ status: 400, details: { failure: 'A', billing: 'none', param: `params.${param}` } });
    expect(sent).toHaveLength(0);
  });

  test('a size by its name, which is a megapixel at most, may come', async () => {
    const { call, sent } = start('fal-ai/flux/dev');
    await submit({ modality: 'image', prompt: 'x', params: { image_size: 'landscape_4_3' } }, call);
    expect(sent[0]?.body).toEqual({ prompt: 'x', image_size: 'landscape_4_3' });
    const pixels = { modality: 'image', prompt: 'x', params: { image_size: { width: 1, height: 1 } } } as const;
    expect((await caught(submit(pixels, call))).code).toBe('invalid_request');
  });
});

describe('what is honoured', () => {
  const everything: Record<string, Json> = {
    seed: 1,
    n: 2,
    ratio: '1:1',
    size: '512x512',
    quality: 'high',
    format: 'png',
    negativePrompt: 'n',
  };
  test('is exactly what is written, for every shipped image model', async () => {
    for (const { modality, upstream, options = {} } of models) {
      if (modality !== 'image') continue;
      const honours = portOf('image').honours!({ model: upstream, options }) as readonly string[];
      for (const [name, value] of Object.entries(everything)) {
        const { call, sent } = start(upstream);
        const bare = start(upstream);
        const image = { mediaType: 'image/png', url: 'https://pictures.example/1.png' };
        const request = { modality: 'image', prompt: 'x', images: honours.includes('images') ? [image] : [] } as const;
        await submit({ ...request, images: [...request.images], [name]: value }, call);
        await submit({ ...request, images: [...request.images] }, bare.call);
        const written = JSON.stringify(sent[0]?.body) !== JSON.stringify(bare.sent[0]?.body);
        const approximate = name === 'size' && !honours.includes('size') && honours.includes('ratio');
        expect([upstream, name, written]).toEqual([upstream, name, honours.includes(name) || approximate]);
      }
    }
  });
});

describe('usage of a raw answer', () => {
  const read = fal.readUsage;
  const header = (units: string) => ({ 'X-Fal-Billable-Units': units });
  test('the header counts units of the row, of the prices, or of its own', () => {
    const image = { model: 'm', endpoint: 'queue', modality: 'image', headers: header('2') } as const;
    const metered = (more: object) => read({ ...image, ...more })?.metered;
    expect(metered({})).toEqual([{ meter: 'provider_units', quantity: 2 }]);
    expect(metered({ options: { billing: { metric: 'megapixels' } } })).toEqual([{ meter: 'megapixels', quantity: 2 }]);
    const sold = { options: { billing: { metric: 'megapixels', unit: 5 } }, sold: ['provider_units'] };
    expect(metered(sold)).toEqual([{ meter: 'provider_units', quantity: 2 }]);
    expect(metered({ sold: ['images'] })).toEqual([{ meter: 'images', quantity: 2 }]);
    const minutes = { headers: header('0.0383'), options: { billing: { metric: 'input_audio_seconds', unit: 60 } } };
    expect(metered(minutes)).toEqual([{ meter: 'input_audio_seconds', quantity: 2.298 }]);
  });
  test('without it the answer and the request are counted', () => {
    const derive = (modality: 'image' | 'video' | 'speech' | 'transcription' | 'music', metric: string, more: object) =>
      read({ model: 'm', endpoint: 'queue', modality, options: { billing: { metric } }, ...more })?.metered[0]
        ?.quantity;
    const images = [
      { width: 1920, height: 1080 },
      { width: 512, height: 512 },
    ];
    expect(derive('image', 'megapixels', { response: { images } })).toBe(3);
    expect(derive('image', 'images', { response: { images } })).toBe(2);
    expect(
      derive('image', 'megapixels', { request: { num_images: 2, image_size: { width: 2048, height: 1024 } } }),
    ).toBe(4);
    expect(derive('video', 'output_video_seconds', { request: { duration: '8s' } })).toBe(8);
    expect(
      derive('video', 'output_video_seconds', { request: { duration: '5' }, response: { video: { duration: 5.04 } } }),
    ).toBe(5.04);
    expect(derive('speech', 'input_characters', { request: { text: 'Grüß 👋' } })).toBe(6);
    expect(derive('transcription', 'input_audio_seconds', { response: { words: [{ end: 1.2 }, { end: 3.4 }] } })).toBe(
      3.4,
    );
    expect(derive('music', 'songs', {})).toBe(1);
    expect(read({ model: 'm', endpoint: 'queue', modality: 'speech' })).toBeUndefined();
  });
});
