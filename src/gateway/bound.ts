import {
  isObject,
  type Json,
  type JsonObject,
  type MediaRequest,
  type Metered,
  numberAt,
  type Usage,
} from '../contract/index.ts';
import type { PriceList } from '../meter/catalogue.ts';

/** Generous figures: a bound is booked only when nobody can say what became of a call, and then flagged as estimated. */
const imageTokens = 8192;
const imageTokensPerPixel = 1 / 190;
const audioTokensPerSecond = 32;
const speechSecondsPerCharacter = 1 / 10;
const gpuSeconds = 300;
const tokensOf = (text: string) => Math.ceil(text.length / 3);

/**
 * The most a media call can consume, by every meter that such work is sold by: which of them count is known when the
 * model's prices are looked at.
 * @param record the request as the book keeps it: it knows how long an input sounds.
 */
export function boundOfMedia(request: MediaRequest, record: JsonObject): JsonObject {
  const work = { requests: 1, gpu_seconds: gpuSeconds };
  switch (request.modality) {
    case 'image': {
      const [, width, height] = /^(\d+)x(\d+)$/.exec(request.size ?? '') ?? [];
      const pixels = width && height ? Number(width) * Number(height) : 0;
      const images = request.n ?? 1;
      return {
        ...work,
        images,
        megapixels: images * Math.max(1, pixels / 1e6),
        input_text_tokens: tokensOf(request.prompt),
        input_image_tokens: (request.images?.length ?? 0) * imageTokens,
        output_image_tokens: images * Math.max(imageTokens, Math.ceil(pixels * imageTokensPerPixel)),
        output_text_tokens: 1024,
      };
    }
    case 'speech': {
      const seconds = Math.ceil(request.text.length * speechSecondsPerCharacter) + 1;
      return {
        ...work,
        input_characters: request.text.length,
        input_text_tokens: tokensOf(request.text + (request.instructions ?? '')) + 16,
        output_audio_seconds: seconds,
        output_audio_tokens: seconds * audioTokensPerSecond,
      };
    }
    case 'transcription': {
      const seconds = Math.ceil(numberAt(record, 'audio_seconds') ?? 60);
      return {
        ...work,
        input_audio_seconds: seconds,
        input_audio_tokens: seconds * audioTokensPerSecond,
        input_text_tokens: tokensOf(request.prompt ?? '') + 64,
        output_text_tokens: 64 + seconds * 10,
      };
    }
    case 'embedding':
      return { ...work, input_text_tokens: request.input.reduce((sum, text) => sum + tokensOf(text), 0) };
    case 'music':
      return { ...work, songs: 1, output_audio_seconds: request.seconds ?? 240 };
    case 'sound_effect':
      return { ...work, output_audio_seconds: request.seconds ?? 30 };
    case 'video':
      return { ...work, output_video_seconds: request.seconds ?? 10 };
    case 'model3d':
      return { ...work, models_3d: 1 };
  }
}

/**
 * Usage from a stored bound, marked as our own estimate. Only meters that the model is priced by count (all of them
 * where it has no price: then the receipt says so); a price that depends on dimensions is taken at its dearest.
 */
export function usageOfBound(
  bound: Json,
  attempt: { at: number; model: { provider: string; upstream: string } },
  catalogue: PriceList,
): Usage | undefined {
  if (!isObject(bound)) return undefined;
  const { provider, upstream: model } = attempt.model;
  const all: Metered[] = [];
  const priced: Metered[] = [];
  for (const name of Object.keys(bound)) {
    const quantity = numberAt(bound, name);
    if (!quantity) continue;
    const meter = name as Metered['meter'];
    all.push({ meter, quantity });
    const price = catalogue.dearest(provider, model, meter);
    if (!price) continue;
    const plain = catalogue.select({ provider, model, meter, inputTokens: 0, at: attempt.at });
    priced.push({ meter, quantity, ...(plain || !price.dims ? {} : { dims: price.dims }) });
  }
  const metered = priced.length > 0 ? priced : all;
  return metered.length > 0 ? { metered, source: 'estimated' } : undefined;
}
