import { decode as decodePng } from 'fast-png';
import { decode as decodeJpeg } from 'jpeg-js';
import OpenAI, { toFile } from 'openai';
import { describe, expect, test } from 'vitest';
import { openai } from '../../providers/simulators/openai.ts';
import { hasSpecs, responsePointer, validator } from '../support/spec.ts';

function open() {
  const simulator = openai({ now: () => Date.UTC(2026, 10, 22) });
  return { simulator, client: new OpenAI({ apiKey: 'sk-test', fetch: simulator.fetch, maxRetries: 0 }) };
}

const bytesOf = (b64: string | undefined) => Uint8Array.from(atob(b64 ?? ''), (letter) => letter.charCodeAt(0));
const prompt = 'a lighthouse at dusk';

describe('generation', () => {
  test('makes the default picture, says what auto became, and bills published tokens', async () => {
    const { client, simulator } = open();
    const answer = await client.images.generate({ model: 'gpt-image-1.5', prompt });
    expect(answer).toMatchObject({ size: '1024x1024', quality: 'medium', output_format: 'png', background: 'opaque' });
    expect(decodePng(bytesOf(answer.data?.[0]?.b64_json))).toMatchObject({ width: 1024, height: 1024 });
    expect(answer.usage).toMatchObject({ output_tokens: 1056, input_tokens: 5, total_tokens: 1061 });
    expect(simulator.bill.calls[0]?.charges).toEqual([
      { meter: 'input_text_tokens', quantity: 5 },
      { meter: 'output_image_tokens', quantity: 1056 },
    ]);
  });

  test('honours n, size, quality and format', async () => {
    const { client } = open();
    const answer = await client.images.generate({
      model: 'gpt-image-2',
      prompt,
      n: 2,
      size: '256x512',
      quality: 'low',
      output_format: 'jpeg',
    });
    const [one, other] = answer.data!.map((image) => bytesOf(image.b64_json));
    expect(decodeJpeg(one!)).toMatchObject({ width: 256, height: 512 });
    expect(one).not.toEqual(other);
    expect(answer.usage?.output_tokens).toBe(2 * Math.round(272 / 8));
    expect(answer.size).toBe('256x512');
  });

  test('makes transparent pictures and WebP', async () => {
    const { client } = open();
    const asked = { model: 'gpt-image-2', prompt, size: '64x64' as const };
    const clear = await client.images.generate({ ...asked, background: 'transparent' });
    expect(clear.background).toBe('transparent');
    const clearest = (b64: string | undefined) => {
      const { data, palette } = decodePng(bytesOf(b64));
      return Math.min(...[...data].map((index) => palette?.[index]?.[3] ?? 255));
    };
    expect(clearest(clear.data?.[0]?.b64_json)).toBe(0);
    expect(clearest((await client.images.generate(asked)).data?.[0]?.b64_json)).toBe(255);
    const web = bytesOf((await client.images.generate({ ...asked, output_format: 'webp' })).data?.[0]?.b64_json);
    expect(new TextDecoder('latin1').decode(web.subarray(0, 16))).toMatch(/^RIFF....WEBPVP8L/s);
  });

  test('streams partial pictures, then the whole one with usage', async () => {
    const { client, simulator } = open();
    const asked = { model: 'gpt-image-2', prompt, size: '64x64' as const, quality: 'high' as const };
    const stream = await client.images.generate({ ...asked, stream: true, partial_images: 2 });
    const events = [];
    for await (const event of stream) events.push(event);
    expect(events.map((event) => event.type)).toEqual([
      'image_generation.partial_image',
      'image_generation.partial_image',
      'image_generation.completed',
    ]);
    const last = events.at(-1) as OpenAI.Images.ImageGenCompletedEvent;
    expect(last.usage?.output_tokens).toBe(Math.round(4160 / 256) + 200);
    expect(simulator.bill.calls[0]?.charges.at(-1)?.quantity).toBe(last.usage?.output_tokens);
    const plain = await client.images.generate(asked);
    expect(last.b64_json).toBe(plain.data?.[0]?.b64_json);
  });

  test('left in the middle bills a part', async () => {
    const { client, simulator } = open();
    const asked = { model: 'gpt-image-2', prompt, quality: 'high' as const, stream: true as const, partial_images: 3 };
    for await (const _ of await client.images.generate({ ...asked, size: '512x512' })) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(simulator.bill.calls[0]?.charges.at(-1)).toEqual({ meter: 'output_image_tokens', quantity: 100 + 1040 / 4 });
  });
});

describe('editing', () => {
  const picture = async (simulator: ReturnType<typeof openai>) => {
    const client = new OpenAI({ apiKey: 'k', fetch: simulator.fetch });
    const made = await client.images.generate({ model: 'gpt-image-2', prompt, size: '64x64' });
    return toFile(bytesOf(made.data?.[0]?.b64_json), 'a.png', { type: 'image/png' });
  };

  test('takes files, counts them, and streams', async () => {
    const { client, simulator } = open();
    const file = await picture(simulator);
    const asked = { model: 'gpt-image-1.5', prompt: 'add a bird', image: [file, file], size: '1024x1536' as const };
    const answer = await client.images.edit({ ...asked, quality: 'low' });
    expect(decodePng(bytesOf(answer.data?.[0]?.b64_json))).toMatchObject({ width: 1024, height: 1536 });
    expect(answer.usage?.input_tokens_details).toEqual({ text_tokens: 3, image_tokens: 388 });
    expect(simulator.bill.calls[1]?.charges).toEqual([
      { meter: 'input_text_tokens', quantity: 3 },
      { meter: 'input_image_tokens', quantity: 388 },
      { meter: 'output_image_tokens', quantity: 408 },
    ]);
    const types = [];
    for await (const event of await client.images.edit({ ...asked, stream: true, partial_images: 1 })) {
      types.push(event.type);
    }
    expect(types).toEqual(['image_edit.partial_image', 'image_edit.completed']);
  });

  test('takes JSON with references', async () => {
    const { simulator } = open();
    const response = await simulator.fetch('https://api.openai.com/v1/images/edits', {
      method: 'POST',
      headers: { authorization: 'Bearer k' },
      body: JSON.stringify({ model: 'gpt-image-2', prompt, size: '32x32', images: [{ image_url: 'data:x' }], x_a: 1 }),
    });
    expect(await response.json()).toMatchObject({ size: '32x32', x_a: 1, usage: { input_tokens: 5 + 194 } });
  });

  test('refuses what is no picture', async () => {
    const { client } = open();
    const image = await toFile(new TextEncoder().encode('not a picture'), 'a.png', { type: 'image/png' });
    const edited = client.images.edit({ model: 'gpt-image-2', prompt, image });
    await expect(edited).rejects.toMatchObject({ status: 400, param: 'image' });
  });
});

const bad: [string, object, object][] = [
  ['no prompt', { prompt: undefined }, { status: 400, param: 'prompt' }],
  ['eleven pictures', { n: 11 }, { status: 400, param: 'n' }],
  ['an odd size', { size: '100x100' }, { status: 400, param: 'size' }],
  ['a size the model lacks', { model: 'gpt-image-1', size: '512x512' }, { status: 400, param: 'size' }],
  ['response_format', { response_format: 'url' }, { status: 400, code: 'unknown_parameter' }],
  ['a transparent JPEG', { background: 'transparent', output_format: 'jpeg' }, { status: 400, param: 'background' }],
  ['the quality of DALL-E', { quality: 'hd' }, { status: 400, param: 'quality' }],
  ['DALL-E', { model: 'dall-e-3' }, { status: 404, code: 'model_not_found' }],
];
test.each(bad)('%s is refused', async (_, more, error) => {
  const { client, simulator } = open();
  const body = { model: 'gpt-image-2', prompt, ...more } as OpenAI.ImageGenerateParamsNonStreaming;
  await expect(client.images.generate(body)).rejects.toMatchObject(error);
  expect(simulator.bill.calls).toEqual([]);
});

test('two fresh simulators draw the same', async () => {
  const draw = async () =>
    JSON.stringify(await open().client.images.generate({ model: 'gpt-image-2', prompt, size: '64x64' }));
  expect(await draw()).toBe(await draw());
});

test.skipIf(!hasSpecs)('answers are valid by the official description', async () => {
  const { client } = open();
  const asked = { model: 'gpt-image-1.5', prompt, size: '1024x1024' as const, quality: 'low' as const };
  const answer = await client.images.generate(asked);
  expect(validator('openai', responsePointer('/images/generations', 'post', 200))!(answer)).toBeUndefined();
  const valid = validator('openai', '/components/schemas/ImageGenStreamEvent')!;
  for await (const event of await client.images.generate({ ...asked, stream: true, partial_images: 1 })) {
    expect(valid(event)).toBeUndefined();
  }
});
