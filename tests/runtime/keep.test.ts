import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { png, wav } from '../../providers/simulators/media/index.ts';
import type { Part } from '../../src/contract/index.ts';
import { hexDigest } from '../../src/gateway/digest.ts';
import { hostileUrls } from './hostile.ts';
import { type KeeperOptions, openKeeper } from './keeper.ts';
import { openPlaces, type Places, privateAddress } from './places.ts';

const picture = png({ width: 40, height: 30, seed: 'keep' });
const sound = wav(new Int16Array(8_000), { sampleRate: 8_000, channels: 1 });
const stored = { type: 'image', media_type: 'image/png', width: 40, height: 30, bytes: picture.length };

let places: Places;
let keeper: ReturnType<typeof openKeeper>;
const open = (more: Partial<KeeperOptions> = {}) => {
  keeper = openKeeper({ openUrl: places.openUrl, ...more });
  return keeper;
};
beforeAll(async () => {
  places = await openPlaces();
});
afterEach(() => {
  expect(keeper.files()).toHaveLength(keeper.rows.length);
  keeper.close();
});
afterAll(() => places.close());

const unusable = { code: 'invalid_output', details: { failure: 'C', billing: 'unknown', provider: 'painter' } };
const streamOf = (...chunks: (Uint8Array | Error)[]) =>
  new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = chunks.shift();
      if (next instanceof Error) controller.error(next);
      else if (next) controller.enqueue(next);
      else controller.close();
    },
  });
const streamed = (...chunks: (Uint8Array | Error)[]): Part => ({
  type: 'asset',
  asset: { stream: streamOf(...chunks), mediaType: 'image/png' },
});

describe('an output', () => {
  it('is kept alike from a URL, a stream and bytes, under its own id', async () => {
    places.plan((_, response) => void response.end(picture));
    open();
    const parts: Part[] = [
      { type: 'asset', asset: { url: places.url('/a.png'), mediaType: 'text/html' } },
      streamed(picture.slice(0, 10), picture.slice(10)),
      { type: 'asset', asset: { bytes: picture, mediaType: 'text/html' } },
    ];
    const ids = new Set<unknown>();
    for (const part of parts) {
      const { output } = await keeper.keep(part);
      expect(output).toMatchObject({ ...stored, sha256: await hexDigest(picture) });
      ids.add(output.asset);
      const back = await keeper.assets.get(String(output.asset));
      expect(new Uint8Array(await new Response(back!.body).arrayBuffer())).toEqual(new Uint8Array(picture));
    }
    expect([...ids]).toEqual(keeper.rows.map((row) => (row as { id: string }).id));
    expect(ids.size).toBe(3);
  });

  it('is fetched three times at most, for what may pass', async () => {
    let tries = 0;
    places.plan((_, response) => {
      tries++;
      if (tries === 1) response.writeHead(503).end();
      else if (tries === 2) {
        // Half of it, and then the line breaks.
        response.writeHead(200, { 'content-length': picture.length }).write(picture.subarray(0, 100));
        setTimeout(() => response.destroy(), 10);
      } else response.end(picture);
    });
    open();
    expect((await keeper.keepUrl(places.url('/a.png'))).output).toMatchObject(stored);
    expect(tries).toBe(3);
  });

  it('that cannot be had in three tries is lost, and leaves nothing', async () => {
    let tries = 0;
    places.plan((_, response) => {
      tries++;
      response.writeHead(200, { 'content-length': picture.length }).write(picture.subarray(0, 100));
      setTimeout(() => response.destroy(), 10);
    });
    open();
    await expect(keeper.keepUrl(places.url('/a.png'))).rejects.toMatchObject({
      ...unusable,
      message: 'painter made an output that could not be fetched (interrupted).',
    });
    expect(tries).toBe(3);
    expect(keeper.files()).toEqual([]);
  });

  it.each([
    ['nothing', new Uint8Array(), /delivered nothing/],
    ['a page', new TextEncoder().encode('<!doctype html><title>Log in</title>'), /bytes that are no image/],
    ['sound in place of a picture', sound, /bytes that are no image/],
  ])('of %s is no output', async (_, body, message) => {
    places.plan((__, response) => void response.end(body));
    open();
    for (const part of [
      { type: 'asset', asset: { url: places.url('/a.png'), mediaType: 'image/png' } },
      streamed(body),
      { type: 'asset', asset: { bytes: body, mediaType: 'image/png' } },
    ] as Part[]) {
      await expect(keeper.keep(part)).rejects.toMatchObject({ ...unusable, message: expect.stringMatching(message) });
    }
    expect(keeper.files()).toEqual([]);
  });

  it('larger than the operator wants is not kept, however it comes', async () => {
    places.plan((request, response) => {
      if (request.url === '/told') response.writeHead(200, { 'content-length': picture.length });
      response.end(picture);
    });
    open({ largestOutput: 200 });
    const tooLarge = { ...unusable, message: 'painter made an output larger than 200 bytes.' };
    for (const path of ['/told', '/untold'])
      await expect(keeper.keepUrl(places.url(path))).rejects.toMatchObject(tooLarge);
    await expect(keeper.keep(streamed(picture))).rejects.toMatchObject(tooLarge);
    const bytes: Part = { type: 'asset', asset: { bytes: picture, mediaType: 'image/png' } };
    await expect(keeper.keep(bytes)).rejects.toMatchObject(tooLarge);
    expect(keeper.files()).toEqual([]);
  });

  it('whose stream breaks is lost', async () => {
    open();
    await expect(keeper.keep(streamed(picture.slice(0, 50), new Error('cut')))).rejects.toMatchObject(unusable);
    expect(keeper.files()).toEqual([]);
  });

  it('that the book does not take is not kept', async () => {
    places.plan((_, response) => void response.end(picture));
    open({ addAsset: () => Promise.reject(new Error('book is gone')) });
    await expect(keeper.keepUrl(places.url('/a.png'))).rejects.toThrow('book is gone');
    expect(keeper.files()).toEqual([]);
  });

  it('that the store does not take is no fault of the provider', async () => {
    places.plan((_, response) => void response.end(picture));
    open();
    keeper.assets.write = () => Promise.reject(new Error('disk full'));
    await expect(keeper.keepUrl(places.url('/a.png'))).rejects.toMatchObject({
      code: 'store_unavailable',
      details: { billing: 'unknown' },
    });
  });
});

describe('where a provider points to', () => {
  it.each(hostileUrls)('is not fetched: %s (%s)', async (_, url) => {
    places.plan((__, response) => void response.end(picture));
    open();
    await expect(keeper.keepUrl(url)).rejects.toMatchObject({
      ...unusable,
      message: 'painter pointed to an address that is not fetched.',
    });
    expect(places.seen).toEqual({ public: [], private: [], asked: [] });
  });

  it.each(hostileUrls)('a simulator is not believed either: %s (%s)', async (_, url) => {
    const asked: string[] = [];
    const simulator = async (input: string | URL | Request) => {
      asked.push(String(input));
      return new Response(picture as Uint8Array<ArrayBuffer>);
    };
    open({ simulator });
    await expect(keeper.keepUrl(url)).rejects.toMatchObject(unusable);
    expect(asked).toEqual([]);
    const { output } = await keeper.keepUrl('https://painter.simulator.invalid/files/1.png');
    expect(output).toMatchObject(stored);
    expect(asked).toEqual(['https://painter.simulator.invalid/files/1.png']);
  });

  it('is not fetched when a name or a redirect leads inside', async () => {
    const inside = [() => places.plainUrl('/'), () => 'https://169.254.169.254/', () => 'https://evil.example.net/'];
    for (const location of inside) {
      places.plan((_, response) => void response.writeHead(302, { location: location() }).end(), {
        'evil.example.net': [[privateAddress]],
      });
      open();
      await expect(keeper.keepUrl(places.url('/a.png'))).rejects.toMatchObject(unusable);
      await expect(keeper.keepUrl('https://evil.example.net/')).rejects.toMatchObject(unusable);
      expect(places.seen.private).toEqual([]);
      keeper.close();
    }
    open();
  });

  it('may be where the operator said it lives, and nowhere else beside', async () => {
    places.plan((_, response) => void response.end(picture));
    const home = new URL(places.plainUrl('/')).origin;
    open({ baseUrl: `${home}/v1` });
    expect((await keeper.keepUrl(`${home}/files/1.png`)).output).toMatchObject(stored);
    const beside = places.hiddenUrl('/').replace('files.example.com', privateAddress);
    await expect(keeper.keepUrl(beside)).rejects.toMatchObject(unusable);
    expect(places.seen.private).toEqual([`${privateAddress}/files/1.png`]);
  });
});
