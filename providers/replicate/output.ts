import type { AssetPart, Json, JsonObject, Part } from '../../src/contract/index.ts';
import { at, isObject, stringAt } from '../../src/contract/index.ts';
import { readDataUrl } from '../shared/bytes.ts';
import { kinds } from '../shared/field-map.ts';
import type { ReplicateRequest } from './input.ts';

type Modality = ReplicateRequest['modality'];

const mediaTypes: Record<string, string> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  gif: 'image/gif',
  avif: 'image/avif',
  svg: 'image/svg+xml',
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  flac: 'audio/flac',
  m4a: 'audio/mp4',
  mp4: 'video/mp4',
  webm: 'video/webm',
  mov: 'video/quicktime',
  glb: 'model/gltf-binary',
  gltf: 'model/gltf+json',
  obj: 'model/obj',
  stl: 'model/stl',
  ply: 'model/ply',
  usdz: 'model/vnd.usdz+zip',
  zip: 'application/zip',
  txt: 'text/plain',
  srt: 'application/x-subrip',
  vtt: 'text/vtt',
  json: 'application/json',
};

/** Files are deleted one hour after the prediction completed. https://replicate.com/docs/topics/predictions/data-retention */
const lifeMs = 3_600_000;

/**
 * The outputs of a succeeded prediction. A Replicate model may answer a string, a list or an object of URLs and text:
 * `options.output` names the object's key to take; without it, files of the modality's own kind win over companions
 * such as spectrograms. Empty where there is nothing.
 */
export function readOutputs(prediction: JsonObject, modality: Modality, options: JsonObject = {}): Part[] {
  const chosen = typeof options.output === 'string' ? at(prediction.output, options.output) : undefined;
  const output = chosen ?? prediction.output;
  const completed = Date.parse(stringAt(prediction, 'completed_at') ?? '');
  const expiresAt = Number.isNaN(completed) ? undefined : completed + lifeMs;
  const parts = strings(output).flatMap((text) => readFile(text, expiresAt) ?? []);
  const own = parts.filter((part) => part.asset.mediaType.startsWith(kinds[modality]));
  if (own.length > 0) return own;
  const text = readText(output);
  if (modality === 'transcription' && text !== '') return [writeText(text, output)];
  if (parts.length > 0) return parts;
  return text === '' ? [] : [writeText(text, output)];
}

function writeText(text: string, output: Json | undefined): Part {
  const segments = at(output, 'segments') ?? at(output, 'chunks');
  return { type: 'text', text, ...(Array.isArray(segments) && segments.length > 0 ? { annotations: segments } : {}) };
}

function readFile(text: string, expiresAt: number | undefined): AssetPart | undefined {
  const inline = readDataUrl(text);
  if (inline) {
    const { mediaType = 'application/octet-stream', bytes } = inline;
    return { type: 'asset', asset: { mediaType, bytes } };
  }
  if (!isUrl(text)) return undefined;
  const path = new URL(text).pathname;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const mediaType = mediaTypes[name.slice(name.lastIndexOf('.') + 1).toLowerCase()] ?? 'application/octet-stream';
  return { type: 'asset', asset: { mediaType, url: text, name, ...(expiresAt === undefined ? {} : { expiresAt }) } };
}

function readText(output: Json | undefined): string {
  if (typeof output === 'string') return isUrl(output) || output.startsWith('data:') ? '' : output;
  if (Array.isArray(output)) return output.map((one) => (typeof one === 'string' ? readText(one) : '')).join('');
  if (!isObject(output)) return '';
  const whole = output.text ?? output.transcription ?? output.transcript;
  if (typeof whole === 'string') return whole;
  const segments = output.segments ?? output.chunks;
  return Array.isArray(segments)
    ? segments
        .map((segment) => stringAt(segment, 'text') ?? '')
        .join('')
        .trim()
    : '';
}

function strings(output: Json | undefined): string[] {
  if (typeof output === 'string') return [output];
  if (Array.isArray(output)) return output.flatMap(strings);
  return isObject(output) ? Object.values(output).flatMap(strings) : [];
}

function isUrl(text: string): boolean {
  return /^https?:\/\/\S+$/.test(text) && URL.canParse(text);
}
