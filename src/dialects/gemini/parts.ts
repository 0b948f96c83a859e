import {
  type Asset,
  type AssetPart,
  at,
  encodeBase64,
  isObject,
  type Json,
  type JsonObject,
  type Opaque,
  type Part,
  type ToolResultPart,
} from '../../contract/index.ts';
import { decodeBase64, defined, fail, need, opaqueFor, refuse, take, takeKnown } from '../shared.ts';

export const dialect = 'gemini';

/** Stands for the signature of a call that another model made: https://ai.google.dev/gemini-api/docs/thought-signatures. */
export const unsigned = 'skip_thought_signature_validator';

/** The API reads field names in both spellings: `inline_data` and `inlineData`. */
export function camel(object: JsonObject): JsonObject {
  if (!Object.keys(object).some((name) => name.includes('_'))) return object;
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}

export function objectAt(value: Json | undefined, path: string): JsonObject | undefined {
  const object = take.object(value, path);
  return object && camel(object);
}

/**
 * Gives tool calls that came without an id one that is always the same, and results without an id that of the call they answer:
 * the first unanswered one of their name.
 */
export class CallIds {
  private readonly prefix: string;
  private count = 0;
  private readonly unanswered: { id: string; name: string }[] = [];

  /** @param answerId keeps ids of different answers apart in one conversation. */
  constructor(answerId?: string) {
    this.prefix = answerId ? `call_${answerId.replace(/[^a-zA-Z0-9]/g, '')}_` : 'call_';
  }

  call(name: string, given?: string): string {
    const id = given || `${this.prefix}${this.count}`;
    this.count++;
    this.unanswered.push({ id, name });
    return id;
  }

  result(name: string, given?: string): string {
    const place = this.unanswered.findIndex((call) => (given ? call.id === given : call.name === name));
    const found = place < 0 ? undefined : this.unanswered.splice(place, 1)[0];
    return given || found?.id || `call_${name}`;
  }
}

/** A signature stays text; with fields without a word beside it (video and media settings), all go together. */
function readOpaque(extra: JsonObject, signature: Json | undefined): { opaque?: Opaque } {
  const kept = Object.fromEntries(Object.entries(extra).filter(([, value]) => value !== null));
  if (Object.keys(kept).length > 0)
    return { opaque: { owner: dialect, data: defined({ ...kept, thoughtSignature: signature }) as JsonObject } };
  return signature === undefined ? {} : { opaque: { owner: dialect, data: signature } };
}

function writeOpaque(opaque: Opaque | undefined, warnings: string[]): JsonObject {
  const data = opaqueFor(opaque, dialect, warnings);
  if (typeof data === 'string') return { thoughtSignature: data };
  return isObject(data) ? data : {};
}

/** The signature on a part, if its opaque state is this dialect's. */
export function signatureOf(opaque: Opaque | undefined): string | undefined {
  const signature = writeOpaque(opaque, []).thoughtSignature;
  return typeof signature === 'string' ? signature : undefined;
}

export function readPart(value: Json, path: string, ids: CallIds): Part {
  const part = camel(need(take.object(value, path), path));
  const { known, extra } = takeKnown(part, [
    'text',
    'thought',
    'thoughtSignature',
    'inlineData',
    'fileData',
    'functionCall',
    'functionResponse',
  ]);
  const opaque = readOpaque(extra, known.thoughtSignature === unsigned ? undefined : known.thoughtSignature);
  if (typeof known.text === 'string') {
    if (known.thought === true) return { type: 'reasoning', text: known.text, ...opaque };
    return { type: 'text', text: known.text, ...opaque };
  }
  const asset = known.inlineData
    ? readBlob(known.inlineData, `${path}.inlineData`)
    : known.fileData && readFile(known.fileData, `${path}.fileData`);
  // a picture inside a thought is no output
  if (asset && known.thought !== true) return { type: 'asset', asset, ...opaque };
  const call = objectAt(known.functionCall, `${path}.functionCall`);
  if (call && call.partialArgs === undefined) {
    const name = need(take.string(call.name, `${path}.functionCall.name`), `${path}.functionCall.name`);
    const id = ids.call(name, take.string(call.id, `${path}.functionCall.id`));
    return { type: 'tool_call', id, name, arguments: JSON.stringify(call.args ?? {}), ...opaque };
  }
  if (known.functionResponse) return readResult(known.functionResponse, `${path}.functionResponse`, ids, opaque);
  // executableCode, codeExecutionResult and what is still to come
  return { type: 'other', dialect, data: part };
}

function readBlob(value: Json, path: string): Asset {
  const blob = need(objectAt(value, path), path);
  const data = need(take.string(blob.data, `${path}.data`), `${path}.data`);
  const mediaType = take.string(blob.mimeType ?? undefined, `${path}.mimeType`) ?? 'application/octet-stream';
  const name = take.string(blob.displayName ?? undefined, `${path}.displayName`);
  return defined({ mediaType, name, bytes: decodeBase64(data) ?? fail(`${path}.data`, 'The data is not base64.') });
}

/** Files uploaded to Google live in one account: only this dialect can name them. */
function readFile(value: Json, path: string): Asset | undefined {
  const file = need(objectAt(value, path), path);
  const url = need(take.string(file.fileUri, `${path}.fileUri`), `${path}.fileUri`);
  if (/^gs:|^files\/|generativelanguage\.googleapis\.com/.test(url)) return undefined;
  return { mediaType: take.string(file.mimeType ?? undefined, `${path}.mimeType`) ?? '*/*', url };
}

/** A response of `{output: text}` or `{error: text}` is that text; any other object is its JSON. */
function readResult(value: Json, path: string, ids: CallIds, opaque: { opaque?: Opaque }): ToolResultPart {
  const result = need(objectAt(value, path), path);
  const name = need(take.string(result.name, `${path}.name`), `${path}.name`);
  const { known, extra } = takeKnown(result, ['id', 'name', 'response', 'parts']);
  const response = take.object(known.response, `${path}.response`) ?? {};
  const only = Object.keys(response).length === 1;
  const failed = only && typeof response.error === 'string';
  const words = failed ? response.error : only && typeof response.output === 'string' ? response.output : undefined;
  const text = typeof words === 'string' ? words : Object.keys(response).length > 0 ? JSON.stringify(response) : '';
  const files = take.array(known.parts, `${path}.parts`) ?? [];
  const content: Part[] = files.map((file, index) => readPart(file, `${path}.parts[${index}]`, ids));
  if (text !== '') content.unshift({ type: 'text', text });
  const kept: { opaque?: Opaque } =
    Object.keys(extra).length > 0 ? readOpaque({ functionResponse: extra }, undefined) : opaque;
  const id = ids.result(name, take.string(known.id, `${path}.id`));
  return { type: 'tool_result', id, name, content, ...(failed ? { isError: true } : {}), ...kept };
}

/** A part on the wire; undefined where it is left out, with a warning. `nameOf` finds the function a result belongs to. */
export function writePart(
  part: Part,
  path: string,
  warnings: string[],
  nameOf: (id: string) => string | undefined = () => undefined,
): JsonObject | undefined {
  switch (part.type) {
    case 'text':
      return { text: part.text, ...writeOpaque(part.opaque, warnings) };
    case 'refusal':
      return { text: part.text };
    case 'reasoning':
      if (part.redacted || (part.opaque && part.opaque.owner !== dialect)) {
        warn(warnings, 'Reasoning of another provider was left out.');
        return undefined;
      }
      return { text: part.text, thought: true, ...writeOpaque(part.opaque, warnings) };
    case 'asset':
      return { ...writeAsset(part, path), ...writeOpaque(part.opaque, warnings) };
    case 'tool_call': {
      const { id, name } = part;
      return { functionCall: { id, name, args: readArguments(part.arguments) }, ...writeOpaque(part.opaque, warnings) };
    }
    case 'tool_result':
      return writeResult(part, path, warnings, part.name ?? nameOf(part.id));
    case 'embedding':
      warn(warnings, 'An embedding is no content of a message and was left out.');
      return undefined;
    case 'other':
      if (part.dialect === dialect && isObject(part.data)) return part.data;
      warn(warnings, `A block that only ${part.dialect} knows was left out.`);
      return undefined;
  }
}

function writeAsset({ asset }: AssetPart, path: string): JsonObject {
  const mimeType = asset.mediaType;
  if ('stream' in asset) refuse(path, 'A streamed asset cannot be sent inside a text request.');
  if ('bytes' in asset)
    return {
      inlineData: defined({ mimeType, displayName: asset.name, data: encodeBase64(asset.bytes) }) as JsonObject,
    };
  return { fileData: { ...(mimeType.includes('*') ? {} : { mimeType }), fileUri: asset.url } };
}

/** Text that is a JSON object goes as that object, other text as `output` or, of a failed call, `error`. */
function writeResult(part: ToolResultPart, path: string, warnings: string[], name = 'unknown'): JsonObject {
  const texts = part.content.flatMap((item) => (item.type === 'text' ? [item.text] : []));
  const parts = part.content.flatMap((item, index): JsonObject[] => {
    const file = item.type === 'text' ? undefined : writePart(item, `${path}.content[${index}]`, warnings);
    return file ? [file] : [];
  });
  const text = texts.join('\n');
  const object = part.isError ? undefined : jsonObject(text);
  const response = object ?? (part.isError ? { error: text } : text === '' ? {} : { output: text });
  const { functionResponse, ...beside } = writeOpaque(part.opaque, warnings);
  const kept = isObject(functionResponse) ? functionResponse : {};
  const written = { id: part.id, name, response, ...(parts.length > 0 ? { parts } : {}), ...kept };
  return { functionResponse: written, ...beside };
}

/** An object that reads back as the same text's meaning; not one that looks like our own wrapping. */
function jsonObject(text: string): JsonObject | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    const value: Json = JSON.parse(text);
    const keys = isObject(value) ? Object.keys(value) : [];
    const wraps = keys.length === 1 && (keys[0] === 'output' || keys[0] === 'error');
    return isObject(value) && keys.length > 0 && !wraps ? value : undefined;
  } catch {
    return undefined;
  }
}

function readArguments(text: string): JsonObject {
  if (text.trim() === '') return {};
  try {
    const value: Json = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // falls through: what cannot be read is still shown
  }
  return { INVALID_JSON: text };
}

export function warn(warnings: string[], sentence: string): void {
  if (!warnings.includes(sentence)) warnings.push(sentence);
}

/** Web sources of a candidate as neutral citations. Offsets count bytes of the text. */
export function readGrounding(candidate: JsonObject): Json[] {
  const chunks = at(candidate, 'groundingMetadata', 'groundingChunks');
  const supports = at(candidate, 'groundingMetadata', 'groundingSupports');
  if (!Array.isArray(chunks)) return [];
  return chunks.flatMap((chunk, index): Json[] => {
    const url = at(chunk, 'web', 'uri');
    if (typeof url !== 'string') return [];
    const source = { type: 'url_citation', url, title: at(chunk, 'web', 'title') ?? '' };
    const places = (Array.isArray(supports) ? supports : []).filter((support) => {
      const indices = at(support, 'groundingChunkIndices');
      return Array.isArray(indices) && indices.includes(index);
    });
    if (places.length === 0) return [source];
    return places.map(
      (place) =>
        defined({
          ...source,
          start_index: at(place, 'segment', 'startIndex') ?? 0,
          end_index: at(place, 'segment', 'endIndex'),
        }) as JsonObject,
    );
  });
}
