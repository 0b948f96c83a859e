/** Any JSON value, as parsed. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path of keys, or undefined where any step is missing. */
export function at(value: unknown, ...path: (string | number)[]): Json | undefined {
  return along(value, path);
}

function along(value: unknown, path: readonly (string | number)[]): Json | undefined {
  let here: unknown = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<string | number, unknown>)[key];
  }
  return here as Json | undefined;
}

/** A finite number, or undefined: providers send null, absent and strings. */
export function numberAt(value: unknown, ...path: (string | number)[]): number | undefined {
  const found = along(value, path);
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

/** The list at a path of keys; an empty one where there is none. */
export function listAt(value: unknown, ...path: (string | number)[]): Json[] {
  const found = along(value, path);
  return Array.isArray(found) ? found : [];
}

export function stringAt(value: unknown, ...path: (string | number)[]): string | undefined {
  const found = along(value, path);
  return typeof found === 'string' ? found : undefined;
}
