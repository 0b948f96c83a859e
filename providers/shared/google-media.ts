import type { Part as GeminiPart, GenerateContentResponse } from '@google/genai/web';
import type {
  Asset,
  Call,
  GatewayError,
  Json,
  JsonObject,
  MediaModality,
  Operation,
  Part,
  Usage,
} from '../../src/contract/index.ts';
import { encodeBase64 } from '../../src/contract/index.ts';
import { bytesOf, decodeBase64, mediaTypeOf } from './bytes.ts';
import { Blocked, withGoogle } from './google-client.ts';
import { readGeminiUsage } from './usage-gemini.ts';

type GoogleWork = Parameters<typeof withGoogle>[1];

/** Runs a media call; a blocked prompt becomes a failed operation that still carries its usage. */
export async function runMedia(call: Call, modality: MediaModality, work: GoogleWork): Promise<Operation> {
  try {
    return await withGoogle(call, work);
  } catch (thrown) {
    if (!(thrown instanceof Blocked)) throw thrown;
    return failed(call, modality, thrown, thrown.usage);
  }
}

/** Usage of an answer, with what the request decided and how much was made. */
export function usageOf(
  call: Call,
  modality: MediaModality,
  raw: unknown,
  facts: { request?: JsonObject; response?: JsonObject } = {},
) {
  return readGeminiUsage({
    model: call.model,
    endpoint: modality === 'embedding' ? 'embeddings' : 'gemini',
    modality,
    usage: (raw ?? undefined) as Json | undefined,
    options: call.options,
    ...facts,
  });
}

export function failed(call: Call, modality: MediaModality, error: GatewayError, raw: unknown): Operation {
  // A song that was not made is not billed; tokens that were read are.
  const usage = modality === 'music' ? undefined : usageOf(call, modality, raw);
  return { status: 'failed', error, ...(usage ? { usage } : {}) };
}

export function completed(outputs: Part[], usage: Usage | undefined, warnings: string[]): Operation {
  return {
    status: 'completed',
    outputs,
    usage: usage ?? { metered: [], source: 'body' },
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

/** An input asset as an inline part. */
export async function inlinePart(asset: Asset, param: string): Promise<GeminiPart> {
  const bytes = await bytesOf(asset, param);
  const mimeType = mediaTypeOf(bytes) ?? asset.mediaType;
  return { inlineData: { mimeType, data: encodeBase64(bytes) } };
}

/** Inline media of one kind in the answer, decoded; where there is none, what came in its place. */
export function mediaParts(
  parts: readonly GeminiPart[],
  kind: 'image' | 'audio',
): { mediaType: string; bytes: Uint8Array }[] {
  const all = parts.flatMap(({ inlineData }) =>
    inlineData?.mimeType && inlineData.data ? [{ mediaType: inlineData.mimeType, data: inlineData.data }] : [],
  );
  const own = all.filter(({ mediaType }) => mediaType.toLowerCase().startsWith(`${kind}/`));
  return (own.length > 0 ? own : all).map(({ mediaType, data }) => ({ mediaType, bytes: decodeBase64(data) }));
}

/** The words of the answer. */
export function textOf(parts: readonly GeminiPart[]): string {
  return parts.map((part) => part.text ?? '').join('');
}

export type { GenerateContentResponse };
