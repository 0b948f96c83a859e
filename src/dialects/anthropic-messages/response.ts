import {
  at,
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
import { blameProvider, defined, overlay, ownExtra, takeKnown } from '../shared.ts';
import { dialect, readContent, writeBlocks } from './blocks.ts';
import { errorInside } from './errors.ts';

/** Reads a `Message`. `stop_sequence`, `stop_details` and other fields that say something stay in `extra`. Throws GatewayError: its own error inside a 200, else `provider_garbage`. */
export function readResponse(body: Json): TextAnswer {
  if (at(body, 'type') === 'error') throw errorInside(body);
  if (!Array.isArray(at(body, 'content')))
    throw new GatewayError('provider_garbage', { message: 'The answer is not a message.', raw: body });
  const { known, extra } = takeKnown(isObject(body) ? body : {}, messageFields);
  const params = withoutNulls(extra);
  const rawFinish = typeof known.stop_reason === 'string' ? known.stop_reason : undefined;
  const parts = readAnswer(known.content);
  return defined<TextAnswer>({
    id: stringAt(known, 'id') || undefined,
    model: stringAt(known, 'model') || undefined,
    choices: [defined({ parts, finish: readFinish(rawFinish), rawFinish })],
    ...readUsage(known.usage),
    extra: Object.keys(params).length > 0 ? { dialect, params } : undefined,
  });
}

function readAnswer(content: Json | undefined): Part[] {
  try {
    return readContent(content, 'content');
  } catch (thrown) {
    throw blameProvider(thrown);
  }
}

export const messageFields = ['id', 'type', 'role', 'model', 'content', 'stop_reason', 'usage'] as const;

export function withoutNulls(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

/**
 * Writes a `Message`. It has one answer: further choices have no place. A count that is unknown is written as null, never as 0;
 * the API's own description wants integers there, so estimate before writing.
 */
export function writeResponse(answer: TextAnswer): JsonObject {
  const choice = answer.choices[0];
  const message = {
    ...emptyMessage(answer.id, answer.model),
    content: writeBlocks(choice?.parts ?? [], 'answer', 'content', []),
    stop_reason: writeFinish(choice?.finish ?? 'other', choice?.rawFinish),
    usage: writeUsage(answer.counts, answer.rawUsage),
  };
  return overlay(message, ownExtra(answer.extra, dialect)) as JsonObject;
}

export function emptyMessage(id = '', model = ''): JsonObject {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
  };
}

const finishes: Record<string, FinishReason> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  pause_turn: 'pause',
  refusal: 'refusal',
};

export function readFinish(raw: string | undefined): FinishReason {
  return finishes[raw ?? ''] ?? 'other';
}

export function writeFinish(finish: FinishReason, raw?: string): string {
  if (raw !== undefined && finishes[raw] === finish) return raw;
  if (finish === 'content_filter') return 'refusal';
  return Object.keys(finishes).find((word) => finishes[word] === finish) ?? 'end_turn';
}

/** Counts and the raw object. Input is what was read afresh, written to the cache and read from it, together. */
export function readUsage(usage: Json | undefined): { counts?: TokenCounts; rawUsage?: Json } {
  if (!isObject(usage)) return {};
  const fresh = numberAt(usage, 'input_tokens');
  const cacheWrite = numberAt(usage, 'cache_creation_input_tokens');
  const cachedInput = numberAt(usage, 'cache_read_input_tokens');
  const input = fresh === undefined ? undefined : fresh + (cacheWrite ?? 0) + (cachedInput ?? 0);
  const counts = defined<TokenCounts>({
    // no prompt is empty: 0 stands in for a count that was not known when a stream began
    input: input || undefined,
    cachedInput,
    cacheWrite,
    output: numberAt(usage, 'output_tokens'),
    reasoning: numberAt(usage, 'output_tokens_details', 'thinking_tokens'),
  });
  return { rawUsage: usage, ...(Object.keys(counts).length > 0 ? { counts } : {}) };
}

/** A usage object of this dialect goes out as it came; others are told by their counts. */
export function writeUsage(counts: TokenCounts = {}, raw?: Json): JsonObject {
  const empty = { cache_creation: null, inference_geo: null, server_tool_use: null, service_tier: null };
  if (isObject(raw) && 'input_tokens' in raw && !('total_tokens' in raw) && !('input_tokens_details' in raw)) {
    return { ...empty, cache_creation_input_tokens: null, cache_read_input_tokens: null, output_tokens: null, ...raw };
  }
  const { input, cachedInput, cacheWrite, output, reasoning } = counts;
  return {
    ...empty,
    input_tokens: input === undefined ? null : Math.max(0, input - (cachedInput ?? 0) - (cacheWrite ?? 0)),
    cache_creation_input_tokens: cacheWrite ?? null,
    cache_read_input_tokens: cachedInput ?? null,
    output_tokens: output ?? null,
    ...(reasoning === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoning } }),
  };
}

/** Adds a frame's usage to what is known: the cache split, tier and speed come in message_start only, the final output in message_delta. */
export function mergeUsage(frame: Json, before: Json | undefined): Json | undefined {
  const starts = at(frame, 'type') === 'message_start';
  const usage = starts ? at(frame, 'message', 'usage') : at(frame, 'usage');
  if (!isObject(usage)) return before;
  const news = Object.entries(usage).filter(([name, value]) => value !== null && !(starts && name === 'output_tokens'));
  return { ...(isObject(before) ? before : {}), ...Object.fromEntries(news) };
}
