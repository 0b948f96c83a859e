import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestHarness } from 'wrangler';
import { makeKey } from '../../src/gateway/credential.ts';
import { serveFilm } from '../runtime/large-film.ts';

/** More than an isolate may ever hold: it has 128 MB. */
const size = 200_000_000;
/** Goes first: what the house loads and the first parts take is no growth by the size. */
const smallSize = 40_000_000;
const adminKey = makeKey('admin', 'main');
const url = 'http://atelier.test';

type Output = { url: string; bytes: number; seconds: number; width: number; media_type: string };

let film: Awaited<ReturnType<typeof serveFilm>>;
let smallFilm: Awaited<ReturnType<typeof serveFilm>>;
let output = '';
const vendor = createServer((request, response) => {
  if (request.url === '/zeros.mp4') return void response.end(new Uint8Array(20_000_000));
  const prediction = { id: 'p1', status: 'succeeded', output, urls: {} };
  response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(prediction));
});
let harness: ReturnType<typeof createTestHarness>;
let appKey: string;
const send = (path: string, init: RequestInit = {}, key = appKey) =>
  harness.fetch(path.startsWith('http') ? path : `${url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...init.headers },
  } as never) as unknown as Promise<Response>;

beforeAll(async () => {
  film = await serveFilm(size);
  smallFilm = await serveFilm(smallSize);
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve));
  const home = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}`;
  harness = createTestHarness({
    workers: [
      {
        configPath: './wrangler.toml',
        vars: {
          ATELIER_ADMIN_KEY: adminKey,
          REPLICATE_API_TOKEN: 'r8_real',
          REPLICATE_BASE_URL: home,
          ATELIER_ALLOWED_ORIGINS: `${film.origin},${smallFilm.origin}`,
        },
      },
    ],
  });
  await harness.listen();
  const body = JSON.stringify({ name: 'app', scopes: ['generate', 'spend'] });
  appKey = ((await (await send('/v1/keys', { method: 'POST', body }, adminKey)).json()) as { key: string }).key;
});
afterAll(async () => {
  await harness?.close();
  film?.close();
  smallFilm?.close();
  vendor.close();
  vendor.closeAllConnections();
});

async function generate(url: string) {
  output = url;
  const body = JSON.stringify({ model: 'replicate/some/film', modality: 'video', input: 'a storm', wait: 60 });
  const answer = await send('/v1/generations', { method: 'POST', body });
  return (await answer.json()) as { status?: string; outputs: Output[]; error?: { code: string } };
}

/** The most memory, in bytes, that any one of our workerd processes has had. */
function peakOfWorkerd(): number {
  const parents = new Map<number, number>();
  const names = new Map<number, [string, number]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8');
      const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '';
      parents.set(Number(entry), Number(field('PPid')));
      names.set(Number(entry), [field('Name'), Number(field('VmHWM')) * 1024]);
    } catch {
      // It ended meanwhile.
    }
  }
  const isOurs = (id: number): boolean => id === process.pid || (id > 1 && isOurs(parents.get(id) ?? 0));
  const ours = [...names].filter(([id, [name]]) => name.startsWith('workerd') && isOurs(id));
  return Math.max(0, ...ours.map(([, [, peak]]) => peak));
}

it('a film larger than an isolate passes into R2 and out again, in parts', async () => {
  expect((await generate(`${smallFilm.origin}/film.mp4`)).outputs[0]).toMatchObject({ bytes: smallSize });
  const before = peakOfWorkerd();
  const generation = await generate(`${film.origin}/film.mp4`);
  expect(generation.status, JSON.stringify(generation)).toBe('completed');
  const [kept] = generation.outputs;
  expect(kept).toMatchObject({ bytes: size, seconds: 2, width: 64, media_type: 'video/mp4' });
  const grown = peakOfWorkerd() - before;
  console.info(`workerd grew by ${Math.round(grown / 1e6)} MB for a film of ${size / 1e6} MB`);
  // Where /proc tells: nothing like the film was ever held, although the bucket's own stand-in lives in the same process.
  if (before > 0) expect(grown).toBeLessThan(size / 2);

  const part = await send(kept!.url, { headers: { range: 'bytes=4-11' } });
  expect([part.status, (await part.text()).slice(0, 4)]).toEqual([206, 'ftyp']);
  const whole = await send(kept!.url);
  let read = 0;
  for await (const chunk of whole.body as unknown as AsyncIterable<Uint8Array>) read += chunk.length;
  expect(read).toBe(size);
});

it('large bytes that are no film are taken out again', async () => {
  const home = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}`;
  expect(await generate(`${home}/zeros.mp4`)).toMatchObject({ error: { code: 'invalid_output' } });
  const env = (await harness.getWorker().getEnv()) as { ASSETS: { list(): Promise<{ objects: { size: number }[] }> } };
  const sizes = (await env.ASSETS.list()).objects.map((object) => object.size);
  expect(sizes.sort()).toEqual([size, smallSize].sort());
});
