import type { Price } from '../src/contract/index.ts';

/** `sha256:<hex>` over the prices in canonical form: sorted keys, sorted rows. */
export async function hashOf(prices: readonly Price[]): Promise<string> {
  const rows = prices.map((price) => canonical(price)).sort();
  const bytes = new TextEncoder().encode(`[${rows.join(',')}]`);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return `sha256:${Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`);
  return `{${entries.join(',')}}`;
}
