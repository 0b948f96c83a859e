import { describe, expect, test } from 'vitest';
import { google } from '../../providers/google.ts';
import { google as simulator } from '../../providers/simulators/google.ts';
import { png } from '../../providers/simulators/media/index.ts';
import type {
  Call,
  Fetch,
  GatewayError,
  Json,
  JsonObject,
  MediaPort,
  Operation,
  VideoRequest,
} from '../../src/contract/index.ts';
import { probe } from '../../src/meter/probe.ts';
import { callOf, failures, recorder, type Seen } from './call.ts';

const port = google.media?.video as Required<MediaPort<'video'>>;
const baseUrl = 'https://generativelanguage.example';
const model = 'gemini-omni-1.2-flash';
const video: VideoRequest = { modality: 'video', prompt: 'a fox in snow', seconds: 4, resolution: '360p' };
const lend = (fetch: Fetch, more: Partial<Call> = {}) => callOf(fetch, { model, baseUrl, ...more });

/** The simulator behind a recorder. */
function world() {
  const one = simulator({ faults: true, now: () => Date.UTC(2026, 10, 22) });
  const seen: Seen[] = [];
  const recorded: Fetch = async (input, init) => {
    const request = new Request(input as string, init as RequestInit);
    const text = await request.clone().text();
    seen.push({ url: request.url, headers: request.headers, body: text ? JSON.parse(text) : undefined });
    return one.fetch(request);
  };
  return { simulator: one, seen, fetch: recorded };
}

async function caught(work: Promise<unknown>): Promise<GatewayError> {
  return work.then(
    (value) => {
      throw new Error(`no error, but ${JSON.stringify(value)}`);
    },
    (thrown) => thrown as GatewayError,
  );
}

/** Polls until the end; every ref goes through JSON as it would through a restart. */
async function run(request: VideoRequest, fetch: Fetch, more: Partial<Call> = {}): Promise<Operation> {
  let operation = await port.submit(request, lend(fetch, more));
  for (let looks = 0; operation.status === 'queued' || operation.status === 'in_progress'; looks++) {
    if (looks > 20) throw new Error('it never ends');
    operation = await port.poll(JSON.parse(JSON.stringify(operation.ref)) as Json, lend(fetch, more));
  }
  return operation;
}

async function outputOf(operation: Operation): Promise<Uint8Array> {
  if (operation.status !== 'completed') throw new Error(`not completed: ${JSON.stringify(operation)}`);
  const part = operation.outputs[0];
  if (part?.type !== 'asset' || !('stream' in part.asset)) throw new Error('no stream');
  return new Uint8Array(await new Response(part.asset.stream).arrayBuffer());
}

const meters = (operation: Operation) =>
  Object.fromEntries(
    ('usage' in operation ? (operation.usage?.metered ?? []) : []).map(({ meter, quantity }) => [meter, quantity]),
  );
const billed = (one: ReturnType<typeof world>) =>
  Object.fromEntries((one.simulator.bill.calls[0]?.charges ?? []).map(({ meter, quantity }) => [meter, quantity]));

describe('a video from text', () => {
  test('is asked for in the background, looked at, fetched with the key and metered as it is billed', async () => {
    const one = world();
    const operation = await run({ ...video, ratio: '9:16', seed: 7, negativePrompt: 'people' }, one.fetch);
    expect(probe(await outputOf(operation))).toMatchObject({ kind: 'video', width: 360, height: 640, seconds: 4 });
    expect(one.seen[0]?.url).toBe(`${baseUrl}/v1beta/interactions`);
    expect(one.seen[0]?.headers.get('x-goog-api-key')).toBe('sk-secret-key');
    expect(one.seen[0]?.headers.get('x-client-request-id')).toBe('att_1');
    expect(one.seen[0]?.body).toEqual({
      model,
      input: 'a fox in snow\n\nDo not show: people',
      background: true,
      response_format: { type: 'video', delivery: 'uri', duration: '4s', resolution: '360p', aspect_ratio: '9:16' },
      generation_config: { seed: 7, video_config: { task: 'text_to_video' } },
    });
    expect(meters(operation)).toEqual(billed(one));
    expect(billed(one)).toMatchObject({ output_video_seconds: 4 });
    const leaf = operation.status === 'completed' ? operation.usage.metered : [];
    expect(leaf.find(({ meter }) => meter === 'output_video_seconds')?.dims).toEqual({
      resolution: '360p',
      audio: 'true',
    });
    expect(one.seen.every(({ url }) => url.startsWith(`${baseUrl}/`))).toBe(true);
    expect(one.seen.filter(({ body }) => body !== undefined)).toHaveLength(1);
  });

  test('has eight seconds at 720p where nobody says more, and the same figures from a raw answer', async () => {
    const one = world();
    const operation = await run({ modality: 'video', prompt: 'waves' }, one.fetch);
    expect((one.seen[0]!.body as JsonObject).response_format).toEqual({
      type: 'video',
      delivery: 'uri',
      duration: '8s',
      resolution: '720p',
    });
    expect(probe(await outputOf(operation))).toMatchObject({ width: 1280, height: 720, seconds: 8 });
    const raw = operation.status === 'completed' ? operation.usage.raw : undefined;
    const again = google.readUsage({
      model,
      endpoint: 'interactions',
      modality: 'video',
      usage: raw,
      request: one.seen[0]?.body as JsonObject,
    });
    expect(again?.metered).toEqual(operation.status === 'completed' ? operation.usage.metered : undefined);
  });

  test('a size in pixels is its resolution and ratio', async () => {
    const one = world();
    await port.submit({ ...video, resolution: undefined, size: '1080x1920' }, lend(one.fetch));
    expect((one.seen[0]!.body as JsonObject).response_format).toMatchObject({
      resolution: '1080p',
      aspect_ratio: '9:16',
    });
    for (const size of ['1024x1024', 'huge', '800x450'])
      expect((await caught(port.submit({ ...video, size }, lend(one.fetch)))).code).toBe('unsupported_parameter');
    expect(one.seen).toHaveLength(1);
  });

  test('a webhook is passed on; parameters of its own too, but not those that are ours', async () => {
    const one = world();
    const params = {
      previous_interaction_id: 'v1_x',
      labels: { team: 'a' },
      generation_config: { thinking_level: 'low' },
    };
    await port.submit({ ...video, params }, lend(one.fetch, { webhookUrl: 'https://gateway.example/hook' }));
    expect(one.seen[0]?.body).toMatchObject({
      previous_interaction_id: 'v1_x',
      webhook_config: { uris: ['https://gateway.example/hook'] },
      generation_config: { thinking_level: 'low', video_config: { task: 'text_to_video' } },
    });
    for (const name of ['store', 'background', 'response_format', 'model'])
      expect(
        (await caught(port.submit({ ...video, params: { [name]: false } }, lend(one.fetch)))).details.failure,
      ).toBe('A');
  });
});

describe('a video from pictures', () => {
  const bytes = png({ width: 32, height: 18, seed: 'frame' });
  const image = { mediaType: 'image/png', bytes };

  test.each([
    ['one is the first frame', 1, '<FIRST_FRAME> a fox'],
    ['two are the first and the last', 2, '<FIRST_FRAME> <LAST_FRAME> a fox'],
  ])('%s', async (_, count, text) => {
    const one = world();
    const images = Array.from({ length: count }, () => image);
    const operation = await run({ ...video, prompt: 'a fox', images }, one.fetch);
    const body = one.seen[0]?.body as JsonObject;
    const input = body.input as JsonObject[];
    expect(input.map((content) => content.type)).toEqual([...images.map(() => 'image'), 'text']);
    expect(input.at(-1)?.text).toBe(text);
    expect(input[0]?.mime_type).toBe('image/png');
    expect(body.generation_config).toEqual({ video_config: { task: 'image_to_video' } });
    expect(meters(operation)).toMatchObject({ input_image_tokens: 258 * count });
    expect(meters(operation)).toEqual(billed(one));
  });

  test('more need a prompt that says what each is for, which is left as it is', async () => {
    const one = world();
    const images = [image, image, image];
    expect((await caught(port.submit({ ...video, images }, lend(one.fetch)))).details.param).toBe('images');
    const prompt = '<IMAGE_REF_0> meets <IMAGE_REF_1> at <IMAGE_REF_2>';
    await port.submit({ ...video, prompt, images }, lend(one.fetch));
    const body = one.seen[0]?.body as JsonObject;
    expect((body.input as JsonObject[]).at(-1)?.text).toBe(prompt);
    expect(body.generation_config).toEqual({});
  });
});

describe('endings', () => {
  test('a refusal is a policy failure with what its words cost, and no video', async () => {
    const one = world();
    const operation = await run({ ...video, prompt: '[[filtered]] x' }, one.fetch);
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'content_policy' } });
    expect(meters(operation)).toEqual(billed(one));
    expect(meters(operation).output_video_seconds).toBeUndefined();
  });

  test('a refusal at the door is a policy error, unbilled', async () => {
    const { fetch } = recorder(() =>
      Response.json(
        { error: { code: 'invalid_request', message: 'The prompt was blocked for safety reasons.' } },
        { status: 400 },
      ),
    );
    const error = await caught(port.submit(video, lend(fetch)));
    expect([error.code, error.details.failure, error.details.billing]).toEqual(['content_policy', 'B', 'none']);
  });

  test('a broken job costs nothing; an empty one is no success', async () => {
    const one = world();
    const failed = await run({ ...video, prompt: '[[fail]] x' }, one.fetch);
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'provider_error', details: { billing: 'none' } } });
    expect(billed(one)).toEqual({});
    const two = world();
    const empty = await run({ ...video, prompt: '[[empty]] x' }, two.fetch);
    expect(empty).toMatchObject({ status: 'failed', error: { code: 'invalid_output' } });
    expect(meters(empty)).toEqual(billed(two));
  });

  test('a filter named by its code is a policy failure without a bill', async () => {
    const answer = { id: 'v1_a', status: 'failed', errors: [{ code: 'PROHIBITED_CONTENT', message: 'no' }] };
    const { fetch } = recorder(() => Response.json(answer));
    const operation = await port.poll({ id: 'v1_a', asked: { seconds: 4, resolution: '720p' } }, lend(fetch));
    expect(operation).toMatchObject({
      status: 'failed',
      error: { code: 'content_policy', details: { billing: 'none' } },
    });
    expect('usage' in operation).toBe(false);
  });

  test('another file is told as what it is; a file that is gone is an error; slow work waits', async () => {
    const wrong = await run({ ...video, prompt: '[[wrong-type]] x' }, world().fetch);
    expect(wrong).toMatchObject({ status: 'completed', outputs: [{ asset: { mediaType: 'image/png' } }] });
    const two = world();
    const gone = await run({ ...video, prompt: '[[expired]] x' }, two.fetch);
    expect(gone).toMatchObject({ status: 'failed', error: { code: 'invalid_output', details: { billing: 'known' } } });
    expect(meters(gone)).toEqual(billed(two));
    expect((await run({ ...video, prompt: '[[slow]] x' }, world().fetch)).status).toBe('completed');
  });

  test('canceled while it runs: unbilled; afterwards: as it ended', async () => {
    const one = world();
    const started = await port.submit(video, lend(one.fetch));
    const ref = ('ref' in started ? started.ref : null) as Json;
    expect(await port.cancel(ref, lend(one.fetch))).toMatchObject({ status: 'canceled' });
    expect(billed(one)).toEqual({});
    const two = world();
    const done = await run(video, two.fetch);
    expect((await port.cancel((done.ref ?? null) as Json, lend(two.fetch))).status).toBe('completed');
  });

  test('a file that is still being processed is waited for; the key goes to no other host', async () => {
    const uri = 'https://elsewhere.example/v1beta/files/abc:download?alt=media';
    const content = [{ type: 'video', uri }];
    let state = 'PROCESSING';
    const { fetch, seen } = recorder(({ url }) => {
      if (url.includes('/interactions/'))
        return Response.json({ id: 'v1_a', status: 'completed', steps: [{ type: 'model_output', content }] });
      if (url.endsWith('/files/abc')) return Response.json({ name: 'files/abc', state });
      return new Response('bytes', { headers: { 'content-type': 'video/mp4' } });
    });
    const ref = { id: 'v1_a', asked: { seconds: 4, resolution: '720p' } };
    expect((await port.poll(ref, lend(fetch))).status).toBe('in_progress');
    state = 'ACTIVE';
    const operation = await port.poll(ref, lend(fetch));
    expect(new TextDecoder().decode(await outputOf(operation))).toBe('bytes');
    expect(meters(operation)).toEqual({ output_video_seconds: 4 });
    expect(seen.every(({ url }) => url.startsWith(baseUrl))).toBe(true);
  });

  test.each([
    [404, { status: 'failed', error: { code: 'invalid_output', details: { billing: 'known' } } }],
    [500, { code: 'provider_error' }],
  ])('a download that is refused with %i and breaks off is that refusal', async (status, expected) => {
    const { fetch } = recorder(({ url }) => {
      if (url.includes('/interactions/')) {
        const content = [{ type: 'video', uri: `${baseUrl}/v1beta/files/abc:download?alt=media` }];
        return Response.json({ id: 'v1_a', status: 'completed', steps: [{ type: 'model_output', content }] });
      }
      if (url.endsWith('/files/abc')) return Response.json({ state: 'ACTIVE' });
      const torn = new ReadableStream({ start: (controller) => controller.error(new TypeError('terminated')) });
      return new Response(torn, { status });
    });
    const ref = { id: 'v1_a', asked: { seconds: 4, resolution: '720p' } };
    const ended: unknown = await port.poll(ref, lend(fetch)).catch((thrown: unknown) => thrown);
    expect(ended).toMatchObject(expected);
  });

  test('a redirect of the download is left to the gateway, without the key', async () => {
    const { fetch } = recorder(({ url }) => {
      if (url.includes('/interactions/')) {
        const content = [{ type: 'video', uri: `${baseUrl}/v1beta/files/abc:download?alt=media` }];
        return Response.json({ id: 'v1_a', status: 'completed', steps: [{ type: 'model_output', content }] });
      }
      if (url.endsWith('/files/abc')) return Response.json({ state: 'ACTIVE' });
      return new Response(null, { status: 302, headers: { location: 'https://storage.example/v.mp4' } });
    });
    const operation = await port.poll({ id: 'v1_a', asked: { seconds: 4, resolution: '720p' } }, lend(fetch));
    expect(operation).toMatchObject({ outputs: [{ asset: { url: 'https://storage.example/v.mp4' } }] });
  });
});

describe('errors', () => {
  test.each(failures)('$name: one request, $code', async ({ answer, code, failure }) => {
    const { fetch, seen } = recorder(answer);
    const error = await caught(port.submit(video, lend(fetch)));
    expect([error.code, error.details.failure]).toEqual([code, failure]);
    expect(seen).toHaveLength(1);
    expect(JSON.stringify([error.message, error.details])).not.toContain('sk-secr');
  });

  test('what cannot be asked for is refused before anything is sent', async () => {
    const { fetch, seen } = recorder(() => Response.json({}));
    const clip = { mediaType: 'video/mp4', bytes: new Uint8Array(4) };
    for (const more of [{ audio: false }, { video: clip }])
      expect((await caught(port.submit({ ...video, ...more }, lend(fetch)))).details.failure).toBe('A');
    const error = await caught(port.submit(video, lend(fetch, { model: 'veo-3.1-generate-preview' })));
    expect([error.code, error.details.failure]).toEqual(['model_not_found', 'A']);
    expect(seen).toHaveLength(0);
  });

  test('a look that breaks may be repeated; a job that is not known is of unknown outcome', async () => {
    const ref = { id: 'v1_a', asked: { seconds: 4, resolution: '720p' } };
    const broken = recorder(() => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })));
    expect((await caught(port.poll(ref, lend(broken.fetch)))).code).toBe('provider_unavailable');
    expect((await caught(port.poll(ref, lend(world().fetch)))).code).toBe('outcome_unknown');
    const unknown = recorder(() => Response.json({ id: 'v1_a', status: 'dreaming' }));
    expect((await caught(port.poll(ref, lend(unknown.fetch)))).code).toBe('provider_garbage');
    for (const wrong of [null, { id: '../files/x', asked: {} }, { id: 'v1_a' }])
      expect((await caught(port.poll(wrong as Json, lend(broken.fetch)))).details.failure).toBe('A');
  });
});
