import { expect } from 'vitest';
import { completed, expectBilled, type MediaCase, until } from './checks.ts';
import type { MediaRow } from './rows.ts';
import type { Relay } from './world.ts';

/** Longer than a provider takes to tell, much shorter than the pace at which `told` asks. */
const soon = 8_000;
const hooked = (_: MediaRow, hooks: boolean) => hooks;
const nudges = (relay: Relay, id: string) => relay.told.filter((path) => path.includes(`/${id}.1/`));

/** What a provider that tells when a job has moved on may do, and what a stranger may try. */
export const webhookCases: MediaCase[] = [
  {
    name: 'webhook',
    applies: hooked,
    run: async (row, stage) => {
      const { told, relay } = stage;
      const id = await told.begin(row.write('the harbour'));
      const generation = await told.end(id, soon);
      expect(generation.status, JSON.stringify(generation)).toBe('completed');
      expect(nudges(relay, id).length).toBeGreaterThan(0);
      return expectBilled(row, stage, generation);
    },
  },
  {
    name: 'lost',
    applies: hooked,
    run: async (row, stage) => {
      const generation = await completed(row, stage.asking, '[[webhook-lost]] the harbour');
      expect(stage.world.hook(String(generation.id)), 'the provider had an address').toBeDefined();
      expect(nudges(stage.relay, String(generation.id))).toEqual([]);
      return expectBilled(row, stage, generation);
    },
  },
  {
    name: 'doubled',
    applies: hooked,
    run: async (row, stage) => {
      const { told, relay } = stage;
      const id = await told.begin(row.write('[[webhook-twice]] the harbour'));
      const generation = await told.end(id, soon);
      await until('the second delivery', () => nudges(relay, id)[1]);
      expect(generation.status).toBe('completed');
      return expectBilled(row, stage, await told.read(id));
    },
  },
  {
    name: 'early',
    applies: hooked,
    run: async (row, stage) => {
      const { told, relay } = stage;
      const id = await told.begin(row.write('[[webhook-early]] the harbour'));
      const generation = await told.end(id, soon);
      expect(generation.status).toBe('completed');
      await until('both deliveries', () => nudges(relay, id)[1]);
      return expectBilled(row, stage, await told.read(id));
    },
  },
  {
    name: 'forged',
    applies: hooked,
    run: async (row, stage) => {
      const { told, world } = stage;
      const id = await told.begin(row.write('[[webhook-lost]] the harbour'));
      const path = await until('the address', () => world.hook(id));
      await until('the job', async () => (await told.read(id)).status === 'in_progress' || undefined);
      const before = [await told.read(id), world.asked(id)];
      const mac = path.slice(path.lastIndexOf('/') + 1);
      const turned = mac.startsWith('0') ? `1${mac.slice(1)}` : `0${mac.slice(1)}`;
      const strangers = [
        path.replace(mac, turned),
        path.replace(`${id}.1`, `${id}.2`),
        path.replace('/main/', '/nobody/'),
        path.replace(mac, ''),
      ];
      for (const stranger of strangers) {
        const { status } = await told.send('POST', stranger, { status: 'succeeded' });
        expect([401, 404]).toContain(status);
        if (stranger.split('/').length === path.split('/').length && !stranger.endsWith('/')) expect(status).toBe(401);
      }
      await new Promise((resolve) => setTimeout(resolve, 40));
      expect([await told.read(id), world.asked(id)]).toEqual(before);
      // The true address is a reason to ask, as often as it comes.
      for (let nudge = 0; nudge < 12; nudge++) {
        expect((await told.send('POST', path, {})).status).toBe(204);
        if ((await told.read(id)).completed_at) break;
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      const generation = await told.end(id, soon);
      expect(generation.status).toBe('completed');
      return expectBilled(row, stage, generation);
    },
  },
  {
    name: 'out of order',
    applies: hooked,
    run: async (row, stage) => {
      const { told, world } = stage;
      const id = await told.begin(row.write('late harbour'));
      const ended = await told.end(id, soon);
      const path = world.hook(id)!;
      const before = world.asked(id);
      for (let late = 0; late < 3; late++) expect((await told.send('POST', path, {})).status).toBe(204);
      await new Promise((resolve) => setTimeout(resolve, 40));
      expect(world.asked(id), 'nobody is asked about what is over').toBe(before);
      const after = await told.read(id);
      expect({ ...after, outputs: [] }).toEqual({ ...ended, outputs: [] });
      return expectBilled(row, stage, after);
    },
  },
];
