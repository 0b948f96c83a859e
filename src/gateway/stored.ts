import type { MediaSource } from '../meter/probe-source.ts';
import type { AssetStore } from '../runtime/ports.ts';

type Kept = { id: string; sha256: string };

/** A kept output lies under its id; those of before lie under their hash. Undefined when it is gone. */
export async function openStored(assets: AssetStore, { id, sha256 }: Kept, range?: { start: number; end: number }) {
  return (await assets.get(id, range)) ?? (await assets.get(sha256, range));
}

export async function isStored(assets: AssetStore, { id, sha256 }: Kept): Promise<boolean> {
  return ((await assets.size(id)) ?? (await assets.size(sha256))) !== undefined;
}

/** A kept output as a file that can be read at any place. */
export function sourceOf(assets: AssetStore, key: string, size: number): MediaSource {
  return {
    size,
    read: async (start, end) => {
      if (start >= end) return new Uint8Array();
      const stored = await assets.get(key, { start, end: end - 1 });
      if (!stored) throw new Error(`${key} is not in the store.`);
      return new Uint8Array(await new Response(stored.body).arrayBuffer());
    },
  };
}
