import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { Hono } from 'hono';
import { shipped } from '../../../config/files.ts';
import { loadConfig, loadShipped } from '../../../config/load.ts';
import { answerClosed } from '../../app.ts';
import { assemble, type Env, type Runtime } from '../../assemble.ts';
import { hintOf, makeKey, readKey } from '../../gateway/credential.ts';
import { hexDigest } from '../../gateway/digest.ts';
import { newId } from '../../gateway/ids.ts';
import { healthOf } from '../../http/health.ts';
import { nextWork, recover, workThrough } from '../../jobs/work.ts';
import { streamFrom } from '../wire.ts';
import { openAssets } from './assets.ts';
import { type FileBooks, openBooks } from './books.ts';
import { openEgress } from './egress.ts';
import { openLanes } from './lanes.ts';
import { openUrlDoor } from './open-url.ts';
import { readOverlay } from './overlay.ts';
import { watchReaders } from './readers.ts';
import { keepTime } from './wake.ts';

// Not imported: that reads every name of the module, and one of them loads Node's own fetch, 4 MB.
const { createServer } = process.getBuiltinModule('node:http');

/** The tenant that a first start makes. */
const firstTenant = 'main';
/** Milliseconds that running work gets after SIGTERM, and how often it is looked at. */
const drainTime = 30_000;
const drainStep = 20;
/** Connections that may wait to be taken: of more than Node's 511 at once, some callers would wait for seconds, or be cut off. */
const mostArriving = 4096;
/** Milliseconds that an idle connection is kept: longer than proxies keep theirs (60 s), or they would send into one that has just ended. */
const idleTime = 75_000;

/** Starts the gateway on Node: keys, books and assets under `ATELIER_DATA`, one port, SIGTERM drains. */
export async function startNode(
  env: Env,
  options: { quiet?: boolean; time?: Partial<Pick<Runtime, 'clock' | 'random' | 'sleep'>> } = {},
): Promise<{ server: Server; close(): Promise<void> }> {
  const data = resolve(env.ATELIER_DATA ?? 'data');
  const port = Number(env.PORT ?? 8787);
  const hostname = env.HOST ?? '127.0.0.1';
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const synchronous = env.ATELIER_SYNCHRONOUS === 'full' ? 'FULL' : 'NORMAL';
  const { clock = { now: Date.now }, ...chance } = options.time ?? {};
  const time = keepTime(clock);
  const books = openBooks(join(data, 'books'), () => tenantsIn(join(data, 'books')), synchronous, time.wake.arm);
  const keys = await firstKeys(data, env, books);
  const egress = openEgress();
  const urls = openUrlDoor();
  const work = new Set<Promise<unknown>>();
  let open = true;
  const background = (promise: Promise<unknown>) => {
    const tracked = promise.catch(() => {}).finally(() => work.delete(tracked));
    work.add(tracked);
  };
  const lifetime = { background, relay: streamFrom };
  const config = env.ATELIER_CONFIG
    ? await loadConfig(shipped, readOverlay(env.ATELIER_CONFIG))
    : await loadShipped(shipped);
  const started = clock.now();
  const { app, gateway, lanes } = await assemble(config, {
    env,
    books,
    assets: openAssets(join(data, 'assets'), synchronous === 'FULL'),
    clock,
    ...chance,
    egress,
    openUrl: urls.openUrl,
    wake: time.wake,
    lifetimeOf: () => lifetime,
    adminKey: keys.admin,
    adminTenant: readKey(keys.admin)?.tenant ?? firstTenant,
    basePrices: () => createRequire(import.meta.url)('@pydantic/genai-prices'),
  });

  const routed = openRouter(app, () => open);
  const inLane = openLanes(lanes, lifetime);
  const server = createServer((incoming, outgoing) => {
    if (!open) routed(incoming, outgoing);
    else if (incoming.url === '/healthz' && incoming.method === 'GET') {
      const { status, body } = healthOf(gateway);
      outgoing.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
    } else if (!inLane(incoming, outgoing)) routed(incoming, outgoing);
  });
  server.keepAliveTimeout = idleTime;
  await new Promise<void>((resolve_, reject) => {
    server.once('error', reject);
    server.listen({ port, host: hostname, backlog: mostArriving }, resolve_);
  });
  const readers = watchReaders(server, gateway.deadlines.idleTimeout);
  const address = server.address();
  const url = `http://${hostname}:${typeof address === 'object' && address ? address.port : port}`;
  if (!options.quiet)
    announce(
      url,
      keys,
      [...gateway.upstreams.values()].filter((upstream) => !upstream.simulated).map((upstream) => upstream.row.id),
    );
  const running = (promise: Promise<void>) => {
    background(promise);
    return promise;
  };
  time.start(
    (tenant) => running(workThrough(gateway, tenant)),
    (tenant) => nextWork(gateway, tenant),
  );
  // Outputs age while nothing else happens.
  const hourly = setInterval(() => {
    for (const tenant of books.tenants()) time.wake.arm(tenant);
  }, 3_600_000);
  hourly.unref();
  for (const tenant of books.tenants()) background(recover(gateway, tenant, started));

  const close = async () => {
    open = false;
    // Jobs stay in the book: the next process goes on with them.
    time.stop();
    clearInterval(hourly);
    // The port stays open until the last answer is out: who comes now is told so, instead of finding nobody.
    const until = Date.now() + drainTime;
    while ((readers.count > 0 || work.size > 0) && Date.now() < until) {
      await new Promise((resolve_) => setTimeout(resolve_, drainStep));
    }
    readers.stop();
    server.close();
    server.closeAllConnections();
    await egress.close();
    await urls.close();
    books.close();
  };
  return { server, close };
}

/** The whole app behind Node's messages. Loaded with the first request that needs it: it brings Node's own Request, 4 MB. */
function openRouter(app: Hono, isOpen: () => boolean) {
  type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => unknown;
  let listener: Listener | undefined;
  const load = async (): Promise<Listener> => {
    const { getRequestListener } = await import('@hono/node-server');
    listener = getRequestListener((request, bindings) =>
      isOpen() ? app.fetch(request, bindings) : answerClosed(request),
    );
    return listener;
  };
  let loading: Promise<Listener> | undefined;
  return function route(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (listener) return void listener(incoming, outgoing);
    loading ??= load();
    loading.then(
      (listen) => listen(incoming, outgoing),
      () => outgoing.destroy(),
    );
  };
}

type FirstKeys = { admin: string; app: string | undefined; made: boolean };

/** The operator's key and a first app key, made once, in files only their owner can read. */
async function firstKeys(data: string, env: Env, books: FileBooks): Promise<FirstKeys> {
  const adminFile = join(data, 'admin.key');
  const appFile = join(data, 'app.key');
  if (env.ATELIER_ADMIN_KEY !== undefined && env.ATELIER_ADMIN_KEY.trim().length < 16) {
    throw new Error('ATELIER_ADMIN_KEY must have at least 16 characters.');
  }
  const made = !existsSync(adminFile) || !existsSync(appFile);
  const admin = env.ATELIER_ADMIN_KEY?.trim() ?? readOrMake(adminFile, () => makeKey('admin', firstTenant));
  const tenant = readKey(admin)?.tenant ?? firstTenant;
  const book = books.create(tenant);
  if (!existsSync(appFile)) {
    const key = makeKey('live', tenant);
    const at = Date.now();
    await book.createKey({
      id: newId('key_', at),
      hash: await hexDigest(key),
      name: 'app',
      hint: hintOf(key),
      scopes: ['generate', 'spend'],
      at,
    });
    writeFileSync(appFile, `${key}\n`, { mode: 0o600 });
  }
  return { admin, app: readFileSync(appFile, 'utf8').trim(), made };
}

function readOrMake(file: string, make: () => string): string {
  if (!existsSync(file)) writeFileSync(file, `${make()}\n`, { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

function tenantsIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => (name.endsWith('.sqlite') ? [name.slice(0, -7)] : []));
}

function announce(url: string, keys: FirstKeys, real: string[]): void {
  console.log(`Atelier listens on ${url}`);
  console.log(
    real.length > 0
      ? `Real providers: ${real.join(', ')}. All others answer from their simulators.`
      : 'No provider key is set: every provider answers from its simulator, flagged x-atelier-simulated.',
  );
  if (!keys.made) return;
  console.log(`Keys are in admin.key and app.key under the data folder. Try:

curl ${url}/v1/generations \\
  -H "Authorization: Bearer ${keys.app}" \\
  -H "Content-Type: application/json" \\
  -d '{"modality":"image","input":"a lighthouse at dusk","size":"1024x1024"}'
`);
}
