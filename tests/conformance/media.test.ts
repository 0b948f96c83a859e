import { expect, it } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadShipped } from '../../config/load.ts';
import { createProvider } from '../../providers/index.ts';
import { mediaCases } from './media/cases.ts';
import { mediaRows } from './media/rows.ts';
import { mediaSuite } from './media/suite.ts';

await mediaSuite(mediaCases);

it('every provider and modality that is declared is here', async () => {
  const rows = await mediaRows();
  const { providers } = await loadShipped(shipped);
  const declared = providers.flatMap((row) =>
    Object.keys(createProvider(row).media ?? {}).map((name) => `${row.id} ${name}`),
  );
  expect(rows.map((row) => row.name)).toEqual(declared);
  // Upstreams that speak OpenAI's language declare embeddings, whether or not the catalogue has a model for them.
  const without = rows.filter((row) => row.model === undefined);
  expect(without.every((row) => row.modality === 'embedding')).toBe(true);
});
