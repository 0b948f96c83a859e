import type { Observed, Provider, ProviderRow, Usage } from '../src/contract/index.ts';
import { anthropic } from './anthropic.ts';
import { bfl } from './bfl.ts';
import { elevenlabs } from './elevenlabs.ts';
import { fal } from './fal.ts';
import { google } from './google.ts';
import { http } from './http.ts';
import { luma } from './luma.ts';
import { openai } from './openai.ts';
import { openaiCompatible } from './openai-compatible.ts';
import { replicate } from './replicate.ts';
import { runway } from './runway.ts';
import { readForeignUsage } from './shared/usage-foreign.ts';
import { plainObserved } from './shared/usage-found.ts';

export { findHttpFaults, type HttpFault } from './http/check.ts';
export type { HttpRow } from './http/row.ts';

/** The only list of adapters: a value, or a function of the row for those that many upstreams share. */
export const providers: Record<string, Provider | ((row: ProviderRow) => Provider)> = {
  openai,
  anthropic,
  google,
  replicate,
  elevenlabs,
  fal,
  bfl,
  runway,
  luma,
  'openai-compatible': openaiCompatible,
  http,
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

/**
 * Reads any provider's raw usage: with its own adapter where the house has one, else by the words that its answers share with others.
 * A provider of the house is read by the general rules only where they find something that the model is sold by.
 */
export function createUsageReader(rows: readonly ProviderRow[]) {
  const known = new Map(rows.map((row) => [row.id, row]));
  const own = new Map<string, Provider>();
  const readerOf = (id: string): Provider | undefined => {
    const row = known.get(id);
    if (!row) return undefined;
    const reader = own.get(id) ?? createProvider(row);
    own.set(id, reader);
    return reader;
  };
  return function readUsage(provider: string, seen: Observed): Usage | undefined {
    const reader = readerOf(provider);
    const observed = plainObserved(seen);
    if (!reader) return readForeignUsage(observed);
    const read = reader.readUsage(observed);
    if (read) return read;
    const guess = readForeignUsage(observed);
    return guess?.metered.every(({ meter }) => observed.sold?.includes(meter)) ? guess : undefined;
  };
}
