import { isObject, type Json, type JsonObject } from '../../contract/index.ts';

const counted = new Set(['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties']);

/** Google's `Schema` (types in capitals, `nullable`, counts as strings) as JSON Schema. A JSON Schema passes unchanged. */
export function readSchema(schema: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [name, value] of Object.entries(schema)) {
    if (name === 'nullable' || name === 'propertyOrdering') continue;
    if (name === 'type' && typeof value === 'string') result.type = value.toLowerCase();
    else if (counted.has(name) && typeof value === 'string') result[name] = Number(value);
    else if (name === 'properties' && isObject(value)) {
      result.properties = Object.fromEntries(Object.entries(value).map(([key, child]) => [key, inner(child)]));
    } else if (name === 'items') result.items = inner(value);
    else if (name === 'anyOf' && Array.isArray(value)) result.anyOf = value.map(inner);
    else result[name] = value;
  }
  if (schema.nullable === true && typeof result.type === 'string') result.type = [result.type, 'null'];
  return result;
}

const inner = (value: Json): Json => (isObject(value) ? readSchema(value) : value);
