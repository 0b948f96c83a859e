import {
  isObject,
  type Json,
  type JsonObject,
  type MediaModality,
  type MediaPort,
  type MediaRequest,
  type Model,
  numberAt,
  stringAt,
} from '../contract/index.ts';
import { capabilityWords } from './capabilities.ts';

/** Something asked that was not honoured. `delivered` is absent where the model has no place for the field at all. */
export type Degradation = { field: string; asked: Json; delivered?: Json };

/** Fields that say nothing about the output. */
const aside = ['modality', 'params', 'user'];
const wireNames: Record<string, string> = {
  negativePrompt: 'negative_prompt',
  partialImages: 'partial_images',
  inputFidelity: 'input_fidelity',
};

/** Fields of a request that a model has no place for: known before anything is sent. */
export function unhonoured(model: Model, port: MediaPort<MediaModality>, request: MediaRequest): Degradation[] {
  return unplaced(model, port, request)
    .filter(([name, value]) => !isOnlyWay(model, name, value))
    .map(([name, value]) => ({ field: wireNames[name] ?? name, asked: tellable(value) }));
}

/** A request without what its model has no place for because it never does anything else. */
export function withoutNeedless(model: Model, port: MediaPort<MediaModality>, request: MediaRequest): MediaRequest {
  const needless = unplaced(model, port, request).filter(([name, value]) => isOnlyWay(model, name, value));
  if (needless.length === 0) return request;
  const rest: Partial<Record<string, unknown>> = { ...request };
  for (const [name] of needless) delete rest[name];
  return rest as MediaRequest;
}

function unplaced(model: Model, port: MediaPort<MediaModality>, request: MediaRequest): [string, unknown][] {
  const honoured = port.honours?.({ model: model.upstream, options: isObject(model.options) ? model.options : {} });
  if (!honoured) return [];
  const names: readonly string[] = honoured;
  return Object.entries(request).filter(
    ([name, value]) => value !== undefined && !aside.includes(name) && !names.includes(name),
  );
}

/** One output, at natural speed, or the single word that the model's row has for a field. */
function isOnlyWay(model: Model, name: string, value: unknown): boolean {
  if (name === 'n' || name === 'speed') return value === 1;
  const allowed = model.capabilities?.[capabilityWords[name] ?? ''];
  return Array.isArray(allowed) && allowed.length === 1 && allowed[0] === value;
}

/** Media is not repeated in reports. */
function tellable(value: unknown): Json {
  if (Array.isArray(value)) return value.map(tellable);
  if (typeof value === 'object' && value !== null) return 'mediaType' in value ? 'media' : (value as Json);
  return value as Json;
}

/** Seconds by which a length may differ and still be the one asked for: encoders have frames. */
const tolerance = 0.6;

/** What was asked about the outputs and did not come out: measured on what was delivered. */
export function degradationsOf(record: JsonObject, outputs: readonly JsonObject[]): Degradation[] {
  const found: Degradation[] = [];
  const media = outputs.filter((output) => output.asset !== undefined && output.type !== 'text');
  const first = media[0];
  if (!first) return found;
  const [, width, height] = /^(\d+)x(\d+)$/.exec(stringAt(record, 'size') ?? '') ?? [];
  const seen = numberAt(first, 'width') && `${first.width}x${first.height}`;
  if (width && seen && seen !== `${width}x${height}`)
    found.push({ field: 'size', asked: record.size!, delivered: seen });
  const ratio = /^(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)$/.exec(stringAt(record, 'ratio') ?? '');
  if (ratio && seen) {
    const wanted = Number(ratio[1]) / Number(ratio[2]);
    const got = Number(first.width) / Number(first.height);
    if (Math.abs(got / wanted - 1) > 0.05) found.push({ field: 'ratio', asked: record.ratio!, delivered: seen });
  }
  const seconds = numberAt(record, 'seconds');
  const long = numberAt(first, 'seconds');
  if (seconds !== undefined && long !== undefined && Math.abs(long - seconds) > Math.max(tolerance, seconds * 0.05)) {
    found.push({ field: 'seconds', asked: seconds, delivered: long });
  }
  const count = numberAt(record, 'n');
  if (count !== undefined && media.length !== count) found.push({ field: 'n', asked: count, delivered: media.length });
  const format = stringAt(record, 'format');
  const type = stringAt(first, 'media_type') ?? '';
  if (format && !isFormat(format, type)) found.push({ field: 'format', asked: format, delivered: type });
  return found;
}

/** Names of formats whose media type is not called like them; `pcm` is carried in WAV or as it is. */
const types: Record<string, readonly string[]> = {
  jpg: ['image/jpeg'],
  mp3: ['audio/mpeg'],
  pcm: ['audio/pcm', 'audio/l16', 'audio/wav'],
  ulaw: ['audio/basic'],
  alaw: ['audio/x-alaw-basic'],
  opus: ['audio/ogg', 'audio/opus'],
  glb: ['model/gltf-binary'],
  m4a: ['audio/mp4'],
};

function isFormat(format: string, mediaType: string): boolean {
  const name = format.toLowerCase().split('_')[0]!;
  const [type = ''] = mediaType.split(';');
  return types[name]?.includes(type) ?? type.endsWith(`/${name}`);
}
