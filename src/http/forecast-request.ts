import * as z from 'zod';
import { type GatewayError, type JsonObject, meters, modalities } from '../contract/index.ts';
import type { Interval, SelfHosted } from '../meter/forecast-machines.ts';
import { parseDecimal } from '../meter/money.ts';
import { badField } from './refuse.ts';

/** A number, or the same as decimal text, for what people write with a point. */
const number = z
  .union([z.number(), z.string().max(40)])
  .transform((value) => (typeof value === 'number' ? value : readNumber(value)))
  .refine((value) => Number.isFinite(value) && value >= 0 && value <= 1e15, 'must be a number from 0 to 1e15');
const positive = number.refine((value) => value > 0, 'must be more than 0');
const share = number.refine((value) => value <= 1, 'is a share: 0 to 1');

function readNumber(text: string): number {
  try {
    parseDecimal(text);
    return Number(text);
  } catch {
    return Number.NaN;
  }
}

/** One figure or [low, high], as two decimal texts. */
const between = (one: z.ZodType<number>) =>
  z
    .union([one.transform((value) => [value, value] as const), z.tuple([one, one]).readonly()])
    .refine(([low, high]) => low <= high, 'is [low, high], the lower first')
    .transform(([low, high]): Interval => [String(low), String(high)]);

const words = {
  characters: number.optional(),
  input_tokens: number.optional(),
  cached_input_tokens: number.optional(),
  output_tokens: number.optional(),
  seconds: positive.optional(),
  n: positive.optional(),
  images: number.optional(),
  size: z.string().max(40).optional(),
  quality: z.string().max(40).optional(),
  resolution: z.string().max(40).optional(),
  audio: z.boolean().optional(),
  mode: z.string().max(40).optional(),
};
const counted = Object.fromEntries(meters.map((meter) => [meter, number.optional()])) as Record<
  (typeof meters)[number],
  z.ZodOptional<typeof number>
>;

const profileItem = z.strictObject({
  ...words,
  modality: z.enum(modalities).optional(),
  model: z.string().min(1).max(200),
  per_month: positive,
  usage: z.strictObject({ ...counted, ...words }).optional(),
  dims: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).optional(),
  share_batchable: share.optional(),
});

const time = z.union([z.string(), z.number()]).transform((value, context) => {
  const at = typeof value === 'number' ? value * 1000 : Date.parse(value);
  if (Number.isFinite(at) && Math.abs(at) < 8.64e15) return at;
  context.addIssue({ code: 'custom', message: 'must be a date, an ISO time or seconds since 1970' });
  return z.NEVER;
});

const seconds = between(positive);

const forecastSchema = z.strictObject({
  profile: z.array(profileItem).min(1).max(200).optional(),
  from_ledger: z
    .strictObject({
      from: time.optional(),
      to: time.optional(),
      simulated: z.union([z.enum(['exclude', 'include', 'only']), z.boolean()]).default('exclude'),
    })
    .optional(),
  at: time.optional(),
  multiples: z
    .array(positive.refine((value) => value <= 1e6, 'is at most 1000000'))
    .min(1)
    .max(30)
    .default([1, 3, 10, 30, 100]),
  self_hosted: z
    .strictObject({
      gpu_hour_usd: between(positive),
      seconds_per_output: z.union([seconds, z.record(z.string(), seconds)]).optional(),
      utilisation: between(positive.refine((value) => value <= 1, 'is a share: more than 0, at most 1')).default([
        '0.5',
        '0.5',
      ]),
      redundancy: z.int().min(1).max(10_000).default(1),
      fixed_monthly_usd: between(number).default(['0', '0']),
      extra_usd_per_output: between(number).default(['0', '0']),
      outputs_at_once: positive.default(1),
      models: z.array(z.string()).max(200).optional(),
    })
    .optional(),
  rate_limits: z
    .record(
      z.string(),
      z.strictObject({
        rpm: positive.optional(),
        tpm: positive.optional(),
        images_per_minute: positive.optional(),
        concurrent: positive.optional(),
      }),
    )
    .optional(),
  peak_to_average: number.refine((value) => value >= 1, 'is 1 or more').default(1),
});

export type ForecastRequest = z.infer<typeof forecastSchema>;
export type ProfileEntry = z.infer<typeof profileItem>;

/** Reads the body of `POST /v1/forecast`. Throws invalid_request naming the field. */
export function readForecast(body: JsonObject): ForecastRequest {
  const result = forecastSchema.safeParse(body);
  if (!result.success) throw refusal(result.error.issues[0]);
  const { data } = result;
  if (data.profile && data.from_ledger) {
    throw badField('from_ledger', 'a mix is declared by profile or read from the ledger, not both.');
  }
  return data;
}

function refusal(issue: z.core.$ZodIssue | undefined): GatewayError {
  // Of alternatives, the one that got furthest says what is wrong.
  let found = issue;
  const path = [...(issue?.path ?? [])];
  while (found?.code === 'invalid_union') {
    const options = found.errors.flatMap((errors) => errors.slice(0, 1));
    const next = options.reduce((far, one) => (one.path.length > far.path.length ? one : far), options[0]!);
    if (!next) break;
    found = next;
    path.push(...next.path);
  }
  if (found?.code === 'unrecognized_keys') path.push(found.keys[0] ?? '');
  const message = found?.code === 'unrecognized_keys' ? 'is not a field of a forecast' : found?.message;
  return badField(path.join('.') || undefined, message ?? 'cannot be read');
}

/** Machines as declared. @param idOf the model behind a name. */
export function machinesOf(
  asked: NonNullable<ForecastRequest['self_hosted']>,
  idOf: (name: string) => string,
): SelfHosted {
  const { seconds_per_output: seconds = {}, models } = asked;
  const forAll = Array.isArray(seconds);
  const by = forAll ? {} : Object.fromEntries(Object.entries(seconds).map(([name, own]) => [idOf(name), own]));
  return {
    gpuHourUsd: asked.gpu_hour_usd,
    utilisation: asked.utilisation,
    redundancy: asked.redundancy,
    fixedMonthlyUsd: asked.fixed_monthly_usd,
    extraUsdPerOutput: asked.extra_usd_per_output,
    outputsAtOnce: asked.outputs_at_once,
    secondsPerOutput: forAll ? { all: seconds as Interval, by: {} } : { by: by as Record<string, Interval> },
    ...(models ? { only: models.map(idOf) } : {}),
  };
}
