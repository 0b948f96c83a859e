import type { Price } from '../src/contract/index.ts';

/** `sha256:<hex>` over the prices in canonical form: sorted keys, sorted rows. */
export async function hashOf(prices: readonly Price[]): Promise<string> {
  const names = new Set<string>();
  for (const price of prices) {
    for (const name in price) names.add(name);
    for (const name in price.dims) names.add(name);
  }
  // A list of names as the second argument also puts the keys of every object in that order.
  const order = [...names].sort();
  const rows = prices.map((price) => JSON.stringify(price, order)).sort();
  const bytes = new TextEncoder().encode(`[${rows.join(',')}]`);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return `sha256:${Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
