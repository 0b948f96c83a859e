import { type AssetPart, GatewayError, isPrivateHost, type JsonObject, type Part } from '../contract/index.ts';
import { probe } from '../meter/probe.ts';
import type { Attempt } from './attempt.ts';
import { hexDigest } from './digest.ts';
import type { Caller, Gateway } from './gateway.ts';
import { newId } from './ids.ts';

/** The largest output held in memory on its way to the store. */
const largestOutput = 64 * 1024 * 1024;

/** A finished output as the book keeps it: media by asset id, text and vectors in place. */
export type Kept = { output: JsonObject; seconds?: number };

/** Copies an output to our own store, checked and measured. Empty or undecodable media is `invalid_output`. */
export async function keepOutput(
  gateway: Gateway,
  caller: Pick<Caller, 'tenant' | 'book'>,
  attempt: Attempt,
  part: Part,
): Promise<Kept> {
  if (part.type === 'text') return { output: { type: 'text', text: part.text } };
  if (part.type === 'embedding') return { output: { type: 'embedding', index: part.index, vector: part.vector } };
  if (part.type !== 'asset') return { output: { type: part.type } };

  const bytes = await bytesOf(attempt, part);
  const found = probe(bytes);
  const wanted = kindOf[attempt.model.modality];
  if (!found || (wanted && found.kind !== wanted)) {
    throw unusable(attempt, `delivered ${bytes.length === 0 ? 'nothing' : `bytes that are no ${wanted}`}`);
  }
  const sha256 = await hexDigest(bytes);
  const id = newId(`asset_${caller.tenant}_`, gateway.clock.now());
  await gateway.assets.put(sha256, bytes, found.mediaType);
  await caller.book.addAsset({
    id,
    generationId: attempt.generationId,
    sha256,
    mediaType: found.mediaType,
    bytes: bytes.length,
    at: gateway.clock.now(),
  });
  return {
    output: {
      type: typeOf[attempt.model.modality] ?? found.kind,
      asset: id,
      media_type: found.mediaType,
      ...(found.width === undefined ? {} : { width: found.width, height: found.height ?? 0 }),
      ...(found.seconds === undefined ? {} : { seconds: Math.round(found.seconds * 1000) / 1000 }),
      bytes: bytes.length,
      sha256,
    },
    seconds: found.seconds,
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
  image: 'image',
  speech: 'audio',
  music: 'audio',
  sound_effect: 'audio',
};

async function bytesOf(attempt: Attempt, part: AssetPart): Promise<Uint8Array> {
  const { asset } = part;
  if ('bytes' in asset) return asset.bytes;
  if ('stream' in asset) return readAll(attempt, asset.stream);
  checkOutputUrl(attempt, asset.url);
  for (let tries = 1; ; tries++) {
    let status = 'no answer';
    try {
      const answer = await attempt.upstream.egress.fetch(asset.url, { redirect: 'manual' });
      if (answer.ok) return await readAll(attempt, answer.body);
      await answer.body?.cancel();
      status = String(answer.status);
    } catch (thrown) {
      if (thrown instanceof GatewayError) throw thrown;
    }
    // Fetching is free and changes nothing; what would be lost has been paid for.
    if (tries === 3) throw unusable(attempt, `made an output that could not be fetched (${status})`);
    await new Promise((resolve) => setTimeout(resolve, 100 * tries ** 2));
  }
}

async function readAll(attempt: Attempt, stream: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (stream ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > largestOutput) throw unusable(attempt, `made an output larger than ${largestOutput} bytes`);
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0]!;
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

function unusable(attempt: Attempt, what: string): GatewayError {
  const { provider } = attempt.model;
  const message = `${provider} ${what}.`;
  return new GatewayError('invalid_output', { message, provider, failure: 'C', billing: 'unknown' });
}

/** A provider may point only to https, or to where the operator said it lives. */
function checkOutputUrl(attempt: Attempt, text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const home = new URL(attempt.upstream.baseUrl).origin;
  if (url && (url.origin === home || (url.protocol === 'https:' && !isPrivateHost(url.hostname)))) return;
  throw unusable(attempt, 'pointed to an address that is not fetched');
}
