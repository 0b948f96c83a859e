import * as z from 'zod';
import { findHttpFaults, type HttpRow } from '../providers/index.ts';
import { type ErrorCode, errorCodes, meters } from '../src/contract/index.ts';

const text = z.string().min(1, 'must not be empty');
const template = z.string();
const templates = z.record(text, template);
const pointer = z.string().regex(/^(\/[^/]*)+$/, 'must be a JSON pointer such as "/data/0/url"; "*" is every entry');
const name = z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be lower case letters, digits and underscores');
const positive = z.number().positive();
const words = z.array(text).min(1);

const payload = { body: z.json().optional(), form: templates.optional(), urlencoded: templates.optional() };

const call = {
  ...payload,
  method: z.enum(['GET', 'POST', 'PUT', 'DELETE']).optional(),
  path: z
    .string()
    .regex(
      /^(\/[^?#]*|\{\{ref\.[a-z][a-z0-9_]*\}\})$/,
      'must begin with a slash (a query belongs in "query"), or be one {{ref.name}}',
    ),
  query: templates.optional(),
  headers: templates.optional(),
};

const status = z.strictObject({
  pointer,
  queued: words.optional(),
  running: words.optional(),
  succeeded: words,
  failed: words.optional(),
  canceled: words.optional(),
  absent: z.enum(['queued', 'running']).optional(),
});

const output = z.strictObject({
  pointer,
  as: z.enum(['url', 'base64', 'path', 'text']),
  media_type: z
    .string()
    .regex(/^[a-z]+\/[a-z0-9.+-]+$/, 'must be a media type such as "image/png"')
    .optional(),
  path: z.string().startsWith('/').optional(),
});

const meter = z
  .strictObject({
    meter: z.enum(meters),
    pointer: pointer.optional(),
    delivered: z.literal(true).optional(),
    quantity: positive.optional(),
    dims: z.record(text, text).optional(),
  })
  .refine(
    (value) => [value.pointer, value.delivered, value.quantity].filter((one) => one !== undefined).length === 1,
    'needs one of "pointer", "delivered" and "quantity"',
  );

const limit = z.strictObject({ min: z.number().optional(), max: z.number().optional(), allowed: words.optional() });

const way = z.strictObject({
  when: name.optional(),
  submit: z.strictObject({ ...call, answers: z.enum(['json', 'bytes']).optional() }),
  ref: z.record(name, pointer).optional(),
  poll: z.strictObject({ ...call, every_ms: z.int().min(100).optional() }).optional(),
  cancel: z.union([z.strictObject(call), z.array(z.strictObject(call)).min(1)]).optional(),
  status: status.optional(),
  outputs: z.array(output).min(1).optional(),
  progress: z.strictObject({ pointer, scale: positive.optional() }).optional(),
  usage: z.array(meter).optional(),
  reported_cost: pointer.optional(),
  limits: z.record(name, limit).optional(),
  pixels: z
    .union([
      z.strictObject({ step: z.int().positive() }),
      z.strictObject({ sizes: z.record(z.string().regex(/^\d+:\d+$/), z.string().regex(/^\d+x\d+$/)) }),
    ])
    .optional(),
});

/** One way, or several. Not a union: that would hide which key of a way is wrong. */
const ways = z.unknown().check((context) => {
  const several = Array.isArray(context.value);
  const result = several ? z.array(way).min(1).safeParse(context.value) : way.safeParse(context.value);
  for (const issue of result.error?.issues ?? [])
    context.issues.push({ ...issue, input: context.value } as z.core.$ZodRawIssue);
});

const code = z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]);

/** The `http` object of a provider row: see providers/http/row.ts for what each key means. */
export const httpSchema = z
  .strictObject({
    auth: z.strictObject({ headers: templates.optional(), query: templates.optional() }).optional(),
    token: z
      .strictObject({
        ...payload,
        url: z.string().regex(/^(https?:\/\/|\/)\S+$/, 'must be an http or https URL, or begin with a slash'),
        path: pointer,
        ttl: positive.optional(),
      })
      .optional(),
    headers: z.record(text, z.string()).optional(),
    hosts: z
      .array(z.string().regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'must be a host name'))
      .min(1)
      .optional(),
    error: z
      .strictObject({
        message: z.array(pointer).optional(),
        code: z.array(pointer).optional(),
        status: pointer.optional(),
        accepted: z.strictObject({ pointer, values: z.array(z.json()).min(1) }).optional(),
        codes: z.array(z.strictObject({ match: text, code })).optional(),
      })
      .optional(),
    media: z
      .partialRecord(z.enum(['image', 'speech', 'transcription', 'music', 'sound_effect', 'video', 'model3d']), ways)
      .refine((value) => Object.keys(value).length > 0, 'must describe at least one modality'),
  })
  .check((context) => {
    if (context.issues.length > 0) return;
    for (const { path, message } of findHttpFaults(context.value as HttpRow)) {
      context.issues.push({ code: 'custom', path, message, input: context.value });
    }
  });
