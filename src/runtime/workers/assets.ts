import { createHash } from 'node:crypto';
import type { AssetStore } from '../ports.ts';

type Part = { partNumber: number; etag: string };
type Upload = {
  uploadPart(number: number, value: Uint8Array): Promise<Part>;
  complete(parts: Part[]): Promise<unknown>;
  abort(): Promise<void>;
};

/** The part of an R2 bucket that assets need. */
export type Bucket = {
  head(key: string): Promise<{ size: number } | null>;
  put(key: string, value: Uint8Array): Promise<unknown>;
  get(
    key: string,
    options?: { range: { offset: number; length: number } },
  ): Promise<{ body: ReadableStream<Uint8Array>; size: number } | null>;
  delete(key: string): Promise<void>;
  createMultipartUpload(key: string): Promise<Upload>;
};

/** Bytes held at a time. R2 takes parts from 5 MiB, all but the last of one length, 10,000 at most. */
const partSize = 8 * 1024 * 1024;

/**
 * Assets as objects in R2. A body of at most one part is put at once; a larger one goes up in parts, of which one is in memory, and
 * appears when it is complete.
 */
export function bucketAssets(bucket: Bucket): AssetStore {
  return {
    size: async (key) => (await bucket.head(key))?.size,
    write: async (key, body, limit) => {
      const hash = createHash('sha256');
      const parts: Part[] = [];
      let upload: Upload | undefined;
      let size = 0;
      let draft = new Uint8Array(0);
      let filled = 0;
      const sendPart = async () => {
        upload ??= await bucket.createMultipartUpload(key);
        parts.push(await upload.uploadPart(parts.length + 1, draft.subarray(0, filled)));
        filled = 0;
      };
      try {
        for await (const chunk of body instanceof Uint8Array ? [body] : body) {
          size += chunk.length;
          if (size > limit) throw new RangeError(`The body is larger than ${limit} bytes.`);
          hash.update(chunk);
          for (let at = 0; at < chunk.length; ) {
            if (filled === partSize) await sendPart();
            const taken = chunk.subarray(at, at + partSize - filled);
            draft = roomFor(draft, filled + taken.length);
            draft.set(taken, filled);
            filled += taken.length;
            at += taken.length;
          }
        }
        if (upload) {
          await sendPart();
          await upload.complete(parts);
        } else await bucket.put(key, draft.subarray(0, filled));
        return { size, sha256: hash.digest('hex') };
      } catch (thrown) {
        await upload?.abort().catch(() => {});
        throw thrown;
      }
    },
    get: async (key, range) => {
      const options = range && { range: { offset: range.start, length: range.end - range.start + 1 } };
      return (await bucket.get(key, options)) ?? undefined;
    },
    remove: (key) => bucket.delete(key),
  };
}

/** Grows by doubling, so that a small picture takes no room for a whole part. */
function roomFor(draft: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  if (needed <= draft.length) return draft;
  const grown = new Uint8Array(Math.min(partSize, Math.max(needed, draft.length * 2)));
  grown.set(draft);
  return grown;
}
