import type { JsonObject, Modality, Model, Price, ProviderRow, Route } from '../src/contract/index.ts';
import type { Layer } from './gather.ts';
import { hashOf } from './hash.ts';
import { checkRoutes, readRoute } from './routes.ts';
import type { ModelsFile, PricesFile, ProvidersFile, RoutesFile } from './schema.ts';
import { uplift } from './uplift.ts';

/** The parsed JSON of config/: what `files.ts` imports, or what was read from a folder. */
export type ConfigFiles = { models: unknown; providers: unknown; routes?: unknown; prices: unknown[] };

/** A model of the catalogue whose price nobody publishes, and why. */
export type Unpriced = { provider: string; model: string; reason: string };

export type Config = {
  models: Model[];
  /** Includes the bare upstream id of every model where only one has it. */
  aliases: Record<string, string>;
  defaults: Partial<Record<Modality, string>>;
  routes: Route[];
  providers: ProviderRow[];
  prices: Price[];
  unpriced: Unpriced[];
  /** `sha256:` over the prices alone, whatever their order: pinned on every receipt. */
  hash: string;
};

/**
 * Checks and joins the files of the house and those of an operator. Rows of the overlay replace those of the same id (models,
 * providers, routes) or of the same provider, model, meter, dims, context and first day (prices); names and defaults are merged.
 * @throws Error listing every fault as `file#/json/pointer: message`.
 */
export async function loadConfig(files: ConfigFiles, overlay: Partial<ConfigFiles> = {}): Promise<Config> {
  // The schema library costs 20 MB of a server's memory: it is loaded only where there is something to check.
  const { gather } = await import('./gather.ts');
  const faults: string[] = [];
  const layers = [gather(files, '', faults), gather(overlay, 'overlay/', faults)];
  if (faults.length === 0) checkReferences(layers, faults);
  if (faults.length > 0) throw new Error(`The configuration has ${faults.length} fault(s):\n${faults.join('\n')}`);
  return joinLayers(layers);
}

/** The shipped files as they are, without the schema: `npm run check` and the tests have checked them. */
export function loadShipped(files: ConfigFiles): Promise<Config> {
  const layer: Layer = {
    models: { name: 'models.json', content: { aliases: {}, defaults: {}, ...(files.models as object) } as ModelsFile },
    providers: { name: 'providers.json', content: files.providers as ProvidersFile },
    routes: { name: 'routes.json', content: files.routes as RoutesFile },
    prices: files.prices.map((content) => ({
      name: 'prices',
      content: { prices: [], uplifts: [], unpriced: [], ...(content as object) } as unknown as PricesFile,
    })),
  };
  return joinLayers([layer]);
}

async function joinLayers(layers: Layer[]): Promise<Config> {
  const models = join(
    layers.flatMap((layer) => layer.models.content.models.map(readModel)),
    (model) => model.id,
  );
  const providers = join(
    layers.flatMap((layer) => layer.providers.content.providers.map(readProvider)),
    ({ id }) => id,
  );
  const prices = join(
    [
      ...providers.flatMap(machinePrice),
      ...layers.flatMap((layer) => layer.prices.flatMap(({ content }) => readPrices(content))),
    ],
    priceKey,
  );
  const priced = new Set(layers[1]?.prices.flatMap(({ content }) => readPrices(content)).map(modelKey));
  const unpriced = join(
    layers.flatMap((layer) => layer.prices.flatMap(({ content }) => readUnpriced(content))),
    modelKey,
  );
  return {
    models,
    aliases: {
      ...bareNames(models, providers),
      ...layers[0]?.models.content.aliases,
      ...layers[1]?.models.content.aliases,
    },
    defaults: { ...layers[0]?.models.content.defaults, ...layers[1]?.models.content.defaults },
    routes: join(
      layers.flatMap((layer) => layer.routes.content.routes.map((row) => readRoute(row, models))),
      (route) => route.name,
    ),
    providers,
    prices,
    unpriced: unpriced.filter((row) => !priced.has(modelKey(row))),
    hash: await hashOf(prices),
  };
}

/** Rows with the same key: the last one wins, in the place of the first. */
function join<T>(rows: T[], key: (row: T) => string): T[] {
  const byKey = new Map<string, T>();
  for (const row of rows) byKey.set(key(row), row);
  return [...byKey.values()];
}

/** Names of things that must exist in the joined configuration. */
function checkReferences(layers: Layer[], faults: string[]): void {
  const providers = new Set(layers.flatMap((layer) => layer.providers.content.providers.map((row) => row.id)));
  const models = new Set(layers.flatMap((layer) => layer.models.content.models.map((row) => row.id)));
  checkRoutes(layers, faults);
  for (const { models: file, prices } of layers) {
    file.content.models.forEach((model, index) => {
      const provider = model.id.slice(0, model.id.indexOf('/'));
      if (!providers.has(provider))
        faults.push(`${file.name}#/models/${index}/id: no provider is called "${provider}"`);
    });
    for (const [name, target] of Object.entries(file.content.aliases)) {
      if (!models.has(target)) faults.push(`${file.name}#/aliases/${name}: no model is called "${target}"`);
      if (models.has(name)) faults.push(`${file.name}#/aliases/${name}: this is the id of a model`);
    }
    for (const [modality, target] of Object.entries(file.content.defaults)) {
      if (!models.has(target)) faults.push(`${file.name}#/defaults/${modality}: no model is called "${target}"`);
    }
    for (const { name, content } of prices) {
      if (!providers.has(content.provider) && !content.priced_only)
        faults.push(`${name}#/provider: no provider is called "${content.provider}"`);
    }
  }
}

/** `gpt-5.5` for `openai/gpt-5.5`, where one model only has that upstream id and it cannot be read as provider/model. */
function bareNames(models: Model[], providers: ProviderRow[]): Record<string, string> {
  const ids = new Set(models.map((model) => model.id));
  const known = new Set(providers.map((provider) => provider.id));
  const found = new Map<string, string[]>();
  for (const { id, upstream } of models) found.set(upstream, [...(found.get(upstream) ?? []), id]);
  const names: Record<string, string> = {};
  for (const [name, [id, ...others]] of found) {
    const readable = name.includes('/') && known.has(name.slice(0, name.indexOf('/')));
    if (id !== undefined && others.length === 0 && !ids.has(name) && !readable) names[name] = id;
  }
  return names;
}

function readModel(row: ModelsFile['models'][number]): Model {
  const slash = row.id.indexOf('/');
  return {
    id: row.id,
    provider: row.id.slice(0, slash),
    upstream: row.upstream ?? row.id.slice(slash + 1),
    modality: row.modality,
    ...(row.input && { input: row.input }),
    ...(row.capabilities && { capabilities: row.capabilities as JsonObject }),
    ...(row.max_output_tokens !== undefined && { maxOutputTokens: row.max_output_tokens }),
    ...(row.shutdown_date && { shutdownDate: row.shutdown_date }),
    ...(row.options && { options: row.options as JsonObject }),
  };
}

function readProvider(row: ProvidersFile['providers'][number]): ProviderRow {
  return {
    id: row.id,
    adapter: row.adapter,
    baseUrl: row.base_url,
    ...(row.name && { name: row.name }),
    ...(row.base_url_env && { baseUrlEnv: row.base_url_env }),
    ...(row.key_env && { keyEnv: row.key_env }),
    ...(row.keyless !== undefined && { keyless: row.keyless }),
    ...(row.dialects && { dialects: row.dialects }),
    ...(row.quirks && { quirks: row.quirks as JsonObject }),
    ...(row.http && { http: row.http as JsonObject }),
    ...(row.gpu_hour_usd && { gpuHourUsd: row.gpu_hour_usd }),
    ...(row.lookup_url && { lookupUrl: row.lookup_url }),
  };
}

/** A machine of one's own has one price for whatever it makes, by the hour. */
function machinePrice({ id, gpuHourUsd }: ProviderRow): Price[] {
  if (gpuHourUsd === undefined) return [];
  const price = { provider: id, model: '*', meter: 'gpu_seconds', price: gpuHourUsd, per: '3600' } as const;
  return [{ ...price, source: 'config/providers.json', checked: '' }];
}

function readPrices(file: PricesFile): Price[] {
  const prices: Price[] = file.prices.map((row) => ({
    provider: file.provider,
    model: row.model,
    meter: row.meter,
    price: row.price,
    per: row.per,
    ...(row.dims && { dims: row.dims }),
    ...(row.min_quantity && { minQuantity: row.min_quantity }),
    ...(row.context_over !== undefined && { contextOver: row.context_over }),
    ...(row.from && { from: row.from }),
    ...(row.until && { until: row.until }),
    ...(row.free !== undefined && { free: row.free }),
    source: row.source ?? file.source,
    checked: row.checked ?? file.checked,
  }));
  for (const row of file.uplifts) prices.push(...uplift(prices, row, file));
  return prices;
}

function readUnpriced(file: PricesFile): Unpriced[] {
  return file.unpriced.map((row) => ({ provider: file.provider, ...row }));
}

function modelKey(row: { provider: string; model: string }): string {
  return `${row.provider}/${row.model}`;
}

/** What makes two price rows versions of the same thing on the same day. */
function priceKey(price: Price): string {
  const dims = Object.entries(price.dims ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([price.provider, price.model, price.meter, dims, price.contextOver ?? 0, price.from ?? '']);
}
