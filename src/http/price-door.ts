import type { Context } from 'hono';
import * as z from 'zod';
import { type Json, type JsonObject, meters, type Receipt } from '../contract/index.ts';
import { type PriceCall, priceObject, type UsageReader } from '../gateway/price-object.ts';
import { isDecimal } from '../meter/rate-card.ts';
import { writeReceipt } from '../meter/receipt.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import { readJson } from './body.ts';
import type { Doors } from './generations.ts';
import { parsed } from './refuse.ts';

const decimal = z
  .union([z.string().max(60), z.number().nonnegative()])
  .transform(String)
  .refine((text) => isDecimal(text) && !text.startsWith('-'), 'must be a decimal number such as "0.25"');
const dims = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String));

const rateSchema = z.object({
  meter: z.enum(meters),
  price: decimal,
  per: decimal.refine((text) => Number(text) > 0, 'must be more than 0').default('1'),
  dims: dims.nullish(),
  model: z.string().nullish(),
  min_quantity: decimal.nullish(),
});

const time = z.union([z.string(), z.number()]).transform((value, context) => {
  // No clock shows that many seconds: they are milliseconds.
  const unit = typeof value === 'number' && value > 1e11 ? 1 : 1000;
  const at = typeof value === 'number' ? value * unit : Date.parse(value);
  if (Number.isFinite(at) && Math.abs(at) < 8.64e15) return at;
  context.addIssue({ code: 'custom', message: 'must be an ISO time or seconds since 1970' });
  return z.NEVER;
});

const header = z
  .union([z.string(), z.number(), z.boolean(), z.array(z.string()), z.null()])
  .transform((value) => `${value ?? ''}`);

const priceSchema = z.object({
  provider: z.string().min(1),
  model: z.string().min(1),
  endpoint: z.string().default(''),
  modality: z.string().nullish(),
  at: time.nullish(),
  request: z.json().nullish(),
  usage: z.json().nullish(),
  response: z.json().nullish(),
  response_headers: z.record(z.string(), header).nullish(),
  rates: z.array(rateSchema).max(500).nullish(),
});

/** Reads the body of `POST /v1/price`. Throws invalid_request naming the field. */
export function readPriceCall(body: JsonObject): PriceCall {
  const data = parsed(priceSchema, body);
  return {
    provider: data.provider,
    model: data.model,
    endpoint: data.endpoint,
    modality: data.modality ?? undefined,
    at: data.at ?? undefined,
    request: (data.request ?? undefined) as Json | undefined,
    usage: (data.usage ?? undefined) as Json | undefined,
    response: (data.response ?? undefined) as Json | undefined,
    headers: data.response_headers ?? undefined,
    rates: data.rates?.map((rate) => ({
      meter: rate.meter,
      price: rate.price,
      per: rate.per,
      ...(rate.dims ? { dims: rate.dims } : {}),
      ...(rate.model ? { model: rate.model } : {}),
      ...(rate.min_quantity ? { minQuantity: rate.min_quantity } : {}),
    })),
  };
}

/**
 * A receipt as `POST /v1/price` answers it. Lines without any price of our own files explain nothing about a cost that the provider itself
 * reported: a base is a list of older days.
 */
export function writePrice(receipt: Receipt): JsonObject {
  const own = !receipt.catalogue.includes('+') && receipt.lines.some((line) => line.amount !== undefined);
  const explained = receipt.basis !== 'provider_reported' || own;
  const { attempts: _, ...written } = writeReceipt({ ...receipt, lines: explained ? receipt.lines : [] }, 1);
  return { ...written, basis: receipt.basis === 'none' ? 'computed_from_usage' : receipt.basis };
}

/** `POST /v1/price`: one raw usage object of any provider, priced as a real call would be. Nothing is called or booked. */
export function priceDoor({ gateway, authenticator }: Doors, readUsage: UsageReader) {
  return async function answerPrice(c: Context): Promise<Response> {
    try {
      await authenticator.callerOrAdmin(c);
      const call = readPriceCall((await readJson(c)).body);
      const receipt = priceObject(call, {
        catalogue: gateway.catalogue,
        readUsage,
        find: (provider, model) =>
          gateway.directory
            .list()
            .find((row) => row.provider === provider && (row.upstream === model || row.id === model)),
        quirksOf: (provider) => gateway.upstreams.get(provider)?.row.quirks,
        now: gateway.clock.now(),
      });
      return jsonAnswer(c, writePrice(receipt));
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}
