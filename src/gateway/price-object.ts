import {
  at,
  isModality,
  isObject,
  type Json,
  type JsonObject,
  type Modality,
  type Model,
  numberAt,
  type Observed,
  type Receipt,
  stringAt,
  type Usage,
} from '../contract/index.ts';
import type { Catalogue } from '../meter/catalogue.ts';
import { notBillable, priceUsage } from '../meter/price.ts';
import { createRateCard, type RateRow } from '../meter/rate-card.ts';
import { withHours } from './hours.ts';

/** One raw usage object of any provider, as its answer had it. `at` is ms, UTC; `rates` replace the catalogue for this call. */
export type PriceCall = {
  provider: string;
  model: string;
  endpoint: string;
  modality?: string;
  at?: number;
  request?: Json;
  usage?: Json;
  response?: Json;
  headers?: Record<string, string>;
  rates?: RateRow[];
};

/** Reads any provider's raw usage into disjoint meters; lent by the entry, because readers belong to the providers. */
export type UsageReader = (provider: string, observed: Observed) => Usage | undefined;

export type PriceMeans = {
  catalogue: Catalogue;
  readUsage: UsageReader;
  /** The model's row, where the house has one. */
  find(provider: string, model: string): Model | undefined;
  /** Declared differences of a provider, e.g. its peak hours. */
  quirksOf(provider: string): Json | undefined;
  now: number;
};

/** Prices one raw usage object as a real call would be; a list of attempts (each with its own provider and model) as their sum. */
export function priceObject(call: PriceCall, means: PriceMeans): Receipt {
  const catalogue = call.rates?.length ? createRateCard(call.rates, means.catalogue) : means.catalogue;
  if (isChain(call.usage)) return priceChain(call, call.usage, { ...means, catalogue });
  return priceOne(call, { ...means, catalogue });
}

function isChain(usage: Json | undefined): usage is JsonObject[] {
  return (
    Array.isArray(usage) &&
    usage.length > 0 &&
    usage.every((entry) => stringAt(entry, 'provider') !== undefined && stringAt(entry, 'model') !== undefined)
  );
}

/** The request costs what its attempts cost: every line says which attempt and model it belongs to. */
function priceChain(call: PriceCall, attempts: JsonObject[], means: PriceMeans): Receipt {
  const receipts = attempts.map((entry, index) => {
    const attempt = String(numberAt(entry, 'attempt') ?? index + 1);
    const model = stringAt(entry, 'model') ?? '';
    const own: PriceCall = {
      ...call,
      provider: stringAt(entry, 'provider') ?? '',
      model,
      endpoint: stringAt(entry, 'endpoint') ?? call.endpoint,
      usage: entry.usage,
      request: entry.request ?? call.request,
      response: entry.response ?? refusalOf(stringAt(entry, 'outcome')),
      modality: stringAt(entry, 'modality') ?? call.modality,
      headers: headersOf(entry.response_headers) ?? call.headers,
    };
    const receipt = priceOne(own, means, { attempt });
    const lines = receipt.lines.map((line) => ({ ...line, model: line.model ?? model }));
    return { ...receipt, lines };
  });
  const totals = receipts.flatMap(({ total }) => (total === undefined ? [] : [total]));
  const every = (...statuses: Receipt['status'][]) => receipts.every(({ status }) => statuses.includes(status));
  const some = (...statuses: Receipt['status'][]) => receipts.some(({ status }) => statuses.includes(status));
  let status: Receipt['status'] = 'priced';
  if (every('not_billable')) status = 'not_billable';
  else if (every('free', 'not_billable')) status = 'free';
  else if (every('unpriced', 'not_billable')) status = 'unpriced';
  else if (some('unpriced', 'partially_unpriced')) status = 'partially_unpriced';
  else if (some('priced_estimated')) status = 'priced_estimated';
  return {
    lines: receipts.flatMap(({ lines }) => lines),
    ...(status === 'unpriced' ? {} : { total: totals.reduce((sum, one) => sum + one, 0n) }),
    status,
    basis: 'sum_of_attempts',
    catalogue: means.catalogue.hash,
  };
}

function headersOf(value: Json | undefined): Record<string, string> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(Object.entries(value).map(([name, header]) => [name, String(header)]));
}

/** An attempt that was refused before any work is told by its outcome alone. */
function refusalOf(outcome: string | undefined): Json | undefined {
  if (outcome === undefined) return undefined;
  const refused =
    /rate_?limit|refused|rejected|not_sent|invalid|unauthori[sz]ed|quota|(?<!\d)4(?!08|99)\d\d(?!\d)/i.test(outcome);
  return refused ? { status: 429 } : undefined;
}

function priceOne(call: PriceCall, means: PriceMeans, dims?: Record<string, string>): Receipt {
  const { catalogue } = means;
  const { provider } = call;
  const model = servedOf(call, catalogue);
  const when = call.at ?? means.now;
  if (isCacheHit(call)) return { ...notBillable(catalogue), basis: 'gateway_cache_hit' };
  const { usage } = call;
  const told = usage ?? at(call.response, 'usage') ?? undefined;
  if (told === undefined && wasRefused(call.response)) return notBillable(catalogue);
  const row = means.find(provider, call.model);
  const request = ofBatch(call) ? { ...(isObject(call.request) ? call.request : {}), batch: true } : call.request;
  const observed: Observed = {
    model,
    endpoint: dialectOf(call.endpoint),
    modality: modalityOf(call, row),
    ...(usage === undefined || usage === null ? {} : { usage }),
    ...(request === undefined || request === null ? {} : { request }),
    ...(call.response === undefined || call.response === null ? {} : { response: call.response }),
    ...(call.headers ? { headers: call.headers } : {}),
    ...(isObject(row?.options) ? { options: row.options } : {}),
    sold: catalogue.meters(provider, model),
  };
  const read = means.readUsage(provider, observed);
  const whole = withHours(read && cutShort(read, call.response), means.quirksOf(provider), when);
  const marked = whole && dims ? { ...whole, dims: { ...whole.dims, ...dims } } : whole;
  return priceUsage(catalogue, { provider, model, usage: marked, at: when });
}

/** The model that answered, where it says so and has prices of its own: a version of the asked one, or another in its place. */
function servedOf({ provider, model, response, rates }: PriceCall, catalogue: Catalogue): string {
  const named = [['model'], ['modelVersion'], ['response', 'model']].map((path) => stringAt(response, ...path));
  const served = named.find((name) => name !== undefined);
  return served !== undefined && !rates?.length && catalogue.has(provider, served) ? served : model;
}

/** Answered from a gateway's own cache: nobody was paid. */
function isCacheHit({ request, response }: PriceCall): boolean {
  return [request, response].some(
    (side) =>
      at(side, 'gateway_cache_hit') === true || at(side, 'cache_hit') === true || at(side, 'gateway_cache') === 'hit',
  );
}

/** The endpoints of batches are named after the ones they gather. */
function ofBatch({ endpoint, request }: PriceCall): boolean {
  return /batch/i.test(endpoint) && (request === undefined || request === null || isObject(request));
}

/** Errors that come before any work. */
const refusals = /rate_?limit|invalid|authentication|unauthori[sz]ed|permission|not_?found|quota|exhausted|overloaded/i;

/** An answer that refused the work before any was done: by its status, else by the name of its error. */
function wasRefused(response: Json | undefined): boolean {
  const paths = [['status'], ['status_code'], ['http_status'], ['error', 'code'], ['error', 'status']];
  const status = paths.map((path) => numberAt(response, ...path)).find((found) => found !== undefined);
  if (status !== undefined) return (status >= 400 && status < 500) || status === 529;
  const named = ['type', 'code', 'status'].map((word) => stringAt(response, 'error', word) ?? '');
  return named.some((name) => refusals.test(name));
}

/**
 * A stream that broke off: its usage is a placeholder from the first event, so what was delivered counts where it is more.
 * The answer tells by `aborted: true` and `delivered_output_tokens` or `delivered_text`.
 */
function cutShort(usage: Usage, response: Json | undefined): Usage {
  if (!['aborted', 'interrupted', 'client_aborted'].some((name) => at(response, name) === true)) return usage;
  const text = stringAt(response, 'delivered_text');
  const told = ['delivered_output_tokens', 'delivered_tokens'].map((name) => numberAt(response, name));
  const counted = text === undefined ? 0 : Math.ceil([...text].length / 4);
  const delivered = told.find((tokens) => tokens !== undefined) ?? counted;
  const output = usage.metered.find(({ meter }) => meter === 'output_text_tokens');
  const quantity = Math.max(output?.quantity ?? 0, delivered);
  const others = usage.metered.filter((metered) => metered !== output);
  return {
    ...usage,
    metered: [...others, { ...output, meter: 'output_text_tokens', quantity }],
    source: 'estimated',
    basis: 'partial_stream_estimate',
  };
}

/** Endpoints as vendors call them, where they speak one of our dialects. */
function dialectOf(endpoint: string): string {
  if (/chat[./]completions/.test(endpoint)) return 'openai-chat';
  if (/(^|\/)responses$/.test(endpoint)) return 'openai-responses';
  if (/(^|\/)messages$/.test(endpoint)) return 'anthropic-messages';
  if (/generateContent/i.test(endpoint)) return 'gemini';
  return endpoint;
}

const otherWords: Record<string, Modality> = {
  '3d': 'model3d',
  'audio-chat': 'text',
  audio: 'speech',
  tts: 'speech',
  stt: 'transcription',
  'sound-effect': 'sound_effect',
};

const byEndpoint: [RegExp, Modality][] = [
  [/embed/i, 'embedding'],
  [/transcri|translations|speech-to-text|listen/i, 'transcription'],
  [/sound-generation|sound_effect/i, 'sound_effect'],
  [/music/i, 'music'],
  [/audio[./]speech|text-to-speech|tts/i, 'speech'],
  [/video/i, 'video'],
  [/image|stable-image/i, 'image'],
  [/3d|rodin|mesh/i, 'model3d'],
];

/** What came out: as said, else as the model's row or the endpoint tells; text where nothing does. */
function modalityOf(call: PriceCall, row: Model | undefined): Modality {
  if (isModality(call.modality)) return call.modality;
  const word = otherWords[call.modality ?? ''];
  if (word) return word;
  if (row) return row.modality;
  return byEndpoint.find(([pattern]) => pattern.test(call.endpoint))?.[1] ?? 'text';
}
