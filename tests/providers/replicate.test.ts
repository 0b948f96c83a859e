import { decode as decodePng } from 'fast-png';
import { parseBuffer } from 'music-metadata';
import { describe, expect, test } from 'vitest';
import { replicate } from '../../providers/replicate.ts';
import { replicate as simulate } from '../../providers/simulators/replicate.ts';
import {
  type Call,
  type Fetch,
  GatewayError,
  type JsonObject,
  type MediaModality,
  type MediaRequestOf,
  type Operation,
  type Price,
} from '../../src/contract/index.ts';
import { hasSpecs, requestPointer, validator } from '../support/spec.ts';

const key = 'r8_secret_token_of_the_operator';
const flux = 'black-forest-labs/flux-schnell';
const fluxOptions: JsonObject = {
  official: true,
  fields: { prompt: 'prompt', n: 'num_outputs', ratio: 'aspect_ratio', format: 'output_format', seed: 'seed' },
  billing: { metric: 'images' },
};
const musicOptions: JsonObject = {
  version: '671ac645ce5e552cc63a54a2bbff63fcf798043055d2dac5fc9e36a837eedcfb',
  input: { model_version: 'stereo-large' },
  fields: { prompt: 'prompt', seconds: 'duration', format: 'output_format', seed: 'seed', audio: 'input_audio' },
  billing: { metric: 'gpu_seconds', hardware: 'gpu-a100-large' },
};
const dated = { per: '1', from: '2025-01-01', checked: '2026-11-22', source: 'https://replicate.com/pricing' };
const prices: Price[] = [
  { provider: 'replicate', model: flux, meter: 'images', price: '0.003', ...dated },
  {
    provider: 'replicate',
    model: 'meta/musicgen',
    meter: 'gpu_seconds',
    price: '0.0014',
    dims: { hardware: 'gpu-a100-large' },
    ...dated,
  },
];

type Sent = { url: string; method: string; headers: Headers; body: string };

/** A call against a simulator, or against `answer`, with everything sent kept. */
function start(options: JsonObject, answer?: Fetch, model = flux) {
  const simulator = simulate({ prices, faults: true, now: () => Date.UTC(2026, 10, 22) });
  const sent: Sent[] = [];
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input as string, init);
    const body = await request.clone().text();
    sent.push({ url: request.url, method: request.method, headers: request.headers, body });
    return (answer ?? simulator.fetch)(request);
  };
  const baseUrl = 'https://api.replicate.com/v1';
  const call: Call = {
    model,
    key,
    baseUrl,
    signal: new AbortController().signal,
    fetch,
    attemptId: 'attempt-1',
    options,
  };
  return { simulator, sent, call };
}

async function submit<M extends MediaModality>(request: MediaRequestOf<M>, call: Call): Promise<Operation> {
  const port = replicate.media?.[request.modality];
  if (!port) throw new Error(`no port for ${request.modality}`);
  return port.submit(request as never, call);
}

/** Submits and polls to the end, as the gateway would. */
async function run<M extends MediaModality>(request: MediaRequestOf<M>, call: Call) {
  let operation = await submit(request, call);
  const states: string[] = [];
  for (let polls = 0; operation.status === 'queued' || operation.status === 'in_progress'; polls++) {
    if (polls > 5) throw new Error('the job never ends');
    states.push(operation.status);
    expect(operation.pollAfterMs).toBeGreaterThan(0);
    operation = await replicate.media![request.modality]!.poll!(operation.ref, call);
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

describe('a generation', () => {
  test('image: the asked count, format and pixels, and the bill it is charged by', async () => {
    const { simulator, sent, call } = start(fluxOptions);
    const { operation, states } = await run(
      { modality: 'image', prompt: 'a fox', n: 2, ratio: '16:9', format: 'png' },
      call,
    );
    expect(states).toEqual(['queued', 'in_progress']);
    const assets = assetsOf(operation);
    expect(assets.map((asset) => asset.mediaType)).toEqual(['image/png', 'image/png']);
    expect(assets[0]?.expiresAt).toBeGreaterThan(Date.UTC(2026, 10, 22));
    for (const asset of assets) {
      const bytes = new Uint8Array(await (await simulator.fetch(asset.url)).arrayBuffer());
      expect(decodePng(bytes)).toMatchObject({ width: 1344, height: 768 });
    }
    expect(operation).toMatchObject({ usage: { metered: [{ meter: 'images', quantity: 2 }] } });
    expect(simulator.bill.find('attempt-1')?.charges).toEqual([{ meter: 'images', quantity: 2 }]);
    expect(sent.map(({ method, url }) => `${method} ${url.replace(/[a-z2-7]{26}$/, 'id')}`)).toEqual([
      `POST https://api.replicate.com/v1/models/${flux}/predictions`,
      'GET https://api.replicate.com/v1/predictions/id',
      'GET https://api.replicate.com/v1/predictions/id',
    ]);
    expect(sent.every((request) => request.headers.get('authorization') === `Bearer ${key}`)).toBe(true);
    expect(sent[0]?.headers.has('prefer')).toBe(false);
  });

  test('music: the asked seconds, charged by computing time', async () => {
    const { simulator, call, sent } = start(musicOptions, undefined, 'meta/musicgen');
    const { operation } = await run({ modality: 'music', prompt: 'calm piano', seconds: 4, format: 'wav' }, call);
    const [asset] = assetsOf(operation);
    expect(asset?.mediaType).toBe('audio/wav');
    const wav = new Uint8Array(await (await simulator.fetch(asset!.url)).arrayBuffer());
    expect((await parseBuffer(wav, 'audio/wav', { duration: true })).format.duration).toBe(4);
    if (operation.status !== 'completed') throw new Error('not completed');
    const charge = simulator.bill.find('attempt-1')!.charges[0]!;
    expect(operation.usage.metered).toEqual([charge]);
    expect(operation.usage.raw).toMatchObject({ metrics: { predict_time: charge.quantity } });
    expect(simulator.bill.totalOf(simulator.bill.calls[0]!)).toEqual({
      pico: BigInt(Math.round(charge.quantity * 1000)) * 1_400_000n,
      unpriced: 0,
    });
    expect(JSON.parse(sent[0]!.body)).toMatchObject({
      version: `meta/musicgen:${musicOptions.version}`,
      input: { model_version: 'stereo-large', duration: 4 },
    });
  });

  test('speech is transcribed back through an upload, and 3D and video work by name', async () => {
    const { simulator, call, sent } = start({}, undefined, 'acme/tts-one');
    const text = 'Hello from the fox, again and again. '.repeat(6);
    const spoken = await run({ modality: 'speech', text }, call);
    const bytes = new Uint8Array(await (await simulator.fetch(assetsOf(spoken.operation)[0]!.url)).arrayBuffer());
    expect(bytes.length).toBeGreaterThan(256 * 1024);
    const audio = { mediaType: 'audio/wav', bytes };
    const heard = await run({ modality: 'transcription', audio, format: 'json' }, { ...call, model: 'openai/whisper' });
    expect(heard.operation).toMatchObject({ status: 'completed', outputs: [{ type: 'text', text }] });
    expect(heard.operation).not.toHaveProperty('warnings');
    expect(sent.filter((request) => request.url.endsWith('/files'))).toHaveLength(1);
    const mesh = await run({ modality: 'model3d', prompt: 'a rock' }, { ...call, model: 'acme/3d-mesh' });
    expect(assetsOf(mesh.operation)[0]?.mediaType).toBe('model/gltf-binary');
    const video = await run({ modality: 'video', prompt: 'waves', seconds: 2 }, { ...call, model: 'acme/video-1' });
    expect(assetsOf(video.operation)[0]?.mediaType).toBe('video/mp4');
  });

  test('cancel: free before it starts, charged for what ran after', async () => {
    const { simulator, call } = start(musicOptions, undefined, 'meta/musicgen');
    const port = replicate.media!.music!;
    for (const looks of [0, 1]) {
      let operation = await submit({ modality: 'music', prompt: `calm ${looks}`, seconds: 10 }, call);
      for (let look = 0; look < looks; look++) operation = await port.poll!(operation.ref!, call);
      const canceled = await port.cancel!(operation.ref!, call);
      if (canceled.status !== 'canceled') throw new Error(canceled.status);
      expect(canceled.error.code).toBe('request_canceled');
      const charged = simulator.bill.calls.at(-1)?.charges[0]?.quantity ?? 0;
      expect(canceled.usage?.metered[0]).toMatchObject({ meter: 'gpu_seconds', quantity: charged });
      expect(charged > 0).toBe(looks === 1);
    }
  });

  test('failed, aborted and empty ends carry an error and what they cost', async () => {
    const { simulator, call } = start(musicOptions, undefined, 'meta/musicgen');
    const end = async (word: string) => (await run({ modality: 'music', prompt: `calm [[${word}]]` }, call)).operation;
    const codes = {
      fail: ['failed', 'provider_error'],
      abort: ['canceled', 'request_canceled'],
      empty: ['failed', 'invalid_output'],
    };
    for (const [word, [status, code]] of Object.entries(codes)) {
      const operation = await end(word);
      expect(operation).toMatchObject({ status, error: { code, details: { billing: 'known' } } });
      const charged = simulator.bill.calls.at(-1)?.charges[0]?.quantity ?? 0;
      expect('usage' in operation && operation.usage?.metered[0]?.quantity).toBe(charged);
      expect(charged > 0).toBe(word !== 'abort');
    }
  });
});

describe('the request', () => {
  test('what cannot be said becomes a warning that survives to the end; params go last', async () => {
    const { call, sent } = start({ ...fluxOptions, input: { go_fast: false, output_quality: 70 } });
    const { operation } = await run(
      {
        modality: 'image',
        prompt: 'a fox',
        size: '1024x1024',
        quality: 'high',
        negativePrompt: 'dogs',
        format: 'jpeg',
        params: { output_quality: 90 },
      },
      call,
    );
    expect(operation).toMatchObject({ status: 'completed' });
    const { warnings = [] } = operation as { warnings?: string[] };
    expect(warnings).toHaveLength(3);
    for (const word of ['size 1024x1024', '"quality" (high)', '"negativePrompt" (dogs)']) {
      expect(warnings.some((warning) => warning.includes(word))).toBe(true);
    }
    expect(JSON.parse(sent[0]!.body).input).toEqual({
      go_fast: false,
      output_quality: 90,
      prompt: 'a fox',
      aspect_ratio: '1:1',
      output_format: 'jpg',
    });
  });

  test('without a map common names are used; declared rules split sizes, translate values and take lists', async () => {
    const { call, sent } = start({}, undefined, 'acme/painter');
    const bytes = new Uint8Array(70_000).map((_, index) => index);
    const images = [
      { mediaType: 'image/png', bytes },
      { mediaType: 'image/png', url: 'https://example.com/a.png' },
    ];
    await submit({ modality: 'image', prompt: 'a fox', size: '640x480', n: 1, images, seed: 7 }, call);
    const fields = {
      image: { field: 'image_input', list: true },
      quality: { field: 'steps', values: { high: 50 } },
      size: { field: 'preset', values: { '640x480': 'vga' } },
    };
    await submit(
      { modality: 'image', prompt: 'a fox', size: '640x480', quality: 'high', images },
      { ...call, options: { fields } },
    );
    const [plain, mapped] = sent.map(({ body }) => JSON.parse(body).input);
    const inline = `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;
    expect(plain).toEqual({ prompt: 'a fox', width: 640, height: 480, num_outputs: 1, image: inline, seed: 7 });
    expect(mapped).toEqual({
      prompt: 'a fox',
      preset: 'vga',
      steps: 50,
      image_input: [inline, 'https://example.com/a.png'],
    });
  });

  test('what is quoted by cannot come in by params', async () => {
    const fields = { prompt: 'prompt', n: 'count', seconds: { field: 'length' } };
    const image = { modality: 'image', prompt: 'x', n: 1 } as const;
    const large = { mediaType: 'image/png', bytes: new Uint8Array(300_000) };
    const cases: [MediaRequestOf<'image' | 'video' | 'music'>, string, JsonObject][] = [
      [{ ...image, params: { num_outputs: 4 } }, 'num_outputs', fluxOptions],
      [{ ...image, params: { num_outputs: 4 } }, 'num_outputs', {}],
      [{ ...image, params: { count: 4 } }, 'count', { fields }],
      [{ ...image, params: { num_outputs: 4 } }, 'num_outputs', { fields }],
      [{ modality: 'video', prompt: 'x', params: { length: 60 } }, 'length', { fields }],
      [{ ...image, images: [large], params: { num_outputs: 4 } }, 'num_outputs', {}],
      [{ modality: 'video', prompt: 'x', seconds: 2, params: { duration: 60 } }, 'duration', {}],
      [{ modality: 'video', prompt: 'x', params: { duration: 60 } }, 'duration', { fields: { prompt: 'prompt' } }],
      [{ modality: 'music', prompt: 'x', params: { duration: 60 } }, 'duration', musicOptions],
    ];
    for (const [request, param, options] of cases) {
      const { call, sent } = start(options);
      const error = await caught(submit(request as never, call));
      expect(error).toMatchObject({
        status: 400,
        details: { failure: 'A', billing: 'none', param: `params.${param}` },
      });
      expect(sent).toEqual([]);
    }
  });

  test('a model name cannot leave its path, and a community model needs a version', async () => {
    const { call, sent } = start({});
    for (const model of ['../account', 'a/b/../../c', 'flux', 'a/b?x=1', '']) {
      expect((await caught(submit({ modality: 'image', prompt: 'x' }, { ...call, model }))).code).toBe(
        'model_not_found',
      );
    }
    const needs = await caught(submit({ modality: 'image', prompt: 'x' }, { ...call, options: { official: false } }));
    expect([needs.code, needs.details.failure]).toEqual(['invalid_request', 'A']);
    await expect(replicate.media!.image!.poll!({ id: '../account' }, call)).rejects.toThrow('no id');
    expect(sent).toEqual([]);
  });

  test('the key travels in the header only, and an empty key is not replaced by the environment', async () => {
    const { call, sent } = start({}, undefined, 'acme/painter');
    const images = [{ mediaType: 'image/png', bytes: new Uint8Array(300_000) }];
    await run({ modality: 'image', prompt: 'a fox', images }, { ...call, webhookUrl: 'https://gateway.example/hook' });
    expect(JSON.parse(sent[1]!.body)).toMatchObject({
      webhook: 'https://gateway.example/hook',
      webhook_events_filter: ['completed'],
    });
    expect(sent.some((request) => (request.body + request.url).includes(key))).toBe(false);
    const before = process.env.REPLICATE_API_TOKEN;
    process.env.REPLICATE_API_TOKEN = 'r8_of_the_environment';
    try {
      const error = await caught(submit({ modality: 'image', prompt: 'x' }, { ...call, key: '' }));
      expect(error.code).toBe('provider_authentication');
      expect(sent.at(-1)?.headers.has('authorization')).toBe(false);
    } finally {
      if (before === undefined) delete process.env.REPLICATE_API_TOKEN;
      else process.env.REPLICATE_API_TOKEN = before;
    }
  });

  test.skipIf(!hasSpecs)('bodies follow the published description (../shared/specs needed)', async () => {
    const official = start(fluxOptions);
    await submit(
      { modality: 'image', prompt: 'a fox', n: 2 },
      { ...official.call, webhookUrl: 'https://gateway.example/hook' },
    );
    const path = '/models/{model_owner}/{model_name}/predictions';
    expect(validator('replicate', requestPointer(path, 'post'))?.(JSON.parse(official.sent[0]!.body))).toBeUndefined();
    const community = start(musicOptions, undefined, 'meta/musicgen');
    await submit({ modality: 'music', prompt: 'calm' }, community.call);
    const check = validator('replicate', requestPointer('/predictions', 'post'));
    expect(check?.(JSON.parse(community.sent[0]!.body))).toBeUndefined();
  });
});

describe('failures: one POST each, the true cause, the right class', () => {
  const reset = () => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } }));
  const unreachable = () => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } }));
  const status =
    (code: number, body: unknown = { detail: 'Sorry.' }, headers = {}) =>
    async () =>
      new Response(typeof body === 'string' ? body : JSON.stringify(body), { status: code, headers });
  const torn = async () =>
    new Response(new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) }), {
      status: 201,
    });
  const fields = [{ type: 'required', field: 'input', description: 'prompt is required' }];
  const cases: [string, Fetch, object][] = [
    ['a reset', reset, { code: 'outcome_unknown', details: { failure: 'C', billing: 'unknown' } }],
    ['a torn answer', torn, { code: 'outcome_unknown', details: { failure: 'C' } }],
    ['a refused connection', unreachable, { code: 'provider_unavailable', details: { failure: 'A', billing: 'none' } }],
    [
      'a handshake that failed',
      () => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' } })),
      { code: 'provider_unavailable', details: { failure: 'A', billing: 'none' } },
    ],
    [
      'a connect that timed out',
      () => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ETIMEDOUT', syscall: 'connect' } })),
      { code: 'provider_unavailable', details: { failure: 'A', billing: 'none' } },
    ],
    [
      'headers that never came',
      () => Promise.reject(new TypeError('fetch failed', { cause: { code: 'UND_ERR_HEADERS_TIMEOUT' } })),
      { code: 'provider_timeout', details: { failure: 'C', billing: 'unknown' } },
    ],
    ['401', status(401), { code: 'provider_authentication', details: { failure: 'B' } }],
    ['402', status(402), { code: 'provider_quota_exhausted', details: { failure: 'B' } }],
    ['404', status(404), { code: 'model_not_found', details: { failure: 'B' } }],
    [
      '422',
      status(422, { detail: '- input: prompt is required\n', invalid_fields: fields }),
      {
        code: 'provider_rejected',
        status: 422,
        message: 'Replicate: - input: prompt is required',
        details: { param: 'input', failure: 'B' },
      },
    ],
    ['422 version', status(422, { title: 'Invalid version or not permitted' }), { code: 'model_not_found' }],
    [
      '429',
      status(429, {}, { 'retry-after': '3' }),
      { code: 'provider_rate_limited', details: { failure: 'B', retryAfterMs: 3000 } },
    ],
    [
      '429 in the body',
      status(429, { detail: 'Throttled.', retry_after: 5 }),
      { code: 'provider_rate_limited', details: { retryAfterMs: 5000 } },
    ],
    [
      '429 with a date',
      status(429, {}, { date: 'Sun, 22 Nov 2026 12:00:00 GMT', 'retry-after': 'Sun, 22 Nov 2026 12:00:07 GMT' }),
      { details: { retryAfterMs: 7000 } },
    ],
    ['500', status(500), { code: 'provider_error', details: { failure: 'C', billing: 'unknown' } }],
    ['503', status(503, '<html>'), { code: 'provider_error', details: { failure: 'C' } }],
    ['HTML with 200', status(200, '<!doctype html>'), { code: 'provider_garbage', details: { failure: 'C' } }],
    ['nothing with 200', status(200, ''), { code: 'provider_garbage', details: { failure: 'C' } }],
    ['JSON that is no prediction', status(200, []), { code: 'provider_garbage', details: { failure: 'C' } }],
    ['a status never heard of', status(201, { id: 'x', status: 'dreaming' }), { code: 'provider_garbage' }],
  ];
  test.each(cases)('%s', async (_, answer, expected) => {
    const { call, sent } = start(fluxOptions, answer);
    const error = await caught(submit({ modality: 'image', prompt: 'a fox' }, call));
    expect(error).toMatchObject(expected);
    expect(sent).toHaveLength(1);
  });

  test('the simulator’s own faults come out the same, and are billed once', async () => {
    for (const fault of ['reset', 'status:429', 'status:500', 'billed-500', 'garbage', 'empty', 'half-json']) {
      const { simulator, call, sent } = start(fluxOptions);
      simulator.faults.push(fault);
      await caught(submit({ modality: 'image', prompt: 'a fox' }, call));
      expect([fault, sent.length]).toEqual([fault, 1]);
      expect(simulator.bill.calls.length).toBe(fault === 'billed-500' || fault === 'half-json' ? 1 : 0);
    }
  });

  test('a poll asks once too: its failure leaves the job where it is', async () => {
    const { call, sent } = start(fluxOptions, reset);
    const error = await caught(replicate.media!.image!.poll!({ id: 'abc' }, call));
    expect([error.code, error.retryable, error.details.billing]).toEqual(['provider_unavailable', true, 'unknown']);
    const gone = start(fluxOptions, status(404));
    expect((await caught(replicate.media!.image!.poll!({ id: 'abc' }, gone.call))).code).toBe('outcome_unknown');
    const broken = start(fluxOptions, status(502));
    await caught(replicate.media!.image!.cancel!({ id: 'abc' }, broken.call));
    expect([sent.length, gone.sent.length, broken.sent.length]).toEqual([1, 1, 1]);
  });

  test('an upload that breaks has cost nothing', async () => {
    const { call, sent } = start({}, reset, 'acme/painter');
    const images = [{ mediaType: 'image/png', bytes: new Uint8Array(300_000) }];
    const error = await caught(submit({ modality: 'image', prompt: 'a fox', images }, call));
    expect(error).toMatchObject({ code: 'provider_unavailable', details: { failure: 'A', billing: 'none' } });
    expect(sent.map(({ url }) => new URL(url).pathname)).toEqual(['/v1/files']);
  });

  test('aborts and errors of the egress door keep their meaning', async () => {
    const canceled = start(fluxOptions);
    const before = await caught(
      submit({ modality: 'image', prompt: 'x' }, { ...canceled.call, signal: AbortSignal.abort() }),
    );
    expect([before.code, before.details.failure, canceled.sent.length]).toEqual(['request_canceled', 'A', 0]);
    const { simulator, call } = start(fluxOptions);
    simulator.faults.push('stall');
    const late = await caught(submit({ modality: 'image', prompt: 'x' }, { ...call, signal: AbortSignal.timeout(30) }));
    expect([late.code, late.details.failure]).toEqual(['provider_timeout', 'C']);
    const limit = new GatewayError('rate_limited', { message: 'Too many at once.', failure: 'A' });
    const held = start(fluxOptions, () => Promise.reject(limit));
    expect(await caught(submit({ modality: 'image', prompt: 'x' }, held.call))).toBe(limit);
  });

  test('a body that echoes the key is kept without it', async () => {
    const { call } = start(fluxOptions, status(401, { detail: `Bad token ${key}` }));
    const error = await caught(submit({ modality: 'image', prompt: 'x' }, call));
    expect(JSON.stringify([error.message, error.details.raw])).not.toContain(key);
  });
});

describe('answers of other shapes', () => {
  const answering = async (
    modality: MediaModality,
    output: unknown,
    options: JsonObject = {},
    more: JsonObject = {},
  ) => {
    const prediction = { id: 'abc', status: 'succeeded', output, completed_at: '2026-11-22T12:00:00.000000Z', ...more };
    const { call } = start(options, async () => Response.json(prediction));
    return replicate.media![modality]!.poll!({ id: 'abc' }, call);
  };
  const url = (name: string) => `https://replicate.delivery/x/${name}`;

  test('objects, lists and data URLs', async () => {
    const riff = { audio: url('sound.mp3'), spectrogram: url('picture.jpg') };
    const heard = assetsOf(await answering('music', riff));
    expect(heard).toEqual([
      { mediaType: 'audio/mpeg', name: 'sound.mp3', url: url('sound.mp3'), expiresAt: Date.UTC(2026, 10, 22, 13) },
    ]);
    expect(assetsOf(await answering('music', riff, { output: 'spectrogram' }))[0]?.mediaType).toBe('image/jpeg');
    expect(assetsOf(await answering('model3d', { mesh: { file: url('a.glb') } }))).toHaveLength(1);
    const inline = await answering('image', ['data:image/png;base64,AQID']);
    expect(inline).toMatchObject({ outputs: [{ asset: { mediaType: 'image/png', bytes: Uint8Array.of(1, 2, 3) } }] });
  });

  test('transcriptions', async () => {
    const segments = [
      { text: ' Hello', start: 0 },
      { text: ' you.', start: 1 },
    ];
    const shapes = [
      'Hello you.',
      { text: 'Hello you.' },
      { transcription: 'Hello you.', txt_file: null },
      { segments },
      ['Hello', ' you.'],
    ];
    for (const output of shapes) {
      expect(await answering('transcription', output)).toMatchObject({
        outputs: [{ type: 'text', text: 'Hello you.' }],
      });
    }
    expect(await answering('transcription', { segments })).toMatchObject({ outputs: [{ annotations: segments }] });
  });

  test('deleted output and refused content', async () => {
    const options = { billing: { metric: 'images' } };
    const gone = await answering('image', null, options, { data_removed: true, metrics: { predict_time: 1 } });
    expect(gone).toMatchObject({
      status: 'failed',
      error: { code: 'invalid_output', details: { billing: 'unknown' } },
    });
    expect(gone).not.toHaveProperty('usage');
    const refused = await answering('image', null, options, { status: 'failed', error: 'NSFW content detected.' });
    expect(refused).toMatchObject({
      error: { code: 'content_policy' },
      usage: { metered: [{ meter: 'images', quantity: 0 }] },
    });
  });

  test('usage by what the row says is billed', () => {
    const read = (response: JsonObject, options?: JsonObject) =>
      replicate.readUsage({
        model: 'a/b',
        endpoint: 'predictions',
        modality: 'video',
        response,
        options: options ?? {},
      });
    const metrics = {
      predict_time: 12.345,
      video_output_duration_seconds: 6.1,
      resolution_target: '720p',
      with_audio: true,
    };
    const done = { id: 'x', status: 'succeeded', output: url('a.mp4'), input: { duration: 6, text: 'héllo' }, metrics };
    expect(read(done)).toEqual({
      metered: [{ meter: 'gpu_seconds', quantity: 12.345 }],
      source: 'body',
      raw: { metrics },
    });
    expect(read(done, { billing: { metric: 'output_video_seconds' } })?.metered).toEqual([
      { meter: 'output_video_seconds', quantity: 6.1, dims: { resolution: '720p', audio: 'true' } },
    ]);
    const bare = { ...done, metrics: {} };
    expect(read(bare, { billing: { metric: 'output_video_seconds' } })).toMatchObject({
      metered: [{ quantity: 6 }],
      source: 'derived',
    });
    expect(read(bare, { billing: { metric: 'input_characters' } })).toMatchObject({ metered: [{ quantity: 5 }] });
    expect(read({ ...bare, status: 'aborted' })?.metered).toEqual([{ meter: 'gpu_seconds', quantity: 0 }]);
    expect(read(bare)).toBeUndefined();
    expect(read(bare, { billing: { metric: 'megapixels' } })).toBeUndefined();
    expect(read(bare, { billing: { metric: 'no such meter' } })).toBeUndefined();
  });
});
