import {
  at,
  type Dialect,
  type DialectName,
  errorOfThrow,
  GatewayError,
  type JsonObject,
  type Model,
} from '../contract/index.ts';
import type { Lifetime, Upstream, WireResponse } from '../runtime/ports.ts';
import { askedOfBody } from './asked.ts';
import { type About, type Attempt, beginAttempt, upstreamOf } from './attempt.ts';
import { crossedAnswer, crossedStream, type Echo, identityOf } from './crossed.ts';
import { boundOfText } from './estimate.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { applyQuirks, quirkWarnings } from './quirks.ts';
import { isMisplaced, readMisplaced, readRefusal } from './refusal.ts';
import { rewriteRequest } from './rewrite.ts';
import { mayHoldSeals, sealerOf } from './seal.ts';
import { EventSealer } from './seal-events.ts';
import { straightAnswer, straightStream } from './straight.ts';
import { preparedBody, writeFor } from './target.ts';
import { settleUnknown } from './unknown.ts';
import { unsealRequest } from './unseal.ts';

/** The largest plain text answer we hold. */
export const largestAnswer = 32 * 1024 * 1024;

/** A text request at one of our doors: parsed once, with its text kept for the straight path. */
export type TextCall = {
  caller: Caller;
  trace: Trace;
  door: Dialect;
  body: JsonObject;
  text: string;
  asked: string;
  stream: boolean;
  /** Warnings become errors. */
  strict: boolean;
  about?: About;
  /** Request headers that go along on the straight path. */
  headers?: Record<string, string>;
  /** Stops the provider's call; what it did until then is booked. */
  signal?: AbortSignal;
  /** What the door's answers repeat of the request, where its dialect does that. */
  echo?: Echo;
  /** Given the whole answer in the door's dialect before the caller has its end. */
  onAnswer?: (body: JsonObject) => Promise<void>;
};

export type TextReply = { headers: Record<string, string>; body: string | Uint8Array | ReadableStream<Uint8Array> };

/** The model of a text request: one that writes, or one whose provider lets it answer a conversation with media. */
export function resolveText(gateway: Gateway, asked: string): Model {
  return gateway.directory.resolve(asked, 'text', (model) => {
    return gateway.upstreams.get(model.provider)?.provider.converses?.includes(model.modality) ?? false;
  });
}

/** Answers a text request: byte for byte when door and provider speak the same dialect, through neutral words otherwise. */
export async function runText(gateway: Gateway, lifetime: Lifetime, call: TextCall): Promise<TextReply> {
  const model = resolveText(gateway, call.asked);
  const upstream = upstreamOf(gateway, model);
  const ports = upstream.provider.text ?? {};
  // state of other dialects in the request must be taken out: bytes that hold any cannot pass
  if (ports[call.door.name] && !mayHoldSeals(call.text)) return runStraight(gateway, lifetime, call, model, upstream);
  return runCrossed(gateway, lifetime, call, model, upstream);
}

async function runStraight(
  gateway: Gateway,
  lifetime: Lifetime,
  call: TextCall,
  model: Model,
  upstream: Upstream,
): Promise<TextReply> {
  warn(call, quirkWarnings(call.body, upstream.row.quirks, model.provider));
  const rewritten = rewriteRequest(call, model.upstream, upstream.row.quirks);
  const attempt = await begin(gateway, call, model, call.text.length, maxTokensOf(call.body));
  const wire = await sendText(gateway, attempt, call.door.name, rewritten.text, call.stream, call);
  const passing = { gateway, attempt, dialect: call.door, wire, bound: attempt.bound, onAnswer: call.onAnswer };
  return call.stream ? straightStream(passing, lifetime, rewritten.hideUsage) : straightAnswer(passing);
}

async function runCrossed(
  gateway: Gateway,
  lifetime: Lifetime,
  call: TextCall,
  model: Model,
  upstream: Upstream,
): Promise<TextReply> {
  const { door, stream } = call;
  const sealer = sealerOf(call.caller.book);
  const read = door.readRequest(call.body, { model: model.upstream, stream });
  const { request, warnings } = await unsealRequest(read, door.name, sealer, call.body);
  const { target, written } = writeFor(
    gateway,
    model,
    upstream,
    { ...request, model: model.upstream, stream },
    door.name,
  );
  const equal = target === door;
  warn(call, [
    ...warnings,
    ...written.warnings,
    ...quirkWarnings(written.body, upstream.row.quirks, model.provider, target !== door),
  ]);
  const attempt = await begin(gateway, call, model, call.text.length, request.maxOutputTokens);
  const prepared = equal ? written.body : preparedBody(written.body, target.name, stream, model);
  const body = applyQuirks(prepared, upstream.row.quirks, !equal);
  const wire = await sendText(gateway, attempt, target.name, JSON.stringify(body), stream, {
    signal: call.signal,
    ...(equal ? { headers: call.headers } : {}),
  });
  const { onAnswer, echo } = call;
  // an equal provider's own ids mean something to it when they come back
  const own = equal ? {} : { identity: identityOf(door, attempt), echo, sealing: new EventSealer(door.name, sealer) };
  const bound = boundOf(call, model);
  const crossing = { gateway, attempt, door, target, wire, bound, body: call.body, onAnswer, ...own };
  return stream ? crossedStream(crossing, lifetime) : crossedAnswer(crossing);
}

/** Tells the caller what was left out, or refuses where it wants nothing left out. */
function warn(call: TextCall, warnings: string[]): void {
  call.trace.warnings.push(...warnings);
  if (call.strict && warnings.length > 0) {
    throw new GatewayError('unsupported_parameter', { message: warnings.join(' ') });
  }
}

function begin(gateway: Gateway, call: TextCall, model: Model, characters: number, most: number | undefined) {
  return beginAttempt(gateway, {
    caller: call.caller,
    model,
    asked: call.asked,
    bound: boundOfText(model, characters, most),
    worth: () => askedOfBody(call.body, call.text, most),
    about: call.about,
    plain: true,
    trace: call.trace,
  });
}

function boundOf(call: TextCall, model: Model): JsonObject {
  return boundOfText(model, call.text.length, maxTokensOf(call.body));
}

function maxTokensOf(body: JsonObject): number | undefined {
  const most =
    body.max_completion_tokens ??
    body.max_tokens ??
    body.max_output_tokens ??
    at(body, 'generationConfig', 'maxOutputTokens');
  return typeof most === 'number' && most > 0 ? most : undefined;
}

/**
 * Sends a text body and waits for its headers. Any failure up to here is booked and thrown: nothing was produced.
 */
export async function sendText(
  gateway: Gateway,
  attempt: Attempt,
  dialect: DialectName,
  body: string,
  stream: boolean,
  options: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<WireResponse> {
  const { upstream, model } = attempt;
  const target = upstream.provider.text![dialect]!({
    model: model.upstream,
    key: upstream.key,
    baseUrl: upstream.baseUrl,
    attemptId: attempt.id,
    stream,
  });
  let wire: WireResponse;
  try {
    wire = await upstream.egress.post({
      url: target.url,
      headers: {
        'content-type': 'application/json',
        'x-client-request-id': attempt.id,
        ...target.headers,
        ...options.headers,
      },
      body,
      signal: options.signal,
      ...gateway.deadlines,
    });
  } catch (thrown) {
    const error = errorOfThrow(model.provider, thrown);
    await settleUnknown(gateway, attempt, error);
    throw error;
  }
  const misplaced = stream && wire.status < 400 && isMisplaced(wire);
  if (wire.status < 400 && !misplaced) return wire;
  const error = misplaced
    ? await readMisplaced(attempt, wire, gateway.dialects[dialect])
    : await readRefusal(attempt, wire);
  await settleUnknown(gateway, attempt, error);
  throw error;
}
