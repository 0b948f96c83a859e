import type { DialectName } from './dialect.ts';
import type { Json } from './json.ts';

/** Media in transit. Prefer `stream` for anything large: a Worker has 128 MB. */
export type Asset = { mediaType: string; name?: string } & (
  | { url: string; expiresAt?: number }
  | { bytes: Uint8Array }
  | { stream: ReadableStream<Uint8Array> }
);

/** State only its owner understands (thinking signatures, encrypted reasoning): echoed back byte-exact, to the owner only. */
export type Opaque = { owner: DialectName; data: Json };

export type TextPart = { type: 'text'; text: string; annotations?: Json[]; opaque?: Opaque };
export type ReasoningPart = { type: 'reasoning'; text: string; redacted?: boolean; opaque?: Opaque };
export type RefusalPart = { type: 'refusal'; text: string };
/** `arguments` is the JSON text exactly as the model wrote it. */
export type ToolCallPart = { type: 'tool_call'; id: string; name: string; arguments: string; opaque?: Opaque };
export type ToolResultPart = {
  type: 'tool_result';
  id: string;
  name?: string;
  content: Part[];
  isError?: boolean;
  opaque?: Opaque;
};
/** `detail` is the vision resolution hint; width, height and seconds are measured where known. */
export type AssetPart = {
  type: 'asset';
  asset: Asset;
  detail?: string;
  width?: number;
  height?: number;
  seconds?: number;
  opaque?: Opaque;
};
export type EmbeddingPart = { type: 'embedding'; index: number; vector: number[] };
/** A block this house has no word for; only its own dialect can write it back. */
export type OtherPart = { type: 'other'; dialect: DialectName; data: Json };

export type Part =
  | TextPart
  | ReasoningPart
  | RefusalPart
  | ToolCallPart
  | ToolResultPart
  | AssetPart
  | EmbeddingPart
  | OtherPart;
