import { isObject, type Json, type JsonObject, type MediaRequest } from '../../src/contract/index.ts';
import { names } from '../shared/field-map.ts';

/** The modalities served here. */
export type FalRequest = Exclude<MediaRequest, { modality: 'embedding' }>;

/** Lengths are words at fal ("5"); models that take numbers read those words too. */
const seconds = (field: string): Json => ({ field, as: 'text' });

/** Where neutral fields go when the model's row declares no `fields`: the names most endpoints use. */
const defaults: Record<FalRequest['modality'], JsonObject> = {
  image: {
    ...names('prompt', 'seed'),
    image: 'image_url',
    mask: 'mask_url',
    n: 'num_images',
    ratio: 'aspect_ratio',
    size: { width: 'image_size.width', height: 'image_size.height' },
    format: { field: 'output_format', values: { jpg: 'jpeg', jpeg: 'jpeg', png: 'png', webp: 'webp' } },
    negativePrompt: 'negative_prompt',
  },
  music: { ...names('prompt', 'seed', 'lyrics'), seconds: 'duration', audio: 'audio_url' },
  sound_effect: { ...names('prompt', 'seed'), seconds: 'duration' },
  speech: names('text', 'voice', 'speed', 'seed'),
  transcription: {
    ...names('language', 'prompt', 'diarize'),
    audio: 'audio_url',
    translate: { field: 'task', values: { true: 'translate', false: 'transcribe' } },
  },
  video: {
    ...names('prompt', 'seed', 'resolution'),
    image: 'image_url',
    video: 'video_url',
    seconds: seconds('duration'),
    ratio: 'aspect_ratio',
    audio: 'generate_audio',
    negativePrompt: 'negative_prompt',
  },
  model3d: { ...names('prompt', 'seed'), image: 'image_url' },
};

/** The row's `options.fields`, or the usual ones of the modality. */
export function fieldsOf(modality: FalRequest['modality'], options: JsonObject): JsonObject {
  return isObject(options.fields) ? options.fields : defaults[modality];
}

/** The fields of a neutral request that this model has a place for. */
export function honoured(modality: FalRequest['modality'], options: JsonObject): string[] {
  const fields = fieldsOf(modality, options);
  const found = Object.keys(fields).map((name) => (name === 'image' ? 'images' : name));
  // A ratio can always be said in pixels.
  if (isObject(fields.size) && !('ratio' in fields)) found.push('ratio');
  return found;
}
