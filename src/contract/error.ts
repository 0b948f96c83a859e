import type { Json } from './json.ts';

/**
 * The closed set of error codes. `status` is our HTTP answer; `retryable` says whether the same request may succeed later;
 * `billing` says whether the failed work may have cost money.
 */
export const errorCodes = {
  invalid_request: { status: 400, retryable: false },
  invalid_json: { status: 400, retryable: false },
  unsupported_parameter: { status: 400, retryable: false },
  modality_mismatch: { status: 400, retryable: false },
  content_policy: { status: 400, retryable: false },
  conflicting_credentials: { status: 400, retryable: false },
  authentication_required: { status: 401, retryable: false },
  invalid_api_key: { status: 401, retryable: false },
  permission_denied: { status: 403, retryable: false },
  model_not_found: { status: 404, retryable: false },
  not_found: { status: 404, retryable: false },
  method_not_allowed: { status: 405, retryable: false },
  payload_too_large: { status: 413, retryable: false },
  budget_exhausted: { status: 402, retryable: false },
  /** What is left of the budget is held by calls under way. */
  budget_in_flight: { status: 402, retryable: true },
  /** A budget or a limit of the request covers a call whose worst case has no price. */
  unpriced_model: { status: 402, retryable: false },
  idempotency_conflict: { status: 422, retryable: false },
  idempotency_in_progress: { status: 409, retryable: true },
  rate_limited: { status: 429, retryable: true },
  request_canceled: { status: 499, retryable: false },
  internal_error: { status: 500, retryable: false },
  /** The provider refused the request itself (its 4xx); its words are in the message. */
  provider_rejected: { status: 400, retryable: false },
  provider_authentication: { status: 502, retryable: false },
  provider_rate_limited: { status: 429, retryable: true },
  provider_quota_exhausted: { status: 503, retryable: false },
  provider_overloaded: { status: 503, retryable: true },
  provider_unavailable: { status: 502, retryable: true },
  provider_timeout: { status: 504, retryable: true },
  provider_error: { status: 502, retryable: true },
  /** The provider answered something that is not an answer: HTML, half JSON, empty. */
  provider_garbage: { status: 502, retryable: true },
  invalid_output: { status: 502, retryable: true },
  outcome_unknown: { status: 502, retryable: false },
  stream_interrupted: { status: 502, retryable: false },
  provider_not_configured: { status: 503, retryable: false },
  store_unavailable: { status: 503, retryable: true },
  shutting_down: { status: 503, retryable: true },
} as const satisfies Record<string, { status: number; retryable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;

/** A: not sent. B: refused, unbilled. C: outcome unknown. D: broke after output began. */
export type FailureClass = 'A' | 'B' | 'C' | 'D';

export type ErrorDetails = {
  message: string;
  /** Overrides the code's status, e.g. to keep a provider's 422. */
  status?: number;
  param?: string;
  provider?: string;
  retryAfterMs?: number;
  failure?: FailureClass;
  billing?: 'none' | 'known' | 'unknown';
  /** The provider's own body, for same-dialect answers and the record. Never holds our secrets. */
  raw?: Json;
  /** Extra facts for the caller, e.g. models that can do what was asked. */
  facts?: Json;
  cause?: unknown;
};

/** Every failure that a caller may see. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails | string) {
    const full = typeof details === 'string' ? { message: details } : details;
    super(full.message, { cause: full.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.details = full;
  }

  get status(): number {
    return this.details.status ?? errorCodes[this.code].status;
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable;
  }
}

/** Any thrown value as a GatewayError; unknown ones become `internal_error` without their text. */
export function asGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('internal_error', { message: 'Something failed inside the gateway.', cause: thrown });
}
