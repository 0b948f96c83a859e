import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { AssetStore } from '../ports.ts';

/** Milliseconds after which a draft belongs to a process that is no more. */
const draftLife = 24 * 3_600_000;

/**
 * Assets as files, `<folder>/<last two characters>/<key>`. A body grows as a draft beside them and is moved to its name when whole.
 * @param durable waits until the bytes are on the disk, so that they survive a loss of power.
 */
export function openAssets(folder: string, durable = false): AssetStore {
  const drafts = join(folder, 'drafts');
  mkdirSync(drafts, { recursive: true });
  sweep(drafts).catch(() => {});
  const pathOf = (key: string) => {
    if (!/^[a-z0-9_-]{2,200}$/.test(key))
      throw new TypeError('An asset key has lower case letters, digits, _ and - only.');
    // Outputs of before lie under their hash.
    return join(folder, /^[0-9a-f]{64}$/.test(key) ? key.slice(0, 2) : key.slice(-2), key);
  };
  const sizeOf = async (key: string) => (await stat(pathOf(key)).catch(() => undefined))?.size;

  return {
    size: sizeOf,
    write: async (key, body, limit) => {
      const path = pathOf(key);
      const draft = join(drafts, crypto.randomUUID());
      try {
        const stored = await writeDraft(draft, body instanceof Uint8Array ? [body] : body, limit, durable);
        await mkdir(dirname(path), { recursive: true });
        await rename(draft, path);
        return stored;
      } catch (thrown) {
        await rm(draft, { force: true });
        throw thrown;
      }
    },
    get: async (key, range) => {
      const size = await sizeOf(key);
      if (size === undefined) return undefined;
      const body = Readable.toWeb(createReadStream(pathOf(key), range)) as unknown as ReadableStream<Uint8Array>;
      return { body, size };
    },
    remove: (key) => rm(pathOf(key), { force: true }),
  };
}

async function writeDraft(
  path: string,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limit: number,
  durable: boolean,
) {
  const file = await open(path, 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of body) {
      size += chunk.length;
      if (size > limit) throw new RangeError(`The body is larger than ${limit} bytes.`);
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    }
    if (durable) await file.datasync();
    return { size, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

/** Removes what processes that were killed left half-written. */
async function sweep(drafts: string): Promise<void> {
  for (const name of await readdir(drafts)) {
    const path = join(drafts, name);
    const found = await stat(path).catch(() => undefined);
    if (found && Date.now() - found.mtimeMs > draftLife) await rm(path, { force: true });
  }
}
