import type { Context } from 'hono';
import { GatewayError, type Json, type JsonObject, type Model, type Price } from '../contract/index.ts';
import type { Upstream } from '../runtime/ports.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import type { Doors } from './generations.ts';

/** Seconds since 1970 that OpenAI's list shape asks for; a catalogue row has no such date. */
const created = 0;

/** `GET /v1/models` and `/v1/models/{id}`: what can be made, by whom, with which options, at what price. */
export function modelDoor({ gateway, authenticator }: Doors, prices: readonly Price[]) {
  const view = (model: Model) => viewModel(model, gateway.upstreams.get(model.provider), prices);
  return async function answerModels(c: Context): Promise<Response> {
    try {
      await authenticator.caller(c);
      const id = new URL(c.req.url).pathname.replace(/^\/v1\/models\/?/, '');
      if (id === '') {
        const wanted = c.req.query('modality');
        const data = gateway.directory
          .list()
          .filter((model) => !wanted || model.modality === wanted)
          .map(view);
        return jsonAnswer(c, { object: 'list', data });
      }
      const model = gateway.directory.find(decodeURIComponent(id));
      if (!model) throw new GatewayError('model_not_found', { message: `No model is called "${id}".`, param: 'model' });
      return jsonAnswer(c, view(model));
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

function viewModel(model: Model, upstream: Upstream | undefined, prices: readonly Price[]): JsonObject {
  const lines: Json[] = prices
    .filter((price) => price.provider === model.provider && price.model === model.upstream)
    .map((price) => ({
      meter: price.meter,
      price: price.price,
      per: price.per,
      ...(price.dims ? { dims: price.dims } : {}),
      ...(price.contextOver === undefined ? {} : { context_over: price.contextOver }),
      ...(price.from ? { from: price.from } : {}),
      ...(price.until ? { until: price.until } : {}),
      source: price.source,
    }));
  return {
    id: model.id,
    object: 'model',
    created,
    owned_by: model.provider,
    modality: model.modality,
    input: ['text', ...(model.input ?? [])].filter((kind, place, all) => all.indexOf(kind) === place),
    dialects: Object.keys(upstream?.provider.text ?? {}).filter(() => model.modality === 'text'),
    capabilities: model.capabilities ?? {},
    shutdown_date: model.shutdownDate ?? null,
    available: upstream !== undefined,
    simulated: upstream?.simulated ?? false,
    prices: lines,
  };
}
