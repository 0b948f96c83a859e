import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { png, wav } from '../../providers/simulators/media/index.ts';
import { at, stringAt } from '../../src/contract/index.ts';
import { clientOf } from '../http/doors.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { hostileUrls } from './hostile.ts';

/** Every place of a request where a caller may put a URL, by the field that is blamed. */
const places: [string, (url: string) => Record<string, unknown>][] = [
  ['images', (url) => ({ model: 'openai/gpt-image-2', input: 'a lamp', images: [url] })],
  ['images', (url) => ({ model: 'openai/gpt-image-2', input: 'a lamp', images: [{ url }] })],
  ['mask', (url) => ({ model: 'openai/gpt-image-2', input: 'a lamp', mask: url })],
  ['input', (url) => ({ model: 'openai/whisper-1', input: url })],
  ['audio', (url) => ({ modality: 'music', input: 'a waltz', audio: url })],
  ['images', (url) => ({ model: 'replicate/some/film', modality: 'video', input: 'a storm', images: [url] })],
  ['video', (url) => ({ model: 'replicate/some/film', modality: 'video', input: 'a storm', video: url })],
  ['webhook', (url) => ({ model: 'openai/gpt-image-2', input: 'a lamp', webhook: url })],
  ['images', (url) => ({ model: 'replicate/some/shape', modality: 'model3d', input: 'a boat', images: [url] })],
];

const picture = png({ width: 64, height: 64, seed: 'given' });
const sound = wav(new Int16Array(16_000), { sampleRate: 8_000, channels: 1 });

describe('URLs that callers give to a running gateway', () => {
  let gateway: RunningGateway;
  let server: Server;
  let origin: string;
  const heard: string[] = [];
  const { post } = clientOf(() => gateway);

  beforeAll(async () => {
    server = createServer((request, response) => {
      heard.push(request.url ?? '');
      if (request.url === '/away') response.writeHead(302, { location: 'https://169.254.169.254/' }).end();
      else if (request.url === '/page') response.writeHead(200, { 'content-type': 'text/html' }).end('<p>secret</p>');
      else if (request.url === '/large') response.writeHead(200, { 'content-length': 60_000_000 }).end();
      else if (request.url === '/sound') response.end(sound);
      else if (request.url === '/picture') response.end(picture);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    gateway = await startGateway({ ATELIER_ALLOWED_ORIGINS: origin });
  });
  afterAll(async () => {
    await gateway.close();
    server.close();
    server.closeAllConnections();
  });

  it.each(places)('hostile ones are refused by name in %s', async (param, write) => {
    for (const [name, url] of hostileUrls) {
      const answer = await post('/v1/generations', write(url));
      const told = `${name}: ${answer.status} ${stringAt(answer.body, 'error', 'code')}`;
      expect(told, answer.text).toBe(`${name}: 400 invalid_request`);
      expect(at(answer.body, 'error', 'param'), name).toBe(param);
      expect(answer.text, 'says nothing of what is there').not.toMatch(/ECONN|ENOTFOUND|10\.1|169\.254\.169/);
    }
  });

  it('are read where the operator vouches for the place, and only media', async () => {
    const image = await post('/v1/generations', places[0]![1](`${origin}/picture`));
    expect([image.status, stringAt(image.body, 'status')], image.text).toEqual([200, 'completed']);
    const words = await post('/v1/generations', places[3]![1](`${origin}/sound`));
    expect(words.status, words.text).toBe(200);
    for (const [path, status, code] of [
      ['/away', 400, 'invalid_request'],
      ['/page', 400, 'invalid_request'],
      ['/missing', 400, 'invalid_request'],
      ['/large', 413, 'payload_too_large'],
    ]) {
      const answer = await post('/v1/generations', places[0]![1](`${origin}${path}`));
      expect([answer.status, stringAt(answer.body, 'error', 'code')], answer.text).toEqual([status, code]);
      expect(at(answer.body, 'error', 'param')).toBe('images');
      expect(answer.text).not.toContain('secret');
    }
    expect(heard).toEqual(['/picture', '/sound', '/away', '/page', '/missing', '/large']);
  });

  it('are not read for a gateway whose operator vouches for nothing', async () => {
    const plain = await startGateway();
    try {
      const answer = await clientOf(() => plain).post('/v1/generations', places[0]![1](`${origin}/picture`));
      expect([answer.status, at(answer.body, 'error', 'param')]).toEqual([400, 'images']);
      expect(heard).toHaveLength(6);
    } finally {
      await plain.close();
    }
  });

  it.each(['example.com', 'ftp://example.com', 'http://127.0.0.1:9000/', 'http://user@127.0.0.1:9000'])(
    'ATELIER_ALLOWED_ORIGINS refuses %s',
    async (text) => {
      await expect(startGateway({ ATELIER_ALLOWED_ORIGINS: text })).rejects.toThrow('ATELIER_ALLOWED_ORIGINS');
    },
  );
});

describe('URLs that a provider gives to a running gateway', () => {
  it('lead to no private place: the outcome is invalid_output, and nothing was asked there', async () => {
    const inside: string[] = [];
    let output = '';
    let moved = false;
    let home = '';
    const hidden = createServer((request, response) => {
      inside.push(request.url ?? '');
      response.end(picture);
    });
    const vendor = createServer((request, response) => {
      if (request.url === '/moved') return void response.writeHead(302, { location: output }).end();
      const prediction = { id: 'p1', status: 'succeeded', output: [moved ? `${home}/moved` : output], urls: {} };
      response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(prediction));
    });
    for (const one of [hidden, vendor]) await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    const port = (one: Server) => (one.address() as AddressInfo).port;
    home = `http://127.0.0.1:${port(vendor)}`;
    const gateway = await startGateway({ REPLICATE_API_TOKEN: 'r8_real', REPLICATE_BASE_URL: home });
    try {
      const { post } = clientOf(() => gateway);
      for (const url of [
        `http://127.0.0.1:${port(hidden)}/secret`,
        `https://localhost:${port(hidden)}/secret`,
        'https://169.254.169.254/latest/meta-data',
        'https://[::ffff:7f00:1]/',
        'https://[fd00::ffff:808:808]/',
        `${home}/moved`,
      ]) {
        moved = url === `${home}/moved`;
        output = moved ? `http://127.0.0.1:${port(hidden)}/secret` : url;
        const body = { model: 'replicate/black-forest-labs/flux-schnell', input: 'a lamp' };
        const answer = await post('/v1/generations', body);
        expect(`${url} ${stringAt(answer.body, 'error', 'code')}`, answer.text).toBe(`${url} invalid_output`);
        expect(answer.headers.get('x-should-retry')).toBe('false');
      }
      expect(inside).toEqual([]);
    } finally {
      await gateway.close();
      for (const one of [hidden, vendor]) {
        one.close();
        one.closeAllConnections();
      }
    }
  });
});
