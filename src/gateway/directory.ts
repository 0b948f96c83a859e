import { GatewayError, type Json, type Modality, type Model, type Price, type Route } from '../contract/index.ts';

/** The models and names of the configuration, looked up fast. */
export type Directory = {
  /** The model behind a name, for a wanted modality. Throws model_not_found or modality_mismatch. */
  resolve(name: string, modality: Modality, also?: (model: Model) => boolean): Model;
  defaultOf(modality: Modality): string | undefined;
  list(): readonly Model[];
  find(id: string): Model | undefined;
};

type Source = {
  models: readonly Model[];
  aliases: Readonly<Record<string, string>>;
  defaults: Readonly<Partial<Record<Modality, string>>>;
  prices: readonly Price[];
  providers: ReadonlySet<string>;
  /** Names that stand for several models: here each stands for its first. */
  routes?: readonly Route[];
  now: () => number;
};

export function createDirectory(source: Source): Directory {
  const models = new Map(source.models.map((model) => [model.id, model]));
  const routes = new Map(source.routes?.map((route) => [route.name, route.models[0]!.model]));
  const find = (name: string) =>
    models.get(name) ?? models.get(source.aliases[name] ?? '') ?? models.get(routes.get(name) ?? '');
  /** A name that means another model for each modality: a route of that kind, or `auto`, which falls back to the default. */
  const findFor = (name: string, modality: Modality) =>
    models.get(routes.get(`${name}/${modality}`) ?? '') ??
    (/^auto(:|$)/.test(name) ? models.get(source.defaults[modality] ?? '') : undefined);

  const refuse = (model: Model, modality: Modality): never => {
    const able = source.models.filter((other) => other.modality === modality && !isGone(other)).slice(0, 8);
    throw new GatewayError('modality_mismatch', {
      message: `${model.id} makes ${model.modality}, not ${modality}. Models that make ${modality}: ${
        able.map((other) => other.id).join(', ') || 'none configured'
      }.`,
      param: 'model',
      facts: { modality, models: able.map((other) => ({ model: other.id, prices: pricesOf(other) })) },
    });
  };

  const isGone = (model: Model) =>
    model.shutdownDate !== undefined && source.now() >= Date.parse(`${model.shutdownDate}T00:00:00Z`);

  const pricesOf = (model: Model): Json =>
    source.prices
      .filter((price) => price.provider === model.provider && price.model === model.upstream && !price.until)
      .map((price) => ({
        meter: price.meter,
        price: price.price,
        per: price.per,
        ...(price.dims ? { dims: price.dims } : {}),
      }));

  return {
    find,
    list: () => source.models,
    defaultOf: (modality) => source.defaults[modality],
    resolve: (name, modality, also) => {
      const model = find(name) ?? findFor(name, modality);
      if (model) {
        if (model.modality !== modality && !also?.(model)) refuse(model, modality);
        if (isGone(model)) {
          throw new GatewayError('model_not_found', {
            message: `${model.id} was shut down by its provider on ${model.shutdownDate}.`,
            param: 'model',
          });
        }
        return model;
      }
      const slash = name.indexOf('/');
      const provider = slash > 0 ? name.slice(0, slash) : '';
      if (source.providers.has(provider) && slash + 1 < name.length) {
        return { id: name, provider, upstream: name.slice(slash + 1), modality };
      }
      throw new GatewayError('model_not_found', {
        message: `No model is called "${name}". Write provider/model, or a name that GET /v1/models lists.`,
        param: 'model',
      });
    },
  };
}
