import { afterEach, describe, expect, it, vi } from 'vitest';
import { png } from '../../providers/simulators/media/index.ts';
import { GatewayError } from '../../src/contract/index.ts';
import { bucketAssets } from '../../src/runtime/workers/assets.ts';
import { memoryBucket } from '../runtime/memory-bucket.ts';
import { openWorld } from './world.ts';

let open: Awaited<ReturnType<typeof openWorld>>;
afterEach(() => open.close());

const spoiled = (path: string) => (path === '/1.png' ? 404 : png({ width: 16, height: 16, seed: path }));

/** All outputs of a generation or none. */
describe.each([
  ['files', false],
  ['R2', true],
])('in %s', (_, bucketed) => {
  it.each([
    ['a job', false],
    ['a call that ends at once', true],
  ])('nothing is left of the first output of %s whose second cannot be had', async (__, atOnce) => {
    const memory = memoryBucket();
    open = await openWorld({ atOnce, ...(bucketed ? { assets: bucketAssets(memory.bucket) } : {}) });
    const { world, book } = open;
    world.pictures = spoiled;
    const house = await open.start();
    await open.begin(house).catch(() => {});
    await open.pass(house);
    const { data } = await book.listGenerations({ limit: 9 });
    expect(data).toMatchObject([{ status: 'failed', outputs: [], error: { code: 'invalid_output' } }]);
    // What was made is paid for all the same.
    expect(data[0]!.attempts[0]!.receipt).toMatchObject({ total: 80_000_000_000n, status: 'priced' });
    expect(bucketed ? [...memory.objects.keys()] : open.files()).toEqual([]);
    expect(await book.agedAssets(world.now + 1, 9)).toEqual([]);
  });

  it('both outputs are kept where both can be had', async () => {
    const memory = memoryBucket();
    open = await openWorld(bucketed ? { assets: bucketAssets(memory.bucket) } : {});
    const house = await open.start();
    await open.begin(house);
    await open.pass(house);
    const { data } = await open.book.listGenerations({ limit: 9 });
    const shown = data[0]!.outputs.map((output) => (output as { asset: string }).asset).sort();
    expect(shown).toHaveLength(2);
    expect(bucketed ? [...memory.objects.keys()].sort() : open.files()).toEqual(shown);
  });
});

it.each([
  ['before', 'assets.remove'],
  ['after', 'assets.remove'],
  ['before', 'removeAsset'],
  ['before', 'settle'],
  ['after', 'settle'],
] as const)('a stop %s %s while outputs are taken back leaves none', async (side, at) => {
  open = await openWorld({ count: 3 });
  const { world, book } = open;
  world.pictures = (path) => (path === '/2.png' ? 404 : png({ width: 16, height: 16, seed: path }));
  const stopped = await open.start({ at, side, nth: at.startsWith('settle') ? 1 : 2 });
  await open.begin(stopped);
  await Promise.race([stopped.stopped, open.pass(stopped)]);
  await Promise.race([stopped.stopped, new Promise((_, reject) => setTimeout(reject, 2_000, 'never stopped'))]);
  await open.pass(await open.start());
  const { data } = await book.listGenerations({ limit: 9 });
  expect(data).toMatchObject([{ status: 'failed', attempts: [{ receipt: { total: 120_000_000_000n } }] }]);
  expect([open.files(), await book.agedAssets(world.now + 1, 9), world.paid]).toEqual([[], [], 1]);
  expect((await book.listBudgets(world.now))[0]?.uses).toMatchObject([{ held: 0n, spent: 120_000_000_000n }]);
});

it('a store that fails again and again, with questions unanswered in between, leaves what is shown and nothing else', async () => {
  open = await openWorld();
  const { world, book } = open;
  const house = await open.start();
  await open.begin(house);
  const { assets } = house.gateway;
  const { write } = assets;
  let writes = 0;
  // Each look stores its first output; the second one cannot be stored until the third look.
  assets.write = (...given) =>
    ++writes % 2 === 0 && writes < 6 ? Promise.reject(new Error('disk full')) : write(...given);
  const { image } = house.gateway.upstreams.get('fal')!.provider.media!;
  const { poll } = image!;
  let polls = 0;
  image!.poll = (...given) =>
    ++polls === 4 ? Promise.reject(new GatewayError('provider_unavailable', 'No answer.')) : poll!(...given);
  const log = vi.spyOn(console, 'error').mockImplementation(() => {});
  await open.pass(house);
  log.mockRestore();
  expect([writes, polls]).toEqual([6, 5]);
  const { data } = await book.listGenerations({ limit: 9 });
  expect(data).toMatchObject([{ status: 'completed', attempts: [{ receipt: { total: 80_000_000_000n } }] }]);
  const shown = data[0]!.outputs.map((output) => (output as { asset: string }).asset).sort();
  expect(shown).toHaveLength(2);
  expect(open.files()).toEqual(shown);
  expect((await book.agedAssets(world.now + 1, 9)).sort()).toEqual(shown);
});
