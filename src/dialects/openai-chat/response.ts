import {
  type AssetPart,
  at,
  type Choice,
  encodeBase64,
  type FinishReason,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  numberAt,
  type Part,
  stringAt,
  type TextAnswer,
  type TokenCounts,
} from '../../contract/index.ts';
import {
  decodeBase64,
  defined,
  kindOf,
  opaqueFor,
  overlay,
  ownExtra,
  streamErrorCode,
  takeKnown,
  urlCitation,
  urlOfAsset,
} from '../shared.ts';
import { dialect, messageFields, readAssistant, writeToolCall } from './parts.ts';

/** Reads a `chat.completion`. Throws GatewayError: its own error object inside a 200, else `provider_garbage`. */
export function readResponse(body: Json): TextAnswer {
  if (isObject(body) && body.error) throw errorInside(body);
  if (!isObject(body) || !Array.isArray(body.choices)) {
    throw new GatewayError('provider_garbage', { message: 'The answer is not a chat completion.', raw: body });
  }
  const { known, extra } = takeKnown(body, ['id', 'object', 'created', 'model', 'choices', 'usage']);
  const beside: JsonObject = {};
  const choices = body.choices.map((value, position): Choice => {
    const choice = isObject(value) ? value : {};
    const { extra: rest } = takeKnown(choice, ['index', 'message', 'finish_reason', 'logprobs']);
    const { audio, ...message } = isObject(choice.message) ? choice.message : {};
    const parts = readAssistant(message, `choices[${position}].message`);
    const fields = parts.map(messageFields).find((found) => found !== undefined);
    if (fields) rest.message = fields;
    if (Object.keys(rest).length > 0) beside[String(position)] = rest;
    const kept = parts.filter((part) => messageFields(part) === undefined);
    if (isObject(audio)) kept.push(readAudio(audio));
    const rawFinish = typeof choice.finish_reason === 'string' ? choice.finish_reason : undefined;
    return defined<Choice>({
      parts: kept,
      finish: readFinish(rawFinish, kept),
      rawFinish,
      logprobs: choice.logprobs ?? undefined,
    });
  });
  if (Object.keys(beside).length > 0) extra.choices = beside;
  return defined<TextAnswer>({
    id: stringAt(known, 'id'),
    model: stringAt(known, 'model'),
    created: numberAt(known, 'created'),
    choices,
    counts: isObject(known.usage) ? readCounts(known.usage) : undefined,
    rawUsage: known.usage,
    extra: Object.keys(extra).length > 0 ? { dialect, params: extra } : undefined,
  });
}

/** Writes a `chat.completion`. Usage is left out where input or output is unknown: the format has no word for that but 0. */
export function writeResponse(answer: TextAnswer): JsonObject {
  const body: JsonObject = {
    id: answer.id ?? 'chatcmpl-atelier',
    object: 'chat.completion',
    created: answer.created ?? 0,
    model: answer.model ?? '',
    choices: answer.choices.map((choice, index) => ({
      index,
      message: writeMessage(choice.parts),
      logprobs: writeLogprobs(choice.logprobs) ?? null,
      finish_reason: writeFinish(choice.finish, choice.rawFinish, hasRefusal(choice.parts)),
    })),
  };
  const usage = writeUsage(answer.counts, answer.rawUsage);
  if (usage) body.usage = usage;
  return overlay(body, ownExtra(answer.extra, dialect)) as JsonObject;
}

function writeMessage(parts: Part[]): JsonObject {
  const message: JsonObject = { role: 'assistant', content: null, refusal: null };
  const append = (field: string, text: string) => {
    message[field] = (typeof message[field] === 'string' ? message[field] : '') + text;
  };
  const push = (field: string, ...values: Json[]) => {
    if (values.length > 0) message[field] = [...(Array.isArray(message[field]) ? message[field] : []), ...values];
  };
  for (const part of parts) {
    if (part.type === 'text') {
      const before = typeof message.content === 'string' ? message.content.length : 0;
      append('content', part.text);
      push('annotations', ...(part.annotations ?? []).flatMap((one) => writeAnnotation(one, before, part.text.length)));
    } else if (part.type === 'reasoning') {
      if (part.text !== '') append('reasoning_content', part.text);
    } else if (part.type === 'refusal') append('refusal', part.text);
    else if (part.type === 'tool_call') push('tool_calls', writeToolCall(part));
    else if (part.type === 'asset') Object.assign(message, writeAsset(part, message));
    else if (part.type === 'other' && part.dialect === dialect && at(part.data, 'custom'))
      push('tool_calls', part.data);
  }
  return message;
}

/** A citation in this dialect's form; positions count from the start of the whole content. Those without a URL have none. */
export function writeAnnotation(annotation: Json, before: number, length: number): Json[] {
  const found = urlCitation(annotation);
  if (!found) return [];
  const { url, title, start = 0, end = length } = found;
  return [{ type: 'url_citation', url_citation: { url, title, start_index: before + start, end_index: before + end } }];
}

/** Sound is `audio`; pictures are `images`, as OpenRouter and others send them. */
export function writeAsset(part: AssetPart, message: JsonObject): JsonObject {
  if (kindOf(part) === 'audio' && 'bytes' in part.asset) {
    const own = opaqueFor(part.opaque, dialect);
    const words = { id: 'audio', expires_at: 0, transcript: '', ...(isObject(own) ? own : {}) };
    return { audio: { ...words, data: encodeBase64(part.asset.bytes) } };
  }
  if (kindOf(part) !== 'image') return {};
  const own = opaqueFor(part.opaque, dialect);
  const image: JsonObject = { type: 'image_url', image_url: { url: urlOfAsset(part.asset, 'choices') } };
  if (isObject(own)) Object.assign(image, own);
  return { images: [...(Array.isArray(message.images) ? message.images : []), image] };
}

/** `message.audio`: its id, transcript and expiry are echoed to this dialect only. */
export function readAudio(audio: JsonObject): Part {
  const { data, ...words } = audio;
  const bytes = decodeBase64(typeof data === 'string' ? data : '') ?? new Uint8Array();
  return { type: 'asset', asset: { mediaType: soundType(bytes), bytes }, opaque: { owner: dialect, data: words } };
}

/** The answer does not say which format was asked for: the first bytes do. */
function soundType(bytes: Uint8Array): string {
  const head = String.fromCharCode(...bytes.subarray(0, 4));
  if (head === 'RIFF') return 'audio/wav';
  if (head === 'fLaC') return 'audio/flac';
  if (head === 'OggS') return 'audio/ogg';
  if (head.startsWith('ID3') || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe6) === 0xe2)) return 'audio/mpeg';
  return bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xf6) === 0xf0 ? 'audio/aac' : 'audio/pcm';
}

export function hasRefusal(parts: Part[]): boolean {
  return parts.some((part) => part.type === 'refusal');
}

/** The neutral reason. Some compatible servers say "stop" after tool calls, and a refusal also ends in "stop". */
export function readFinish(raw: string | undefined, parts: Part[]): FinishReason {
  if (raw === 'length' || raw === 'content_filter') return raw;
  if (raw === 'tool_calls' || raw === 'function_call') return 'tool_calls';
  if (raw !== 'stop') return 'other';
  if (hasRefusal(parts)) return 'refusal';
  return parts.some((part) => part.type === 'tool_call') ? 'tool_calls' : 'stop';
}

export function writeFinish(finish: FinishReason, raw: string | undefined, refused: boolean): string {
  if (raw === 'function_call') return raw;
  if (finish === 'length' || finish === 'tool_calls' || finish === 'content_filter') return finish;
  return finish === 'refusal' && !refused ? 'content_filter' : 'stop';
}

/** Only this dialect's own shape is shown. */
export function writeLogprobs(logprobs: Json | undefined): Json | undefined {
  if (!isObject(logprobs) || !('content' in logprobs || 'refusal' in logprobs)) return undefined;
  return { content: null, refusal: null, ...logprobs };
}

/** Counts as clients read them; DeepSeek names its cache hits differently. */
export function readCounts(usage: JsonObject): TokenCounts {
  return defined({
    input: numberAt(usage, 'prompt_tokens'),
    cachedInput:
      numberAt(usage, 'prompt_tokens_details', 'cached_tokens') ?? numberAt(usage, 'prompt_cache_hit_tokens'),
    cacheWrite: numberAt(usage, 'prompt_tokens_details', 'cache_write_tokens'),
    output: readOutput(usage),
    reasoning: numberAt(usage, 'completion_tokens_details', 'reasoning_tokens'),
  });
}

/** Output with reasoning: xAI counts it beside the completion, which only its total shows. */
function readOutput(usage: JsonObject): number | undefined {
  const completion = numberAt(usage, 'completion_tokens');
  const reasoning = numberAt(usage, 'completion_tokens_details', 'reasoning_tokens');
  if (completion === undefined || !reasoning) return completion;
  const beside = numberAt(usage, 'total_tokens') === (numberAt(usage, 'prompt_tokens') ?? 0) + completion + reasoning;
  return beside ? completion + reasoning : completion;
}

/** The provider's own usage where it is of this shape, else one made of the counts; undefined where they do not suffice. */
export function writeUsage(counts: TokenCounts | undefined, raw: Json | undefined): JsonObject | undefined {
  const own = ['prompt_tokens', 'completion_tokens', 'total_tokens'];
  if (isObject(raw) && own.every((name) => typeof raw[name] === 'number')) return raw;
  if (counts?.input === undefined || counts.output === undefined) return undefined;
  const usage: JsonObject = {
    prompt_tokens: counts.input,
    completion_tokens: counts.output,
    total_tokens: counts.input + counts.output,
  };
  const input = defined({ cached_tokens: counts.cachedInput, cache_write_tokens: counts.cacheWrite });
  if (Object.keys(input).length > 0) usage.prompt_tokens_details = input as JsonObject;
  if (counts.reasoning !== undefined) usage.completion_tokens_details = { reasoning_tokens: counts.reasoning };
  return usage;
}

/** The words of an error body: OpenAI's, FastAPI's `detail`, a bare `message`, or Google's array around it. */
export function readError(status: number, body: Json): { message: string; type?: string; code?: string } {
  const outer = Array.isArray(body) ? body[0] : body;
  const inner = at(outer, 'error') ?? outer;
  if (typeof inner === 'string') return { message: inner || `HTTP ${status}` };
  const detail = at(inner, 'message') ?? at(inner, 'detail');
  const code = at(inner, 'code') ?? at(inner, 'status');
  return defined({
    message: typeof detail === 'string' ? detail : detail ? JSON.stringify(detail) : `HTTP ${status}`,
    type: stringAt(inner, 'type'),
    code: typeof code === 'number' ? String(code) : typeof code === 'string' ? code : undefined,
  });
}

/** An error object that came with status 200, in a body or in a stream. */
export function errorInside(body: JsonObject): GatewayError {
  const words = readError(200, body);
  return new GatewayError(streamErrorCode(words), { message: words.message, raw: body, failure: 'D' });
}

export function writeError(error: GatewayError): JsonObject {
  const { message, param = null, facts } = error.details;
  const words: JsonObject = { message, type: errorType(error.status), param, code: error.code };
  return { error: facts === undefined ? words : { ...words, facts } };
}

function errorType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 402) return 'insufficient_quota';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'api_error' : 'invalid_request_error';
}
