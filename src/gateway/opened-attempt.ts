import type { Conclusion, Settlement } from '../books/index.ts';
import {
  errorCodes,
  type GatewayError,
  type Json,
  type JsonObject,
  type Model,
  type Receipt,
  type Usage,
} from '../contract/index.ts';
import { divideHalfEven, writeUsd } from '../meter/money.ts';
import { notBillable, priceUsage } from '../meter/price.ts';
import type { Upstream } from '../runtime/ports.ts';
import { consumedBy } from './admit.ts';
import type { Attempt, Move } from './attempt.ts';
import type { Caller, Gateway, Trace } from './gateway.ts';
import { graver } from './grave.ts';
import { withHours, withMachineTime } from './hours.ts';
import type { Retry } from './retry.ts';

export type Opened = Pick<Attempt, 'id' | 'generationId' | 'at' | 'model' | 'upstream' | 'bound'> & {
  caller: Pick<Caller, 'book' | 'tenant' | 'markupPpm'>;
  plain?: boolean;
  /** Found open without a trace of its call, left by a process that is no more: how it ends says nothing about the provider. */
  lost?: boolean;
  onEnd?: () => void;
  trace: Trace;
};

type Ending = Omit<Conclusion, 'id' | 'at'>;
type Booked = Pick<Settlement, 'outcome' | 'error' | 'units' | 'goesOn'>;

/** An attempt that is already in the book: just begun, or found open after a restart. */
export class OpenedAttempt implements Attempt {
  readonly id: string;
  readonly generationId: string;
  readonly at: number;
  readonly model: Model;
  readonly upstream: Upstream;
  readonly bound: Json;
  next: Attempt['next'];
  heardAt: number | undefined;
  retry: Retry | undefined;
  private readonly gateway: Gateway;
  private readonly opened: Opened;

  constructor(gateway: Gateway, opened: Opened) {
    this.id = opened.id;
    this.generationId = opened.generationId;
    this.at = opened.at;
    this.model = opened.model;
    this.upstream = opened.upstream;
    this.bound = opened.bound;
    this.gateway = gateway;
    this.opened = opened;
  }

  price(usage: Usage | undefined): Receipt {
    const { model, upstream, at } = this;
    const { catalogue } = this.gateway;
    const { provider, upstream: name } = model;
    const sold = () => catalogue.meters(provider, name);
    const timed = withMachineTime(withHours(usage, upstream.row.quirks, at), upstream.row, sold, this.now() - at);
    return priceUsage(catalogue, { provider, model: name, usage: timed, at });
  }

  complete(receipt: Receipt, end: Omit<Conclusion, 'id' | 'at' | 'status'>): Promise<void> {
    this.learn();
    const units = consumedBy(this.model.modality, receipt, end.units);
    return this.settle(receipt, { outcome: 'succeeded', units }, { status: 'completed', ...end });
  }

  fail(error: GatewayError, usage?: Usage, status: 'failed' | 'canceled' = 'failed', idle = false): Promise<void> {
    this.learn(error);
    const move = status === 'failed' ? this.next?.(error, idle) : undefined;
    const receipt = usage ? this.price(usage) : notBillable(this.gateway.catalogue);
    const record = recordOf(error, move);
    const outcome = status === 'canceled' ? 'canceled' : error.code;
    const units = consumedBy(this.model.modality, receipt, undefined);
    const goesOn = move !== undefined;
    const end = goesOn ? undefined : { status, error: record };
    return this.settle(receipt, { outcome, error: record, units, goesOn }, end);
  }

  /** A clock may be set back meanwhile: nothing ends before it began. */
  private now(): number {
    return Math.max(this.gateway.clock.now(), this.at);
  }

  private async settle(receipt: Receipt, booked: Booked, end?: Ending): Promise<void> {
    const { gateway, opened, id: attemptId, generationId: id } = this;
    const { caller, trace, plain } = opened;
    if (receipt.total !== undefined) trace.total = (trace.total ?? 0n) + receipt.total;
    trace.cost = trace.total === undefined ? undefined : writeUsd(trace.total);
    trace.costStatus = graver(trace.costStatus, receipt.status);
    const at = this.now();
    const { outcome, error, units, goesOn } = booked;
    const charge = chargeOf(receipt, outcome, caller.markupPpm);
    let settled: string | undefined;
    try {
      settled = await caller.book.settle(
        { attemptId, at, receipt, charge, outcome, error, units, goesOn },
        plain || !end ? undefined : { id, at, ...end },
      );
    } finally {
      opened.onEnd?.();
    }
    if (settled === 'telling') gateway.wake.arm(caller.tenant);
    if (end && !plain) gateway.wake.ended(caller.tenant, id);
  }

  private learn(error?: GatewayError): void {
    if (this.opened.lost) return;
    const { gateway, model, upstream, at, heardAt, retry } = this;
    const first = heardAt === undefined ? undefined : heardAt - at;
    gateway.health.ended(model, upstream, this.now(), at, error, first, retry);
  }
}

/** Outcomes whose output reached the customer, if only in part. */
const delivered = ['succeeded', 'canceled', 'stream_interrupted'];

/** What the tenant's customer is charged: cost and markup of what it got. What came to nothing is not its affair. */
function chargeOf(receipt: Receipt, outcome: string, markupPpm: number): bigint | undefined {
  if (receipt.total === undefined) return undefined;
  if (!delivered.includes(outcome)) return 0n;
  if (markupPpm === 0) return receipt.total;
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
