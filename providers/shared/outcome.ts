import { GatewayError, type Json, stringAt } from '../../src/contract/index.ts';

/**
 * Throws where a call was aborted before anything was sent to its provider: the abort's reason where that is a GatewayError,
 * `provider_timeout` where the time ran out, else `request_canceled`; the latter two of class A, unbilled.
 */
export function refuseAborted(provider: string, { aborted, reason }: AbortSignal): void {
  if (!aborted) return;
  if (reason instanceof GatewayError) throw reason;
  const unsent = { provider, failure: 'A', billing: 'none', cause: reason } as const;
  if (stringAt(reason, 'name') === 'TimeoutError') {
    const message = `The time ran out before anything was sent to ${provider}.`;
    throw new GatewayError('provider_timeout', { ...unsent, message });
  }
  const message = `Canceled before anything was sent to ${provider}.`;
  throw new GatewayError('request_canceled', { ...unsent, message });
}

/** The error of a question that costs nothing: its lost answer leaves no outcome unknown, it may simply be asked again. */
export function asFree(error: GatewayError): GatewayError {
  return error.code === 'outcome_unknown' ? new GatewayError('provider_unavailable', error.details) : error;
}

/** An answer with a good status that is not what its provider promises: the work may have been done and billed. */
export function garbageError(provider: string, message: string): GatewayError {
  return new GatewayError('provider_garbage', { message, provider, failure: 'C', billing: 'unknown' });
}

/** The same of an answer that is not the JSON wanted. */
export function garbageOf(provider: string, body: Json | undefined): GatewayError {
  const what = body === undefined ? 'an empty answer' : 'something that is not its JSON';
  return garbageError(provider, `${provider} sent ${what}.`);
}
