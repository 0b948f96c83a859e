import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { createProvider } from '../../providers/index.ts';
import {
  type Asset,
  GatewayError,
  isObject,
  type Json,
  type MediaRequest,
  type Model,
} from '../../src/contract/index.ts';
import { plan } from '../../src/demo/plan.ts';
import { checkCapabilities } from '../../src/gateway/capabilities.ts';

const config = await loadConfig(shipped);
const media = config.models.filter((model) => model.modality !== 'text');
const image: Asset = { mediaType: 'image/png', bytes: new Uint8Array(1) };
const request = (model: Model, more: Record<string, unknown> = {}) =>
  ({ modality: model.modality, prompt: 'x', ...more }) as unknown as MediaRequest;
const refusal = (model: Model, more: Record<string, unknown>): GatewayError | undefined => {
  try {
    checkCapabilities(model, request(model, more));
    return undefined;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
    throw thrown;
  }
};
const honoured = (model: Model): readonly string[] | undefined => {
  const row = config.providers.find(({ id }) => id === model.provider);
  const port = row && createProvider(row).media?.[model.modality as MediaRequest['modality']];
  const options = isObject(model.options) ? model.options : {};
  return port?.honours?.({ model: model.upstream, options });
};

/** Which capability speaks of which field of a request. */
const words = {
  ratios: 'ratio',
  qualities: 'quality',
  formats: 'format',
  backgrounds: 'background',
  voices: 'voice',
  resolutions: 'resolution',
  sizes: 'size',
};
const ranges = { n: 'n', speed: 'speed', seconds: 'seconds', dimensions: 'dimensions' };

describe.each(media.map((model) => [model.id, model] as const))('%s', (_, model) => {
  const capabilities = model.capabilities ?? {};

  test('passes what it names and refuses all else before it is sent, saying what is allowed', () => {
    expect(Object.keys(capabilities).length).toBeGreaterThan(0);
    expect(refusal(model, {})).toBeUndefined();
    const refused = (field: string, value: unknown, allowed: Json) => {
      const error = refusal(model, { [field]: value });
      expect(error, `${field} ${value}`).toBeInstanceOf(GatewayError);
      expect(error!.code).toBe('invalid_request');
      expect(error!.details).toMatchObject({ param: field, failure: 'A', billing: 'none', facts: { allowed } });
      expect(error!.message).toContain(model.id);
    };
    for (const [name, field] of Object.entries(words)) {
      const allowed = capabilities[name];
      if (!Array.isArray(allowed)) continue;
      for (const word of allowed) expect(refusal(model, { [field]: word }), `${field} ${word}`).toBeUndefined();
      refused(field, '7:7x', allowed);
      expect(refusal(model, { [field]: '7:7x' })?.message).toContain(allowed.join(', '));
    }
    for (const [name, field] of Object.entries(ranges)) {
      const allowed = capabilities[name];
      if (Array.isArray(allowed)) {
        for (const number of allowed) expect(refusal(model, { [field]: number })).toBeUndefined();
        refused(field, Math.max(...allowed.map(Number)) + 1, allowed);
      } else if (isObject(allowed)) {
        for (const edge of [allowed.min, allowed.max]) {
          if (edge !== undefined) expect(refusal(model, { [field]: edge }), `${field} ${edge}`).toBeUndefined();
        }
        if (allowed.max !== undefined) refused(field, Number(allowed.max) + 1, allowed);
        if (allowed.min !== undefined) refused(field, Number(allowed.min) - 1, allowed);
      }
    }
  });

  test('takes pictures where its adapter has a place for them, and only so many', () => {
    const fields = honoured(model);
    const most = capabilities.max_images;
    if (typeof most === 'number') {
      if (most > 0) expect(refusal(model, { images: Array(most).fill(image) })).toBeUndefined();
      expect(refusal(model, { images: Array(most + 1).fill(image) })?.details.param).toBe('images');
    }
    if (!['image', 'video', 'model3d'].includes(model.modality)) return;
    const takes = refusal(model, { images: [image] }) === undefined;
    if (fields) expect(takes, 'pictures').toBe(fields.includes('images'));
    expect(model.input?.includes('image') ?? false, 'input').toBe(takes);
    for (const kind of (capabilities.requires ?? []) as string[]) expect(model.input).toContain(kind);
  });

  test('says the range of every number and the words of every format that its adapter has a place for', () => {
    const fields = honoured(model) ?? [];
    const named = (field: string, capability: string) => !fields.includes(field) || capability in capabilities;
    expect(['n', 'seconds', 'dimensions'].filter((field) => !named(field, field))).toEqual(
      unknown[model.id]?.filter((field) => field in ranges) ?? [],
    );
    expect([['format', 'formats'] as const].filter(([field, capability]) => !named(field, capability))).toEqual([]);
  });
});

/** What no vendor page says: the length of songs is left to the model. */
const unknown: Record<string, string[]> = { 'google/lyria-3.5': ['seconds'] };

test('the requests of the demo pass, and every modality has a default that a few words are enough for', () => {
  for (const job of plan) {
    const model = config.models.find(({ id }) => id === job.model)!;
    if (model.modality !== 'text') expect(refusal(model, job.body), job.name).toBeUndefined();
  }
  const modalities = [...new Set(config.models.map(({ modality }) => modality))];
  expect(Object.keys(config.defaults).sort()).toEqual(modalities.sort());
  for (const [modality, id] of Object.entries(config.defaults)) {
    const model = config.models.find((row) => row.id === id)!;
    expect(model.modality).toBe(modality);
    expect(model.capabilities?.requires).toBeUndefined();
    const price = config.prices.some((row) => row.provider === model.provider && row.model === model.upstream);
    expect(price, `${id} has a price`).toBe(true);
  }
});
