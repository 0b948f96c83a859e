import { isObject, type Json, type JsonObject, type Strategy, strategies } from '../contract/index.ts';
import type { Wishes } from '../gateway/plan.ts';
import type { Asking } from '../runtime/ports.ts';
import { refused } from './refuse.ts';

const mostModels = 16;
const mostAttempts = 20;
const longestTime = 3_600_000;
const fields = ['strategy', 'attempts', 'restart', 'duplicate_ok', 'sticky'];

const read = new WeakMap<Asking, Wishes>();

/**
 * What a request says about who may answer it: `models` (after `model`, where that is not one of them) and `route` in any JSON body, or
 * the headers `x-atelier-models: a,b`, `x-atelier-route: strategy=cheapest, attempts=2, restart=true, duplicate_ok=false`,
 * `x-atelier-conversation` and `x-atelier-timeout-ms`. Takes those fields out of the body. Undefined where it says nothing.
 */
export function takeWishes(c: Asking, body: JsonObject, model: Json | undefined = body.model): Wishes | undefined {
  const { req } = c;
  const listed = req.header('x-atelier-models');
  const words = req.header('x-atelier-route');
  const conversation = req.header('x-atelier-conversation');
  const time = req.header('x-atelier-timeout-ms');
  const own = body.models !== undefined || body.route !== undefined;
  if (!own && listed === undefined && words === undefined && conversation === undefined && time === undefined) {
    return read.get(c);
  }
  const names = listed?.split(',').map((name) => name.trim()) ?? body.models;
  const route = words === undefined ? body.route : fieldsOf(words);
  const wishes: Wishes = {
    ...(names === undefined ? {} : { models: readModels(names, model) }),
    ...(route === undefined ? {} : readRoute(route)),
    ...(conversation === undefined ? {} : { conversation }),
    ...(time === undefined ? {} : { timeout: readCount(time, 'x-atelier-timeout-ms', longestTime) }),
  };
  delete body.models;
  delete body.route;
  read.set(c, wishes);
  return wishes;
}

/** What `takeWishes` found, for those who have no body. */
export function wishesOf(c: Asking): Wishes | undefined {
  return read.get(c) ?? takeWishes(c, {});
}

function readModels(names: Json | string[], model: Json | undefined): string[] {
  const list = Array.isArray(names) ? names : [];
  if (list.length === 0 || list.length > mostModels || !list.every((name) => typeof name === 'string' && name !== '')) {
    throw refused('models', `models is a list of 1 to ${mostModels} names.`);
  }
  const wanted = list as string[];
  if (typeof model !== 'string' || model === '' || model === 'auto' || wanted.includes(model)) return wanted;
  return [model, ...wanted];
}

function readRoute(route: Json): Wishes {
  if (typeof route === 'string') return readRoute({ strategy: route });
  if (!isObject(route)) throw refused('route', `route is an object with ${fields.join(', ')}.`);
  const unknown = Object.keys(route).find((name) => !fields.includes(name));
  if (unknown) throw refused(`route.${unknown}`, `route has no ${unknown}; it has ${fields.join(', ')}.`);
  const { strategy, attempts, restart, duplicate_ok, sticky } = route;
  if (strategy !== undefined && !(strategies as readonly Json[]).includes(strategy)) {
    throw refused('route.strategy', `strategy is one of ${strategies.join(', ')}.`);
  }
  if (sticky !== undefined && sticky !== 'conversation') throw refused('route.sticky', 'sticky is "conversation".');
  return {
    ...(strategy === undefined ? {} : { strategy: strategy as Strategy }),
    ...(attempts === undefined ? {} : { attempts: readCount(attempts, 'route.attempts', mostAttempts) }),
    ...(restart === undefined ? {} : { restart: readFlag(restart, 'route.restart') }),
    ...(duplicate_ok === undefined ? {} : { duplicateOk: readFlag(duplicate_ok, 'route.duplicate_ok') }),
    ...(sticky === undefined ? {} : { sticky: 'conversation' as const }),
  };
}

/** `name=value, name=value`, or one word: a strategy. */
function fieldsOf(words: string): JsonObject {
  if (!words.includes('=')) return { strategy: words.trim() };
  return Object.fromEntries(
    words.split(',').map((pair) => {
      const [name = '', value = ''] = pair.split('=').map((word) => word.trim());
      return [name, value];
    }),
  );
}

function readCount(value: Json, param: string, most: number): number {
  const count = Number(value);
  if (Number.isInteger(count) && count > 0 && count <= most) return count;
  throw refused(param, `${param} is a whole number from 1 to ${most}.`);
}

function readFlag(value: Json, param: string): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw refused(param, `${param} is true or false.`);
}
