import {
  type Asset,
  type AssetPart,
  at,
  encodeBase64,
  isObject,
  type Json,
  type JsonObject,
  type Part,
  type ReasoningPart,
  stringAt,
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
  urlCitation,
  urlOfAsset,
} from '../shared.ts';

export const dialect = 'openai-responses';

function leftover(extra: JsonObject): { opaque?: { owner: typeof dialect; data: Json } } {
  return Object.keys(extra).length > 0 ? { opaque: { owner: dialect, data: extra } } : {};
}

/** Own opaque state as fields to spread; foreign state stays behind (see `opaqueFor`). */
export function ownFields(part: { opaque?: AssetPart['opaque'] }, warnings?: string[]): JsonObject {
  const data = opaqueFor(part.opaque, dialect, warnings);
  return isObject(data) ? data : {};
}

/** Message content or a tool's output: a string or content parts. */
export function readContent(content: Json | undefined, path: string): Part[] {
  if (content === undefined || content === null || content === '') return [];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) fail(path, `"${path}" must be a string or an array of content parts.`);
  return content.map((part, index) => readPart(part, `${path}[${index}]`));
}

function readPart(value: Json, path: string): Part {
  const part = need(take.object(value, path), path);
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text': {
      const { known, extra } = takeKnown(part, ['type', 'text', 'annotations', 'logprobs']);
      const text = need(take.string(known.text, `${path}.text`), `${path}.text`);
      const annotations = take.array(known.annotations, `${path}.annotations`) ?? [];
      return { type: 'text', text, ...(annotations.length > 0 ? { annotations } : {}), ...leftover(extra) };
    }
    case 'refusal':
      return { type: 'refusal', text: need(take.string(part.refusal, `${path}.refusal`), `${path}.refusal`) };
    case 'input_image': {
      const { known, extra } = takeKnown(part, ['type', 'image_url', 'detail']);
      const url = take.string(known.image_url, `${path}.image_url`);
      // a file_id lives in one account of one provider: only this dialect can send it
      if (url === undefined) return { type: 'other', dialect, data: part };
      const detail = take.string(known.detail, `${path}.detail`);
      const asset = assetFromUrl(url, 'image/*', `${path}.image_url`);
      // the schema wants a detail; "auto" is what leaving it out means
      return {
        type: 'asset',
        asset,
        ...(detail === undefined || detail === 'auto' ? {} : { detail }),
        ...leftover(extra),
      };
    }
    case 'input_file': {
      const { known, extra } = takeKnown(part, ['type', 'filename', 'file_data', 'file_url']);
      const asset = readFile(known, path);
      return asset ? { type: 'asset', asset, ...leftover(extra) } : { type: 'other', dialect, data: part };
    }
    default:
      return { type: 'other', dialect, data: part };
  }
}

function readFile(file: JsonObject, path: string): Asset | undefined {
  const name = take.string(file.filename, `${path}.filename`);
  const named = name === undefined ? {} : { name };
  const url = take.string(file.file_url, `${path}.file_url`);
  if (url !== undefined) return { mediaType: 'application/pdf', url, ...named };
  const data = take.string(file.file_data, `${path}.file_data`);
  if (data === undefined) return undefined;
  const read = readDataUrl(data) ?? { mediaType: 'application/pdf', bytes: decodeBase64(data) };
  if (!read.bytes) fail(`${path}.file_data`, 'The file is not base64.');
  return { mediaType: read.mediaType, bytes: read.bytes, ...named };
}

/** Content of a user, system or developer message, or a tool's output: one bare text becomes a string. */
export function writeContent(parts: Part[], path: string, warnings: string[]): Json {
  const written = parts.map((part, index) => writePart(part, `${path}[${index}]`, warnings));
  const only = parts.length === 1 ? written[0] : undefined;
  if (written.length === 0) return '';
  return only?.type === 'input_text' && Object.keys(only).length === 2 ? (only.text as string) : written;
}

function writePart(part: Part, path: string, warnings: string[]): JsonObject {
  if (part.type === 'text') return { type: 'input_text', text: part.text, ...ownFields(part, warnings) };
  if (part.type === 'other' && part.dialect === dialect && isObject(part.data)) return part.data;
  if (part.type !== 'asset') return refuse(path, `The Responses API has no place for this content (${part.type}).`);
  const { asset } = part;
  const kind = kindOf(part);
  const own = ownFields(part, warnings);
  if (kind === 'image')
    return { type: 'input_image', image_url: urlOfAsset(asset, path), detail: part.detail ?? 'auto', ...own };
  if (kind === 'audio' || kind === 'video') return refuse(path, `The Responses API takes no ${kind}.`);
  const named: JsonObject = asset.name === undefined ? {} : { filename: asset.name };
  if ('url' in asset) return { type: 'input_file', file_url: asset.url, ...named, ...own };
  return { type: 'input_file', filename: asset.name ?? 'document', file_data: urlOfAsset(asset, path), ...own };
}

/** What one output item says, as parts. Items without a word of their own (web search, MCP, custom tools…) stay as they are. */
export function readItem(item: JsonObject, path: string): Part[] {
  switch (item.type) {
    case undefined:
    case 'message': {
      const parts = readContent(item.content, `${path}.content`);
      const first = parts.find((part) => part.type === 'text');
      // `phase` must come back with the text that it marks
      if (first?.type === 'text' && item.phase)
        first.opaque = { owner: dialect, data: { ...ownFields(first), phase: item.phase } };
      return parts;
    }
    case 'function_call':
      return [
        {
          type: 'tool_call',
          id: need(take.string(item.call_id, `${path}.call_id`), `${path}.call_id`),
          name: need(take.string(item.name, `${path}.name`), `${path}.name`),
          arguments: take.string(item.arguments, `${path}.arguments`) ?? '',
          ...leftover(takeKnown(item, ['type', 'id', 'call_id', 'name', 'arguments', 'status']).extra),
        },
      ];
    case 'reasoning':
      return [readReasoning(item)];
    case 'image_generation_call': {
      const { type, result, ...words } = item;
      const bytes = typeof result === 'string' ? decodeBase64(result) : undefined;
      if (!bytes) return [{ type: 'other', dialect, data: item }];
      const asset = { mediaType: `image/${stringAt(item, 'output_format') ?? 'png'}`, bytes };
      return [{ type: 'asset', asset, opaque: { owner: dialect, data: words } }];
    }
    default:
      return [{ type: 'other', dialect, data: item }];
  }
}

/** The text is for people; the item itself (id, encrypted_content, further summaries) is state for its owner. */
export function readReasoning(item: JsonObject): ReasoningPart {
  const { type, summary, ...state } = item;
  const texts = (list: Json | undefined) => (Array.isArray(list) ? list : []).map((one) => stringAt(one, 'text') ?? '');
  const summaries = texts(summary);
  const simple = summaries.length < 2 && state.content === undefined;
  const text = [...summaries, ...texts(state.content)].filter((one) => one !== '').join('\n\n');
  const data = simple || summary === undefined ? state : { ...state, summary };
  return { type: 'reasoning', text, opaque: { owner: dialect, data } };
}

/** Names items whose provider gave them no id: unique within an answer, and stable. */
export type ItemId = (prefix: string, position: number) => string;

/** A reasoning item. `encrypted_content` and the real id are there only if this dialect made it. */
export function writeReasoning(part: ReasoningPart, id: string): JsonObject {
  const summary = part.text === '' ? [] : [{ type: 'summary_text', text: part.text }];
  return { type: 'reasoning', id, summary, ...ownFields(part) };
}

export function writeFunctionCall(part: ToolCallPart, id: string | undefined): JsonObject {
  const base = {
    type: 'function_call',
    id,
    call_id: part.id,
    name: part.name,
    arguments: part.arguments,
    status: 'completed',
  };
  return { ...(defined(base) as JsonObject), ...ownFields(part) };
}

/** Content of an assistant's message item. */
export function writeOutputText(part: Part, logprobs: Json[]): JsonObject {
  if (part.type === 'refusal') return { type: 'refusal', refusal: part.text };
  if (part.type !== 'text') return {};
  const { phase, ...own } = ownFields(part);
  const annotations = (part.annotations ?? []).flatMap((one) => writeAnnotation(one, part.text.length));
  return { type: 'output_text', text: part.text, annotations, logprobs, ...own };
}

/** A citation in this dialect's form; those that it has no form for are not shown. */
export function writeAnnotation(annotation: Json, length: number): Json[] {
  if (['file_citation', 'container_file_citation', 'file_path'].includes(String(at(annotation, 'type'))))
    return [annotation];
  const found = urlCitation(annotation);
  if (!found) return [];
  const { url, title, start = 0, end = length } = found;
  return [{ type: 'url_citation', url, title, start_index: start, end_index: end }];
}

/** Parts of an answer or an assistant turn as items: neighbouring text and refusals share one message. */
export function writeItems(parts: Part[], id: ItemId, logprobs: Json[] = []): JsonObject[] {
  const items: JsonObject[] = [];
  let content: Json[] | undefined;
  let shown = logprobs;
  for (const part of parts) {
    if (part.type === 'text' || part.type === 'refusal') {
      if (!content) {
        content = [];
        const phase = part.type === 'text' ? ownFields(part).phase : undefined;
        const item = { type: 'message', id: id('msg', items.length), role: 'assistant', status: 'completed', content };
        items.push({ ...item, ...(phase ? { phase } : {}) });
      }
      content.push(writeOutputText(part, part.type === 'text' ? shown : []));
      if (part.type === 'text') shown = [];
      continue;
    }
    content = undefined;
    const item = writeItem(part, id, items.length);
    if (item) items.push(item);
  }
  return items;
}

/** An item that is no message; undefined for a part that has none. */
export function writeItem(part: Part, id: ItemId, position: number): JsonObject | undefined {
  if (part.type === 'tool_call') return writeFunctionCall(part, id('fc', position));
  if (part.type === 'reasoning') return writeReasoning(part, id('rs', position));
  if (part.type === 'other' && part.dialect === dialect && isObject(part.data)) return part.data;
  if (part.type !== 'asset' || kindOf(part) !== 'image' || !('bytes' in part.asset)) return undefined;
  const result = encodeBase64(part.asset.bytes);
  return { type: 'image_generation_call', id: id('ig', position), status: 'completed', result, ...ownFields(part) };
}
