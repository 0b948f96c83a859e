import {
  type Asset,
  at,
  type Call,
  encodeBase64,
  type Json,
  type JsonObject,
  type MediaRequestOf,
} from '../../src/contract/index.ts';
import { bytesOf, fileOf } from '../shared/bytes.ts';
import { refuse } from '../shared/params.ts';
import { pixelsOfRatio, readSize } from '../shared/pixels.ts';
import { hash31 } from './hash.ts';
import type { HttpModality, HttpWay } from './row.ts';
import type { Lookup, Value } from './template.ts';

export type HttpRequest = MediaRequestOf<HttpModality>;

/** Fields of the neutral request by modality, as places write them; those that hold media are in `media`. */
const fields: Record<HttpModality, string[]> = {
  image: words(
    'prompt n size ratio quality format background negative_prompt seed user input_fidelity moderation compression',
  ),
  speech: words('text voice format speed instructions language seed user'),
  transcription: words('language prompt format translate temperature diarize user'),
  music: words('prompt seconds lyrics instrumental format seed user'),
  sound_effect: words('prompt seconds format seed user'),
  video: words('prompt seconds size ratio resolution audio negative_prompt seed user'),
  model3d: words('prompt format texture seed user'),
};
const media: Record<HttpModality, string[]> = {
  image: ['images', 'mask'],
  speech: [],
  transcription: ['audio'],
  music: ['audio'],
  sound_effect: [],
  video: ['images', 'video'],
  model3d: ['images'],
};
const sized: readonly HttpModality[] = ['image', 'video'];
const forms = ['base64', 'url', 'file'];

function words(text: string): string[] {
  return text.split(' ');
}

/** The fields of a request that a row can speak of: places, `when`, `limits`. */
export function fieldNames(modality: HttpModality): string[] {
  return [...fields[modality], ...media[modality]];
}

/**
 * Every place of a request: its fields; `width` and `height` of its size; of its media `image_base64`, `image_url` (a data URL),
 * `image_file` (for forms) and the like, with `images_…` for all and `last_image_…` for the second; `model`, `webhook_url`, and
 * `random`, a whole number that is another for each attempt. Beside these: `params`, `params.name` and `options.name`.
 */
export function placeNames(modality: HttpModality): string[] {
  const stems = media[modality].flatMap((name) => (name === 'images' ? ['image', 'last_image', 'images'] : [name]));
  const files = stems.flatMap((stem) => forms.map((form) => `${stem}_${form}`));
  const sides = sized.includes(modality) ? ['width', 'height'] : [];
  return [...fieldNames(modality), ...sides, ...files, 'model', 'webhook_url', 'random'];
}

/** True for a place of this modality. */
export function isPlace(modality: HttpModality, name: string): boolean {
  return /^(params|(params|options)\.[\w-]+)$/.test(name) || placeNames(modality).includes(name);
}

/** The neutral fields (as the contract writes them) that a place gives a home to. */
export function fieldsOfPlace(modality: HttpModality, name: string, way: Pick<HttpWay, 'pixels'>): string[] {
  if (sized.includes(modality) && (name === 'width' || name === 'height'))
    return way.pixels ? ['size', 'ratio'] : ['size'];
  const [, stem] = /^(?:last_)?(\w+?)_(?:base64|url|file)$/.exec(name) ?? [];
  const field = stem === 'image' ? 'images' : (stem ?? name);
  return field !== 'user' && fieldNames(modality).includes(field) ? [camel(field)] : [];
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The value of a field of the request by its name in a row. */
export function fieldOf(request: HttpRequest, name: string): unknown {
  const value: unknown = at(request, camel(name));
  return Array.isArray(value) && value.length === 0 ? undefined : value;
}

/** Values of these places for one request. Media are read here, so that filling needs no waiting. */
export async function lookupOf(
  request: HttpRequest,
  call: Call,
  way: Pick<HttpWay, 'pixels'>,
  places: readonly string[],
): Promise<Lookup> {
  const values = new Map<string, Value | undefined>();
  const sides = places.some((name) => name === 'width' || name === 'height') ? sidesOf(request, way) : undefined;
  for (const name of new Set(places)) values.set(name, await placeValue(name, request, call, sides));
  return (name) => values.get(name);
}

async function placeValue(
  name: string,
  request: HttpRequest,
  call: Call,
  sides: readonly [number, number] | undefined,
): Promise<Value | undefined> {
  if (name === 'model') return call.model;
  if (name === 'webhook_url') return call.webhookUrl;
  if (name === 'random') return hash31(call.attemptId);
  if (name === 'width') return sides?.[0];
  if (name === 'height') return sides?.[1];
  if (name === 'params') return request.params ?? ({} as JsonObject);
  const [scope = '', key = ''] = name.split(/\.(.*)/s);
  if (key !== '') return at(scope === 'params' ? request.params : call.options, key) ?? undefined;
  const [, stem = '', form = ''] = /^(\w+?)_(base64|url|file)$/.exec(name) ?? [];
  if (stem === '' || fieldNames(request.modality).includes(name)) return fieldOf(request, name) as Json | undefined;
  const images = fieldOf(request, 'images') as Asset[] | undefined;
  if (stem === 'images')
    return images && ((await Promise.all(images.map((one) => written(one, form, 'images')))) as Json[]);
  const pictures: Record<string, Asset | undefined> = { image: images?.[0], last_image: images?.[1] };
  const asset = stem in pictures ? pictures[stem] : (fieldOf(request, stem) as Asset | undefined);
  return asset && written(asset, form, stem);
}

async function written(asset: Asset, form: string, param: string): Promise<Value> {
  if (form === 'file') return fileOf(asset, param);
  if (form === 'url' && 'url' in asset) return asset.url;
  const text = encodeBase64(await bytesOf(asset, param));
  return form === 'url' ? `data:${asset.mediaType};base64,${text}` : text;
}

/** Width and height of the size asked for, else of the ratio; undefined where neither is, or the size is a word such as "auto". */
function sidesOf(request: HttpRequest, { pixels }: Pick<HttpWay, 'pixels'>): readonly [number, number] | undefined {
  const size = fieldOf(request, 'size');
  const ratio = fieldOf(request, 'ratio');
  if (typeof size === 'string' && size !== 'auto') {
    const sides = readSize(size);
    if (!sides) throw refuse('size', `A size is written 1024x768, not ${size.slice(0, 40)}.`);
    return sides;
  }
  if (typeof ratio !== 'string' || !pixels) return undefined;
  const sides = 'sizes' in pixels ? readSize(pixels.sizes[ratio]) : pixelsOfRatio(ratio, pixels.step);
  const allowed = 'sizes' in pixels ? Object.keys(pixels.sizes) : undefined;
  if (!sides) throw refuse('ratio', `A ratio of ${ratio} is not made here.`, allowed);
  return sides;
}
