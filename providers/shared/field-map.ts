import {
  type Asset,
  isObject,
  type Json,
  type JsonObject,
  type MediaModality,
  stringAt,
} from '../../src/contract/index.ts';

/** The first half of the media types each modality is made of; text for what is not a file. */
export const kinds: Record<Exclude<MediaModality, 'embedding'>, string> = {
  image: 'image/',
  music: 'audio/',
  sound_effect: 'audio/',
  speech: 'audio/',
  transcription: 'text/',
  video: 'video/',
  model3d: 'model/',
};

/** The ratios that a model is taken to know where its row does not list them. */
export const usualRatios = ['1:1', '16:9', '9:16', '3:2', '2:3', '4:3', '3:4', '5:4', '4:5', '21:9', '9:21'];

/** Rules for fields that models call as neutral requests do. */
export function names(...same: string[]): Record<string, string> {
  return Object.fromEntries(same.map((name) => [name, name]));
}

/** The field of a rule that names one: `"field"` or `{field: "field"}`. */
export function fieldOf(rule: Json | undefined): string | undefined {
  return typeof rule === 'string' ? rule : stringAt(rule, 'field');
}

/**
 * What quotes, limits and budgets are held against, so that only the neutral fields may set it: where `n` and `seconds` go by the row's
 * `fields` (`duration` where there is no place for seconds), and `count`, the vendor's usual name for how many.
 */
export function countedFields(fields: JsonObject, count: string): string[] {
  const found = [fieldOf(fields.n), fieldOf(fields.seconds) ?? 'duration', count];
  return found.flatMap((field) => field?.split('.')[0] ?? []);
}

/** The warning for something asked that a model has no field for. */
export function unsaid(name: string, value: unknown): string {
  const shown = typeof value === 'object' ? '' : ` (${String(value).slice(0, 60)})`;
  return `"${name}"${shown} cannot be said to this model and was not sent.`;
}

export function isAsset(value: unknown): value is Asset {
  return isObject(value) && typeof value.mediaType === 'string';
}
