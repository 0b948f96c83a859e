import { asGatewayError, GatewayError, type Model, numberAt } from '../contract/index.ts';
import type { Upstream } from '../runtime/ports.ts';
import { clientLeft } from './answers.ts';
import { type Attempt, type Move, upstreamOf } from './attempt.ts';
import type { Bulkhead } from './bulkhead.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { recordOf } from './opened-attempt.ts';
import type { Plan } from './plan.ts';
import { backoff, type Retry } from './retry.ts';
import { isPassable, isTooLong, type Verdict, verdictOf } from './verdict.ts';

/** One try of one model: made into an attempt by whoever runs it. */
export type Leg = {
  model: Model;
  /** With the key to use. */
  upstream: Upstream;
  /** The attempt before it, in the same generation. */
  after?: Attempt;
  attempt?: Attempt;
  /** What it took from the bucket of its provider, where it is a retry. */
  retry?: Retry;
  /** Its answer is on its way, and may still be gone on with by another. */
  streams?: boolean;
  /** Gives back its place among the calls under way; once. */
  release: () => void;
};

/** Where a journey goes on. */
type Next = Move & { model: Model; retry?: Retry };
type Tried = { verdict: Verdict; readyAt: number; retries: number; timedOut: boolean };

export type Travels = {
  caller: Caller;
  trace: Trace;
  media: boolean;
  /** The generation is its attempts: nothing else has to be ended. */
  plain: boolean;
  /** Says whether anybody still waits. Looked at only after a failure. */
  signal?: () => AbortSignal | undefined;
};

/** One request on its way through models, keys and pauses, until one of them answers or none is left. */
export class Journey {
  readonly gateway: Gateway;
  readonly plan: Plan;
  readonly travels: Travels;
  /** When everything has to be over (ms). */
  readonly until: number;
  /** Attempts made. */
  made = 0;
  /** What comes after the attempt that has just failed. */
  move: Next | undefined;
  last: Attempt | undefined;
  private tried: Map<string, Tried> | undefined;
  private readonly warnings: number;
  private reason: string | undefined;

  constructor(gateway: Gateway, plan: Plan, travels: Travels) {
    this.gateway = gateway;
    this.plan = plan;
    this.travels = travels;
    this.until = gateway.clock.now() + (plan.timeout ?? gateway.deadlines.totalTimeout);
    this.warnings = travels.trace.warnings.length;
  }

  /** The model that the plan would have. */
  get wanted(): Model {
    return this.plan.candidates[0]!;
  }

  /** Who is tried first: the first that seems well, or the first of all. */
  first(): Leg {
    const { candidates } = this.plan;
    if (candidates.length === 1) return this.leg(candidates[0]!);
    const model = this.fresh() ?? candidates[0]!;
    if (model !== this.wanted) this.reason = 'is set aside after failures';
    return this.leg(model);
  }

  leg(model: Model, retry?: Retry): Leg {
    const { gateway } = this;
    const upstream = upstreamOf(gateway, model);
    const now = gateway.clock.now();
    const health = gateway.health.provider(upstream);
    if (this.made === 0) health.budget.called(now);
    const key = upstream.keys ? health.keys.pick(now) : upstream.key;
    return {
      model,
      upstream: key === upstream.key ? upstream : { ...upstream, key },
      after: this.last,
      attempt: undefined,
      retry,
      streams: undefined,
      release: nothing,
    };
  }

  /** Takes a place among the calls to this provider. Undefined where there is one at once. */
  enter(leg: Leg): Promise<void> | undefined {
    this.gateway.health.model(leg.model.id).breaker.enter(this.gateway.clock.now());
    if (this.travels.media) return undefined;
    const { bulkhead } = this.gateway.health.provider(leg.upstream);
    const hold = () => {
      leg.release = placeIn(bulkhead);
    };
    if (bulkhead.enter()) hold();
    else return bulkhead.wait().then(hold);
    return undefined;
  }

  /** The attempt of a leg has begun. */
  began(leg: Leg, attempt: Attempt): Attempt {
    leg.attempt = attempt;
    attempt.retry = leg.retry;
    this.last = attempt;
    this.made++;
    this.move = undefined;
    this.listen(leg);
    return attempt;
  }

  /** The attempt of a leg asks here what follows when it fails. */
  listen(leg: Leg): void {
    if (leg.attempt) leg.attempt.next = (error, idle) => this.decide(leg, error, idle);
  }

  /** A stream that has begun: it goes on elsewhere only where the route says so. */
  streaming(leg: Leg, mayRestart: () => boolean): void {
    if (!leg.attempt) return;
    leg.streams = true;
    leg.attempt.next = (error) => (mayRestart() ? this.decide(leg, error, false, true) : undefined);
  }

  /** What is said of an answer by another model than wanted. */
  degradationOf(model: Model) {
    return model === this.wanted ? [] : [{ field: 'model', asked: this.wanted.id, delivered: model.id }];
  }

  /** Warnings are those of the model that answers. */
  announce(model: Model): void {
    const { warnings } = this.travels.trace;
    warnings.length = this.warnings;
    if (model === this.wanted) return;
    const why = this.reason ?? 'could not answer';
    warnings.push(`${this.wanted.id} ${why}; ${model.id} answers instead.`);
  }

  private decide(leg: Leg, error: GatewayError, idle: boolean, restart = false): Move | undefined {
    const { gateway, plan, travels } = this;
    const now = gateway.clock.now();
    const { duplicateOk } = plan;
    const verdict = verdictOf(error, { media: travels.media, duplicateOk, idle, restart });
    const retries = (this.tried?.get(leg.model.id)?.retries ?? -1) + 1;
    const wait = Math.max(error.details.retryAfterMs ?? 0, backoff(retries, gateway.random));
    const timedOut = error.code === 'provider_timeout';
    this.note(leg.model, { verdict, readyAt: now + wait, retries, timedOut });
    this.reason = `could not answer (${error.code})`;
    this.move = undefined;
    if (verdict === 'stop' || this.made >= plan.attempts || now >= this.until) return undefined;
    const to = (model: Model, waitMs: number, retry?: Retry) => {
      this.move = { reason: error.code, waitMs, to: model.id, model, retry };
      return this.move;
    };
    if (leg.upstream.keys && isOfKey(error) && gateway.health.provider(leg.upstream).keys.isFree(now)) {
      return to(leg.model, 0);
    }
    const fresh = this.fresh(isTooLong(error) ? leg.model : undefined);
    if (fresh) return to(fresh, 0);
    const again = this.soonest(now);
    return again && to(again.model, again.wait, { timedOut: again.before.timedOut });
  }

  /** The first model that has not been tried: one that seems well, else any. @param small too small for the request. */
  private fresh(small?: Model): Model | undefined {
    const { gateway, plan } = this;
    const now = gateway.clock.now();
    const most = small && contextOf(small);
    const left = plan.candidates.filter(
      (model) => !this.tried?.has(model.id) && !(most !== undefined && (contextOf(model) ?? most + 1) <= most),
    );
    const isReady = (model: Model) => {
      const upstream = gateway.upstreams.get(model.provider);
      return upstream !== undefined && gateway.health.isReady(model, upstream, now);
    };
    const ready = left.find(isReady);
    if (ready || this.made > 0) return ready ?? left[0];
    // Nobody seems well: the one that may come back soonest.
    const reopens = (model: Model) => gateway.health.model(model.id).breaker.reopens;
    return left.reduce<Model | undefined>(
      (best, one) => (!best || reopens(one) < reopens(best) ? one : best),
      undefined,
    );
  }

  /** The tried model that may be tried again first, as far as pauses and budgets allow. */
  private soonest(now: number): { model: Model; before: Tried; wait: number } | undefined {
    const { gateway, plan, tried } = this;
    const open = plan.candidates
      .flatMap((model) => {
        const before = tried?.get(model.id);
        return before?.verdict === 'again' ? [{ model, before, wait: Math.max(0, before.readyAt - now) }] : [];
      })
      .filter(({ wait }) => wait <= plan.patience && now + wait < this.until)
      .sort((one, other) => one.wait - other.wait);
    return open.find(({ model, before }) => {
      const { budget, bucket } = gateway.health.provider(upstreamOf(gateway, model));
      return budget.take(now) && bucket.take(before.timedOut);
    });
  }

  private note(model: Model, tried: Tried): void {
    this.tried ??= new Map();
    this.tried.set(model.id, tried);
  }

  /** Where a leg goes on that failed before or after its attempt began. */
  onward(leg: Leg, thrown: unknown): Next | undefined {
    if (leg.attempt) return this.move;
    this.gateway.health.model(leg.model.id).breaker.left();
    if (!(thrown instanceof GatewayError) || !isPassable(thrown)) return undefined;
    this.note(leg.model, { verdict: 'elsewhere', readyAt: 0, retries: 0, timedOut: false });
    this.reason ??= `could not answer (${thrown.code})`;
    const model = this.fresh();
    return model && { reason: thrown.code, waitMs: 0, to: model.id, model };
  }

  /** Waits for its time. Throws request_canceled where nobody waits for the answer any more. */
  async pause({ waitMs }: Move): Promise<void> {
    const signal = this.travels.signal?.();
    if (signal?.aborted) throw clientLeft();
    if (waitMs <= 0) return;
    try {
      await this.gateway.sleep(waitMs, signal);
    } catch (cause) {
      throw signal?.aborted ? clientLeft() : cause;
    }
  }

  /** Ends a generation whose attempts had all moved on: nothing is held for a next one any more. */
  async strand(thrown: unknown): Promise<void> {
    const { gateway, last, travels } = this;
    if (!last || !this.move) return;
    await travels.caller.book.release(last.id);
    if (travels.plain) return;
    const error = asGatewayError(thrown);
    const status = error.code === 'request_canceled' ? 'canceled' : 'failed';
    const { generationId: id } = last;
    const { tenant, book } = travels.caller;
    const tells = await book.conclude({ id, status, at: gateway.clock.now(), error: recordOf(error) });
    if (tells) gateway.wake.arm(tenant);
    gateway.wake.ended(tenant, id);
  }
}

const nothing = () => {};

/** Gives a place back, once. On its own, so that a stream that lasts does not hold on to its request. */
function placeIn(bulkhead: Bulkhead): () => void {
  let held = true;
  return () => {
    if (held) bulkhead.leave();
    held = false;
  };
}

function isOfKey({ code }: GatewayError): boolean {
  return ['provider_authentication', 'provider_quota_exhausted', 'provider_rate_limited'].includes(code);
}

function contextOf(model: Model): number | undefined {
  return numberAt(model.capabilities, 'context_tokens');
}

/**
 * Runs legs until one of them arrives. What failed is in the book by then; what is thrown is the error of the last attempt, or the
 * first reason why none could begin.
 * @param run begins the attempt, tells the journey (`began`), sends, and settles what fails.
 */
export async function travel<T>(journey: Journey, run: (leg: Leg) => Promise<T>, start?: Leg): Promise<T> {
  let leg = start ?? journey.first();
  let failure: unknown;
  while (true) {
    let thrown: unknown;
    try {
      const line = journey.enter(leg);
      if (line) await line;
      journey.announce(leg.model);
      const result = await run(leg);
      if (leg.attempt && !leg.streams) leg.attempt.next = undefined;
      const { conversation } = journey.plan;
      if (conversation !== undefined) {
        journey.gateway.health.remember(conversation, leg.model.id, journey.gateway.clock.now());
      }
      return result;
    } catch (caught) {
      thrown = caught;
    }
    leg.release();
    // an attempt says more than the reason why another one could not begin
    if (leg.attempt || failure === undefined) failure = thrown;
    const move = journey.onward(leg, thrown);
    try {
      if (!move) throw failure;
      await journey.pause(move);
      leg = journey.leg(move.model, move.retry);
    } catch (end) {
      await journey.strand(end);
      throw end;
    }
  }
}
