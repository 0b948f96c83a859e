import { isObject, type Json, type JsonObject } from '../../contract/index.ts';

/** What structured outputs read of a schema: https://platform.claude.com/docs/en/build-with-claude/structured-outputs. */
const words = [
  ...['type', 'enum', 'const', 'title', 'description', 'default', 'required', '$ref', '$schema', '$id', '$comment'],
  ...['properties', 'items', 'anyOf', 'allOf', '$defs', 'definitions', 'additionalProperties'],
];
const formats = ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid'];

/**
 * A schema of another dialect as structured outputs take it: every object closed, `oneOf` as `anyOf`. A bound that they cannot hold
 * the model to (a length, a range, a pattern) is said in the description.
 */
export function closed(schema: JsonObject): JsonObject {
  const result: JsonObject = {};
  const said: string[] = [];
  for (const [name, value] of Object.entries(schema)) {
    if (name === 'properties' || name === '$defs' || name === 'definitions') result[name] = each(value);
    else if (name === 'items') result.items = inner(value);
    else if (name === 'anyOf' || name === 'allOf' || name === 'oneOf')
      result[name === 'oneOf' ? 'anyOf' : name] = Array.isArray(value) ? value.map(inner) : value;
    else if (words.includes(name) || isKept(name, value)) result[name] = value;
    else said.push(`${name}: ${JSON.stringify(value)}`);
  }
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  if (types.includes('object') || isObject(schema.properties)) result.additionalProperties = false;
  if (said.length > 0) {
    const before = typeof schema.description === 'string' ? `${schema.description}\n\n` : '';
    result.description = `${before}{${said.join(', ')}}`;
  }
  return result;
}

function isKept(name: string, value: Json): boolean {
  return (
    (name === 'minItems' && (value === 0 || value === 1)) || (name === 'format' && formats.includes(String(value)))
  );
}

const inner = (value: Json): Json => (isObject(value) ? closed(value) : value);

const each = (value: Json): Json =>
  isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, child]) => [name, inner(child)])) : value;
