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

/** Where the shipped catalogue differs from a case, and why. Anything else that differs fails. */
export const explained: Record<string, string> = {
  'video-fal-billed-length': 'the case names no model, only its price: "(a $0.03/s video model)"',
  'video-replicate-output-seconds':
    'the case names no model, only its price: "(a model priced per second of output video, $0.40/s)"',
};

/** Lines as the case has them: what was counted, how much of it, what it came to. */
export function wantedLines(entry: GoldenCase): string[] {
  return entry.lines.map((line) => `${line.meter} ${line.qty} ${line.price_usd}/${line.per} ${line.cost_usd}`).sort();
}

/** The same of an answer of `POST /v1/price`. A multiplier stands in the price there. */
export function writtenLines(answer: JsonObject, entry: GoldenCase): string[] {
  const lines = Array.isArray(answer.lines) ? (answer.lines as JsonObject[]) : [];
  return lines
    .map((line) => {
      const own = entry.lines.find((each) => each.multiplier && each.meter === line.meter);
      const price = own?.multiplier && times(own.price_usd, own.multiplier) === line.price ? own.price_usd : line.price;
      return `${line.meter} ${line.quantity} ${price}/${line.per} ${line.amount}`;
    })
    .sort();
}
