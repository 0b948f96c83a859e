import type { Context } from 'hono';
import { type Asset, GatewayError, type Json, type JsonObject, type Modality } from '../contract/index.ts';
import { readJson } from './body.ts';
import { assetOf, openForm } from './media-form.ts';
import { checkImage } from './media-input.ts';
import { refused } from './refuse.ts';

/** A body of a generation, and the files that came with it, by the name of their field without brackets. */
export type GenerationForm = { body: JsonObject; files: Map<string, Asset[]> };

/** The files of a form as what they are to a modality. */
export type Uploads = { audio?: Asset; images?: Asset[]; mask?: Asset; video?: Asset };

const numbers = /^(wait|temperature|seed|n|seconds|speed|compression|partial_images|dimensions)$/;
const booleans = /^(stream|translate|diarize|instrumental|texture|strict)$/;
const lists = /^(timestamps|images)$/;
const objects = /^(tags|params|voices|models|route)$/;

/** JSON, or a form: `tags.name` is one tag, a repeated name or `name[]` a list; lists and objects may also be written as JSON. */
export async function readBody(c: Context): Promise<GenerationForm> {
  const files = new Map<string, Asset[]>();
  if (!c.req.header('content-type')?.startsWith('multipart/form-data')) return { ...(await readJson(c)), files };
  const body: JsonObject = {};
  for (const [field, value] of (await openForm(c)).entries()) {
    const name = field.replace(/\[\d*\]$/, '');
    if (typeof value !== 'string') files.set(name, [...(files.get(name) ?? []), await assetOf(value)]);
    else if (name.startsWith('tags.')) body.tags = { ...(body.tags as JsonObject), [name.slice(5)]: value };
    else if (lists.test(name)) body[name] = [...((body[name] as Json[] | undefined) ?? []), ...readList(name, value)];
    else body[name] = readField(name, value);
  }
  return { body, files };
}

function readField(name: string, value: string): Json {
  if (numbers.test(name)) return value.trim() === '' ? value : Number(value);
  if (booleans.test(name) && /^(true|false)$/i.test(value)) return value.toLowerCase() === 'true';
  return objects.test(name) ? readJsonField(name, value) : value;
}

function readList(name: string, value: string): Json[] {
  if (!value.startsWith('[')) return [value];
  const list = readJsonField(name, value);
  return Array.isArray(list) ? list : [list];
}

function readJsonField(name: string, value: string): Json {
  if (!/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as Json;
  } catch {
    throw refused(name, `${name} is no JSON.`);
  }
}

const places: Partial<Record<Modality, Readonly<Record<string, keyof Uploads>>>> = {
  transcription: { file: 'audio', audio: 'audio', input: 'audio' },
  music: { file: 'audio', audio: 'audio' },
  image: { file: 'images', image: 'images', images: 'images', mask: 'mask' },
  video: { image: 'images', images: 'images', video: 'video' },
  model3d: { file: 'images', image: 'images', images: 'images' },
};

/** The files of a form by what a modality takes. Refuses those that it has no place for: none is passed over. */
export function uploadsFor(modality: Modality, files: GenerationForm['files']): Uploads {
  const uploads: Uploads = {};
  for (const [name, given] of files) {
    const place = places[modality]?.[name];
    if (place === undefined) {
      const names = Object.keys(places[modality] ?? {});
      const taken = names.length > 0 ? ` It takes: ${names.join(', ')}.` : '';
      throw new GatewayError('unsupported_parameter', {
        message: `A file named "${name}" is not taken for ${modality}.${taken}`,
        param: name,
      });
    }
    if (place === 'images') uploads.images = [...(uploads.images ?? []), ...given.map((one) => checkImage(one, name))];
    else if (given.length > 1 || uploads[place] !== undefined) throw refused(name, 'One file is taken.');
    else uploads[place] = place === 'mask' ? checkImage(given[0]!, name) : given[0];
  }
  return uploads;
}
