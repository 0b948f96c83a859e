import type { Context, Hono } from 'hono';
import { createBasePrices, type Published } from '../config/base-prices.ts';
import type { Config } from '../config/load.ts';
import { createProvider, createUsageReader } from '../providers/index.ts';
import type { Simulator } from '../providers/simulators/simulator.ts';
import { createApp } from './app.ts';
import type { Books } from './books/index.ts';
import { type Fetch, GatewayError, type ProviderRow } from './contract/index.ts';
import { dialects } from './dialects/index.ts';
import { hexDigest } from './gateway/digest.ts';
import { createDirectory } from './gateway/directory.ts';
import {
  type Deadlines,
  defaultDeadlines,
  defaultPace,
  type Gateway,
  type Pace,
  type Sleep,
} from './gateway/gateway.ts';
import { defaultLimits, Health } from './gateway/health.ts';
import { keysIn } from './gateway/keys.ts';
import { sleep } from './gateway/sleep.ts';
import { createCatalogue } from './meter/catalogue.ts';
import type { AssetStore, Clock, Egress, Lane, Lifetime, OpenUrl, Upstream, Wake } from './runtime/ports.ts';
import { egressOver } from './runtime/wire.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** What a runtime brings. */
export type Runtime = {
  env: Env;
  books: Books;
  assets: AssetStore;
  clock: Clock;
  /** Chance and waiting, where a test brings its own. */
  random?: () => number;
  sleep?: Sleep;
  egress: Egress;
  openUrl: OpenUrl;
  wake: Wake;
  /** Where the simulators are kept, for houses that share them: a job is asked about where it was sent. */
  simulators?: { loaded?: Promise<Map<string, Simulator>> };
  lifetimeOf: (c: Context) => Lifetime;
  adminKey: string | undefined;
  adminTenant: string;
  /** Loads the package of base prices, at once: only when a model is met that the configured prices do not know. */
  basePrices: () => Published;
};

/** Puts the house together over a runtime: the same on Node and on Workers. */
export async function assemble(
  config: Config,
  runtime: Runtime,
): Promise<{ app: Hono; lanes: ReadonlyMap<string, Lane>; gateway: Gateway }> {
  const publicUrl = readPublicUrl(runtime.env.ATELIER_PUBLIC_URL);
  let own: Hono | undefined;
  const upstreams = openUpstreams(
    config,
    runtime,
    ownDoor(publicUrl, () => own),
  );
  const random = runtime.random ?? Math.random;
  const allowedOrigins = readOrigins(runtime.env.ATELIER_ALLOWED_ORIGINS);
  const gateway: Gateway = {
    directory: createDirectory({
      ...config,
      providers: new Set(config.providers.map((row) => row.id)),
      now: runtime.clock.now,
    }),
    catalogue: createCatalogue(config.prices, config.hash, createBasePrices(runtime.basePrices)),
    upstreams,
    dialects,
    books: runtime.books,
    assets: runtime.assets,
    routes: new Map(config.routes.map((route) => [route.name, route])),
    attempts: readCount('ATELIER_ATTEMPTS', runtime.env, 3),
    health: new Health({
      random,
      limits: { ...defaultLimits, most: readCount('ATELIER_CONCURRENCY', runtime.env, defaultLimits.most) },
    }),
    clock: runtime.clock,
    random,
    sleep: runtime.sleep ?? sleep,
    wake: runtime.wake,
    publicUrl,
    deadlines: readDeadlines(runtime.env.ATELIER_DEADLINES_MS),
    pace: readPace(runtime.env.ATELIER_POLL_MS),
    openUrl: (url, options) =>
      runtime.openUrl(url, { ...options, allowedOrigins: [...allowedOrigins, ...(options.allowedOrigins ?? [])] }),
    allowedOrigins,
    outputLife: readDays(runtime.env.ATELIER_OUTPUT_DAYS),
    largestOutput: readSize(runtime.env.ATELIER_LARGEST_OUTPUT_MB),
  };
  const { app, lanes } = createApp({
    gateway,
    prices: config.prices,
    readUsage: createUsageReader(config.providers),
    adminHash: runtime.adminKey ? await hexDigest(runtime.adminKey) : undefined,
    adminTenant: runtime.adminTenant,
    lifetimeOf: runtime.lifetimeOf,
  });
  own = app;
  return { app, lanes, gateway };
}

/** How the simulators of the house reach its webhook door without a network. Nowhere else. */
function ownDoor(publicUrl: string | undefined, app: () => Hono | undefined): Fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const door = app();
    if (!door || !publicUrl || !request.url.startsWith(`${publicUrl}/webhooks/`))
      return new Response(null, { status: 403 });
    return door.fetch(new Request(request));
  };
}

/** Every configured provider with its way out: the real one where there is a credential, else its simulator. */
function openUpstreams(config: Config, runtime: Runtime, deliver: Fetch): Map<string, Upstream> {
  const { env } = runtime;
  const mode = env.ATELIER_SIMULATE ?? 'auto';
  if (!['auto', 'on', 'off'].includes(mode)) throw new Error(`ATELIER_SIMULATE is auto, on or off, not "${mode}".`);
  const simulated = openSimulators(config, runtime, deliver);
  const upstreams = new Map<string, Upstream>();
  for (const row of config.providers) {
    const keys = keysIn(row.keyEnv ? (env[row.keyEnv] ?? '') : '');
    const [key = ''] = keys;
    const baseUrl = (row.baseUrlEnv ? env[row.baseUrlEnv] : undefined) || row.baseUrl;
    const known = key !== '' || (row.keyless === true && row.baseUrlEnv !== undefined && Boolean(env[row.baseUrlEnv]));
    const lookupUrl = row.lookupUrl ?? env.ATELIER_LOOKUP_URL;
    const upstream = { provider: createProvider(row), baseUrl: baseUrl.replace(/\/+$/, '') };
    if (known && mode !== 'on') {
      const asked = lookupUrl ? { ...row, lookupUrl } : row;
      const several = keys.length > 1 ? { keys } : {};
      upstreams.set(row.id, { ...upstream, row: asked, key, ...several, simulated: false, egress: runtime.egress });
    } else if (mode !== 'off') {
      const egress = egressOver(simulated(row));
      upstreams.set(row.id, { ...upstream, row, key: 'simulated', simulated: true, egress });
    }
  }
  return upstreams;
}

/** The simulators, loaded when one is first asked: a gateway with real keys never pays for them. */
function openSimulators(config: Config, runtime: Runtime, deliver: Fetch): (row: ProviderRow) => Fetch {
  const kept = runtime.simulators ?? {};
  const load = async () => {
    const { createSimulators } = await import('../providers/simulators/index.ts');
    return createSimulators(config.providers, {
      prices: config.prices,
      now: runtime.clock.now,
      faults: runtime.env.ATELIER_FAULTS === 'on',
      deliver,
    });
  };
  return (row) => async (input, init) => {
    kept.loaded ??= load();
    const simulator = (await kept.loaded).get(row.id);
    if (simulator) return simulator.fetch(input, init);
    throw new GatewayError('provider_not_configured', { message: `${row.id} has no simulator.`, provider: row.id });
  };
}

/** `ATELIER_DEADLINES_MS`: first header, silence, whole call, as "120000,60000,600000". */
function readDeadlines(text: string | undefined): Deadlines {
  if (!text) return defaultDeadlines;
  const [headersTimeout = 0, idleTimeout = 0, totalTimeout = 0] = text.split(',').map(Number);
  const deadlines = { headersTimeout, idleTimeout, totalTimeout };
  if (Object.values(deadlines).every((value) => Number.isFinite(value) && value > 0)) return deadlines;
  throw new Error(`ATELIER_DEADLINES_MS takes three numbers of milliseconds, not "${text}".`);
}

/** `ATELIER_POLL_MS`: the shortest and the longest pause between two questions about a running job, as "50,15000". */
function readPace(text: string | undefined): Pace {
  if (!text) return defaultPace;
  const [shortest = 0, longest = 0] = text.split(',').map(Number);
  if (shortest > 0 && longest >= shortest && Number.isFinite(longest)) return { shortest, longest };
  throw new Error(`ATELIER_POLL_MS takes two numbers of milliseconds, the smaller first, not "${text}".`);
}

/** `ATELIER_PUBLIC_URL`: where this gateway is reached from outside, as "https://studio.example". */
function readPublicUrl(text: string | undefined): string | undefined {
  if (!text) return undefined;
  if (URL.canParse(text) && /^https?:/.test(text)) return text.replace(/\/+$/, '');
  throw new Error(`ATELIER_PUBLIC_URL takes an address such as "https://studio.example", not "${text}".`);
}

/** `ATELIER_ALLOWED_ORIGINS`: where URLs of callers may point although it is http or private, as "http://127.0.0.1:9000,…". */
function readOrigins(text: string | undefined): string[] {
  const origins = (text ?? '').split(',').flatMap((one) => one.trim() || []);
  for (const origin of origins) {
    if (URL.canParse(origin) && /^https?:/.test(origin) && new URL(origin).origin === origin) continue;
    throw new Error(`ATELIER_ALLOWED_ORIGINS takes origins such as "http://127.0.0.1:9000", not "${origin}".`);
  }
  return origins;
}

/** `ATELIER_ATTEMPTS`: attempts of a request in all. `ATELIER_CONCURRENCY`: text calls under way at one provider. */
function readCount(name: string, env: Env, otherwise: number): number {
  const count = Number(env[name] || otherwise);
  if (Number.isInteger(count) && count > 0) return count;
  throw new Error(`${name} takes a whole number above 0, not "${env[name]}".`);
}

/** `ATELIER_OUTPUT_DAYS`: days that outputs are kept, as milliseconds. */
function readDays(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const days = Number(text);
  if (Number.isFinite(days) && days > 0) return days * 86_400_000;
  throw new Error(`ATELIER_OUTPUT_DAYS takes a number of days, not "${text}".`);
}

/** `ATELIER_LARGEST_OUTPUT_MB`: megabytes (1024 × 1024 bytes) of the largest output that is kept. */
function readSize(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const megabytes = Number(text);
  if (Number.isFinite(megabytes) && megabytes > 0) return Math.floor(megabytes * 1024 * 1024);
  throw new Error(`ATELIER_LARGEST_OUTPUT_MB takes a number of megabytes, not "${text}".`);
}
