import type { AssetStore } from '../ports.ts';

/** The part of an R2 bucket that assets need. */
export type Bucket = {
  head(key: string): Promise<object | null>;
  put(key: string, value: Uint8Array, options: { httpMetadata: { contentType: string } }): Promise<unknown>;
  get(
    key: string,
    options?: { range: { offset: number; length: number } },
  ): Promise<{ body: ReadableStream<Uint8Array>; size: number } | null>;
};

/** Content-addressed objects in R2. */
export function bucketAssets(bucket: Bucket): AssetStore {
  return {
    has: async (key) => (await bucket.head(key)) !== null,
    put: async (key, bytes, mediaType) => {
      await bucket.put(key, bytes, { httpMetadata: { contentType: mediaType } });
    },
    get: async (key, range) => {
      const options = range && { range: { offset: range.start, length: range.end - range.start + 1 } };
      return (await bucket.get(key, options)) ?? undefined;
    },
  };
}
