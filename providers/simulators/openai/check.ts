import type { JsonObject } from '../../../src/contract/index.ts';
import { isObject } from '../../../src/contract/index.ts';
import { WireError } from './wire.ts';

type Type = 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';

/** What a field may be. Every field may also be null, which means absent. */
export type Rule = {
  type: Type | readonly Type[];
  min?: number;
  max?: number;
  oneOf?: readonly string[];
  required?: boolean;
};

/**
 * Refuses a body as OpenAI does: unknown names, missing names, wrong types, values out of range.
 * @param unknown `argument` and `parameter` are the API's two ways to name an unknown field; `ignore` lets them pass.
 */
export function check(
  body: JsonObject,
  rules: Record<string, Rule>,
  unknown: 'argument' | 'parameter' | 'ignore' = 'parameter',
): void {
  for (const name of Object.keys(body)) {
    if (rules[name] || name.startsWith('x_') || unknown === 'ignore') continue;
    if (unknown === 'argument') throw new WireError(400, `Unrecognized request argument supplied: ${name}`);
    throw new WireError(400, `Unknown parameter: '${name}'.`, { param: name, code: 'unknown_parameter' });
  }
  for (const [name, rule] of Object.entries(rules)) {
    const value = body[name];
    if (value === undefined || value === null) {
      if (rule.required) throw missing(name);
      continue;
    }
    checkValue(name, value, rule);
  }
}

export function missing(param: string): WireError {
  return new WireError(400, `Missing required parameter: '${param}'.`, { param, code: 'missing_required_parameter' });
}

export function checkValue(param: string, value: unknown, rule: Rule): void {
  const types = typeof rule.type === 'string' ? [rule.type] : rule.type;
  if (!types.some((type) => isOf(value, type))) throw wrongType(param, types, value);
  if (typeof value === 'string' && rule.oneOf) checkWord(param, value, rule.oneOf);
  if (typeof value === 'string' && rule.max !== undefined && value.length > rule.max) {
    const message = `Invalid '${param}': string too long. Expected a string with maximum length ${rule.max}, but got a string with length ${value.length} instead.`;
    throw new WireError(400, message, { param, code: 'string_above_max_length' });
  }
  if (Array.isArray(value)) checkLength(param, value, rule);
  if (typeof value !== 'number') return;
  const kind = types.includes('integer') ? 'integer' : 'decimal';
  const bad = (word: string, sign: string, limit: number, code: string) => {
    const message = `Invalid '${param}': ${kind} ${word} value. Expected a value ${sign} ${limit}, but got ${value} instead.`;
    return new WireError(400, message, { param, code: `${kind}_${code}` });
  };
  if (rule.min !== undefined && value < rule.min) throw bad('below minimum', '>=', rule.min, 'below_min_value');
  if (rule.max !== undefined && value > rule.max) throw bad('above maximum', '<=', rule.max, 'above_max_value');
}

export function checkWord(param: string, value: string, words: readonly string[]): void {
  if (words.includes(value)) return;
  const quoted = words.map((word) => `'${word}'`);
  const last = quoted.pop();
  const list = quoted.length > 0 ? `${quoted.join(', ')}, and ${last}` : last;
  const message = `Invalid value: '${value}'. Supported values are: ${list}.`;
  throw new WireError(400, message, { param, code: 'invalid_value' });
}

export function wrongType(param: string, types: readonly Type[], value: unknown): WireError {
  const article = (type: string) => (/^[aio]/.test(type) ? `an ${type}` : `a ${type}`);
  const wanted = types.map(article).join(' or ');
  const got = value === null ? 'null' : Array.isArray(value) ? 'an array' : article(typeof value);
  const message = `Invalid type for '${param}': expected ${wanted}, but got ${got} instead.`;
  return new WireError(400, message, { param, code: 'invalid_type' });
}

function checkLength(param: string, value: unknown[], rule: Rule): void {
  if (value.length < (rule.min ?? 0)) {
    const message = `Invalid '${param}': empty array. Expected an array with minimum length ${rule.min}, but got an empty array instead.`;
    throw new WireError(400, message, { param, code: 'empty_array' });
  }
  if (rule.max !== undefined && value.length > rule.max) {
    const message = `Invalid '${param}': array too long. Expected an array with maximum length ${rule.max}, but got an array with length ${value.length} instead.`;
    throw new WireError(400, message, { param, code: 'array_above_max_length' });
  }
}

function isOf(value: unknown, type: Type): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}
