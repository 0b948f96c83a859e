import { type Asset, GatewayError, UrlError } from '../contract/index.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import { signerOf, tenantOfAsset } from '../gateway/sign.ts';
import { openStored } from '../gateway/stored.ts';
import { probe } from '../meter/probe.ts';
import type { MediaInput } from './generation-request.ts';
import { badField } from './refuse.ts';

/** The largest input media. */
const largestInput = 50 * 1024 * 1024;

/**
 * Input media as bytes: data in place, one of our own signed asset links (read from the store, no network), or a public URL
 * through the guarded door.
 */
export async function readMedia(gateway: Gateway, caller: Caller, input: MediaInput, param: string): Promise<Asset> {
  if (typeof input === 'object' && 'data' in input) return fromBase64(input.data, input.media_type, input.name, param);
  const text = typeof input === 'string' ? input : input.url;
  const data = /^data:([^;,]*)((?:;[^;,]*)*),/.exec(text);
  if (data) {
    if (!data[2]?.endsWith(';base64')) throw badField(param, 'Data URLs must be base64.');
    return fromBase64(text.slice(data[0].length), data[1] || undefined, undefined, param);
  }
  if (!URL.canParse(text, 'http://own.invalid')) throw badField(param, 'It is neither a URL nor a data URL.');
  const url = new URL(text, 'http://own.invalid');
  const own = await ownAsset(gateway, caller, url, param);
  if (own) return own;
  const wasOwn = tenantOfAsset(ownId(url) ?? '') === caller.tenant;
  if (url.hostname === 'own.invalid') throw badField(param, wasOwn ? expired : 'It is neither a URL nor a data URL.');
  return fetched(gateway, text, param, wasOwn ? expired : undefined);
}

const expired = 'The link is wrong or has expired. Read the generation again for a fresh one.';

/** The asset that a link of ours names. */
function ownId(url: URL): string | undefined {
  return /^\/assets\/([^/]+)$/.exec(url.pathname)?.[1];
}

/** A picture by its bytes; of kinds that are not measured, those that every decoder knows. */
export function checkImage(asset: Asset, param: string): Asset {
  if (!('bytes' in asset) || probe(asset.bytes)?.kind === 'image') return asset;
  const start = String.fromCharCode(...asset.bytes.subarray(0, 4));
  if (start.startsWith('BM') || start === 'II*\0' || start === 'MM\0*') return asset;
  throw badField(param, 'These bytes are no image.');
}

/** Types under which media travels. A web page or a JSON answer is none: it is not read, wherever it comes from. */
const inputTypes = [
  ...['image/', 'audio/', 'video/', 'model/', 'application/ogg', 'application/mp4'],
  ...['application/octet-stream', 'binary/octet-stream'],
];

async function fetched(gateway: Gateway, url: string, param: string, otherwise?: string): Promise<Asset> {
  try {
    const answer = await gateway.openUrl(url, { limit: largestInput, mediaTypes: inputTypes });
    if (answer.status !== 200) {
      await answer.body.cancel();
      throw badField(param, `The URL answered ${answer.status}.`);
    }
    return named(new Uint8Array(await new Response(answer.body).arrayBuffer()), answer.mediaType || undefined);
  } catch (thrown) {
    if (!(thrown instanceof UrlError)) throw thrown;
    if (thrown.fault !== 'too_large') throw badField(param, otherwise ?? `The URL is not read. ${thrown.message}`);
    throw tooLarge(param);
  }
}

function tooLarge(param: string): GatewayError {
  const message = `${param}: Input media may have ${largestInput} bytes at most.`;
  return new GatewayError('payload_too_large', { message, param });
}

/** Uploaded bytes as an asset: the media type is read from the bytes, not believed. */
export function named(bytes: Uint8Array, claimed: string | undefined, name?: string): Asset {
  const found = probe(bytes);
  const mediaType = found?.mediaType ?? claimed ?? 'application/octet-stream';
  return { bytes, mediaType, name: name ?? `input.${extensionOf(mediaType)}` };
}

async function ownAsset(gateway: Gateway, caller: Caller, url: URL, param: string): Promise<Asset | undefined> {
  const id = ownId(url);
  if (!id || tenantOfAsset(id) !== caller.tenant) return undefined;
  const genuine = await signerOf(caller.book).verify(
    id,
    url.searchParams.get('e'),
    url.searchParams.get('s'),
    gateway.clock.now(),
  );
  const row = genuine ? await caller.book.asset(id) : undefined;
  if (row && row.bytes > largestInput) throw tooLarge(param);
  const stored = row && (await openStored(gateway.assets, row));
  if (!row || !stored) return undefined;
  return named(new Uint8Array(await new Response(stored.body).arrayBuffer()), row.mediaType);
}

function fromBase64(text: string, mediaType: string | undefined, name: string | undefined, param: string): Asset {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw badField(param, 'The data is not base64.');
  }
  return named(
    Uint8Array.from(binary, (letter) => letter.charCodeAt(0)),
    mediaType,
    name,
  );
}

export function extensionOf(mediaType: string): string {
  const known: Record<string, string> = {
    'audio/mpeg': 'mp3',
    'audio/wav': 'wav',
    'audio/flac': 'flac',
    'audio/ogg': 'ogg',
    'audio/mp4': 'm4a',
    'audio/basic': 'ulaw',
    'audio/x-alaw-basic': 'alaw',
    'image/jpeg': 'jpg',
    'model/gltf-binary': 'glb',
  };
  const [type = ''] = mediaType.split(';');
  return known[type] ?? type.split('/')[1]?.replace(/[^a-z0-9]/g, '') ?? 'bin';
}
