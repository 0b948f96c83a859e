import { expect } from 'vitest';
import type { Bucket } from '../../src/runtime/workers/assets.ts';

export const mebi = 1024 * 1024;

/** A bucket with R2's own rules for parts. */
export function memoryBucket() {
  const objects = new Map<string, Uint8Array>();
  const log: string[] = [];
  const largest = { part: 0 };
  const bucket: Bucket = {
    head: async (name) => (objects.has(name) ? { size: objects.get(name)!.length } : null),
    put: async (name, value) => {
      log.push('put');
      objects.set(name, value.slice());
    },
    get: async (name, options) => {
      const found = objects.get(name);
      if (!found) return null;
      const { offset, length } = options?.range ?? { offset: 0, length: found.length };
      return { body: new Blob([found.slice(offset, offset + length)]).stream(), size: found.length };
    },
    delete: async (name) => void objects.delete(name),
    createMultipartUpload: async (name) => {
      log.push('begin');
      const parts: Uint8Array[] = [];
      return {
        uploadPart: async (number, value) => {
          largest.part = Math.max(largest.part, value.length);
          parts[number - 1] = value.slice();
          return { partNumber: number, etag: String(number) };
        },
        complete: async (named) => {
          expect(named.map((part) => part.partNumber)).toEqual(parts.map((_, index) => index + 1));
          for (const part of parts.slice(0, -1)) {
            expect(part.length).toBeGreaterThanOrEqual(5 * mebi);
            expect(part.length).toBe(parts[0]!.length);
          }
          log.push('complete');
          objects.set(name, new Uint8Array(Buffer.concat(parts)));
        },
        abort: async () => void log.push('abort'),
      };
    },
  };
  return { bucket, objects, log, largest };
}
