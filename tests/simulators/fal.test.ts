import { ApiError, createFalClient, type QueueStatus, ValidationError } from '@fal-ai/client';
import { decode as decodePng } from 'fast-png';
import { decode as decodeJpeg } from 'jpeg-js';
import { describe, expect, test } from 'vitest';
import { fal } from '../../providers/simulators/fal.ts';
import { speechPcm, wav } from '../../providers/simulators/media/index.ts';
import type { SimulatorOptions } from '../../providers/simulators/simulator.ts';
import type { Fetch, Json } from '../../src/contract/index.ts';
import { probe } from '../../src/meter/probe.ts';

const queue = 'https://queue.fal.run';

/** The official client straight against the simulator; `headers` are those of its last answer. */
function start(options: SimulatorOptions = {}) {
  const simulator = fal({ faults: true, ...options });
  const sent: string[] = [];
  let headers = new Headers();
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(input, init);
    sent.push(`${request.method} ${request.url}`);
    const answer = await simulator.fetch(request);
    headers = answer.headers;
    return answer;
  };
  const client = createFalClient({ credentials: 'key-id:key-secret', fetch: fetch as typeof globalThis.fetch });
  const bytes = async (url: string) => new Uint8Array(await (await simulator.fetch(url)).arrayBuffer());
  const post = (path: string, body: unknown, more: Record<string, string> = { authorization: 'Key k' }) =>
    simulator.fetch(`${queue}/${path}`, { method: 'POST', headers: more, body: JSON.stringify(body) });
  return { simulator, client, sent, bytes, post, last: () => headers };
}

type Image = { url: string; width: number; height: number; content_type: string };

describe('the official client', () => {
  test('submit, status, result', async () => {
    const { client, bytes, last, sent } = start();
    const input = {
      prompt: 'a fox',
      image_size: { width: 640, height: 384 },
      output_format: 'png',
      num_images: 2,
    } as const;
    const submitted = await client.queue.submit('fal-ai/flux/dev', { input });
    expect(submitted).toMatchObject({ status: 'IN_QUEUE', queue_position: 0 });
    const { request_id: requestId, response_url, status_url, cancel_url } = submitted;
    const own = `${queue}/fal-ai/flux/requests/${requestId}`;
    expect([response_url, status_url, cancel_url]).toEqual([own, `${own}/status`, `${own}/cancel`]);
    const running = await client.queue.status('fal-ai/flux/dev', { requestId, logs: true });
    expect(running).toMatchObject({ status: 'IN_PROGRESS', logs: [{ message: expect.stringContaining('50%') }] });
    const early = await client.queue.result('fal-ai/flux/dev', { requestId }).catch((error: unknown) => error);
    expect(early).toMatchObject({ status: 400 });
    expect(await client.queue.status('fal-ai/flux/dev', { requestId })).toMatchObject({
      status: 'COMPLETED',
      logs: [],
    });
    const { data, requestId: told } = await client.queue.result('fal-ai/flux/dev', { requestId });
    expect(told).toBe(requestId);
    expect(last().get('x-fal-billable-units')).toBe('2');
    const images = (data as { images: Image[] }).images;
    expect(images).toHaveLength(2);
    expect(images[0]).toMatchObject({ width: 640, height: 384, content_type: 'image/png' });
    expect(decodePng(await bytes(images[0]!.url))).toMatchObject({ width: 640, height: 384 });
    expect(sent).toHaveLength(5);
  });

  test('subscribe, with every state shown', async () => {
    const { client, bytes } = start();
    const states: QueueStatus['status'][] = [];
    const { data } = await client.subscribe('fal-ai/flux/schnell', {
      input: { prompt: 'a fox' },
      pollInterval: 1,
      onQueueUpdate: ({ status }) => states.push(status),
    });
    expect(states).toEqual(['IN_PROGRESS', 'COMPLETED']);
    const [image] = (data as { images: Image[] }).images;
    const picture = decodeJpeg(await bytes(image!.url));
    expect([picture.width, picture.height]).toEqual([1024, 768]);
  });

  test('run answers when the work is done; a stream of states ends with it', async () => {
    const { client, sent } = start();
    const { data } = await client.run('fal-ai/flux/dev', { input: { prompt: 'a fox' } });
    expect((data as { images: Image[] }).images).toHaveLength(1);
    expect(sent).toEqual(['POST https://fal.run/fal-ai/flux/dev']);
    const { request_id: requestId } = await client.queue.submit('fal-ai/flux/dev', { input: { prompt: 'a fox' } });
    const stream = await client.queue.streamStatus('fal-ai/flux/dev', { requestId, connectionMode: 'server' });
    const states: string[] = [];
    for await (const state of stream) states.push(state.status);
    expect(states).toEqual(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']);
  });

  test('cancel: done while it waits or runs, refused after the end', async () => {
    const { client, simulator } = start();
    const submit = async () => (await client.queue.submit('fal-ai/flux/dev', { input: { prompt: 'x' } })).request_id;
    const requestId = await submit();
    await client.queue.cancel('fal-ai/flux/dev', { requestId });
    const gone = await client.queue.result('fal-ai/flux/dev', { requestId }).catch((error: unknown) => error);
    expect(gone).toMatchObject({ status: 499, body: { error_type: 'client_cancelled' } });
    expect(simulator.bill.calls.at(-1)?.charges).toEqual([]);
    const ended = await submit();
    for (let look = 0; look < 2; look++) await client.queue.status('fal-ai/flux/dev', { requestId: ended });
    const late = await client.queue.cancel('fal-ai/flux/dev', { requestId: ended }).catch((error: unknown) => error);
    expect(late).toMatchObject({ status: 400, body: { status: 'ALREADY_COMPLETED' } });
  });

  test('refusals are the client’s own errors', async () => {
    const { client, simulator } = start();
    const end = (endpoint: string, input: Record<string, unknown>) =>
      client.subscribe(endpoint, { input, pollInterval: 1 }).catch((error: unknown) => error);
    const missing = (await end('fal-ai/flux/dev', { num_images: 7 })) as ValidationError;
    expect(missing).toBeInstanceOf(ValidationError);
    expect(missing.fieldErrors.map(({ loc, type }) => [loc.at(-1), type])).toEqual([
      ['prompt', 'missing'],
      ['num_images', 'less_than_equal'],
    ]);
    const policy = (await end('fal-ai/flux/dev', { prompt: 'x [[filtered]]' })) as ValidationError;
    expect(policy.fieldErrors).toMatchObject([{ type: 'content_policy_violation', loc: ['body', 'prompt'] }]);
    expect(await end('fal-ai/flux/dev', { prompt: 'x [[fail]]' })).toMatchObject({
      status: 500,
      body: { error_type: 'runner_server_error' },
    });
    const unknown = await end('acme/does-not-exist', { prompt: 'x' });
    expect(unknown).toBeInstanceOf(ApiError);
    expect(unknown).toMatchObject({ status: 404 });
    expect(simulator.bill.calls.flatMap(({ charges }) => charges)).toEqual([]);
  });

  test('a webhook brings the result, twice or never where a directive says so', async () => {
    const hooks: { url: string; body: Json }[] = [];
    const deliver: Fetch = async (input, init) => {
      const request = new Request(input as string, init);
      hooks.push({ url: request.url, body: (await request.json()) as Json });
      return new Response(null);
    };
    const { client } = start({ deliver });
    const webhookUrl = 'https://app.example/hook?a=b';
    const submit = (prompt: string) => client.queue.submit('fal-ai/flux/dev', { input: { prompt }, webhookUrl });
    const { request_id } = await submit('one');
    await submit('lost [[webhook-lost]]');
    await submit('two [[webhook-twice]]');
    await submit('early [[webhook-early]]');
    await submit('refused [[filtered]]');
    await expect.poll(() => hooks.length, { timeout: 3000 }).toBe(1 + 0 + 2 + 2 + 1);
    expect(hooks.filter(({ body }) => (body as { status: string }).status === 'ERROR')).toMatchObject([
      { body: { error: expect.stringContaining('422'), payload: { detail: [{ type: 'content_policy_violation' }] } } },
    ]);
    expect(hooks[0]).toMatchObject({
      url: webhookUrl,
      body: { request_id, gateway_request_id: request_id, status: 'OK', payload: { images: [{}] } },
    });
  });
});

describe('what is made', () => {
  test.each([
    [
      'fal-ai/kling-video/v3/turbo/pro/text-to-video',
      { prompt: 'x', duration: '3', aspect_ratio: '9:16' },
      'video',
      { kind: 'video', width: 1080, height: 1920, seconds: 3 },
      '3',
    ],
    [
      'fal-ai/stable-audio-25/text-to-audio',
      { prompt: 'x', seconds_total: 2 },
      'audio',
      { kind: 'audio', seconds: 2 },
      '1',
    ],
    [
      'fal-ai/minimax/speech-02-turbo',
      { text: 'hello fox', output_format: 'url' },
      'audio',
      { kind: 'audio' },
      '0.009',
    ],
    ['fal-ai/trellis', { image_url: 'https://a.example/b.png' }, 'model_mesh', { kind: 'model3d' }, '1'],
    ['fal-ai/hunyuan3d-v3/text-to-3d', { prompt: 'x' }, 'model_glb', { kind: 'model3d' }, '1'],
    ['acme/text-to-speech', { text: 'hello' }, 'audio', { kind: 'audio' }, '1'],
  ])('%s', async (endpoint, input, key, facts, units) => {
    const { client, bytes, last } = start();
    const { data } = await client.subscribe(endpoint, { input, pollInterval: 1 });
    expect(last().get('x-fal-billable-units')).toBe(units);
    const { url } = (data as Record<string, { url: string }>)[key]!;
    expect(probe(await bytes(url))).toMatchObject(facts);
  });

  test('what is heard is as long as its samples, whatever stands before them in the file', async () => {
    const { client, last } = start();
    const shape = { sampleRate: 8_000, channels: 1 } as const;
    const plain = wav(speechPcm({ text: 'hello fox', seed: 'x', sampleRate: 8_000 }), shape);
    const note = new Uint8Array(8 + 16_000);
    note.set(new TextEncoder().encode('LIST'));
    new DataView(note.buffer).setUint32(4, 16_000, true);
    const noted = new Uint8Array([...plain.subarray(0, 36), ...note, ...plain.subarray(36)]);
    const listen = async (bytes: Uint8Array) => {
      const input = { audio_url: `data:audio/wav;base64,${Buffer.from(bytes).toString('base64')}` };
      const { data } = await client.subscribe('fal-ai/elevenlabs/speech-to-text', { input, pollInterval: 1 });
      const { words } = data as { words: { end: number }[] };
      return { end: words.at(-1)?.end, units: last().get('x-fal-billable-units') };
    };
    const heard = await listen(plain);
    expect(heard.end).toBeCloseTo((plain.length - 44) / 16_000, 3);
    expect(await listen(noted)).toEqual(heard);
  });

  test('the same request in the same order is the same to the byte', async () => {
    const one = start({ now: () => 0 });
    const other = start({ now: () => 0 });
    const make = async ({ client, bytes }: ReturnType<typeof start>) => {
      const { data, requestId } = await client.run('fal-ai/flux/dev', { input: { prompt: 'x' } });
      return [requestId, data, await bytes((data as { images: Image[] }).images[0]!.url)];
    };
    const first = await make(one);
    expect(first).toEqual(await make(other));
    expect((await make(one))[0]).not.toBe(first[0]);
  });

  test('empty, wrong and expired outputs', async () => {
    const { client, simulator } = start();
    const make = async (word: string) =>
      (await client.run('fal-ai/flux/dev', { input: { prompt: `x [[${word}]]` } })).data as { images: Image[] };
    expect((await make('empty')).images).toEqual([]);
    expect((await make('wrong-type')).images[0]).toMatchObject({ content_type: 'text/plain' });
    expect((await simulator.fetch((await make('expired')).images[0]!.url)).status).toBe(404);
  });
});

describe('the door', () => {
  test('wants a key, JSON and a method it knows', async () => {
    const { post, simulator } = start();
    expect((await post('fal-ai/flux/dev', { prompt: 'x' }, {})).status).toBe(401);
    const headers = { authorization: 'Key k' };
    expect((await simulator.fetch(`${queue}/fal-ai/flux/dev`, { headers })).status).toBe(405);
    const text = await simulator.fetch(`${queue}/fal-ai/flux/dev`, { method: 'POST', headers, body: 'no' });
    expect([text.status, await text.json()]).toEqual([422, { detail: expect.any(String) }]);
    expect((await simulator.fetch(`${queue}/fal-ai/flux/requests/none/status`, { headers })).status).toBe(404);
  });

  test('below a loopback prefix all addresses stay there', async () => {
    const { simulator } = start();
    const base = 'http://127.0.0.1:9090/fal';
    const headers = { authorization: 'Key k' };
    const body = JSON.stringify({ prompt: 'x' });
    const submitted = (await (
      await simulator.fetch(`${base}/fal-ai/flux/dev`, { method: 'POST', headers, body })
    ).json()) as {
      status_url: string;
      response_url: string;
    };
    expect(submitted.status_url.startsWith(`${base}/fal-ai/flux/requests/`)).toBe(true);
    for (let look = 0; look < 2; look++) await simulator.fetch(submitted.status_url, { headers });
    const result = (await (await simulator.fetch(submitted.response_url, { headers })).json()) as { images: Image[] };
    expect(result.images[0]?.url.startsWith(`${base}/files/b/`)).toBe(true);
    expect((await simulator.fetch(result.images[0]!.url)).status).toBe(200);
  });

  test('request ids are the UUIDs that the platform API takes', async () => {
    const { post } = start();
    const { request_id } = (await (await post('fal-ai/flux/dev', { prompt: 'x' })).json()) as { request_id: string };
    expect(request_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
