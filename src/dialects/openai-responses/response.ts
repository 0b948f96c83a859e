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
import { defined, overlay, ownExtra, streamErrorCode, takeKnown } from '../shared.ts';
import { dialect, type ItemId, readItem, writeItems } from './items.ts';

const own = [
  'id',
  'object',
  'created_at',
  'model',
  'status',
  'output',
  'output_text',
  'usage',
  'error',
  'incomplete_details',
] as const;

/** What a response object must repeat; the door lays the request's own values over it through `extra` (see `echoOf`). */
const echoes: JsonObject = {
  instructions: null,
  metadata: {},
  parallel_tool_calls: true,
  temperature: null,
  tool_choice: 'auto',
  tools: [],
  top_p: null,
};

/** Reads a response object. Throws GatewayError: its own error if it failed, else `provider_garbage`. */
export function readResponse(body: Json): TextAnswer {
  if (isObject(body) && isObject(body.error)) throw errorOf(body.error, body);
  if (!isObject(body) || !Array.isArray(body.output)) {
    throw new GatewayError('provider_garbage', { message: 'The answer is not a response object.', raw: body });
  }
  const { known, extra } = takeKnown(body, own);
  for (const [name, value] of Object.entries(echoes)) {
    if (JSON.stringify(extra[name]) === JSON.stringify(value)) delete extra[name];
  }
  const items = body.output.filter(isObject);
  const parts = items.flatMap((item, index) => readItem(item, `output[${index}]`));
  const rawFinish = stringAt(body, 'incomplete_details', 'reason') ?? stringAt(body, 'status');
  const texts = items.flatMap((item) => (item.type === 'message' && Array.isArray(item.content) ? item.content : []));
  const logprobs = texts.flatMap((text) => at(text, 'logprobs') ?? []);
  return defined<TextAnswer>({
    id: stringAt(body, 'id'),
    model: stringAt(body, 'model'),
    created: numberAt(body, 'created_at'),
    choices: [
      defined({
        parts,
        finish: readFinish(rawFinish, parts),
        rawFinish,
        logprobs: logprobs.length > 0 ? { content: logprobs, refusal: null } : undefined,
      }),
    ],
    counts: isObject(known.usage) ? readCounts(known.usage) : undefined,
    rawUsage: known.usage,
    extra: Object.keys(extra).length > 0 ? { dialect, params: extra } : undefined,
  });
}

export function readFinish(raw: string | undefined, parts: Part[]): FinishReason {
  if (raw === 'max_output_tokens') return 'length';
  if (raw === 'content_filter') return raw;
  if (raw !== 'completed') return 'other';
  if (parts.some((part) => part.type === 'tool_call')) return 'tool_calls';
  return parts.some((part) => part.type === 'refusal') ? 'refusal' : 'stop';
}

/** Writes a response object of the first choice: this dialect has no other. */
export function writeResponse(answer: TextAnswer): JsonObject {
  const choice = answer.choices[0] ?? { parts: [], finish: 'other' };
  const logprobs = at(choice.logprobs, 'content');
  const body: JsonObject = {
    ...headOf(answer),
    ...statusOf(choice.finish, choice.rawFinish),
    output: writeItems(choice.parts, itemIds(answer.id), Array.isArray(logprobs) ? logprobs : []),
  };
  const usage = writeUsage(answer.counts, answer.rawUsage);
  if (usage) body.usage = usage;
  const whole = overlay(body, ownExtra(answer.extra, dialect)) as JsonObject;
  // only what is complete was completed at some time
  return typeof whole.completed_at === 'number' && whole.status !== 'completed'
    ? { ...whole, completed_at: null }
    : whole;
}

/** The fields every response object has, before anything is known of its outcome. */
export function headOf(answer: Pick<TextAnswer, 'id' | 'created' | 'model'>): JsonObject {
  const { id = 'resp_atelier', created = 0, model = '' } = answer;
  return { id, object: 'response', created_at: created, model, error: null, incomplete_details: null, ...echoes };
}

/** Ids for items that have none: from the answer's own id, so that two answers do not share them. */
export function itemIds(answer = 'atelier'): ItemId {
  const tail = answer.slice(answer.search(/[_-]/) + 1);
  return (prefix, position) => `${prefix}_${tail}_${position}`;
}

export function statusOf(finish: FinishReason, raw?: string): JsonObject {
  if (finish === 'length') return { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
  if (finish === 'content_filter') return { status: 'incomplete', incomplete_details: { reason: 'content_filter' } };
  const waits = raw === 'queued' || raw === 'in_progress' || raw === 'cancelled' || raw === 'incomplete';
  return { status: finish === 'other' && waits ? raw : 'completed', incomplete_details: null };
}

/** Details that `writeUsage` named as unknown are unknown again; any other 0 was counted. */
export function readCounts(usage: JsonObject): TokenCounts {
  const unknown = Array.isArray(usage.unknown) ? usage.unknown : [];
  const detail = (group: string, name: string) =>
    unknown.includes(`${group}.${name}`) ? undefined : numberAt(usage, group, name);
  return defined({
    input: numberAt(usage, 'input_tokens'),
    cachedInput: detail('input_tokens_details', 'cached_tokens'),
    cacheWrite: detail('input_tokens_details', 'cache_write_tokens'),
    output: numberAt(usage, 'output_tokens'),
    reasoning: detail('output_tokens_details', 'reasoning_tokens'),
  });
}

/** The provider's own usage where it is of this shape, else one made of the counts; undefined where they do not suffice. */
export function writeUsage(counts: TokenCounts | undefined, raw: Json | undefined): JsonObject | undefined {
  const total = isObject(raw) && typeof raw.total_tokens === 'number' && typeof raw.input_tokens === 'number';
  if (total && isObject(raw.output_tokens_details)) return raw;
  if (counts?.input === undefined || counts.output === undefined) return undefined;
  const { input, output, cachedInput, cacheWrite, reasoning } = counts;
  // the schema wants integers: `unknown` says which of them only fill a place
  const unknown: string[] = [];
  if (cachedInput === undefined) unknown.push('input_tokens_details.cached_tokens');
  if (cacheWrite === undefined) unknown.push('input_tokens_details.cache_write_tokens');
  if (reasoning === undefined) unknown.push('output_tokens_details.reasoning_tokens');
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cachedInput ?? 0, cache_write_tokens: cacheWrite ?? 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning ?? 0 },
    total_tokens: input + output,
    ...(unknown.length > 0 ? { unknown } : {}),
  };
}

/** The error of a failed response or of an `error` event. */
export function errorOf(words: JsonObject, raw: Json): GatewayError {
  const code = streamErrorCode(defined({ type: stringAt(words, 'type'), code: stringAt(words, 'code') }));
  return new GatewayError(code, { message: stringAt(words, 'message') ?? 'The response failed.', raw, failure: 'D' });
}
