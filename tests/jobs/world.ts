import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { shipped } from '../../config/files.ts';
import { loadShipped } from '../../config/load.ts';
import { png } from '../../providers/simulators/media/index.ts';
import { assemble } from '../../src/assemble.ts';
import type { BookClient } from '../../src/books/index.ts';
import type { MediaPort, Operation, Provider } from '../../src/contract/index.ts';
import { type Gateway, newTrace } from '../../src/gateway/gateway.ts';
import { runMedia } from '../../src/jobs/run.ts';
import { recover, workThrough } from '../../src/jobs/work.ts';
import { openAssets } from '../../src/runtime/node/assets.ts';
import { openBooks } from '../../src/runtime/node/books.ts';
import type { AssetStore, Upstream } from '../../src/runtime/ports.ts';
import { keyRow, noon, temporaryFolder } from '../books/rows.ts';

export const model = 'fal/fal-ai/recraft-v3';
/** Pico-dollars of one picture. */
export const price = 40_000_000_000n;
export const webhook = { url: 'https://app.example/hook', origin: 'https://studio.example' };

/** Where a process stops: at the `nth` call of a name, before it does anything or with its answer never heard. */
export type Stop = { at: string; side: 'before' | 'after'; nth?: number };

/** What becomes of the pictures that the vendor points to. */
export type Pictures = (path: string) => Uint8Array | number;

const config = await loadShipped(shipped);
const never = () => new Promise<never>(() => {});
const picture = (path: string) => png({ width: 16, height: 16, seed: path });

type Method = (...values: unknown[]) => Promise<unknown>;

/** The same thing, which stops the world at one of its calls; `reached` tells. */
function stoppable<T extends object>(what: T, stop: Stop | undefined, reached: () => void, prefix = ''): T {
  let count = 0;
  return new Proxy(what, {
    get(target, name: string) {
      const method = Reflect.get(target, name) as unknown;
      if (typeof method !== 'function') return method;
      if (`${prefix}${name}` !== stop?.at) return method;
      return async (...values: unknown[]) => {
        if (++count !== (stop.nth ?? 1)) return (method as Method)(...values);
        if (stop.side === 'after') await (method as Method)(...values);
        reached();
        return never();
      };
    },
  });
}

/**
 * One tenant's files, a vendor that counts what it is paid for, and any number of processes over them, one after the other. A job ends at
 * its second question; `atOnce` it ends with its answer.
 */
export async function openWorld(options: { atOnce?: boolean; count?: number; assets?: AssetStore } = {}) {
  const { atOnce = false, count = 2 } = options;
  const folder = temporaryFolder();
  const books = openBooks(join(folder.path, 'books'), () => ['main']);
  const book = books.create('main');
  await book.createKey(keyRow('key_a'));
  const limit = { scope: 'tenant', unit: 'usd', window: 'total', timeZone: 'UTC', at: noon } as const;
  await book.putBudget({ id: 'bud_1', amount: 10n ** 12n, alerts: [], ...limit });
  const store = options.assets ?? openAssets(join(folder.path, 'assets'));
  const world = { now: noon, paid: 0, told: [] as string[], pictures: picture as Pictures };
  const asked = new Map<string, number>();

  const done = (): Operation => ({
    status: 'completed',
    outputs: Array.from({ length: count }, (_, place) => ({
      type: 'asset',
      asset: { mediaType: 'image/png', url: `https://files.example/${place}.png` },
    })),
    usage: { metered: [{ meter: 'images', quantity: count }], source: 'body' },
  });
  const port: MediaPort<'image'> = {
    async submit() {
      const id = `job_${++world.paid}`;
      asked.set(id, 0);
      return atOnce ? done() : { status: 'queued', ref: { id }, pollAfterMs: 1_000 };
    },
    async poll(ref) {
      const { id } = ref as { id: string };
      asked.set(id, asked.get(id)! + 1);
      return asked.get(id)! < 2 ? { status: 'in_progress', ref, pollAfterMs: 1_000 } : done();
    },
  };

  /** A process over the world. */
  async function start(stop?: Stop) {
    let reached: () => void = () => {};
    const stopped = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const client: BookClient = stoppable(book, stop, reached);
    const { gateway } = await assemble(config, {
      env: { ATELIER_SIMULATE: 'on', ATELIER_POLL_MS: '50,15000' },
      books: { of: () => client },
      assets: stoppable(store, stop, reached, 'assets.'),
      clock: { now: () => world.now },
      random: () => 0.5,
      egress: { fetch: never, post: never },
      openUrl: stoppable({ openUrl }, stop, reached).openUrl,
      wake: { arm: () => {}, ended: () => {}, whenEnded: async () => {} },
      lifetimeOf: () => ({ background: () => {}, relay: never as never }),
      adminKey: undefined,
      adminTenant: 'main',
      basePrices: () => {
        throw new Error('No base price is needed.');
      },
    });
    const upstreams = gateway.upstreams as Map<string, Upstream>;
    const provider: Provider = {
      id: 'fal',
      media: { image: stoppable(port, stop, reached, 'vendor.') },
      readUsage: () => undefined,
    };
    upstreams.set('fal', { ...upstreams.get('fal')!, provider, simulated: false });
    return { gateway, client, stopped };
  }

  const openUrl: Gateway['openUrl'] = async (url, { method }) => {
    if (method === 'POST') {
      world.told.push(url);
      return answer(new Uint8Array(), 204);
    }
    const found = world.pictures(new URL(url).pathname);
    return typeof found === 'number' ? answer(new Uint8Array(), found) : answer(found, 200);
  };

  async function begin({ gateway, client }: Awaited<ReturnType<typeof start>>) {
    const caller = {
      tenant: 'main',
      keyId: 'key_a',
      keyName: 'app',
      scopes: ['generate'],
      book: client,
      markupPpm: 0,
    };
    const request = { modality: 'image', prompt: 'a fox', n: count } as const;
    const call = { caller, trace: newTrace(), asked: model, request, record: { input: 'a fox', n: count }, webhook };
    const begun = await runMedia(gateway, call);
    await begun.work;
  }

  /** Lets time pass until nothing is due any more, as the timer of a process would. */
  async function pass({ gateway }: Awaited<ReturnType<typeof start>>, hours = 2) {
    for (const until = world.now + hours * 3_600_000; ; ) {
      await workThrough(gateway, 'main');
      const due = await book.nextDue(1_500_000);
      if (due === undefined || due > until) return;
      world.now = Math.max(world.now + 1, due);
    }
  }

  const files = () =>
    readdirSync(join(folder.path, 'assets'), { recursive: true, withFileTypes: true })
      .flatMap((one) => (one.isFile() ? [one.name] : []))
      .sort();
  const close = () => {
    books.close();
    folder.remove();
  };
  return { world, book, start, begin, pass, recover, files, close };
}

function answer(body: Uint8Array, status: number): Awaited<ReturnType<Gateway['openUrl']>> {
  const stream = new Blob([body as BlobPart]).stream();
  return { status, headers: {}, body: stream, mediaType: 'image/png', size: body.length };
}
