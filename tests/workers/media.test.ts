import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestHarness } from 'wrangler';
import { type SimulatorServer, startSimulators } from '../../providers/simulators/server.ts';
import { makeKey } from '../../src/gateway/credential.ts';
import { probe } from '../../src/meter/probe.ts';
import { pico } from '../support/money.ts';

/** Milliseconds between two questions about a job: what ends sooner was told of by a webhook. */
const pace = 6_000;
const url = 'http://atelier.test';
const adminKey = makeKey('admin', 'main');

type Generation = {
  id: string;
  status: string;
  outputs: { url: string; media_type: string }[];
  receipt: { total?: string; status: string } | null;
  attempts: { charge_usd: string | null }[];
  error?: { code: string };
};
type Maker = { model: string; kind: string; more?: object };

const makers: Maker[] = [
  { model: 'replicate/black-forest-labs/flux-schnell', kind: 'image' },
  { model: 'fal/fal-ai/kling-video/v3/turbo/pro/text-to-video', kind: 'video', more: { seconds: 3 } },
  { model: 'luma/ray-2', kind: 'video', more: { seconds: 5 } },
  { model: 'google/gemini-omni-1.2-flash', kind: 'video', more: { seconds: 3 } },
];

let harness: ReturnType<typeof createTestHarness>;
let simulators: SimulatorServer;
/** The public address of the gateway, where providers tell what has moved on. */
const relay = createServer((request, response) => {
  request.resume();
  send(request.url ?? '', { method: 'POST', body: '{}' }).then(
    ({ status }) => response.writeHead(status).end(),
    () => response.writeHead(502).end(),
  );
});
let appKey: string;

const send = (path: string, init: RequestInit = {}, key = appKey) =>
  harness.fetch(path.startsWith('http') ? path : `${url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  } as never) as unknown as Promise<Response>;

beforeAll(async () => {
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  simulators = await startSimulators({ port: 0, faults: true });
  const { ATELIER_LOOKUP_URL: _, ...env } = simulators.env;
  const vars = {
    ...env,
    ATELIER_ADMIN_KEY: adminKey,
    ATELIER_PUBLIC_URL: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
    ATELIER_POLL_MS: `${pace},${pace}`,
  };
  harness = createTestHarness({ workers: [{ configPath: './wrangler.toml', vars }] });
  await harness.listen();
  const body = JSON.stringify({ name: 'app', scopes: ['generate', 'spend'] });
  appKey = ((await (await send('/v1/keys', { method: 'POST', body }, adminKey)).json()) as { key: string }).key;
});
afterAll(async () => {
  await harness?.close();
  await simulators?.close();
  relay.close();
});

/** What the providers bill for a generation, in pico-dollars; a generation has one call. */
function billed({ model }: Maker, id: string): bigint {
  const { bill } = simulators.simulators.get(model.split('/')[0]!)!;
  const calls = bill.calls.filter((call) => call.client?.startsWith(`${id}.`));
  expect(calls).toHaveLength(1);
  return bill.totalOf(calls[0]!).pico;
}

async function begin({ model, kind, more }: Maker, input: string): Promise<string> {
  const body = JSON.stringify({ model, modality: kind, input, wait: 0, ...more });
  const answer = await send('/v1/generations', { method: 'POST', body });
  const generation = (await answer.json()) as Generation;
  expect(answer.status, JSON.stringify(generation)).toBe(202);
  return generation.id;
}

async function end(id: string, patience: number): Promise<Generation> {
  for (const until = Date.now() + patience; ; ) {
    const generation = (await (await send(`/v1/generations/${id}`)).json()) as Generation;
    if (!['queued', 'in_progress'].includes(generation.status)) return generation;
    if (Date.now() > until) throw new Error(`${id} never ended: ${JSON.stringify(generation)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Media jobs inside a Durable Object, by its alarms: the core of what `tests/conformance/media*.test.ts` shows on Node. */
describe.concurrent.each(makers)('a job of $model in workerd', (maker) => {
  it('ends when its provider says so, long before it would be asked again', async () => {
    const generation = await end(await begin(maker, 'the harbour'), pace - 1_000);
    expect(generation.status, JSON.stringify(generation)).toBe('completed');
    const [output] = generation.outputs;
    const { pathname, search } = new URL(output!.url);
    const bytes = new Uint8Array(await (await send(pathname + search)).arrayBuffer());
    expect(probe(bytes)?.kind).toBe(maker.kind);
    expect(generation.receipt?.status).toBe(maker.model.startsWith('luma/') ? 'unpriced' : 'priced');
    expect(pico(generation.receipt?.total ?? '0')).toBe(billed(maker, generation.id));
  });

  it('is found by asking where the provider says nothing', async () => {
    const generation = await end(await begin(maker, 'the harbour [[webhook-lost]]'), pace * 4);
    expect(generation.status, JSON.stringify(generation)).toBe('completed');
    expect(pico(generation.receipt?.total ?? '0')).toBe(billed(maker, generation.id));
  });

  it('is canceled', async () => {
    const id = await begin(maker, 'the harbour [[webhook-lost]]');
    const answer = await send(`/v1/generations/${id}/cancel`, { method: 'POST' });
    expect(answer.status).toBe(200);
    expect((await end(id, pace)).status).toBe('canceled');
  });

  it('fails, at no charge', async () => {
    const generation = await end(await begin(maker, 'the harbour [[fail]]'), pace * 4);
    expect(generation).toMatchObject({ status: 'failed', outputs: [], error: { code: 'provider_error' } });
    expect(Number(generation.attempts[0]!.charge_usd)).toBe(0);
  });
});
