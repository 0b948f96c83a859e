import type { Asset, Call, Json, JsonObject, MediaRequest } from '../../src/contract/index.ts';
import { at, isObject } from '../../src/contract/index.ts';
import { countedFields, fieldOf, isAsset, names, unsaid, usualRatios } from '../shared/field-map.ts';
import { callerParams } from '../shared/params.ts';
import { rowParams } from '../shared/priced-params.ts';
import { writeAsset } from './asset.ts';

/** The modalities served here. */
export type ReplicateRequest = Exclude<MediaRequest, { modality: 'embedding' }>;

/** Where neutral fields go when the model's row declares no `fields`: the names most Replicate models use. */
const defaults: Record<ReplicateRequest['modality'], JsonObject> = {
  image: {
    ...names('prompt', 'seed', 'image', 'mask'),
    n: 'num_outputs',
    ratio: 'aspect_ratio',
    format: 'output_format',
    negativePrompt: 'negative_prompt',
    size: { width: 'width', height: 'height' },
  },
  music: { ...names('prompt', 'seed', 'lyrics'), seconds: 'duration', format: 'output_format', audio: 'input_audio' },
  sound_effect: { ...names('prompt', 'seed'), seconds: 'duration', format: 'output_format' },
  speech: { ...names('text', 'voice', 'speed', 'language', 'seed'), format: 'output_format' },
  transcription: names('audio', 'language', 'prompt', 'translate', 'temperature'),
  video: {
    ...names('prompt', 'seed', 'image', 'video', 'resolution'),
    seconds: 'duration',
    ratio: 'aspect_ratio',
    size: { width: 'width', height: 'height' },
  },
  model3d: names('prompt', 'seed', 'image', 'texture'),
};

/** The fields a model cannot do without: mapped even where a declared map forgets them. */
const essential = names('prompt', 'text', 'audio');

/**
 * The model's `input`: the row's `options.input`, then the request through the row's `options.fields`, then the caller's
 * `params`, which may not set what the price depends on.
 * A rule of `fields` is a field's name, `{width, height}` for a size, or `{field, values?, list?}` with a translation of values.
 * @returns the input and one warning for each thing asked that could not be said to this model.
 */
export async function writeInput(
  request: ReplicateRequest,
  call: Call,
): Promise<{ input: JsonObject; warnings: string[] }> {
  const declared = call.options.fields;
  const fields = isObject(declared) ? declared : defaults[request.modality];
  const params = rowParams(callerParams(request.params, countedFields(fields, 'num_outputs')), fields, call.options);
  const input: JsonObject = isObject(call.options.input) ? { ...call.options.input } : {};
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(request)) {
    if (['modality', 'params', 'user'].includes(name) || value === undefined || value === '') continue;
    const word = name === 'images' ? 'image' : name;
    const rule = fields[word] ?? fields[name] ?? (word in essential ? defaults[request.modality][word] : undefined);
    const warning =
      rule === undefined || rule === null
        ? missing(name, value, request, fields, input)
        : await write(input, name, rule, value as Json | Asset | Asset[], call);
    if (warning) warnings.push(warning);
  }
  return { input: { ...input, ...params }, warnings };
}

async function write(input: JsonObject, name: string, rule: Json, value: Json | Asset | Asset[], call: Call) {
  const field = fieldOf(rule);
  if (field === undefined) return writeSize(input, rule, value);
  const list = at(rule, 'list') === true;
  if (isAsset(value) || (Array.isArray(value) && value.every(isAsset))) {
    const assets = (Array.isArray(value) ? value : [value]) as Asset[];
    const first = list ? assets : assets.slice(0, 1);
    const urls: string[] = [];
    for (const asset of first) urls.push(await writeAsset(asset, call));
    if (urls.length > 0) input[field] = list ? urls : urls[0]!;
    return urls.length < assets.length ? `This model takes one of "${name}"; only the first was sent.` : undefined;
  }
  const values = at(rule, 'values') ?? (name === 'format' ? { jpeg: 'jpg' } : undefined);
  const translated = isObject(values) ? values[String(value)] : undefined;
  if (name === 'size' && translated === undefined && isObject(values)) return unsaid(name, value);
  input[field] = translated ?? (value as Json);
  return undefined;
}

function writeSize(input: JsonObject, rule: Json, value: unknown): string | undefined {
  const [width, height] = pixels(value);
  const wide = at(rule, 'width');
  const high = at(rule, 'height');
  if (!width || !height || typeof wide !== 'string' || typeof high !== 'string') return unsaid('size', value);
  input[wide] = width;
  input[high] = height;
  return undefined;
}

/** What is asked and has no field. A pixel size still chooses the nearest aspect ratio where the model knows ratios. */
function missing(name: string, value: unknown, request: ReplicateRequest, fields: JsonObject, input: JsonObject) {
  if (name === 'n' && value === 1) return undefined;
  if (name === 'format' && request.modality === 'transcription' && (value === 'json' || value === 'text'))
    return undefined;
  if (Array.isArray(value) && value.length === 0) return undefined;
  const [width, height] = pixels(value);
  if (name !== 'size' || typeof fields.ratio !== 'string' || 'ratio' in request || !width || !height) {
    return value === 'auto' ? undefined : unsaid(name, value);
  }
  const distance = (ratio: string) => {
    const [across = 1, down = 1] = ratio.split(':').map(Number);
    return Math.abs(width * down - height * across) / (height * across);
  };
  const nearest = usualRatios.reduce((best, ratio) => (distance(ratio) < distance(best) ? ratio : best));
  input[fields.ratio] = nearest;
  return `This model chooses its own pixel size: size ${String(value)} was sent as ratio ${nearest}.`;
}

function pixels(value: unknown): number[] {
  return typeof value === 'string' && /^\d+x\d+$/.test(value) ? value.split('x').map(Number) : [];
}
