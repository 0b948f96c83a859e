import type { Asset, Call } from '../../src/contract/index.ts';
import { GatewayError, stringAt } from '../../src/contract/index.ts';
import { ask } from './client.ts';

/** Above this Replicate advises an uploaded file instead of a data URL. https://replicate.com/docs/topics/predictions/input-files */
const dataUrlLimit = 256 * 1024;

/** What a model's input field gets: the asset's own URL, a data URL, or the URL of a file uploaded for it (free, kept for a day). */
export async function writeAsset(asset: Asset, call: Call): Promise<string> {
  if ('url' in asset) return asset.url;
  const bytes = 'bytes' in asset ? asset.bytes : new Uint8Array(await new Response(asset.stream).arrayBuffer());
  if (bytes.byteLength <= dataUrlLimit) return `data:${asset.mediaType};base64,${base64(bytes)}`;
  const file = new File([bytes as Uint8Array<ArrayBuffer>], asset.name ?? nameFor(asset.mediaType), {
    type: asset.mediaType,
  });
  const answer = await ask(call, 'upload', (client) => client.files.create(file, {}, { signal: call.signal }));
  const url = stringAt(answer, 'urls', 'get');
  if (!url) throw new GatewayError('provider_garbage', { message: 'Replicate named no URL for an uploaded file.' });
  return url;
}

/** The bytes of a data URL with its media type, or undefined where it is none. */
export function readDataUrl(url: string): { mediaType: string; bytes: Uint8Array } | undefined {
  const found = /^data:([^;,]*)[^,]*;base64,/i.exec(url.slice(0, 200));
  if (!found) return undefined;
  try {
    const binary = atob(url.slice(found[0].length));
    return {
      mediaType: found[1] || 'application/octet-stream',
      bytes: Uint8Array.from(binary, (character) => character.charCodeAt(0)),
    };
  } catch {
    return undefined;
  }
}

function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let from = 0; from < bytes.length; from += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(from, from + 0x8000));
  }
  return btoa(binary);
}

function nameFor(mediaType: string): string {
  return `input.${mediaType.split('/')[1]?.replace(/^x-|[^a-z0-9].*$/g, '') || 'bin'}`;
}
