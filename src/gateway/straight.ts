import { type Dialect, errorOfThrow, GatewayError, isObject, type JsonObject } from '../contract/index.ts';
import { writeSse } from '../dialects/sse.ts';
import type { Lifetime, WireResponse } from '../runtime/ports.ts';
import { clientLeft, garbage, interrupted, parseText, usageOfText } from './answers.ts';
import { errorFrames } from './frames.ts';
import { soon } from './mend.ts';
import { faultInside, withoutKey } from './refusal.ts';
import { Tap } from './tap.ts';
import { largestAnswer, type TextReply } from './text.ts';
import { type Stream, settleUnknown, stopOf } from './unknown.ts';

export type Passing = Stream & {
  dialect: Dialect;
  onAnswer?: (body: JsonObject) => Promise<void>;
  /** Several answers share the stream. */
  several: boolean;
  /** Events that cannot be read are left out. */
  careful: boolean;
};

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Headers of the provider's answer that a client may use. */
const passedHeaders = ['content-type', 'x-request-id', 'request-id', 'openai-processing-ms'];

/** A plain answer of the same dialect: its bytes pass, its usage is read. */
export async function straightAnswer(passing: Passing): Promise<TextReply> {
  const { gateway, attempt, dialect, wire, bound } = passing;
  let bytes: Uint8Array;
  try {
    bytes = await wire.bytes(largestAnswer);
  } catch (thrown) {
    const error = errorOfThrow(attempt.model.provider, thrown);
    await settleUnknown(gateway, attempt, error);
    throw error;
  }
  const text = decoder.decode(bytes);
  const body = parseText(text);
  const fault = body && faultInside(attempt, dialect, body);
  if (!body || fault) {
    const error = fault ?? garbage(attempt);
    await settleUnknown(gateway, attempt, error);
    throw error;
  }
  const usage = usageOfText(attempt, {
    endpoint: dialect.name,
    bound,
    usage: dialect.scan.usageOfBody(body),
    response: body,
  });
  await attempt.complete(attempt.price(usage), {});
  await passing.onAnswer?.(body);
  // Plain ASCII goes on as text: the runtime then writes head and body at once.
  return { headers: passed(wire), body: text.length === bytes.length ? text : bytes };
}

/** A stream of the same dialect: its bytes pass; the cost is booked before its last frame is handed on. */
export function straightStream(passing: Passing, lifetime: Lifetime, hideUsage: boolean): TextReply {
  const headers = passed(passing.wire);
  headers['content-type'] ??= 'text/event-stream; charset=utf-8';
  return {
    headers,
    body: lifetime.relay(relayed(passing, new Tap(passing.dialect.scan, hideUsage, passing.careful)), stopOf(passing)),
  };
}

async function* relayed(passing: Passing, tap: Tap): AsyncGenerator<Uint8Array> {
  const { gateway, attempt, dialect, bound } = passing;
  passing.begun = true;
  let settled = false;
  let failure: GatewayError | undefined;
  const usage = () =>
    usageOfText(attempt, {
      endpoint: dialect.name,
      bound,
      usage: tap.usage,
      response: tap.usageFrame,
      frames: tap.frames,
      broken: !tap.terminal,
    });
  const settle = async () => {
    await attempt.complete(attempt.price(usage()), {});
    settled = true;
    if (passing.onAnswer && isObject(tap.usageFrame)) await passing.onAnswer(tap.usageFrame);
  };
  try {
    for await (const chunk of closed(passing, tap)) {
      const kept = tap.push(chunk);
      if (tap.terminal && !settled && !tap.error) await settle();
      if (kept.length > 0) yield kept;
    }
    const rest = tap.end();
    if (tap.terminal && !settled && !tap.error) await settle();
    if (rest.length > 0) yield rest;
    const closer = tap.terminal || tap.error ? undefined : closerOf(passing, tap);
    if (closer) {
      tap.terminal = true;
      await settle();
      yield closer;
    }
    if (tap.error)
      failure = interrupted(attempt, withoutKey(dialect.readError(200, tap.error).message, attempt.upstream));
    else if (!settled && tap.terminal) await settle();
    else if (!tap.terminal) failure = tap.frames === 0 ? garbage(attempt) : interrupted(attempt);
  } catch (thrown) {
    failure = thrown instanceof GatewayError ? thrown : interrupted(attempt, undefined, thrown);
  } finally {
    if (!settled && (!failure || passing.left)) {
      settled = true;
      await settleUnknown(gateway, attempt, clientLeft(), { guess: usage(), status: 'canceled' });
    }
  }
  if (failure && !settled) {
    await settleUnknown(gateway, attempt, failure, { guess: tap.frames > 0 ? usage() : 'nothing' });
    // An in-band error of the provider has already been passed on in its own words.
    if (!tap.error) yield* errorFrames(dialect, failure);
  }
}

/** The end of a stream that holds a whole answer, where its server left it out. */
function closerOf({ dialect, several }: Passing, tap: Tap): Uint8Array | undefined {
  const { closer } = dialect.scan;
  return closer && tap.closing && !several ? encoder.encode(writeSse(closer)) : undefined;
}

/** The chunks of an answer. Once it is whole they may break off or stay away: its end is known. */
function closed(passing: Passing, tap: Tap): AsyncIterable<Uint8Array> {
  const { wire, dialect, several } = passing;
  const chunks = wire.stream();
  if (several || !dialect.scan.closer) return chunks;
  const iterator = chunks[Symbol.asyncIterator]();
  const done = { value: undefined, done: true } as const;
  const atEnd = async (): Promise<IteratorResult<Uint8Array>> => {
    const step = await soon(iterator.next()).catch(() => done);
    if (step !== 'late') return step;
    wire.abort();
    return done;
  };
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => (tap.closing && !tap.terminal && !passing.left ? atEnd() : iterator.next()),
      return: async () => {
        if (tap.terminal || !tap.closing) await iterator.return?.();
        return done;
      },
    }),
  };
}

function passed(wire: WireResponse): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of passedHeaders) {
    const value = wire.header(name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}
