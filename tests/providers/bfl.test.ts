import { decode as decodePng } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { pollUrlOf } from '../../providers/bfl/poll-url.ts';
import { bfl } from '../../providers/bfl.ts';
import { bfl as simulate } from '../../providers/simulators/bfl.ts';
import { png } from '../../providers/simulators/media/index.ts';
import {
  type Call,
  type Fetch,
  GatewayError,
  type ImageRequest,
  type Json,
  type Operation,
  type Price,
} from '../../src/contract/index.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { priceUsage } from '../../src/meter/price.ts';
import { callOf, failures, recorder } from './call.ts';

const now = Date.UTC(2026, 10, 22, 12);
const baseUrl = 'https://api.bfl.ai';
const file = shipped.prices.find((one) => (one as { provider: string }).provider === 'bfl') as {
  prices: Omit<Price, 'source' | 'checked' | 'provider'>[];
  source: string;
  checked: string;
};
const prices: Price[] = file.prices.map((price) => ({
  source: file.source,
  checked: file.checked,
  ...price,
  provider: 'bfl',
}));

type Sent = { url: string; method: string; headers: Headers; body: Json };

function start(model: string, { answer, ...more }: Partial<Call> & { answer?: Fetch } = {}) {
  const simulator = simulate({ prices, faults: true, now: () => now });
  const sent: Sent[] = [];
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input as string, init);
    const text = await request.clone().text();
    const { url, method, headers } = request;
    sent.push({ url, method, headers, body: text ? (JSON.parse(text) as Json) : null });
    return (answer ?? simulator.fetch)(request);
  };
  return { simulator, sent, call: callOf(fetch, { model, baseUrl, ...more }) };
}

const port = bfl.media!.image!;
const ask = (more: Partial<ImageRequest> = {}): ImageRequest => ({ modality: 'image', prompt: 'a fox', ...more });

async function run(request: ImageRequest, call: Call) {
  let operation = await port.submit(request, call);
  const states: string[] = [];
  while (operation.status === 'queued' || operation.status === 'in_progress') {
    if (states.length > 9) throw new Error('the task never ends');
    states.push(operation.status);
    operation = await port.poll!(JSON.parse(JSON.stringify(operation.ref)) as Json, call);
  }
  return { operation, states };
}

function completed(operation: Operation): Operation & { status: 'completed' } {
  if (operation.status !== 'completed') throw new Error(`not completed: ${JSON.stringify(operation)}`);
  return operation;
}

function assetOf(operation: Operation): { mediaType: string; url: string; expiresAt?: number } {
  const part = completed(operation).outputs[0];
  if (part?.type !== 'asset' || !('url' in part.asset)) throw new Error('no linked asset');
  return part.asset;
}

const caught = (promise: Promise<unknown>): Promise<GatewayError> =>
  promise.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => {
      expect(error).toBeInstanceOf(GatewayError);
      return error as GatewayError;
    },
  );

function expectExactBill(simulator: ReturnType<typeof simulate>, model: string, operation: Operation, usd: string) {
  const call = simulator.bill.calls.at(-1)!;
  const billed = simulator.bill.totalOf(call);
  const { usage } = completed(operation);
  const receipt = priceUsage(createCatalogue(prices, 'h'), { provider: 'bfl', model, usage, at: now });
  expect([receipt.status, receipt.total, billed.unpriced]).toEqual(['priced', billed.pico, 0]);
  expect(Number(billed.pico) / 1e12).toBeCloseTo(Number(usd), 10);
  expect([call.client, usage.source]).toEqual(['att_1', 'body']);
}

describe('a generation', () => {
  test('FLUX.2: pixels, format, credits of the answer, an address of the region', async () => {
    const { simulator, sent, call } = start('flux-2-pro');
    const { operation, states } = await run(ask({ size: '1440x1440', format: 'png', seed: 7 }), call);
    expect(states).toEqual(['queued', 'in_progress']);
    expect(sent[0]?.body).toEqual({ prompt: 'a fox', width: 1440, height: 1440, seed: 7, output_format: 'png' });
    const urls = sent.map(({ method, url }) => `${method} ${url.replace(/id=[0-9a-f-]{36}$/, 'id=…')}`);
    const poll = 'GET https://api.us1.bfl.ai/v1/get_result?id=…';
    expect(urls).toEqual(['POST https://api.bfl.ai/v1/flux-2-pro', poll, poll]);
    expect(sent.every(({ headers }) => headers.get('x-key') === 'sk-secret-key')).toBe(true);
    const asset = assetOf(operation);
    expect(asset).toMatchObject({ mediaType: 'image/png', expiresAt: now + 600_000 });
    const bytes = new Uint8Array(await (await simulator.fetch(asset.url)).arrayBuffer());
    expect(decodePng(bytes)).toMatchObject({ width: 1440, height: 1440 });
    // 1.98 megapixels: 3 credits and 1.5 for the second one.
    expect(completed(operation).usage).toMatchObject({
      metered: [{ meter: 'provider_credits', quantity: 4.5, dims: { unit: 'credit' } }],
      raw: { cost: 4.5, output_mp: 1.98 },
    });
    expectExactBill(simulator, 'flux-2-pro', operation, '0.045');
  });

  test('an edit: pictures go as base64 and are billed by what goes in', async () => {
    const { simulator, sent, call } = start('flux-2-klein-4b');
    const picture = png({ width: 512, height: 256, seed: 'x' });
    const images = Array.from({ length: 5 }, () => ({ mediaType: 'image/png', bytes: picture }));
    const { operation } = await run(ask({ images }), call);
    const body = sent[0]!.body as Record<string, string>;
    expect(Object.keys(body)).toEqual(['prompt', 'input_image', 'input_image_2', 'input_image_3', 'input_image_4']);
    expect(Uint8Array.from(atob(body.input_image!), (letter) => letter.charCodeAt(0))).toEqual(picture);
    expect(completed(operation).warnings).toEqual([expect.stringContaining('takes 4')]);
    expectExactBill(simulator, 'flux-2-klein-4b', operation, '0.015');
  });

  test.each([
    ['flux-pro-1.1', { ratio: '16:9' }, { width: 1344, height: 768 }, '0.04'],
    ['flux-pro-1.1', { ratio: '21:9' }, { width: 1440, height: 608 }, '0.04'],
    ['flux-pro-1.1-ultra', { ratio: '3:2' }, { aspect_ratio: '3:2' }, '0.06'],
    ['flux-kontext-max', { size: '1920x1080' }, { aspect_ratio: '16:9' }, '0.08'],
    ['flux-2-flex', { ratio: '1:1', format: 'jpg' }, { width: 1024, height: 1024, output_format: 'jpeg' }, '0.05'],
    ['flux-dev', {}, {}, '0.025'],
  ])('%s %o', async (model, more, body, usd) => {
    const { simulator, sent, call } = start(model);
    const { operation } = await run(ask(more), call);
    expect(sent[0]?.body).toEqual({ prompt: 'a fox', ...body });
    expect(completed(operation).warnings ?? []).toHaveLength('size' in more ? 1 : 0);
    expectExactBill(simulator, model, operation, usd);
  });

  test('fill takes the picture and its mask', async () => {
    const { sent, call } = start('flux-pro-1.0-fill');
    const image = { mediaType: 'image/png', bytes: png({ width: 64, height: 64, seed: 'x' }) };
    await run(ask({ images: [image], mask: image }), call);
    expect(Object.keys(sent[0]!.body as object)).toEqual(['prompt', 'image', 'mask']);
  });

  test('what cannot be said is told, and several pictures are never paid for unseen', async () => {
    const { call, simulator } = start('flux-2-pro');
    const { operation } = await run(ask({ n: 3, quality: 'high', background: 'transparent', size: 'huge' }), call);
    expect(completed(operation).warnings).toHaveLength(4);
    expect(simulator.bill.calls).toHaveLength(1);
  });
});

describe('how tasks end', () => {
  test.each([
    ['fail', 'provider_error', 0],
    ['filtered', 'content_policy', 0],
    ['empty', 'invalid_output', 1],
  ])('[[%s]] is %s', async (word, code, billed) => {
    const { simulator, call } = start('flux-2-pro');
    const { operation } = await run(ask({ prompt: `x [[${word}]]` }), call);
    if (operation.status !== 'failed') throw new Error(operation.status);
    expect([operation.error.code, operation.error.details.billing]).toEqual([code, billed ? 'known' : 'none']);
    expect(operation.usage?.metered ?? []).toEqual(simulator.bill.calls.at(-1)?.charges);
    expect(simulator.bill.calls.at(-1)?.charges).toHaveLength(billed);
  });

  const answering = (body: Json, status = 200) =>
    start('flux-2-pro', { answer: async () => Response.json(body, { status }) });
  test('a moderated request names its reasons; an unknown task has an unknown end', async () => {
    const details = { 'Moderation Reasons': ['Derivative Works Filter'] };
    const refused = await port.poll!({ id: 'a' }, answering({ id: 'a', status: 'Request Moderated', details }).call);
    expect(refused).toMatchObject({
      status: 'failed',
      error: { code: 'content_policy', message: expect.stringContaining('Derivative Works Filter') },
    });
    for (const status of [200, 404]) {
      const { call } = answering({ id: 'a', status: 'Task not found', result: null }, status);
      expect(await caught(port.poll!({ id: 'a' }, call))).toMatchObject({
        code: 'outcome_unknown',
        details: { failure: 'C' },
      });
    }
    expect((await caught(port.poll!({ id: 'a' }, answering({ detail: 'Not Found' }, 404).call))).code).toBe(
      'outcome_unknown',
    );
    expect((await caught(port.poll!({ id: 'a' }, answering({ id: 'a', status: 'Dreaming' }).call))).code).toBe(
      'provider_garbage',
    );
  });

  test('a link dies after ten minutes', async () => {
    let clock = now;
    const simulator = simulate({ now: () => clock });
    const { operation } = await run(ask(), callOf(simulator.fetch, { model: 'flux-2-pro', baseUrl }));
    const { url, expiresAt } = assetOf(operation);
    clock = expiresAt! - 1;
    expect((await simulator.fetch(url)).status).toBe(200);
    clock = expiresAt!;
    expect((await simulator.fetch(url)).status).toBe(403);
  });

  test('a webhook is asked for where polling needs no other address', async () => {
    const webhookUrl = 'https://atelier.example/hooks/1';
    const hooks: Json[] = [];
    const deliver: Fetch = async (input, init) => {
      hooks.push(JSON.parse(await new Request(input as string, init).text()));
      return new Response(null);
    };
    const { fetch: answer } = simulate({ deliver });
    const regional = start('flux-2-pro', { webhookUrl, answer, baseUrl: 'https://api.eu.bfl.ai' });
    expect((await run(ask(), regional.call)).operation.status).toBe('completed');
    expect(regional.sent[0]?.body).toMatchObject({ webhook_url: webhookUrl });
    expect(regional.sent[1]?.url).toMatch(/^https:\/\/api\.eu\.bfl\.ai\/v1\/get_result\?id=/);
    await expect.poll(() => hooks.length, { timeout: 2000 }).toBe(1);
    expect(hooks[0]).toMatchObject({ status: 'Ready', result: { sample: expect.any(String) } });
    const global = start('flux-2-pro', { webhookUrl, answer });
    await run(ask(), global.call);
    expect(global.sent[0]?.body).not.toHaveProperty('webhook_url');
  });

  test('a ref without an id asks nothing', async () => {
    for (const bad of [{}, { id: 'a/b' }, { id: 'a&b=c' }, null]) {
      const { call, sent } = start('flux-2-pro');
      expect((await caught(port.poll!(bad as Json, call))).code).toBe('internal_error');
      expect(sent).toHaveLength(0);
    }
  });
});

describe('where a task is asked about', () => {
  const own = 'https://api.bfl.ai/v1/get_result?id=a1';
  test.each([
    ['https://api.bfl.ai', 'https://api.eu2.bfl.ai/v1/get_result?id=a1', 'https://api.eu2.bfl.ai/v1/get_result?id=a1'],
    ['https://api.bfl.ai', 'https://api.us.bfl.ml/v1/get_result?id=a1', 'https://api.us.bfl.ml/v1/get_result?id=a1'],
    ['https://api.bfl.ai', undefined, own],
    ['https://api.bfl.ai', 'no address', own],
    ['https://api.bfl.ai', 'http://api.eu2.bfl.ai/v1/get_result?id=a1', own],
    ['https://api.bfl.ai', 'https://api.bfl.ai.evil.example/v1/get_result?id=a1', own],
    ['https://api.bfl.ai', 'https://evil.example/v1/get_result?id=a1', own],
    ['https://api.bfl.ai', 'https://x:y@api.bfl.ai/v1/get_result?id=a1', own],
    ['https://api.bfl.ai', 'https://api.bfl.ai:8443/v1/get_result?id=a1', own],
    ['https://api.bfl.ai', 'https://api.bfl.ai/v1/delete_finetune', own],
    ['https://api.bfl.ai', 'http://169.254.169.254/v1/get_result', own],
    [
      'http://127.0.0.1:9090/bfl',
      'http://127.0.0.1:9090/bfl/v1/get_result?id=a1',
      'http://127.0.0.1:9090/bfl/v1/get_result?id=a1',
    ],
    [
      'http://127.0.0.1:9090/bfl',
      'https://api.bfl.ai/v1/get_result?id=a1',
      'http://127.0.0.1:9090/bfl/v1/get_result?id=a1',
    ],
  ])('base %s, given %s', (base, given, expected) => {
    expect(pollUrlOf(base, 'a1', given)).toBe(expected);
  });

  test('the key never goes to an address of somebody else', async () => {
    const { call, sent } = start('flux-2-pro', {
      answer: async () =>
        Response.json({ id: 'a1', status: 'Pending', polling_url: 'https://evil.example/v1/get_result?id=a1' }),
    });
    const { ref } = await port.submit(ask(), call);
    await port.poll!(ref!, call);
    expect(sent.map(({ url }) => new URL(url).hostname)).toEqual(['api.bfl.ai', 'api.bfl.ai']);
  });
});

describe('failures', () => {
  test.each(failures)('$name on submit: sent once, class $failure', async ({ answer, code, failure }) => {
    const { fetch, seen } = recorder(answer);
    const error = await caught(port.submit(ask(), callOf(fetch, { model: 'flux-2-pro', baseUrl })));
    expect([error.code, error.details.failure, seen.length]).toEqual([code, failure, 1]);
    expect(JSON.stringify([error.message, error.details])).not.toContain('sk-secr');
  });

  test('a refused input names its field; no credit, no access and no model say so', async () => {
    const refused = await caught(port.submit(ask({ size: '1000x1000' }), start('flux-pro-1.1').call));
    expect(refused).toMatchObject({
      code: 'provider_rejected',
      details: { param: 'width', status: 422, failure: 'B' },
    });
    const answers: [number, string][] = [
      [402, 'provider_quota_exhausted'],
      [403, 'provider_authentication'],
    ];
    for (const [status, code] of answers) {
      const { call } = start('flux-2-pro', { answer: async () => Response.json({ detail: 'no' }, { status }) });
      expect((await caught(port.submit(ask(), call))).code).toBe(code);
    }
    const unknown = await caught(port.submit(ask(), start('flux-9').call));
    expect(unknown.details.status ?? unknown.status).toBe(404);
    const { call, sent } = start('../v1/credits');
    expect(await caught(port.submit(ask(), call))).toMatchObject({
      code: 'model_not_found',
      details: { failure: 'A' },
    });
    expect(sent).toHaveLength(0);
  });

  test.each(['reset', 'status:429', 'status:503', 'billed-500', 'garbage', 'empty', 'half-json'])(
    'the simulator’s %s',
    async (fault) => {
      const { simulator, call, sent } = start('flux-2-pro');
      simulator.faults.push(fault);
      await caught(port.submit(ask(), call));
      expect(sent).toHaveLength(1);
      expect(simulator.bill.calls).toHaveLength(['billed-500', 'half-json'].includes(fault) ? 1 : 0);
    },
  );

  test('a poll that finds no answer may be asked again; sizes are not smuggled in', async () => {
    const { call } = start('flux-2-pro', { answer: () => Promise.reject(new TypeError('terminated')) });
    expect(await caught(port.poll!({ id: 'a' }, call))).toMatchObject({
      code: 'provider_unavailable',
      retryable: true,
    });
    const smuggled = port.submit(ask({ params: { width: 4096 } }), start('flux-2-pro').call);
    expect((await caught(smuggled)).code).toBe('unsupported_parameter');
  });
});

test('what is honoured is what is written, for every shipped model', async () => {
  const everything: Partial<ImageRequest> = {
    seed: 1,
    n: 2,
    ratio: '1:1',
    size: '512x512',
    quality: 'high',
    format: 'png',
    background: 'opaque',
  };
  const image = { mediaType: 'image/png', url: 'https://pictures.example/1.png' };
  for (const { id } of shipped.models.models.filter((row) => row.id.startsWith('bfl/'))) {
    const model = id.slice(4);
    const honours = port.honours!({ model, options: {} }) as readonly string[];
    for (const [name, value] of Object.entries({ ...everything, images: [image], mask: image })) {
      const { call, sent } = start(model, { answer: async () => Response.json({ id: 'a' }) });
      const request = ask({ prompt: 'x', ...(name === 'images' ? {} : { [name]: value }) });
      if (name === 'images') request.images = [image];
      await port.submit(request, call);
      const written = JSON.stringify(sent[0]?.body) !== JSON.stringify({ prompt: 'x' });
      const approximate = name === 'size' && !honours.includes('size') && honours.includes('ratio');
      expect([model, name, written]).toEqual([model, name, honours.includes(name) || approximate]);
    }
  }
});

test('usage of a raw answer: credits where they are told, else pictures and further megapixels', () => {
  const read = (model: string, more: object = {}) =>
    bfl.readUsage({ model, endpoint: 'images', modality: 'image', ...more });
  const told = { response: { id: 'a', cost: 4.5, input_mp: 0, output_mp: 1.98 } };
  expect(read('flux-2-pro', told)?.metered).toEqual([
    { meter: 'provider_credits', quantity: 4.5, dims: { unit: 'credit' } },
  ]);
  expect(read('flux-2-pro', { ...told, sold: ['images'] })?.metered).toEqual([{ meter: 'images', quantity: 1 }]);
  const sold = ['images', 'megapixels'];
  expect(read('flux-2-pro', { ...told, sold })?.metered).toEqual([
    { meter: 'images', quantity: 1 },
    { meter: 'megapixels', quantity: 1 },
  ]);
  expect(read('flux-2-max', { request: { width: 2048, height: 2048 } })?.metered).toEqual([
    { meter: 'images', quantity: 1 },
    { meter: 'megapixels', quantity: 3 },
  ]);
  expect(read('flux-kontext-max')?.metered).toEqual([{ meter: 'images', quantity: 1 }]);
  expect(read('flux-2-pro', { response: { status: 'Content Moderated' } })?.metered).toEqual([
    { meter: 'images', quantity: 0 },
  ]);
});
