import {
  type AssetPart,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type Part,
  type TextPart,
  UrlError,
} from '../contract/index.ts';
import { type Probe, probe } from '../meter/probe.ts';
import { type MediaSource, probeSource } from '../meter/probe-source.ts';
import { isWholeMedia } from '../meter/whole.ts';
import type { Stored } from '../runtime/ports.ts';
import type { Attempt } from './attempt.ts';
import type { Caller, Gateway } from './gateway.ts';
import { newId } from './ids.ts';
import { measureRaw, type RawAudio, rawAudio } from './raw-audio.ts';
import { sourceOf } from './stored.ts';

/** Bytes of the largest output, where the operator says nothing else. */
export const largestOutput = 1024 ** 3;
/** Milliseconds for one download, and how often one is tried. */
const downloadTime = 900_000;
const mostTries = 3;
/** Characters of a text's annotations that the book itself keeps; longer ones (the words of an hour) lie in the store. */
const mostNotes = 256 * 1024;

/** A finished output as the book keeps it: media by asset id, text and vectors in place. */
export type Kept = { output: JsonObject; seconds?: number };

/**
 * Copies an output to our own store, checked and measured; it is never held whole. Empty or undecodable media is `invalid_output`,
 * and leaves nothing in the store.
 * @param format the one that was asked for: raw sound has nothing else that tells what it is.
 * @param id under which it is to lie in the store, if it does.
 */
export async function keepOutput(
  gateway: Gateway,
  caller: Pick<Caller, 'tenant' | 'book'>,
  attempt: Attempt,
  part: Part,
  format?: string,
  id = newId(`asset_${caller.tenant}_`, gateway.clock.now()),
): Promise<Kept> {
  if (part.type === 'text') return { output: await keepText(gateway, caller, attempt, part, id) };
  if (part.type === 'embedding') return { output: { type: 'embedding', index: part.index, vector: part.vector } };
  if (part.type !== 'asset') return { output: { type: part.type } };

  try {
    const { stored, found } = await storeAndMeasure(gateway, attempt, id, part, format);
    await caller.book.addAsset({
      id,
      generationId: attempt.generationId,
      sha256: stored.sha256,
      mediaType: found.mediaType,
      bytes: stored.size,
      at: gateway.clock.now(),
    });
    return { output: outputOf(attempt, id, stored, found), seconds: found.seconds };
  } catch (thrown) {
    await gateway.assets.remove(id).catch(() => {});
    throw thrown;
  }
}

/** A text with what the provider says about it: times, speakers, words. */
async function keepText(
  gateway: Gateway,
  caller: Pick<Caller, 'tenant' | 'book'>,
  attempt: Attempt,
  part: TextPart,
  id: string,
): Promise<JsonObject> {
  const { text } = part;
  const annotations = (part.annotations ?? []).filter((note) => !repeats(note, text));
  if (annotations.length === 0) return { type: 'text', text };
  const notes = JSON.stringify(annotations);
  if (notes.length <= mostNotes) return { type: 'text', text, annotations };
  const at = gateway.clock.now();
  const mediaType = 'application/json';
  const { size, sha256 } = await write(gateway, attempt, id, new TextEncoder().encode(notes));
  await caller.book.addAsset({ id, generationId: attempt.generationId, sha256, mediaType, bytes: size, at });
  return { type: 'text', text, asset: id, media_type: mediaType, bytes: size, sha256 };
}

/** Whether a note says nothing but the text itself. */
function repeats(note: Json, text: string): boolean {
  return isObject(note) && note.text === text && Object.keys(note).length === 1;
}

function outputOf(
  attempt: Attempt,
  id: string,
  stored: Stored,
  found: Partial<Probe> & Pick<Probe, 'mediaType'>,
): JsonObject {
  return {
    type: typeOf[attempt.model.modality] ?? found.kind ?? 'file',
    asset: id,
    media_type: found.mediaType,
    ...(found.width === undefined ? {} : { width: found.width, height: found.height ?? 0 }),
    ...(found.seconds === undefined ? {} : { seconds: Math.round(found.seconds * 1000) / 1000 }),
    bytes: stored.size,
    sha256: stored.sha256,
  };
}

const kindOf: Partial<Record<string, string>> = {
  image: 'image',
  speech: 'audio',
  music: 'audio',
  sound_effect: 'audio',
  video: 'video',
  model3d: 'model3d',
};
const typeOf: Partial<Record<string, string>> = {
  embedding: 'embedding',
  image: 'image',
  speech: 'audio',
  music: 'audio',
  sound_effect: 'audio',
};

async function storeAndMeasure(
  gateway: Gateway,
  attempt: Attempt,
  id: string,
  { asset }: AssetPart,
  format: string | undefined,
): Promise<{ stored: Stored; found: Partial<Probe> & Pick<Probe, 'mediaType'> }> {
  const raw = kindOf[attempt.model.modality] === 'audio' ? rawAudio(asset.mediaType, format) : undefined;
  if ('bytes' in asset) {
    const measured = heard(probe(asset.bytes), raw, asset.bytes, asset.bytes.length);
    const found = checked(attempt, measured, asset.bytes.length);
    const { bytes } = asset;
    await checkWhole(attempt, { size: bytes.length, read: async (start, end) => bytes.subarray(start, end) });
    return { stored: await write(gateway, attempt, id, bytes), found };
  }
  const stored =
    'stream' in asset
      ? await write(gateway, attempt, id, unbroken(attempt, asset.stream))
      : await download(gateway, attempt, id, asset.url);
  // A list of vectors is ours: see vectors.ts.
  if (attempt.model.modality === 'embedding') return { stored, found: { mediaType: asset.mediaType } };
  const source = sourceOf(gateway.assets, id, stored.size);
  const found = await probeSource(source);
  const measured = raw ? heard(found, raw, await source.read(0, Math.min(64, stored.size)), stored.size) : found;
  const checkedFound = checked(attempt, measured, stored.size);
  await checkWhole(attempt, source);
  return { stored, found: checkedFound };
}

async function checkWhole(attempt: Attempt, source: MediaSource): Promise<void> {
  if (!(await isWholeMedia(source))) throw unusable(attempt, 'made an output that was cut short');
}

/** A header that proves itself is believed before the word that there is none. */
function heard(found: Probe | undefined, raw: RawAudio | undefined, head: Uint8Array, size: number) {
  return found?.kind === 'audio' || !raw ? found : measureRaw(raw, head, size);
}

function checked(attempt: Attempt, found: Probe | undefined, size: number): Probe {
  const wanted = kindOf[attempt.model.modality];
  if (found && (!wanted || found.kind === wanted)) return found;
  throw unusable(attempt, `delivered ${size === 0 ? 'nothing' : `bytes that are no ${wanted ?? 'media'}`}`);
}

/** Fetching is free and changes nothing, and what would be lost has been paid for: it is tried again. */
async function download(gateway: Gateway, attempt: Attempt, id: string, url: string): Promise<Stored> {
  const { upstream } = attempt;
  for (let tries = 1; ; tries++) {
    let reason: string;
    try {
      const answer = await gateway.openUrl(url, {
        limit: mostBytes(gateway),
        // A provider may point only to the public, or to where the operator said it lives.
        allowedOrigins: [new URL(upstream.baseUrl).origin],
        totalTimeout: downloadTime,
        ...(upstream.simulated ? { via: upstream.egress.fetch } : {}),
      });
      if (answer.status === 200) return await write(gateway, attempt, id, answer.body);
      await answer.body.cancel();
      reason = String(answer.status);
    } catch (thrown) {
      if (!(thrown instanceof UrlError)) throw thrown;
      if (!thrown.passing) throw unusable(attempt, refusalOf(gateway, thrown), thrown);
      reason = thrown.fault;
    }
    if (tries === mostTries) throw unusable(attempt, `made an output that could not be fetched (${reason})`);
    await new Promise((resolve) => setTimeout(resolve, 100 * tries ** 2));
  }
}

function refusalOf(gateway: Gateway, error: UrlError): string {
  if (error.fault === 'too_large') return tooLarge(gateway);
  return error.fault === 'media_type'
    ? `made an output that cannot be read: ${error.message}`
    : 'pointed to an address that is not fetched';
}

function tooLarge(gateway: Gateway): string {
  return `made an output larger than ${mostBytes(gateway)} bytes`;
}

function mostBytes(gateway: Gateway): number {
  return gateway.largestOutput ?? largestOutput;
}

/** Puts a body into the store. What the body throws passes; what the store throws is the store's failure. */
async function write(
  gateway: Gateway,
  attempt: Attempt,
  id: string,
  body: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array> | Uint8Array,
): Promise<Stored> {
  try {
    return await gateway.assets.write(id, body as AsyncIterable<Uint8Array>, mostBytes(gateway));
  } catch (thrown) {
    if (thrown instanceof UrlError || thrown instanceof GatewayError) throw thrown;
    if (thrown instanceof RangeError) throw unusable(attempt, tooLarge(gateway), thrown);
    const message = 'The output could not be kept: the store failed.';
    throw new GatewayError('store_unavailable', { message, failure: 'C', billing: 'unknown', cause: thrown });
  }
}

/** An adapter's stream cannot be opened a second time: where it breaks, the output is lost. */
async function* unbroken(attempt: Attempt, stream: ReadableStream<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* stream as unknown as AsyncIterable<Uint8Array>;
  } catch (thrown) {
    throw unusable(attempt, 'made an output that broke off while it was fetched', thrown);
  }
}

function unusable(attempt: Attempt, what: string, cause?: unknown): GatewayError {
  const { provider } = attempt.model;
  const message = `${provider} ${what}.`;
  return new GatewayError('invalid_output', { message, provider, failure: 'C', billing: 'unknown', cause });
}
