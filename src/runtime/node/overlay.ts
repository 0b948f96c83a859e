import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The operator's own config folder, laid over the shipped one: models.json, providers.json, routes.json, prices/*.json. */
export function readOverlay(folder: string) {
  const read = (path: string): unknown => {
    if (!existsSync(path)) return undefined;
    try {
      return JSON.parse(readFileSync(path, 'utf8'));
    } catch (thrown) {
      throw new Error(`${path} is not JSON: ${thrown instanceof Error ? thrown.message : ''}`);
    }
  };
  if (!existsSync(folder)) throw new Error(`ATELIER_CONFIG points to a folder that is not there: ${folder}`);
  const prices = join(folder, 'prices');
  const files = existsSync(prices) ? readdirSync(prices).filter((name) => name.endsWith('.json')) : [];
  return {
    models: read(join(folder, 'models.json')),
    providers: read(join(folder, 'providers.json')),
    routes: read(join(folder, 'routes.json')),
    prices: files.map((name) => read(join(prices, name))),
  };
}
