import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadShipped } from '../../config/load.ts';
import { bfl } from '../../providers/bfl.ts';
import { fal } from '../../providers/fal.ts';
import { google } from '../../providers/google.ts';
import { replicate } from '../../providers/replicate.ts';
import { runway } from '../../providers/runway.ts';
import { pricedField } from '../../providers/shared/priced-names.ts';
import { wav } from '../../providers/simulators/media/index.ts';
import {
  asGatewayError,
  type Call,
  type JsonObject,
  type MediaModality,
  type Provider,
} from '../../src/contract/index.ts';
import { askedOfMedia } from '../../src/gateway/asked.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { quote } from '../../src/meter/quote.ts';

const { models, prices, hash } = await loadShipped(shipped);
const providers: Record<string, Provider> = { bfl, fal, google, replicate, runway };

/** Submits with some params to a vendor that takes anything; says how it was refused, and what was sent. */
async function submit(id: string, modality: MediaModality, params: JsonObject, options?: JsonObject) {
  const [name = '', ...rest] = id.split('/');
  const sent: Request[] = [];
  const call: Call = {
    model: rest.join('/'),
    key: 'k',
    baseUrl: 'https://vendor.example',
    signal: AbortSignal.timeout(5_000),
    attemptId: 'gen_1.1',
    options: options ?? models.find((model) => model.id === id)?.options ?? {},
    fetch: async (input, init) => {
      sent.push(new Request(input, init));
      return Response.json({}, { status: 418 });
    },
  };
  const port = providers[name]!.media![modality]!;
  const said = modality === 'speech' ? { text: 'x' } : { prompt: 'x' };
  const error = await (port.submit as (request: unknown, call: Call) => Promise<unknown>)(
    { modality, ...said, params },
    call,
  ).then(() => undefined, asGatewayError);
  return { error, sent };
}

const kling = 'fal/fal-ai/kling-video/v3/turbo/pro/text-to-video';
const schnell = 'replicate/black-forest-labs/flux-schnell';
const film = 'replicate/acme/film';

describe('a parameter that decides about the price', () => {
  test.each<[string, MediaModality, JsonObject, param: string, field: string]>([
    [film, 'video', { resolution: '1080p' }, 'resolution', 'resolution'],
    [film, 'video', { num_frames: 240 }, 'num_frames', 'seconds'],
    [film, 'video', { duration: 60 }, 'duration', 'seconds'],
    [film, 'video', { fps: 60 }, 'fps', 'seconds'],
    [film, 'video', { frames_per_second: 60 }, 'frames_per_second', 'seconds'],
    [film, 'video', { generate_audio: true }, 'generate_audio', 'audio'],
    [film, 'video', { video: 'https://files.example/hour.mp4' }, 'video', 'video'],
    [schnell, 'image', { megapixels: '4' }, 'megapixels', 'size'],
    [schnell, 'image', { width: 4096 }, 'width', 'size'],
    [schnell, 'image', { batch_size: 4 }, 'batch_size', 'n'],
    [schnell, 'image', { prompt: 'y' }, 'prompt', 'prompt'],
    ['replicate/acme/voice', 'speech', { text: 'y'.repeat(9_000) }, 'text', 'text'],
    [kling, 'video', { resolution: '4k' }, 'resolution', 'resolution'],
    [kling, 'video', { generate_audio: true }, 'generate_audio', 'audio'],
    [kling, 'video', { multi_prompt: [{ prompt: 'x', duration: '15' }] }, 'multi_prompt', 'seconds'],
    [kling, 'video', { settings: { numFrames: 240 } }, 'settings.numFrames', 'seconds'],
    [kling, 'video', { shots_of: [{ duration: '15' }] }, 'shots_of.duration', 'seconds'],
    [
      'fal/fal-ai/kling-video/v2.5-turbo/pro/image-to-video',
      'video',
      { tail_image_url: 'x' },
      'tail_image_url',
      'images',
    ],
    ['fal/fal-ai/flux/dev', 'image', { image_size: 'auto_4K' }, 'image_size', 'size'],
    ['fal/fal-ai/flux/dev', 'image', { max_images: 6 }, 'max_images', 'n'],
    ['fal/fal-ai/minimax/speech-02-turbo', 'speech', { text: 'y'.repeat(9_000) }, 'text', 'text'],
    ['fal/fal-ai/minimax/speech-02-turbo', 'speech', { voice_setting: { speed: 0.5 } }, 'voice_setting.speed', 'speed'],
    ['runway/gpt_image_2', 'image', { quality: 'high' }, 'quality', 'quality'],
    ['google/gemini-3.1-flash-image', 'image', { imageConfig: { imageSize: '4K' } }, 'imageConfig.imageSize', 'size'],
    [
      'google/gemini-3.1-flash-image',
      'image',
      { generationConfig: { imageConfig: { imageSize: '4K' } } },
      'generationConfig.imageConfig.imageSize',
      'size',
    ],
    ['bfl/flux-2-pro', 'image', { input_image_5: 'https://files.example/large.png' }, 'input_image_5', 'images'],
  ])('%s %s: %j is refused before anything is sent', async (id, modality, params, param, field) => {
    const { error, sent } = await submit(id, modality, params);
    expect(error).toMatchObject({
      code: 'unsupported_parameter',
      details: { failure: 'A', billing: 'none', param: `params.${param}` },
    });
    expect(error?.message).toContain(`"${field}"`);
    expect(sent).toEqual([]);
  });
});

describe('any other parameter', () => {
  test.each<[string, MediaModality, JsonObject]>([
    [schnell, 'image', { output_quality: 90, go_fast: true, num_inference_steps: 4, disable_safety_checker: true }],
    [film, 'video', { camera_fixed: true, guidance_scale: 7, negative_prompt: 'dogs', aspect_ratio: '16:9' }],
    ['fal/fal-ai/minimax/speech-02-turbo', 'speech', { voice_setting: { pitch: 2, emotion: 'happy' } }],
    [
      'fal/fal-ai/flux/dev',
      'image',
      { image_size: 'landscape_4_3', loras: [{ path: 'https://a.example/l', scale_by: 1 }] },
    ],
    ['runway/gpt_image_2', 'image', { contentModeration: { publicFigureThreshold: 'low' } }],
    ['google/gemini-3.1-flash-image', 'image', { temperature: 0.5, safetySettings: [] }],
  ])('%s %s: %j goes along', async (id, modality, params) => {
    const { sent } = await submit(id, modality, params);
    expect(sent).toHaveLength(1);
    const body = await sent[0]!.text();
    for (const name of Object.keys(params)) expect(body).toContain(`"${name}"`);
  });

  test('a row may say that a parameter is free, and time of computing has no price beforehand', async () => {
    const options = { fields: { prompt: 'prompt' }, params: ['scale'] };
    expect((await submit(film, 'image', { scale: 7.5 }, options)).sent).toHaveLength(1);
    expect((await submit(film, 'image', { scale: 7.5 }, { fields: options.fields })).sent).toEqual([]);
    const timed = { billing: { metric: 'gpu_seconds', hardware: 'gpu-t4' }, fields: options.fields };
    expect((await submit(film, 'image', { width: 512, height: 512 }, timed)).sent).toHaveLength(1);
  });

  test('its name is told by whole words', () => {
    for (const name of [
      'guidance_scale',
      'output_quality',
      'voice',
      'negative_prompt',
      'style',
      'seed',
      'wordsPerLine',
    ]) {
      expect([name, pricedField(name)]).toEqual([name, undefined]);
    }
    expect(pricedField('durationSeconds')).toBe('seconds');
    expect(pricedField('numberOfImages')).toBe('n');
    expect(pricedField('music_length_ms')).toBe('seconds');
  });
});

test('where a parameter is billed on top at no price that is known, a quote has no most, and so no budget lets it begin', () => {
  const model = models.find(({ id }) => id === 'elevenlabs/scribe_v2')!;
  const bytes = wav(new Int16Array(24_000), { sampleRate: 8_000, channels: 1 });
  const audio = { mediaType: 'audio/wav', bytes };
  const catalogue = createCatalogue(prices, hash);
  const quoted = (params: JsonObject) =>
    quote(catalogue, model, askedOfMedia({ modality: 'transcription', audio, params }), Date.UTC(2026, 10, 22));
  expect(quoted({ num_speakers: 2 }).max).toBeGreaterThan(0n);
  for (const name of ['keyterms', 'entity_detection', 'entity_redaction']) {
    const { max, expected, assumptions } = quoted({ [name]: ['tide'] });
    expect([max, expected]).toEqual([undefined, quoted({}).expected]);
    expect(assumptions.join()).toContain(name);
  }
});

test('a tier that comes by params is in what is held', () => {
  const request = { modality: 'image', prompt: 'x', params: { service_tier: 'priority' } } as const;
  expect(askedOfMedia(request).serviceTier).toBe('priority');
});
