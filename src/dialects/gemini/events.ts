import {
  asGatewayError,
  at,
  type Event,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  numberAt,
  type Part,
  type SseFrame,
  type StreamScan,
  stringAt,
} from '../../contract/index.ts';
import { grow, openPart } from '../fold.ts';
import { blameProvider, defined, interrupted, overlay, parseFrame, takeKnown } from '../shared.ts';
import { errorInside, writeError } from './errors.ts';
import { CallIds, dialect, readGrounding, readPart, signatureOf } from './parts.ts';
import {
  answerFields,
  isEmpty,
  leftoverOf,
  readBlocked,
  readFinish,
  readLogprobs,
  readUsage,
  writeAnswerPart,
  writeFinish,
  writeGrounding,
  writeLogprobs,
  writeUsage,
} from './response.ts';

type Reading = { open?: { index: number; type: 'text' | 'reasoning' }; calls: boolean; raw?: string };

/**
 * Events of a stream of `GenerateContentResponse` chunks. Nothing marks its end: it is whole when each candidate has said why it
 * finished, or the prompt was blocked. Text of one kind runs on over chunks until a signature closes it.
 */
export async function* readEvents(frames: AsyncIterable<SseFrame>): AsyncGenerator<Event, void, undefined> {
  const candidates = new Map<number, Reading>();
  let ids: CallIds | undefined;
  let next = 0;
  let usage: Json | undefined;
  let blocked: Json | undefined;
  try {
    for await (const { data } of frames) {
      const chunk = parseFrame(data);
      if (!isObject(chunk))
        throw new GatewayError('provider_garbage', { message: 'A streamed event is not a chunk.', raw: chunk });
      if (chunk.error) throw errorInside(chunk);
      const { known, extra } = takeKnown(chunk, answerFields);
      if (!ids) {
        const id = stringAt(known, 'responseId') || undefined;
        ids = new CallIds(id);
        yield defined<Event>({ type: 'start', id, model: stringAt(known, 'modelVersion') || undefined });
      }
      const list = Array.isArray(known.candidates) ? known.candidates.filter(isObject) : [];
      for (const [position, candidate] of list.entries()) {
        const choice = numberAt(candidate, 'index') ?? position;
        const state = candidates.get(choice) ?? { calls: false };
        candidates.set(choice, state);
        const events = [...readChunk(candidate, choice, state, ids, next)];
        next += events.filter((event) => event.type === 'part_start').length;
        yield* events;
        const rest = leftoverOf(candidate);
        if (rest) extra.candidates = overlay(extra.candidates ?? {}, { [choice]: rest });
      }
      if (Object.keys(extra).length > 0) yield { type: 'other', dialect, data: extra };
      if (at(chunk, 'promptFeedback', 'blockReason')) blocked = chunk;
      if (isObject(known.usageMetadata)) {
        usage = mergeUsage(chunk, usage);
        yield { type: 'usage', counts: readUsage(usage).counts ?? {}, raw: usage };
      }
    }
    for (const state of candidates.values()) yield* close(state);
    if (candidates.size === 0 && blocked) {
      const { finish: reason, rawFinish: rawReason } = readBlocked(blocked);
      yield defined<Event>({ type: 'finish', reason, rawReason });
      return;
    }
    const states = [...candidates].sort(([one], [other]) => one - other);
    if (states.length === 0 || states.some(([, state]) => state.raw === undefined)) throw interrupted();
    for (const [choice, { raw, calls }] of states)
      yield defined<Event>({ type: 'finish', reason: readFinish(raw, calls), rawReason: raw, ...of(choice) });
  } catch (thrown) {
    yield { type: 'error', error: blameProvider(thrown) };
  }
}

const of = (choice: number): { choice?: number } => (choice === 0 ? {} : { choice });

function* close(state: Reading): Generator<Event> {
  if (state.open) yield { type: 'part_end', index: state.open.index };
  state.open = undefined;
}

function* readChunk(
  candidate: JsonObject,
  choice: number,
  state: Reading,
  ids: CallIds,
  first: number,
): Generator<Event> {
  const wire = at(candidate, 'content', 'parts');
  let next = first;
  for (const value of Array.isArray(wire) ? wire : []) {
    if (isEmpty(value)) continue;
    const whole = readPart(value, `candidates[${choice}].content.parts`, ids);
    if (whole.type === 'tool_call') state.calls = true;
    const { part, deltas } = openPart(whole);
    if (state.open?.type !== part.type) {
      yield* close(state);
      // a call comes whole, its signature with it
      const known = whole.type === 'tool_call' && whole.opaque ? { ...part, opaque: whole.opaque } : part;
      yield { type: 'part_start', index: next, ...of(choice), part: known as Part };
      if (part.type === 'text' || part.type === 'reasoning') state.open = { index: next, type: part.type };
      next++;
    }
    const index = state.open?.index ?? next - 1;
    for (const delta of deltas) {
      if (whole.type !== 'tool_call' || !('opaque' in delta)) yield { type: 'part_delta', index, delta };
    }
    if (!state.open) yield { type: 'part_end', index };
    else if ('opaque' in whole && whole.opaque) yield* close(state);
  }
  const { open } = state;
  if (open?.type === 'text')
    for (const annotation of readGrounding(candidate))
      yield { type: 'part_delta', index: open.index, delta: { annotation } };
  const logprobs = readLogprobs(candidate.logprobsResult);
  if (logprobs) yield { type: 'logprobs', ...of(choice), logprobs };
  state.raw = stringAt(candidate, 'finishReason') ?? state.raw;
}

type Writing = { annotations: Json[]; finish?: string };

/**
 * Chunks of a Gemini stream. A function call waits until it is whole: there are no partial arguments. The reasons to finish,
 * grounding and usage come in the last chunk, which needs no marker.
 */
export async function* writeEvents(events: AsyncIterable<Event>): AsyncGenerator<SseFrame, void, undefined> {
  const head: JsonObject = {};
  const choices: Writing[] = [];
  const open = new Map<number, { part: Part; choice: number }>();
  let extra: JsonObject = {};
  let counts = {};
  let raw: Json | undefined;
  const choiceAt = (index = 0) => {
    while (choices.length <= index) choices.push({ annotations: [] });
    return choices[index] as Writing;
  };
  const frame = (fields: JsonObject): SseFrame => ({ data: JSON.stringify({ ...fields, ...head }) });
  const part = (index: number, written: JsonObject): SseFrame =>
    frame({ candidates: [{ content: { parts: [written], role: 'model' }, index }] });
  try {
    for await (const event of events) {
      if (event.type === 'start') Object.assign(head, defined({ modelVersion: event.model, responseId: event.id }));
      else if (event.type === 'usage') {
        counts = { ...counts, ...event.counts };
        if (event.raw !== undefined) raw = overlay(raw, event.raw);
      } else if (event.type === 'other') {
        if (event.dialect === dialect && isObject(event.data)) extra = overlay(extra, event.data) as JsonObject;
      } else if (event.type === 'logprobs') {
        const index = event.choice ?? 0;
        yield frame({ candidates: [{ index, logprobsResult: writeLogprobs(event.logprobs) }] });
      } else if (event.type === 'finish') choiceAt(event.choice).finish = writeFinish(event.reason, event.rawReason);
      else if (event.type === 'error') throw event.error;
      else if (event.type === 'part_start') {
        const choice = event.choice ?? 0;
        choiceAt(choice);
        const opened = openPart(event.part);
        open.set(event.index, { part: { ...opened.part }, choice });
        for (const delta of opened.deltas) yield* grown(event.index, delta);
      } else if (event.type === 'part_delta') yield* grown(event.index, event.delta);
      else if (event.type === 'part_end') yield* ended(event.index);
    }
    for (const index of open.keys()) yield* ended(index);
    if (choices.length === 0 || choices.some((choice) => choice.finish === undefined)) throw interrupted();
    const blocked = at(extra, 'promptFeedback', 'blockReason') !== undefined;
    const candidates = choices.map(({ finish, annotations }, index) =>
      defined({
        content: { parts: [{ text: '' }], role: 'model' },
        finishReason: finish,
        index,
        groundingMetadata: at(extra, 'candidates', String(index), 'groundingMetadata')
          ? undefined
          : writeGrounding(annotations),
      }),
    );
    const last = defined({ candidates: blocked ? undefined : candidates, usageMetadata: writeUsage(counts, raw) });
    yield frame(overlay(last as JsonObject, extra) as JsonObject);
  } catch (thrown) {
    yield { data: JSON.stringify(writeError(asGatewayError(thrown))) };
  }

  function* grown(index: number, delta: Parameters<typeof grow>[1]): Generator<SseFrame> {
    const state = open.get(index);
    if (!state) return;
    const { part: growing, choice } = state;
    if ('annotation' in delta) choiceAt(choice).annotations.push(delta.annotation);
    if (growing.type === 'text' || growing.type === 'refusal' || (growing.type === 'reasoning' && !growing.redacted)) {
      const thought: JsonObject = growing.type === 'reasoning' ? { thought: true } : {};
      if ('text' in delta && delta.text !== '') yield part(choice, { text: delta.text, ...thought });
      if ('opaque' in delta) grow(growing, delta);
    } else grow(growing, delta);
  }

  /** A text has gone out as it grew: only its signature is left. Anything else goes out whole. */
  function* ended(index: number): Generator<SseFrame> {
    const state = open.get(index);
    open.delete(index);
    if (!state) return;
    const { part: whole, choice } = state;
    if (whole.type === 'text' || whole.type === 'refusal' || whole.type === 'reasoning') {
      const thought: JsonObject = whole.type === 'reasoning' ? { thought: true } : {};
      const thoughtSignature = 'opaque' in whole ? signatureOf(whole.opaque) : undefined;
      if (thoughtSignature !== undefined) yield part(choice, { text: '', ...thought, thoughtSignature });
      return;
    }
    const written = writeAnswerPart(whole, 'content');
    if (written) yield part(choice, written);
  }
}

/** Counts run up from chunk to chunk: the last ones hold. */
function mergeUsage(frame: Json, before: Json | undefined): Json | undefined {
  const usage = at(frame, 'usageMetadata');
  return isObject(usage) ? { ...(isObject(before) ? before : {}), ...usage } : before;
}

/** Whether each candidate of a chunk, or the prompt's block, ends the stream. Arguments are plain JSON here, so a substring proves nothing. */
function ends(data: string): boolean {
  if (!data.includes('"finishReason"') && !data.includes('"blockReason"')) return false;
  const chunk = parseFrame(data);
  const candidates = at(chunk, 'candidates');
  if (stringAt(chunk, 'promptFeedback', 'blockReason')) return true;
  return (
    Array.isArray(candidates) &&
    candidates.length > 0 &&
    candidates.every((candidate) => stringAt(candidate, 'finishReason') !== undefined)
  );
}

/** What the straight path looks for. Usage is in every chunk, and only the last one proves itself: each is read. */
export const scan: StreamScan = {
  interesting: (data) => data.includes('"usageMetadata"') || data.includes('"error"'),
  usage: mergeUsage,
  terminal: ends,
  error: (frame) => at(frame, 'error') ?? undefined,
  usageOfBody: (body) => at(body, 'usageMetadata') ?? undefined,
  begins: (data) => /"(?:parts|finishReason|blockReason)"/.test(data),
};
