import type { GatewayError } from './error.ts';
import type { Json } from './json.ts';
import type { Part } from './part.ts';
import type { Usage } from './usage.ts';

/**
 * Where a media call stands, synchronous or not. `ref` is all an adapter needs to ask again, and survives a restart.
 * A failed job may still cost: then it carries usage.
 */
export type Operation =
  | { status: 'queued' | 'in_progress'; ref: Json; fraction?: number; pollAfterMs?: number }
  | { status: 'completed'; outputs: Part[]; usage: Usage; warnings?: string[]; ref?: Json }
  | { status: 'failed' | 'canceled'; error: GatewayError; usage?: Usage; ref?: Json };
