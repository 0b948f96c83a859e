import fc from 'fast-check';
import type { AssetPart, JsonObject, Part, TokenCounts, ToolCallPart } from '../../src/contract/index.ts';

/** Text as models write it: quotes, line breaks, emoji, CRLF, what looks like framing. */
export const text = fc.oneof(
  fc.string({ minLength: 1, unit: 'grapheme' }),
  fc.constantFrom('a\r\nb', 'data: [DONE]\n\n', '"usage":{"prompt_tokens":9}', '👩‍🚀 naïve — 漢字', '\u2028\ufeff'),
);
export const word = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,12}$/);
export const id = fc.stringMatching(/^[a-z0-9_]{1,16}$/).map((rest) => `id_${rest}`);
export const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 });
export const count = fc.nat({ max: 1_000_000 });

/** A JSON object whose keys cannot be taken for list positions or known fields. */
export const json: fc.Arbitrary<JsonObject> = fc.dictionary(
  word.map((name) => `x_${name}`),
  fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.constant(null), fc.array(fc.integer(), { maxLength: 3 })),
  { minKeys: 1, maxKeys: 3, noNullPrototype: true },
) as fc.Arbitrary<JsonObject>;

export const schema: fc.Arbitrary<JsonObject> = word.map((name) => ({
  type: 'object',
  properties: { [name]: { type: 'string' } },
  required: [name],
  additionalProperties: false,
}));

export const textPart: fc.Arbitrary<Part> = text.map((value) => ({ type: 'text', text: value }));
export const reasoningPart: fc.Arbitrary<Part> = text.map((value) => ({ type: 'reasoning', text: value }));
export const refusalPart: fc.Arbitrary<Part> = text.map((value) => ({ type: 'refusal', text: value }));

export const toolCall: fc.Arbitrary<ToolCallPart> = fc
  .record({ id, name: word, value: fc.dictionary(word, text, { maxKeys: 3, noNullPrototype: true }) })
  .map(({ id, name, value }) => ({ type: 'tool_call', id, name, arguments: JSON.stringify(value) }));

export const image: fc.Arbitrary<AssetPart> = fc.oneof(
  fc.record({ type: fc.constant('asset' as const), asset: fc.record({ mediaType: fc.constant('image/png'), bytes }) }),
  fc.constant<AssetPart>({
    type: 'asset',
    asset: { mediaType: 'image/*', url: 'https://example.com/cat.png' },
    detail: 'low',
  }),
);
export const audio: fc.Arbitrary<AssetPart> = fc.record({
  type: fc.constant('asset' as const),
  asset: fc.record({ mediaType: fc.constantFrom('audio/wav', 'audio/mpeg'), bytes }),
});
export const document: fc.Arbitrary<AssetPart> = fc.record({
  type: fc.constant('asset' as const),
  asset: fc.record({ mediaType: fc.constant('application/pdf'), bytes, name: word.map((name) => `${name}.pdf`) }),
});

export const counts: fc.Arbitrary<TokenCounts> = fc.record(
  { input: count, output: count, cachedInput: count, cacheWrite: count, reasoning: count },
  { requiredKeys: ['input', 'output'], noNullPrototype: true },
);

/** `Some` optional fields of a record, never present as undefined. */
export function some<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(fields, { requiredKeys: [], noNullPrototype: true }) as unknown as fc.Arbitrary<Partial<T>>;
}

/** Byte chunks of the same stream, cut at the given places (taken modulo its length). */
export function cutAt(whole: Uint8Array, places: number[]): Uint8Array[] {
  const ends = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((one, other) => one - other);
  const chunks: Uint8Array[] = [];
  let from = 0;
  for (const end of [...ends, whole.length]) {
    chunks.push(whole.subarray(from, end));
    from = end;
  }
  return chunks;
}

export async function* each<T>(items: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
