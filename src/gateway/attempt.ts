import type { Attribution, Beginning, Conclusion, NewAttempt, NewGeneration, Settlement } from '../books/index.ts';
import {
  errorCodes,
  GatewayError,
  type Json,
  type JsonObject,
  type Model,
  type Receipt,
  type Usage,
} from '../contract/index.ts';
import { divideHalfEven, writeUsd } from '../meter/money.ts';
import { notBillable, priceUsage } from '../meter/price.ts';
import type { Asked } from '../meter/quote.ts';
import type { Upstream } from '../runtime/ports.ts';
import { checkMost, consumedBy, demandOf, refusedByBudget } from './admit.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { graver } from './grave.ts';
import { withHours, withMachineTime } from './hours.ts';
import { newId } from './ids.ts';
import type { Retry } from './retry.ts';

/** One provider call, durable from before its first byte until its cost is booked. */
export type Attempt = {
  id: string;
  generationId: string;
  at: number;
  model: Model;
  upstream: Upstream;
  /** The most it can consume, as stored with it. */
  bound: Json;
  /** Books the cost and ends the generation; exactly once, later calls do nothing. */
  complete(receipt: Receipt, end: Omit<Conclusion, 'id' | 'at' | 'status'>): Promise<void>;
  /**
   * Books what a failed call cost (nothing, unless `usage` says otherwise) and ends the generation, unless `next` says that it goes
   * on with another attempt.
   * @param idle the provider says that it did nothing.
   */
  fail(error: GatewayError, usage?: Usage, status?: 'failed' | 'canceled', idle?: boolean): Promise<void>;
  price(usage: Usage | undefined): Receipt;
  /** Asked when the attempt fails, before that is booked: how the generation goes on, if it does. */
  next?: (error: GatewayError, idle: boolean) => Move | undefined;
  /** When the first output of a stream was here (ms). */
  heardAt?: number;
  /** Set where it was paid for from the provider's token bucket. */
  retry?: Retry;
};

/** How a generation goes on after an attempt that failed: `to` a model, after a pause. */
export type Move = { reason: string; waitMs: number; to: string };

/** What a request says about itself beside what it wants made. */
export type About = Attribution & {
  /** Pico-dollars that the request may cost at most. */
  most?: bigint;
  /** The Idempotency-Key of the request. */
  idempotency?: string;
};

export type Start = {
  caller: Caller;
  model: Model;
  /** With the key to use; that of the model where absent. */
  upstream?: Upstream;
  /** Called once, when it has ended. */
  onEnd?: () => void;
  /** As the caller wrote it. */
  asked: string;
  bound?: Json;
  /** What the call asks for: read only where a limit has to be kept. */
  worth: () => Asked;
  request?: JsonObject;
  about?: About;
  warnings?: string[];
  degradations?: Json[];
  webhook?: NewGeneration['webhook'];
  /** The generation is its attempts and keeps nothing else. */
  plain?: boolean;
  /** Set for a media call: how long its sending and its whole life may take. */
  job?: { submitWithin: number; deadline: number };
  /** The attempt that this one follows in the same generation. */
  after?: Pick<Attempt, 'id' | 'generationId'>;
  trace: Trace;
};

/** The upstream of a model, or why it cannot be called. */
export function upstreamOf(gateway: Gateway, model: Model): Upstream {
  const upstream = gateway.upstreams.get(model.provider);
  if (!upstream) {
    throw new GatewayError('provider_not_configured', {
      message: `No credential is configured for ${model.provider}, and simulation is off.`,
      provider: model.provider,
    });
  }
  return upstream;
}

/** Makes generation and attempt durable and holds their worst case, then hands out the attempt. Nothing may be sent before this resolves. */
export async function beginAttempt(gateway: Gateway, start: Start): Promise<Attempt> {
  const { caller, model, trace, about, after, job } = start;
  if (!caller.scopes.includes('generate')) {
    throw new GatewayError('permission_denied', 'This key may not generate.');
  }
  const upstream = start.upstream ?? upstreamOf(gateway, model);
  const at = gateway.clock.now();
  const generationId = after?.generationId ?? newId('gen_', at);
  const id = after ? nextId(after.id) : `${generationId}.1`;
  const { simulated } = upstream;
  const { keyId, project } = caller;
  const { modality } = model;
  const bound = start.bound ?? null;
  const demand = () => demandOf(gateway, model, { bound, asked: start.worth() }, at);
  if (about?.most !== undefined) checkMost(model, demand(), about.most);
  const generation: NewGeneration | undefined = after
    ? undefined
    : {
        id: generationId,
        keyId,
        modality,
        model: start.asked,
        simulated,
        at,
        plain: start.plain,
        request: start.request,
        warnings: start.warnings,
        degradations: start.degradations,
        webhook: start.webhook,
      };
  const attempt: NewAttempt = {
    id,
    generationId,
    keyId,
    modality,
    provider: model.provider,
    model: model.upstream,
    simulated,
    at,
    bound: start.bound,
    project,
    endUser: about?.endUser,
    workflow: about?.workflow,
    parent: about?.parent,
    tags: about?.tags,
  };
  const beginning: Beginning = {
    ...(caller.watched ? { demand: demand() } : {}),
    ...(caller.ceiling === undefined ? {} : { ceiling: caller.ceiling }),
    ...(job ? { job: { leasedUntil: at + job.submitWithin, deadline: at + job.deadline } } : {}),
    ...(about?.idempotency && !after ? { idempotency: about.idempotency } : {}),
    ...(after ? { after: after.id } : {}),
    ...(after && !start.plain ? { degradations: start.degradations ?? [] } : {}),
  };
  let begun = await caller.book.begin(generation, attempt, beginning);
  if (begun === 'demand') {
    caller.watched = true;
    begun = await caller.book.begin(generation, attempt, { ...beginning, demand: demand() });
  }
  if (begun === 'revoked') throw new GatewayError('invalid_api_key', 'The API key is not valid.');
  if (begun === 'demand') throw new GatewayError('internal_error', 'The demand of a call was not taken.');
  if (begun !== 'begun') throw refusedByBudget(model, begun);
  trace.generation = generationId;
  trace.provider = model.provider;
  trace.model = model.id;
  trace.attempts++;
  trace.simulated = simulated;
  const { plain, onEnd } = start;
  return attemptOf(gateway, { id, generationId, at, model, upstream, bound, plain, onEnd, caller, trace });
}

/** `gen_….1` is followed by `gen_….2`. */
function nextId(id: string): string {
  const dot = id.lastIndexOf('.');
  return `${id.slice(0, dot)}.${Number(id.slice(dot + 1)) + 1}`;
}

type Opened = Pick<Attempt, 'id' | 'generationId' | 'at' | 'model' | 'upstream' | 'bound'> & {
  caller: Pick<Caller, 'book' | 'tenant' | 'markupPpm'>;
  plain?: boolean;
  /** Found open without a trace of its call, left by a process that is no more: how it ends says nothing about the provider. */
  lost?: boolean;
  onEnd?: () => void;
  trace: Trace;
};

type Ending = Omit<Conclusion, 'id' | 'at'>;

/** An attempt that is already in the book: just begun, or found open after a restart. */
export function attemptOf(gateway: Gateway, opened: Opened): Attempt {
  const { id, generationId, at, model, upstream, bound, caller, trace } = opened;
  // A clock may be set back meanwhile: nothing ends before it began.
  const clock = () => Math.max(gateway.clock.now(), at);
  const price = (usage: Usage | undefined) =>
    priceUsage(gateway.catalogue, {
      provider: model.provider,
      model: model.upstream,
      usage: withMachineTime(
        withHours(usage, upstream.row.quirks, at),
        upstream.row,
        () => gateway.catalogue.meters(model.provider, model.upstream),
        clock() - at,
      ),
      at,
    });
  const settle = async (
    receipt: Receipt,
    settlement: Pick<Settlement, 'outcome' | 'error' | 'units' | 'goesOn'>,
    end?: Ending,
  ) => {
    if (receipt.total !== undefined) trace.total = (trace.total ?? 0n) + receipt.total;
    trace.cost = trace.total === undefined ? undefined : writeUsd(trace.total);
    trace.costStatus = graver(trace.costStatus, receipt.status);
    const now = clock();
    const charge = chargeOf(receipt, settlement.outcome, caller.markupPpm);
    let settled: string | undefined;
    try {
      settled = await caller.book.settle(
        { attemptId: id, at: now, receipt, charge, ...settlement },
        opened.plain || !end ? undefined : { id: generationId, at: now, ...end },
      );
    } finally {
      opened.onEnd?.();
    }
    if (settled === 'telling') gateway.wake.arm(caller.tenant);
    if (end && !opened.plain) gateway.wake.ended(caller.tenant, generationId);
  };
  const learn = (error?: GatewayError) => {
    if (opened.lost) return;
    const { heardAt, retry } = attempt;
    const first = heardAt === undefined ? undefined : heardAt - at;
    gateway.health.ended(model, upstream, clock(), at, error, first, retry);
  };
  const attempt: Attempt = {
    id,
    generationId,
    at,
    model,
    upstream,
    bound,
    price,
    complete: (receipt, end) => {
      learn();
      const units = consumedBy(model.modality, receipt, end.units);
      return settle(receipt, { outcome: 'succeeded', units }, { status: 'completed', ...end });
    },
    fail: (error, usage, status = 'failed', idle = false) => {
      learn(error);
      const move = status === 'failed' ? attempt.next?.(error, idle) : undefined;
      const receipt = usage ? price(usage) : notBillable(gateway.catalogue);
      const record = recordOf(error, move);
      const outcome = status === 'canceled' ? 'canceled' : error.code;
      const units = consumedBy(model.modality, receipt, undefined);
      const goesOn = move !== undefined;
      return settle(receipt, { outcome, error: record, units, goesOn }, goesOn ? undefined : { status, error: record });
    },
  };
  return attempt;
}

/** Outcomes whose output reached the customer, if only in part. */
const delivered = ['succeeded', 'canceled', 'stream_interrupted'];

/** What the tenant's customer is charged: cost and markup of what it got. What came to nothing is not its affair. */
function chargeOf(receipt: Receipt, outcome: string, markupPpm: number): bigint | undefined {
  if (receipt.total === undefined) return undefined;
  if (!delivered.includes(outcome)) return 0n;
  return receipt.total + divideHalfEven(receipt.total * BigInt(markupPpm), 1_000_000n);
}

/** An error as the book keeps it: no provider text beyond its message, no secrets. `moved_on` says how the generation went on. */
export function recordOf(error: GatewayError, move?: Move): JsonObject {
  return {
    code: error.code,
    message: error.message,
    retryable: errorCodes[error.code].retryable,
    ...(error.details.failure ? { failure: error.details.failure } : {}),
    ...(error.details.billing ? { billing: error.details.billing } : {}),
    ...(error.details.provider ? { provider: error.details.provider } : {}),
    ...(move ? { moved_on: { reason: move.reason, wait_ms: move.waitMs, to: move.to } } : {}),
  };
}
