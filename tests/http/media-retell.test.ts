import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JsonObject, stringAt } from '../../src/contract/index.ts';
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
  book.exec(`UPDATE idempotency SET answer = NULL;
    UPDATE generation SET created_at = created_at - 60000, completed_at = completed_at - 60000`);
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

describe('/v1/generations', () => {
  const lamp = { model: 'openai/gpt-image-2', input: 'a lamp', quality: 'low' };
  const told = (bytes: Buffer) => JSON.parse(bytes.toString()) as JsonObject;

  it('tells a lost answer again with what it cost', async () => {
    const first = await send('/v1/generations', 'made', lamp);
    await loseAnswers(1);
    const again = await send('/v1/generations', 'made', lamp);
    expect([first.status, again.status, stringAt(told(again.bytes), 'status')]).toEqual([200, 200, 'completed']);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    for (const name of ['generation', 'provider', 'model', 'attempts', 'cost-usd', 'cost-status', 'simulated']) {
      expect(again.headers.get(`x-atelier-${name}`), name).toBe(first.headers.get(`x-atelier-${name}`));
    }
  });

  it('tells a lost failure again as the error that it was', async () => {
    const failing = { ...lamp, input: 'a lamp [[fault:billed-500]]' };
    const first = await send('/v1/generations', 'failed', failing);
    await loseAnswers(1);
    const again = await send('/v1/generations', 'failed', failing);
    expect(first.status).toBeGreaterThanOrEqual(500);
    expect(again.status).toBe(first.status);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    for (const name of ['x-should-retry', 'x-atelier-error-code', 'x-atelier-generation', 'x-atelier-cost-status']) {
      expect(again.headers.get(name), name).toBe(first.headers.get(name));
    }
    expect(stringAt(told(again.bytes), 'error', 'code')).toBe(stringAt(told(first.bytes), 'error', 'code'));
  });

  it('tells a job that was answered at once as it is now, failed or not', async () => {
    const job = { model: 'replicate/meta/musicgen', input: 'a song [[fail]]', seconds: 2, wait: 0 };
    const first = await send('/v1/generations', 'job', job);
    expect(first.status).toBe(202);
    const id = stringAt(told(first.bytes), 'id')!;
    const headers = { authorization: `Bearer ${gateway.appKey}` };
    const state = async () =>
      stringAt(await (await fetch(`${gateway.url}/v1/generations/${id}`, { headers })).json(), 'status');
    await expect.poll(state).toBe('failed');
    await loseAnswers(1);
    const again = await send('/v1/generations', 'job', job);
    expect([again.status, stringAt(told(again.bytes), 'status')]).toEqual([200, 'failed']);
    expect(again.headers.get('x-atelier-generation')).toBe(id);
    expect(again.headers.get('x-atelier-cost-status')).not.toBeNull();
  });
});
