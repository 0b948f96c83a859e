import type { DialectName } from './dialect.ts';
import type { GatewayError } from './error.ts';
import type { Json } from './json.ts';
import type { Opaque, Part } from './part.ts';
import type { FinishReason, TokenCounts } from './request.ts';

/** What grows inside an open part. `opaque` replaces, text and arguments append. */
export type Delta = { text: string } | { arguments: string } | { opaque: Opaque } | { annotation: Json };

/**
 * A streamed answer. `index` numbers parts over the whole answer; `choice` (default 0) exists for n > 1.
 * A plain answer is the fold of its events (see `foldEvents`).
 */
export type Event =
  | { type: 'start'; id?: string; model?: string; created?: number }
  | { type: 'part_start'; index: number; choice?: number; part: Part }
  | { type: 'part_delta'; index: number; delta: Delta }
  | { type: 'part_end'; index: number }
  /** Appended to those before. The shape is OpenAI chat's: `{content: [...] | null, refusal: [...] | null}`. */
  | { type: 'logprobs'; choice?: number; logprobs: Json }
  | { type: 'progress'; fraction: number }
  /** `counts` speaks to clients; `raw` is the provider's own usage object, which its adapter turns into money. */
  | { type: 'usage'; counts: TokenCounts; raw?: Json }
  | { type: 'finish'; reason: FinishReason; rawReason?: string; choice?: number }
  | { type: 'error'; error: GatewayError }
  | { type: 'other'; dialect: DialectName; data: Json };
