import { type Dialect, errorOfThrow, GatewayError, isObject, type JsonObject } from '../contract/index.ts';
import type { Lifetime, WireResponse } from '../runtime/ports.ts';
import { clientLeft, garbage, interrupted, parseText, usageOfText } from './answers.ts';
import { errorFrames } from './frames.ts';
import { finished } from './mend.ts';
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

/** Headers of the provider's answer that a client may use. */
const passedHeaders = ['content-type', 'x-request-id', 'request-id', 'openai-processing-ms'];

/** A plain answer of the same dialect: its bytes pass, its usage is read. */
export async function straightAnswer(passing: Passing): Promise<TextReply> {
  const { gateway, attempt, dialect, wire } = passing;
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
  const { gateway, attempt, dialect, wire } = passing;
  passing.begun = true;
  let settled = false;
  let failure: GatewayError | undefined;
  const usage = () =>
    usageOfText(attempt, {
      endpoint: dialect.name,
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
    const ending = {
      get whole() {
        return tap.closing && !tap.terminal && !passing.several && !passing.left;
      },
    };
    for await (const chunk of finished(wire.stream(), dialect.scan, ending, () => wire.abort())) {
      const kept = tap.push(chunk);
      if (tap.terminal && !settled && !tap.error) await settle();
      if (kept.length > 0) yield kept;
    }
    const rest = tap.end();
    if (tap.terminal && !settled && !tap.error) await settle();
    if (rest.length > 0) yield rest;
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

function passed(wire: WireResponse): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of passedHeaders) {
    const value = wire.header(name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}
