import {
  type Choice,
  type Delta,
  type Event,
  type FinishReason,
  isObject,
  type Json,
  type Part,
  type TextAnswer,
} from '../contract/index.ts';
import { interrupted, overlay } from './shared.ts';

type Growing = { parts: Part[]; finish?: FinishReason; rawFinish?: string; logprobs?: Json };

/**
 * The plain answer that a stream amounts to. `other` events whose data is an object overlay `extra.params`; later `usage` wins field by field.
 * Throws the GatewayError of an `error` event, and `stream_interrupted` where the stream or one of its choices has no `finish`.
 */
export async function foldEvents(events: AsyncIterable<Event> | Iterable<Event>): Promise<TextAnswer> {
  const answer: TextAnswer = { choices: [] };
  const choices: Growing[] = [];
  const parts = new Map<number, Part>();
  const choiceAt = (index = 0) => {
    while (choices.length <= index) choices.push({ parts: [] });
    return choices[index] as Growing;
  };
  for await (const event of events) {
    switch (event.type) {
      case 'start':
        if (event.id !== undefined) answer.id = event.id;
        if (event.model !== undefined) answer.model = event.model;
        if (event.created !== undefined) answer.created = event.created;
        break;
      case 'part_start': {
        const part = { ...event.part };
        parts.set(event.index, part);
        choiceAt(event.choice).parts.push(part);
        break;
      }
      case 'part_delta': {
        const part = parts.get(event.index);
        if (part) grow(part, event.delta);
        break;
      }
      case 'logprobs': {
        const choice = choiceAt(event.choice);
        choice.logprobs = joinLogprobs(choice.logprobs, event.logprobs);
        break;
      }
      case 'usage':
        if (Object.keys(event.counts).length > 0) answer.counts = { ...answer.counts, ...event.counts };
        if (event.raw !== undefined) answer.rawUsage = overlay(answer.rawUsage, event.raw);
        break;
      case 'finish': {
        const choice = choiceAt(event.choice);
        choice.finish = event.reason;
        if (event.rawReason !== undefined) choice.rawFinish = event.rawReason;
        break;
      }
      case 'error':
        throw event.error;
      case 'other':
        if (isObject(event.data) && (!answer.extra || answer.extra.dialect === event.dialect)) {
          const params = overlay(answer.extra?.params, event.data);
          if (isObject(params)) answer.extra = { dialect: event.dialect, params };
        }
        break;
    }
  }
  if (choices.length === 0) throw interrupted();
  answer.choices = choices.map(({ finish, ...choice }): Choice => {
    if (finish === undefined) throw interrupted();
    return { ...choice, finish };
  });
  return answer;
}

/** An answer as the events that fold back to it: parts one after the other, each in one piece. */
export function unfoldAnswer(answer: TextAnswer): Event[] {
  const events: Event[] = [];
  const start: Event = { type: 'start' };
  if (answer.id !== undefined) start.id = answer.id;
  if (answer.model !== undefined) start.model = answer.model;
  if (answer.created !== undefined) start.created = answer.created;
  events.push(start);
  if (answer.extra) events.push({ type: 'other', dialect: answer.extra.dialect, data: answer.extra.params });
  let index = 0;
  answer.choices.forEach((choice, number) => {
    const of = number === 0 ? {} : { choice: number };
    for (const whole of choice.parts) {
      const { part, deltas } = openPart(whole);
      // state of text is known from the start where a dialect has any; that of thinking and calls comes last
      const early = whole.type === 'text' && whole.opaque ? { opaque: whole.opaque } : {};
      events.push({ type: 'part_start', index, ...of, part: { ...part, ...early } as Part });
      for (const delta of deltas) {
        if (!('opaque' in delta && 'opaque' in early)) events.push({ type: 'part_delta', index, delta });
      }
      events.push({ type: 'part_end', index });
      index++;
    }
    if (choice.logprobs !== undefined) events.push({ type: 'logprobs', ...of, logprobs: choice.logprobs });
  });
  if (answer.counts || answer.rawUsage !== undefined) {
    const raw = answer.rawUsage === undefined ? {} : { raw: answer.rawUsage };
    events.push({ type: 'usage', counts: answer.counts ?? {}, ...raw });
  }
  answer.choices.forEach((choice, number) => {
    const rawReason = choice.rawFinish === undefined ? {} : { rawReason: choice.rawFinish };
    events.push({ type: 'finish', reason: choice.finish, ...rawReason, ...(number === 0 ? {} : { choice: number }) });
  });
  return events;
}

/**
 * A part as an empty opening and what then grows in it. Stream writers pass every `part_start` through this, so that a part
 * that starts filled is written like one that grows. Redacted reasoning keeps its opaque state: it has nothing else.
 */
export function openPart(part: Part): { part: Part; deltas: Delta[] } {
  const deltas: Delta[] = [];
  if (part.type === 'tool_call') {
    const { opaque, ...rest } = part;
    if (part.arguments !== '') deltas.push({ arguments: part.arguments });
    if (opaque) deltas.push({ opaque });
    return { part: { ...rest, arguments: '' }, deltas };
  }
  if (part.type === 'refusal') {
    if (part.text !== '') deltas.push({ text: part.text });
    return { part: { ...part, text: '' }, deltas };
  }
  if (part.type === 'reasoning') {
    if (part.redacted) return { part, deltas };
    const { opaque, ...rest } = part;
    if (part.text !== '') deltas.push({ text: part.text });
    if (opaque) deltas.push({ opaque });
    return { part: { ...rest, text: '' }, deltas };
  }
  if (part.type === 'text') {
    const { opaque, annotations, ...rest } = part;
    if (part.text !== '') deltas.push({ text: part.text });
    for (const annotation of annotations ?? []) deltas.push({ annotation });
    if (opaque) deltas.push({ opaque });
    return { part: { ...rest, text: '', ...(annotations?.length === 0 ? { annotations } : {}) }, deltas };
  }
  return { part, deltas };
}

/** Applies one delta to an open part, in place. A delta that the part has no room for changes nothing. */
export function grow(part: Part, delta: Delta): void {
  if ('text' in delta) {
    if (part.type === 'text' || part.type === 'reasoning' || part.type === 'refusal') part.text += delta.text;
  } else if ('arguments' in delta) {
    if (part.type === 'tool_call') part.arguments += delta.arguments;
  } else if ('annotation' in delta) {
    if (part.type === 'text') part.annotations = [...(part.annotations ?? []), delta.annotation];
  } else if (part.type === 'text' || part.type === 'reasoning' || part.type === 'tool_call' || part.type === 'asset') {
    part.opaque = delta.opaque;
  }
}

/**
 * The same events with parts one after the other, for dialects whose blocks cannot interleave: what belongs to a later part waits
 * until the open one ends. `start`, `usage` and `other` pass at once; `finish` and `error` first let out what waits.
 */
export async function* inSequence(events: AsyncIterable<Event>): AsyncGenerator<Event, void, undefined> {
  let open: number | undefined;
  let waiting: Event[] = [];
  for await (const event of events) {
    if (event.type === 'part_start' && open === undefined) {
      open = event.index;
      yield event;
    } else if (event.type === 'part_start' || event.type === 'part_delta' || event.type === 'part_end') {
      if (event.index !== open) {
        waiting.push(event);
        continue;
      }
      yield event;
      if (event.type !== 'part_end') continue;
      open = undefined;
      while (open === undefined && waiting.length > 0) {
        const next = (waiting.find((other) => other.type === 'part_start') as { index: number } | undefined)?.index;
        if (next === undefined) break;
        const own = waiting.filter((other) => 'index' in other && other.index === next);
        waiting = waiting.filter((other) => !own.includes(other));
        yield* own;
        if (own.at(-1)?.type !== 'part_end') open = next;
      }
    } else {
      if (event.type === 'finish' || event.type === 'error') {
        const started = new Set<number>();
        const order = waiting.flatMap((other) => ('index' in other ? [other.index] : []));
        if (open !== undefined) yield { type: 'part_end', index: open };
        open = undefined;
        for (const index of order) {
          if (started.has(index)) continue;
          started.add(index);
          const own = waiting.filter((other) => 'index' in other && other.index === index);
          yield* own;
          if (own.at(-1)?.type !== 'part_end') yield { type: 'part_end', index };
        }
        waiting = [];
      }
      yield event;
    }
  }
}

function joinLogprobs(before: Json | undefined, next: Json): Json {
  if (!isObject(before) || !isObject(next)) return next;
  const joined = { ...before };
  for (const [name, value] of Object.entries(next)) {
    const earlier = joined[name];
    if (Array.isArray(earlier) && Array.isArray(value)) joined[name] = [...earlier, ...value];
    else if (value !== null || earlier === undefined) joined[name] = value;
  }
  return joined;
}
