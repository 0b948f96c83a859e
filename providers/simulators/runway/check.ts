import { isObject, type JsonObject } from '../../../src/contract/index.ts';

/** One fault as Runway names it. */
export type Issue = { code: string; path: (string | number)[]; message: string };
/** What is wrong with a value, or undefined. */
export type Rule = (value: unknown, path: (string | number)[]) => Issue | undefined;
/** Fields of one model at one endpoint; a name ending in "*" must be there. `open` ignores fields that it does not know. */
export type Form = { fields: Record<string, Rule>; open?: boolean };

const issue = (code: string, path: (string | number)[], message: string): Issue => ({ code, path, message });

export function words(...allowed: (string | number)[]): Rule {
  return (value, path) =>
    allowed.includes(value as string)
      ? undefined
      : issue('invalid_value', path, `Invalid option: expected one of ${allowed.map((one) => `"${one}"`).join('|')}`);
}

/** A string of some length in UTF-16 code units. */
export function text(min: number, max: number): Rule {
  return (value, path) => {
    if (typeof value !== 'string') return issue('invalid_type', path, 'Invalid input: expected string');
    if (value.length < min) return issue('too_small', path, `Too small: expected string to have >=${min} characters`);
    return value.length > max
      ? issue('too_big', path, `Too big: expected string to have <=${max} characters`)
      : undefined;
  };
}

export function number(min: number, max: number, whole = true): Rule {
  return (value, path) => {
    if (typeof value !== 'number' || (whole && !Number.isInteger(value))) {
      return issue('invalid_type', path, `Invalid input: expected ${whole ? 'int' : 'number'}`);
    }
    if (value < min) return issue('too_small', path, `Too small: expected number to be >=${min}`);
    return value > max ? issue('too_big', path, `Too big: expected number to be <=${max}`) : undefined;
  };
}

export const flag: Rule = (value, path) =>
  typeof value === 'boolean' ? undefined : issue('invalid_type', path, 'Invalid input: expected boolean');

/** An https address, an upload, or a data URI of a kind. */
export function media(kind: 'image' | 'video' | 'audio'): Rule {
  const longest = kind === 'image' ? 5_242_880 : 16_777_216;
  return (value, path) => {
    if (typeof value !== 'string') return issue('invalid_type', path, 'Invalid input: expected string');
    if (/^(https|runway):\/\/./.test(value) && value.length <= 5000) return undefined;
    if (!value.startsWith(`data:${kind}/`)) return issue('invalid_format', path, `Invalid ${kind} URI`);
    return value.length > longest
      ? issue('too_big', path, `Too big: expected string to have <=${longest} characters`)
      : undefined;
  };
}

export function list(min: number, max: number, each: Rule): Rule {
  return (value, path) => {
    if (!Array.isArray(value)) return issue('invalid_type', path, 'Invalid input: expected array');
    if (value.length < min) return issue('too_small', path, `Too small: expected array to have >=${min} items`);
    if (value.length > max) return issue('too_big', path, `Too big: expected array to have <=${max} items`);
    return first(value.map((item, index) => each(item, [...path, index])));
  };
}

export function object(fields: Record<string, Rule>, open = true): Rule {
  return (value, path) =>
    isObject(value)
      ? check(value, { fields, open }, path)[0]
      : issue('invalid_type', path, 'Invalid input: expected object');
}

export function either(...rules: Rule[]): Rule {
  return (value, path) => {
    const found = rules.map((rule) => rule(value, path));
    return found.includes(undefined) ? undefined : found.at(-1);
  };
}

/** Everything that is wrong with a body. */
export function check(body: JsonObject, { fields, open = false }: Form, path: (string | number)[] = []): Issue[] {
  const names = Object.keys(fields).map((name) => name.replace('*', ''));
  const issues = Object.entries(fields).flatMap(([name, rule]) => {
    const plain = name.replace('*', '');
    const value = body[plain];
    if (value !== undefined) return rule(value, [...path, plain]) ?? [];
    return name.endsWith('*')
      ? issue('invalid_type', [...path, plain], 'Invalid input: expected a value, received undefined')
      : [];
  });
  const strange = open ? [] : Object.keys(body).filter((name) => !names.includes(name));
  if (strange.length > 0) {
    issues.push(
      issue('unrecognized_keys', path, `Unrecognized keys: ${strange.map((name) => `"${name}"`).join(', ')}`),
    );
  }
  return issues;
}

function first(found: (Issue | undefined)[]): Issue | undefined {
  return found.find((one) => one !== undefined);
}
