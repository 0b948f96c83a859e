import { describe, expect, it } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';

const load = (routes: unknown) => loadConfig(shipped, { routes: { routes } });
const faults = (routes: unknown) =>
  load(routes).then(
    () => '',
    (thrown: Error) => thrown.message,
  );

describe('routes.json', () => {
  it('reads names, models and conditions', async () => {
    const { routes } = await load([
      {
        name: 'fast',
        strategy: 'weighted',
        models: ['openai/gpt-5.5', { model: 'mistral/mistral-large-2512', weight: 3, when: { max_characters: 9 } }],
        attempts: 2,
        duplicate_ok: false,
        restart: true,
        sticky: { header: 'x-session' },
      },
    ]);
    expect(routes.find(({ name }) => name === 'fast')).toEqual({
      name: 'fast',
      modality: 'text',
      strategy: 'weighted',
      models: [
        { model: 'openai/gpt-5.5' },
        { model: 'mistral/mistral-large-2512', weight: 3, when: { maxCharacters: 9 } },
      ],
      attempts: 2,
      duplicateOk: false,
      restart: true,
      sticky: { header: 'x-session' },
    });
    expect(routes.find(({ name }) => name === 'auto/image')?.modality).toBe('image');
  });

  it('refuses a route that crosses modalities, naming it', async () => {
    expect(await faults([{ name: 'mixed', models: ['openai/gpt-5.5', 'openai/gpt-image-2'] }])).toContain(
      'overlay/routes.json#/routes/0/models/1: modality_mismatch: openai/gpt-image-2 makes image, the route text',
    );
    expect(await faults([{ name: 'mixed/video', models: ['openai/gpt-5.5'] }])).toContain('modality_mismatch');
  });

  it('refuses names that mean something else, and fields that it does not know', async () => {
    expect(await faults([{ name: 'openai/text', models: ['openai/gpt-5.5'] }])).toContain('already means something');
    expect(await faults([{ name: 'openai', models: ['openai/gpt-5.5'] }])).toContain('already means something');
    expect(await faults([{ name: 'x', models: [] }])).toContain('#/routes/0/models');
    expect(await faults([{ name: 'x', models: ['openai/gpt-5.5'], strategy: 'random' }])).toContain('strategy');
    expect(await faults([{ name: 'x', models: ['openai/gpt-5.5'], retries: 2 }])).toContain('retries');
  });
});
