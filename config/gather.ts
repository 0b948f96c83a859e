import type { ConfigFiles } from './load.ts';
import {
  type ModelsFile,
  modelsFile,
  type PricesFile,
  type ProvidersFile,
  pricesFile,
  providersFile,
  type RoutesFile,
  readFile,
  routesFile,
} from './schema.ts';

export type Named<T> = { name: string; content: T };

/** One set of files after the schema: absent files are empty ones. */
export type Layer = {
  models: Named<ModelsFile>;
  providers: Named<ProvidersFile>;
  routes: Named<RoutesFile>;
  prices: Named<PricesFile>[];
};

/** Reads one set of files; what is wrong with them goes to `faults`. `place` goes before the names in messages. */
export function gather(files: Partial<ConfigFiles>, place: string, faults: string[]): Layer {
  const models = readFile(modelsFile, `${place}models.json`, files.models ?? {}, faults);
  const providers = readFile(providersFile, `${place}providers.json`, files.providers ?? { providers: [] }, faults);
  const routes = readFile(routesFile, `${place}routes.json`, files.routes ?? {}, faults);
  const layer: Layer = {
    models: { name: `${place}models.json`, content: models ?? { models: [], aliases: {}, defaults: {} } },
    providers: { name: `${place}providers.json`, content: providers ?? { providers: [] } },
    routes: { name: `${place}routes.json`, content: routes ?? { routes: [] } },
    prices: [],
  };
  for (const [index, value] of (files.prices ?? []).entries()) {
    const name = `${place}prices/${nameOf(value) ?? index}.json`;
    const content = readFile(pricesFile, name, value, faults);
    if (content) layer.prices.push({ name, content });
  }
  findTwins(layer, faults);
  return layer;
}

function nameOf(value: unknown): string | undefined {
  const provider = (value as { provider?: unknown } | null)?.provider;
  return typeof provider === 'string' ? provider : undefined;
}

/** Two rows of one name in one file: one of them would silently vanish. */
function findTwins(layer: Layer, faults: string[]): void {
  const look = (name: string, list: string, ids: string[]) => {
    ids.forEach((id, index) => {
      const first = ids.indexOf(id);
      if (first !== index) faults.push(`${name}#/${list}/${index}: "${id}" is already at /${list}/${first}`);
    });
  };
  look(
    layer.models.name,
    'models',
    layer.models.content.models.map((row) => row.id),
  );
  look(
    layer.providers.name,
    'providers',
    layer.providers.content.providers.map((row) => row.id),
  );
  look(
    layer.routes.name,
    'routes',
    layer.routes.content.routes.map((row) => row.name),
  );
  for (const { name, content } of layer.prices) {
    look(
      name,
      'prices',
      content.prices.map(({ model, meter, dims, context_over, from }) =>
        [
          model,
          meter,
          ...Object.entries(dims ?? {})
            .map(([key, value]) => `${key}=${value}`)
            .sort(),
          ...(context_over === undefined ? [] : [`over ${context_over}`]),
          ...(from ? [`from ${from}`] : []),
        ].join(' '),
      ),
    );
  }
}
