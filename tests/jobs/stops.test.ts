import { afterEach, describe, expect, it } from 'vitest';
import { openWorld, price, type Stop, webhook } from './world.ts';

type World = Awaited<ReturnType<typeof openWorld>>;
type Point = Stop & {
  /** What the generation ends as. */
  status: 'completed' | 'failed';
  /** How often its webhook is told at most. */
  told?: number;
};

const before = (at: string, status: Point['status'], nth = 1): Point => ({ at, side: 'before', status, nth });
const after = (at: string, status: Point['status'], more: Partial<Point> = {}): Point => ({
  at,
  side: 'after',
  status,
  ...more,
});

/** Until the job is in the book, nobody can ask about it: it is booked at its worst. A budget is learned of by the first `begin`. */
const sending: Point[] = [
  after('begin', 'failed', { nth: 2 }),
  before('vendor.submit', 'failed'),
  after('vendor.submit', 'failed'),
];
const keeping = (status: Point['status']): Point[] => [
  before('openUrl', status),
  before('openUrl', status, 2),
  after('assets.write', status),
  after('assets.write', status, { nth: 2 }),
  before('addAsset', status),
  after('addAsset', status),
  after('addAsset', status, { nth: 2 }),
  before('settle', status),
];
const telling: Point[] = [
  after('settle', 'completed'),
  before('openUrl', 'completed', 3),
  after('openUrl', 'completed', { nth: 3, told: 2 }),
  before('delivered', 'completed'),
  after('delivered', 'completed'),
];
const jobs: Point[] = [
  ...sending,
  before('submitted', 'failed'),
  after('submitted', 'completed'),
  before('claimWork', 'completed'),
  after('claimWork', 'completed'),
  before('vendor.poll', 'completed'),
  after('vendor.poll', 'completed'),
  before('lookAgain', 'completed'),
  after('lookAgain', 'completed'),
  after('vendor.poll', 'completed', { nth: 2 }),
  ...keeping('completed'),
  ...telling,
];
const calls: Point[] = [...sending, ...keeping('failed'), ...telling];

let open: World;
afterEach(() => open.close());

/** How the world goes on after a stop at any await from the first row to the last webhook: on Node a process takes over at its start; on Workers leases and times of patience end. */
const ways = {
  'the next process takes over': async (world: World) => {
    const house = await world.start();
    world.world.now += 5_000;
    await world.recover(house.gateway, 'main', world.world.now);
    await world.pass(house);
  },
  'leases end': async (world: World) => world.pass(await world.start()),
};

describe.each(Object.keys(ways) as (keyof typeof ways)[])('after a stop, when %s', (way) => {
  describe.each([
    { name: 'a job', points: jobs, atOnce: false },
    { name: 'a call that ends at once', points: calls, atOnce: true },
  ])('$name', ({ points, atOnce }) => {
    it.each(points)('$side $at: $status, paid once, told, nothing held, nothing left over', async (point) => {
      open = await openWorld({ atOnce });
      const { world, book } = open;
      const stopped = await open.start(point);
      await Promise.race([stopped.stopped, open.begin(stopped).then(() => open.pass(stopped, 0.1))]);
      await Promise.race([stopped.stopped, new Promise((_, reject) => setTimeout(reject, 2_000, 'never stopped'))]);
      await ways[way](open);

      expect(world.paid).toBeLessThanOrEqual(1);
      const { data } = await book.listGenerations({ limit: 9 });
      expect(data).toHaveLength(1);
      const [generation] = data;
      expect(generation?.status).toBe(point.status);
      expect(generation?.attempts).toHaveLength(1);
      // What was paid is in the book once, in full; what nobody can tell of is in it at its worst.
      const { receipt } = generation!.attempts[0]!;
      expect(receipt?.total).toBe(2n * price);
      expect(receipt?.status).toBe(point.status === 'completed' ? 'priced' : 'priced_estimated');
      const [budget] = await book.listBudgets(world.now);
      expect(budget?.uses).toMatchObject([{ held: 0n, spent: 2n * price }]);
      expect(await book.openAttempts(world.now + 1)).toEqual([]);
      expect(await book.nextDue(1_500_000)).toBeUndefined();
      const shown = generation!.outputs.map((output) => (output as { asset: string }).asset).sort();
      expect(shown).toHaveLength(point.status === 'completed' ? 2 : 0);
      expect(open.files()).toEqual(shown);
      expect((await book.agedAssets(world.now + 1, 9)).sort()).toEqual(shown);
      expect(await book.listDeliveries(9)).toMatchObject([{ state: 'delivered' }]);
      expect(world.told).toEqual(Array(world.told.length).fill(webhook.url));
      expect(world.told.length).toBeGreaterThanOrEqual(1);
      expect(world.told.length).toBeLessThanOrEqual(point.told ?? (point.at === 'delivered' ? 2 : 1));
    });
  });
});
