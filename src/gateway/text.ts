import { at, type Dialect, GatewayError, type JsonObject, type Model } from '../contract/index.ts';
import type { Lifetime } from '../runtime/ports.ts';
import { askedOfBody } from './asked.ts';
import { type About, beginAttempt } from './attempt.ts';
import { languageOf, wordsOf } from './conditions.ts';
import { type Crossing, crossedAnswer, crossedStream, type Echo, identityOf, type Reading } from './crossed.ts';
import { boundOfText } from './estimate.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { Journey, type Leg, travel } from './journey.ts';
import { type Plan, planOf, type Wishes } from './plan.ts';
import { applyQuirks, quirkWarnings } from './quirks.ts';
import { resumable } from './resume.ts';
import { rewriteRequest } from './rewrite.ts';
import { mayHoldSeals, sealerOf } from './seal.ts';
import { EventSealer } from './seal-events.ts';
import { Seam } from './seam.ts';
import { sendText } from './send.ts';
import { straightAnswer, straightStream } from './straight.ts';
import { preparedBody, writeFor } from './target.ts';
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
  /** Who may answer: made from `asked` and `wishes` where it is absent. */
  plan?: Plan;
  /** What the request says about who may answer. */
  wishes?: Wishes;
  header?: (name: string) => string | undefined;
  /** Tells whether the caller still waits. Asked only after a failure. */
  left?: () => AbortSignal | undefined;
};

export type TextReply = { headers: Record<string, string>; body: string | Uint8Array | ReadableStream<Uint8Array> };

/**
 * Besides models that write: those whose provider lets them answer a conversation with media. Speech is only asked for in the provider's
 * own dialect: no other has words for it.
 */
function alsoText(gateway: Gateway, door: Dialect) {
  return (model: Model) => {
    const provider = gateway.upstreams.get(model.provider)?.provider;
    if (!provider?.converses?.includes(model.modality)) return false;
    return model.modality !== 'speech' || provider.text?.[door.name] !== undefined;
  };
}

/** Answers a text request: byte for byte when door and provider speak the same dialect, through neutral words otherwise. */
export async function runText(gateway: Gateway, lifetime: Lifetime, call: TextCall): Promise<TextReply> {
  const plan = call.plan ?? planText(gateway, call);
  const { caller, trace } = call;
  const signal = () => call.signal ?? call.left?.();
  const journey = new Journey(gateway, plan, { caller, trace, media: false, plain: true, signal });
  // state of other dialects in the request must be taken out: bytes that hold any cannot pass
  const passes = !(plan.restart && call.stream) && !mayHoldSeals(call.text);
  return travel(journey, (leg) => {
    const straight = passes && leg.upstream.provider.text?.[call.door.name] !== undefined;
    return straight ? runStraight(journey, leg, lifetime, call) : runCrossed(journey, leg, lifetime, call);
  });
}

/** Who may answer a text request. */
export function planText(gateway: Gateway, call: Omit<TextCall, 'stream'> & { stream?: boolean }): Plan {
  const { caller, trace, asked, wishes, body, header, about } = call;
  return planOf(gateway, {
    caller,
    trace,
    asked,
    modality: 'text',
    also: alsoText(gateway, call.door),
    wishes,
    body,
    header,
    worth: () => askedOfBody(body, call.text, maxTokensOf(body)),
    facts: () => ({
      characters: call.text.length,
      stream: call.stream === true,
      tools: Array.isArray(body.tools) && body.tools.length > 0,
      tags: about?.tags,
      language: header?.('x-atelier-language') ?? languageOf(wordsOf(body)),
    }),
  });
}

async function runStraight(journey: Journey, leg: Leg, lifetime: Lifetime, call: TextCall): Promise<TextReply> {
  const { gateway, plan } = journey;
  const { model, upstream } = leg;
  const { quirks } = upstream.row;
  warn(call, quirkWarnings(call.body, quirks, model.provider));
  const rewritten = rewriteRequest(call, model.upstream, quirks);
  const attempt = await begin(journey, leg, call, call.text.length, maxTokensOf(call.body));
  const wire = await sendText(journey, attempt, call.door.name, rewritten.text, call.stream, call);
  const passing = {
    gateway,
    attempt,
    dialect: call.door,
    wire,
    onAnswer: call.onAnswer,
    several: severalOf(call.body),
    careful: plan.candidates.length > 1,
  };
  return call.stream ? straightStream(passing, lifetime, rewritten.hideUsage) : straightAnswer(passing);
}

async function runCrossed(journey: Journey, leg: Leg, lifetime: Lifetime, call: TextCall): Promise<TextReply> {
  const { body, door, onAnswer, stream } = call;
  const seam = journey.plan.restart && stream ? new Seam() : undefined;
  const opened = await openCrossed(journey, leg, call, seam);
  const careful = journey.plan.candidates.length > 1;
  const crossing: Crossing = { ...opened, door, body, onAnswer, several: severalOf(body), careful };
  if (!stream) return crossedAnswer(crossing);
  if (seam) {
    const resume = (next: Leg) => openCrossed(journey, next, call, seam);
    resumable(journey, leg, crossing, seam, resume, () => call.door.readRequest(call.body).output?.type);
  }
  return crossedStream(crossing, lifetime);
}

/** Asks one model in its own words, and has what is needed to read its answer. */
async function openCrossed(journey: Journey, leg: Leg, call: TextCall, seam?: Seam): Promise<Reading> {
  const { gateway } = journey;
  const { door, stream, echo } = call;
  const { model, upstream } = leg;
  const sealer = sealerOf(call.caller.book);
  const read = door.readRequest(call.body, { model: model.upstream, stream });
  const unsealed = await unsealRequest(read, door.name, sealer, call.body);
  const request = seam ? seam.continued(unsealed.request) : unsealed.request;
  const { target, written } = writeFor(
    gateway,
    model,
    upstream,
    { ...request, model: model.upstream, stream },
    door.name,
  );
  const equal = target === door;
  const { quirks } = upstream.row;
  warn(call, [
    ...unsealed.warnings,
    ...written.warnings,
    ...quirkWarnings(written.body, quirks, model.provider, target !== door),
  ]);
  const attempt = await begin(journey, leg, call, call.text.length, request.maxOutputTokens);
  const prepared = equal ? written.body : preparedBody(written.body, target.name, stream, model);
  const sent = applyQuirks(prepared, quirks, !equal);
  const wire = await sendText(journey, attempt, target.name, JSON.stringify(sent), stream, {
    signal: call.signal,
    ...(equal ? { headers: call.headers } : {}),
  });
  // an equal provider's own ids mean something to it when they come back
  const own = equal ? {} : { identity: identityOf(door, attempt), echo, sealing: new EventSealer(door.name, sealer) };
  return { gateway, attempt, target, wire, ...(seam ? { seam } : {}), ...own };
}

/** True where a request asks for several answers. */
function severalOf(body: JsonObject): boolean {
  const count = body.n ?? at(body, 'generationConfig', 'candidateCount');
  return typeof count === 'number' && count > 1;
}

/** Tells the caller what was left out, or refuses where it wants nothing left out. */
function warn(call: TextCall, warnings: string[]): void {
  call.trace.warnings.push(...warnings);
  if (call.strict && warnings.length > 0) {
    throw new GatewayError('unsupported_parameter', { message: warnings.join(' ') });
  }
}

async function begin(journey: Journey, leg: Leg, call: TextCall, characters: number, most: number | undefined) {
  const { model } = leg;
  const attempt = await beginAttempt(journey.gateway, {
    caller: call.caller,
    model,
    upstream: leg.upstream,
    onEnd: leg.release,
    after: leg.after,
    asked: call.asked,
    bound: boundOfText(model, characters, most),
    worth: () => askedOfBody(call.body, call.text, most),
    about: call.about,
    plain: true,
    trace: call.trace,
  });
  return journey.began(leg, attempt);
}

function maxTokensOf(body: JsonObject): number | undefined {
  const most =
    body.max_completion_tokens ??
    body.max_tokens ??
    body.max_output_tokens ??
    at(body, 'generationConfig', 'maxOutputTokens');
  return typeof most === 'number' && most > 0 ? most : undefined;
}
