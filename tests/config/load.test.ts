import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { type ConfigFiles, loadConfig, loadShipped } from '../../config/load.ts';

const small = (): ConfigFiles => ({
  models: {
    models: [
      { id: 'acme/one', modality: 'text', max_output_tokens: 100, shutdown_date: '2027-01-01' },
      { id: 'acme/two', modality: 'image', upstream: 'two-v1', capabilities: { sizes: ['1024x1024'] } },
    ],
    aliases: { first: 'acme/one' },
    defaults: { text: 'acme/one' },
  },
  providers: {
    providers: [{ id: 'acme', adapter: 'openai-compatible', base_url: 'https://acme.test/v1', key_env: 'ACME_KEY' }],
  },
  prices: [
    {
      provider: 'acme',
      source: 'https://acme.test/prices',
      checked: '2026-01-01',
      prices: [
        { model: 'one', meter: 'input_text_tokens', price: '1', per: '1000000' },
        {
          model: 'one',
          meter: 'output_text_tokens',
          price: '2',
          per: '1000000',
          source: 'acme/prices',
          checked: '2026-02-02',
        },
      ],
      unpriced: [{ model: 'two-v1', reason: 'nobody says' }],
    },
  ],
});

async function faultsOf(files: ConfigFiles, overlay?: Partial<ConfigFiles>): Promise<string> {
  return loadConfig(files, overlay).then(
    () => '',
    (thrown: Error) => thrown.message,
  );
}

describe('loadConfig', () => {
  test('reads wire names into contract types, with the file as the default source', async () => {
    const config = await loadConfig(small());
    expect(config.models[0]).toEqual({
      id: 'acme/one',
      provider: 'acme',
      upstream: 'one',
      modality: 'text',
      maxOutputTokens: 100,
      shutdownDate: '2027-01-01',
    });
    expect(config.models[1]?.upstream).toBe('two-v1');
    expect(config.providers).toEqual([
      { id: 'acme', adapter: 'openai-compatible', baseUrl: 'https://acme.test/v1', keyEnv: 'ACME_KEY' },
    ]);
    expect(config.prices.map(({ source, checked }) => [source, checked])).toEqual([
      ['https://acme.test/prices', '2026-01-01'],
      ['acme/prices', '2026-02-02'],
    ]);
    expect(config.unpriced).toEqual([{ provider: 'acme', model: 'two-v1', reason: 'nobody says' }]);
  });

  test('a bare upstream id becomes a name only where one model has it and it is no provider/model', async () => {
    const files = small();
    files.models = {
      models: [
        { id: 'acme/one', modality: 'text' },
        { id: 'other/one', modality: 'text' },
        { id: 'acme/two', modality: 'text' },
        { id: 'acme/other/three', modality: 'text' },
        { id: 'acme/owner/four', modality: 'text' },
      ],
    };
    files.providers = { providers: ['acme', 'other'].map((id) => ({ id, adapter: 'x', base_url: 'https://a.test' })) };
    const { aliases } = await loadConfig({ ...files, prices: [] });
    expect(aliases).toEqual({ two: 'acme/two', 'owner/four': 'acme/owner/four' });
  });

  test('every fault is listed with its file and JSON pointer', async () => {
    const message = await faultsOf({
      models: {
        models: [
          { id: 'acme/one', modality: 'texts' },
          { id: 'acme/two', modality: 'image', capabilities: { size: ['1x1'] } },
        ],
        surprise: 1,
      },
      providers: {
        providers: [{ id: 'acme', adapter: 'x', base_url: 'https://acme.test/', key_env: 'lower', 'a/b': 1 }],
      },
      prices: [
        {
          provider: 'acme',
          source: 'nowhere',
          checked: 'today',
          prices: [{ model: 'one', meter: 'input_text_tokens', price: '1e-6', per: '0' }],
        },
      ],
    });
    for (const expected of [
      'models.json#/models/0/modality: ',
      'models.json#/models/1/capabilities: Unrecognized key: "size"',
      'models.json#: Unrecognized key: "surprise"',
      'providers.json#/providers/0: Unrecognized key: "a/b"',
      'providers.json#/providers/0/base_url: must not end with a slash',
      'providers.json#/providers/0/key_env: must be the name of an environment variable',
      'prices/acme.json#/source: must be a public https URL',
      'prices/acme.json#/checked: must be a day',
      'prices/acme.json#/prices/0/price: must be a plain decimal',
      'prices/acme.json#/prices/0/per: must be more than 0',
    ]) {
      expect(message).toContain(expected);
    }
  });

  test('twins and names of nothing are faults', async () => {
    const files = small();
    const models = files.models as { models: object[]; aliases: object; defaults: object };
    const prices = files.prices[0] as { prices: object[] };
    models.models.push({ id: 'acme/one', modality: 'text' });
    prices.prices.push({ model: 'one', meter: 'input_text_tokens', price: '3', per: '1000000' });
    expect(await faultsOf(files)).toContain('models.json#/models/2: "acme/one" is already at /models/0');
    expect(await faultsOf(files)).toContain(
      'prices/acme.json#/prices/2: "one input_text_tokens" is already at /prices/0',
    );

    const lost = small();
    lost.models = {
      models: [{ id: 'nobody/one', modality: 'text' }],
      aliases: { a: 'acme/gone' },
      defaults: { image: 'acme/gone' },
    };
    lost.routes = { routes: [{ name: 'r', models: ['acme/gone'] }] };
    const message = await faultsOf(lost);
    expect(message).toContain('models.json#/models/0/id: no provider is called "nobody"');
    expect(message).toContain('models.json#/aliases/a: no model is called "acme/gone"');
    expect(message).toContain('models.json#/defaults/image: no model is called "acme/gone"');
    expect(message).toContain('routes.json#/routes/0/models/0: no model is called "acme/gone"');
  });
});

describe('overlay', () => {
  test('replaces rows by id, adds new ones and merges names', async () => {
    const config = await loadConfig(small(), {
      models: {
        models: [
          { id: 'acme/one', modality: 'text', max_output_tokens: 7 },
          { id: 'mine/three', modality: 'text' },
        ],
        aliases: { second: 'acme/two' },
        defaults: { text: 'mine/three' },
      },
      providers: { providers: [{ id: 'mine', adapter: 'openai-compatible', base_url: 'http://127.0.0.1:9000' }] },
    });
    expect(config.models.map((model) => model.id)).toEqual(['acme/one', 'acme/two', 'mine/three']);
    expect(config.models[0]).toEqual({
      id: 'acme/one',
      provider: 'acme',
      upstream: 'one',
      modality: 'text',
      maxOutputTokens: 7,
    });
    expect(config.aliases).toMatchObject({ first: 'acme/one', second: 'acme/two', three: 'mine/three' });
    expect(config.defaults.text).toBe('mine/three');
    expect(config.providers.map((row) => row.id)).toEqual(['acme', 'mine']);
  });

  test('a price replaces the one of the same model, meter, dims, context and first day, and changes the hash', async () => {
    const price = (more: object) => ({ model: 'one', meter: 'input_text_tokens', price: '9', per: '1000000', ...more });
    const layer = (...prices: object[]) => ({
      prices: [{ provider: 'acme', source: 'https://mine.test/', checked: '2026-03-03', prices }],
    });
    const base = await loadConfig(small());
    const replaced = await loadConfig(small(), layer(price({})));
    expect(replaced.prices.map((row) => row.price)).toEqual(['9', '2']);
    expect(replaced.hash).not.toBe(base.hash);
    const added = await loadConfig(
      small(),
      layer(price({ dims: { region: 'eu' } }), price({ context_over: 10 }), price({ from: '2026-05-05' })),
    );
    expect(added.prices).toHaveLength(5);
  });

  test('a price of an unpriced model ends its being unpriced', async () => {
    const prices = [{ model: 'two-v1', meter: 'images', price: '0.1', per: '1' }];
    const config = await loadConfig(small(), {
      prices: [{ provider: 'acme', source: 'https://mine.test/', checked: '2026-03-03', prices }],
    });
    expect(config.unpriced).toEqual([]);
  });

  test('its faults name the overlay', async () => {
    expect(await faultsOf(small(), { providers: { providers: [{ id: 'acme' }] } })).toContain(
      'overlay/providers.json#/providers/0/adapter: ',
    );
  });
});

describe('hash', () => {
  test('depends on prices alone, not on their order', async () => {
    const files = small();
    const first = (await loadConfig(files)).hash;
    const file = files.prices[0] as { prices: object[] };
    file.prices.reverse();
    (files.models as { aliases: object }).aliases = {};
    expect((await loadConfig(files)).hash).toBe(first);
    expect(first).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test('agrees with node:crypto over the canonical rows', async () => {
    const { createHash } = await import('node:crypto');
    const files = small();
    const row =
      '{"checked":"2026-02-02","meter":"output_text_tokens","model":"one","per":"1000000","price":"2","provider":"acme","source":"acme/prices"}';
    (files.prices[0] as { prices: object[] }).prices.shift();
    expect((await loadConfig(files)).hash).toBe(`sha256:${createHash('sha256').update(`[${row}]`).digest('hex')}`);
  });
});

test('the shipped files load', async () => {
  const config = await loadConfig(shipped);
  expect(config.aliases['gpt-5.5']).toBe('openai/gpt-5.5');
  expect(config.aliases['gpt-5.6']).toBe('openai/gpt-5.6-sol');
  expect(config.providers.find((row) => row.id === 'local')).toMatchObject({ keyless: true, gpuHourUsd: '1.20' });
});

test('loads the shipped files to the same configuration with and without the schema', async () => {
  expect(await loadShipped(shipped)).toEqual(await loadConfig(shipped));
});
