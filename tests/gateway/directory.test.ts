import { describe, expect, it } from 'vitest';
import { at, GatewayError, type Model, type Price } from '../../src/contract/index.ts';
import { createDirectory } from '../../src/gateway/directory.ts';

const model = (id: string, modality: Model['modality'], more: Partial<Model> = {}): Model => {
  const [provider = '', ...rest] = id.split('/');
  return { id, provider, upstream: rest.join('/'), modality, ...more };
};
const prices: Price[] = [
  { provider: 'house', model: 'canvas', meter: 'images', price: '0.04', per: '1', source: 's', checked: '2026-11-22' },
  {
    provider: 'house',
    model: 'canvas',
    meter: 'images',
    price: '9',
    per: '1',
    until: '2026-01-01',
    source: 's',
    checked: 'c',
  },
];
const today = Date.UTC(2026, 10, 22);
const directory = createDirectory({
  models: [
    model('house/pen', 'text'),
    model('house/canvas', 'image'),
    model('house/old-canvas', 'image', { shutdownDate: '2026-11-22' }),
    model('house/last-day', 'text', { shutdownDate: '2026-11-23' }),
    model('house/deep/name', 'text'),
  ],
  aliases: { pen: 'house/pen' },
  defaults: { text: 'house/pen' },
  prices,
  providers: new Set(['house']),
  now: () => today,
});
const refusal = (name: string, modality: Model['modality']): GatewayError => {
  try {
    directory.resolve(name, modality);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
  }
  throw new Error(`${name} was found.`);
};

describe('directory', () => {
  it('finds models by id and by alias', () => {
    expect(directory.resolve('house/pen', 'text').upstream).toBe('pen');
    expect(directory.resolve('pen', 'text').id).toBe('house/pen');
    expect(directory.resolve('house/deep/name', 'text').upstream).toBe('deep/name');
    expect(directory.find('nothing')).toBeUndefined();
    expect(directory.defaultOf('text')).toBe('house/pen');
    expect(directory.defaultOf('music')).toBeUndefined();
    expect(directory.list()).toHaveLength(5);
  });

  it('lets unknown models of a known provider through, as asked', () => {
    expect(directory.resolve('house/brand/new', 'image')).toEqual(model('house/brand/new', 'image'));
  });

  it('knows no other names, not even those every object has', () => {
    for (const name of [
      'nothing',
      'other/pen',
      'house/',
      '/pen',
      'house',
      '',
      'constructor',
      '__proto__',
      'toString',
      '__proto__/x',
    ]) {
      expect(refusal(name, 'text').code, name).toBe('model_not_found');
    }
  });

  it('refuses the wrong modality, naming living models that can, at their present price', () => {
    const error = refusal('pen', 'image');
    expect(error.code).toBe('modality_mismatch');
    expect(error.message).toContain('house/canvas');
    expect(error.message).not.toContain('old-canvas');
    expect(error.details.facts).toEqual({
      modality: 'image',
      models: [{ model: 'house/canvas', prices: [{ meter: 'images', price: '0.04', per: '1' }] }],
    });
    expect(refusal('pen', 'music').message).toContain('none configured');
    expect(at(refusal('pen', 'music').details.facts, 'models')).toEqual([]);
  });

  it('refuses a model from its shutdown day on, not before', () => {
    expect(refusal('house/old-canvas', 'image')).toMatchObject({ code: 'model_not_found' });
    expect(directory.resolve('house/last-day', 'text').id).toBe('house/last-day');
  });
});
