import { isObject, type JsonObject } from '../../../src/contract/index.ts';

export type Kind = 'image' | 'music' | 'speech' | 'transcription' | 'video' | 'model3d';

/** One field of a model's input, as its page states it. */
type Field = {
  type: 'string' | 'integer' | 'number' | 'boolean';
  required?: boolean;
  /** Another field that may stand in for a required one. */
  unless?: string;
  options?: string[];
  least?: number;
  most?: number;
};

export type KnownModel = {
  slug: string;
  kind: Kind;
  /** Official models have no version, run by name, and bill by output. */
  official: boolean;
  hardware?: string;
  versions?: string[];
  description: string;
  fields: Record<string, Field>;
};

/** A fault of the input, as the API lists it under `invalid_fields`. */
export type InvalidField = { type: string; field: string; description: string };

const ratioNames = ['1:1', '16:9', '21:9', '3:2', '2:3', '4:5', '5:4', '3:4', '4:3', '9:16', '9:21'];
const quality: Field = { type: 'integer', least: 0, most: 100 };
const imageFormat: Field = { type: 'string', options: ['webp', 'jpg', 'png'] };
const text: Field = { type: 'string' };
const flag: Field = { type: 'boolean' };

/** Input schemas after https://replicate.com/<owner>/<name>/api/schema. */
export const knownModels: KnownModel[] = [
  {
    slug: 'black-forest-labs/flux-schnell',
    kind: 'image',
    official: true,
    description: 'Fast text to image in four steps.',
    fields: {
      prompt: { type: 'string', required: true },
      aspect_ratio: { type: 'string', options: ratioNames },
      num_outputs: { type: 'integer', least: 1, most: 4 },
      num_inference_steps: { type: 'integer', least: 1, most: 4 },
      seed: { type: 'integer' },
      output_format: imageFormat,
      output_quality: quality,
      disable_safety_checker: flag,
      go_fast: flag,
      megapixels: { type: 'string', options: ['1', '0.25'] },
    },
  },
  {
    slug: 'stability-ai/stable-diffusion-3.5-large',
    kind: 'image',
    official: true,
    description: 'Text to image and image to image.',
    fields: {
      prompt: { type: 'string', required: true },
      negative_prompt: text,
      aspect_ratio: { type: 'string', options: ratioNames },
      cfg: { type: 'number', least: 1, most: 10 },
      image: text,
      prompt_strength: { type: 'number', least: 0, most: 1 },
      seed: { type: 'integer' },
      output_format: imageFormat,
      output_quality: quality,
    },
  },
  {
    slug: 'meta/musicgen',
    kind: 'music',
    official: false,
    hardware: 'gpu-a100-large',
    versions: ['671ac645ce5e552cc63a54a2bbff63fcf798043055d2dac5fc9e36a837eedcfb'],
    description: 'Music from a prompt or a melody.',
    fields: {
      prompt: { type: 'string', required: true, unless: 'input_audio' },
      model_version: { type: 'string', options: ['stereo-melody-large', 'stereo-large', 'melody-large', 'large'] },
      input_audio: text,
      duration: { type: 'integer', least: 1, most: 30 },
      continuation: flag,
      continuation_start: { type: 'integer', least: 0 },
      continuation_end: { type: 'integer', least: 0 },
      multi_band_diffusion: flag,
      normalization_strategy: { type: 'string', options: ['loudness', 'clip', 'peak', 'rms'] },
      top_k: { type: 'integer' },
      top_p: { type: 'number' },
      temperature: { type: 'number' },
      classifier_free_guidance: { type: 'integer' },
      output_format: { type: 'string', options: ['wav', 'mp3'] },
      seed: { type: 'integer' },
    },
  },
];

const loose: Record<string, Field> = {
  width: { type: 'integer', least: 16, most: 2048 },
  height: { type: 'integer', least: 16, most: 2048 },
  num_outputs: { type: 'integer', least: 1, most: 10 },
  duration: { type: 'number', least: 0.5, most: 300 },
};

/** Any model by its name: unknown ones make what their name says, else images. */
export function modelNamed(slug: string, official: boolean): KnownModel {
  const known = knownModels.find((model) => model.slug === slug);
  if (known) return known;
  const kind = kindNamed(slug.toLowerCase());
  const needed = kind === 'transcription' ? 'audio' : kind === 'speech' ? 'text' : 'prompt';
  const unless = kind === 'speech' ? 'prompt' : kind === 'transcription' ? 'audio_file' : 'image';
  const fields = { ...loose, [needed]: { type: 'string', required: true, unless } as Field };
  return { slug, kind, official, hardware: 'gpu-a100-large', description: `A simulated ${kind} model.`, fields };
}

function kindNamed(slug: string): Kind {
  if (/whisper|transcri|speech-to-text|diariz/.test(slug)) return 'transcription';
  if (/tts|speech|voice|bark|kokoro/.test(slug)) return 'speech';
  if (/music|song|audio|lyria|riffusion|sound/.test(slug)) return 'music';
  if (/video|veo-|kling|hailuo|seedance|ray-/.test(slug)) return 'video';
  return /3d|trellis|mesh|rodin/.test(slug) ? 'model3d' : 'image';
}

/** What is wrong with an input, in the API's own words; empty when it is right. Unknown fields are let through, as there. */
export function checkInput(model: KnownModel, input: unknown): InvalidField[] {
  if (!isObject(input))
    return [{ type: 'invalid_type', field: 'input', description: 'Invalid type. Expected: object' }];
  const faults: InvalidField[] = [];
  for (const [name, field] of Object.entries(model.fields)) {
    const value = input[name];
    if (value === undefined) {
      if (field.required && !(field.unless && input[field.unless] !== undefined)) {
        faults.push({ type: 'required', field: 'input', description: `${name} is required` });
      }
      continue;
    }
    const fault = checkValue(name, field, value);
    if (fault) faults.push({ field: `input.${name}`, ...fault });
  }
  return faults;
}

function checkValue(name: string, field: Field, value: unknown): { type: string; description: string } | undefined {
  const given = typeof value === 'number' ? (Number.isInteger(value) ? 'integer' : 'number') : typeof value;
  if (given !== field.type && !(field.type === 'number' && given === 'integer')) {
    return { type: 'invalid_type', description: `Invalid type. Expected: ${field.type}, given: ${given}` };
  }
  if (field.options && !field.options.includes(value as string)) {
    const options = field.options.map((option) => `"${option}"`).join(', ');
    return { type: 'enum', description: `${name} must be one of the following: ${options}` };
  }
  if (field.least !== undefined && (value as number) < field.least) {
    return { type: 'number_gte', description: `Must be greater than or equal to ${field.least}` };
  }
  if (field.most !== undefined && (value as number) > field.most) {
    return { type: 'number_lte', description: `Must be less than or equal to ${field.most}` };
  }
  return undefined;
}

/** True when any text of the input holds the directive `[[word]]`. */
export function directs(input: JsonObject, word: string): boolean {
  return Object.values(input).some((value) => typeof value === 'string' && value.includes(`[[${word}]]`));
}
