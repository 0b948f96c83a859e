import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { png } from '../../providers/simulators/media/index.ts';
import type { JsonObject } from '../../src/contract/index.ts';
import { probe } from '../../src/meter/probe.ts';
import { openWorld, type World } from '../conformance/matrix/world.ts';
import { clientOf } from './doors.ts';
import { faultOf, picture, refusal, sdkOf } from './openai-media.ts';

let world: World;
let sdk: ReturnType<typeof sdkOf>;
const http = clientOf(() => world.gateway);

beforeAll(async () => {
  world = await openWorld();
  sdk = sdkOf(world.gateway);
});
afterAll(() => world?.close());

const fromBase64 = (text = '') => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const makers = [
  ['openai/gpt-image-2', 'png', '512x512'],
  ['google/gemini-3.1-flash-image', 'png', '1024x1024'],
  ['replicate/black-forest-labs/flux-schnell', 'webp', '1024x1024'],
  ['bfl/flux-2-pro', 'jpeg', '512x512'],
  ['fal/fal-ai/flux/schnell', 'jpeg', '512x512'],
] as const;

describe.each(makers)('images.generate with %s', (model, format, size) => {
  it('answers base64 unless a link is asked for, whatever the provider gave', async () => {
    const { data = [], ...facts } = await sdk.client.images.generate({ model, prompt: 'a lamp', size });
    const told = await sdk.last();
    expect(faultOf('ImagesResponse', JSON.parse(told.text))).toBeUndefined();
    expect(facts.output_format).toBe(format);
    expect(facts.created).toBeGreaterThan(1_700_000_000);
    expect(data).toHaveLength(1);
    const found = probe(fromBase64(data[0]?.b64_json));
    expect(found).toMatchObject({ mediaType: `image/${format}`, kind: 'image' });
    expect(`${found?.width}x${found?.height}`).toBe(size);
    expect(told.headers.get('content-type')).toBe('application/json');
    expect(told.header('x-atelier-model')).toBe(model);
    expect(Number(told.header('x-atelier-cost-usd'))).toBeGreaterThan(0);

    const linked = await sdk.client.images.generate({ model, prompt: 'a lamp', size, response_format: 'url' });
    expect(faultOf('ImagesResponse', JSON.parse((await sdk.last()).text))).toBeUndefined();
    expect(linked.data?.[0]?.b64_json).toBeUndefined();
    const asset = await fetch(linked.data![0]!.url!);
    expect(asset.headers.get('content-type')).toBe(`image/${format}`);
    expect(probe(new Uint8Array(await asset.arrayBuffer()))).toMatchObject({ width: found?.width });
  });

  it('ends a stream with the picture', async () => {
    const stream = await sdk.client.images.generate({
      model,
      prompt: 'a lamp',
      size,
      stream: true,
      partial_images: 2,
    });
    const seen: string[] = [];
    let last: { b64_json: string; usage: JsonObject } | undefined;
    for await (const event of stream) {
      seen.push(event.type);
      last = event as unknown as typeof last;
    }
    for (const event of await sdk.events()) {
      const schema =
        (event as JsonObject).type === seen.at(-1) ? 'ImageGenCompletedEvent' : 'ImageGenPartialImageEvent';
      expect(faultOf(schema, event)).toBeUndefined();
    }
    const previews = model.startsWith('openai') ? 2 : 0;
    expect(seen).toEqual([...Array(previews).fill('image_generation.partial_image'), 'image_generation.completed']);
    expect(probe(fromBase64(last?.b64_json))?.mediaType).toBe(`image/${format}`);
    const counts = model.startsWith('openai') || model.startsWith('google');
    expect(Number(last?.usage.output_tokens) > 0).toBe(counts);
  });
});

const editors = ['openai/gpt-image-2', 'bfl/flux-2-pro', 'google/gemini-3.1-flash-image'] as const;

describe.each(editors)('images.edit with %s', (model) => {
  it('takes three images, and a mask where the provider knows any', async () => {
    const image = await Promise.all(['one', 'two', 'three'].map((seed) => picture(seed)));
    const mask = model.startsWith('google') ? {} : { mask: await picture('mask') };
    const before = world.received.length;
    const { data = [] } = await sdk.client.images.edit({ model, prompt: 'put a lamp there', image, ...mask });
    const told = await sdk.last();
    expect(faultOf('ImagesResponse', JSON.parse(told.text))).toBeUndefined();
    expect(probe(fromBase64(data[0]?.b64_json))?.kind).toBe('image');
    expect(world.received.length).toBeGreaterThan(before);
    const generation = await world.generation(told.header('x-atelier-generation'));
    const lost = (generation.degradations as JsonObject[]).map((one) => one.field);
    expect(lost).toEqual(model.startsWith('bfl') ? ['mask'] : []);
    expect(told.header('x-atelier-warnings').includes('mask')).toBe(model.startsWith('bfl'));
  });

  it('streams an edit', async () => {
    const image = await picture('one');
    const stream = await sdk.client.images.edit({ model, prompt: 'a lamp', image, stream: true, partial_images: 1 });
    const seen: string[] = [];
    for await (const event of stream) seen.push(event.type);
    expect(seen.at(-1)).toBe('image_edit.completed');
    for (const event of await sdk.events()) {
      const completed = (event as JsonObject).type === 'image_edit.completed';
      expect(faultOf(completed ? 'ImageEditCompletedEvent' : 'ImageEditPartialImageEvent', event)).toBeUndefined();
    }
  });
});

it('honours a mask where a model has a place for one', async () => {
  const [image, mask] = await Promise.all([picture('one'), picture('mask')]);
  await sdk.client.images.edit({ model: 'bfl/flux-pro-1.0-fill', prompt: 'a lamp', image, mask });
  expect((await sdk.last()).header('x-atelier-warnings')).toBe('');
});

describe('the words of the request', () => {
  const model = 'openai/gpt-image-2';
  const bfl = 'bfl/flux-2-pro';

  it('reach a provider of the same surface: sizes, quality, compression, what we do not know, and the user by no name', async () => {
    const before = world.received.length;
    await sdk.client.images.generate({
      model,
      prompt: 'a lamp',
      n: 2,
      size: '1024x1024',
      quality: 'low',
      background: 'opaque',
      output_format: 'jpeg',
      output_compression: 50,
      moderation: 'low',
      user: 'ada@example.com',
      x_note: 'ours',
    } as never);
    const answer = JSON.parse((await sdk.last()).text);
    expect(answer).toMatchObject({ size: '1024x1024', quality: 'low', background: 'opaque', output_format: 'jpeg' });
    expect(answer.data).toHaveLength(2);
    expect(answer.usage).toMatchObject({ output_tokens: 544, output_tokens_details: { image_tokens: 544 } });
    expect(world.received.slice(before).at(-1)?.body).toMatchObject({
      n: 2,
      output_compression: 50,
      moderation: 'low',
      x_note: 'ours',
      user: expect.stringMatching(/^user_[0-9a-f]{32}$/),
    });
  });

  it('are told as a warning where another provider does not know them, and refused where the caller is strict', async () => {
    const body = { model: bfl, prompt: 'a lamp', size: '512x512', style: 'vivid' } as never;
    await sdk.client.images.generate(body);
    expect((await sdk.last()).header('x-atelier-warnings')).toContain('style is not known to bfl');
    const strict = await refusal(sdk.client.images.generate(body, { headers: { 'x-atelier-strict': 'true' } }));
    expect(strict).toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'style' });
  });

  it('say sizes as ratios to models that know only those, and tell what came out', async () => {
    await sdk.client.images.generate({ model: editors[2], prompt: 'a lamp', size: '1536x1024' });
    const told = await sdk.last();
    expect(told.header('x-atelier-warnings')).toMatch(/size 1536x1024 was not honoured; delivered: "1264x848"/);
    expect(faultOf('ImagesResponse', JSON.parse(told.text))).toBeUndefined();
    const strict = sdk.client.images.generate(
      { model: editors[2], prompt: 'a lamp', size: '1536x1024' },
      { headers: { 'x-atelier-strict': 'true' } },
    );
    expect(await refusal(strict)).toMatchObject({ status: 400, param: 'size' });
  });

  it('say once, in words, that another model answers', async () => {
    world.simulators.get('openai')!.faults.push('status:429');
    const body = { model, models: [bfl], prompt: 'a lamp' } as never;
    await sdk.client.images.generate(body, { headers: { 'x-atelier-route': 'attempts=2' } });
    const told = (await sdk.last()).header('x-atelier-warnings');
    expect(told).toContain(`${bfl} answers instead`);
    expect(told).not.toContain('model');
  });

  it('may leave the model out', async () => {
    await sdk.client.images.generate({ prompt: 'a lamp', size: '1024x1024', quality: 'low' });
    expect((await sdk.last()).header('x-atelier-provider')).toBe('openai');
  });

  const refused: [what: string, body: JsonObject, expected: JsonObject][] = [
    ['no prompt', { model }, { status: 400, param: 'prompt' }],
    [
      'a model of another modality',
      { model: 'openai/gpt-5.5', prompt: 'a' },
      { status: 400, code: 'modality_mismatch' },
    ],
    ['an unknown model', { model: 'nobody', prompt: 'a' }, { status: 404, code: 'model_not_found' }],
    ['a size it cannot make', { model, prompt: 'a', size: '1000x1000' }, { status: 400, param: 'size' }],
    ['a format it cannot make', { model: bfl, prompt: 'a', output_format: 'gif' }, { param: 'output_format' }],
    ['a number that is none', { model, prompt: 'a', n: 'two' }, { status: 400, param: 'n' }],
    ['several streamed pictures', { model, prompt: 'a', n: 2, stream: true }, { status: 400, param: 'n' }],
    ['an unknown response_format', { model, prompt: 'a', response_format: 'file' }, { param: 'response_format' }],
  ];
  it.each(refused)('refuse %s in OpenAI’s envelope', async (_, body, expected) => {
    const found = await refusal(sdk.client.images.generate(body as never));
    expect(found).toMatchObject(expected);
    expect(faultOf('ErrorResponse', found.body)).toBeUndefined();
  });

  it.each([
    ['status:429', 429, 'provider_rate_limited'],
    ['status:401', 502, 'provider_authentication'],
    ['status:503', 503, 'provider_overloaded'],
  ])('tell of %s with its status, also before a stream', async (fault, status, code) => {
    const prompt = `[[fault:${fault}]] a lamp`;
    const plain = await refusal(sdk.client.images.generate({ model, prompt }));
    expect(plain).toMatchObject({ status, code });
    expect(faultOf('ErrorResponse', plain.body)).toBeUndefined();
    const body = { model, prompt, stream: true, partial_images: 1 } as const;
    expect(await refusal(sdk.client.images.generate(body))).toMatchObject({ status, code });
  });

  it('tell of a stream that breaks after its first picture inside of it', async () => {
    const prompt = '[[fault:cut:1]] a lamp';
    const stream = await sdk.client.images.generate({ model, prompt, stream: true, partial_images: 3 });
    const seen: string[] = [];
    const found = await refusal(
      (async () => {
        for await (const event of stream) seen.push(event.type);
      })(),
    );
    expect(seen).toEqual(['image_generation.partial_image']);
    expect(found).toMatchObject({ status: undefined, code: 'stream_interrupted' });
  });
});

describe('edits', () => {
  const model = 'openai/gpt-image-2';
  const data = `data:image/png;base64,${Buffer.from(png({ width: 32, height: 32, seed: 'json' })).toString('base64')}`;

  it('take a JSON body with addresses, data and outputs of our own', async () => {
    const made = await http.post('/v1/generations', { model, input: 'a buoy', size: '1024x1024' });
    const output = (made.body as { outputs: { url: string }[] }).outputs[0]!;
    const file = /assets\/([^?]+)/.exec(output.url)![1];
    const images = [{ image_url: data }, { image_url: output.url }, { file_id: file }];
    const edited = await http.post('/v1/images/edits', { model, prompt: 'a lamp', images, mask: { image_url: data } });
    expect(edited.status, edited.text.slice(0, 300)).toBe(200);
    expect(faultOf('ImagesResponse', edited.body)).toBeUndefined();
    expect(decode(fromBase64((edited.body as { data: { b64_json: string }[] }).data[0]?.b64_json)).width).toBe(1024);
  });

  const refused: [what: string, body: JsonObject, param: string][] = [
    ['no image', { model, prompt: 'a' }, 'image'],
    ['an unknown file', { model, prompt: 'a', images: [{ file_id: 'file-123' }] }, 'image'],
    ['a private address', { model, prompt: 'a', images: [{ image_url: 'http://169.254.169.254/a.png' }] }, 'image'],
    ['17 images', { model, prompt: 'a', images: Array(17).fill({ image_url: data }) }, 'image'],
    [
      'a model that takes none',
      { model: 'replicate/black-forest-labs/flux-schnell', prompt: 'a', images: [{ image_url: data }] },
      'model',
    ],
  ];
  it.each(refused)('refuse %s', async (_, body, param) => {
    const answer = await http.post('/v1/images/edits', body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { param } });
    expect(faultOf('ErrorResponse', answer.body)).toBeUndefined();
  });
});

describe('what has been paid for is not lost', () => {
  it('when the caller is told to come back', async () => {
    const model = 'replicate/black-forest-labs/flux-schnell';
    const answer = await http.post(
      '/v1/images/generations',
      { model, prompt: 'a lamp' },
      { headers: { 'x-atelier-wait': '0' } },
    );
    expect(answer.status).toBe(504);
    expect(answer.headers.get('x-should-retry')).toBe('false');
    const id = answer.headers.get('x-atelier-generation')!;
    expect(answer.body).toMatchObject({ error: { code: 'provider_timeout', facts: { generation: id } } });
    expect(await http.settled(id)).toMatchObject({ status: 'completed', outputs: [{ type: 'image' }] });
  });

  it('when the caller leaves', async () => {
    const before = await http.newest();
    const leaving = new AbortController();
    const model = 'fal/fal-ai/flux/schnell';
    const asked = sdk.client.images.generate({ model, prompt: 'a quay' }, { signal: leaving.signal });
    asked.catch(() => {});
    let newest = before;
    for (let tries = 0; tries < 100 && (newest as JsonObject).id === (before as JsonObject).id; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      newest = await http.newest();
    }
    leaving.abort();
    await expect(asked).rejects.toThrow();
    expect(await http.settled(String((newest as JsonObject).id))).toMatchObject({ status: 'completed' });
  });

  it('when the same request comes twice', async () => {
    const body = { model: 'bfl/flux-2-pro', prompt: 'a pier', size: '512x512' };
    const headers = { 'idempotency-key': 'pier' };
    const [one, two] = await Promise.all([1, 2].map(() => http.post('/v1/images/generations', body, { headers })));
    expect(two!.text).toBe(one!.text);
    expect(two!.headers.get('x-atelier-generation')).toBe(one!.headers.get('x-atelier-generation'));
  });
});
