import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BookClient } from '../../src/books/index.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { newId } from '../../src/gateway/ids.ts';
import { signerOf } from '../../src/gateway/sign.ts';
import { assetDoor, readRange } from '../../src/http/asset-door.ts';
import { openAssets } from '../../src/runtime/node/assets.ts';

const now = Date.UTC(2026, 10, 22, 12);
const folder = mkdtempSync(join(tmpdir(), 'door-'));
const assets = openAssets(folder);
const rows = new Map<string, object>();
const book = {
  setting: async (_: string, first: string) => first,
  asset: async (id: string) => rows.get(id),
} as unknown as BookClient;
const gateway = { assets, books: { of: () => book }, clock: { now: () => now } } as unknown as Gateway;
const app = new Hono();
app.get('/assets/:id', assetDoor(gateway));

async function keep(body: string, mediaType: string, key?: string): Promise<string> {
  const id = newId('asset_main_', now);
  const bytes = new TextEncoder().encode(body);
  const { sha256 } = await assets.write(key ?? id, bytes, 1000);
  rows.set(id, { id, generationId: 'gen_1', sha256, mediaType, bytes: bytes.length, at: now });
  return signerOf(book).sign(id, now + 600_000);
}

let link: string;
beforeAll(async () => {
  link = await keep('0123456789', 'image/png');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const get = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
  const answer = await app.request(path, { method, headers });
  return { status: answer.status, text: await answer.text(), header: (name: string) => answer.headers.get(name) };
};

describe('an asset link', () => {
  it('gives the whole, with all that a browser must know', async () => {
    const { status, text, header } = await get(link);
    expect([status, text]).toEqual([200, '0123456789']);
    expect(header('content-type')).toBe('image/png');
    expect(header('content-length')).toBe('10');
    expect(header('etag')).toMatch(/^"[0-9a-f]{64}"$/);
    expect(header('accept-ranges')).toBe('bytes');
    expect(header('content-disposition')).toMatch(/^inline; filename="asset_main_[0-9a-z]{26}\.png"$/);
    expect(header('x-content-type-options')).toBe('nosniff');
    expect(header('content-security-policy')).toBe("default-src 'none'; sandbox");
    expect(header('cache-control'), 'no longer than the link').toBe('private, immutable, max-age=600');
  });

  it.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=5-99', 206, '56789', 'bytes 5-9/10'],
    ['BYTES=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=4-2', 200, '0123456789', null],
    ['bytes=0-1,4-5', 200, '0123456789', null],
    ['bytes=-', 200, '0123456789', null],
    ['items=0-1', 200, '0123456789', null],
  ])('answers Range: %s with %i', async (range, status, text, contentRange) => {
    const answer = await get(link, { range });
    expect([answer.status, answer.text, answer.header('content-range')]).toEqual([status, text, contentRange]);
    if (status !== 416) expect(answer.header('content-length')).toBe(String(text.length));
    const head = await get(link, { range }, 'HEAD');
    expect([head.status, head.text, head.header('content-range')]).toEqual([status, '', contentRange]);
  });

  it('gives a range only of what the client has the rest of, and nothing that it already has', async () => {
    const etag = (await get(link)).header('etag')!;
    expect((await get(link, { range: 'bytes=0-1', 'if-range': etag })).status).toBe(206);
    expect((await get(link, { range: 'bytes=0-1', 'if-range': '"other"' })).text).toBe('0123456789');
    for (const seen of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const answer = await get(link, { 'if-none-match': seen });
      expect([answer.status, answer.text, answer.header('etag')]).toEqual([304, '', etag]);
    }
    expect((await get(link, { 'if-none-match': '"other"' })).status).toBe(200);
  });

  it('makes a file to save where that is asked, and always of what a browser could run', async () => {
    const kind = async (path: string) => (await get(path)).header('content-disposition')?.split(';')[0];
    expect(await kind(`${link}&download=1`)).toBe('attachment');
    expect(await kind(`${link}&download`)).toBe('attachment');
    expect(await kind(`${link}&download=0`)).toBe('inline');
    for (const type of ['image/svg+xml', 'text/html', 'application/xhtml+xml', 'text/javascript']) {
      expect(await kind(await keep('<svg/>', type)), type).toBe('attachment');
    }
  });

  it('that is wrong, old, or of what is gone, looks the same', async () => {
    const id = newId('asset_main_', now);
    const expired = await signerOf(book).sign(/\/assets\/([^?]+)/.exec(link)![1]!, now - 1000);
    const gone = await keep('gone', 'image/png');
    await assets.remove(/\/assets\/([^?]+)/.exec(gone)![1]!);
    const nobodys = await signerOf(book).sign(id, now + 1000);
    const whole = await Promise.all(
      [link.replace(/s=./, 's=x'), link.replace('e=', 'e=9'), expired, nobodys, gone, `/assets/${id}`, '/assets/x'].map(
        (path) => Promise.all([get(path), get(path, {}, 'HEAD')]),
      ),
    );
    for (const [answer, head] of whole) {
      expect([answer.status, head.status]).toEqual([404, 404]);
      expect(answer.text).toBe(whole[0]![0].text);
    }
  });

  it('finds outputs of before, which lie under their hash', async () => {
    const hash = '84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882';
    const old = await keep('0123456789', 'image/png', hash);
    expect((await get(old)).text).toBe('0123456789');
    expect((await get(old, {}, 'HEAD')).status).toBe(200);
  });
});

it('a range never leaves its object', () => {
  for (const size of [1, 2, 10]) {
    for (const from of ['', '0', '1', '9', '10', '99999999999999999999']) {
      for (const to of ['', '0', '1', '9', '10', '99999999999999999999']) {
        const range = readRange(`bytes=${from}-${to}`, size);
        if (range === undefined || range === 'bad') continue;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeLessThan(size);
        expect(range.start).toBeLessThanOrEqual(range.end);
      }
    }
  }
});
