import {
  asGatewayError,
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
import type { Lifetime } from '../runtime/ports.ts';
import { clientLeft, garbage, interrupted, parseAnswer, usageOfText } from './answers.ts';
import type { Attempt } from './attempt.ts';
import { encodeFrames } from './frames.ts';
import { finished, frameFilter } from './mend.ts';
import { outputOfPart } from './outputs.ts';
import { faultInside } from './refusal.ts';
import { type EventSealer, sealAnswer } from './seal-events.ts';
import type { Seam } from './seam.ts';
import { largestAnswer, type TextReply } from './text.ts';
import { type Stream, settleUnknown, stopOf } from './unknown.ts';

/** What a crossed answer is called: an id of ours in the door's form, since the provider's means nothing there. */
export type Identity = { id: string; model: string; created: number };

/** What the door's answers repeat of the request, as an event that carries it. @param completedAt seconds. */
export type Echo = (completedAt?: number) => Extract<Event, { type: 'other' }>;

export function identityOf(door: Dialect, { generationId, model, at }: Attempt): Identity {
  const tail = generationId.slice(generationId.indexOf('_') + 1);
  return { id: (door.idPrefix ?? '') + tail, model: model.id, created: Math.floor(at / 1000) };
}

/** A request that reached its provider in another dialect than it came in. */
export type Reading = Stream & {
  target: Dialect;
  /** The book keeps the answer itself: only for /v1/generations, whose results can be read again. */
  keepOutputs?: boolean;
  identity?: Identity;
  echo?: Echo;
  /** Seals the answer's state for a client of another dialect. */
  sealing?: EventSealer;
  /** Several answers share the stream. */
  several?: boolean;
  /** Events that cannot be read are left out, however they look. */
  careful?: boolean;
  /** What was left out or changed on the way, for whoever reads the stream. */
  notes?: string[];
  /** What was asked and not honoured, for the book. */
  degradations?: Json[];
  /** Joins the streams of several models, where the route lets one go on for another. */
  seam?: Seam;
  /** Goes on with another model: changes this reading to what that one says. False where there is none. */
  resume?: () => Promise<boolean>;
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
  const sealed = crossing.sealing ? await sealAnswer(answer, crossing.sealing) : answer;
  const body = crossing.door.writeResponse({ ...sealed, ...crossing.identity, ...repeated(crossing) });
  await crossing.onAnswer?.(body);
  return { headers: { 'content-type': 'application/json' }, body: encoder.encode(JSON.stringify(body)) };
}

function repeated({ echo, gateway }: Crossing): Pick<TextAnswer, 'extra'> {
  if (!echo) return {};
  const { dialect, data } = echo(Math.floor(gateway.clock.now() / 1000));
  return isObject(data) ? { extra: { dialect, params: data } } : {};
}

export function crossedStream(crossing: Crossing, lifetime: Lifetime): TextReply {
  const { door, body, onAnswer } = crossing;
  const frames = door.writeEvents(readEvents(crossing));
  const trimmed = door.trimFrames?.(frames, body) ?? frames;
  crossing.notes ??= [];
  const bytes = encodeFrames(onAnswer ? reportEnd(door, trimmed, onAnswer) : trimmed, crossing.notes);
  return {
    headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    body: lifetime.relay(bytes, stopOf(crossing)),
  };
}

/** Reads a plain answer into neutral words and books its cost. */
export async function readAnswer(reading: Reading): Promise<TextAnswer> {
  const { gateway, attempt, target, wire } = reading;
  let bytes: Uint8Array;
  try {
    bytes = await wire.bytes(largestAnswer);
  } catch (thrown) {
    const error = errorOfThrow(attempt.model.provider, thrown);
    await settleUnknown(gateway, attempt, error);
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
  const usage = usageOfText(attempt, { endpoint: target.name, usage: answer.rawUsage, response: body });
  const { degradations } = reading;
  await attempt.complete(attempt.price(usage), reading.keepOutputs ? { outputs: outputsOf(answer), degradations } : {});
  return answer;
}

/**
 * Reads a stream into neutral events; the cost is booked before `finish` is handed on. Where it breaks off and the reading can
 * resume, what another model says follows, joined.
 */
export async function* readEvents(reading: Reading): AsyncGenerator<Event> {
  const all: Event[] = [];
  while (true) {
    const error = yield* readLeg(reading, all);
    if (!error) return;
    try {
      if (!(await reading.resume?.())) throw error;
    } catch (thrown) {
      yield { type: 'error', error: asGatewayError(thrown) };
      return;
    }
    reading.seam?.resume();
  }
}

/** What one model says. Ends with the error that it broke off with, if it did: that attempt is in the book then. */
async function* readLeg(reading: Reading, all: Event[]): AsyncGenerator<Event, GatewayError | undefined> {
  const { gateway, attempt, target, wire, seam } = reading;
  let raw: Json | undefined;
  reading.begun = true;
  let deltas = 0;
  let heard = false;
  let settled = false;
  const last: Event[] = [];
  const usage = () =>
    usageOfText(attempt, { endpoint: target.name, usage: raw, frames: deltas, broken: last.length === 0 });
  const ending = { whole: false };
  const keep = frameFilter(target.scan, ending, {
    several: reading.several === true,
    careful: reading.careful === true,
    note: (words) => reading.notes?.push(words),
  });
  const frames = readSse(
    finished(wire.stream(), target.scan, ending, () => wire.abort()),
    keep,
  );
  try {
    for await (const said of target.readEvents(frames)) {
      if (said.type === 'part_delta') deltas++;
      if (said.type === 'start' || said.type === 'part_start') heard = true;
      if (said.type === 'usage') raw = said.raw ?? raw;
      if (said.type === 'error') {
        if (reading.left) return undefined;
        settled = true;
        await settleUnknown(gateway, attempt, said.error, { guess: heard ? usage() : 'nothing' });
        return said.error;
      }
      for (const event of seam?.pass(said) ?? [said]) {
        if (reading.keepOutputs) all.push(event);
        // The end is told only once the cost is in the book: usage may follow the finish on the wire.
        const sealed = reading.sealing?.take(event);
        if (event.type === 'start' && reading.echo) yield reading.echo();
        if (event.type === 'finish' || last.length > 0) last.push(event);
        else if (sealed) yield* await sealed;
        else yield event.type === 'start' ? { ...event, ...reading.identity } : event;
      }
    }
    settled = true;
    const { degradations } = reading;
    const end = reading.keepOutputs ? { outputs: outputsOf(await foldEvents(replay(all))), degradations } : {};
    await attempt.complete(attempt.price(usage()), end);
    if (reading.echo) yield reading.echo(Math.floor(gateway.clock.now() / 1000));
    yield* last;
    return undefined;
  } catch (thrown) {
    if (settled) throw thrown;
    settled = true;
    const error = thrown instanceof GatewayError ? thrown : interrupted(attempt, undefined, thrown);
    await settleUnknown(gateway, attempt, error, { guess: heard ? usage() : 'nothing' });
    return error;
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
