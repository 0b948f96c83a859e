import { decode as decodePng } from 'fast-png';
import { parseBuffer } from 'music-metadata';
import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { createProvider } from '../../providers/index.ts';
import { httpSimulators } from '../../providers/simulators/http/index.ts';
import {
  type Call,
  type Fetch,
  GatewayError,
  type JsonObject,
  type MediaPort,
  type MediaRequest,
  type Operation,
  type Part,
} from '../../src/contract/index.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { priceUsage } from '../../src/meter/price.ts';
import { probe } from '../../src/meter/probe.ts';
import { hasSpecs, requestPointer, responsePointer, validator } from '../support/spec.ts';
import { callOf, failures } from './call.ts';

const config = await loadConfig(shipped);
const now = Date.UTC(2026, 10, 22);

type Case = {
  id: string;
  model: string;
  request: MediaRequest;
  job: boolean;
  outputs: number;
  kind: string;
  key?: string;
  filters?: boolean;
};

const image = { modality: 'image', prompt: 'a fox' } as const;
const music = { modality: 'music', prompt: 'a slow waltz' } as const;
const model3d = { modality: 'model3d', prompt: 'a teapot' } as const;
const cases: Case[] = [
  {
    id: 'stable-diffusion-webui',
    model: 'sd_xl_base_1.0',
    request: { ...image, n: 2, size: '512x640' },
    job: false,
    outputs: 2,
    kind: 'image',
    key: '',
    filters: false,
  },
  {
    id: 'comfyui',
    model: 'sd_xl_base_1.0',
    request: { ...image, n: 2, size: '512x640' },
    job: true,
    outputs: 2,
    kind: 'image',
    key: '',
    filters: false,
  },
  { id: 'midjourney', model: 'v7', request: { ...image, ratio: '16:9' }, job: true, outputs: 1, kind: 'image' },
  { id: 'suno', model: 'V5', request: music, job: true, outputs: 2, kind: 'audio' },
  { id: 'udio', model: 'udio130-v1.5', request: { ...music, lyrics: 'la la' }, job: true, outputs: 2, kind: 'audio' },
  {
    id: 'firefly',
    model: 'image4_standard',
    request: { ...image, n: 3, ratio: '4:3' },
    job: true,
    outputs: 3,
    kind: 'image',
    key: 'client-one:secret-of-client-one',
  },
  {
    id: 'nim-3d',
    model: 'microsoft/trellis',
    request: { ...model3d, seed: 7 },
    job: false,
    outputs: 1,
    kind: 'model3d',
    key: '',
  },
  { id: 'meshy', model: 'meshy-6', request: model3d, job: true, outputs: 1, kind: 'model3d' },
  {
    id: 'tripo',
    model: 'v3.1-20260211',
    request: { ...model3d, seed: 7, texture: true },
    job: true,
    outputs: 1,
    kind: 'model3d',
  },
];

type Sent = { method: string; url: string; headers: Headers; text: string };

/** One row with its simulator; `answer` may step in before it. */
function world(
  { id, model, key = 'sk-secret-key' }: Case,
  answer?: (request: Request) => Promise<Response | undefined>,
) {
  const row = config.providers.find((one) => one.id === id)!;
  const simulator = httpSimulators[id]!({ faults: true, now: () => now, prices: config.prices });
  const sent: Sent[] = [];
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input as string, init as RequestInit);
    const text = await request.clone().text();
    sent.push({ method: request.method, url: request.url, headers: request.headers, text });
    return (await answer?.(request.clone())) ?? simulator.fetch(request);
  };
  const options = config.models.find((one) => one.id === `${id}/${model}`)?.options ?? {};
  const call: Call = {
    model,
    key,
    baseUrl: row.baseUrl,
    signal: new AbortController().signal,
    fetch,
    attemptId: 'att_1',
    options,
  };
  return { row, simulator, sent, call, fresh: () => createProvider(row) };
}

function portOf(provider: ReturnType<typeof createProvider>, request: MediaRequest): MediaPort<'image'> {
  return provider.media?.[request.modality] as unknown as MediaPort<'image'>;
}

/** Submits, then polls each time with a provider made anew, as after a restart. */
async function run(
  place: ReturnType<typeof world>,
  request: MediaRequest,
): Promise<{ operation: Operation; states: string[] }> {
  const states: string[] = [];
  let operation = await portOf(place.fresh(), request).submit(request as never, place.call);
  while (operation.status === 'queued' || operation.status === 'in_progress') {
    states.push(operation.fraction === undefined ? operation.status : `${operation.status} ${operation.fraction}`);
    if (states.length > 9) throw new Error('the job never ends');
    expect(operation.pollAfterMs).toBeGreaterThan(0);
    operation = await portOf(place.fresh(), request).poll!(JSON.parse(JSON.stringify(operation.ref)), place.call);
  }
  return { operation, states };
}

async function filesOf(operation: Operation, { simulator }: ReturnType<typeof world>): Promise<Uint8Array[]> {
  if (operation.status !== 'completed') throw new Error(`not completed: ${JSON.stringify(operation)}`);
  return Promise.all(
    operation.outputs.flatMap((part: Part) => (part.type === 'asset' ? [read(part.asset, simulator.fetch)] : [])),
  );
}

async function read(asset: Extract<Part, { type: 'asset' }>['asset'], fetch: Fetch): Promise<Uint8Array> {
  if ('bytes' in asset) return asset.bytes;
  const body = 'url' in asset ? await fetch(asset.url) : new Response(asset.stream);
  return new Uint8Array(await body.arrayBuffer());
}

const caught = (promise: Promise<unknown>): Promise<GatewayError> =>
  promise.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => {
      expect(error).toBeInstanceOf(GatewayError);
      return error as GatewayError;
    },
  );

const withPrompt = (request: MediaRequest, prompt: string) => ({ ...request, prompt }) as MediaRequest;

describe.each(cases)('$id', (one) => {
  test('makes what was asked, as billed, also across restarts', async () => {
    const place = world(one);
    const { operation, states } = await run(place, one.request);
    const files = await filesOf(operation, place);
    expect(files.map((bytes) => probe(bytes)?.kind)).toEqual(Array(one.outputs).fill(one.kind));
    expect(states.length > 0).toBe(one.job);
    if (operation.status !== 'completed') throw new Error('not completed');
    const billed = place.simulator.bill.find('att_1');
    expect(operation.usage.metered).toEqual(billed?.charges);
    expect(billed?.model.replace('.safetensors', '')).toBe(one.model);
    const priced = priceUsage(createCatalogue(config.prices, config.hash), {
      provider: one.id,
      model: one.model,
      at: now,
      usage: operation.usage,
    });
    const { pico, unpriced } = place.simulator.bill.totalOf(billed!);
    if (unpriced > 0) expect(priced.status).toBe('unpriced');
    else expect(priced.total).toBe(pico);
    expect(place.sent.filter(({ method, url }) => method === 'POST' && !url.includes('token'))).toHaveLength(1);
  });

  test('fails as the vendor says, and is billed for what the vendor bills', async () => {
    const place = world(one);
    const request = withPrompt(one.request, 'a fox [[fail]]');
    const error = await run(place, request).then(
      ({ operation }) => (operation.status === 'failed' ? operation.error : undefined),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'provider_error', details: { provider: one.id } });
    expect(place.simulator.bill.find('att_1')?.charges ?? []).toEqual([]);
  });

  test.skipIf(one.filters === false)('is refused by the content policy', async () => {
    const place = world(one);
    const error = await run(place, withPrompt(one.request, 'a fox [[filtered]]')).then(
      ({ operation }) => (operation.status === 'failed' ? operation.error : undefined),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'content_policy' });
  });

  test('success without output is none', async () => {
    const error = await run(world(one), withPrompt(one.request, 'a fox [[empty]]')).then(
      ({ operation }) => (operation.status === 'failed' ? operation.error : undefined),
      (thrown) => thrown,
    );
    expect(['invalid_output', 'provider_garbage']).toContain(error?.code);
  });

  test('an output of another kind is handed on for the gateway to find out', async () => {
    const place = world(one);
    const { operation } = await run(place, withPrompt(one.request, 'a fox [[wrong-type]]'));
    const kinds = (await filesOf(operation, place)).map((bytes) => probe(bytes)?.kind);
    expect(kinds).not.toContain(one.kind);
  });

  test.each(failures)('$name is one POST and $code', async ({ answer, code, failure }) => {
    const place = world(one, async (request) => (request.url.includes('/ims/') ? undefined : answer()));
    const error = await caught(portOf(place.fresh(), one.request).submit(one.request as never, place.call));
    expect([error.code, error.details.failure]).toEqual([code, failure]);
    expect(place.sent.filter(({ url }) => !url.includes('/ims/'))).toHaveLength(1);
    expect(JSON.stringify([error.message, error.details])).not.toContain('secret-key');
  });

  test.skipIf(!one.job)('a poll that breaks may be asked again', async () => {
    let broken = false;
    const place = world(one, async () => {
      if (broken) throw new TypeError('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }) });
      return undefined;
    });
    const first = await portOf(place.fresh(), one.request).submit(one.request as never, place.call);
    if (first.status !== 'queued') throw new Error('not queued');
    broken = true;
    const error = await caught(portOf(place.fresh(), one.request).poll!(first.ref, place.call));
    expect([error.code, error.retryable]).toEqual(['provider_unavailable', true]);
    const forged = JSON.parse(JSON.stringify(first.ref), (key, value) =>
      ['id', 'url'].includes(key) ? '../../admin?x=' : value,
    );
    await caught(portOf(place.fresh(), one.request).poll!(forged, place.call));
    expect(place.sent.filter(({ url }) => url.includes('admin'))).toEqual([]);
  });

  test('has a place for what is asked here', () => {
    const honours = portOf(world(one).fresh(), one.request).honours!({ model: one.model, options: {} });
    const asked = Object.keys(one.request).filter((name) => name !== 'modality');
    expect(honours).toEqual(expect.arrayContaining(asked));
  });
});

test.each([
  ['stable-diffusion-webui', ['images', 'mask', 'n', 'negativePrompt', 'prompt', 'ratio', 'seed', 'size']],
  ['comfyui', ['n', 'negativePrompt', 'prompt', 'ratio', 'seed', 'size']],
  ['midjourney', ['images', 'negativePrompt', 'prompt', 'quality', 'ratio', 'seed']],
  ['suno', ['instrumental', 'lyrics', 'prompt']],
  ['udio', ['instrumental', 'lyrics', 'prompt', 'seed']],
  ['firefly', ['n', 'negativePrompt', 'prompt', 'ratio', 'seed', 'size']],
  ['nim-3d', ['format', 'images', 'prompt', 'seed']],
  ['meshy', ['images', 'prompt']],
  ['tripo', ['prompt', 'seed', 'texture']],
])('%s honours exactly its places', (id, fields) => {
  const { request, model } = named(id);
  expect([...portOf(world(named(id)).fresh(), request).honours!({ model, options: {} })].sort()).toEqual(fields);
});

const named = (id: string) => cases.find((one) => one.id === id)!;

describe('cancel', () => {
  test.each(['comfyui', 'midjourney', 'firefly'])(
    '%s stops a queued and a running job, not a finished one',
    async (id) => {
      const one = named(id);
      for (const looks of [0, 1]) {
        const place = world(one);
        const port = portOf(place.fresh(), one.request);
        let operation = await port.submit(one.request as never, place.call);
        for (let look = 0; look < looks; look++)
          if ('ref' in operation) operation = await port.poll!(operation.ref!, place.call);
        const ended = await portOf(place.fresh(), one.request).cancel!(
          (operation as { ref: JsonObject }).ref,
          place.call,
        );
        expect(ended.status).toBe('canceled');
        expect(place.simulator.bill.find('att_1')?.charges).toEqual([]);
      }
      const place = world(one);
      const port = portOf(place.fresh(), one.request);
      const { ref } = (await port.submit(one.request as never, place.call)) as { ref: JsonObject };
      await port.poll!(ref, place.call);
      await port.poll!(ref, place.call);
      expect((await port.cancel!(ref, place.call)).status).toBe('completed');
    },
  );

  test.each(['suno', 'udio', 'meshy', 'tripo', 'nim-3d', 'stable-diffusion-webui'])('%s has no way to', (id) => {
    expect(portOf(world(named(id)).fresh(), named(id).request).cancel).toBeUndefined();
  });
});

describe('what is sent', () => {
  const bodyOf = (sent: Sent[]) =>
    JSON.parse(sent.find(({ method, text }) => method === 'POST' && text.startsWith('{'))!.text);

  test('an edit goes to img2img with the picture and the mask', async () => {
    const one = named('stable-diffusion-webui');
    const place = world(one);
    const bytes = Uint8Array.of(1, 2, 3);
    const picture = { mediaType: 'image/png', bytes };
    await run(place, {
      ...image,
      images: [picture, picture],
      mask: picture,
      params: { steps: 4, cfg_scale: 2, clip_skip: 1 },
    }).then(({ operation }) =>
      expect(operation).toMatchObject({
        status: 'completed',
        warnings: [
          'params.clip_skip is not supported by stable-diffusion-webui and was left out.',
          'stable-diffusion-webui takes 1 of images; 1 of 2 were left out.',
        ],
      }),
    );
    expect(place.sent[0]?.url).toMatch(/\/sdapi\/v1\/img2img$/);
    expect(bodyOf(place.sent)).toMatchObject({
      init_images: ['AQID'],
      mask: 'AQID',
      steps: 4,
      cfg_scale: 2,
      n_iter: 1,
    });
    expect(bodyOf(place.sent)).not.toHaveProperty('seed');
  });

  test('the key of a web UI is basic authentication; a ratio becomes a megapixel', async () => {
    const one = named('stable-diffusion-webui');
    const place = world({ ...one, key: 'operator:password' });
    const { operation } = await run(place, { ...image, ratio: '16:9' });
    expect(place.sent[0]?.headers.get('authorization')).toBe(`Basic ${btoa('operator:password')}`);
    const [bytes] = await filesOf(operation, place);
    const { width, height } = decodePng(bytes!);
    expect(width / height).toBeCloseTo(16 / 9, 1);
    expect(width * height).toBeLessThanOrEqual(1024 * 1024);
  });

  test('a picture behind a key comes as a stream, fetched with it', async () => {
    const place = world({ ...named('comfyui'), key: 'sk-secret-key' });
    const { operation } = await run(place, named('comfyui').request);
    if (operation.status !== 'completed') throw new Error('not completed');
    expect(operation.outputs.every((part) => part.type === 'asset' && 'stream' in part.asset)).toBe(true);
    const views = place.sent.filter(({ url }) => url.includes('/view?'));
    expect(views.map(({ headers }) => headers.get('authorization'))).toEqual([
      'Bearer sk-secret-key',
      'Bearer sk-secret-key',
    ]);
    expect((await filesOf(operation, place)).map((bytes) => probe(bytes)?.kind)).toEqual(['image', 'image']);
  });

  test('without a seed each attempt of a workflow has its own, so that nothing comes from a cache', async () => {
    const one = named('comfyui');
    const seeds = [];
    for (const attemptId of ['att_1', 'att_2']) {
      const place = world(one);
      await portOf(place.fresh(), image).submit(image, { ...place.call, attemptId });
      seeds.push(bodyOf(place.sent).prompt['3'].inputs.seed);
    }
    expect(new Set(seeds).size).toBe(2);
    expect(seeds.every((seed) => Number.isInteger(seed))).toBe(true);
  });

  test('wishes become words of a Midjourney prompt', async () => {
    const place = world(named('midjourney'));
    await portOf(place.fresh(), image).submit(
      { ...image, ratio: '3:2', negativePrompt: 'dogs', seed: 9 },
      { ...place.call, webhookUrl: 'https://gateway.example/hook' },
    );
    expect(bodyOf(place.sent)).toEqual({
      prompt: 'a fox --ar 3:2 --no dogs --seed 9 --v 7',
      notifyHook: 'https://gateway.example/hook',
    });
    expect(place.sent[0]?.headers.get('mj-api-secret')).toBe('sk-secret-key');
  });

  test('lyrics make a Suno song custom, a plain wish does not', async () => {
    const plain = world(named('suno'));
    await portOf(plain.fresh(), music).submit(music as never, plain.call);
    expect(bodyOf(plain.sent)).toEqual({
      prompt: 'a slow waltz',
      customMode: false,
      instrumental: false,
      model: 'V5',
      callBackUrl: 'https://callback.invalid/',
    });
    const sung = world(named('suno'));
    await portOf(sung.fresh(), music).submit({ ...music, lyrics: 'la la', instrumental: true } as never, sung.call);
    expect(bodyOf(sung.sent)).toMatchObject({
      prompt: 'la la',
      customMode: true,
      style: 'a slow waltz',
      title: 'Untitled',
      instrumental: true,
    });
  });

  test('a song lasts as long as the vendor says', async () => {
    const place = world(named('suno'));
    const { operation } = await run(place, music);
    const [bytes] = await filesOf(operation, place);
    expect((await parseBuffer(bytes!, { mimeType: 'audio/mpeg' })).format.duration).toBeGreaterThan(9);
  });

  test('3D from a picture goes another way, and says that the words are left out', async () => {
    const place = world(named('meshy'));
    const request: MediaRequest = { ...model3d, images: [{ mediaType: 'image/png', bytes: Uint8Array.of(1) }] };
    const { operation } = await run(place, request);
    expect(operation).toMatchObject({
      status: 'completed',
      warnings: ['prompt is not supported by meshy for this and was left out.'],
      usage: { source: 'body', metered: [{ meter: 'provider_credits', quantity: 20 }] },
    });
    expect(place.sent.map(({ method, url }) => `${method} ${new URL(url).pathname.slice(0, 23)}`)).toEqual([
      'POST /openapi/v1/image-to-3d',
      'GET /openapi/v1/image-to-3d',
      'GET /openapi/v1/image-to-3d',
    ]);
  });

  test('what exceeds a limit is refused before it is sent', async () => {
    const place = world(named('nim-3d'));
    const error = await caught(
      portOf(place.fresh(), model3d).submit({ ...model3d, prompt: 'x'.repeat(78) } as never, place.call),
    );
    expect([error.code, error.details.param, error.details.failure, place.sent.length]).toEqual([
      'invalid_request',
      'prompt',
      'A',
      0,
    ]);
  });

  test.skipIf(!hasSpecs)('Tripo: requests and answers fit its description', async () => {
    const place = world(named('tripo'), undefined);
    const bodies: [string, string, unknown][] = [];
    const { simulator } = place;
    const call = {
      ...place.call,
      fetch: (async (input, init) => {
        const answer = await simulator.fetch(input, init);
        bodies.push([String(init?.method), String(input), await answer.clone().json()]);
        return answer;
      }) as Fetch,
    };
    await run({ ...place, call }, { ...model3d, seed: 3, texture: false, params: { face_limit: 5000 } });
    await run({ ...place, call }, withPrompt(model3d, '[[filtered]]'));
    const created = validator('tripo', responsePointer('/generation/text-to-model', 'post', 200))!;
    const shown = validator('tripo', responsePointer('/tasks/{task_id}', 'get', 200))!;
    expect(bodies.map(([method, , body]) => (method === 'POST' ? created(body) : shown(body)))).toEqual(
      bodies.map(() => undefined),
    );
    const sent = world(named('tripo'));
    await portOf(sent.fresh(), model3d).submit(
      { ...model3d, seed: 3, texture: false, params: { face_limit: 5000 } } as never,
      sent.call,
    );
    expect(validator('tripo', requestPointer('/generation/text-to-model', 'post'))!(bodyOf(sent.sent))).toBeUndefined();
  });
});

describe('the simulators refuse as the vendors do', () => {
  const json = { 'content-type': 'application/json' };
  const bearer = { ...json, authorization: 'Bearer x' };
  test.each<[string, string, Record<string, string>, JsonObject, number, JsonObject]>([
    [
      'stable-diffusion-webui',
      '/sdapi/v1/txt2img',
      { ...json, authorization: 'Nonsense' },
      {},
      401,
      { detail: 'Not authenticated' },
    ],
    [
      'stable-diffusion-webui',
      '/sdapi/v1/txt2img',
      json,
      { width: 'wide' },
      422,
      { detail: [{ loc: ['body', 'width'] }] },
    ],
    [
      'stable-diffusion-webui',
      '/sdapi/v1/txt2img',
      json,
      { sampler_name: 'None' },
      404,
      { detail: 'Sampler not found' },
    ],
    [
      'comfyui',
      '/prompt',
      json,
      { prompt: { 1: { class_type: 'Nothing', inputs: {} } } },
      400,
      { error: { type: 'missing_node_type' } },
    ],
    ['comfyui', '/prompt', json, {}, 400, { error: { type: 'no_prompt' } }],
    ['midjourney', '/mj/submit/imagine', json, { prompt: 'a' }, 401, { code: 401 }],
    ['midjourney', '/mj/submit/imagine', { ...json, 'mj-api-secret': 'x' }, {}, 200, { code: 4 }],
    ['suno', '/api/v1/generate', json, {}, 401, { code: 401 }],
    [
      'suno',
      '/api/v1/generate',
      bearer,
      { prompt: 'a', customMode: false, instrumental: false, model: 'V5' },
      200,
      { code: 400, msg: 'Please enter callBackUrl.' },
    ],
    [
      'udio',
      '/udio/submit/music',
      bearer,
      { gen_params: { prompt: 'a', lyrics_type: 'x' } },
      400,
      { code: 'invalid_request' },
    ],
    [
      'firefly',
      '/v3/images/generate-async',
      { ...bearer, 'x-api-key': 'x' },
      { prompt: 'a' },
      401,
      { error_code: '401013' },
    ],
    ['nim-3d', '/v1/infer', json, { mode: 'text' }, 422, { detail: [{ loc: ['body', 'prompt'] }] }],
    ['meshy', '/openapi/v2/text-to-3d', bearer, { mode: 'refine' }, 400, { message: 'Invalid values: Mode' }],
    [
      'tripo',
      '/v3/generation/text-to-model',
      bearer,
      { prompt: 'a', model: 'v1' },
      400,
      { code: 2002, status: 'error' },
    ],
  ])('%s %s %j', async (id, path, headers, body, status, expected) => {
    const simulator = httpSimulators[id]!({ now: () => now });
    const answer = await simulator.fetch(`https://x.example${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject(expected);
    expect(simulator.bill.calls).toEqual([]);
  });

  test('a refusal that comes with 200 is one', async () => {
    const place = world(named('suno'), async () =>
      Response.json({ code: 429, msg: 'The current credits are insufficient.', data: null }),
    );
    const error = await caught(portOf(place.fresh(), music).submit(music as never, place.call));
    expect([error.code, error.details.failure]).toEqual(['provider_quota_exhausted', 'B']);
  });

  test('the web UI tells how far it is', async () => {
    const simulator = httpSimulators['stable-diffusion-webui']!();
    expect(await (await simulator.fetch('http://127.0.0.1:7860/sdapi/v1/progress')).json()).toMatchObject({
      progress: 0,
      state: { job_count: 0 },
    });
  });
});

describe('Firefly tokens', () => {
  const one = named('firefly');
  test('one token serves a job and the next; both halves of the key are used and neither is told', async () => {
    const place = world(one);
    const provider = place.fresh();
    const first = await portOf(provider, image).submit(image, place.call);
    await portOf(provider, image).poll!((first as { ref: JsonObject }).ref, place.call);
    await portOf(provider, image).submit(image, place.call);
    const tokens = place.sent.filter(({ url }) => url.includes('/ims/token/v3'));
    expect(tokens).toHaveLength(1);
    expect(Object.fromEntries(new URLSearchParams(tokens[0]!.text))).toMatchObject({
      grant_type: 'client_credentials',
      client_id: 'client-one',
      client_secret: 'secret-of-client-one',
    });
    expect(place.sent.at(-1)?.headers.get('x-api-key')).toBe('client-one');
    expect(JSON.stringify((first as { ref: JsonObject }).ref)).not.toMatch(/secret|eyJ/);
  });

  test('a token that has run out is exchanged for another, and the refused request goes once more', async () => {
    let refuse = false;
    const place = world(one, async (request) => {
      if (!refuse || request.url.includes('/ims/')) return undefined;
      refuse = false;
      return Response.json({ error_code: '401013', message: 'Oauth token is not valid' }, { status: 401 });
    });
    const provider = place.fresh();
    await portOf(provider, image).submit(image, place.call);
    refuse = true;
    expect((await portOf(provider, image).submit(image, place.call)).status).toBe('queued');
    expect(place.sent.map(({ url }) => (url.includes('/ims/') ? 'token' : 'generate'))).toEqual([
      'token',
      'generate',
      'generate',
      'token',
      'generate',
    ]);
    expect(place.simulator.bill.calls).toHaveLength(2);
  });

  test('a token is dropped when the dates of answers pass its time', async () => {
    let date = 'Sun, 22 Nov 2026 00:00:00 GMT';
    const place = world(one);
    const dated: Call = {
      ...place.call,
      fetch: async (input, init) => {
        const answer = await place.call.fetch(input, init);
        return new Response(answer.body, {
          status: answer.status,
          headers: { ...Object.fromEntries(answer.headers), date },
        });
      },
    };
    const provider = place.fresh();
    await portOf(provider, image).submit(image, dated);
    date = 'Tue, 24 Nov 2026 00:00:00 GMT';
    await portOf(provider, image).submit(image, dated);
    await portOf(provider, image).submit(image, dated);
    expect(place.sent.filter(({ url }) => url.includes('/ims/'))).toHaveLength(2);
  });

  test('refused credentials are no secret told', async () => {
    const place = world(one, async (request) =>
      request.url.includes('/ims/')
        ? Response.json({ error: 'invalid_client', error_description: 'bad secret-of-client-one' }, { status: 400 })
        : undefined,
    );
    const error = await caught(portOf(place.fresh(), image).submit(image, place.call));
    expect([error.code, error.details.failure]).toEqual(['provider_authentication', 'A']);
    expect(JSON.stringify([error.message, error.details])).not.toContain('secret-of-client-one');
  });

  test('an address that is not of the vendor is not followed', async () => {
    for (const statusUrl of [
      'https://evil.example/v3/status/1',
      'http://firefly.adobe.io/1',
      'https://adobe.io.evil.example/1',
      'https://user@x.adobe.io/1',
    ]) {
      const place = world(one, async (request) =>
        request.url.includes('generate-async')
          ? Response.json({ jobId: '1', statusUrl, cancelUrl: statusUrl }, { status: 202 })
          : undefined,
      );
      const error = await caught(portOf(place.fresh(), image).submit(image, place.call));
      expect([error.code, error.details.failure]).toEqual(['provider_garbage', 'C']);
      expect(place.sent).toHaveLength(2);
    }
  });
});

describe('a row whose answer is the file itself', () => {
  const row = {
    id: 'acme',
    adapter: 'http',
    baseUrl: 'https://acme.example',
    http: { media: { image: { submit: { path: '/draw', body: { text: '{prompt}' }, answers: 'bytes' } } } },
  };
  const submit = (signal: AbortSignal, breaks: (controller: ReadableStreamDefaultController) => void) => {
    const type = { headers: { 'content-type': 'image/png' } };
    const fetch: Fetch = async () => new Response(new ReadableStream({ pull: breaks }), type);
    return portOf(createProvider(row), image).submit(image, callOf(fetch, { baseUrl: row.baseUrl, signal }));
  };

  test('a break is of unknown outcome', async () => {
    const torn = submit(new AbortController().signal, (controller) => controller.error(new TypeError('terminated')));
    expect(await caught(torn)).toMatchObject({ code: 'outcome_unknown', details: { provider: 'acme', failure: 'C' } });
  });

  test.each([
    [undefined, 'request_canceled'],
    [new DOMException('late', 'TimeoutError'), 'provider_timeout'],
    [new GatewayError('shutting_down', 'bye'), 'shutting_down'],
  ])('our own abort is told as what it is (%s)', async (reason, code) => {
    const own = new AbortController();
    const stopped = submit(own.signal, (controller) => {
      own.abort(reason);
      controller.error(own.signal.reason);
    });
    expect((await caught(stopped)).code).toBe(code);
  });
});

describe('usage of a raw answer', () => {
  const read = (id: string, modality: 'image' | 'music' | 'model3d', response: JsonObject) =>
    createProvider(config.providers.find((row) => row.id === id)!).readUsage({
      model: 'x',
      endpoint: modality,
      modality,
      response,
    });
  test('is what the adapter says of it', () => {
    expect(
      read('tripo', 'model3d', { code: 0, data: { task_id: 't', status: 'success', credits_consumed: 20 } })?.metered,
    ).toEqual([{ meter: 'provider_credits', quantity: 20 }]);
    expect(
      read('suno', 'music', {
        code: 200,
        data: { response: { sunoData: [{ audioUrl: 'https://a/1' }, { audioUrl: 'https://a/2' }] } },
      })?.metered,
    ).toEqual([{ meter: 'songs', quantity: 2 }]);
    expect(read('midjourney', 'image', { status: 'FAILURE' })).toBeUndefined();
  });
});
