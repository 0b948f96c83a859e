import {
  asGatewayError,
  type Event,
  isObject,
  type Json,
  type JsonObject,
  type Part,
  type SseFrame,
  type TokenCounts,
} from '../../contract/index.ts';
import { openPart } from '../fold.ts';
import { interrupted, overlay } from '../shared.ts';
import { dialect, messageFields, writeToolCall } from './parts.ts';
import { writeAnnotation, writeAsset, writeError, writeFinish, writeLogprobs, writeUsage } from './response.ts';

type Writing = { choice: number; part: Part; call: number; before: number; length: number };

/**
 * Chunks of a stream, ending in a usage chunk (where usage is known) and `[DONE]`. An `error` event, or a stream that ends with
 * an unfinished answer, becomes an error chunk and no `[DONE]`.
 */
export async function* writeEvents(events: AsyncIterable<Event>): AsyncGenerator<SseFrame, void, undefined> {
  let head: JsonObject = { id: 'chatcmpl-atelier', object: 'chat.completion.chunk', created: 0, model: '' };
  const parts = new Map<number, Writing>();
  const begun = new Map<number, { calls: number; length: number; refused: boolean; finished: boolean }>();
  let counts: TokenCounts = {};
  let raw: Json | undefined;
  const frame = (fields: JsonObject): SseFrame => ({ data: JSON.stringify({ ...head, ...fields }) });
  const chunk = (choice: number, delta: JsonObject, finish: string | null = null, logprobs?: Json): SseFrame =>
    frame({ choices: [{ index: choice, delta, ...(logprobs ? { logprobs } : {}), finish_reason: finish }] });
  const begin = (choice: number) => {
    const known = begun.get(choice);
    if (known) return { state: known, frames: [] };
    const state = { calls: 0, length: 0, refused: false, finished: false };
    begun.set(choice, state);
    return { state, frames: [chunk(choice, { role: 'assistant', content: '' })] };
  };
  const grow = (index: number, delta: Parameters<typeof writeDelta>[1]): SseFrame[] => {
    const open = parts.get(index);
    const words = open && writeDelta(open, delta);
    return words ? [chunk(open.choice, words)] : [];
  };
  try {
    for await (const event of events) {
      switch (event.type) {
        case 'start':
          head = {
            ...head,
            ...(event.id ? { id: event.id } : {}),
            model: event.model ?? '',
            created: event.created ?? 0,
          };
          break;
        case 'part_start': {
          const choice = event.choice ?? 0;
          const { state, frames } = begin(choice);
          yield* frames;
          const { part, deltas } = openPart(event.part);
          parts.set(event.index, { choice, part, call: state.calls, before: state.length, length: 0 });
          state.refused ||= part.type === 'refusal';
          if (part.type === 'tool_call' || messageCall(part)) {
            const words = part.type === 'tool_call' ? writeToolCall(part) : (messageCall(part) as JsonObject);
            yield chunk(choice, { tool_calls: [{ index: state.calls++, ...words }] });
          } else if (part.type === 'asset') yield chunk(choice, writeAsset(part, {}));
          for (const delta of deltas) yield* grow(event.index, delta);
          break;
        }
        case 'part_delta':
          yield* grow(event.index, event.delta);
          break;
        case 'part_end': {
          const ended = parts.get(event.index);
          const state = ended && begun.get(ended.choice);
          if (state && ended.part.type === 'text') state.length += ended.length;
          break;
        }
        case 'logprobs': {
          const logprobs = writeLogprobs(event.logprobs);
          const { frames } = begin(event.choice ?? 0);
          yield* frames;
          if (logprobs) yield chunk(event.choice ?? 0, {}, null, logprobs);
          break;
        }
        case 'usage':
          counts = { ...counts, ...event.counts };
          if (event.raw !== undefined) raw = overlay(raw, event.raw);
          break;
        case 'finish': {
          const { state, frames } = begin(event.choice ?? 0);
          yield* frames;
          state.finished = true;
          yield chunk(event.choice ?? 0, {}, writeFinish(event.reason, event.rawReason, state.refused));
          break;
        }
        case 'error':
          throw event.error;
        case 'other': {
          if (event.dialect !== dialect || !isObject(event.data)) break;
          const { choices, ...rest } = event.data;
          head = { ...head, ...rest };
          for (const [index, fields] of Object.entries(isObject(choices) ? choices : {})) {
            const { message, ...beside } = isObject(fields) ? fields : {};
            yield frame({ choices: [{ index: Number(index), delta: message ?? {}, finish_reason: null, ...beside }] });
          }
        }
      }
    }
    if (begun.size === 0 || [...begun.values()].some((state) => !state.finished)) throw interrupted();
    const usage = writeUsage(counts, raw);
    if (usage) yield frame({ choices: [], usage });
    yield { data: '[DONE]' };
  } catch (thrown) {
    yield { data: JSON.stringify(writeError(asGatewayError(thrown))) };
  }
}

function messageCall(part: Part): JsonObject | undefined {
  if (part.type !== 'other' || part.dialect !== dialect || messageFields(part)) return undefined;
  return isObject(part.data) && isObject(part.data.custom) ? part.data : undefined;
}

/** The chunk delta of one growth; undefined where this dialect shows nothing. */
function writeDelta(open: Writing, delta: Extract<Event, { type: 'part_delta' }>['delta']): JsonObject | undefined {
  const { part } = open;
  if ('text' in delta) {
    open.length += delta.text.length;
    if (part.type === 'text') return { content: delta.text };
    if (part.type === 'refusal') return { refusal: delta.text };
    return part.type === 'reasoning' ? { reasoning_content: delta.text } : undefined;
  }
  if ('arguments' in delta) return { tool_calls: [{ index: open.call, function: { arguments: delta.arguments } }] };
  if ('annotation' in delta) {
    const annotations = writeAnnotation(delta.annotation, open.before, open.length);
    return annotations.length > 0 ? { annotations } : undefined;
  }
  if (part.type !== 'tool_call' || delta.opaque.owner !== dialect || !isObject(delta.opaque.data)) return undefined;
  return { tool_calls: [{ index: open.call, ...delta.opaque.data }] };
}
