import { type DialectName, GatewayError, type Json, type JsonObject, type Usage } from '../contract/index.ts';
import type { Attempt } from './attempt.ts';
import { estimateTokens, usageOfBroken, usageOfDelivered } from './estimate.ts';

const decoder = new TextDecoder();

/** A JSON object, or undefined for HTML, half JSON or nothing. */
export function parseAnswer(bytes: Uint8Array): JsonObject | undefined {
  return parseText(decoder.decode(bytes));
}

/** The same from text. */
export function parseText(text: string): JsonObject | undefined {
  try {
    const body = JSON.parse(text) as Json;
    return typeof body === 'object' && body !== null && !Array.isArray(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What a text call consumed, as the provider's adapter reads its figures. Without figures it is estimated from what was
 * delivered (`frames` of a stream, else the size of the answer), bounded by what was allowed. The figures of a `broken`
 * stream are those of its beginning: its output is what was delivered.
 */
export function usageOfText(
  attempt: Attempt,
  seen: { endpoint: DialectName; usage?: Json; response?: Json; frames?: number; broken?: boolean },
): Usage {
  if (seen.usage !== undefined && seen.usage !== null) {
    const read = attempt.upstream.provider.readUsage({
      model: attempt.model.upstream,
      endpoint: seen.endpoint,
      modality: attempt.model.modality,
      usage: seen.usage,
      response: seen.response,
      options: attempt.model.options,
    });
    if (read && (read.metered.length > 0 || read.reportedCostUsd !== undefined)) {
      return seen.broken ? usageOfBroken(read, attempt.bound, seen.frames ?? 0) : read;
    }
  }
  return usageOfDelivered(attempt.bound, seen.frames ?? estimateTokens(JSON.stringify(seen.response ?? '').length));
}

export function garbage(attempt: Attempt): GatewayError {
  return new GatewayError('provider_garbage', {
    message: `${attempt.model.provider} answered with something that is not an answer.`,
    provider: attempt.model.provider,
    failure: 'C',
    billing: 'unknown',
  });
}

export function interrupted(attempt: Attempt, reason?: string, cause?: unknown): GatewayError {
  return new GatewayError('stream_interrupted', {
    message: `The stream of ${attempt.model.provider} broke off before its end${reason ? `: ${reason}` : '.'}`,
    provider: attempt.model.provider,
    failure: 'D',
    billing: 'unknown',
    cause,
  });
}

export function clientLeft(): GatewayError {
  return new GatewayError('request_canceled', { message: 'The client left before the end.', failure: 'D' });
}
