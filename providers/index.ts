import type { Provider, ProviderRow } from '../src/contract/index.ts';
import { anthropic } from './anthropic.ts';
import { google } from './google.ts';
import { openai } from './openai.ts';
import { openaiCompatible } from './openai-compatible.ts';
import { replicate } from './replicate.ts';

/** The only list of adapters: a value, or a function of the row for those that many upstreams share. */
export const providers: Record<string, Provider | ((row: ProviderRow) => Provider)> = {
  openai,
  anthropic,
  google,
  replicate,
  'openai-compatible': openaiCompatible,
};

/** The provider of one row of config/providers.json, under the row's own id. Throws RangeError where the row names no adapter of the list. */
export function createProvider(row: ProviderRow): Provider {
  const adapter = Object.hasOwn(providers, row.adapter) ? providers[row.adapter] : undefined;
  if (!adapter) {
    throw new RangeError(`${row.id}: no adapter "${row.adapter}" (there are ${Object.keys(providers).join(', ')}).`);
  }
  if (typeof adapter === 'function') return adapter(row);
  return adapter.id === row.id ? adapter : { ...adapter, id: row.id };
}
