import {
  type Asset,
  type AssetPart,
  type DialectName,
  type Effort,
  type ErrorCode,
  encodeBase64,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type Opaque,
  type TextRequest,
} from '../contract/index.ts';

/** Refuses a request. `param` is the faulty field as a path: `messages[2].content[0].image_url`. */
export function fail(param: string, message: string): never {
  throw new GatewayError('invalid_request', { message, param });
}

/** Refuses content that the target dialect has no place for: leaving it out would change what is asked. */
export function refuse(param: string, message: string): never {
  throw new GatewayError('unsupported_parameter', { message, param });
}

/** Splits a wire object. A known field that is null is absent; unknown fields keep even that. */
export function takeKnown<Name extends string>(
  body: JsonObject,
  names: readonly Name[],
): { known: { [N in Name]?: Json }; extra: JsonObject } {
  const known: { [N in Name]?: Json } = {};
  const extra: JsonObject = {};
  for (const [name, value] of Object.entries(body)) {
    if (!(names as readonly string[]).includes(name)) extra[name] = value;
    else if (value !== null) known[name as Name] = value;
  }
  return { known, extra };
}

/**
 * Lays `params` over `base`: objects merge, arrays merge by index with an object keyed by index (`{"0": …}`), anything else replaces.
 * This is how `extra.params` goes back into what a codec wrote. Changes neither argument.
 */
export function overlay(base: Json | undefined, params: Json): Json {
  if (!isObject(params)) return params;
  if (Array.isArray(base)) {
    if (!Object.keys(params).every((key) => Number(key) < base.length)) return params;
    return base.map((item, index) => (params[index] === undefined ? item : overlay(item, params[index])));
  }
  const result: JsonObject = isObject(base) ? { ...base } : {};
  for (const [name, value] of Object.entries(params)) {
    const before = result[name];
    const merged = isObject(before) || Array.isArray(before) ? overlay(before, value) : value;
    // plain assignment to __proto__ would change the object instead of naming a field
    if (name === '__proto__')
      Object.defineProperty(result, name, { value: merged, enumerable: true, configurable: true, writable: true });
    else result[name] = merged;
  }
  return result;
}

/** Fields that the gateway itself honours at its doors, so that crossing loses nothing. */
const honouredByTheDoor: Partial<Record<DialectName, readonly string[]>> = {
  'openai-chat': ['stream_options'],
  'openai-responses': ['stream_options', 'store', 'background', 'previous_response_id', 'metadata', 'include'],
};

/** One sentence for each leftover field of another dialect. Fields set to null, or honoured by the door, ask for nothing. */
export function foreignExtraWarnings(request: TextRequest, dialect: DialectName): string[] {
  const extra = request.extra;
  if (!extra || extra.dialect === dialect) return [];
  const honoured = honouredByTheDoor[extra.dialect] ?? [];
  return Object.entries(extra.params)
    .filter(([name, value]) => value !== null && !honoured.includes(name))
    .map(([name]) => `"${name}" of ${extra.dialect} has no counterpart in ${dialect} and was left out.`);
}

/** The leftovers of this very dialect, to lay over what was written; an empty object for foreign ones. */
export function ownExtra(
  extra: { dialect: DialectName; params: JsonObject } | undefined,
  dialect: DialectName,
): JsonObject {
  return extra?.dialect === dialect ? extra.params : {};
}

/**
 * The opaque state that may be written into `dialect`, as its own raw data. The one place where state crosses dialects:
 * foreign state stays behind, with a warning where a list is given.
 */
export function opaqueFor(opaque: Opaque | undefined, dialect: DialectName, warnings?: string[]): Json | undefined {
  if (!opaque) return undefined;
  if (opaque.owner === dialect) return opaque.data;
  const warning = `State of ${opaque.owner} (such as a thinking signature) cannot be carried by ${dialect} and was left out.`;
  if (warnings && !warnings.includes(warning)) warnings.push(warning);
  return undefined;
}

/** Bytes of base64 or base64url text, with or without padding and line breaks; undefined where it is neither. */
export function decodeBase64(text: string): Uint8Array | undefined {
  let binary: string;
  try {
    binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  } catch {
    return undefined;
  }
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/** `data:` URL of bytes. */
export function writeDataUrl(mediaType: string, bytes: Uint8Array): string {
  return `data:${mediaType};base64,${encodeBase64(bytes)}`;
}

/** Media type and bytes of a `data:` URL (base64 or percent-encoded); undefined where it is none. */
export function readDataUrl(url: string): { mediaType: string; bytes: Uint8Array } | undefined {
  const comma = url.indexOf(',');
  if (!url.startsWith('data:') || comma < 0) return undefined;
  const words = url.slice(5, comma).split(';');
  const mediaType = words[0] || 'text/plain';
  const text = url.slice(comma + 1);
  if (words.includes('base64')) {
    const bytes = decodeBase64(text);
    return bytes && { mediaType, bytes };
  }
  try {
    return { mediaType, bytes: new TextEncoder().encode(decodeURIComponent(text)) };
  } catch {
    return undefined;
  }
}

/** An asset from a URL of any kind: a `data:` URL becomes bytes; for others `mediaType` is what is known, e.g. `image/*`. */
export function assetFromUrl(url: string, mediaType: string, param: string): Asset {
  if (!url.startsWith('data:')) return { mediaType, url };
  const data = readDataUrl(url);
  if (!data) fail(param, 'The data URL cannot be decoded.');
  return data;
}

/** A URL that carries an asset: its own, or a `data:` URL of its bytes. Streams must be read before: they are refused. */
export function urlOfAsset(asset: Asset, param: string): string {
  if ('url' in asset) return asset.url;
  if ('bytes' in asset) return writeDataUrl(asset.mediaType, asset.bytes);
  return refuse(param, 'A streamed asset cannot be sent inside a text request.');
}

/** image, audio, video, text or application: what a media type is about. */
export function kindOf(part: AssetPart): string {
  return part.asset.mediaType.split('/', 1)[0] ?? '';
}

const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

export function isEffort(value: unknown): value is Effort {
  return (efforts as readonly unknown[]).includes(value);
}

/** Thinking tokens that stand for an effort where only a budget can be said. */
export const budgetOfEffort: Record<Effort, number> = {
  none: 0,
  minimal: 1024,
  low: 2048,
  medium: 8192,
  high: 16_384,
  xhigh: 24_576,
  max: 32_768,
};

/** The nearest effort for a budget of thinking tokens; -1 (as much as it takes) is `medium`. */
export function effortOfBudget(tokens: number): Effort {
  if (tokens < 0) return 'medium';
  return efforts.find((effort) => tokens <= budgetOfEffort[effort]) ?? 'max';
}

/** A web citation in the house's neutral form, from any dialect's annotation; undefined where it names no URL. */
export function urlCitation(
  annotation: Json,
): { url: string; title: string; start?: number; end?: number } | undefined {
  if (!isObject(annotation)) return undefined;
  const inner = isObject(annotation.url_citation) ? annotation.url_citation : annotation;
  if (typeof inner.url !== 'string') return undefined;
  const title = typeof inner.title === 'string' ? inner.title : '';
  const { start_index: start, end_index: end } = inner;
  return {
    url: inner.url,
    title,
    ...(typeof start === 'number' ? { start } : {}),
    ...(typeof end === 'number' ? { end } : {}),
  };
}

/** The code for an error that arrives inside a stream whose status was 200, from the words each dialect uses. */
export function streamErrorCode(words: { type?: string; code?: string }): ErrorCode {
  const text = `${words.type ?? ''} ${words.code ?? ''}`.toLowerCase();
  if (/rate_limit|429|resource_exhausted/.test(text)) return 'provider_rate_limited';
  if (/insufficient_quota|billing/.test(text)) return 'provider_quota_exhausted';
  if (/overloaded|529|503|unavailable|slow_down/.test(text)) return 'provider_overloaded';
  if (/authentication|permission|401|403/.test(text)) return 'provider_authentication';
  if (/content_filter|content_policy|safety/.test(text)) return 'content_policy';
  if (/invalid|400|not_found/.test(text)) return 'provider_rejected';
  if (/timeout|deadline|504/.test(text)) return 'provider_timeout';
  return 'provider_error';
}

/** The error of a stream that stopped before its terminal marker. */
export function interrupted(): GatewayError {
  return new GatewayError('stream_interrupted', {
    message: 'The stream ended before the answer was complete.',
    failure: 'D',
  });
}

/** The parsed data of a frame. Throws GatewayError `provider_garbage` where it is no JSON. */
export function parseFrame(data: string): Json {
  try {
    return JSON.parse(data) as Json;
  } catch {
    throw new GatewayError('provider_garbage', { message: 'A streamed event is not JSON.', failure: 'D' });
  }
}

/** The object without its undefined fields. */
export function defined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

/** Checked reading of a wire value: undefined stays undefined, another type is refused under the name `param`. */
export const take = {
  string: (value: Json | undefined, param: string) => checked<string>(value, param, 'a string', isString),
  number: (value: Json | undefined, param: string) => checked<number>(value, param, 'a number', isNumber),
  integer: (value: Json | undefined, param: string) => checked<number>(value, param, 'an integer', Number.isInteger),
  boolean: (value: Json | undefined, param: string) => checked<boolean>(value, param, 'a boolean', isBoolean),
  array: (value: Json | undefined, param: string) => checked<Json[]>(value, param, 'an array', Array.isArray),
  object: (value: Json | undefined, param: string) => checked<JsonObject>(value, param, 'an object', isObject),
};

function checked<T extends Json>(
  value: Json | undefined,
  param: string,
  kind: string,
  test: (value: unknown) => boolean,
) {
  if (value !== undefined && !test(value)) fail(param, `"${param}" must be ${kind}.`);
  return value as T | undefined;
}

/** A field that must be there. */
export function need<T>(value: T | undefined, param: string): T {
  return value === undefined ? fail(param, `"${param}" is required.`) : value;
}

const isString = (value: unknown) => typeof value === 'string';
const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value);
const isBoolean = (value: unknown) => typeof value === 'boolean';

/** What went wrong while a provider's answer was read: a field that makes no sense there is not the caller's fault. */
export function blameProvider(thrown: unknown): GatewayError {
  if (!(thrown instanceof GatewayError))
    return new GatewayError('stream_interrupted', { ...interrupted().details, cause: thrown });
  if (thrown.code !== 'invalid_request') return thrown;
  return new GatewayError('provider_garbage', {
    message: `The answer makes no sense: ${thrown.message}`,
    failure: 'D',
  });
}
