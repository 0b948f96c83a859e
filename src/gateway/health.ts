import type { ErrorCode, GatewayError, Model } from '../contract/index.ts';
import type { Upstream } from '../runtime/ports.ts';
import { Breaker } from './breaker.ts';
import { Bulkhead, type BulkheadLimits } from './bulkhead.ts';
import { KeyRing } from './keys.ts';
import { type Retry, RetryBudget, TokenBucket } from './retry.ts';
import { Statistics } from './statistics.ts';

/** What says that a provider is in trouble. A refused request, a spent key and a limit say nothing about that. */
const troubles: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'provider_unavailable',
  'provider_timeout',
  'provider_overloaded',
  'provider_error',
  'provider_garbage',
  'invalid_output',
  'outcome_unknown',
  'stream_interrupted',
]);

/** Milliseconds that a key is set aside where the provider does not say for how long. */
const asides: Partial<Record<ErrorCode, number>> = {
  provider_rate_limited: 1_000,
  provider_authentication: 300_000,
  provider_quota_exhausted: 300_000,
};

export const defaultLimits: BulkheadLimits = { most: 1_000, waiting: 1_000, patience: 5_000 };

/** Conversations whose model is remembered, and for how long (ms). */
const mostSticky = 10_000;
const stickyTime = 3_600_000;

export type ModelHealth = { breaker: Breaker; statistics: Statistics };
export type ProviderHealth = { budget: RetryBudget; bucket: TokenBucket; bulkhead: Bulkhead; keys: KeyRing };

/** What this process has seen of its providers: kept in memory only, and never more than advice. */
export class Health {
  private readonly models = new Map<string, ModelHealth>();
  private readonly providers = new Map<string, ProviderHealth>();
  private readonly sticky = new Map<string, { model: string; at: number }>();
  private readonly random: () => number;
  private readonly limits: BulkheadLimits;

  constructor(options: { random: () => number; limits?: BulkheadLimits }) {
    this.random = options.random;
    this.limits = options.limits ?? defaultLimits;
  }

  model(id: string): ModelHealth {
    let known = this.models.get(id);
    if (!known) {
      known = { breaker: new Breaker(this.random), statistics: new Statistics() };
      this.models.set(id, known);
    }
    return known;
  }

  provider(upstream: Pick<Upstream, 'row' | 'key' | 'keys'>): ProviderHealth {
    const { id } = upstream.row;
    let known = this.providers.get(id);
    if (!known) {
      const keys = new KeyRing(upstream.keys ?? [upstream.key]);
      const bulkhead = new Bulkhead(id, this.limits);
      known = { budget: new RetryBudget(), bucket: new TokenBucket(), bulkhead, keys };
      this.providers.set(id, known);
    }
    return known;
  }

  /** Whether a call is worth making now: its breaker lets it through and a key is free. */
  isReady(model: Model, upstream: Upstream, now: number): boolean {
    return this.model(model.id).breaker.allows(now) && this.provider(upstream).keys.isFree(now);
  }

  /**
   * Learns from the end of an attempt.
   * @param first milliseconds to its first output, of a stream.
   * @param retry what it took from the bucket, where it was a retry.
   */
  ended(
    model: Model,
    upstream: Upstream,
    now: number,
    at: number,
    error?: GatewayError,
    first?: number,
    retry?: Retry,
  ): void {
    const { breaker, statistics } = this.model(model.id);
    const { bucket, keys } = this.provider(upstream);
    if (!error) {
      breaker.succeeded(now);
      statistics.succeeded(now, now - at, first);
      bucket.succeeded(retry !== undefined, retry?.timedOut);
      keys.restore(upstream.key);
      return;
    }
    const aside = asides[error.code];
    if (error.code === 'provider_quota_exhausted' && !keys.isAside(upstream.key, now))
      console.warn(`${upstream.row.id} has no quota or credit left for a key of ours: it is set aside.`);
    if (aside !== undefined)
      keys.setAside(upstream.key, now + Math.min(3_600_000, error.details.retryAfterMs ?? aside));
    if (troubles.has(error.code)) {
      breaker.failed(now);
      statistics.failed(now);
    } else breaker.left();
  }

  /** The model that a conversation was last answered by. */
  answererOf(conversation: string, now: number): string | undefined {
    const known = this.sticky.get(conversation);
    return known && now - known.at < stickyTime ? known.model : undefined;
  }

  remember(conversation: string, model: string, now: number): void {
    this.sticky.delete(conversation);
    if (this.sticky.size >= mostSticky) this.sticky.delete(this.sticky.keys().next().value!);
    this.sticky.set(conversation, { model, at: now });
  }
}
