import PQueue from 'p-queue';
import {
  asGatewayError,
  type Call,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type MediaModality,
  type MediaPort,
  type MediaRequest,
  type Model,
  type Operation,
  type Progress,
  stringAt,
} from '../contract/index.ts';
import type { Upstream } from '../runtime/ports.ts';
import { askedOfMedia } from './asked.ts';
import { type About, type Attempt, beginAttempt } from './attempt.ts';
import { boundOfMedia } from './bound.ts';
import { checkCapabilities, checkRequired } from './capabilities.ts';
import { languageOf, wordsOf } from './conditions.ts';
import { degradationsOf, unhonoured, withoutNeedless } from './degradations.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { Journey, type Leg, travel } from './journey.ts';
import { type Kept, keepOutput } from './keep.ts';
import { type Plan, planOf, type Wishes } from './plan.ts';
import { withoutKeyIn } from './refusal.ts';
import { outputId, removeOutputs } from './strays.ts';
import { unitsOf } from './units.ts';
import { settleUnknown } from './unknown.ts';
import { withoutManyVectors } from './vectors.ts';
import { webhookUrlOf } from './webhook-url.ts';

export type MediaCall = {
  caller: Caller;
  trace: Trace;
  asked: string;
  request: MediaRequest;
  /** The request as the book keeps it: no media bytes. */
  record: JsonObject;
  about?: About;
  /** Whom to tell about the end. */
  webhook?: { url: string; origin: string };
  /** Degradations become errors. */
  strict?: boolean;
  /** What the request says about who may answer it. */
  wishes?: Wishes;
  header?: (name: string) => string | undefined;
};

/** Milliseconds until a provider call of ours is given up, and until a whole job is. */
const submitDeadline = 300_000;
const jobDeadlines: Partial<Record<MediaModality, number>> = { video: 3_600_000 };
const usualDeadline = 1_800_000;
/** Calls under way per provider: one slow provider starves nobody else. */
const concurrency = 64;
const queues = new Map<string, PQueue>();

/** The media port that makes this modality, or a refusal that names the modality. */
export function portOf(model: Model, upstream: Upstream): MediaPort<MediaModality> {
  const port = upstream.provider.media?.[model.modality as MediaModality];
  if (port) return port as MediaPort<MediaModality>;
  throw new GatewayError('modality_mismatch', {
    message: `${model.provider} cannot make ${model.modality} through Atelier.`,
    param: 'model',
  });
}

/** A first attempt that is in the book, and how it goes on when its sending fails. */
export type BegunMedia = { attempt: Attempt; journey: Journey; leg: Leg };

/**
 * Chooses who is asked first, checks the request against what that model can do and makes the generation durable; nothing has been
 * sent yet.
 */
export async function beginMedia(gateway: Gateway, call: MediaCall): Promise<BegunMedia> {
  const { caller, trace } = call;
  const journey = new Journey(gateway, planMedia(gateway, call), { caller, trace, media: true, plain: false });
  return travel(journey, async (leg) => ({ attempt: await beginLeg(journey, leg, call), journey, leg }));
}

function planMedia(gateway: Gateway, call: MediaCall): Plan {
  const { caller, trace, asked, request, wishes, header, record, about } = call;
  const words = wordsOf(record);
  return planOf(gateway, {
    caller,
    trace,
    asked,
    modality: request.modality,
    wishes,
    body: record,
    header,
    worth: () => askedOfMedia(request),
    facts: () => ({
      characters: words.length,
      stream: false,
      tools: false,
      tags: about?.tags,
      language: stringAt(request, 'language') ?? header?.('x-atelier-language') ?? languageOf(words),
    }),
  });
}

async function beginLeg(journey: Journey, leg: Leg, call: MediaCall): Promise<Attempt> {
  const { request, record } = call;
  const { model, upstream } = leg;
  const port = portOf(model, upstream);
  checkCapabilities(model, request);
  checkRequired(model, request);
  const unplaced = unhonoured(model, port, request);
  if (call.strict && unplaced.length > 0) {
    throw new GatewayError('unsupported_parameter', {
      message: `${model.id} has no place for ${unplaced.map(({ field }) => field).join(', ')}.`,
      param: unplaced[0]!.field,
    });
  }
  const attempt = await beginAttempt(journey.gateway, {
    caller: call.caller,
    model,
    upstream,
    after: leg.after,
    asked: call.asked,
    request: record,
    bound: boundOfMedia(request, record),
    worth: () => askedOfMedia(request),
    about: call.about,
    degradations: [...journey.degradationOf(model), ...unplaced],
    webhook: call.webhook,
    job: { submitWithin: submitDeadline * 1.5, deadline: jobDeadlines[request.modality] ?? usualDeadline },
    trace: call.trace,
  });
  return journey.began(leg, attempt);
}

/**
 * Sends a job that was begun. What was refused unbilled, or never sent, goes on to the next model of the same modality, or once more to
 * the same; what may have been done is never sent again.
 * @returns the attempt that was taken, and where it stands.
 */
export async function sendMedia(
  call: MediaCall,
  { attempt: begun, journey, leg: first }: BegunMedia,
  progress?: (progress: Progress) => void,
): Promise<{ attempt: Attempt; operation: Operation }> {
  journey.listen(first);
  return travel(
    journey,
    async (leg) => {
      const attempt = leg === first ? begun : await beginLeg(journey, leg, call);
      return { attempt, operation: await submitMedia(journey.gateway, call.caller, attempt, call.request, progress) };
    },
    first,
  );
}

/**
 * Sends the job, within the provider's share of concurrent calls. A failure is booked and thrown.
 * @param progress told what is there before the end, where the provider shows it.
 */
async function submitMedia(
  gateway: Gateway,
  caller: Pick<Caller, 'tenant' | 'book'>,
  attempt: Attempt,
  request: MediaRequest,
  progress?: (progress: Progress) => void,
): Promise<Operation> {
  const port = portOf(attempt.model, attempt.upstream);
  const call = callOf(attempt);
  const webhookUrl = await webhookUrlOf(gateway, caller, attempt);
  if (webhookUrl) call.webhookUrl = webhookUrl;
  if (progress) call.progress = progress;
  try {
    const sent = withoutNeedless(attempt.model, port, request);
    return await queueOf(attempt.model.provider).add(() => port.submit(sent, call));
  } catch (thrown) {
    const error = asGatewayError(thrown);
    await settleUnknown(gateway, attempt, error);
    throw error;
  }
}

/** Asks the provider about a running job. */
export async function pollMedia(attempt: Attempt, ref: Json): Promise<Operation> {
  const port = portOf(attempt.model, attempt.upstream);
  if (!port.poll) throw new GatewayError('internal_error', 'This job cannot be asked about.');
  return queueOf(attempt.model.provider).add(() => port.poll!(ref, callOf(attempt)));
}

/** Asks the provider to end a job. Undefined where it has no way to. */
export async function cancelMedia(attempt: Attempt, ref: Json): Promise<Operation | undefined> {
  const port = portOf(attempt.model, attempt.upstream);
  if (!port.cancel) return undefined;
  return queueOf(attempt.model.provider).add(() => port.cancel!(ref, callOf(attempt)));
}

/**
 * Keeps the outputs, measures, prices and books. The book now tells. Throws the error that is also in it: all outputs or none, so what
 * was kept before one that failed is removed.
 * @param before set where there were looks at the same end: how many of them never came back.
 */
export async function finishMedia(
  gateway: Gateway,
  caller: Pick<Caller, 'tenant' | 'book'>,
  attempt: Attempt,
  operation: Operation,
  record: JsonObject,
  before?: number,
): Promise<void> {
  if (operation.status === 'failed' || operation.status === 'canceled') {
    const { error, usage, status } = operation;
    if (usage) await attempt.fail(error, usage, status);
    else await settleUnknown(gateway, attempt, error, { status });
    throw error;
  }
  if (operation.status !== 'completed') throw new GatewayError('internal_error', 'The job is still running.');
  const stored: string[] = [];
  let whole = false;
  try {
    if (operation.outputs.length === 0) {
      throw new GatewayError('invalid_output', {
        message: `${attempt.model.provider} delivered nothing.`,
        provider: attempt.model.provider,
        failure: 'C',
        billing: 'unknown',
      });
    }
    const kept: Kept[] = [];
    const format = stringAt(record, 'format');
    let id: string | undefined;
    for (const part of withoutManyVectors(operation.outputs)) {
      id ??= await outputId(caller.tenant, attempt, before ?? 0, stored.length);
      if (before !== undefined) await caller.book.removeAsset(id);
      const one = await keepOutput(gateway, caller, attempt, part, format, id);
      kept.push(one);
      if (one.output.asset === undefined) continue;
      stored.push(id);
      id = undefined;
    }
    const outputs = kept.map((one) => one.output);
    const degradations = degradationsOf(record, outputs);
    whole = true;
    await attempt.complete(attempt.price(operation.usage), {
      outputs,
      units: unitsOf(attempt.model.modality, kept, record, operation.usage),
      warnings: operation.warnings,
      ...(degradations.length > 0 ? { degradations } : {}),
    });
  } catch (thrown) {
    const error = asGatewayError(thrown);
    if (error.code === 'store_unavailable') throw error;
    // The provider did its work: what it consumed stays in the book although nothing usable came out.
    // Before it is booked that there is none: nobody looks for them afterwards.
    if (!whole) await removeOutputs(gateway, caller, stored);
    await attempt.fail(error, operation.usage);
    throw error;
  }
}

function queueOf(provider: string): Pick<PQueue, 'add'> {
  const queue = queues.get(provider) ?? new PQueue({ concurrency });
  queues.set(provider, queue);
  return queue;
}

/** What an adapter is lent for one call. The client request id rides on every call of the attempt. */
export function callOf(attempt: Attempt): Call {
  const { upstream, model } = attempt;
  return {
    model: model.upstream,
    key: upstream.key,
    baseUrl: upstream.baseUrl,
    signal: AbortSignal.timeout(submitDeadline),
    attemptId: attempt.id,
    options: isObject(model.options) ? model.options : {},
    fetch: (input, init) => {
      const request = new Request(input, init);
      request.headers.set('x-client-request-id', attempt.id);
      return upstream.egress.fetch(request).then((answer) => withoutKeyIn(answer, upstream));
    },
  };
}
