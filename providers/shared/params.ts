import { GatewayError, type JsonObject } from '../../src/contract/index.ts';
import { pricedField } from './priced-names.ts';

/** A refusal before anything is sent: this provider or model cannot do what was asked. `allowed` says what it can. */
export function refuse(param: string, message: string, allowed?: readonly string[]): GatewayError {
  return new GatewayError('unsupported_parameter', {
    message: allowed ? `${message} Allowed: ${allowed.join(', ')}.` : message,
    param,
    failure: 'A',
    billing: 'none',
    ...(allowed ? { facts: { allowed: [...allowed] } } : {}),
  });
}

/**
 * The caller's provider-specific parameters, without those that the neutral request owns: `n`, `model` or `stream`
 * smuggled in here would escape limits and budgets, so they are refused.
 */
export function callerParams(params: JsonObject | undefined, owned: readonly string[]): JsonObject {
  for (const name of Object.keys(params ?? {})) {
    if (!owned.includes(name)) continue;
    const field = pricedField(name);
    const instead = field === undefined ? '' : ` Ask for it by "${field}".`;
    throw refuse(`params.${name}`, `params.${name} cannot be set this way.${instead}`);
  }
  return params ?? {};
}

/** One warning for each named field that was given but cannot be carried over. */
export function dropped(provider: string, fields: Record<string, unknown>): string[] {
  return Object.keys(fields)
    .filter((name) => fields[name] !== undefined)
    .map((name) => `${name} is not supported by ${provider} and was left out.`);
}

/** A copy without undefined values, for JSON bodies built field by field. */
export function present<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
