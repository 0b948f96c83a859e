import {
  type Asset,
  type AssetPart,
  encodeBase64,
  isObject,
  type Json,
  type JsonObject,
  type Opaque,
  type Part,
  type ToolResultPart,
} from '../../contract/index.ts';
import {
  decodeBase64,
  defined,
  fail,
  kindOf,
  need,
  opaqueFor,
  refuse,
  take,
  takeKnown,
  urlCitation,
  urlOfAsset,
} from '../shared.ts';

export const dialect = 'anthropic-messages';

/** Where a block goes: what is allowed differs between a user turn, an assistant turn, a tool result and an answer. */
export type Place = 'user' | 'assistant' | 'result' | 'answer';

/** Fields of a block without a word of their own (cache_control, a caller): they stay on their part, for this dialect only. */
function leftover(extra: JsonObject): { opaque?: Opaque } {
  const kept = Object.fromEntries(Object.entries(extra).filter(([, value]) => value !== null));
  return Object.keys(kept).length > 0 ? { opaque: { owner: dialect, data: kept } } : {};
}

/** Content of a message, system prompt or tool result: a string or blocks. An empty string is no part. */
export function readContent(content: Json | undefined, path: string): Part[] {
  if (content === undefined || content === null || content === '') return [];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) fail(path, `"${path}" must be a string or an array of blocks.`);
  return content.map((block, index) => readBlock(block, `${path}[${index}]`));
}

export function readBlock(value: Json, path: string): Part {
  const block = need(take.object(value, path), path);
  switch (block.type) {
    case 'text': {
      const { known, extra } = takeKnown(block, ['type', 'text', 'citations']);
      const text = need(take.string(known.text, `${path}.text`), `${path}.text`);
      const citations = take.array(known.citations, `${path}.citations`) ?? [];
      return { type: 'text', text, ...(citations.length > 0 ? { annotations: citations } : {}), ...leftover(extra) };
    }
    case 'thinking': {
      const signature = take.string(block.signature, `${path}.signature`);
      const text = need(take.string(block.thinking, `${path}.thinking`), `${path}.thinking`);
      return { type: 'reasoning', text, ...(signature ? { opaque: { owner: dialect, data: signature } } : {}) };
    }
    case 'redacted_thinking': {
      const data = need(take.string(block.data, `${path}.data`), `${path}.data`);
      return { type: 'reasoning', text: '', redacted: true, opaque: { owner: dialect, data } };
    }
    case 'tool_use': {
      const { known, extra } = takeKnown(block, ['type', 'id', 'name', 'input']);
      if (isObject(extra.caller) && extra.caller.type === 'direct') delete extra.caller;
      const id = need(take.string(known.id, `${path}.id`), `${path}.id`);
      const name = need(take.string(known.name, `${path}.name`), `${path}.name`);
      return { type: 'tool_call', id, name, arguments: JSON.stringify(known.input ?? {}), ...leftover(extra) };
    }
    case 'tool_result': {
      const { known, extra } = takeKnown(block, ['type', 'tool_use_id', 'content', 'is_error']);
      const id = need(take.string(known.tool_use_id, `${path}.tool_use_id`), `${path}.tool_use_id`);
      const content = readContent(known.content, `${path}.content`);
      return {
        type: 'tool_result',
        id,
        content,
        ...(known.is_error === true ? { isError: true } : {}),
        ...leftover(extra),
      };
    }
    case 'image':
    case 'document': {
      const { known, extra } = takeKnown(block, ['type', 'source', 'title']);
      const asset = readSource(need(take.object(known.source, `${path}.source`), `${path}.source`), block.type, path);
      if (!asset) return { type: 'other', dialect, data: block };
      if (typeof known.title === 'string') asset.name = known.title;
      return { type: 'asset', asset, ...leftover(extra) };
    }
    default:
      return { type: 'other', dialect, data: block };
  }
}

/** A file id lives in one account, and a document made of blocks is no file: both stay as they are. */
function readSource(source: JsonObject, type: 'image' | 'document', path: string): Asset | undefined {
  if (source.type === 'url') {
    const url = need(take.string(source.url, `${path}.source.url`), `${path}.source.url`);
    return { mediaType: type === 'image' ? 'image/*' : 'application/pdf', url };
  }
  if (source.type !== 'base64' && source.type !== 'text') return undefined;
  const data = need(take.string(source.data, `${path}.source.data`), `${path}.source.data`);
  const mediaType = take.string(source.media_type, `${path}.source.media_type`) ?? 'text/plain';
  const bytes = source.type === 'text' ? new TextEncoder().encode(data) : decodeBase64(data);
  return { mediaType, bytes: bytes ?? fail(`${path}.source.data`, 'The data is not base64.') };
}

/** Ids of other dialects may hold characters that are refused here. The same id always becomes the same. */
const cleanId = (id: string) => id.replace(/[^a-zA-Z0-9_-]/g, '_');

const own = (opaque: Opaque | undefined, warnings?: string[]): JsonObject => {
  const data = opaqueFor(opaque, dialect, warnings);
  return isObject(data) ? data : {};
};

/** A part as a block; undefined where it is left out (with a warning, where `warnings` are taken). Throws for content that has no place. */
export function writeBlock(part: Part, place: Place, path: string, warnings: string[]): JsonObject | undefined {
  switch (part.type) {
    case 'text': {
      if (part.text === '' && place !== 'answer') return undefined;
      const citations = writeCitations(part.annotations ?? [], place, warnings);
      const empty: JsonObject = place === 'answer' ? { citations: null } : {};
      return {
        type: 'text',
        text: part.text,
        ...(citations.length > 0 ? { citations } : empty),
        ...own(part.opaque, warnings),
      };
    }
    case 'refusal':
      return { type: 'text', text: part.text, ...(place === 'answer' ? { citations: null } : {}) };
    case 'reasoning': {
      const state = opaqueFor(part.opaque, dialect);
      if (part.redacted && typeof state === 'string') return { type: 'redacted_thinking', data: state };
      if (typeof state === 'string') return { type: 'thinking', thinking: part.text, signature: state };
      if (place === 'answer' && !part.redacted) return { type: 'thinking', thinking: part.text, signature: '' };
      warn(warnings, 'Reasoning without a signature of anthropic-messages would be refused and was left out.');
      return undefined;
    }
    case 'tool_call':
      return {
        type: 'tool_use',
        id: cleanId(part.id),
        name: part.name,
        input: readArguments(part.arguments),
        ...(place === 'answer' ? { caller: { type: 'direct' } } : {}),
        ...own(part.opaque, warnings),
      };
    case 'tool_result':
      return writeToolResult(part, path, warnings);
    case 'asset':
      if (place === 'answer') return { type: 'text', text: assetAsText(part, path), citations: null };
      if (place === 'assistant') {
        warn(warnings, 'Assistant turns of anthropic-messages hold no media: they were left out.');
        return undefined;
      }
      return writeAsset(part, path, warnings);
    case 'embedding':
      warn(warnings, 'An embedding is no content of a message and was left out.');
      return undefined;
    case 'other':
      if (part.dialect === dialect && isObject(part.data)) return part.data;
      warn(warnings, `A block that only ${part.dialect} knows was left out.`);
      return undefined;
  }
}

export function writeBlocks(parts: Part[], place: Place, path: string, warnings: string[]): JsonObject[] {
  return parts.flatMap((part, index): JsonObject[] => {
    const block = writeBlock(part, place, `${path}[${index}]`, warnings);
    return block ? [block] : [];
  });
}

function writeToolResult(part: ToolResultPart, path: string, warnings: string[]): JsonObject {
  const blocks = writeBlocks(part.content, 'result', `${path}.content`, warnings);
  const plain = blocks.length === 1 && blocks[0]?.type === 'text' && Object.keys(blocks[0]).length === 2;
  return defined({
    type: 'tool_result',
    tool_use_id: cleanId(part.id),
    content: plain ? blocks[0]?.text : blocks.length > 0 ? blocks : undefined,
    is_error: part.isError,
    ...own(part.opaque, warnings),
  }) as JsonObject;
}

const pictures = /^image\/(jpeg|png|gif|webp)$/;

function writeAsset(part: AssetPart, path: string, warnings: string[]): JsonObject {
  const { asset } = part;
  const kind = kindOf(part);
  const title: JsonObject = asset.name && kind !== 'image' ? { title: asset.name } : {};
  const rest: JsonObject = { ...title, ...own(part.opaque, warnings) };
  const pdf = asset.mediaType === 'application/pdf';
  if (part.detail !== undefined) warn(warnings, 'anthropic-messages has no "detail" for pictures: it was left out.');
  if ('stream' in asset) refuse(path, 'A streamed asset cannot be sent inside a text request.');
  if (kind !== 'image' && kind !== 'text' && !pdf) refuse(path, `anthropic-messages takes no ${asset.mediaType}.`);
  const type = kind === 'image' ? 'image' : 'document';
  if ('url' in asset) {
    if (kind === 'text') refuse(path, 'anthropic-messages takes text files as data only, not by URL.');
    return { type, source: { type: 'url', url: asset.url }, ...rest };
  }
  if (kind === 'text') {
    const data = new TextDecoder().decode(asset.bytes);
    return { type, source: { type: 'text', media_type: 'text/plain', data }, ...rest };
  }
  if (kind === 'image' && !pictures.test(asset.mediaType))
    refuse(path, `anthropic-messages takes no ${asset.mediaType}.`);
  return { type, source: { type: 'base64', media_type: asset.mediaType, data: encodeBase64(asset.bytes) }, ...rest };
}

/** Media in an answer: this dialect has no block for it, so it goes as Markdown that shows it. */
export function assetAsText(part: AssetPart, path: string): string {
  const label = part.asset.name ?? part.asset.mediaType;
  return `${kindOf(part) === 'image' ? '!' : ''}[${label}](${urlOfAsset(part.asset, path)})`;
}

const locations = /^(char|page|content_block|web_search_result|search_result)_location$/;

/** Citations of this dialect as they are. Web citations of others are shown in answers; requests would refuse them. */
export function writeCitations(annotations: Json[], place: Place, warnings: string[]): Json[] {
  if (place !== 'assistant' && place !== 'answer') return [];
  return annotations.flatMap((annotation): Json[] => {
    if (isObject(annotation) && locations.test(String(annotation.type))) return [annotation];
    const web = place === 'answer' ? urlCitation(annotation) : undefined;
    const { url, title } = web ?? {};
    if (url !== undefined && title !== undefined)
      return [{ type: 'web_search_result_location', url, title: title || null, cited_text: '', encrypted_index: '' }];
    warn(warnings, 'Citations of another dialect were left out.');
    return [];
  });
}

/** The input object of a tool call. Broken JSON is wrapped as Anthropic advises: https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming */
function readArguments(text: string): JsonObject {
  if (text.trim() === '') return {};
  try {
    const input: Json = JSON.parse(text);
    if (isObject(input)) return input;
  } catch {
    // falls through: what cannot be read is still shown
  }
  return { INVALID_JSON: text };
}

export function warn(warnings: string[], sentence: string): void {
  if (!warnings.includes(sentence)) warnings.push(sentence);
}
