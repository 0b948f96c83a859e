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
} from '../contract/index.ts';
import type { Upstream } from '../runtime/ports.ts';
import { type Attempt, beginAttempt, upstreamOf } from './attempt.ts';
import { boundOfMedia } from './bound.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { keepOutput } from './keep.ts';
import { withoutKeyIn } from './refusal.ts';
import { unitsOf } from './units.ts';
import { settleUnknown } from './unknown.ts';

export type MediaCall = {
  caller: Caller;
  trace: Trace;
  asked: string;
  request: MediaRequest;
  /** The request as the book keeps it: no media bytes. */
  record: JsonObject;
  tags?: JsonObject;
};

/** Milliseconds until a provider call of ours is given up. */
const submitDeadline = 300_000;
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

/** Makes the generation durable; nothing has been sent yet. */
export async function beginMedia(gateway: Gateway, call: MediaCall): Promise<Attempt> {
  const model = gateway.directory.resolve(call.asked, call.request.modality);
  portOf(model, upstreamOf(gateway, model));
  return beginAttempt(gateway, {
    caller: call.caller,
    model,
    asked: call.asked,
    request: call.record,
    bound: boundOfMedia(call.request, call.record),
    tags: call.tags,
    trace: call.trace,
  });
}

/** Sends the job, within the provider's share of concurrent calls. A failure is booked and thrown. */
export async function submitMedia(gateway: Gateway, attempt: Attempt, request: MediaRequest): Promise<Operation> {
  const port = portOf(attempt.model, attempt.upstream);
  const provider = attempt.model.provider;
  const queue = queues.get(provider) ?? new PQueue({ concurrency });
  queues.set(provider, queue);
  return guarded(gateway, attempt, () => queue.add(() => port.submit(request, callOf(attempt))) as Promise<Operation>);
}

/** Asks the provider about a running job. */
export async function pollMedia(attempt: Attempt, ref: Json): Promise<Operation> {
  const port = portOf(attempt.model, attempt.upstream);
  if (!port.poll) throw new GatewayError('internal_error', 'This job cannot be asked about.');
  return port.poll(ref, callOf(attempt));
}

/** Keeps the outputs, measures, prices and books. Returns nothing: the book now tells. */
export async function finishMedia(
  gateway: Gateway,
  caller: Pick<Caller, 'tenant' | 'book'>,
  attempt: Attempt,
  operation: Operation,
  record: JsonObject,
): Promise<void> {
  if (operation.status === 'failed' || operation.status === 'canceled') {
    await attempt.fail(operation.error, operation.usage, operation.status);
    throw operation.error;
  }
  if (operation.status !== 'completed') throw new GatewayError('internal_error', 'The job is still running.');
  try {
    if (operation.outputs.length === 0) {
      throw new GatewayError('invalid_output', {
        message: `${attempt.model.provider} delivered nothing.`,
        provider: attempt.model.provider,
        failure: 'C',
        billing: 'unknown',
      });
    }
    const kept = [];
    for (const part of operation.outputs) kept.push(await keepOutput(gateway, caller, attempt, part));
    await attempt.complete(attempt.price(operation.usage), {
      outputs: kept.map((one) => one.output),
      units: unitsOf(attempt.model.modality, kept, record, operation.usage),
      warnings: operation.warnings,
    });
  } catch (thrown) {
    const error = asGatewayError(thrown);
    // The provider did its work: what it consumed stays in the book although nothing usable came out.
    await attempt.fail(error, operation.usage);
    throw error;
  }
}

async function guarded(gateway: Gateway, attempt: Attempt, work: () => Promise<Operation>): Promise<Operation> {
  try {
    return await work();
  } catch (thrown) {
    const error = asGatewayError(thrown);
    await settleUnknown(gateway, attempt, error);
    throw error;
  }
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
