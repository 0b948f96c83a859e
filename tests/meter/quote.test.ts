import * as published from '@pydantic/genai-prices';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBasePrices } from '../../config/base-prices.ts';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import type { Metered, Model } from '../../src/contract/index.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { parseUsd, writeUsd } from '../../src/meter/money.ts';
import { priceUsage } from '../../src/meter/price.ts';
import { type Asked, quote } from '../../src/meter/quote.ts';

const config = await loadConfig(shipped);
const catalogue = createCatalogue(config.prices, config.hash);
const at = Date.parse('2026-11-22T12:00:00Z');
const modelOf = (id: string): Model => {
  const found = config.models.find((model) => model.id === id);
  if (!found) throw new Error(`There is no ${id}.`);
  return found;
};
const ask = (id: string, asked: Partial<Asked> = {}) => {
  const model = modelOf(id);
  return quote(catalogue, model, { modality: model.modality, characters: 0, bytes: 0, images: 0, ...asked }, at);
};
const text = (words: string): Partial<Asked> => ({ characters: words.length, bytes: words.length });
const usd = (pico: bigint | undefined) => (pico === undefined ? null : writeUsd(pico));

describe('quote', () => {
  test('text: at most a token a byte and the output asked for; what really comes lies between', () => {
    const found = ask('openai/gpt-5.5', { ...text('x'.repeat(4000)), maxOutputTokens: 100 });
    expect(found.status).toBe('priced_estimated');
    expect(found.expected).toBe(parseUsd('0.008'));
    const real: Metered[] = [
      { meter: 'input_text_tokens', quantity: 1010 },
      { meter: 'output_text_tokens', quantity: 100 },
    ];
    const cost =
      priceUsage(catalogue, { provider: 'openai', model: 'gpt-5.5', usage: { metered: real, source: 'body' }, at })
        .total ?? 0n;
    expect(found.min ?? 0n).toBeLessThanOrEqual(cost);
    expect(found.max ?? 0n).toBeGreaterThanOrEqual(cost);
  });

  test('text without any limit of output has no most; an input that cannot be bounded neither', () => {
    expect(ask('xai/grok-4.5', text('hello')).max).toBeUndefined();
    expect(ask('xai/grok-4.5', { ...text('hello'), maxOutputTokens: 5 }).max).toBeDefined();
    expect(ask('xai/grok-4.5', { ...text('hello'), maxOutputTokens: 5, unbounded: true }).max).toBeUndefined();
    expect(ask('xai/grok-4.5', text('hello')).expected).toBeDefined();
  });

  test('a long text is quoted at the price of long contexts where it may become one', () => {
    const found = ask('openai/gpt-5.5', { ...text('x'.repeat(400_000)), maxOutputTokens: 1 });
    expect(found.receipt.lines[0]?.price).toBe('5');
    expect(found.max ?? 0n).toBeGreaterThan(400_000n * parseUsd('0.00001'));
  });

  test('min ≤ expected ≤ max for every model and request', () => {
    const some = fc.record({
      characters: fc.nat(20_000),
      more: fc.nat(20_000),
      images: fc.nat(4),
      n: fc.integer({ min: 1, max: 8 }),
      maxOutputTokens: fc.option(fc.integer({ min: 1, max: 60_000 }), { nil: undefined }),
      size: fc.constantFrom(undefined, 'auto', '1024x1024', '1536x1024', '2048x1024', '2K', '4K'),
      quality: fc.constantFrom(undefined, 'auto', 'low', 'high'),
      seconds: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
      audioSeconds: fc.option(fc.double({ min: 0.1, max: 4000, noNaN: true }), { nil: undefined }),
      speed: fc.constantFrom(undefined, 0.5, 2),
      computed: fc.array(fc.double({ min: 0.1, max: 99, noNaN: true }), { maxLength: 9 }),
    });
    fc.assert(
      fc.property(fc.constantFrom(...config.models), some, (model, { more, ...rest }) => {
        const found = ask(model.id, { ...rest, bytes: rest.characters + more });
        if (found.expected === undefined) expect(found.max).toBeUndefined();
        else {
          expect(found.min ?? -1n).toBeLessThanOrEqual(found.expected);
          if (found.max !== undefined) expect(found.max).toBeGreaterThanOrEqual(found.expected);
          if (found.status === 'priced') expect(found.min).toBe(found.max);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('images by token tables: the size and quality asked for exactly, unasked ones range', () => {
    const exact = ask('openai/gpt-image-1.5', { n: 2, size: '1536x1024', quality: 'high' });
    expect(exact.receipt.lines).toMatchObject([{ meter: 'output_image_tokens', quantity: 12416 }]);
    expect([exact.status, exact.min === exact.max]).toEqual(['priced', true]);
    const open = ask('openai/gpt-image-1.5', { size: 'auto' });
    expect(open.receipt.lines[0]?.quantity).toBe(1056);
    expect(Number(open.max) / Number(open.min)).toBeCloseTo(6240 / 272, 6);
    expect(ask('google/gemini-3-pro-image', { size: '4K' }).receipt.lines[0]?.quantity).toBe(2000);
    const scaled = ask('openai/gpt-image-2', { size: '2048x1024', quality: 'low' });
    expect(scaled.receipt.lines[0]?.quantity).toBe(544);
    expect(scaled.status).toBe('priced_estimated');
    expect(ask('openai/gpt-image-2', { quality: 'extreme' }).status).toBe('unpriced');
  });

  test('images by the piece, songs and characters are exact', () => {
    const flux = ask('replicate/black-forest-labs/flux-schnell', { n: 4, characters: 90, bytes: 90 });
    expect([usd(flux.expected), flux.status]).toEqual(['0.012', 'priced']);
    expect(usd(ask('google/lyria-3-clip-preview', text('a song')).expected)).toBe('0.04');
  });

  test('transcription by the second is exact, by tokens it ranges, and a length that is not known stays unknown', () => {
    const whisper = ask('openai/whisper-1', { audioSeconds: 37 });
    expect([usd(whisper.expected), whisper.status]).toEqual(['0.0037', 'priced']);
    const tokens = ask('openai/gpt-4o-transcribe', { audioSeconds: 60 });
    expect(tokens.receipt.lines[0]).toMatchObject({ meter: 'input_audio_tokens', quantity: 600 });
    expect(tokens.max ?? 0n).toBeGreaterThan(tokens.expected ?? 0n);
    const unknown = ask('openai/whisper-1');
    expect([unknown.status, unknown.expected, unknown.max]).toEqual(['unpriced', undefined, undefined]);
  });

  test('speech: characters to seconds to tokens', () => {
    const found = ask('openai/gpt-4o-mini-tts', text('x'.repeat(150)));
    const audio = found.receipt.lines.find((line) => line.meter === 'output_audio_tokens');
    expect(audio?.quantity).toBe(200);
    const fast = ask('openai/gpt-4o-mini-tts', { ...text('x'.repeat(150)), speed: 2 });
    expect(fast.receipt.lines.find((line) => line.meter === 'output_audio_tokens')?.quantity).toBe(100);
  });

  test('computing time is unknown until there are runs; then it is their median, without a most', () => {
    expect(ask('replicate/meta/musicgen').status).toBe('unpriced');
    const found = ask('replicate/meta/musicgen', { computed: [10, 42.5, 90] });
    expect([usd(found.expected), usd(found.min), found.max]).toEqual(['0.0595', '0.014', undefined]);
  });

  const pixels = 1024 * 1024;
  test.each<[string, Partial<Asked>, string, string, string]>([
    ['one megapixel is in the price', {}, '0.03', '0.03', '0.03'],
    ['every further one that comes out is not', { size: '2048x2048' }, '0.075', '0.075', '0.075'],
    ['a begun one counts', { size: '1024x1040' }, '0.045', '0.045', '0.045'],
    ['pictures that go in by their size', { images: 2, pixels: [pixels, pixels * 1.5] }, '0.075', '0.075', '0.075'],
    ['or by the most there can be', { images: 1, size: '2048x2048' }, '0.09', '0.09', '0.375'],
    ['for each picture', { n: 2, size: '2048x1024' }, '0.09', '0.09', '0.09'],
  ])('FLUX.2 by the megapixel: %s', (_, asked, min, expected, max) => {
    const found = ask('bfl/flux-2-pro', asked);
    expect([usd(found.min), usd(found.expected), usd(found.max)]).toEqual([min, expected, max]);
    expect(found.status).toBe(min === max ? 'priced' : 'priced_estimated');
    // Older models sell whole pictures.
    expect(usd(ask('bfl/flux-pro-1.1', asked).max)).toBe(asked.n ? '0.08' : '0.04');
  });

  test.each([
    ['google/gemini-omni-1.2-flash', { seconds: 4, resolution: '360p' }, '0.092', { resolution: '360p' }],
    ['google/gemini-omni-1.2-flash', { seconds: 4, size: '1080x1920' }, '0.42', { resolution: '1080p' }],
    ['google/gemini-omni-1.2-flash', { seconds: 4, size: '3840x2160' }, '0.84', { resolution: '4k' }],
    ['google/gemini-omni-1.2-flash', { seconds: 4 }, '0.28', { resolution: '720p' }],
    ['runway/gen4.5', { seconds: 10 }, '1.2', { resolution: '720p' }],
    ['runway/veo3.1', { seconds: 8 }, '3.2', { audio: 'true' }],
    ['runway/veo3.1', { seconds: 8, audio: false }, '1.6', { audio: 'false' }],
    ['runway/veo3.1_fast', { seconds: 4, resolution: '1080p', audio: false }, '0.4', { resolution: '1080p' }],
    ['fal/fal-ai/kling-video/v3/turbo/pro/text-to-video', { seconds: 5 }, '0.7', { resolution: '1080p' }],
  ])('film by the second, resolution and sound: %s %j', (id, asked, film, dims) => {
    const found = ask(id, { ...asked, ...text('a lighthouse') });
    const line = found.receipt.lines.find(({ meter }) => meter === 'output_video_seconds');
    expect(line).toMatchObject({ quantity: asked.seconds, dims });
    expect(usd(line?.amount)).toBe(film);
    expect(found.min ?? -1n).toBeGreaterThanOrEqual(line?.amount ?? 0n);
  });

  test('Google has no Veo row any more, but its prices quote it by resolution and sound', () => {
    const veo: Model = {
      id: 'google/veo-3.1-lite-generate-preview',
      provider: 'google',
      upstream: 'veo-3.1-lite-generate-preview',
      modality: 'video',
    };
    const asked: Asked = { modality: 'video', characters: 9, bytes: 9, images: 0, seconds: 8 };
    expect(usd(quote(catalogue, veo, asked, at).expected)).toBe('0.4');
    expect(usd(quote(catalogue, veo, { ...asked, size: '1920x1080' }, at).expected)).toBe('0.64');
    expect(quote(catalogue, veo, { ...asked, audio: false }, at).status).toBe('unpriced');
  });

  test('what comes beside picture and film has a most: words of the prompt, pictures, thoughts', () => {
    for (const [id, media] of [
      ['google/gemini-3.1-flash-image', '0.0672'],
      ['google/gemini-omni-1.2-flash', '0.28'],
    ] as const) {
      const found = ask(id, { ...text('a fox'), size: id.includes('image') ? '1K' : undefined, seconds: 4, images: 1 });
      expect(found.min ?? 0n).toBeGreaterThan(parseUsd(media));
      expect(found.max ?? 0n).toBeGreaterThan((found.expected ?? 0n) + parseUsd('0.005'));
      expect(found.receipt.lines.map(({ meter }) => meter)).toContain('output_text_tokens');
    }
    expect(ask('google/gemini-omni-1.2-flash', { ...text('a fox'), seconds: 4, unbounded: true }).max).toBeUndefined();
  });

  test('pictures that are sold by their lines are, whichever way round', () => {
    expect(usd(ask('runway/gen4_image', { size: '1080x1920' }).expected)).toBe('0.08');
    expect(usd(ask('runway/gen4_image', { size: '1280x720' }).expected)).toBe('0.05');
  });

  test('models that nobody prices stay unknown, however exactly they are asked for', () => {
    const luma = ask('luma/ray-2', { seconds: 5, resolution: '1080p' });
    expect([luma.status, luma.expected, luma.max]).toEqual(['unpriced', undefined, undefined]);
    expect(ask('runway/seedance2', { seconds: 5, resolution: '1080p' }).status).toBe('unpriced');
  });

  test("a machine of one's own is quoted by the time of earlier runs, tokens or not", () => {
    expect(ask('local/llama-3.3-70b', text('hello')).status).toBe('unpriced');
    const found = ask('local/llama-3.3-70b', { ...text('hello'), computed: [3] });
    expect(found.receipt.lines).toMatchObject([{ meter: 'gpu_seconds', quantity: 3, price: '1.20', per: '3600' }]);
    expect([found.status, usd(found.expected), found.max]).toEqual(['priced_estimated', '0.001', undefined]);
  });

  test('a model that only the base prices is quoted from it', () => {
    const based = createCatalogue(
      config.prices,
      config.hash,
      createBasePrices(() => published),
    );
    const old: Model = { id: 'openai/gpt-4-0613', provider: 'openai', upstream: 'gpt-4-0613', modality: 'text' };
    const asked: Asked = { modality: 'text', characters: 4000, bytes: 4000, images: 0, maxOutputTokens: 100 };
    expect(usd(quote(based, old, asked, at).expected)).toBe('0.036');
    expect(quote(catalogue, old, asked, at).status).toBe('unpriced');
  });

  test('a model without a price is unpriced, not free; batch is asked for by its tier', () => {
    const unknown: Model = { id: 'openai/new', provider: 'openai', upstream: 'new', modality: 'text' };
    const base: Asked = { modality: 'text', characters: 4, bytes: 4, images: 0, maxOutputTokens: 10 };
    const none = quote(catalogue, unknown, base, at);
    expect([none.status, none.expected]).toEqual(['unpriced', undefined]);
    const full = ask('openai/gpt-5.5', { ...base });
    const batch = ask('openai/gpt-5.5', { ...base, serviceTier: 'batch' });
    expect(full.expected).toBe((batch.expected ?? 0n) * 2n);
  });
});
