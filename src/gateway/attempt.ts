import type { Attribution, Beginning, Conclusion, NewAttempt, NewGeneration } from '../books/index.ts';
import { GatewayError, type Json, type JsonObject, type Model, type Receipt, type Usage } from '../contract/index.ts';
import type { Asked } from '../meter/quote.ts';
import type { Upstream } from '../runtime/ports.ts';
import { checkMost, demandOf, refusedByBudget } from './admit.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { newId } from './ids.ts';
import { OpenedAttempt } from './opened-attempt.ts';
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
    demand: caller.watched ? demand() : undefined,
    ceiling: caller.ceiling,
    job: job && { leasedUntil: at + job.submitWithin, deadline: at + job.deadline },
    idempotency: after ? undefined : about?.idempotency,
    after: after?.id,
    degradations: after && !start.plain ? (start.degradations ?? []) : undefined,
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
  return new OpenedAttempt(gateway, { id, generationId, at, model, upstream, bound, plain, onEnd, caller, trace });
}

/** `gen_….1` is followed by `gen_….2`. */
function nextId(id: string): string {
  const dot = id.lastIndexOf('.');
  return `${id.slice(0, dot)}.${Number(id.slice(dot + 1)) + 1}`;
}
