import type { Context } from 'hono';
import type { ResponseRecord } from '../books/index.ts';
import { at, GatewayError, isObject, type Json, type JsonObject } from '../contract/index.ts';
import type { Caller } from '../gateway/gateway.ts';
import { namedFrame } from './event-frames.ts';
import type { Doors } from './generations.ts';
import { refused } from './refuse.ts';

/** Milliseconds between two looks at an answer under way, between two signs of life, and the longest that a stream is held open. */
const looks = { first: 50, longest: 1_000 };
const sign = 10_000;
const longest = 3_600_000;
const comment = new TextEncoder().encode(': the answer is under way\n\n');

/**
 * A stored response as the events of its making: at once where it is whole, else when it is. Numbers are the same at each reading, so
 * that `starting_after` goes on where another reading ended.
 */
export function streamStored(doors: Doors, c: Context, caller: Caller, { id, body }: ResponseRecord): Response {
  const after = readAfter(c);
  const { clock } = doors.gateway;
  let number = 0;
  const frame = (type: string, data: JsonObject): Uint8Array[] => {
    const sequence_number = number++;
    return sequence_number > after ? [namedFrame(type, { ...data, sequence_number })] : [];
  };

  async function* events(): AsyncGenerator<Uint8Array> {
    const { usage: _, ...head } = body;
    const shell = {
      ...head,
      status: 'in_progress',
      output: [],
      completed_at: null,
      error: null,
      incomplete_details: null,
    };
    const queued = body.background === true ? { ...shell, status: 'queued' } : shell;
    yield* frame('response.created', { response: queued });
    if (body.background === true) yield* frame('response.queued', { response: queued });
    yield* frame('response.in_progress', { response: shell });
    const until = clock.now() + longest;
    let shown = clock.now();
    for (let pause = looks.first; clock.now() < until; pause = Math.min(pause * 1.5, looks.longest)) {
      const record = await caller.book.response(id, caller.keyId);
      if (!record) return yield namedFrame('error', gone(id, number));
      if (record.status !== 'queued' && record.status !== 'in_progress') {
        const output = Array.isArray(record.body.output) ? record.body.output : [];
        for (const [type, data] of output.flatMap(eventsOf)) yield* frame(type, data);
        return yield* frame(endOf(record.status), { response: record.body });
      }
      if (clock.now() - shown >= sign) {
        shown = clock.now();
        yield comment;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  return new Response(doors.lifetimeOf(c).relay(events()) as BodyInit, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8' },
  });
}

function readAfter(c: Context): number {
  const after = c.req.query('starting_after') ?? '-1';
  if (/^(-1|\d{1,9})$/.test(after)) return Number(after);
  throw refused('starting_after', 'starting_after is the sequence_number of an event.');
}

function gone(id: string, sequence_number: number): JsonObject {
  const { code, message } = new GatewayError('not_found', `No response is called "${id}".`);
  return { code, message, param: null, sequence_number };
}

function endOf(status: string): string {
  return status === 'completed' || status === 'incomplete' ? `response.${status}` : 'response.failed';
}

type NamedEvent = [type: string, data: JsonObject];

/** The events in which an item of an output grows, each of its texts in one piece. */
function eventsOf(item: Json, output_index: number): NamedEvent[] {
  if (!isObject(item)) return [];
  const place = { item_id: item.id ?? null, output_index };
  const grown: NamedEvent[] = [];
  let empty: JsonObject = item;
  if (item.type === 'message') {
    empty = { ...item, status: 'in_progress', content: [] };
    for (const [content_index, part] of listOf(item.content).entries())
      grown.push(...contentEvents(part, { ...place, content_index }));
  } else if (item.type === 'function_call') {
    empty = { ...item, status: 'in_progress', arguments: '' };
    const { arguments: words = '', name = null } = item;
    grown.push(['response.function_call_arguments.delta', { ...place, delta: words }]);
    grown.push(['response.function_call_arguments.done', { ...place, name, arguments: words }]);
  } else if (item.type === 'reasoning') {
    empty = { ...item, summary: [] };
    for (const [summary_index, part] of listOf(item.summary).entries())
      grown.push(...summaryEvents(part, { ...place, summary_index }));
  }
  return [
    ['response.output_item.added', { output_index, item: empty }],
    ...grown,
    ['response.output_item.done', { output_index, item }],
  ];
}

function contentEvents(part: JsonObject, place: JsonObject): NamedEvent[] {
  const refusal = part.type === 'refusal';
  const field = refusal ? 'refusal' : 'text';
  const kind = refusal ? 'refusal' : 'output_text';
  const words = part[field] ?? '';
  const logprobs: JsonObject = refusal ? {} : { logprobs: at(part, 'logprobs') ?? [] };
  const empty = { ...part, [field]: '', ...(refusal ? {} : { annotations: [], logprobs: [] }) };
  return [
    ['response.content_part.added', { ...place, part: empty }],
    [`response.${kind}.delta`, { ...place, delta: words, ...logprobs }],
    [`response.${kind}.done`, { ...place, [field]: words, ...logprobs }],
    ['response.content_part.done', { ...place, part }],
  ];
}

function summaryEvents(part: JsonObject, place: JsonObject): NamedEvent[] {
  const text = part.text ?? '';
  return [
    ['response.reasoning_summary_part.added', { ...place, part: { ...part, text: '' } }],
    ['response.reasoning_summary_text.delta', { ...place, delta: text }],
    ['response.reasoning_summary_text.done', { ...place, text }],
    ['response.reasoning_summary_part.done', { ...place, part }],
  ];
}

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
