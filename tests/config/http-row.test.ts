import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { createProvider } from '../../providers/index.ts';
import { png } from '../../providers/simulators/media/index.ts';
import type { Fetch, JsonObject, MediaRequest } from '../../src/contract/index.ts';
import { callOf } from '../providers/call.ts';
import { startGateway } from '../support/gateway.ts';

const good: JsonObject = {
  auth: { headers: { 'x-key': '{{key}}' } },
  error: { message: ['/problem'], codes: [{ match: 'naughty', code: 'content_policy' }] },
  media: {
    image: {
      submit: {
        path: '/draw/{{model}}',
        query: { q: '{{quality}}' },
        body: { words: '{{prompt}}', count: '{{n|1}}', seed: '{{seed}}' },
      },
      ref: { id: '/job' },
      poll: { path: '/jobs/{{ref.id}}', every_ms: 100 },
      cancel: { method: 'DELETE', path: '/jobs/{{ref.id}}' },
      status: { pointer: '/state', queued: ['new'], running: ['busy'], succeeded: ['done'], failed: ['broken'] },
      outputs: [{ pointer: '/pictures/*/href', as: 'url', media_type: 'image/png' }],
      usage: [{ meter: 'images', delivered: true }],
    },
  },
};

const overlayOf = (http: unknown, more: JsonObject = {}) => ({
  providers: {
    providers: [
      { id: 'atelier-next-door', adapter: 'http', base_url: 'https://draw.example/api', keyless: true, ...more, http },
    ],
  },
  models: { models: [{ id: 'atelier-next-door/brush', modality: 'image' }] },
});
/** The faults of a row, without where the `http` object stands. */
async function faultsOf(http: unknown): Promise<string[]> {
  const error: Error = await loadConfig(shipped, overlayOf(http)).then(
    () => new Error(''),
    (thrown) => thrown,
  );
  const place = 'overlay/providers.json#/providers/0/http';
  return error.message
    .split('\n')
    .slice(1)
    .map((line) => {
      expect(line.startsWith(place)).toBe(true);
      return line.slice(place.length);
    });
}

/** A copy of the good row with something else at a path; undefined takes it away. */
function changed(path: string, value: unknown): JsonObject {
  const copy = JSON.parse(JSON.stringify(good)) as Record<string, unknown>;
  const steps = path.split('/').slice(1);
  let here: Record<string, unknown> = copy;
  for (const step of steps.slice(0, -1)) here = here[step] as Record<string, unknown>;
  const last = steps.at(-1)!;
  if (value === undefined) delete here[last];
  else here[last] = value;
  return copy as JsonObject;
}

test('a good row loads', async () => {
  expect(await faultsOf(good)).toEqual([]);
});

const way = '/media/image';
describe('a bad row fails at start, with the pointer to its fault', () => {
  test.each<[string, string, unknown, string, RegExp]>([
    ['a key that does not exist', `${way}/sbmit`, {}, way, /sbmit/],
    [
      'a place that does not exist',
      `${way}/submit/body/words`,
      '{{promt}}',
      `${way}/submit/body/words`,
      /\{\{promt\}\} is no place of a request for image/,
    ],
    ['a place of another modality', `${way}/submit/body/words`, '{{lyrics}}', `${way}/submit/body/words`, /lyrics/],
    [
      'a condition that does not exist',
      `${way}/submit/body/words`,
      "{{lyrics?'a'|prompt}}",
      `${way}/submit/body/words`,
      /lyrics/,
    ],
    [
      'a place deep in a list',
      `${way}/submit/body/words`,
      [1, { a: 'x {{nothing}}' }],
      `${way}/submit/body/words/1/a`,
      /nothing/,
    ],
    ['a place that is not closed', `${way}/submit/body/words`, '{{prompt', `${way}/submit/body/words`, /not closed/],
    ['a place in a query', `${way}/submit/query/q`, '{{qualty}}', `${way}/submit/query/q`, /qualty/],
    ['a path without a slash', `${way}/submit/path`, 'draw', `${way}/submit/path`, /slash/],
    ['a query in a path', `${way}/submit/path`, '/draw?x=1', `${way}/submit/path`, /query/],
    ['two bodies', `${way}/submit/form`, { a: 'b' }, `${way}/submit/form`, /one body/],
    ['a status without success', `${way}/status/succeeded`, undefined, `${way}/status/succeeded`, /array/],
    ['a word for two states', `${way}/status/failed`, ['done'], `${way}/status/failed/0`, /already succeeded/],
    ['a pointer that is none', `${way}/status/pointer`, 'state', `${way}/status/pointer`, /JSON pointer/],
    ['a poll without ref', `${way}/ref`, undefined, `${way}/poll/path`, /ref\.id/],
    ['a poll by what is not kept', `${way}/poll/path`, '/jobs/{{ref.name}}', `${way}/poll/path`, /ref\.name/],
    ['a poll by the request', `${way}/poll/path`, '/jobs/{{prompt}}', `${way}/poll/path`, /prompt/],
    ['a poll of any address', `${way}/poll/path`, '{{ref.id}}', `${way}/poll/path`, /hosts/],
    ['a cancel without poll', `${way}/poll`, undefined, `${way}/ref`, /poll/],
    ['no outputs', `${way}/outputs`, undefined, way, /outputs/],
    ['an output below no path', `${way}/outputs/0/as`, 'path', `${way}/outputs/0`, /path/],
    ['an unknown meter', `${way}/usage/0/meter`, 'pictures', `${way}/usage/0/meter`, /Invalid option/],
    ['a meter of nothing', `${way}/usage/0`, { meter: 'images' }, `${way}/usage/0`, /needs one of/],
    ['a limit of no field', `${way}/limits`, { promt: { max: 1 } }, `${way}/limits/promt`, /no field of image/],
    ['an error code that is not ours', '/error/codes/0/code', 'naughty', '/error/codes/0/code', /Invalid option/],
    ['a credential that does not exist', '/auth/headers/x-key', '{{secret}}', '/auth/headers/x-key', /secret/],
    ['a token that nobody gives', '/auth/headers/x-key', '{{token}}', '/auth/headers/x-key', /token/],
    [
      'a token that nobody uses',
      '/token',
      { url: 'https://draw.example/token', path: '/t' },
      '/token',
      /no header or query/,
    ],
    ['an unknown modality', '/media', { sculpture: {} }, '/media', /sculpture|key/i],
    ['no modality', '/media', {}, '/media', /at least one/],
    [
      'a way after the last',
      way,
      [good.media, good.media].map((media) => (media as JsonObject).image),
      `${way}/0`,
      /only the last/,
    ],
  ])('%s', async (_, path, value, where, words) => {
    const faults = await faultsOf(changed(path, value));
    const at = faults.filter((fault) => fault.startsWith(`${where}:`));
    expect(at, faults.join('\n')).not.toEqual([]);
    expect(at.join('\n')).toMatch(words);
  });

  test('the object belongs to its adapter, and the adapter needs it', async () => {
    const load = (row: JsonObject) =>
      loadConfig(shipped, { providers: { providers: [{ id: 'x', base_url: 'https://x.example', ...row }] } });
    await expect(load({ adapter: 'http' })).rejects.toThrow('#/providers/0/http: the adapter "http" needs');
    await expect(load({ adapter: 'openai-compatible', http: good })).rejects.toThrow(
      '#/providers/0/http: the adapter "http" needs',
    );
  });
});

describe('a row that no code knows', () => {
  const open = async (http: JsonObject) => {
    const config = await loadConfig(shipped, overlayOf(http));
    return createProvider(config.providers.find(({ id }) => id === 'atelier-next-door')!);
  };
  const request: MediaRequest = { modality: 'image', prompt: 'a fox', n: 2, quality: 'a b&c' };

  test('is submitted, polled after a restart, and counted', async () => {
    const asked: string[] = [];
    const fetch: Fetch = async (input, init) => {
      const sent = new Request(input as string, init as RequestInit);
      asked.push(`${sent.method} ${sent.url} ${await sent.text()} ${sent.headers.get('x-key')}`);
      if (sent.method === 'POST') return Response.json({ job: 'j-1' }, { status: 202 });
      return Response.json({
        state: 'done',
        pictures: [{ href: 'https://cdn.example/1.png' }, { href: 'https://cdn.example/2.png' }],
      });
    };
    const call = callOf(fetch, { model: 'brush/../x y', baseUrl: 'https://draw.example/api' });
    const first = await (await open(good)).media!.image!.submit(request as never, call);
    expect(first).toEqual({ status: 'queued', ref: { ids: { id: 'j-1' } }, pollAfterMs: 100 });
    const last = await (await open(good)).media!.image!.poll!((first as { ref: JsonObject }).ref, call);
    expect(last).toMatchObject({ status: 'completed', usage: { metered: [{ meter: 'images', quantity: 2 }] } });
    expect(asked).toEqual([
      'POST https://draw.example/api/draw/brush%2F..%2Fx%20y?q=a+b%26c {"words":"a fox","count":2} sk-secret-key',
      'GET https://draw.example/api/jobs/j-1  sk-secret-key',
    ]);
  });

  test.each([
    [{ state: 'broken', problem: 'too naughty' }, 'failed', 'content_policy'],
    [{ state: 'broken', problem: 'no paint' }, 'failed', 'provider_error'],
    [{ state: 'done', pictures: [] }, 'failed', 'invalid_output'],
  ])('%j is %s: %s', async (answer, status, code) => {
    const operation = await (await open(good)).media!.image!.poll!(
      { ids: { id: 'j-1' } },
      callOf(async () => Response.json(answer)),
    );
    expect(operation).toMatchObject({ status, error: { code } });
  });

  test('an answer of bytes is the output; a form carries files; a secret in a refusal is struck out', async () => {
    const speech = {
      media: {
        speech: {
          submit: { path: '/say', form: { text: '{{text}}', rate: '{{speed}}' }, answers: 'bytes' },
          usage: [{ meter: 'requests', quantity: 1 }],
        },
      },
    };
    const forms: FormData[] = [];
    const wav = Uint8Array.from('RIFF....WAVE', (letter) => letter.charCodeAt(0));
    const call = callOf(async (input, init) => {
      forms.push(await new Request(input as string, init as RequestInit).formData());
      return new Response(wav, { headers: { 'content-type': 'application/octet-stream' } });
    });
    const port = (await open(speech)).media!.speech!;
    expect(await port.submit({ modality: 'speech', text: 'hello' }, call)).toEqual({
      status: 'completed',
      outputs: [{ type: 'asset', asset: { mediaType: 'audio/wav', bytes: wav } }],
      usage: { metered: [{ meter: 'requests', quantity: 1 }], source: 'derived' },
    });
    expect([...forms[0]!.entries()]).toEqual([['text', 'hello']]);
    expect(port.poll).toBeUndefined();
    const refused = callOf(async () => Response.json({ problem: 'bad sk-secret-key', message: 'x' }, { status: 422 }));
    const error = await port.submit({ modality: 'speech', text: 'hello' }, refused).catch((thrown) => thrown);
    expect(JSON.stringify([error.code, error.message, error.details])).not.toContain('sk-secret-key');
  });

  test('works through the whole gateway, given as a file', { timeout: 30_000 }, async () => {
    const picture = png({ width: 16, height: 8, seed: 'x' });
    let looks = 0;
    const server = createServer((sent, answer) => {
      const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const json = (body: unknown) => answer.setHeader('content-type', 'application/json').end(JSON.stringify(body));
      if (sent.url?.endsWith('.png')) answer.setHeader('content-type', 'image/png').end(picture);
      else if (sent.method === 'POST') json({ job: 'j-1' });
      else json(++looks < 2 ? { state: 'busy' } : { state: 'done', pictures: [{ href: `${own}/1.png` }] });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const folder = mkdtempSync(join(tmpdir(), 'atelier-overlay-'));
    const base_url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const overlay = overlayOf(good, { base_url, base_url_env: 'NEXT_DOOR_BASE_URL' });
    for (const [name, content] of Object.entries(overlay))
      writeFileSync(join(folder, `${name}.json`), JSON.stringify(content));
    const gateway = await startGateway({ ATELIER_CONFIG: folder, NEXT_DOOR_BASE_URL: base_url });
    try {
      const response = await fetch(`${gateway.url}/v1/generations`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
        body: JSON.stringify({ modality: 'image', model: 'atelier-next-door/brush', input: 'a fox', wait: 20 }),
      });
      const generation = (await response.json()) as JsonObject;
      expect(generation, JSON.stringify(generation)).toMatchObject({
        status: 'completed',
        outputs: [{ type: 'image', width: 16, height: 8 }],
        receipt: { status: 'unpriced' },
      });
    } finally {
      await gateway.close();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
