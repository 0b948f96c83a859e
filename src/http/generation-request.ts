import * as z from 'zod';
import { GatewayError, type JsonObject, type MediaModality } from '../contract/index.ts';
import { decimalPattern, parsed, refusedIssue } from './refuse.ts';

/** Wire fields that every generation may carry, whatever it makes. */
const common = {
  model: z.string().min(1).optional(),
  modality: z.string().optional(),
  wait: z.number().min(0).max(600).optional(),
  stream: z.boolean().optional(),
  tags: z.record(z.string().max(64), z.string().max(256)).optional(),
  params: z.record(z.string(), z.json()).optional(),
  seed: z.int().optional(),
  user: z.string().max(512).optional(),
  workflow: z.string().max(128).optional(),
  /** The generation that asked for this one. */
  parent: z.string().max(64).optional(),
  webhook: z.url().max(2048).optional(),
  max_cost_usd: z.string().regex(decimalPattern, 'must be a decimal such as "0.05"').optional(),
  strict: z.boolean().optional(),
};

/** A URL, a data: URL, or base64 with its media type. */
const media = z.union([
  z.string().min(1),
  z.strictObject({ url: z.string().min(1) }),
  z.strictObject({ data: z.string().min(1), media_type: z.string().optional(), name: z.string().optional() }),
]);
export type MediaInput = z.infer<typeof media>;

const prompt = { input: z.string().min(1).optional(), prompt: z.string().min(1).optional() };
const seconds = z.number().positive().max(3600).optional();

/** The wire form of each modality's request; unknown fields are refused, provider-specific ones go into `params`. */
const mediaSchemas = {
  embedding: z.strictObject({
    ...common,
    input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(2048)]),
    dimensions: z.int().positive().optional(),
    task: z.string().optional(),
  }),
  image: z.strictObject({
    ...common,
    ...prompt,
    n: z.int().min(1).max(16).optional(),
    size: z.string().optional(),
    ratio: z.string().optional(),
    aspect_ratio: z.string().optional(),
    quality: z.string().optional(),
    format: z.string().optional(),
    output_format: z.string().optional(),
    background: z.string().optional(),
    negative_prompt: z.string().optional(),
    images: z.array(media).max(16).optional(),
    mask: media.optional(),
    partial_images: z.int().min(0).max(3).optional(),
    input_fidelity: z.string().optional(),
    moderation: z.string().optional(),
    compression: z.int().min(0).max(100).optional(),
  }),
  speech: z.strictObject({
    ...common,
    input: z.string().min(1).optional(),
    text: z.string().min(1).optional(),
    voice: z.string().optional(),
    format: z.string().optional(),
    response_format: z.string().optional(),
    voices: z
      .array(z.strictObject({ speaker: z.string().min(1), voice: z.string().min(1) }))
      .max(8)
      .optional(),
    timestamps: z.boolean().optional(),
    speed: z.number().min(0.25).max(4).optional(),
    instructions: z.string().optional(),
    language: z.string().optional(),
  }),
  transcription: z.strictObject({
    ...common,
    input: media.optional(),
    audio: media.optional(),
    file: media.optional(),
    language: z.string().optional(),
    prompt: z.string().optional(),
    format: z.string().optional(),
    response_format: z.string().optional(),
    temperature: z.number().min(0).max(1).optional(),
    translate: z.boolean().optional(),
    timestamps: z.array(z.enum(['word', 'segment'])).optional(),
    diarize: z.boolean().optional(),
  }),
  music: z.strictObject({
    ...common,
    ...prompt,
    seconds,
    lyrics: z.string().optional(),
    instrumental: z.boolean().optional(),
    format: z.string().optional(),
    audio: media.optional(),
  }),
  sound_effect: z.strictObject({ ...common, ...prompt, seconds, format: z.string().optional() }),
  video: z.strictObject({
    ...common,
    ...prompt,
    seconds,
    size: z.string().optional(),
    ratio: z.string().optional(),
    resolution: z.string().optional(),
    audio: z.boolean().optional(),
    aspect_ratio: z.string().optional(),
    negative_prompt: z.string().optional(),
    images: z.array(media).max(16).optional(),
    video: media.optional(),
  }),
  model3d: z.strictObject({
    ...common,
    ...prompt,
    images: z.array(media).max(16).optional(),
    format: z.string().optional(),
    texture: z.boolean().optional(),
  }),
} satisfies Record<MediaModality, z.ZodType>;

type MediaBody<M extends MediaModality> = z.infer<(typeof mediaSchemas)[M]>;

const textSchema = z.looseObject(common);

/** Checks the fields of a text generation that are ours; all others are the model's. Throws invalid_request. */
export function checkTextBody(body: JsonObject): z.infer<typeof textSchema> {
  return parsed(textSchema, body);
}

/** Checks a body against its modality's form. Throws unsupported_parameter for unknown fields, invalid_request otherwise. */
export function checkBody<M extends MediaModality>(modality: M, body: JsonObject): MediaBody<M> {
  const result = mediaSchemas[modality].safeParse(body);
  if (result.success) return result.data as MediaBody<M>;
  const issue = result.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(mediaSchemas[modality].shape).join(', ');
    throw new GatewayError('unsupported_parameter', {
      message: `${modality} does not take ${issue.keys.join(', ')}. It takes: ${known}. Provider-specific fields go into params.`,
      param: issue.keys[0],
    });
  }
  throw refusedIssue(issue);
}

/** A required text that may stand under several names. */
export function requiredText(body: Record<string, unknown>, ...names: string[]): string {
  for (const name of names) {
    const value = body[name];
    if (typeof value === 'string' && value !== '') return value;
  }
  throw new GatewayError('invalid_request', { message: `${names[0]} is required.`, param: names[0] });
}
