import type { BookClient } from '../books/index.ts';
import { type Mac, macOf } from './mac.ts';

/** Signs asset addresses of a tenant with a secret that its book keeps. */
export type AssetSigner = {
  /** Path and query of a link that works until `expiresAt` (ms). */
  sign(assetId: string, expiresAt: number): Promise<string>;
  /** True if path and query are a link of ours that has not expired. */
  verify(assetId: string, expires: string | null, signature: string | null, now: number): Promise<boolean>;
};

const macs = new WeakMap<BookClient, Mac>();

export function signerOf(book: BookClient): AssetSigner {
  const mac = macs.get(book) ?? macOf(book, 'asset_secret');
  macs.set(book, mac);
  return {
    sign: async (assetId, expiresAt) => {
      const seconds = Math.floor(expiresAt / 1000);
      return `/assets/${assetId}?e=${seconds}&s=${await mac.sign(`${assetId}|${seconds}`)}`;
    },
    verify: async (assetId, expires, signature, now) => {
      if (!expires || !signature || !/^\d{1,12}$/.test(expires)) return false;
      return Number(expires) * 1000 >= now && (await mac.verify(`${assetId}|${expires}`, signature));
    },
  };
}

/** The tenant in an asset id, `asset_<tenant>_<rest>`. */
export function tenantOfAsset(assetId: string): string | undefined {
  return /^asset_([a-z0-9-]{1,40})_[0-9a-z]{26}$/.exec(assetId)?.[1];
}
