import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fetch, Modality, Part } from '../../src/contract/index.ts';
import type { Attempt } from '../../src/gateway/attempt.ts';
import type { Caller, Gateway } from '../../src/gateway/gateway.ts';
import { keepOutput } from '../../src/gateway/keep.ts';
import { openAssets } from '../../src/runtime/node/assets.ts';
import type { OpenUrl } from '../../src/runtime/ports.ts';

export type KeeperOptions = {
  openUrl: OpenUrl;
  modality?: Modality;
  baseUrl?: string;
  /** Makes the upstream a simulated one that answers so. */
  simulator?: Fetch;
  largestOutput?: number;
  /** What the book does with a new asset. */
  addAsset?: (row: unknown) => Promise<void>;
};

/** As much of a gateway as keeping an output needs: a real store and a real door, a book that only remembers. */
export function openKeeper(options: KeeperOptions) {
  const { openUrl, modality = 'image', baseUrl = 'https://api.example.com/v1', simulator, largestOutput } = options;
  const folder = mkdtempSync(join(tmpdir(), 'keep-'));
  const rows: unknown[] = [];
  const assets = openAssets(folder);
  const gateway = { assets, clock: { now: Date.now }, openUrl, allowedOrigins: [], largestOutput };
  const caller = {
    tenant: 'main',
    book: { addAsset: options.addAsset ?? (async (row: unknown) => void rows.push(row)) },
  };
  const upstream = { baseUrl, simulated: simulator !== undefined, egress: { fetch: simulator } };
  const attempt = { generationId: 'gen_1', model: { provider: 'painter', modality }, upstream };
  return {
    assets,
    rows,
    files: () =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((one) => (one.isFile() ? [one.name] : [])),
    keep: (part: Part) =>
      keepOutput(
        gateway as unknown as Gateway,
        caller as unknown as Pick<Caller, 'tenant' | 'book'>,
        attempt as unknown as Attempt,
        part,
      ),
    keepUrl(url: string) {
      return this.keep({ type: 'asset', asset: { url, mediaType: 'application/octet-stream' } });
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
