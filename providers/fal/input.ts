import {
  type Asset,
  at,
  type Call,
  encodeBase64,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  stringAt,
} from '../../src/contract/index.ts';
import { bytesOf } from '../shared/bytes.ts';
import { countedFields, fieldOf, isAsset, unsaid, usualRatios } from '../shared/field-map.ts';
import { callerParams } from '../shared/params.ts';
import { nearestRatio, pixelsOfRatio, readSize } from '../shared/pixels.ts';
import { rowParams } from '../shared/priced-params.ts';
import { type FalRequest, fieldsOf } from './fields.ts';

/**
 * The endpoint's input: the row's `options.input`, then the request through the row's `options.fields`, then the caller's `params`,
 * which may not set what the price depends on.
 * A rule of `fields` is a path ("voice_setting.speed"), `{width, height}` for a size, or `{field, values?, list?, last?, as?}`:
 * `values` are all that the endpoint knows of it and what it calls them, `last` is where a second picture goes, `as: "text"` writes a number as text.
 * @returns the input and one warning for each thing asked that could not be said to this endpoint.
 */
export async function writeInput(request: FalRequest, call: Call): Promise<{ input: JsonObject; warnings: string[] }> {
  const fields = fieldsOf(request.modality, call.options);
  const params = paramsOf(request, fields, call.options);
  const input = structuredClone(isObject(call.options.input) ? call.options.input : {});
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(request)) {
    if (['modality', 'params', 'user'].includes(name) || value === undefined || value === '') continue;
    const rule = fields[name === 'images' ? 'image' : name];
    const warning =
      rule === undefined || rule === null
        ? missing(name, value, request, fields, input)
        : await write(input, name, rule, value as Json | Asset | Asset[]);
    if (warning) warnings.push(warning);
  }
  return { input: { ...input, ...params }, warnings };
}

/** The caller's params. Pixels are held by `size` alone; fal's named sizes are a megapixel at most, so those may come. */
function paramsOf(request: FalRequest, fields: JsonObject, options: JsonObject): JsonObject {
  const sides = [stringAt(fields.size, 'width'), stringAt(fields.size, 'height')].filter((side) => side !== undefined);
  const whole = sides.filter((side) => !side.includes('.'));
  const params = callerParams(request.params, [...countedFields(fields, 'num_images'), ...whole]);
  for (const name of ['image_size', ...sides.map((side) => side.split('.')[0]!)]) {
    if (typeof params[name] !== 'object' || params[name] === null) continue;
    const message = `params.${name} takes a named size only: ask for pixels by size.`;
    throw new GatewayError('invalid_request', { message, param: `params.${name}`, failure: 'A', billing: 'none' });
  }
  const { image_size: named, ...others } = params;
  const known = typeof named === 'string' && namedSizes.test(named);
  rowParams(known ? others : params, fields, options);
  return params;
}

/** https://docs.fal.ai/model-apis/models/fal-ai/flux/dev */
const namedSizes = /^(square(_hd)?|(portrait|landscape)_(4_3|16_9))$/;

async function write(input: JsonObject, name: string, rule: Json, value: Json | Asset | Asset[]) {
  const field = fieldOf(rule);
  if (field === undefined) return writeSize(input, rule, name, value);
  if (isAsset(value) || (Array.isArray(value) && value.every(isAsset))) {
    return writeAssets(input, name, rule, field, (Array.isArray(value) ? value : [value]) as Asset[]);
  }
  const values = at(rule, 'values');
  const said = isObject(values) ? values[String(value)] : (value as Json);
  if (said === undefined) return value === 'auto' ? undefined : unsaid(name, value);
  setAt(input, field, at(rule, 'as') === 'text' ? String(said) : said);
  return undefined;
}

async function writeAssets(input: JsonObject, name: string, rule: Json, field: string, assets: Asset[]) {
  const urls: string[] = [];
  for (const asset of assets) urls.push(await urlOf(asset, name));
  const last = stringAt(rule, 'last');
  if (urls.length === 0) return undefined;
  if (at(rule, 'list') === true) {
    setAt(input, field, urls);
    return undefined;
  }
  setAt(input, field, urls[0]!);
  if (last && urls[1] !== undefined) setAt(input, last, urls[1]);
  const taken = last ? 2 : 1;
  return urls.length > taken ? `This model takes ${taken} of "${name}"; the others were not sent.` : undefined;
}

/** Pictures and sound go in place: fal reads a data URL wherever it takes a link. https://docs.fal.ai/model-endpoints/server-side */
async function urlOf(asset: Asset, name: string): Promise<string> {
  if ('url' in asset) return asset.url;
  return `data:${asset.mediaType};base64,${encodeBase64(await bytesOf(asset, name))}`;
}

function writeSize(input: JsonObject, rule: Json, name: string, value: unknown): string | undefined {
  const size = name === 'ratio' ? pixelsOfRatio(String(value), 16) : readSize(value);
  const [wide, high] = [stringAt(rule, 'width'), stringAt(rule, 'height')];
  if (!size || !wide || !high) return value === 'auto' ? undefined : unsaid(name, value);
  setAt(input, wide, size[0]);
  setAt(input, high, size[1]);
  return undefined;
}

/** What is asked and has no field of its own: a ratio becomes pixels, pixels the nearest ratio. */
function missing(name: string, value: unknown, request: FalRequest, fields: JsonObject, input: JsonObject) {
  if ((name === 'n' && value === 1) || value === 'auto' || (Array.isArray(value) && value.length === 0)) {
    return undefined;
  }
  if (request.modality === 'transcription' && name === 'format' && (value === 'json' || value === 'text')) {
    return undefined;
  }
  if (name === 'ratio' && isObject(fields.size)) {
    return 'size' in request ? undefined : writeSize(input, fields.size, 'ratio', value);
  }
  const size = name === 'size' ? readSize(value) : undefined;
  const field = fieldOf(fields.ratio);
  if (!size || !field || 'ratio' in request) return unsaid(name, value);
  const values = at(fields.ratio, 'values');
  const nearest = nearestRatio(size, isObject(values) ? Object.keys(values) : usualRatios);
  setAt(input, field, isObject(values) ? (values[nearest] ?? nearest) : nearest);
  return `This model chooses its own pixel size: size ${String(value)} was sent as ratio ${nearest}.`;
}

function setAt(input: JsonObject, path: string, value: Json): void {
  const steps = path.split('.');
  const last = steps.pop()!;
  let here = input;
  for (const step of steps) {
    const known = here[step];
    const next: JsonObject = isObject(known) ? known : {};
    here[step] = next;
    here = next;
  }
  here[last] = value;
}
