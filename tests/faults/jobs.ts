import { expect } from 'vitest';
import { at, type Json, stringAt } from '../../src/contract/index.ts';
import type { Hook } from '../support/fault-relay.ts';
import { attemptsOf, codeOf, type Scenario, until, type World } from '../support/fault-world.ts';

const song = 'replicate/meta/musicgen';

async function begin(world: World, input: string): Promise<string> {
  const answer = await world.make(song, input, { seconds: 1, wait: 0 });
  expect(answer.status, answer.text).toBe(202);
  return stringAt(answer.body, 'id')!;
}

/** What was told about a generation from outside. */
const toldOf = (world: World, id: string): Hook[] => world.relay.hooks.filter(({ path }) => path.includes(`/${id}.1/`));

async function made(world: World, id: string): Promise<Json> {
  const generation = await world.settled(id);
  expect(generation).toMatchObject({ status: 'completed', receipt: { status: 'priced' } });
  expect(at(generation, 'outputs')).toHaveLength(1);
  expect(world.sent(id).filter(({ path }) => path.endsWith('/predictions'))).toHaveLength(1);
  expect(world.agrees(generation)).toBeGreaterThan(0n);
  return generation;
}

export const jobs: Scenario[] = [
  {
    title: '#40 webhooks that come three times, out of order and after the end: one output, one bill',
    run: async (world) => {
      world.relay.hold = async (hook) => {
        const statuses = await Promise.all([hook.pass(), hook.pass(), hook.pass()]);
        return statuses[0]!;
      };
      const id = await begin(world, '[[webhook-twice]] a song');
      const generation = await made(world, id);
      await until('the deliveries', () => toldOf(world, id)[1]);
      world.relay.hold = undefined;
      for (const hook of toldOf(world, id).reverse()) expect(await hook.pass()).toBe(204);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await world.read(id)).toMatchObject({ receipt: at(generation, 'receipt'), status: 'completed' });
      await made(world, id);
    },
  },
  {
    title: '#40 a webhook that says "done" too early is not believed: the provider is asked',
    run: async (world) => {
      const id = await begin(world, '[[webhook-early]] a song');
      await made(world, id);
    },
  },
  {
    title: '#41 a webhook that never comes: found by asking',
    run: async (world) => {
      const id = await begin(world, '[[webhook-lost]] a song');
      await made(world, id);
      expect(toldOf(world, id)).toEqual([]);
    },
  },
  {
    title: '#42 a webhook before the answer that names the job: joined, one output, one bill',
    run: async (world) => {
      world.fail(song, 'late:500');
      const before = world.relay.hooks.map(({ path }) => path);
      const asked = world.make(song, 'a song that is told of early', { seconds: 1, wait: 0 });
      const hook = await until('the webhook', () => world.relay.hooks.find(({ path }) => !before.includes(path)));
      const id = /gen_[^.]+/.exec(hook.path)![0];
      const told = await until('the webhook of this job', () => toldOf(world, id)[0]);
      expect(await told.pass()).toBe(204);
      expect(at(await world.read(id), 'completed_at')).toBeNull();
      expect((await asked).status).toBe(202);
      await made(world, id);
    },
  },
  {
    title: '#43 forged webhooks: 401 for every address that was not given out for this job, and nothing is believed',
    run: async (world) => {
      const held: Hook[] = [];
      world.relay.hold = (hook) => {
        held.push(hook);
        return 204;
      };
      const id = await begin(world, '[[webhook-early]] a song to forge');
      const { path } = await until('the address', () => held.find((hook) => hook.path.includes(`/${id}.1/`)));
      world.relay.hold = undefined;
      const mac = path.slice(path.lastIndexOf('/') + 1);
      const other = [...mac].map((digit) => (digit === 'f' ? '0' : 'f')).join('');
      for (const forged of [
        path.replace(mac, other),
        path.replace(mac, mac.slice(0, -1)),
        path.replace(mac, mac.toUpperCase().padEnd(64, 'F')),
        path.replace(`${id}.1`, `${id}.2`),
        path.replace('/main/', '/nobody/'),
      ]) {
        const answer = await world.post(
          forged,
          { status: 'succeeded', output: 'https://forged.invalid/x.wav' },
          { key: '' },
        );
        if (forged !== path) expect(codeOf(answer), forged).toBe('401 invalid_api_key');
      }
      const generation = await made(world, id);
      expect(JSON.stringify(generation)).not.toContain('forged.invalid');
    },
  },
  {
    title:
      '#43 an old webhook with whatever it says: an address is good for its own job, and moves nothing that has ended',
    run: async (world) => {
      const id = await begin(world, 'a song that ends');
      const before = await made(world, id);
      const { path } = await until('the webhook', () => toldOf(world, id)[0]);
      const words = { status: 'failed', output: 'https://forged.invalid/x.wav', timestamp: '1999-01-01T00:00:00Z' };
      expect((await world.post(path, words, { key: '' })).status).toBe(204);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const after = await made(world, id);
      expect(attemptsOf(after)).toEqual(attemptsOf(before));
    },
  },
];
