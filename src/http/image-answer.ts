import type { Context } from 'hono';
import type { AssetRow, GenerationRecord } from '../books/index.ts';
import {
  encodeBase64,
  GatewayError,
  isObject,
  type JsonObject,
  type Meter,
  type Progress,
  stringAt,
} from '../contract/index.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import { isStored, openStored } from '../gateway/stored.ts';
import { viewGeneration } from '../gateway/view.ts';
import { originOf } from './about.ts';
import { base64Pieces } from './base64.ts';
import { namedFrame } from './event-frames.ts';
import type { ImageDoor } from './image-request.ts';
import { tokensOf } from './media-usage.ts';

const encoder = new TextEncoder();
/** Words that OpenAI's description of these answers knows. */
const sizes = ['1024x1024', '1024x1536', '1536x1024'];
const qualities = ['low', 'medium', 'high'];
const backgrounds = ['transparent', 'opaque'];

/** The pictures of a generation: each an output of its record, in our store. */
export type Picture = { row: AssetRow; format: string; size: string | undefined };

/** Throws not_found where a picture is not kept any more. */
export async function picturesOf(gateway: Gateway, caller: Caller, record: GenerationRecord): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for (const output of record.outputs) {
    if (!isObject(output) || output.type !== 'image') continue;
    const row = await caller.book.asset(stringAt(output, 'asset') ?? '');
    if (!row || !(await isStored(gateway.assets, row))) {
      throw new GatewayError('not_found', `A picture of ${record.id} is not kept any more.`);
    }
    const size = output.width === undefined ? undefined : `${output.width}x${output.height}`;
    pictures.push({ row, format: formatOf(row.mediaType), size });
  }
  return pictures;
}

/** OpenAI's answer, piece by piece: pictures are encoded while they are read. */
export async function* writeImages(
  gateway: Gateway,
  c: Context,
  caller: Caller,
  record: GenerationRecord,
  pictures: readonly Picture[],
  wanted: 'url' | 'b64_json',
): AsyncGenerator<Uint8Array> {
  const [first] = pictures;
  const usage = imageUsage(record);
  const facts: JsonObject = {
    created: Math.floor((record.completedAt ?? record.at) / 1000),
    ...known('background', backgroundOf(record), backgrounds),
    ...known('output_format', first?.format, ['png', 'webp', 'jpeg']),
    ...known('quality', qualityOf(record), qualities),
    ...known('size', first?.size, sizes),
    ...(usage ? { usage } : {}),
  };
  yield encoder.encode(`${JSON.stringify(facts).slice(0, -1)},"data":[`);
  const links = wanted === 'url' ? await linksOf(gateway, c, caller, record) : [];
  for (const [index, { row }] of pictures.entries()) {
    if (index > 0) yield encoder.encode(',');
    if (wanted === 'url') yield encoder.encode(JSON.stringify({ url: links[index] ?? '' }));
    else yield* quoted(gateway, row, '{"b64_json":"', '"}');
  }
  yield encoder.encode(']}');
}

/** `image_generation.partial_image`: a preview, where the provider shows one. */
export function previewFrame(
  door: ImageDoor,
  record: Pick<GenerationRecord, 'request'>,
  { partial, index }: Progress,
  count: number,
  now: number,
): Uint8Array | undefined {
  if (partial?.type !== 'asset' || !('bytes' in partial.asset)) return undefined;
  const { bytes, mediaType } = partial.asset;
  const size = partial.width === undefined ? undefined : `${partial.width}x${partial.height}`;
  const facts = { ...eventFacts(record, formatOf(mediaType), size, now), partial_image_index: index ?? count };
  return namedFrame(`${door}.partial_image`, { b64_json: encodeBase64(bytes), ...facts });
}

/** `image_generation.completed` for each picture. Usage of a provider that counts no tokens is 0: none were billed. */
export async function* completedFrames(
  gateway: Gateway,
  c: Context,
  caller: Caller,
  door: ImageDoor,
  record: GenerationRecord,
  wanted: 'url' | 'b64_json',
): AsyncGenerator<Uint8Array> {
  const none = {
    total_tokens: 0,
    input_tokens: 0,
    output_tokens: 0,
    input_tokens_details: { text_tokens: 0, image_tokens: 0 },
  };
  const type = `${door}.completed`;
  const at = record.completedAt ?? record.at;
  const links = wanted === 'url' ? await linksOf(gateway, c, caller, record) : [];
  for (const [index, { row, format, size }] of (await picturesOf(gateway, caller, record)).entries()) {
    const facts = {
      type,
      ...eventFacts(record, format, size, at),
      usage: imageUsage(record) ?? none,
      ...(wanted === 'url' ? { url: links[index] ?? '' } : {}),
    };
    const head = `event: ${type}\ndata: ${JSON.stringify(facts).slice(0, -1)},"b64_json":"`;
    yield* quoted(gateway, row, head, '"}\n\n');
  }
}

async function* quoted(gateway: Gateway, row: AssetRow, head: string, tail: string): AsyncGenerator<Uint8Array> {
  const stored = await openStored(gateway.assets, row);
  if (!stored) throw new GatewayError('not_found', 'A picture is not kept any more.');
  yield encoder.encode(head);
  for await (const piece of base64Pieces(stored.body)) yield encoder.encode(piece);
  yield encoder.encode(tail);
}

async function linksOf(gateway: Gateway, c: Context, caller: Caller, record: GenerationRecord): Promise<string[]> {
  const view = await viewGeneration(record, caller.book, originOf(gateway, c), gateway.clock.now());
  const outputs = Array.isArray(view.outputs) ? view.outputs : [];
  return outputs.filter((output) => stringAt(output, 'type') === 'image').map((one) => stringAt(one, 'url') ?? '');
}

function eventFacts(
  record: Pick<GenerationRecord, 'request'>,
  format: string,
  size: string | undefined,
  at: number,
): JsonObject {
  const or = (word: string | undefined, words: readonly string[]) => (word && words.includes(word) ? word : 'auto');
  return {
    created_at: Math.floor(at / 1000),
    size: or(size, sizes),
    quality: or(qualityOf(record), qualities),
    background: or(stringAt(record.request, 'background'), backgrounds),
    output_format: format,
  };
}

/** As the provider billed it, else as it was asked. */
function qualityOf(record: Partial<Pick<GenerationRecord, 'request' | 'attempts'>>): string | undefined {
  const lines = record.attempts?.at(-1)?.receipt?.lines ?? [];
  return lines.find((line) => line.dims?.quality)?.dims?.quality ?? stringAt(record.request, 'quality');
}

/** Asked and not refused is honoured, unless the books say otherwise. */
function backgroundOf({ request, degradations }: GenerationRecord): string | undefined {
  const lost = degradations.some((one) => stringAt(one, 'field') === 'background');
  return lost ? undefined : stringAt(request, 'background');
}

function known(name: string, word: string | undefined, words: readonly string[]): JsonObject {
  return word !== undefined && words.includes(word) ? { [name]: word } : {};
}

function formatOf(mediaType: string): string {
  return mediaType.replace(/^image\//, '').replace(/[+;].*$/, '');
}

/** Tokens in OpenAI's shape; undefined where the provider counts none. */
function imageUsage(record: GenerationRecord): JsonObject | undefined {
  const count = tokensOf(record);
  if (!count) return undefined;
  const sum = (...meters: Meter[]) => meters.reduce((total, meter) => total + (count.get(meter) ?? 0), 0);
  const text = sum('input_text_tokens', 'cached_input_tokens', 'cache_write_tokens');
  const seen = sum('input_image_tokens', 'cached_input_image_tokens');
  const drawn = sum('output_image_tokens');
  const written = sum('output_text_tokens', 'reasoning_tokens');
  return {
    total_tokens: text + seen + drawn + written,
    input_tokens: text + seen,
    output_tokens: drawn + written,
    input_tokens_details: { text_tokens: text, image_tokens: seen },
    output_tokens_details: { image_tokens: drawn, text_tokens: written },
  };
}
