import type * as z from 'zod';
import { GatewayError } from '../contract/index.ts';

/** A decimal number of dollars or of another unit, as bodies and headers write it: nine digits and twelve places at most. */
export const decimalPattern = /^\d{1,9}(\.\d{1,12})?$/;

/** An invalid_request whose message is a whole sentence. */
export function refused(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', { message, param });
}

/** An invalid_request whose message goes on from the field's name; without one it is about the body. */
export function badField(param: string | undefined, message: string): GatewayError {
  return new GatewayError('invalid_request', { message: `${param ?? 'body'}: ${message}`, param });
}

/** What a schema found, as an invalid_request that names the field as a path: `profile.0.seconds`. */
export function refusedIssue(issue: z.core.$ZodIssue): GatewayError {
  const { path, message } = issue;
  if (issue.code === 'unrecognized_keys') {
    const [name = ''] = issue.keys;
    return refused([...path, name].join('.'), `There is no field "${[...path, name].join('.')}".`);
  }
  return badField(path.join('.') || undefined, message);
}

/** A body as its schema reads it. Throws invalid_request for the first thing that is wrong with it. */
export function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw refusedIssue(result.error.issues[0]!);
}
