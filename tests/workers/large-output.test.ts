import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestHarness } from 'wrangler';
import { makeKey } from '../../src/gateway/credential.ts';
import { serveFilm } from '../runtime/large-film.ts';

/** More than an isolate may ever hold: it has 128 MB. */
const size = 150_000_000;
const adminKey = makeKey('admin', 'main');
const url = 'http://atelier.test';

type Output = { url: string; bytes: number; seconds: number; width: number; media_type: string };

let film: Awaited<ReturnType<typeof serveFilm>>;
let broken = '';
const vendor = createServer((request, response) => {
  // The vendor's own downloads come from here, too: only its own origin may be http.
  if (request.url === '/film.mp4') return void response.writeHead(302, { location: `${film.origin}/film.mp4` }).end();
  if (request.url === '/broken.mp4') {
    response.writeHead(200, { 'content-length': 20_000_000 }).write(new Uint8Array(9_000_000));
    return void setTimeout(() => response.destroy(), 200);
  }
  const prediction = { id: 'p1', status: 'succeeded', output: broken || `${film.origin}/film.mp4`, urls: {} };
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
          ATELIER_ALLOWED_ORIGINS: film.origin,
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
  vendor.close();
  vendor.closeAllConnections();
});

async function generate() {
  const body = JSON.stringify({ model: 'replicate/some/film', modality: 'video', input: 'a storm', wait: 60 });
  const answer = await send('/v1/generations', { method: 'POST', body });
  return (await answer.json()) as { status: string; outputs: Output[]; error?: { code: string } };
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
  const before = peakOfWorkerd();
  const generation = await generate();
  expect(generation.status, JSON.stringify(generation)).toBe('completed');
  const [output] = generation.outputs;
  expect(output).toMatchObject({ bytes: size, seconds: 2, width: 64, media_type: 'video/mp4' });
  const grown = peakOfWorkerd() - before;
  console.info(`workerd grew by ${Math.round(grown / 1e6)} MB for a film of ${size / 1e6} MB`);
  // Where /proc tells: nothing like the film was ever held.
  if (before > 0) expect(grown).toBeLessThan(size);

  const part = await send(output!.url, { headers: { range: 'bytes=4-11' } });
  expect([part.status, (await part.text()).slice(0, 4)]).toEqual([206, 'ftyp']);
  const whole = await send(output!.url);
  let read = 0;
  for await (const chunk of whole.body as unknown as AsyncIterable<Uint8Array>) read += chunk.length;
  expect(read).toBe(size);
});

it('a download that breaks leaves nothing', async () => {
  broken = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/broken.mp4`;
  expect(await generate()).toMatchObject({ status: 'failed', error: { code: 'invalid_output' } });
  const bucket = ((await harness.getWorker().getEnv()) as { ASSETS: { list(): Promise<{ objects: unknown[] }> } })
    .ASSETS;
  expect((await bucket.list()).objects).toHaveLength(1);
});
