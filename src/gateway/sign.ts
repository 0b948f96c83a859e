import type { BookClient } from '../books/index.ts';

/** Signs asset addresses of a tenant with a secret that its book keeps. */
export type AssetSigner = {
  /** Path and query of a link that works until `expiresAt` (ms). */
  sign(assetId: string, expiresAt: number): Promise<string>;
  /** True if path and query are a link of ours that has not expired. */
  verify(assetId: string, expires: string | null, signature: string | null, now: number): Promise<boolean>;
};

const encoder = new TextEncoder();
const keys = new WeakMap<BookClient, Promise<CryptoKey>>();

export function signerOf(book: BookClient): AssetSigner {
  const key = async () => {
    let found = keys.get(book);
    if (!found) {
      found = loadKey(book);
      keys.set(book, found);
    }
    return found;
  };
  return {
    sign: async (assetId, expiresAt) => {
      const seconds = Math.floor(expiresAt / 1000);
      const mac = await crypto.subtle.sign('HMAC', await key(), encoder.encode(`${assetId}|${seconds}`));
      return `/assets/${assetId}?e=${seconds}&s=${toHex(new Uint8Array(mac))}`;
    },
    verify: async (assetId, expires, signature, now) => {
      if (!expires || !signature || !/^\d{1,12}$/.test(expires) || !/^[0-9a-f]{64}$/.test(signature)) return false;
      if (Number(expires) * 1000 < now) return false;
      const mac = Uint8Array.from({ length: 32 }, (_, place) =>
        Number.parseInt(signature.slice(place * 2, place * 2 + 2), 16),
      );
      return crypto.subtle.verify('HMAC', await key(), mac, encoder.encode(`${assetId}|${expires}`));
    },
  };
}

/** The tenant in an asset id, `asset_<tenant>_<rest>`. */
export function tenantOfAsset(assetId: string): string | undefined {
  return /^asset_([a-z0-9-]{1,40})_[0-9a-z]{26}$/.exec(assetId)?.[1];
}

async function loadKey(book: BookClient): Promise<CryptoKey> {
  const secret = await book.setting('asset_secret', toHex(crypto.getRandomValues(new Uint8Array(32))));
  return crypto.subtle.importKey('raw', encoder.encode(secret), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
    'verify',
  ]);
}

function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
