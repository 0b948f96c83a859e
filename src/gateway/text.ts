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
import { type Attempt, beginAttempt, upstreamOf } from './attempt.ts';
import { crossedAnswer, crossedStream } from './crossed.ts';
import { boundOfText } from './estimate.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { isMisplaced, readMisplaced, readRefusal } from './refusal.ts';
import { applyQuirks, rewriteRequest } from './rewrite.ts';
import { straightAnswer, straightStream } from './straight.ts';
import { settleUnknown } from './unknown.ts';

/** Milliseconds: first header of a plain answer or a stream; silence inside a stream. */
const headersTimeout = 120_000;
const idleTimeout = 60_000;
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
  tags?: JsonObject;
  /** Request headers that go along on the straight path. */
  headers?: Record<string, string>;
  /** Stops the provider's call; what it did until then is booked. */
  signal?: AbortSignal;
  /** Given the whole answer in the door's dialect before the caller has its end. */
  onAnswer?: (body: JsonObject) => Promise<void>;
};

export type TextReply = { headers: Record<string, string>; body: Uint8Array | ReadableStream<Uint8Array> };

/** Answers a text request: byte for byte when door and provider speak the same dialect, through neutral words otherwise. */
export async function runText(gateway: Gateway, lifetime: Lifetime, call: TextCall): Promise<TextReply> {
  const model = gateway.directory.resolve(call.asked, 'text');
  const upstream = upstreamOf(gateway, model);
  const ports = upstream.provider.text ?? {};
  if (ports[call.door.name]) return runStraight(gateway, lifetime, call, model, upstream);
  return runCrossed(gateway, lifetime, call, model, upstream);
}

async function runStraight(
  gateway: Gateway,
  lifetime: Lifetime,
  call: TextCall,
  model: Model,
  upstream: Upstream,
): Promise<TextReply> {
  const rewritten = rewriteRequest(call, model.upstream, upstream.row.quirks);
  const attempt = await begin(gateway, call, model, call.text.length, maxTokensOf(call.body));
  const wire = await sendText(gateway, attempt, call.door.name, rewritten.text, call.stream, call);
  const passing = { gateway, attempt, dialect: call.door, wire, bound: boundOf(call, model), onAnswer: call.onAnswer };
  return call.stream ? straightStream(passing, lifetime, rewritten.hideUsage) : straightAnswer(passing);
}

async function runCrossed(
  gateway: Gateway,
  lifetime: Lifetime,
  call: TextCall,
  model: Model,
  upstream: Upstream,
): Promise<TextReply> {
  const target = dialectOf(gateway, model, upstream);
  const request = call.door.readRequest(call.body, { model: model.upstream, stream: call.stream });
  const written = target.writeRequest({ ...request, model: model.upstream, stream: call.stream });
  call.trace.warnings.push(...written.warnings);
  if (call.strict && written.warnings.length > 0) {
    throw new GatewayError('unsupported_parameter', { message: written.warnings.join(' ') });
  }
  const attempt = await begin(gateway, call, model, call.text.length, request.maxOutputTokens);
  const body = applyQuirks(preparedBody(written.body, target.name, call.stream), upstream.row.quirks);
  const wire = await sendText(gateway, attempt, target.name, JSON.stringify(body), call.stream, {
    signal: call.signal,
  });
  const bound = boundOf(call, model);
  const crossing = { gateway, attempt, door: call.door, target, wire, bound, body: call.body, onAnswer: call.onAnswer };
  return call.stream ? crossedStream(crossing, lifetime) : crossedAnswer(crossing);
}

/** The dialect we speak to a provider when the caller's is not one of its own: the first that it declares. */
export function dialectOf(gateway: Gateway, model: Model, upstream: Upstream): Dialect {
  for (const name of Object.keys(upstream.provider.text ?? {}) as DialectName[]) {
    const dialect = gateway.dialects[name];
    if (dialect) return dialect;
  }
  throw new GatewayError('modality_mismatch', { message: `${model.provider} has no text models.`, param: 'model' });
}

/** A crossed OpenAI chat stream must be told to report usage. */
export function preparedBody(body: JsonObject, dialect: DialectName, stream: boolean): JsonObject {
  return dialect === 'openai-chat' && stream ? { ...body, stream_options: { include_usage: true } } : body;
}

function begin(gateway: Gateway, call: TextCall, model: Model, characters: number, most: number | undefined) {
  return beginAttempt(gateway, {
    caller: call.caller,
    model,
    asked: call.asked,
    bound: boundOfText(model, characters, most),
    tags: call.tags,
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
      headersTimeout,
      idleTimeout,
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
