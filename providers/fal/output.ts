import { at, isObject, type Json, type JsonObject, numberAt, type Part, stringAt } from '../../src/contract/index.ts';
import { readDataUrl } from '../shared/bytes.ts';
import { kinds } from '../shared/field-map.ts';
import type { FalRequest } from './fields.ts';

type Modality = FalRequest['modality'];

const endings: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  svg: 'image/svg+xml',
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  m4a: 'audio/mp4',
  mp4: 'video/mp4',
  webm: 'video/webm',
  glb: 'model/gltf-binary',
  gltf: 'model/gltf+json',
  obj: 'model/obj',
  fbx: 'model/vnd.fbx',
  stl: 'model/stl',
  usdz: 'model/vnd.usdz+zip',
  srt: 'application/x-subrip',
  txt: 'text/plain',
};

/** Where the product stands beside companions (thumbnails, other formats): the first that holds a file is taken. */
const products = ['model_glb', 'model_mesh', 'glb', 'video', 'images', 'image', 'audio', 'audio_file', 'audio_url'];

/** What came out, and how many pictures the endpoint's safety checker blackened. */
export type Outputs = { parts: Part[]; blackened: number };

/**
 * The outputs of a finished job: fal's files are `{url, content_type, width, height…}` under names of each endpoint's own.
 * `options.output` names the key to take; without it files of the modality's kind win over companions.
 */
export function readOutputs(result: Json | undefined, modality: Modality, options: JsonObject = {}): Outputs {
  const chosen = typeof options.output === 'string' ? at(result, ...options.output.split('.')) : undefined;
  const output = chosen ?? product(result) ?? result;
  const flags = at(result, 'has_nsfw_concepts');
  const files = filesIn(output);
  const clean = Array.isArray(flags) ? files.filter((_, index) => flags[index] !== true) : files;
  const blackened = files.length - clean.length;
  const parts = clean.flatMap((file) => readFile(file) ?? []);
  const own = parts.filter((part) => part.type === 'asset' && part.asset.mediaType.startsWith(kinds[modality]));
  if (modality === 'transcription') {
    const text = readText(result);
    if (own.length === 0 && text !== undefined) return { parts: [text], blackened };
  }
  return { parts: own.length > 0 ? own : parts, blackened };
}

function product(result: Json | undefined): Json | undefined {
  for (const name of products) {
    const found = at(result, name);
    if (filesIn(found).length > 0) return found;
  }
  return undefined;
}

/** Files anywhere in a value, each address once. */
function filesIn(value: Json | undefined): JsonObject[] {
  const found = new Map<string, JsonObject>();
  const walk = (here: Json | undefined): void => {
    if (typeof here === 'string' && isAddress(here)) found.set(here, { url: here });
    else if (Array.isArray(here)) here.forEach(walk);
    else if (isObject(here)) {
      if (typeof here.url === 'string' && isAddress(here.url)) found.set(here.url, here);
      else Object.values(here).forEach(walk);
    }
  };
  walk(value);
  return [...found.values()];
}

function isAddress(text: string): boolean {
  return /^data:[^,]*;base64,/.test(text) || (/^https?:\/\/\S+$/.test(text) && URL.canParse(text));
}

function readFile(file: JsonObject): Part | undefined {
  const url = String(file.url);
  const [width, height] = [numberAt(file, 'width'), numberAt(file, 'height')];
  const seconds = numberAt(file, 'duration');
  const measured = {
    ...(width && height ? { width, height } : {}),
    ...(seconds === undefined ? {} : { seconds }),
  };
  if (url.startsWith('data:')) {
    const inline = readDataUrl(url);
    if (!inline) return undefined;
    const { mediaType = typeOf(file, ''), bytes } = inline;
    return { type: 'asset', asset: { mediaType, bytes }, ...measured };
  }
  const path = new URL(url).pathname;
  const name = stringAt(file, 'file_name') ?? path.slice(path.lastIndexOf('/') + 1);
  return { type: 'asset', asset: { mediaType: typeOf(file, path), url, ...(name ? { name } : {}) }, ...measured };
}

/** fal calls many meshes and tracks `application/octet-stream`: then the name tells. */
function typeOf(file: JsonObject, path: string): string {
  const told = stringAt(file, 'content_type')?.split(';')[0]?.trim().toLowerCase();
  if (told && told !== 'application/octet-stream') return told;
  const name = stringAt(file, 'file_name') ?? path;
  return endings[name.slice(name.lastIndexOf('.') + 1).toLowerCase()] ?? told ?? 'application/octet-stream';
}

function readText(result: Json | undefined): Part | undefined {
  const text = stringAt(result, 'text') ?? stringAt(result, 'transcription') ?? stringAt(result, 'output');
  if (text === undefined || text.trim() === '') return undefined;
  const timed = [at(result, 'chunks'), at(result, 'segments'), at(result, 'words')].find(
    (list) => Array.isArray(list) && list.length > 0,
  );
  return { type: 'text', text, ...(Array.isArray(timed) ? { annotations: timed } : {}) };
}
