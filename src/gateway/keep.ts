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
    throw new GatewayError('invalid_output', {
      message: `${attempt.model.provider} delivered ${bytes.length === 0 ? 'nothing' : `bytes that are no ${wanted}`}.`,
      provider: attempt.model.provider,
      failure: 'C',
    });
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
  if ('stream' in asset) return new Uint8Array(await new Response(asset.stream).arrayBuffer());
  checkOutputUrl(attempt, asset.url);
  const answer = await attempt.upstream.egress.fetch(asset.url, { redirect: 'manual' });
  const announced = Number(answer.headers.get('content-length') ?? 0);
  if (!answer.ok || announced > largestOutput) {
    await answer.body?.cancel();
    throw new GatewayError('invalid_output', {
      message: `An output of ${attempt.model.provider} could not be fetched (${answer.ok ? 'too large' : answer.status}).`,
      provider: attempt.model.provider,
      failure: 'C',
    });
  }
  return new Uint8Array(await answer.arrayBuffer());
}

/** A provider may point only to https, or to where the operator said it lives. */
function checkOutputUrl(attempt: Attempt, text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const home = new URL(attempt.upstream.baseUrl).origin;
  if (url && (url.origin === home || (url.protocol === 'https:' && !isPrivateHost(url.hostname)))) return;
  throw new GatewayError('invalid_output', {
    message: `${attempt.model.provider} pointed to an address that is not fetched.`,
    provider: attempt.model.provider,
    failure: 'C',
  });
}
