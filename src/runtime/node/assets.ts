import { createReadStream, existsSync, mkdirSync } from 'node:fs';
import { rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { AssetStore } from '../ports.ts';

/** Content-addressed files: `<folder>/ab/abcdef…`. A file appears whole or not at all. */
export function openAssets(folder: string): AssetStore {
  const pathOf = (key: string) => join(folder, key.slice(0, 2), key);
  return {
    has: async (key) => existsSync(pathOf(key)),
    put: async (key, bytes) => {
      const path = pathOf(key);
      if (existsSync(path)) return;
      mkdirSync(dirname(path), { recursive: true });
      const draft = `${path}.${crypto.randomUUID()}`;
      await writeFile(draft, bytes);
      await rename(draft, path);
    },
    get: async (key, range) => {
      const path = pathOf(key);
      const found = await stat(path).catch(() => undefined);
      if (!found) return undefined;
      const body = Readable.toWeb(createReadStream(path, range)) as unknown as ReadableStream<Uint8Array>;
      return { body, size: found.size };
    },
  };
}
