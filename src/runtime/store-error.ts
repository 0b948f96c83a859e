import { GatewayError } from '../contract/index.ts';

/** What a book throws, as callers know it. */
export function storeError(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  return new GatewayError('store_unavailable', { message: 'The ledger cannot be written now.', cause });
}
