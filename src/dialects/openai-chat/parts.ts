import {
  type AssetPart,
  at,
  encodeBase64,
  isObject,
  type Json,
  type JsonObject,
  type Part,
  type TextPart,
  type ToolCallPart,
} from '../../contract/index.ts';
import {
  assetFromUrl,
  decodeBase64,
  defined,
  fail,
  kindOf,
  need,
  opaqueFor,
  readDataUrl,
  refuse,
  take,
  takeKnown,
  urlOfAsset,
} from '../shared.ts';

export const dialect = 'openai-chat';

/** Fields of a part that have no word of their own: echoed to this dialect only. */
function leftover(extra: JsonObject): { opaque?: { owner: typeof dialect; data: Json } } {
  return Object.keys(extra).length > 0 ? { opaque: { owner: dialect, data: extra } } : {};
}

function spread(part: { opaque?: AssetPart['opaque'] }, warnings?: string[]): JsonObject {
  const data = opaqueFor(part.opaque, dialect, warnings);
  return isObject(data) ? data : {};
}

/** Message content: a string, null, or content parts. An empty string is no part. */
export function readContent(content: Json | undefined, path: string): Part[] {
  if (content === undefined || content === null || content === '') return [];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) fail(path, `"${path}" must be a string or an array of content parts.`);
  return content.map((part, index) => readPart(part, `${path}[${index}]`));
}

function readPart(value: Json, path: string): Part {
  const part = need(take.object(value, path), path);
  const { known, extra } = takeKnown(part, ['type', 'text', 'image_url', 'input_audio', 'file', 'refusal']);
  switch (known.type) {
    case 'text':
      return { type: 'text', text: need(take.string(known.text, `${path}.text`), `${path}.text`), ...leftover(extra) };
    case 'refusal':
      return { type: 'refusal', text: need(take.string(known.refusal, `${path}.refusal`), `${path}.refusal`) };
    case 'image_url': {
      const image = typeof known.image_url === 'string' ? { url: known.image_url } : known.image_url;
      const url = need(take.string(at(image, 'url'), `${path}.image_url.url`), `${path}.image_url.url`);
      const detail = take.string(at(image, 'detail') ?? undefined, `${path}.image_url.detail`);
      const asset = assetFromUrl(url, 'image/*', `${path}.image_url.url`);
      return { type: 'asset', asset, ...(detail === undefined ? {} : { detail }), ...leftover(extra) };
    }
    case 'input_audio': {
      const data = need(
        take.string(at(known.input_audio, 'data'), `${path}.input_audio.data`),
        `${path}.input_audio.data`,
      );
      const format = take.string(at(known.input_audio, 'format'), `${path}.input_audio.format`) ?? 'wav';
      const bytes = decodeBase64(data) ?? fail(`${path}.input_audio.data`, 'The audio is not base64.');
      return {
        type: 'asset',
        asset: { mediaType: format === 'mp3' ? 'audio/mpeg' : `audio/${format}`, bytes },
        ...leftover(extra),
      };
    }
    case 'file': {
      const data = take.string(at(known.file, 'file_data') ?? undefined, `${path}.file.file_data`);
      // a file_id lives in one account of one provider: only this dialect can send it
      if (data === undefined) return { type: 'other', dialect, data: part };
      const read = readDataUrl(data) ?? { mediaType: 'application/pdf', bytes: decodeBase64(data) };
      if (!read.bytes) fail(`${path}.file.file_data`, 'The file is not base64.');
      const name = take.string(at(known.file, 'filename') ?? undefined, `${path}.file.filename`);
      const asset = { mediaType: read.mediaType, bytes: read.bytes, ...(name === undefined ? {} : { name }) };
      return { type: 'asset', asset, ...leftover(extra) };
    }
    default:
      return { type: 'other', dialect, data: part };
  }
}

/** Content parts of a system, user or tool message: one bare text becomes a string. Content without a place is refused. */
export function writeContent(parts: Part[], path: string, warnings: string[]): Json {
  const written = parts.map((part, index) => writePart(part, `${path}[${index}]`, warnings));
  const only = parts.length === 1 ? written[0] : undefined;
  if (written.length === 0) return '';
  return only?.type === 'text' && Object.keys(only).length === 2 ? (only.text as string) : written;
}

export function writePart(part: Part, path: string, warnings: string[]): JsonObject {
  if (part.type === 'text') return { type: 'text', text: part.text, ...spread(part, warnings) };
  if (part.type === 'refusal') return { type: 'refusal', refusal: part.text };
  if (part.type === 'asset') return { ...writeAsset(part, path), ...spread(part, warnings) };
  if (part.type === 'other' && part.dialect === dialect && isObject(part.data)) return part.data;
  return refuse(path, `Chat completions have no place for this content (${part.type}).`);
}

function writeAsset(part: AssetPart, path: string): JsonObject {
  const { asset } = part;
  const kind = kindOf(part);
  if (kind === 'image')
    return { type: 'image_url', image_url: defined({ url: urlOfAsset(asset, path), detail: part.detail as Json }) };
  if (!('bytes' in asset)) refuse(path, `Chat completions take ${asset.mediaType} as data only, not by URL.`);
  if (kind === 'audio') {
    const format = /mpeg|mp3/.test(asset.mediaType) ? 'mp3' : asset.mediaType.slice(6).replace(/^x-/, '');
    return { type: 'input_audio', input_audio: { data: encodeBase64(asset.bytes), format } };
  }
  if (kind === 'video') refuse(path, 'Chat completions take no video.');
  return { type: 'file', file: { filename: asset.name ?? 'document', file_data: urlOfAsset(asset, path) } };
}

/** One entry of `tool_calls`. Custom tools have free text for input, which no other dialect knows: they stay as they are. */
export function readToolCall(value: Json, path: string, index: number): Part {
  const call = need(take.object(value, path), path);
  if (!isObject(call.function)) return { type: 'other', dialect, data: call };
  const { extra } = takeKnown(call, ['id', 'type', 'function', 'index']);
  const input = call.function.arguments;
  return {
    type: 'tool_call',
    id: typeof call.id === 'string' && call.id !== '' ? call.id : `call_${index}`,
    name: need(take.string(call.function.name, `${path}.function.name`), `${path}.function.name`),
    // some compatible servers send the arguments parsed
    arguments: typeof input === 'string' ? input : JSON.stringify(input ?? {}),
    ...leftover(extra),
  };
}

export function writeToolCall(part: ToolCallPart, warnings?: string[]): JsonObject {
  const { id, name } = part;
  return { id, type: 'function', function: { name, arguments: part.arguments }, ...spread(part, warnings) };
}

/**
 * The parts of an assistant message, in a request or an answer: reasoning, content, refusal, pictures, tool calls. Reasoning is
 * `reasoning_content` (DeepSeek, Qwen, vLLM) or `reasoning` (OpenRouter, Groq). Fields with no word become one `other` part.
 */
export function readAssistant(message: JsonObject, path: string): Part[] {
  const { known, extra } = takeKnown(message, [
    'role',
    'content',
    'refusal',
    'tool_calls',
    'function_call',
    'annotations',
    'images',
    'name',
    'reasoning_content',
    'reasoning',
  ]);
  const parts: Part[] = [];
  const reasoning = known.reasoning_content ?? known.reasoning;
  if (typeof reasoning === 'string' && reasoning !== '') parts.push({ type: 'reasoning', text: reasoning });
  parts.push(...readContent(known.content, `${path}.content`));
  if (Array.isArray(known.annotations) && known.annotations.length > 0) {
    const text = parts.find((part): part is TextPart => part.type === 'text');
    if (text) text.annotations = known.annotations;
  }
  if (typeof known.refusal === 'string' && known.refusal !== '') parts.push({ type: 'refusal', text: known.refusal });
  for (const image of take.array(known.images, `${path}.images`) ?? []) parts.push(readPart(image, `${path}.images`));
  const calls = take.array(known.tool_calls, `${path}.tool_calls`) ?? [];
  parts.push(...calls.map((call, index) => readToolCall(call, `${path}.tool_calls[${index}]`, index)));
  if (isObject(known.function_call)) {
    const call = { id: `call_${known.function_call.name}`, function: known.function_call };
    parts.push(readToolCall(call, `${path}.function_call`, 0));
  }
  if (Object.keys(extra).length > 0) parts.push({ type: 'other', dialect, data: { message: extra } });
  return parts;
}

/** Fields of an assistant message kept by `readAssistant`, if this part is that. */
export function messageFields(part: Part): JsonObject | undefined {
  if (part.type !== 'other' || part.dialect !== dialect) return undefined;
  const fields = at(part.data, 'message');
  return isObject(fields) ? fields : undefined;
}
