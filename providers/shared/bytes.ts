import { type Asset, GatewayError } from '../../src/contract/index.ts';

type NativeBase64 = { fromBase64?: (text: string) => Uint8Array };

/** Bytes of base64 text. Throws SyntaxError on anything else. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as unknown as NativeBase64).fromBase64;
  if (native) return native.call(Uint8Array, text) as Uint8Array<ArrayBuffer>;
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new SyntaxError('Not base64.');
  }
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/**
 * The bytes of an input asset: given, streamed, or in a data: URL. Adapters never fetch a caller's address: the gateway
 * does that (it knows which are safe), so any other URL is refused as `invalid_request`.
 */
export async function bytesOf(asset: Asset, param: string): Promise<Uint8Array<ArrayBuffer>> {
  if ('bytes' in asset) return asset.bytes as Uint8Array<ArrayBuffer>;
  if ('stream' in asset) return new Uint8Array(await new Response(asset.stream).arrayBuffer());
  const data = /^data:[^,]*?(;base64)?,([\s\S]*)$/.exec(asset.url);
  if (!data) {
    throw new GatewayError('invalid_request', {
      message: `${param} must reach the provider as bytes, not as a link.`,
      param,
    });
  }
  const text = decodeURIComponent(data[2] ?? '');
  return data[1] ? decodeBase64(text) : new TextEncoder().encode(text);
}

/** The bytes of a base64 data URL, with its media type where it names one; undefined for anything else. */
export function readDataUrl(url: string): { mediaType?: string; bytes: Uint8Array } | undefined {
  const found = /^data:([^;,]*)[^,]*;base64,/i.exec(url.slice(0, 200));
  if (!found) return undefined;
  try {
    return { ...(found[1] ? { mediaType: found[1] } : {}), bytes: decodeBase64(url.slice(found[0].length)) };
  } catch {
    return undefined;
  }
}

const endings: Record<string, string> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'image/svg+xml': 'svg',
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
  'audio/mp4': 'm4a',
  'audio/x-m4a': 'm4a',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
  'audio/flac': 'flac',
  'audio/ogg': 'ogg',
  'audio/webm': 'webm',
  'video/webm': 'webm',
  'video/mp4': 'mp4',
};

/** An upload whose name ends in what the bytes are: some providers read the format from the name. */
export async function fileOf(asset: Asset, param: string): Promise<File> {
  const bytes = await bytesOf(asset, param);
  const type = mediaTypeOf(bytes) ?? asset.mediaType.split(';')[0] ?? asset.mediaType;
  const ending = endings[type];
  const stem = (asset.name ?? param).replace(/\.[a-z0-9]{1,5}$/i, '');
  return new File([bytes], ending ? `${stem}.${ending}` : (asset.name ?? param), { type });
}

const signatures: [string, string, number][] = [
  ['image/png', '\x89PNG', 0],
  ['image/jpeg', '\xff\xd8\xff', 0],
  ['image/webp', 'WEBP', 8],
  ['image/gif', 'GIF8', 0],
  ['audio/wav', 'WAVE', 8],
  ['audio/flac', 'fLaC', 0],
  ['audio/ogg', 'OggS', 0],
  ['audio/mpeg', 'ID3', 0],
  ['audio/aac', '\xff\xf1', 0],
  ['audio/aac', '\xff\xf9', 0],
  ['audio/mpeg', '\xff\xfb', 0],
  ['audio/mpeg', '\xff\xf3', 0],
  ['audio/mpeg', '\xff\xf2', 0],
  ['image/svg+xml', '<svg', 0],
];

/** The media type that the first bytes prove, if they do. */
export function mediaTypeOf(bytes: Uint8Array): string | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 16));
  return signatures.find(([, mark, offset]) => head.startsWith(mark, offset))?.[0];
}
