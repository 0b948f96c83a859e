import {
  type Event,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  numberAt,
  type Part,
  type SseFrame,
  stringAt,
} from '../../contract/index.ts';
import { interrupted, parseFrame, takeKnown } from '../shared.ts';
import { dialect, readItem, readReasoning } from './items.ts';
import { errorOf, readFinish, readResponse } from './response.ts';

type Open = { index: number; part: Part; grown: boolean };

/**
 * Events of a Responses stream. It ends with `response.completed` or `response.incomplete` (finish), `response.failed` or `error`
 * (error); a stream that stops before one of them yields an `error` event `stream_interrupted`.
 */
export async function* readEvents(frames: AsyncIterable<SseFrame>): AsyncGenerator<Event, void, undefined> {
  const reader = new StreamReader();
  try {
    for await (const frame of frames) {
      if (frame.data === '[DONE]') continue;
      yield* reader.read(parseFrame(frame.data));
      if (reader.done) return;
    }
    throw interrupted();
  } catch (thrown) {
    const known = thrown instanceof GatewayError;
    yield {
      type: 'error',
      error: known ? thrown : new GatewayError('stream_interrupted', { ...interrupted().details, cause: thrown }),
    };
  }
}

class StreamReader {
  done = false;
  private started = false;
  private next = 0;
  private logprobs = false;
  private readonly parts: Part[] = [];
  /** Keyed by output index, and content index for text. */
  private readonly open = new Map<string, Open>();
  private readonly seen = new Set<string>();
  private readonly phases = new Map<string, Json>();

  read(frame: Json): Event[] {
    if (!isObject(frame))
      throw new GatewayError('provider_garbage', { message: 'A streamed event is not an event.', raw: frame });
    const events: Event[] = [];
    const output = String(frame.output_index);
    const content = `${output}.${frame.content_index}`;
    const item = isObject(frame.item) ? frame.item : {};
    switch (frame.type) {
      case 'response.created':
      case 'response.queued':
      case 'response.in_progress':
        this.start(frame.response, events);
        break;
      case 'response.output_item.added':
        if (item.phase) this.phases.set(output, item.phase);
        if (item.type === 'function_call') this.begin(output, callOf(item), events);
        else if (item.type === 'reasoning') this.begin(output, { ...readReasoning(item), text: '' }, events);
        break;
      case 'response.output_text.delta':
        this.text(content, 'text', frame.delta, events);
        this.readLogprobs(frame.logprobs, events);
        break;
      case 'response.refusal.delta':
        this.text(content, 'refusal', frame.delta, events);
        break;
      case 'response.output_text.annotation.added': {
        const { index } = this.ensure(content, { type: 'text', text: '' }, events);
        events.push({ type: 'part_delta', index, delta: { annotation: frame.annotation ?? null } });
        break;
      }
      case 'response.content_part.done':
        this.end(content, events);
        break;
      case 'response.reasoning_summary_part.added':
        if (this.open.get(output)?.grown) this.text(output, 'reasoning', '\n\n', events);
        break;
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_text.delta':
        this.text(output, 'reasoning', frame.delta, events);
        break;
      case 'response.function_call_arguments.delta': {
        const open = this.open.get(output);
        if (!open || typeof frame.delta !== 'string' || frame.delta === '') break;
        open.grown = true;
        events.push({ type: 'part_delta', index: open.index, delta: { arguments: frame.delta } });
        break;
      }
      case 'response.output_item.done':
        this.endItem(output, item, events);
        break;
      case 'response.completed':
      case 'response.incomplete':
        this.finish(frame.response, events);
        break;
      case 'response.failed':
        this.done = true;
        events.push(...usageOf(frame.response));
        events.push({ type: 'error', error: errorOf(errorWords(frame.response), frame) });
        break;
      case 'error':
        this.done = true;
        events.push({
          type: 'error',
          error: errorOf(isObject(frame.error) ? frame.error : { ...frame, type: null }, frame),
        });
    }
    return events;
  }

  private start(response: Json | undefined, events: Event[]): void {
    if (this.started) return;
    this.started = true;
    const start: Event = { type: 'start' };
    const id = stringAt(response, 'id');
    const model = stringAt(response, 'model');
    const created = numberAt(response, 'created_at');
    if (id !== undefined) start.id = id;
    if (model !== undefined) start.model = model;
    if (created !== undefined) start.created = created;
    events.push(start);
  }

  private begin(key: string, part: Part, events: Event[]): Open {
    const phase = part.type === 'text' ? this.phases.get(key.split('.')[0] ?? '') : undefined;
    const whole: Part = phase && part.type === 'text' ? { ...part, opaque: { owner: dialect, data: { phase } } } : part;
    if (phase) this.phases.delete(key.split('.')[0] ?? '');
    const open = { index: this.next++, part: whole, grown: false };
    this.parts.push(whole);
    this.open.set(key, open);
    this.seen.add(key);
    events.push({ type: 'part_start', index: open.index, part: whole });
    return open;
  }

  private ensure(key: string, part: Part, events: Event[]): Open {
    return this.open.get(key) ?? this.begin(key, part, events);
  }

  private text(key: string, type: 'text' | 'refusal' | 'reasoning', delta: Json | undefined, events: Event[]): void {
    if (typeof delta !== 'string' || delta === '') return;
    const open = this.ensure(key, { type, text: '' }, events);
    open.grown = true;
    events.push({ type: 'part_delta', index: open.index, delta: { text: delta } });
  }

  private readLogprobs(logprobs: Json | undefined, events: Event[]): void {
    if (!Array.isArray(logprobs) || logprobs.length === 0) return;
    this.logprobs = true;
    events.push({ type: 'logprobs', logprobs: { content: logprobs, refusal: null } });
  }

  private end(key: string, events: Event[]): void {
    const open = this.open.get(key);
    if (open) events.push({ type: 'part_end', index: open.index });
    this.open.delete(key);
  }

  /** The finished item is the truth: what no delta said is taken from it. */
  private endItem(output: string, item: JsonObject, events: Event[]): void {
    const whole = readItem(item, `output[${output}]`);
    if (item.type === 'message') {
      whole.forEach((part, position) => {
        const key = `${output}.${position}`;
        if (!this.seen.has(key)) this.begin(key, part, events);
        this.end(key, events);
      });
      return;
    }
    const [part] = whole;
    if (!part) return;
    const open = this.open.get(output);
    if (!open) this.begin(output, part, events);
    else if (part.type === 'tool_call') {
      if (!open.grown && part.arguments !== '')
        events.push({ type: 'part_delta', index: open.index, delta: { arguments: part.arguments } });
      if (part.opaque) events.push({ type: 'part_delta', index: open.index, delta: { opaque: part.opaque } });
    } else if (part.type === 'reasoning') {
      if (!open.grown && part.text !== '')
        events.push({ type: 'part_delta', index: open.index, delta: { text: part.text } });
      if (part.opaque) events.push({ type: 'part_delta', index: open.index, delta: { opaque: part.opaque } });
    }
    this.end(output, events);
  }

  private finish(response: Json | undefined, events: Event[]): void {
    this.done = true;
    this.start(response, events);
    for (const key of [...this.open.keys()]) this.end(key, events);
    const answer = readResponse(response ?? null);
    const choice = answer.choices[0];
    if (!this.logprobs && choice?.logprobs) events.push({ type: 'logprobs', logprobs: choice.logprobs });
    if (answer.extra) events.push({ type: 'other', dialect, data: answer.extra.params });
    if (answer.counts) events.push({ type: 'usage', counts: answer.counts, raw: answer.rawUsage ?? null });
    const raw = choice?.rawFinish;
    events.push({
      type: 'finish',
      reason: readFinish(raw, this.parts),
      ...(raw === undefined ? {} : { rawReason: raw }),
    });
  }
}

function callOf(item: JsonObject): Part {
  const { extra } = takeKnown(item, ['type', 'id', 'call_id', 'name', 'arguments', 'status']);
  const opaque = Object.keys(extra).length > 0 ? { opaque: { owner: dialect, data: extra } } : {};
  return {
    type: 'tool_call',
    id: stringAt(item, 'call_id') ?? '',
    name: stringAt(item, 'name') ?? '',
    arguments: '',
    ...opaque,
  } as Part;
}

function errorWords(response: Json | undefined): JsonObject {
  const error = isObject(response) ? response.error : undefined;
  return isObject(error) ? error : {};
}

function usageOf(response: Json | undefined): Event[] {
  if (!isObject(response) || !isObject(response.usage)) return [];
  const { counts = {}, rawUsage = null } = readResponse({ ...response, error: null, output: [] });
  return [{ type: 'usage', counts, raw: rawUsage }];
}
