import { isModality, type Modality, type Model, type Route } from '../src/contract/index.ts';
import type { Layer } from './gather.ts';
import type { RoutesFile } from './schema.ts';

type RouteRow = RoutesFile['routes'][number];

const idOf = (row: RouteRow['models'][number]) => (typeof row === 'string' ? row : row.model);

/** A row of routes.json as the gateway knows it. */
export function readRoute(row: RouteRow, models: readonly Model[]): Route {
  const first = idOf(row.models[0]!);
  return {
    name: row.name,
    modality: models.find(({ id }) => id === first)?.modality ?? 'text',
    strategy: row.strategy ?? 'fallback',
    models: row.models.map((one) => {
      if (typeof one === 'string') return { model: one };
      const { min_characters, max_characters, ...when } = one.when ?? {};
      return {
        ...one,
        ...(one.when && {
          when: {
            ...when,
            ...(min_characters !== undefined && { minCharacters: min_characters }),
            ...(max_characters !== undefined && { maxCharacters: max_characters }),
          },
        }),
      } as Route['models'][number];
    }),
    ...(row.attempts !== undefined && { attempts: row.attempts }),
    ...(row.duplicate_ok !== undefined && { duplicateOk: row.duplicate_ok }),
    ...(row.restart !== undefined && { restart: row.restart }),
    ...(row.sticky !== undefined && { sticky: row.sticky }),
  };
}

/** What a schema cannot see of routes: models that exist, one modality each, names that mean nothing else. */
export function checkRoutes(layers: readonly Layer[], faults: string[]): void {
  const modalities = new Map<string, Modality>();
  const names = new Set<string>();
  for (const { models, providers } of layers) {
    for (const model of models.content.models) modalities.set(model.id, model.modality);
    for (const name of Object.keys(models.content.aliases)) names.add(name);
    for (const { id } of providers.content.providers) names.add(id);
  }
  for (const { routes } of layers) {
    routes.content.routes.forEach((route, index) => {
      const where = `${routes.name}#/routes/${index}`;
      const [head = '', tail] = route.name.split('/');
      if (modalities.has(route.name) || names.has(head))
        faults.push(`${where}/name: "${route.name}" already means something else`);
      const first = modalities.get(idOf(route.models[0]!));
      if (tail !== undefined && (!isModality(tail) || (first !== undefined && first !== tail)))
        faults.push(`${where}/name: modality_mismatch: "${tail}" is not the modality of its models`);
      for (const [place, row] of route.models.entries()) {
        const id = idOf(row);
        const modality = modalities.get(id);
        if (modality === undefined) faults.push(`${where}/models/${place}: no model is called "${id}"`);
        else if (first !== undefined && modality !== first)
          faults.push(`${where}/models/${place}: modality_mismatch: ${id} makes ${modality}, the route ${first}`);
      }
    });
  }
}
