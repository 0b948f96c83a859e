import type { Conclusion } from '../books/index.ts';
import {
  errorCodes,
  GatewayError,
  type Json,
  type JsonObject,
  type Model,
  type Receipt,
  type Usage,
} from '../contract/index.ts';
import { writeUsd } from '../meter/money.ts';
import { notBillable, priceUsage } from '../meter/price.ts';
import type { Upstream } from '../runtime/ports.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { withHours } from './hours.ts';
import { newId } from './ids.ts';

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
  /** Books what a failed call cost (nothing, unless `usage` says otherwise). */
  fail(error: GatewayError, usage?: Usage, status?: 'failed' | 'canceled'): Promise<void>;
  price(usage: Usage | undefined): Receipt;
};

export type Start = {
  caller: Caller;
  model: Model;
  /** As the caller wrote it. */
  asked: string;
  bound?: Json;
  request?: JsonObject;
  tags?: JsonObject;
  warnings?: string[];
  /** The generation is this one attempt and keeps nothing else. */
  plain?: boolean;
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

/** Makes generation and attempt durable, then hands out the attempt. Nothing may be sent before this resolves. */
export async function beginAttempt(gateway: Gateway, start: Start): Promise<Attempt> {
  const { caller, model, trace } = start;
  if (!caller.scopes.includes('generate')) {
    throw new GatewayError('permission_denied', 'This key may not generate.');
  }
  const upstream = upstreamOf(gateway, model);
  const at = gateway.clock.now();
  const generationId = newId('gen_', at);
  const id = `${generationId}.1`;
  const alive = await caller.book.begin(
    {
      id: generationId,
      keyId: caller.keyId,
      modality: model.modality,
      model: start.asked,
      simulated: upstream.simulated,
      at,
      plain: start.plain,
      request: start.request,
      tags: start.tags,
      warnings: start.warnings,
    },
    {
      id,
      generationId,
      keyId: caller.keyId,
      modality: model.modality,
      provider: model.provider,
      model: model.upstream,
      simulated: upstream.simulated,
      at,
      bound: start.bound,
    },
  );
  if (!alive) throw new GatewayError('invalid_api_key', 'The API key is not valid.');
  trace.generation = generationId;
  trace.provider = model.provider;
  trace.model = model.id;
  trace.attempts = 1;
  trace.simulated = upstream.simulated;
  return attemptOf(gateway, {
    id,
    generationId,
    at,
    model,
    upstream,
    bound: start.bound ?? null,
    plain: start.plain,
    caller,
    trace,
  });
}

type Opened = Pick<Attempt, 'id' | 'generationId' | 'at' | 'model' | 'upstream' | 'bound'> & {
  caller: Pick<Caller, 'book'>;
  plain?: boolean;
  trace: Trace;
};

/** An attempt that is already in the book: just begun, or found open after a restart. */
export function attemptOf(gateway: Gateway, opened: Opened): Attempt {
  const { id, generationId, at, model, upstream, bound, caller, trace } = opened;
  const price = (usage: Usage | undefined) =>
    priceUsage(gateway.catalogue, {
      provider: model.provider,
      model: model.upstream,
      usage: withHours(usage, upstream.row.quirks, at),
      at,
    });
  const note = (receipt: Receipt) => {
    trace.cost = receipt.total === undefined ? undefined : writeUsd(receipt.total);
    trace.costStatus = receipt.status;
  };
  return {
    id,
    generationId,
    at,
    model,
    upstream,
    bound,
    price,
    complete: async (receipt, end) => {
      note(receipt);
      const now = gateway.clock.now();
      await caller.book.settle(
        { attemptId: id, at: now, outcome: 'succeeded', receipt },
        opened.plain ? undefined : { id: generationId, status: 'completed', at: now, ...end },
      );
    },
    fail: async (error, usage, status = 'failed') => {
      const receipt = usage ? price(usage) : notBillable(gateway.catalogue);
      note(receipt);
      const now = gateway.clock.now();
      const record = recordOf(error);
      await caller.book.settle(
        { attemptId: id, at: now, outcome: status === 'canceled' ? 'canceled' : error.code, receipt, error: record },
        opened.plain ? undefined : { id: generationId, status, at: now, error: record },
      );
    },
  };
}

/** An error as the book keeps it: no provider text beyond its message, no secrets. */
export function recordOf(error: GatewayError): JsonObject {
  return {
    code: error.code,
    message: error.message,
    retryable: errorCodes[error.code].retryable,
    ...(error.details.failure ? { failure: error.details.failure } : {}),
    ...(error.details.billing ? { billing: error.details.billing } : {}),
    ...(error.details.provider ? { provider: error.details.provider } : {}),
  };
}
