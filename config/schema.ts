import * as z from 'zod';
import { dialectNames, meters, modalities, strategies } from '../src/contract/index.ts';
import { httpSchema } from './http-row.ts';

/** An amount or unit as published: digits, never an exponent, never divided beforehand. */
const decimal = z.string().regex(/^(0|[1-9]\d*)(\.\d+)?$/, 'must be a plain decimal such as "0.25"');
const date = z.iso.date('must be a day such as "2026-11-22"');
const id = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'must be lower case letters, digits and hyphens');
const envName = z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of an environment variable');
const modelId = z.string().regex(/^[a-z0-9][a-z0-9-]*\/\S+$/, 'must be provider/model');
const url = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });
const address = url.refine((value) => !value.endsWith('/'), 'must not end with a slash');
const text = z.string().min(1, 'must not be empty');
const count = z.int().positive();
const json = z.json();

/**
 * How an upstream differs from the dialect it otherwise speaks. Each is a fact of the vendor:
 * `no_stream_options` says that it refuses `stream_options` (and reports usage at the end of a stream unasked),
 * `cost_usd` that the `cost` in its usage is dollars, `usage_unasked` that it reports that usage unasked but takes `stream_options` from those who send them,
 * `efforts` names the values of `reasoning_effort` that it knows, `reasoning_field` the field of an assistant message in which it
 * takes reasoning back ("none" where it takes none, `reasoning_content` where this is left out),
 * `drop` names request fields that it refuses, `paths` the path of a dialect below the base URL, `headers` fixed extra headers,
 * `peak_utc` the hours of weekdays (UTC) in which its peak prices hold; other hours have prices with dims {"hours": "off_peak"}.
 */
const quirksSchema = z.strictObject({
  no_stream_options: z.boolean().optional(),
  usage_unasked: z.boolean().optional(),
  cost_usd: z.boolean().optional(),
  efforts: z
    .array(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']))
    .min(1)
    .optional(),
  reasoning_field: text.optional(),
  drop: z.array(text).optional(),
  rename: z.record(text, text).optional(),
  paths: z.partialRecord(z.enum(dialectNames), z.string().startsWith('/')).optional(),
  headers: z.record(text, z.string()).optional(),
  peak_utc: z.array(z.string().regex(/^\d\d:\d\d-\d\d:\d\d$/, 'must be hours such as "01:00-04:00"')).optional(),
});

const providerSchema = z
  .strictObject({
    id,
    name: text.optional(),
    /** A file of providers/, or "openai-compatible". */
    adapter: id,
    base_url: address,
    base_url_env: envName.optional(),
    key_env: envName.optional(),
    /** True where a call may go out without a key. */
    keyless: z.boolean().optional(),
    dialects: z.array(z.enum(dialectNames)).min(1).optional(),
    quirks: quirksSchema.optional(),
    /** Belongs to the adapter "http". */
    http: httpSchema.optional(),
    /** US dollars an hour of a machine of one's own. */
    gpu_hour_usd: decimal.optional(),
    lookup_url: url.optional(),
  })
  .refine((row) => (row.adapter === 'http') === (row.http !== undefined), {
    path: ['http'],
    error: 'the adapter "http" needs "http", and it belongs to no other',
  });

export const providersFile = z.strictObject({ providers: z.array(providerSchema) });

const range = z
  .strictObject({ min: z.number().optional(), max: z.number().optional(), step: z.number().positive().optional() })
  .refine((value) => value.min === undefined || value.max === undefined || value.min <= value.max, {
    error: 'min is above max',
  });
const words = z.array(text).min(1);
/** Where only some numbers of a range are taken. */
const numbers = z.array(z.number()).min(1);

/** What may be asked of a model, by modality. Every key is optional: an absent one is not known. */
const capabilitySchemas = {
  text: z.strictObject({
    context_tokens: count.optional(),
    max_output_tokens: count.optional(),
    inputs: words.optional(),
  }),
  embedding: z.strictObject({ max_input_tokens: count.optional(), dimensions: z.union([range, numbers]).optional() }),
  image: z.strictObject({
    sizes: z.union([words, range]).optional(),
    ratios: words.optional(),
    qualities: words.optional(),
    formats: words.optional(),
    backgrounds: words.optional(),
    n: range.optional(),
    edits: z.boolean().optional(),
    max_images: z.int().nonnegative().optional(),
    /** What has to be given beside the words: "image", "mask". */
    requires: words.optional(),
    /** Tokens of words and thoughts that may come beside the pictures. */
    max_text_tokens: count.optional(),
    /** Output tokens of one image, as published. */
    output_tokens: z
      .array(z.strictObject({ quality: text.optional(), size: text.optional(), tokens: count }))
      .optional(),
  }),
  speech: z.strictObject({
    voices: words.optional(),
    formats: words.optional(),
    max_characters: count.optional(),
    max_input_tokens: count.optional(),
    speed: range.optional(),
    /** Audio tokens of a second of speech. */
    tokens_per_second: z.number().positive().optional(),
  }),
  transcription: z.strictObject({
    formats: words.optional(),
    max_seconds: count.optional(),
    max_bytes: count.optional(),
    /** Audio tokens of a second that is heard. */
    tokens_per_second: z.number().positive().optional(),
  }),
  music: z.strictObject({ seconds: range.optional(), formats: words.optional(), lyrics: z.boolean().optional() }),
  sound_effect: z.strictObject({ seconds: range.optional(), formats: words.optional() }),
  video: z.strictObject({
    seconds: z.union([range, numbers]).optional(),
    max_images: z.int().nonnegative().optional(),
    requires: words.optional(),
    max_text_tokens: count.optional(),
    sizes: words.optional(),
    ratios: words.optional(),
    resolutions: words.optional(),
  }),
  model3d: z.strictObject({
    formats: words.optional(),
    max_images: z.int().nonnegative().optional(),
    requires: words.optional(),
  }),
};

const modelSchema = z
  .strictObject({
    id: modelId,
    modality: z.enum(modalities),
    upstream: text.optional(),
    input: words.optional(),
    capabilities: z.record(z.string(), json).optional(),
    max_output_tokens: count.optional(),
    shutdown_date: date.optional(),
    options: z.record(z.string(), json).optional(),
  })
  .check((context) => {
    const { modality, capabilities } = context.value;
    const result = capabilitySchemas[modality].safeParse(capabilities ?? {});
    for (const issue of result.error?.issues ?? []) {
      context.issues.push({
        ...issue,
        path: ['capabilities', ...issue.path],
        input: capabilities,
      } as z.core.$ZodRawIssue);
    }
  });

export const modelsFile = z.strictObject({
  models: z.array(modelSchema).default([]),
  aliases: z.record(text, modelId).default({}),
  defaults: z.partialRecord(z.enum(modalities), modelId).default({}),
});

/** When a model of a route is considered: every condition that is named must hold. */
const when = z.strictObject({
  /** Tags of the request; "*" stands for any value. */
  tags: z.record(text, text).optional(),
  min_characters: count.optional(),
  max_characters: count.optional(),
  /** ISO 639-1. A request whose language is not known meets no such condition. */
  languages: z
    .array(z.string().regex(/^[a-z]{2}$/, 'must be a code such as "de"'))
    .min(1)
    .optional(),
  stream: z.boolean().optional(),
  tools: z.boolean().optional(),
});

const routeSchema = z.strictObject({
  /** `name`, or `name/modality`: that is asked as `name` where the modality is wanted. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*(\/[a-z0-9_]+)?$/, 'must be a name such as "fast" or "auto/image"'),
  strategy: z.enum(strategies).optional(),
  /** Best first: ids, or ids with what the strategy asks of them. All of one modality. */
  models: z
    .array(
      z.union([
        modelId,
        z.strictObject({
          model: modelId,
          weight: z.number().positive().optional(),
          quality: z.number().optional(),
          when: when.optional(),
        }),
      ]),
    )
    .min(1),
  /** Attempts in all. Default: 3, or one for each model. */
  attempts: count.max(20).optional(),
  /** Whether what may have been done already is done once more: default by another model, for text. Media never is. */
  duplicate_ok: z.boolean().optional(),
  /** Whether a stream that breaks off is gone on with by another model. */
  restart: z.boolean().optional(),
  sticky: z
    .union([z.literal('conversation'), z.strictObject({ header: text }), z.strictObject({ metadata: text })])
    .optional(),
});

export const routesFile = z.strictObject({
  /** Names that stand for several models. */
  routes: z.array(routeSchema).default([]),
});

const source = z
  .string()
  .regex(/^(https:\/\/\S+|[\w.-]+\/[\w.-]+)$/, 'must be a public https URL or the owner/name of a catalogue');

export const priceSchema = z.strictObject({
  /** The provider's own model id. */
  model: text,
  meter: z.enum(meters),
  /** US dollars for `per` units, as published. */
  price: decimal,
  per: decimal.refine((value) => Number(value) > 0, 'must be more than 0'),
  /** Each named dimension must equal the usage's: service_tier, region, speed, hours, hardware, size, quality, resolution… */
  dims: z.record(text, text).optional(),
  /** The least that is billed, e.g. 10 seconds. */
  min_quantity: decimal.optional(),
  /** Holds when the whole input of one call is more than this many tokens. */
  context_over: count.optional(),
  from: date.optional(),
  /** The first day on which it no longer holds. */
  until: date.optional(),
  free: z.boolean().optional(),
  /** Defaults to the file's. */
  source: source.optional(),
  /** The day of the data that was read. Defaults to the file's. */
  checked: date.optional(),
  note: text.optional(),
});

/**
 * A published factor on all token prices of some models, e.g. 1.1 for a region: each of their prices without the dimension gets a twin
 * with it, whatever its other conditions, so that a region meets every tier and context.
 */
const upliftSchema = z.strictObject({
  models: words,
  times: decimal,
  dims: z.record(text, text),
  from: date.optional(),
  until: date.optional(),
  source: source.optional(),
  checked: date.optional(),
  note: text.optional(),
});

export const pricesFile = z.strictObject({
  provider: id,
  /** True for a provider that the house does not call: its prices serve POST /v1/price alone. */
  priced_only: z.boolean().optional(),
  source,
  checked: date,
  prices: z.array(priceSchema).default([]),
  uplifts: z.array(upliftSchema).default([]),
  /** Models of models.json that no source prices: their cost is shown as unknown. */
  unpriced: z.array(z.strictObject({ model: text, reason: text })).default([]),
});

export type ProvidersFile = z.infer<typeof providersFile>;
export type ModelsFile = z.infer<typeof modelsFile>;
export type RoutesFile = z.infer<typeof routesFile>;
export type PricesFile = z.infer<typeof pricesFile>;

/** The faults of one file against its schema, each with the file's name and a JSON pointer. */
export function readFile<T>(schema: z.ZodType<T>, file: string, value: unknown, faults: string[]): T | undefined {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) faults.push(`${file}#${pointer(issue.path)}: ${issue.message}`);
  return undefined;
}

/** RFC 6901. */
export function pointer(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
