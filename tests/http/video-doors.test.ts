import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { toFile } from 'openai';
import type { Video, VideoCreateParams } from 'openai/resources/videos';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { png } from '../../providers/simulators/media/index.ts';
import type { Json } from '../../src/contract/index.ts';
import { probe } from '../../src/meter/probe.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { hasSpecs, responsePointer, validator } from '../support/spec.ts';
import { clientOf } from './doors.ts';

const hasProbe = spawnSync('ffprobe', ['-version']).status === 0;
const kling = 'fal/fal-ai/kling-video/v3/turbo/pro/text-to-video';
/** Five upstreams behind one door: what is asked, and what comes. */
const upstreams: { model: string; seconds: string; size?: string }[] = [
  { model: 'google/gemini-omni-1.2-flash', seconds: '4', size: '1280x720' },
  { model: 'runway/gen4.5', seconds: '8', size: '1280x720' },
  { model: 'luma/ray-2', seconds: '5' },
  { model: kling, seconds: '5' },
  { model: 'replicate/some/video-maker', seconds: '4' },
];

let gateway: RunningGateway;
let client: OpenAI;
const { send, post } = clientOf(() => gateway);

beforeAll(async () => {
  gateway = await startGateway({ ATELIER_POLL_MS: '5,25' });
  client = new OpenAI({ apiKey: gateway.appKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
afterAll(() => gateway?.close());

/** As the SDK's own examples poll. */
async function finish(video: Video): Promise<Video> {
  for (let tries = 0; tries < 400; tries++) {
    const now = await client.videos.retrieve(video.id);
    if (now.status === 'completed' || now.status === 'failed') return now;
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  throw new Error(`${video.id} never ended.`);
}
const make = async (params: { prompt: string; model: string; seconds?: string; size?: string }) =>
  finish(await client.videos.create(params as VideoCreateParams));

/** What an independent decoder says of a film: codec, width, height, seconds. */
function ffprobe(bytes: Uint8Array): [string, number, number, number] {
  const folder = mkdtempSync(join(tmpdir(), 'atelier-film-'));
  try {
    writeFileSync(join(folder, 'film.mp4'), bytes);
    const args = ['-v', 'error', '-select_streams', 'v:0', '-count_frames', '-show_entries'];
    const fields = 'stream=codec_name,width,height:format=duration';
    const text = execFileSync('ffprobe', [...args, fields, '-of', 'json', join(folder, 'film.mp4')]).toString();
    const { streams, format } = JSON.parse(text) as {
      streams: { codec_name: string; width: number; height: number }[];
      format: { duration: string };
    };
    const { codec_name, width, height } = streams[0]!;
    return [codec_name, width, height, Number(format.duration)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** OpenAI's description knows the four sizes that Sora had; other models have others. */
function expectVideo(body: Json): void {
  const check = validator('openai', responsePointer('/videos', 'post', 200));
  expect(check?.({ ...(body as object), size: '1280x720' })).toBeUndefined();
  expect((body as { size: string }).size).toMatch(/^(\d+x\d+|auto)$/);
}

describe.each(upstreams)('videos by $model', ({ model, seconds, size }) => {
  it('create, poll, download, list, delete with the openai SDK', async () => {
    const params = { prompt: 'waves at dusk', model, seconds, ...(size ? { size } : {}) } as VideoCreateParams;
    const { data: created, response } = await client.videos.create(params).withResponse();
    expect(created).toMatchObject({ object: 'video', model, prompt: 'waves at dusk', seconds, error: null });
    expect(['queued', 'in_progress']).toContain(created.status);
    expect(created.completed_at).toBeNull();
    expect(response.headers.get('x-atelier-generation')).toBe(created.id.replace('video_', 'gen_'));
    const done = await finish(created);
    expect(done).toMatchObject({ status: 'completed', progress: 100, id: created.id, error: null });
    expect(done.completed_at).toBeGreaterThanOrEqual(done.created_at);
    expect(Number(done.seconds)).toBeCloseTo(Number(seconds), 0);
    if (size) expect(done.size).toBe(size);

    const { data: file, response: headers } = await client.videos.downloadContent(done.id).withResponse();
    expect(headers.headers.get('content-type')).toBe('video/mp4');
    const bytes = new Uint8Array(await file.arrayBuffer());
    const found = probe(bytes)!;
    expect(found.kind).toBe('video');
    expect(`${found.width}x${found.height}`).toBe(done.size);
    expect(found.seconds).toBeCloseTo(Number(done.seconds), 0);
    if (hasProbe) {
      const [codec, width, height, length] = ffprobe(bytes);
      expect([codec, `${width}x${height}`]).toEqual(['h264', done.size]);
      expect(length).toBeCloseTo(found.seconds!, 1);
    }

    const read = await send(`/v1/videos/${done.id}`);
    const generation = (await send(`/v1/generations/${read.headers.get('x-atelier-generation')}`)).body;
    const { receipt } = generation as { receipt: { total?: string; status: string } };
    expect(read.headers.get('x-atelier-cost-status')).toBe(receipt.status);
    expect(read.headers.get('x-atelier-cost-usd')).toBe(receipt.total ?? null);
    // Luma's price could not be read, and an unknown model of Replicate's has none.
    expect(receipt.status).toBe(/^(luma|replicate)\//.test(model) ? 'unpriced' : 'priced');

    expect((await client.videos.list({ limit: 1 })).data[0]!.id).toBe(done.id);
    const spent = (await send('/v1/spend?simulated=include')).body as { total_usd: string };
    expect(await client.videos.delete(done.id)).toEqual({ id: done.id, object: 'video.deleted', deleted: true });
    await expect(client.videos.retrieve(done.id)).rejects.toMatchObject({ status: 404, code: 'not_found' });
    await expect(client.videos.downloadContent(done.id)).rejects.toMatchObject({ status: 404 });
    for await (const other of client.videos.list()) expect(other.id).not.toBe(done.id);
    const left = (await send('/v1/spend?simulated=include')).body as { total_usd: string };
    expect(left.total_usd, 'what it cost stays').toBe(spent.total_usd);
  });
});

describe('content', () => {
  let id: string;
  let whole: Uint8Array;
  beforeAll(async () => {
    ({ id } = await make({ prompt: 'a pier', model: 'runway/gen4.5', seconds: '2' }));
    whole = new Uint8Array(await (await client.videos.downloadContent(id)).arrayBuffer());
  });

  it('takes ranges, HEAD and conditions', async () => {
    const path = `/v1/videos/${id}/content`;
    const part = await send(path, { headers: { range: 'bytes=4-11' } });
    expect([part.status, part.text.slice(0, 4)]).toEqual([206, 'ftyp']);
    expect(part.headers.get('content-range')).toBe(`bytes 4-11/${whole.length}`);
    expect((await send(path, { headers: { range: `bytes=${whole.length}-` } })).status).toBe(416);
    const head = await send(path, { method: 'HEAD' });
    expect(Number(head.headers.get('content-length'))).toBe(whole.length);
    const same = await send(path, { headers: { 'if-none-match': head.headers.get('etag')! } });
    expect(same.status).toBe(304);
  });

  it('refuses variants that are not kept, and what is not there yet', async () => {
    for (const variant of ['thumbnail', 'spritesheet'] as const) {
      await expect(client.videos.downloadContent(id, { variant })).rejects.toMatchObject({
        status: 400,
        code: 'unsupported_parameter',
        param: 'variant',
      });
    }
    const slow = await client.videos.create({ prompt: 'waves [[slow]]', model: 'runway/gen4.5' });
    await expect(client.videos.downloadContent(slow.id)).rejects.toMatchObject({ status: 409 });
    await expect(client.videos.delete(slow.id)).rejects.toMatchObject({ status: 409 });
    expect((await finish(slow)).status).toBe('completed');
  });

  it('is its own key’s alone', async () => {
    const made = await post('/v1/keys', { name: 'other' }, { key: gateway.adminKey });
    const { key } = made.body as { key: string };
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/content'],
      ['DELETE', ''],
    ] as const) {
      expect((await send(`/v1/videos/${id}${path}`, { method, key })).status).toBe(404);
    }
    const remix = await post(`/v1/videos/${id}/remix`, { prompt: 'x', model: 'runway/aleph2' }, { key });
    expect(remix.status).toBe(404);
    const list = (await send('/v1/videos', { key })).body as unknown as { data: Video[] };
    expect(list.data).toEqual([]);
    expect((await send(`/v1/videos/${id}`, { key: 'atl_live_main_nosuch' })).status).toBe(401);
  });
});

describe('create', () => {
  const picture = png({ width: 1280, height: 720, seed: 'pier' });
  const model = 'google/gemini-omni-1.2-flash';

  it('takes a reference as an uploaded file, as an object in a form, and in JSON', async () => {
    const file = await toFile(picture, 'pier.png', { type: 'image/png' });
    const uploaded = await client.videos.create({ prompt: 'the pier', model, seconds: '4', input_reference: file });
    expect((await finish(uploaded)).status).toBe('completed');
    const image_url = `data:image/png;base64,${Buffer.from(picture).toString('base64')}`;
    const named = await client.videos.create({ prompt: 'the pier', model, input_reference: { image_url } });
    expect((await finish(named)).status).toBe('completed');
    const plain = await post('/v1/videos', { prompt: 'the pier', model, seconds: '4', input_reference: { image_url } });
    expect(plain.status).toBe(200);
    const id = (plain.body as { id: string }).id;
    expect((await finish({ id } as Video)).status).toBe('completed');
    // A picture costs its tokens: it did get there.
    const generation = await send(`/v1/generations/${id.replace('video_', 'gen_')}`);
    expect(generation.text).toContain('"input_image_tokens"');
  });

  it('refuses what cannot be, before anything is sent', async () => {
    const cases: [body: object, code: string, param: string | undefined][] = [
      [{ prompt: 'x', model: 'openai/gpt-image-2' }, 'modality_mismatch', 'model'],
      [{ prompt: 'x', model: 'sora-2' }, 'model_not_found', 'model'],
      [{ prompt: 'x', model, seconds: 'long' }, 'invalid_request', 'seconds'],
      [{ prompt: 'x', model, seconds: '300' }, 'invalid_request', 'seconds'],
      [{ prompt: 'x', model, size: '1x1' }, 'invalid_request', 'size'],
      [{ model }, 'invalid_request', 'input'],
      [{ prompt: 'x', model, cameo: 'me' }, 'unsupported_parameter', 'cameo'],
      [{ prompt: 'x', model, input_reference: { file_id: 'file-1' } }, 'invalid_request', 'input_reference'],
    ];
    for (const [body, code, param] of cases) {
      const answer = await post('/v1/videos', body);
      expect(answer.body, JSON.stringify(body)).toMatchObject({ error: { code, ...(param ? { param } : {}) } });
      expect(answer.headers.get('x-atelier-generation')).toBeNull();
    }
    const text = await toFile(new TextEncoder().encode('no picture'), 'a.png', { type: 'image/png' });
    const sent = client.videos.create({ prompt: 'x', model, input_reference: text });
    await expect(sent).rejects.toMatchObject({ status: 400, param: 'input_reference' });
  });

  it('chooses a model where none is named, and takes what only others have', async () => {
    const chosen = await client.videos.create({ prompt: 'a pier', seconds: '4' });
    expect(chosen.model).toBe(model);
    const body = { prompt: 'a pier', model, seconds: 3, ratio: '9:16', negative_prompt: 'boats', seed: 7 };
    const other = await post('/v1/videos', body, { headers: { 'x-atelier-tags': 'team=red' } });
    const done = await finish(other.body as unknown as Video);
    expect(done).toMatchObject({ status: 'completed', seconds: '3', size: '720x1280' });
    const { body: generation } = await send(`/v1/generations/${done.id.replace('video_', 'gen_')}`);
    expect(generation).toMatchObject({ tags: { team: 'red' }, degradations: [] });
  });

  it('ends as failed with OpenAI’s error object', async () => {
    const failed = await make({ prompt: 'x [[filtered]]', model: 'luma/ray-2' });
    expect(failed).toMatchObject({ status: 'failed', completed_at: null, error: { code: 'content_policy' } });
    expect(failed.error!.message).toContain('moderation');
    await expect(client.videos.downloadContent(failed.id)).rejects.toMatchObject({ status: 409 });
    expect((await client.videos.delete(failed.id)).deleted).toBe(true);
    const canceled = await client.videos.create({ prompt: 'x [[slow]]', model: 'runway/gen4.5' });
    await post(`/v1/generations/${canceled.id.replace('video_', 'gen_')}/cancel`, {});
    expect(await finish(canceled)).toMatchObject({ status: 'failed', error: { code: 'request_canceled' } });
  });

  it('runs once for each Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'film-1' };
    const body = { prompt: 'once', model: 'runway/gen4.5', seconds: '2' };
    const all = await Promise.all(Array.from({ length: 5 }, () => post('/v1/videos', body, { headers })));
    const ids = new Set(all.map((one) => (one.body as { id: string }).id));
    expect([all.map((one) => one.status), ids.size]).toEqual([[200, 200, 200, 200, 200], 1]);
    expect((await post('/v1/videos', { ...body, prompt: 'twice' }, { headers })).status).toBe(422);
  });
});

describe('remix', () => {
  it('makes a video from a kept one, by a model that takes films', async () => {
    const source = await make({ prompt: 'a pier', model: 'runway/seedance2', seconds: '4' });
    expect(source.status, JSON.stringify(source)).toBe('completed');
    const own = await finish(await client.videos.remix(source.id, { prompt: 'at night' }));
    expect(own).toMatchObject({ status: 'completed', remixed_from_video_id: source.id, prompt: 'at night' });
    const other = await post(`/v1/videos/${source.id}/remix`, { prompt: 'in snow', model: 'runway/aleph2' });
    expect(other.body).toMatchObject({ model: 'runway/aleph2', remixed_from_video_id: source.id });
    expect((await finish(other.body as unknown as Video)).status).toBe('completed');
    const edited = await client.videos.edit({ prompt: 'in fog', video: { id: source.id } });
    expect(edited.remixed_from_video_id).toBe(source.id);
    expect((await finish(edited)).status).toBe('completed');
    const film = new Uint8Array(await (await client.videos.downloadContent(source.id)).arrayBuffer());
    const file = await toFile(film, 'film.mp4', { type: 'video/mp4' });
    const uploaded = await client.videos.edit({ prompt: 'in fog', video: file, ...{ model: 'runway/aleph2' } });
    expect(await finish(uploaded)).toMatchObject({ status: 'completed', remixed_from_video_id: null });
  });

  it('names the models that can where a model cannot', async () => {
    const source = await make({ prompt: 'a pier', model: 'luma/ray-2', seconds: '5' });
    const refused = await post(`/v1/videos/${source.id}/remix`, { prompt: 'at night' });
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({
      error: { code: 'modality_mismatch', facts: { models: expect.arrayContaining(['runway/aleph2']) } },
    });
    const failed = await make({ prompt: '[[fail]]', model: 'runway/seedance2', seconds: '4' });
    await expect(client.videos.remix(failed.id, { prompt: 'x' })).rejects.toMatchObject({ status: 409 });
  });
});

it('lists in pages, both ways', async () => {
  for (const prompt of ['one', 'two', 'three']) await make({ prompt, model: 'runway/gen4.5', seconds: '2' });
  await post('/v1/generations', { model: 'openai/gpt-image-2', input: 'no film' });
  const newest: Video[] = [];
  for await (const video of client.videos.list({ limit: 2 })) newest.push(video);
  expect(newest.slice(0, 3).map((one) => one.prompt)).toEqual(['three', 'two', 'one']);
  const oldest: Video[] = [];
  for await (const video of client.videos.list({ limit: 2, order: 'asc' })) oldest.push(video);
  expect(oldest.map((one) => one.id)).toEqual(newest.map((one) => one.id).reverse());
  const none = (await send('/v1/videos?limit=0')).body;
  expect(none).toMatchObject({ data: [], first_id: null, last_id: null });
  expect((await send('/v1/videos?limit=101')).status).toBe(400);
  expect((await send('/v1/videos?order=up')).status).toBe(400);
});

describe.skipIf(!hasSpecs)('answers follow the published description (../shared/specs needed)', () => {
  it('of every state, of lists and of deletions', async () => {
    const created = await post('/v1/videos', { prompt: 'x [[slow]]', model: 'runway/gen4.5', size: '1280x720' });
    expectVideo(created.body);
    expect(validator('openai', responsePointer('/videos', 'post', 200))?.(created.body)).toBeUndefined();
    const id = (created.body as { id: string }).id;
    const states = new Set<string>();
    for (let state = ''; state !== 'completed'; ) {
      const { body } = await send(`/v1/videos/${id}`);
      expectVideo(body);
      ({ status: state } = body as { status: string });
      states.add(state);
      if (state === 'failed') throw new Error(JSON.stringify(body));
    }
    expect([...states]).toContain('in_progress');
    const failed = await make({ prompt: '[[fail]]', model: 'luma/ray-2' });
    expectVideo(failed as unknown as Json);
    const list = (await send('/v1/videos?limit=100')).body as unknown as { data: Video[] };
    for (const video of list.data) expectVideo(video as unknown as Json);
    const known = { ...list, data: list.data.map((video) => ({ ...video, size: '1280x720' })) };
    expect(validator('openai', responsePointer('/videos', 'get', 200))?.(known)).toBeUndefined();
    const deleted = (await send(`/v1/videos/${id}`, { method: 'DELETE' })).body;
    expect(validator('openai', responsePointer('/videos/{video_id}', 'delete', 200))?.(deleted)).toBeUndefined();
  });
});
