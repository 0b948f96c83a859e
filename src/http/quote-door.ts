import type { Context } from 'hono';
import {
  asGatewayError,
  GatewayError,
  isModality,
  type JsonObject,
  type MediaRequest,
  type Modality,
  type Model,
  stringAt,
} from '../contract/index.ts';
import { askedOfMedia, askedOfText } from '../gateway/asked.ts';
import { checkCapabilities, checkRequired } from '../gateway/capabilities.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import { quoteOf } from '../gateway/quote-of.ts';
import { writeUsd } from '../meter/money.ts';
import type { Asked, Quote } from '../meter/quote.ts';
import { writeLine } from '../meter/receipt.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import { readBody, type Uploads, uploadsFor } from './generation-form.ts';
import { readTextRequest } from './generation-text.ts';
import { chooseModel, type Doors } from './generations.ts';
import { readMediaRequest } from './media-request.ts';

/** How many of the caller's own generations are looked through for the computing time of a model. */
const looked = 100;

/**
 * `POST /v1/quote`: the body of a generation, with `model`, a list of `models`, or a `modality` alone (every model that makes it).
 * Answers what each would cost, before anything runs. Nothing is called or booked.
 */
export function quoteDoor(doors: Doors) {
  return async function answerQuote(c: Context): Promise<Response> {
    try {
      const { gateway } = doors;
      const caller = await doors.authenticator.caller(c);
      const { body: whole, files } = await readBody(c);
      const { models, ...body } = whole;
      const { candidates, modality } = candidatesOf(gateway, models, body);
      const { asked, request } = await readAsked(
        doors,
        caller,
        modality,
        { ...body, model: candidates[0]?.id ?? '' },
        uploadsFor(modality, files),
      );
      const now = gateway.clock.now();
      const able = candidates.map((model) => ({ model, refusal: refusalOf(model, request) }));
      if (able.every(({ refusal }) => refusal !== undefined)) throw able[0]?.refusal;
      const quotes = [];
      for (const { model, refusal } of able) {
        // Of all models of a modality, those that can make it; of the caller's own list, all.
        if (refusal && models === undefined) continue;
        const computed = await computedBy(gateway, caller, model);
        quotes.push({ model: model.id, found: quoteOf(gateway, model, { ...asked, computed }, now), refusal });
      }
      // A list is the caller's order; all models of a modality come cheapest first, unknown ones last.
      if (models === undefined && body.model === undefined)
        quotes.sort((one, other) => compare(one.found, other.found));
      return jsonAnswer(c, {
        object: 'quote',
        modality,
        currency: 'USD',
        catalogue: gateway.catalogue.hash,
        candidates: quotes.map(({ model, found, refusal }) => ({
          ...writeQuote(model, found),
          ...(refusal ? { refused: refusal.message } : {}),
        })),
      });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** Why a model would not be asked for this. */
function refusalOf(model: Model, request: MediaRequest | undefined): GatewayError | undefined {
  try {
    if (!request) return undefined;
    checkCapabilities(model, request);
    checkRequired(model, request);
    return undefined;
  } catch (thrown) {
    return asGatewayError(thrown);
  }
}

function writeQuote(model: string, { min, expected, max, status, receipt, assumptions }: Quote): JsonObject {
  const write = (pico: bigint | undefined) => (pico === undefined ? null : writeUsd(pico));
  return {
    model,
    min: write(min),
    expected: write(expected),
    max: write(max),
    status,
    // Names the base beside the catalogue where that was asked.
    catalogue: receipt.catalogue,
    lines: receipt.lines.map(writeLine),
    assumptions,
  };
}

function compare(one: Quote, other: Quote): number {
  if (one.expected === undefined || other.expected === undefined) {
    return Number(one.expected === undefined) - Number(other.expected === undefined);
  }
  return one.expected < other.expected ? -1 : one.expected > other.expected ? 1 : 0;
}

function candidatesOf(
  gateway: Gateway,
  models: unknown,
  body: JsonObject,
): { candidates: Model[]; modality: Modality } {
  if (models !== undefined) {
    const names = Array.isArray(models) ? models : [];
    if (names.length === 0 || names.length > 50 || !names.every((name) => typeof name === 'string')) {
      throw new GatewayError('invalid_request', { message: 'models is a list of 1 to 50 names.', param: 'models' });
    }
    const { modality } = chooseModel(gateway, { ...body, model: names[0] as string });
    return { candidates: names.map((name) => gateway.directory.resolve(name as string, modality)), modality };
  }
  if (body.model !== undefined && body.model !== 'auto') {
    const { asked, modality } = chooseModel(gateway, body);
    return { candidates: [gateway.directory.resolve(asked, modality)], modality };
  }
  const { modality } = body;
  if (!isModality(modality)) {
    throw new GatewayError('invalid_request', { message: 'model, models or modality is required.', param: 'model' });
  }
  const today = new Date(gateway.clock.now()).toISOString().slice(0, 10);
  const candidates = gateway.directory
    .list()
    .filter(
      (model) => model.modality === modality && !(model.shutdownDate !== undefined && model.shutdownDate <= today),
    );
  if (candidates.length === 0) {
    throw new GatewayError('model_not_found', { message: `No configured model makes ${modality}.`, param: 'modality' });
  }
  return { candidates, modality };
}

async function readAsked(
  doors: Doors,
  caller: Caller,
  modality: Modality,
  body: JsonObject,
  uploads: Uploads,
): Promise<{ asked: Asked; request?: MediaRequest }> {
  const serviceTier = stringAt(body, 'service_tier') ?? stringAt(body, 'params', 'service_tier');
  if (modality === 'text') {
    return { asked: { ...askedOfText(readTextRequest(doors, stringAt(body, 'model') ?? '', body)), serviceTier } };
  }
  const { request } = await readMediaRequest(doors.gateway, caller, modality, body, uploads);
  return { asked: { ...askedOfMedia(request), serviceTier }, request };
}

/** Seconds of computing of the caller's own latest runs of a model that is billed by them. */
async function computedBy(gateway: Gateway, caller: Caller, model: Model): Promise<number[]> {
  const metric = stringAt(model.options, 'billing', 'metric');
  const sold = gateway.catalogue.meters(model.provider, model.upstream);
  if (metric !== undefined ? metric !== 'gpu_seconds' : !sold.every((meter) => meter === 'gpu_seconds')) return [];
  const page = await caller.book.listGenerations({ limit: looked, keyId: caller.keyId });
  return page.data
    .flatMap((generation) => generation.attempts)
    .filter((attempt) => attempt.provider === model.provider && attempt.model === model.upstream)
    .flatMap((attempt) => attempt.receipt?.lines ?? [])
    .filter((line) => line.meter === 'gpu_seconds')
    .map((line) => line.quantity);
}
