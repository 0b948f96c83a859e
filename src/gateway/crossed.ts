import {
  type Dialect,
  type Event,
  errorOfThrow,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type SseFrame,
  type TextAnswer,
} from '../contract/index.ts';
import { foldEvents } from '../dialects/fold.ts';
import { readSse } from '../dialects/sse.ts';
import type { Lifetime, WireResponse } from '../runtime/ports.ts';
import { clientLeft, garbage, interrupted, parseAnswer, stopOf, usageOfText } from './answers.ts';
import type { Attempt } from './attempt.ts';
import { encodeFrames } from './frames.ts';
import type { Gateway } from './gateway.ts';
import { outputOfPart } from './outputs.ts';
import { faultInside } from './refusal.ts';
import { largestAnswer, type TextReply } from './text.ts';
import { settleUnknown } from './unknown.ts';

/** A request that reached its provider in another dialect than it came in. */
export type Reading = {
  gateway: Gateway;
  attempt: Attempt;
  target: Dialect;
  wire: WireResponse;
  bound: JsonObject;
  /** The book keeps the answer itself: only for /v1/generations, whose results can be read again. */
  keepOutputs?: boolean;
  /** Set when the client left. */
  left?: boolean;
};
export type Crossing = Reading & {
  door: Dialect;
  /** The caller's request, for what it asked of the answer's form. */
  body: JsonObject;
  onAnswer?: (body: JsonObject) => Promise<void>;
};

const encoder = new TextEncoder();

export async function crossedAnswer(crossing: Crossing): Promise<TextReply> {
  const answer = await readAnswer(crossing);
  const body = crossing.door.writeResponse({ ...answer, model: crossing.attempt.model.id });
  await crossing.onAnswer?.(body);
  return { headers: { 'content-type': 'application/json' }, body: encoder.encode(JSON.stringify(body)) };
}

export function crossedStream(crossing: Crossing, lifetime: Lifetime): TextReply {
  const { door, body, onAnswer } = crossing;
  const frames = door.writeEvents(readEvents(crossing));
  const trimmed = door.trimFrames?.(frames, body) ?? frames;
  const bytes = encodeFrames(onAnswer ? reportEnd(door, trimmed, onAnswer) : trimmed);
  return { headers: { 'content-type': 'text/event-stream; charset=utf-8' }, body: lifetime.relay(bytes, stopOf(crossing)) };
}

/** Reads a plain answer into neutral words and books its cost. */
export async function readAnswer(reading: Reading): Promise<TextAnswer> {
  const { gateway, attempt, target, wire, bound } = reading;
  let bytes: Uint8Array;
  try {
    bytes = await wire.bytes(largestAnswer);
  } catch (thrown) {
    const error = errorOfThrow(attempt.model.provider, thrown);
    await settleUnknown(gateway, attempt, error, { bound });
    throw error;
  }
  const body = parseAnswer(bytes);
  let answer: TextAnswer;
  try {
    const fault = body ? faultInside(attempt, target, body) : garbage(attempt);
    if (fault) throw fault;
    answer = target.readResponse(body!);
  } catch (thrown) {
    const error = thrown instanceof GatewayError && thrown.details.provider ? thrown : garbage(attempt);
    await settleUnknown(gateway, attempt, error);
    throw error;
  }
  const usage = usageOfText(attempt, { endpoint: target.name, bound, usage: answer.rawUsage, response: body });
  await attempt.complete(attempt.price(usage), reading.keepOutputs ? { outputs: outputsOf(answer) } : {});
  return answer;
}

/** Reads a stream into neutral events; the cost is booked before `finish` is handed on. */
export async function* readEvents(reading: Reading): AsyncGenerator<Event> {
  const { gateway, attempt, target, wire, bound } = reading;
  let raw: Json | undefined;
  let deltas = 0;
  let settled = false;
  const last: Event[] = [];
  const all: Event[] = [];
  const usage = () => usageOfText(attempt, { endpoint: target.name, bound, usage: raw, frames: deltas, broken: last.length === 0 });
  try {
    for await (const event of target.readEvents(readSse(wire.stream()))) {
      if (reading.keepOutputs) all.push(event);
      if (event.type === 'part_delta') deltas++;
      if (event.type === 'usage') raw = event.raw ?? raw;
      if (event.type === 'error') {
        if (reading.left) return;
        settled = true;
        const guess = deltas > 0 ? { guess: usage() } : {};
        await settleUnknown(gateway, attempt, event.error, guess);
        yield event;
        return;
      }
      // The end is told only once the cost is in the book: usage may follow the finish on the wire.
      if (event.type === 'finish' || last.length > 0) last.push(event);
      else yield event;
    }
    settled = true;
    const end = reading.keepOutputs ? { outputs: outputsOf(await foldEvents(replay(all))) } : {};
    await attempt.complete(attempt.price(usage()), end);
    yield* last;
  } catch (thrown) {
    if (settled) throw thrown;
    settled = true;
    const error = thrown instanceof GatewayError ? thrown : interrupted(attempt, undefined, thrown);
    await settleUnknown(gateway, attempt, error, deltas > 0 ? { guess: usage() } : {});
    yield { type: 'error', error };
  } finally {
    if (!settled) {
      await settleUnknown(gateway, attempt, clientLeft(), { guess: usage(), status: 'canceled' });
    }
  }
}

function outputsOf(answer: TextAnswer): JsonObject[] {
  return answer.choices.flatMap((choice) => choice.parts.map(outputOfPart));
}

async function* replay(events: readonly Event[]): AsyncGenerator<Event> {
  yield* events;
}

/** Tells the whole answer, where the door's last frame carries it, before that frame is handed on. */
async function* reportEnd(
  door: Dialect,
  frames: AsyncIterable<SseFrame>,
  onAnswer: (body: JsonObject) => Promise<void>,
): AsyncGenerator<SseFrame> {
  for await (const frame of frames) {
    if (door.scan.terminal(frame.data)) {
      const data = JSON.parse(frame.data) as Json;
      if (isObject(data) && isObject(data.response)) await onAnswer(data.response);
    }
    yield frame;
  }
}
