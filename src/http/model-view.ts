import { type Json, type JsonObject, type Model, numberAt, type Price } from '../contract/index.ts';
import type { Upstream } from '../runtime/ports.ts';

/** Seconds since 1970 that OpenAI's list shape asks for; a catalogue row has no such date. */
const created = 0;

/** A model in OpenAI's shape, with what only we say: modality, capabilities, prices, lifetime. */
export function viewModel(model: Model, upstream: Upstream | undefined, prices: readonly Price[]): JsonObject {
  const held = prices.filter((price) => price.provider === model.provider);
  const own = held.filter((price) => price.model === model.upstream);
  // What a provider sells all models by shows where nothing else does: a machine's hour, credits.
  const shown = own.length > 0 ? own : held.filter((price) => price.model === '*');
  const lines: Json[] = shown.map((price) => ({
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
    dialects: model.modality === 'text' ? Object.keys(upstream?.provider.text ?? {}) : [],
    capabilities: model.capabilities ?? {},
    shutdown_date: model.shutdownDate ?? null,
    available: upstream !== undefined,
    simulated: upstream?.simulated ?? false,
    prices: lines,
  };
}

/** The same model in Anthropic's shape. */
export function viewAnthropic(model: Model): JsonObject {
  return {
    type: 'model',
    id: model.id,
    display_name: model.id,
    created_at: '1970-01-01T00:00:00Z',
    capabilities: null,
    max_input_tokens: numberAt(model.capabilities, 'context_tokens') ?? null,
    max_tokens: model.maxOutputTokens ?? null,
  };
}

/** The same model in Gemini's shape. */
export function viewGemini(model: Model): JsonObject {
  const context = numberAt(model.capabilities, 'context_tokens');
  const methods: Json[] =
    model.modality === 'embedding'
      ? ['embedContent', 'batchEmbedContents']
      : ['generateContent', 'streamGenerateContent', 'countTokens'];
  return {
    name: `models/${model.id}`,
    baseModelId: model.id,
    version: '1',
    displayName: model.id,
    ...(context === undefined ? {} : { inputTokenLimit: context }),
    ...(model.maxOutputTokens === undefined ? {} : { outputTokenLimit: model.maxOutputTokens }),
    supportedGenerationMethods: methods,
  };
}
