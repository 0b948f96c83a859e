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

/** What a response object must repeat; the door lays the request's own values over it through `extra`. */
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
  return overlay(body, ownExtra(answer.extra, dialect)) as JsonObject;
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

export function readCounts(usage: JsonObject): TokenCounts {
  return defined({
    input: numberAt(usage, 'input_tokens'),
    cachedInput: numberAt(usage, 'input_tokens_details', 'cached_tokens'),
    cacheWrite: numberAt(usage, 'input_tokens_details', 'cache_write_tokens'),
    output: numberAt(usage, 'output_tokens'),
    reasoning: numberAt(usage, 'output_tokens_details', 'reasoning_tokens'),
  });
}

/** The provider's own usage where it is of this shape, else one made of the counts; undefined where they do not suffice. */
export function writeUsage(counts: TokenCounts | undefined, raw: Json | undefined): JsonObject | undefined {
  const total = isObject(raw) && typeof raw.total_tokens === 'number' && typeof raw.input_tokens === 'number';
  if (total && isObject(raw.output_tokens_details)) return raw;
  if (counts?.input === undefined || counts.output === undefined) return undefined;
  return {
    input_tokens: counts.input,
    // the schema wants the details: what is unknown is shown as none here, and nowhere else
    input_tokens_details: { cached_tokens: counts.cachedInput ?? 0, cache_write_tokens: counts.cacheWrite ?? 0 },
    output_tokens: counts.output,
    output_tokens_details: { reasoning_tokens: counts.reasoning ?? 0 },
    total_tokens: counts.input + counts.output,
  };
}

/** The error of a failed response or of an `error` event. */
export function errorOf(words: JsonObject, raw: Json): GatewayError {
  const code = streamErrorCode(defined({ type: stringAt(words, 'type'), code: stringAt(words, 'code') }));
  return new GatewayError(code, { message: stringAt(words, 'message') ?? 'The response failed.', raw, failure: 'D' });
}
