import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFalClient } from '@fal-ai/client';
import Replicate from 'replicate';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../providers/simulators/clock.ts';
import { type SimulatorServer, startSimulators } from '../../providers/simulators/server.ts';
import { replicate } from '../../providers/simulators/testing/index.ts';
import { probe } from '../../src/meter/probe.ts';

/** Webhooks as they came. */
type Delivery = { state: string; headers: IncomingHttpHeaders };
const deliveries: Delivery[] = [];
const receiver = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  deliveries.push({ state: String((JSON.parse(text) as { status: string }).status), headers: request.headers });
  response.end();
});

let server: SimulatorServer;
let hook: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  server = await startSimulators();
});
afterEach(() => {
  deliveries.length = 0;
});
afterAll(async () => {
  await server.close();
  receiver.close();
});

const client = (base = server.env.REPLICATE_BASE_URL) =>
  new Replicate({ auth: 'k', baseUrl: base, useFileOutput: false });
const input = { prompt: 'a lamp', output_format: 'png' };
const model = 'black-forest-labs/flux-schnell';

/** One job whose end was planned by code; what became of it. */
async function run(fault: string) {
  server.simulators.get('replicate')!.fail(`job:${fault}`);
  const made = await client().predictions.create({ model, input });
  let ended = made;
  while (/^(starting|processing)$/.test(ended.status)) ended = await client().predictions.get(made.id);
  const [file] = (ended.output ?? []) as string[];
  const answer = file ? await fetch(file) : undefined;
  return {
    status: ended.status,
    file,
    code: answer?.status,
    bytes: answer && new Uint8Array(await answer.arrayBuffer()),
  };
}

describe('a planned end of a job', () => {
  it('fails, or makes nothing', async () => {
    expect(await run('fail')).toMatchObject({ status: 'failed', file: undefined });
    expect(await run('empty')).toMatchObject({ status: 'succeeded', file: undefined });
  });

  it('is another kind of file, or an address that is dead', async () => {
    const strange = await run('wrong-type');
    expect(probe(strange.bytes!)?.mediaType).not.toBe('image/png');
    expect((await run('expired')).code).toBe(404);
  });

  it('is the end of no job that is made at the same time', async () => {
    const vendor = replicate({ journal: false });
    vendor.fail('job:fail');
    const make = async (prompt: string) => {
      const client = new Replicate({ auth: 'k', fetch: vendor.fetch as typeof fetch, useFileOutput: false });
      let made = await client.predictions.create({ model, input: { ...input, prompt } });
      while (/^(starting|processing)$/.test(made.status)) made = await client.predictions.get(made.id);
      return made.status;
    };
    const [first, ...others] = await Promise.all(['one', 'two', 'three', 'four', 'five'].map(make));
    expect(first).toBe('failed');
    expect(others).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded']);
  });

  it('holds for one job only, of any vendor', async () => {
    const fal = createFalClient({
      credentials: 'a:b',
      requestMiddleware: async (request) => ({
        ...request,
        url: request.url.replace('https://queue.fal.run', server.env.FAL_BASE_URL!),
      }),
    });
    const submit = async () => {
      const { request_id: requestId } = await fal.queue.submit('fal-ai/flux/dev', { input: { prompt: 'a lamp' } });
      let status = await fal.queue.status('fal-ai/flux/dev', { requestId });
      while (status.status !== 'COMPLETED') status = await fal.queue.status('fal-ai/flux/dev', { requestId });
      return fal.queue.result('fal-ai/flux/dev', { requestId }).then(
        () => 'made',
        (thrown: { status: number }) => thrown.status,
      );
    };
    server.simulators.get('fal')!.fail('job:fail');
    expect(await submit()).toBeGreaterThanOrEqual(400);
    expect(await submit()).toBe('made');
  });
});

describe('webhooks', () => {
  const told = async (fault: string | undefined, count: number) => {
    if (fault) server.simulators.get('replicate')!.fail(`job:${fault}`);
    await client().predictions.create({ model, input, webhook: hook, webhook_events_filter: ['completed'] });
    for (let look = 0; look < 200 && deliveries.length < count; look++) await sleep(10);
    await sleep(60);
    return deliveries.map((delivery) => delivery.state);
  };

  it('come once, signed', async () => {
    expect(await told(undefined, 1)).toEqual(['succeeded']);
    expect(deliveries[0]!.headers['webhook-signature']).toMatch(/^v1,/);
  });

  it('come twice, early, forged before the true one, or never', async () => {
    expect(await told('webhook-twice', 2)).toEqual(['succeeded', 'succeeded']);
    deliveries.length = 0;
    expect((await told('webhook-early', 2)).at(-1)).toBe('succeeded');
    deliveries.length = 0;
    await told('webhook-forged', 2);
    const signatures = deliveries.map((delivery) => delivery.headers['webhook-signature']);
    expect(signatures).toHaveLength(2);
    expect(signatures[0]).toBe('v1,Zm9yZ2Vk');
    expect(signatures[1]).not.toBe(signatures[0]);
    deliveries.length = 0;
    expect(await told('webhook-lost', 0)).toEqual([]);
  });

  it('come late, by the clock', async () => {
    const clock = new VirtualClock();
    const other = await startSimulators({ clock });
    other.simulators.get('replicate')!.fail('job:webhook-late');
    await client(other.env.REPLICATE_BASE_URL).predictions.create({
      model,
      input,
      webhook: hook,
      webhook_events_filter: ['completed'],
    });
    await clock.advance(500);
    await sleep(30);
    expect(deliveries).toEqual([]);
    await clock.advance(1_000);
    for (let look = 0; look < 100 && deliveries.length === 0; look++) await sleep(10);
    expect(deliveries.map((delivery) => delivery.state)).toEqual(['succeeded']);
    await other.close();
  });

  it('never leave this machine', async () => {
    const away = client().predictions.create({
      model,
      input,
      webhook: 'https://hooks.example.com/x',
      webhook_events_filter: ['completed'],
    });
    expect((await away).status).toBe('starting');
  });
});
