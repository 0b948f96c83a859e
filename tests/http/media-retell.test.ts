import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JsonObject } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { spoken } from './openai-media.ts';

let gateway: RunningGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway?.close());

/** As if the process had stopped after the work and before its answers were kept, a minute ago. */
async function loseAnswers(count: number): Promise<void> {
  const names = readdirSync(gateway.data, { recursive: true }).map(String);
  const book = new DatabaseSync(join(gateway.data, names.find((name) => name.endsWith('main.sqlite'))!));
  const kept = () => Number(book.prepare('SELECT count(*) AS n FROM idempotency WHERE answer IS NOT NULL').get()?.n);
  // An answer is kept while it is read.
  for (let tries = 0; kept() < count && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(kept()).toBe(count);
  book.exec('UPDATE idempotency SET answer = NULL; UPDATE generation SET completed_at = completed_at - 60000');
  book.close();
}

async function send(path: string, name: string, body: JsonObject | FormData) {
  const isForm = body instanceof FormData;
  const answer = await fetch(gateway.url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.appKey}`,
      'idempotency-key': name,
      ...(isForm ? {} : { 'content-type': 'application/json' }),
    },
    body: isForm ? body : JSON.stringify(body),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: answer.headers, bytes };
}

const image = { model: 'openai/gpt-image-2', prompt: 'a lamp', quality: 'low' };
const speech = { model: 'elevenlabs/eleven_flash_v2_5', voice: 'Rachel', input: 'hello' };
const form = async (response_format: string) => {
  const body = new FormData();
  body.set('model', 'elevenlabs/scribe_v2');
  body.set('response_format', response_format);
  body.set('file', (await spoken()) as File);
  return body;
};

const requests: [path: string, what: string, body: () => JsonObject | Promise<FormData>][] = [
  ['/v1/images/generations', 'base64', () => image],
  ['/v1/audio/speech', 'sound', () => speech],
  ['/v1/audio/speech', 'events', () => ({ ...speech, stream_format: 'sse' })],
  ['/v1/audio/transcriptions', 'subtitles', () => form('srt')],
  ['/v1/audio/transcriptions', 'times', () => form('verbose_json')],
];

it.each(requests)('%s writes its lost answer again from the book: %s', async (path, what, body) => {
  const first = await send(path, `${path}-${what}`, await body());
  expect(first.status, first.bytes.toString().slice(0, 300)).toBe(200);
  await loseAnswers(1);
  const again = await send(path, `${path}-${what}`, await body());
  expect(again.status, again.bytes.toString().slice(0, 300)).toBe(200);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  for (const name of ['content-type', 'x-atelier-generation', 'x-atelier-model', 'x-atelier-provider']) {
    expect(again.headers.get(name)).toBe(first.headers.get(name));
  }
  expect(Number(again.headers.get('x-atelier-cost-usd'))).toBeGreaterThan(0);
  const text = (bytes: Buffer) => bytes.toString().replace(/"created":\d+,/, '');
  if (what === 'events') expect(again.bytes.toString()).toContain('speech.audio.done');
  else expect(text(again.bytes) === text(first.bytes)).toBe(true);
});

it('a link and the picture of a lost stream are told again, too', async () => {
  const link = { ...image, response_format: 'url' };
  await send('/v1/images/generations', 'link', link);
  const stream = { ...image, stream: true, partial_images: 1 };
  await send('/v1/images/generations', 'stream', stream);
  await loseAnswers(2);
  const { data } = JSON.parse((await send('/v1/images/generations', 'link', link)).bytes.toString());
  expect((await fetch(data[0].url)).status).toBe(200);
  const told = await send('/v1/images/generations', 'stream', stream);
  expect(told.headers.get('content-type')).toMatch(/^text\/event-stream/);
  expect(told.bytes.toString()).toMatch(/^event: image_generation\.completed\n/);
});
