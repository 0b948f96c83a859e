import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openAssets } from '../../src/runtime/node/assets.ts';
import type { AssetStore } from '../../src/runtime/ports.ts';
import { bucketAssets } from '../../src/runtime/workers/assets.ts';
import { mebi, memoryBucket } from './memory-bucket.ts';

const key = 'asset_main_01jd0000000000000000000abc';
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const bytesOf = async (stored: { body: ReadableStream<Uint8Array> } | undefined) =>
  stored && new Uint8Array(await new Response(stored.body).arrayBuffer());

async function* chunks(whole: Uint8Array, size: number, failAt = Number.POSITIVE_INFINITY) {
  for (let at = 0; at < whole.length; at += size) {
    if (at >= failAt) throw new Error('the line broke');
    yield whole.slice(at, at + size);
  }
}

const folder = mkdtempSync(join(tmpdir(), 'assets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const files = () =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [entry.name] : [],
  );

const memory = memoryBucket();
const stores: [string, AssetStore, () => number][] = [
  ['files', openAssets(folder), () => files().length],
  ['files that survive a loss of power', openAssets(folder, true), () => files().length],
  ['a bucket', bucketAssets(memory.bucket), () => memory.objects.size],
];

describe.each(stores)('assets in %s', (_, store, count) => {
  it.each([0, 1, 1000, 5 * mebi, 8 * mebi, 8 * mebi + 1, 16 * mebi, 20 * mebi + 7])(
    'keep a body of %i bytes as it came',
    async (size) => {
      const body = new Uint8Array(size);
      for (let at = 0; at < size; at++) body[at] = (at * 7 + (at >> 11)) % 251;
      for (const source of [body, chunks(body, 65_537), chunks(body, 9 * mebi)]) {
        expect(await store.write(key, source, size)).toEqual({ size, sha256: digest(body) });
        expect(await store.size(key)).toBe(size);
        expect(Buffer.compare((await bytesOf(await store.get(key)))!, body)).toBe(0);
      }
      if (size > 100) {
        const part = await store.get(key, { start: 10, end: 19 });
        expect(part?.size).toBe(size);
        expect([...(await bytesOf(part))!]).toEqual([...body.subarray(10, 20)]);
      }
      expect(count()).toBe(1);
      await store.remove(key);
      await store.remove(key);
      expect([await store.size(key), await store.get(key), count()]).toEqual([undefined, undefined, 0]);
    },
  );

  it('take nothing that breaks off or is too large, and leave nothing of it', async () => {
    const body = new Uint8Array(20 * mebi);
    await expect(store.write(key, chunks(body, 100_000, 12 * mebi), 100 * mebi)).rejects.toThrow('the line broke');
    await expect(store.write(key, chunks(body, 100_000, 50_000), 100 * mebi)).rejects.toThrow('the line broke');
    await expect(store.write(key, chunks(body, 100_000), 18 * mebi)).rejects.toThrow(RangeError);
    await expect(store.write(key, body, 10)).rejects.toThrow(RangeError);
    expect([await store.size(key), count()]).toEqual([undefined, 0]);
  });

  it('replace a whole by a whole: a failed second write leaves the first', async () => {
    const body = new Uint8Array(100).fill(1);
    await store.write(key, body, 100);
    await expect(store.write(key, chunks(new Uint8Array(200), 50, 100), 200)).rejects.toThrow('the line broke');
    expect(await bytesOf(await store.get(key))).toEqual(body);
    await store.remove(key);
  });
});

it('a bucket gets a small body in one go and a large one in parts of eight mebibytes, of which none is left open', () => {
  expect(memory.log.slice(0, 3)).toEqual(['put', 'put', 'put']);
  expect(memory.largest.part).toBe(8 * mebi);
  const ended = memory.log.filter((one) => one === 'complete' || one === 'abort');
  expect(ended).toHaveLength(memory.log.filter((one) => one === 'begin').length);
  expect(memory.log).toContain('abort');
});

it('a key cannot leave the folder', async () => {
  const store = openAssets(folder);
  for (const evil of ['../../etc/passwd', 'a/b', '', '..', 'A']) {
    await expect(store.write(evil, new Uint8Array(1), 1), evil).rejects.toThrow(TypeError);
    await expect(store.get(evil), evil).rejects.toThrow(TypeError);
  }
});

it('what a killed process left half-written goes after a day', async () => {
  const yesterday = new Date(Date.now() - 25 * 3_600_000);
  writeFileSync(join(folder, 'drafts', 'old'), 'half');
  utimesSync(join(folder, 'drafts', 'old'), yesterday, yesterday);
  writeFileSync(join(folder, 'drafts', 'new'), 'half');
  openAssets(folder);
  await expect.poll(() => readdirSync(join(folder, 'drafts'))).toEqual(['new']);
});
