import { at, isObject, type Json, type JsonObject, type Meter } from '../../../src/contract/index.ts';

export type Kind = 'image' | 'music' | 'sound_effect' | 'speech' | 'transcription' | 'video' | 'model3d';

/** One field of an endpoint's input, as its page states it. `path` may lead into an object. */
type Field = {
  type: 'string' | 'integer' | 'number' | 'boolean' | 'size';
  required?: boolean;
  options?: string[];
  least?: number;
  most?: number;
};

export type Endpoint = {
  id: string;
  kind: Kind;
  fields: Record<string, Field>;
  /** What one billed unit is: so many of this meter. */
  unit: { meter: Meter; of: number };
  /** Where the product stands in the result. */
  product?: string;
};

/** A fault of the input as FastAPI lists it under `detail`. */
export type Fault = { loc: (string | number)[]; msg: string; type: string; input?: Json; ctx?: JsonObject };

const prompt: Field = { type: 'string', required: true };
const seed: Field = { type: 'integer' };
const fluxFields: Record<string, Field> = {
  prompt,
  seed,
  image_size: { type: 'size' },
  num_images: { type: 'integer', least: 1, most: 4 },
  output_format: { type: 'string', options: ['jpeg', 'png'] },
};
const ratioFields: Record<string, Field> = {
  prompt,
  seed,
  num_images: fluxFields.num_images!,
  output_format: fluxFields.output_format!,
  aspect_ratio: { type: 'string', options: ['21:9', '16:9', '4:3', '3:2', '1:1', '2:3', '3:4', '9:16', '9:21'] },
};
const megapixels = { meter: 'megapixels', of: 1 } as const;
const pictures = { meter: 'images', of: 1 } as const;
const clips = { meter: 'output_video_seconds', of: 1 } as const;
const pieces = { meter: 'songs', of: 1 } as const;
const meshes = { meter: 'models_3d', of: 1 } as const;

/** Schemas and units after https://fal.ai/models/<endpoint>/llms.txt. */
export const endpoints: Endpoint[] = [
  {
    id: 'fal-ai/flux/schnell',
    kind: 'image',
    unit: megapixels,
    fields: { ...fluxFields, num_inference_steps: { type: 'integer', least: 1, most: 12 } },
  },
  {
    id: 'fal-ai/flux/dev',
    kind: 'image',
    unit: megapixels,
    fields: { ...fluxFields, num_inference_steps: { type: 'integer', least: 1, most: 50 } },
  },
  { id: 'fal-ai/flux-pro/v1.1', kind: 'image', unit: megapixels, fields: fluxFields },
  { id: 'fal-ai/flux-pro/v1.1-ultra', kind: 'image', unit: pictures, fields: ratioFields },
  {
    id: 'fal-ai/flux-pro/kontext',
    kind: 'image',
    unit: pictures,
    fields: { ...ratioFields, image_url: { type: 'string', required: true } },
  },
  {
    id: 'fal-ai/kling-video/v3/turbo/pro/text-to-video',
    kind: 'video',
    unit: clips,
    fields: {
      prompt: { type: 'string' },
      aspect_ratio: { type: 'string', options: ['16:9', '9:16', '1:1'] },
      duration: { type: 'string', options: Array.from({ length: 13 }, (_, index) => String(index + 3)) },
    },
  },
  {
    id: 'fal-ai/kling-video/v2.5-turbo/pro/image-to-video',
    kind: 'video',
    unit: clips,
    fields: {
      prompt,
      image_url: { type: 'string', required: true },
      tail_image_url: { type: 'string' },
      duration: { type: 'string', options: ['5', '10'] },
      negative_prompt: { type: 'string' },
    },
  },
  {
    id: 'fal-ai/stable-audio-25/text-to-audio',
    kind: 'music',
    unit: pieces,
    fields: { prompt, seed, seconds_total: { type: 'integer', least: 1, most: 190 } },
  },
  {
    id: 'fal-ai/stable-audio-3/small/sfx/text-to-audio',
    kind: 'sound_effect',
    unit: pieces,
    fields: { prompt, seed, duration: { type: 'number', least: 1, most: 120 } },
  },
  {
    id: 'fal-ai/minimax/speech-02-turbo',
    kind: 'speech',
    unit: { meter: 'input_characters', of: 1000 },
    fields: {
      text: { type: 'string', required: true, most: 5000 },
      'voice_setting.speed': { type: 'number', least: 0.5, most: 2 },
      'audio_setting.format': { type: 'string', options: ['mp3', 'pcm', 'flac'] },
      output_format: { type: 'string', options: ['url', 'hex'] },
    },
  },
  {
    id: 'fal-ai/elevenlabs/speech-to-text',
    kind: 'transcription',
    unit: { meter: 'input_audio_seconds', of: 60 },
    fields: { audio_url: { type: 'string', required: true }, diarize: { type: 'boolean' } },
  },
  {
    id: 'fal-ai/trellis',
    kind: 'model3d',
    unit: meshes,
    product: 'model_mesh',
    fields: { image_url: { type: 'string', required: true }, seed },
  },
  {
    id: 'fal-ai/hunyuan3d-v3/text-to-3d',
    kind: 'model3d',
    unit: meshes,
    product: 'model_glb',
    fields: { prompt, enable_pbr: { type: 'boolean' } },
  },
];

const needed: Record<Kind, string> = {
  image: 'prompt',
  music: 'prompt',
  sound_effect: 'prompt',
  video: 'prompt',
  speech: 'text',
  transcription: 'audio_url',
  model3d: 'image_url',
};

/** Any endpoint by its id: unknown ones make what their name says, else images, and bill units of their own. */
export function endpointNamed(id: string): Endpoint {
  const known = endpoints.find((endpoint) => endpoint.id === id);
  if (known) return known;
  const kind = kindNamed(id.toLowerCase());
  const fields: Record<string, Field> = {
    ...(kind === 'model3d' ? {} : { [needed[kind]]: { type: 'string', required: true } }),
  };
  return { id, kind, fields, unit: { meter: 'provider_units', of: 1 } };
}

function kindNamed(id: string): Kind {
  if (/whisper|wizper|speech-to-text|transcri/.test(id)) return 'transcription';
  if (/tts|text-to-speech|speech|voice|kokoro/.test(id)) return 'speech';
  if (/sfx|sound-effect/.test(id)) return 'sound_effect';
  if (/music|audio|song/.test(id)) return 'music';
  if (/video|veo|kling|hailuo|seedance|wan/.test(id)) return 'video';
  return /3d|trellis|mesh|rodin/.test(id) ? 'model3d' : 'image';
}

/** What is wrong with an input; empty when it is right. Unknown fields are let through, as there. */
export function checkInput(endpoint: Endpoint, input: JsonObject): Fault[] {
  const faults: Fault[] = [];
  for (const [path, field] of Object.entries(endpoint.fields)) {
    const steps = path.split('.');
    const value = at(input, ...steps);
    const loc = ['body', ...steps];
    if (value === undefined || value === null) {
      if (field.required) faults.push({ loc, msg: 'Field required', type: 'missing', input });
      continue;
    }
    const fault = checkValue(field, value);
    if (fault) faults.push({ loc, input: value, ...fault });
  }
  return faults;
}

function checkValue(field: Field, value: Json): Omit<Fault, 'loc'> | undefined {
  if (field.type === 'size') return checkSize(value);
  const given = typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value;
  const readable = field.type === 'number' && typeof value === 'string' && Number.isFinite(Number(value));
  if (given !== field.type && !(field.type === 'number' && given === 'integer') && !readable) {
    return { msg: `Input should be a valid ${field.type}`, type: `${field.type}_type` };
  }
  if (field.options && !field.options.includes(String(value))) {
    const expected = field.options.map((option) => `'${option}'`).join(', ');
    return { msg: `Input should be ${expected}`, type: 'literal_error', ctx: { expected } };
  }
  const size = field.type === 'string' ? [...String(value)].length : Number(value);
  if (field.least !== undefined && size < field.least) {
    return { msg: `Input should be greater than or equal to ${field.least}`, type: 'greater_than_equal' };
  }
  if (field.most !== undefined && size > field.most) {
    return { msg: `Input should be less than or equal to ${field.most}`, type: 'less_than_equal' };
  }
  return undefined;
}

/** Pixels of the named sizes. */
export const presets: Record<string, [number, number]> = {
  square_hd: [1024, 1024],
  square: [512, 512],
  portrait_4_3: [768, 1024],
  portrait_16_9: [576, 1024],
  landscape_4_3: [1024, 768],
  landscape_16_9: [1024, 576],
};

function checkSize(value: Json): Omit<Fault, 'loc'> | undefined {
  if (typeof value === 'string' && value in presets) return undefined;
  const sides = isObject(value) ? [value.width, value.height] : [];
  const fine = sides.length === 2 && sides.every((side) => Number.isInteger(side) && Number(side) > 0);
  if (fine) {
    return sides.some((side) => Number(side) > 14_142)
      ? { msg: 'Input should be less than or equal to 14142', type: 'less_than_equal' }
      : undefined;
  }
  return { msg: `Input should be a size or one of ${Object.keys(presets).join(', ')}`, type: 'literal_error' };
}
