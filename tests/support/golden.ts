import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, JsonObject } from '../../src/contract/index.ts';
import { sharedFolder } from './spec.ts';

/** One line of ../shared/golden/costs.jsonl. */
export type GoldenCase = {
  id: string;
  provider: string;
  model: string;
  modality: string;
  endpoint: string;
  at?: string;
  request?: Json;
  usage: Json;
  response?: Json;
  response_headers?: JsonObject;
  expected_usd: string | null;
  cost_status: string;
  cost_basis: string;
  lines: GoldenLine[];
};

export type GoldenLine = {
  meter: string;
  qty: string;
  dims?: JsonObject;
  price_usd: string;
  per: string;
  multiplier?: string;
  cost_usd: string;
};

const file = join(sharedFolder, 'golden/costs.jsonl');

/** False where ../shared is absent: `describe.skipIf(!hasGolden)`. */
export const hasGolden = existsSync(file);

export function goldenCases(): GoldenCase[] {
  if (!hasGolden) return [];
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as GoldenCase);
}

/** The case as the body of `POST /v1/price`. */
export function asBody(entry: GoldenCase, rates?: JsonObject[]): JsonObject {
  const { provider, model, modality, endpoint, at, request, usage, response, response_headers } = entry;
  const body = { provider, model, modality, endpoint, at, request, usage, response, response_headers, rates };
  return JSON.parse(JSON.stringify(body)) as JsonObject;
}

/** The case's own prices, a published multiplier already in them. */
export function ratesOf(entry: GoldenCase): JsonObject[] {
  const rates = entry.lines.map(({ meter, dims, price_usd, per, multiplier }) => ({
    meter,
    price: multiplier === undefined ? price_usd : times(price_usd, multiplier),
    per,
    ...(dims ? { dims } : {}),
  }));
  return rates.filter((rate, index) => rates.findIndex((other) => same(other, rate)) === index);
}

function same(one: JsonObject, other: JsonObject): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function times(one: string, other: string): string {
  const digits = (text: string) => text.split('.')[1]?.length ?? 0;
  const product = BigInt(one.replace('.', '')) * BigInt(other.replace('.', ''));
  const scale = digits(one) + digits(other);
  const text = product.toString().padStart(scale + 1, '0');
  return scale === 0 ? text : `${text.slice(0, -scale)}.${text.slice(-scale)}`.replace(/\.?0+$/, '');
}
