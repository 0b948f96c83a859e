import { decode as decodePng } from 'fast-png';
import { decode as decodeJpeg } from 'jpeg-js';
import { parseBuffer } from 'music-metadata';
import Replicate, { type Prediction, validateWebhook } from 'replicate';
import { describe, expect, test, vi } from 'vitest';
import { replicate } from '../../providers/simulators/replicate.ts';
import type { SimulatorOptions } from '../../providers/simulators/simulator.ts';
import type { Price } from '../../src/contract/index.ts';
import { probe } from '../../src/meter/probe.ts';
import { hasSpecs, responsePointer, validator } from '../support/spec.ts';

const noon = Date.UTC(2026, 10, 22, 12);
const api = 'https://api.replicate.com/v1';
const flux = 'black-forest-labs/flux-schnell';
const musicgen = 'meta/musicgen:671ac645ce5e552cc63a54a2bbff63fcf798043055d2dac5fc9e36a837eedcfb';
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

function start(options: SimulatorOptions = {}) {
  const clock = { now: noon };
  const simulator = replicate({ prices, faults: true, now: () => clock.now, ...options });
  const client = new Replicate({
    auth: 'r8_simulated',
    fetch: (input, init) => simulator.fetch(input, init),
    useFileOutput: false,
  });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    simulator.fetch(api + path, {
      method: 'POST',
      headers: { authorization: 'Bearer r8_simulated', 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const get = (path: string) => simulator.fetch(api + path, { headers: { authorization: 'Token r8_simulated' } });
  const bytes = async (url: string) => new Uint8Array(await (await simulator.fetch(url)).arrayBuffer());
  return { simulator, client, clock, post, get, bytes };
}

/** The description says `oneOf [string, "hidden"]` of `version`, which "hidden" itself can never satisfy. */
function expectPrediction(prediction: unknown) {
  const check = validator('replicate', '/components/schemas/schemas_prediction_response');
  const { version } = prediction as Prediction;
  expect(check?.({ ...(prediction as object), version: version === 'hidden' ? 'a-version' : version })).toBeUndefined();
}

describe.skipIf(!hasSpecs)('answers follow the published description (../shared/specs needed)', () => {
  test('in every state', async () => {
    const { client, post } = start();
    const created = await client.predictions.create({ model: flux, input: { prompt: 'a fox' } });
    expect(created.status).toBe('starting');
    expectPrediction(created);
    for (const status of ['processing', 'succeeded']) {
      const seen = await client.predictions.get(created.id);
      expect(seen.status).toBe(status);
      expectPrediction(seen);
    }
    for (const word of ['fail', 'abort', 'empty']) {
      const { id } = await client.predictions.create({ model: flux, input: { prompt: `a fox [[${word}]]` } });
      await client.predictions.get(id);
      expectPrediction(await client.predictions.get(id));
    }
    const canceled = await client.predictions.create({ version: musicgen, input: { prompt: 'a tune' } });
    expectPrediction(await client.predictions.cancel(canceled.id));
    const deployed = await post('/deployments/acme/painter/predictions', { input: { prompt: 'a fox' } });
    expectPrediction(await deployed.json());
  });

  test('in lists, files, models and the account', async () => {
    const { client, get } = start();
    await client.predictions.create({ model: flux, input: { prompt: 'a fox' } });
    const list = (await (await get('/predictions')).json()) as { results: Prediction[] };
    expect(list.results).toHaveLength(1);
    expectPrediction(list.results[0]);
    const file = await client.files.create(new File(['hello'], 'hello.txt', { type: 'text/plain' }));
    expect(validator('replicate', '/components/schemas/schemas_file_response')?.(file)).toBeUndefined();
    expect(file.checksums.sha256).toBe('2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824');
    expect(await client.files.delete(file.id)).toBe(true);
    const model = await (await get('/models/meta/musicgen')).json();
    expect(validator('replicate', '/components/schemas/schemas_model_response')?.(model)).toBeUndefined();
    const account = await (await get('/account')).json();
    expect(validator('replicate', responsePointer('/account', 'get', 200))?.(account)).toBeUndefined();
  });
});

describe('media', () => {
  const sizes = [
    ['1:1', 1024, 1024],
    ['16:9', 1344, 768],
    ['9:21', 640, 1536],
  ] as const;
  test.each(sizes)('flux %s is %i x %i', async (aspect_ratio, width, height) => {
    const { client, bytes } = start();
    const input = { prompt: 'a fox', aspect_ratio, output_format: 'png', num_outputs: 2 };
    const { output } = await client.predictions.create({ model: flux, input, wait: true });
    expect(output).toHaveLength(2);
    const [one, other] = await Promise.all((output as string[]).map(bytes));
    expect(decodePng(one!)).toMatchObject({ width, height });
    expect(decodePng(other!)).toMatchObject({ width, height });
    expect(one).not.toEqual(other);
  });

  test('honours jpg, webp and megapixels', async () => {
    const { client, simulator, bytes } = start();
    const of = async (input: object) => {
      const { output } = await client.predictions.create({ model: flux, input: { prompt: 'x', ...input }, wait: true });
      const response = await simulator.fetch((output as string[])[0]!);
      return { type: response.headers.get('content-type'), bytes: await bytes((output as string[])[0]!) };
    };
    const jpg = await of({ output_format: 'jpg', megapixels: '0.25' });
    expect(jpg.type).toBe('image/jpeg');
    expect(decodeJpeg(jpg.bytes)).toMatchObject({ width: 512, height: 512 });
    const webp = await of({});
    expect(webp.type).toBe('image/webp');
    expect(new TextDecoder().decode(webp.bytes.subarray(8, 16))).toMatch(/^WEBPVP8/);
  });

  test.each([
    ['wav', 3],
    ['mp3', 12],
  ])('music as %s lasts %i seconds', async (output_format, duration) => {
    const { client, bytes } = start();
    const input = { prompt: 'calm piano', duration, output_format };
    const made = await client.predictions.create({ version: musicgen, input, wait: true });
    expect(made.metrics?.predict_time).toBeGreaterThanOrEqual(duration * 2.2);
    const { format } = await parseBuffer(await bytes(made.output as string), undefined, { duration: true });
    expect(format.duration).toBeCloseTo(duration, 1);
    if (output_format === 'wav') expect(format).toMatchObject({ sampleRate: 32_000, numberOfChannels: 2 });
  });

  test('a transcription returns what speech said, from a data URL, an upload or its own URL', async () => {
    const { client, bytes } = start();
    const spoken = await client.predictions.create({
      model: 'acme/tts-one',
      input: { text: 'Hello from the fox.' },
      wait: true,
    });
    const wav = await bytes(spoken.output as string);
    const upload = await client.files.create(
      new File([wav as Uint8Array<ArrayBuffer>], 'said.wav', { type: 'audio/wav' }),
    );
    const inline = `data:audio/wav;base64,${Buffer.from(wav).toString('base64')}`;
    for (const audio of [inline, upload.urls.get, spoken.output as string]) {
      const heard = await client.predictions.create({ model: 'openai/whisper', input: { audio }, wait: true });
      expect(heard.output.text).toBe('Hello from the fox.');
    }
  });

  test('video and 3D are valid containers', async () => {
    const { client, bytes } = start();
    const video = await client.predictions.create({
      model: 'acme/video-1',
      input: { prompt: 'waves', duration: 2.5 },
      wait: true,
    });
    const found = probe(await bytes(video.output as string));
    expect(found).toEqual({ mediaType: 'video/mp4', kind: 'video', width: 864, height: 480, seconds: 2.5, frames: 60 });
    const mesh = await client.predictions.create({ model: 'acme/3d-mesh', input: { prompt: 'a rock' }, wait: true });
    const file = await bytes(mesh.output as string);
    const view = new DataView(file.buffer);
    expect([view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)]).toEqual([
      0x46546c67,
      2,
      file.length,
    ]);
    expect(JSON.parse(new TextDecoder().decode(file.subarray(20, 20 + view.getUint32(12, true)))).asset.version).toBe(
      '2.0',
    );
  });
});

describe('delivery', () => {
  test('serves GET, HEAD and Range without a key, for one hour', async () => {
    const { client, simulator, clock } = start();
    const made = await client.predictions.create({ model: flux, input: { prompt: 'a fox' }, wait: true });
    const [url = ''] = made.output as string[];
    expect(url).toMatch(/^https:\/\/replicate\.simulator\.invalid\/files\/[a-z2-7]{26}\/out-0\.webp$/);
    const whole = new Uint8Array(await (await simulator.fetch(url)).arrayBuffer());
    const head = await simulator.fetch(url, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(whole.length));
    expect((await head.arrayBuffer()).byteLength).toBe(0);
    const part = await simulator.fetch(url, { headers: { range: 'bytes=4-9' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 4-9/${whole.length}`]);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(whole.subarray(4, 10));
    const beyond = await simulator.fetch(url, { headers: { range: `bytes=${whole.length}-` } });
    expect(beyond.status).toBe(416);

    clock.now += 3_600_000 + 1000;
    expect((await simulator.fetch(url)).status).toBe(404);
    const gone = await client.predictions.get(made.id);
    expect(gone).toMatchObject({ status: 'succeeded', output: null, data_removed: true, input: {} });
  });

  test('names URLs that work through a loopback server', async () => {
    const { simulator } = start();
    const base = 'http://127.0.0.1:4010/replicate/v1';
    const headers = { authorization: 'Bearer x', prefer: 'wait' };
    const body = JSON.stringify({ input: { prompt: 'a fox' } });
    const made = await simulator.fetch(`${base}/models/${flux}/predictions`, { method: 'POST', headers, body });
    const { id, urls, output } = (await made.json()) as { id: string; urls: Record<string, string>; output: string[] };
    expect(urls.get).toBe(`${base}/predictions/${id}`);
    expect((await simulator.fetch(urls.get!, { headers })).status).toBe(200);
    expect(output[0]?.startsWith(`${base}/files/`)).toBe(true);
    expect((await simulator.fetch(output[0]!)).status).toBe(200);
    expect(await (await simulator.fetch(urls.stream!, { headers })).text()).toContain(
      `event: output\ndata: ${output[0]}`,
    );
  });
});

describe('waiting and ending', () => {
  test('Prefer: wait returns the end where it fits, else 202', async () => {
    const { post } = start();
    const input = { prompt: 'calm', duration: 30 };
    const long = await post('/predictions', { version: musicgen, input }, { prefer: 'wait' });
    expect([long.status, ((await long.json()) as Prediction).status]).toEqual([202, 'processing']);
    const short = await post(
      '/predictions',
      { version: musicgen, input: { ...input, duration: 2 } },
      { prefer: 'wait=10' },
    );
    expect([short.status, ((await short.json()) as Prediction).status]).toEqual([201, 'succeeded']);
  });

  test('a deadline aborts what has not started and cancels what runs', async () => {
    const { post, get, clock, simulator } = start();
    const make = async () =>
      (await (
        await post('/predictions', { version: musicgen, input: { prompt: 'calm' } }, { 'cancel-after': '1m' })
      ).json()) as Prediction;
    const idle = await make();
    const running = await make();
    expect(idle.deadline).toBe('2026-11-22T12:01:00.000000Z');
    await get(`/predictions/${running.id}`);
    clock.now += 60_000;
    expect(await (await get(`/predictions/${idle.id}`)).json()).toMatchObject({ status: 'aborted' });
    expect(await (await get(`/predictions/${running.id}`)).json()).toMatchObject({ status: 'canceled' });
    expect(simulator.bill.calls.map((call) => call.charges.length)).toEqual([0, 1]);
    expect(
      (await post('/predictions', { version: musicgen, input: { prompt: 'x' } }, { 'cancel-after': '4s' })).status,
    ).toBe(422);
  });
});

describe('refusals', () => {
  const cases: [string, unknown, object][] = [
    [
      `/models/${flux}/predictions`,
      { input: {} },
      { invalid_fields: [{ type: 'required', field: 'input', description: 'prompt is required' }] },
    ],
    [
      `/models/${flux}/predictions`,
      { input: { prompt: 'x', num_outputs: 5 } },
      { detail: '- input.num_outputs: Must be less than or equal to 4\n' },
    ],
    [
      `/models/${flux}/predictions`,
      { input: { prompt: 'x', output_format: 'gif' } },
      { detail: '- input.output_format: output_format must be one of the following: "webp", "jpg", "png"\n' },
    ],
    [
      `/models/${flux}/predictions`,
      { input: { prompt: 7 } },
      { detail: '- input.prompt: Invalid type. Expected: string, given: integer\n' },
    ],
    [
      `/models/${flux}/predictions`,
      { version: 'x', input: { prompt: 'x' } },
      { detail: '- Additional property version is not allowed\n' },
    ],
    [
      '/predictions',
      { input: { prompt: 'x' } },
      { title: 'Input validation failed', detail: '- version is required\n' },
    ],
    ['/predictions', { version: 'meta/musicgen:latest', input: {} }, { title: 'Invalid version or not permitted' }],
    ['/predictions', { version: 'f'.repeat(64), input: {} }, { title: 'Invalid version or not permitted' }],
    ['/predictions', { version: musicgen, input: { prompt: 'x', duration: 31 } }, { title: 'Input validation failed' }],
  ];
  test.each(cases)('%s %j', async (path, body, problem) => {
    const { post, simulator } = start();
    const response = await post(path, body);
    expect(response.status).toBe(422);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await response.json()).toMatchObject({ status: 422, ...problem });
    expect(simulator.bill.calls).toEqual([]);
  });

  test('a wrong key, path, method or body', async () => {
    const { simulator, post, get } = start();
    const bare = await simulator.fetch(`${api}/predictions`, { method: 'POST', body: '{}' });
    expect(await bare.json()).toMatchObject({ status: 401, title: 'Unauthenticated' });
    expect((await get('/predictions/unknown')).status).toBe(404);
    expect((await get('/nothing')).status).toBe(404);
    expect((await post('/account', {})).status).toBe(405);
    expect((await post('/predictions', '{"half":')).status).toBe(400);
    expect((await post('/models/meta/musicgen/predictions', { input: { prompt: 'x' } })).status).toBe(404);
    expect((await post('/models/acme/does-not-exist/predictions', { input: { prompt: 'x' } })).status).toBe(404);
  });
});

describe('the bill', () => {
  test('counts images of official models and seconds of the others', async () => {
    const { post, simulator } = start();
    await post(
      `/models/${flux}/predictions`,
      { input: { prompt: 'x', num_outputs: 3 } },
      { 'x-client-request-id': 'attempt-1' },
    );
    await post(
      '/predictions',
      { version: musicgen, input: { prompt: 'x', duration: 2 } },
      { 'x-client-request-id': 'attempt-2' },
    );
    expect(simulator.bill.find('attempt-1')).toMatchObject({
      model: flux,
      charges: [{ meter: 'images', quantity: 3 }],
    });
    const seconds = simulator.bill.find('attempt-2')?.charges[0]?.quantity ?? 0;
    expect(seconds).toBeGreaterThan(4.4);
    const expected = 9_000_000_000n + BigInt(Math.round(seconds * 1000)) * 1_400_000n;
    expect(simulator.bill.statement()).toMatchObject({ unpriced: 0, total_pico: String(expected) });
  });

  test('a job canceled early costs nothing, canceled late what ran, failed what ran', async () => {
    const { client, simulator } = start();
    const make = (prompt: string) => client.predictions.create({ version: musicgen, input: { prompt, duration: 10 } });
    const early = await make('a');
    await client.predictions.cancel(early.id);
    const late = await make('b');
    await client.predictions.get(late.id);
    const canceled = await client.predictions.cancel(late.id);
    const failing = await make('c [[fail]]');
    await client.predictions.get(failing.id);
    const failed = await client.predictions.get(failing.id);
    expect([canceled.status, failed.status]).toEqual(['canceled', 'failed']);
    const billed = simulator.bill.calls.map((call) => call.charges.map((charge) => charge.quantity));
    expect(billed).toEqual([[], [canceled.metrics?.predict_time], [failed.metrics?.predict_time]]);
  });
});

describe('the end that a prompt asks for', () => {
  const end = async (word: string, options?: SimulatorOptions) => {
    const { client, simulator } = start(options);
    const { id } = await client.predictions.create({ model: flux, input: { prompt: `a fox [[${word}]]` } });
    for (let looks = 1; ; looks++) {
      const seen = await client.predictions.get(id);
      if (seen.status !== 'processing') return { seen, looks, simulator, billed: simulator.bill.calls[0]!.charges };
    }
  };
  const one = [{ meter: 'images', quantity: 1 }];

  test('the shared words', async () => {
    const filtered = await end('filtered');
    expect([filtered.seen.status, filtered.seen.error, filtered.billed]).toEqual(['failed', expect.any(String), []]);
    expect(filtered.seen.error).toMatch(/NSFW/);
    const wrong = await end('wrong-type');
    expect(wrong.billed).toEqual(one);
    const bytes = await wrong.simulator.fetch((wrong.seen.output as string[])[0]!);
    expect(probe(new Uint8Array(await bytes.arrayBuffer()))?.kind).toBe('audio');
    const slow = await end('slow');
    expect([slow.seen.status, slow.looks]).toEqual(['succeeded', 7]);
    const expired = await end('expired');
    expect((await expired.simulator.fetch((expired.seen.output as string[])[0]!)).status).toBe(404);
    expect(expired.billed).toEqual(one);
  });

  test('is nobody’s to choose where faults are off', async () => {
    for (const word of ['fail', 'abort', 'empty']) {
      expect((await end(word, { faults: false })).seen).toMatchObject({
        status: 'succeeded',
        output: [expect.any(String)],
      });
    }
  });
});

describe('webhooks', () => {
  test('tell the end, signed; lost, doubled and early ones as asked', async () => {
    const told: { url: string; status: string; signed: boolean }[] = [];
    const { client, simulator } = start({
      now: Date.now,
      deliver: async (input, init) => {
        const request = new Request(input as string, init);
        const body = await request.text();
        const header = (name: string) => request.headers.get(`webhook-${name}`) ?? '';
        const delivery = { id: header('id'), timestamp: header('timestamp'), signature: header('signature'), body };
        const { key } = (await (
          await simulator.fetch(`${api}/webhooks/default/secret`, { headers: { authorization: 'Bearer x' } })
        ).json()) as { key: string };
        const current = Math.abs(Date.now() - Number(delivery.timestamp) * 1000) <= 300_000;
        const signed = current && (await validateWebhook({ ...delivery, secret: key }));
        told.push({ url: request.url, status: (JSON.parse(body) as Prediction).status, signed });
        return new Response(null, { status: 204 });
      },
    });
    const ask = (word: string, filter: ('start' | 'completed')[] = ['completed']) =>
      client.predictions.create({
        model: flux,
        input: { prompt: `a fox ${word}` },
        webhook: `https://app.example/${word.replace(/\W/g, '')}`,
        webhook_events_filter: filter,
      });
    for (const word of ['plain', '[[webhook-lost]]', '[[webhook-twice]]', '[[webhook-early]]', '[[fail]]'])
      await ask(word);
    await ask('unasked', ['start']);
    await vi.waitFor(() => expect(told).toHaveLength(6));
    const of = (name: string) => told.filter(({ url }) => url.endsWith(name)).map(({ status }) => status);
    expect(of('plain')).toEqual(['succeeded']);
    expect(of('webhooklost')).toEqual([]);
    expect(of('webhooktwice')).toEqual(['succeeded', 'succeeded']);
    expect(of('webhookearly')).toEqual(['starting', 'succeeded']);
    expect(of('fail')).toEqual(['failed']);
    expect(told.every(({ signed }) => signed)).toBe(true);
  });
});

test('two simulators with the same seed and clock answer byte for byte alike', async () => {
  const run = async (seed: string) => {
    const { post, get, bytes } = start({ seed });
    const first = await (await post(`/models/${flux}/predictions`, { input: { prompt: 'a fox' } })).text();
    const again = await (await post(`/models/${flux}/predictions`, { input: { prompt: 'a fox' } })).text();
    const { id } = JSON.parse(first) as Prediction;
    await get(`/predictions/${id}`);
    const last = (await (await get(`/predictions/${id}`)).json()) as Prediction;
    return { first, again, last, image: await bytes((last.output as string[])[0]!) };
  };
  const [one, two, other] = await Promise.all([run('s1'), run('s1'), run('s2')]);
  expect(two).toEqual(one);
  expect(JSON.parse(one.again).id).not.toBe(JSON.parse(one.first).id);
  expect(other.last.id).not.toBe(one.last.id);
  expect(other.image).not.toEqual(one.image);
});
