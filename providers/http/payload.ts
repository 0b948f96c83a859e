import type { Json } from '../../src/contract/index.ts';
import type { HttpPayload } from './row.ts';
import { fill, type Lookup, type Value } from './template.ts';

export type Payload = { headers: Record<string, string>; body?: BodyInit };

/** The body of a request. A list in a form becomes fields of the same name. */
export function payloadOf({ body, form, urlencoded }: HttpPayload, lookup: Lookup): Payload {
  if (body !== undefined)
    return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(fill(body, lookup) ?? {}) };
  const entries = Object.entries(form ?? urlencoded ?? {}).flatMap(([name, template]): [string, Value][] => {
    const value = fill(template, lookup);
    if (value === undefined || value === null) return [];
    return (Array.isArray(value) ? value : [value]).map((one) => [name, one]);
  });
  const text = (value: Value) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
  if (urlencoded) {
    const pairs = new URLSearchParams(entries.map(([name, value]) => [name, text(value)]));
    return { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: pairs.toString() };
  }
  if (!form) return { headers: {} };
  const data = new FormData();
  for (const [name, value] of entries) {
    if (value instanceof File) data.append(name, value);
    else data.append(name, text(value));
  }
  return { headers: {}, body: data };
}

/** Text without secrets in it: vendors quote what they were sent. */
export function strike(text: string, secrets: readonly string[]): string {
  return secrets.filter((one) => one.length >= 8).reduce((clean, one) => clean.replaceAll(one, '[key]'), text);
}

/** The JSON of a text, or undefined where it is none. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
