import {
  type Event,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type Part,
  type SseFrame,
  stringAt,
} from '../../contract/index.ts';
import { interrupted, overlay, parseFrame, takeKnown } from '../shared.ts';
import { dialect, readAssistant, readContent } from './parts.ts';
import { errorInside, readAudio, readCounts, readFinish } from './response.ts';

type Open = { index: number; part: Part };
type Reading = {
  /** All parts of this choice, for its finish reason. */
  parts: Part[];
  /** The one growing text, reasoning or refusal. */
  open?: Open;
  calls: Map<number, Open & { id: string }>;
  custom: Map<number, JsonObject>;
  audio?: JsonObject;
  finish?: string;
};

/**
 * Events of a stream of chat completion chunks. Usage and finish reasons wait for `[DONE]`, so that the last event proves the
 * answer whole. Without it: usage if it came, then an `error` event `stream_interrupted`.
 */
export async function* readEvents(frames: AsyncIterable<SseFrame>): AsyncGenerator<Event, void, undefined> {
  const reader = new ChunkReader();
  try {
    for await (const frame of frames) {
      if (frame.data === '[DONE]') {
        yield* reader.end();
        return;
      }
      yield* reader.read(parseFrame(frame.data));
      if (reader.failed) return;
    }
    throw interrupted();
  } catch (thrown) {
    yield* reader.usageEvents();
    const known = thrown instanceof GatewayError;
    yield {
      type: 'error',
      error: known ? thrown : new GatewayError('stream_interrupted', { ...interrupted().details, cause: thrown }),
    };
  }
}

class ChunkReader {
  failed = false;
  private started = false;
  private next = 0;
  private readonly choices = new Map<number, Reading>();
  private usage: JsonObject | undefined;
  private waiting: JsonObject = {};
  private shown = '{}';

  read(chunk: Json): Event[] {
    if (!isObject(chunk))
      throw new GatewayError('provider_garbage', { message: 'A streamed event is not a chunk.', raw: chunk });
    if (chunk.error) {
      this.failed = true;
      return [...this.usageEvents(), { type: 'error', error: errorInside(chunk) }];
    }
    const { known, extra } = takeKnown(chunk, [
      'id',
      'object',
      'created',
      'model',
      'choices',
      'usage',
      'obfuscation',
      'x_groq',
    ]);
    const usage = known.usage ?? (isObject(known.x_groq) ? known.x_groq.usage : undefined);
    if (isObject(usage)) this.usage = usage;
    const choices = Array.isArray(known.choices) ? known.choices.filter(isObject) : [];
    const events: Event[] = [];
    // Azure opens with a chunk that has neither id nor choices, only filter results
    if (!this.started && (choices.length > 0 || known.id)) {
      this.started = true;
      const start: Event = { type: 'start' };
      if (known.id) start.id = String(known.id);
      if (known.model) start.model = String(known.model);
      if (typeof known.created === 'number') start.created = known.created;
      events.push(start);
    }
    const beside: JsonObject = {};
    for (const choice of choices) this.readChoice(choice, events, beside);
    if (Object.keys(beside).length > 0) extra.choices = beside;
    this.waiting = overlay(this.waiting, extra) as JsonObject;
    const shown = JSON.stringify(this.waiting);
    if (this.started && shown !== this.shown) {
      this.shown = shown;
      events.push({ type: 'other', dialect, data: this.waiting });
    }
    return events;
  }

  end(): Event[] {
    if (this.choices.size === 0) throw new GatewayError('provider_garbage', 'The stream holds no answer.');
    const finishes = [...this.choices].map(([choice, { finish, parts }]): Event => {
      const rawReason = finish === undefined ? {} : { rawReason: finish };
      return { type: 'finish', reason: readFinish(finish, parts), ...rawReason, ...of(choice) };
    });
    const ends = [...this.choices.values()].flatMap((choice) => this.endParts(choice));
    return [...ends, ...this.usageEvents(), ...finishes];
  }

  usageEvents(): Event[] {
    return this.usage ? [{ type: 'usage', counts: readCounts(this.usage), raw: this.usage }] : [];
  }

  private readChoice(choice: JsonObject, events: Event[], beside: JsonObject): void {
    const number = typeof choice.index === 'number' ? choice.index : 0;
    let reading = this.choices.get(number);
    if (!reading) {
      reading = { parts: [], calls: new Map(), custom: new Map() };
      this.choices.set(number, reading);
    }
    const { extra } = takeKnown(choice, ['index', 'delta', 'finish_reason', 'logprobs']);
    const delta = isObject(choice.delta) ? choice.delta : {};
    for (const [name, value] of Object.entries(delta)) {
      if (value === null || value === '') continue;
      switch (name) {
        case 'role':
          break;
        case 'reasoning_content':
        case 'reasoning':
          if (name === 'reasoning_content' || !delta.reasoning_content)
            this.append('reasoning', value, reading, number, events);
          break;
        case 'content':
          if (typeof value === 'string') this.append('text', value, reading, number, events);
          else for (const part of readContent(value, 'content')) this.append(part.type, part, reading, number, events);
          break;
        case 'refusal':
          this.append('refusal', value, reading, number, events);
          break;
        case 'annotations':
          if (!Array.isArray(value)) break;
          if (reading.open?.part.type !== 'text') this.append('text', '', reading, number, events);
          for (const annotation of value)
            events.push({ type: 'part_delta', index: reading.open?.index ?? 0, delta: { annotation } });
          break;
        case 'tool_calls':
          if (Array.isArray(value))
            for (const call of value) if (isObject(call)) this.readCall(call, reading, number, events);
          break;
        case 'images':
          for (const part of readAssistant({ images: value }, 'delta')) this.whole(part, reading, number, events);
          break;
        case 'audio':
          if (isObject(value))
            reading.audio = { ...reading.audio, ...value, ...joined(reading.audio, value, ['data', 'transcript']) };
          break;
        case 'function_call':
          this.readCall({ index: 0, id: `call_${stringAt(value, 'name')}`, function: value }, reading, number, events);
          break;
        default:
          extra.message = { ...(extra.message as JsonObject), [name]: value };
      }
    }
    if (choice.logprobs) events.push({ type: 'logprobs', ...of(number), logprobs: choice.logprobs });
    if (Object.keys(extra).length > 0) beside[String(number)] = extra;
    if (typeof choice.finish_reason === 'string') {
      reading.finish = choice.finish_reason;
      for (const call of reading.custom.values())
        this.whole({ type: 'other', dialect, data: call }, reading, number, events);
      if (reading.audio) this.whole(readAudio(reading.audio), reading, number, events);
      events.push(...this.endParts(reading));
    }
  }

  /** Grows the open part of this kind; another kind, or a whole part, closes it first. */
  private append(kind: string, value: Json | Part, reading: Reading, choice: number, events: Event[]): void {
    if (typeof value !== 'string') {
      if (isPart(value) && (value.type === 'text' || value.type === 'refusal'))
        this.append(kind, value.text, reading, choice, events);
      else if (isPart(value)) this.whole(value, reading, choice, events);
      return;
    }
    if (reading.open?.part.type !== kind) {
      this.close(reading, events);
      const part = { type: kind as 'text' | 'reasoning' | 'refusal', text: '' };
      reading.open = this.start(part, reading, choice, events);
    }
    if (value !== '') events.push({ type: 'part_delta', index: (reading.open as Open).index, delta: { text: value } });
  }

  private readCall(call: JsonObject, reading: Reading, choice: number, events: Event[]): void {
    // some servers leave the index out, or repeat 0 for every call with a new id
    const at =
      typeof call.index === 'number' ? call.index : call.id ? reading.calls.size : Math.max(0, reading.calls.size - 1);
    const id = typeof call.id === 'string' ? call.id : '';
    if (isObject(call.custom) || reading.custom.has(at)) {
      const before = reading.custom.get(at) ?? {};
      const custom = isObject(call.custom) ? call.custom : {};
      const grown = { ...(before.custom as JsonObject), ...custom, ...joined(before.custom, custom, ['input']) };
      reading.custom.set(at, { ...before, ...call, custom: grown });
      return;
    }
    const { extra } = takeKnown(call, ['index', 'id', 'type', 'function']);
    const words = isObject(call.function) ? call.function : {};
    let open = reading.calls.get(at);
    if (!open || (id !== '' && id !== open.id && words.name)) {
      this.close(reading, events);
      if (open) events.push({ type: 'part_end', index: open.index });
      const own = id || `call_${reading.parts.length}`;
      const part: Part = { type: 'tool_call', id: own, name: String(words.name ?? ''), arguments: '' };
      if (Object.keys(extra).length > 0) part.opaque = { owner: dialect, data: extra };
      open = { ...this.start(part, reading, choice, events), id: own };
      reading.calls.set(at, open);
    } else if (Object.keys(extra).length > 0) {
      events.push({ type: 'part_delta', index: open.index, delta: { opaque: { owner: dialect, data: extra } } });
    }
    const input =
      typeof words.arguments === 'object' && words.arguments ? JSON.stringify(words.arguments) : words.arguments;
    if (typeof input === 'string' && input !== '')
      events.push({ type: 'part_delta', index: open.index, delta: { arguments: input } });
  }

  private start(part: Part, reading: Reading, choice: number, events: Event[]): Open {
    const index = this.next++;
    reading.parts.push(part);
    events.push({ type: 'part_start', index, ...of(choice), part });
    return { index, part };
  }

  private whole(part: Part, reading: Reading, choice: number, events: Event[]): void {
    this.close(reading, events);
    const { index } = this.start(part, reading, choice, events);
    events.push({ type: 'part_end', index });
  }

  private close(reading: Reading, events: Event[]): void {
    if (reading.open) events.push({ type: 'part_end', index: reading.open.index });
    reading.open = undefined;
  }

  private endParts(reading: Reading): Event[] {
    const events: Event[] = [];
    this.close(reading, events);
    for (const { index } of reading.calls.values()) events.push({ type: 'part_end', index });
    reading.calls.clear();
    return events;
  }
}

function isPart(value: Json | Part): value is Part {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** Text fields of a growing object, appended. */
function joined(before: Json | undefined, next: JsonObject, names: string[]): JsonObject {
  const texts = names.map((name) => [name, (stringAt(before, name) ?? '') + (stringAt(next, name) ?? '')] as const);
  return Object.fromEntries(texts.filter(([, text]) => text !== ''));
}

/** The first choice goes without saying. */
function of(choice: number): { choice?: number } {
  return choice === 0 ? {} : { choice };
}
