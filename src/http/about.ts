import type { Context } from 'hono';
import { checkUrl, UrlError } from '../contract/address.ts';
import { GatewayError, isObject, type JsonObject, stringAt } from '../contract/index.ts';
import type { About } from '../gateway/attempt.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import { type Mac, macOf } from '../gateway/mac.ts';
import { parseUsd } from '../meter/money.ts';
import type { Asking } from '../runtime/ports.ts';
import { decimalPattern } from './refuse.ts';

const macs = new WeakMap<Caller['book'], { mac: Mac; known: Map<string, string> }>();
/** Hashes kept in memory for each book. */
const mostKnown = 10_000;
const mostTags = 16;

/**
 * What a request says about itself: tags, end user, workflow, parent and what it may cost, from our headers (`x-atelier-tags:
 * team=red,env=prod`, `x-atelier-user`, `x-atelier-workflow`, `x-atelier-parent`, `x-atelier-max-cost-usd`) or, on our own doors, its body.
 */
export async function aboutOf(c: Asking, caller: Caller, body: JsonObject, own = false): Promise<About | undefined> {
  const { req } = c;
  const tags =
    readTags(req.header('x-atelier-tags')) ??
    (own && isObject(body.tags) ? (body.tags as Record<string, string>) : undefined);
  const user = req.header('x-atelier-user') ?? stringAt(body, 'user') ?? stringAt(body, 'metadata', 'user_id');
  const workflow = req.header('x-atelier-workflow') ?? (own ? stringAt(body, 'workflow') : undefined);
  const parent = req.header('x-atelier-parent') ?? (own ? stringAt(body, 'parent') : undefined);
  const most = req.header('x-atelier-max-cost-usd') ?? (own ? stringAt(body, 'max_cost_usd') : undefined);
  const idempotency = req.header('idempotency-key');
  if (!tags && !user && !workflow && !parent && !most && !idempotency) return undefined;
  return {
    ...(tags ? { tags } : {}),
    ...(user ? { endUser: await hashedUser(caller, user) } : {}),
    ...(workflow ? { workflow: workflow.slice(0, 128) } : {}),
    ...(parent ? { parent: parent.slice(0, 64) } : {}),
    ...(most ? { most: readMost(most) } : {}),
    ...(idempotency ? { idempotency } : {}),
  };
}

/** An end user as the book knows it: hashed under the tenant's own secret, so that the name cannot be read or guessed from outside. */
export async function hashedUser(caller: Pick<Caller, 'book'>, user: string): Promise<string> {
  const { book } = caller;
  const kept = macs.get(book) ?? { mac: macOf(book, 'user_secret'), known: new Map<string, string>() };
  macs.set(book, kept);
  const before = kept.known.get(user);
  if (before) return before;
  const hash = `user_${(await kept.mac.sign(user)).slice(0, 32)}`;
  if (kept.known.size >= mostKnown) kept.known.clear();
  kept.known.set(user, hash);
  return hash;
}

/** Whom to tell about the end of a generation. Throws invalid_request where the address cannot be told anything. */
export function webhookOf(gateway: Gateway, c: Context, body: JsonObject): { url: string; origin: string } | undefined {
  const url = stringAt(body, 'webhook');
  if (url === undefined) return undefined;
  checkTold(gateway, url, 'webhook');
  return { url, origin: originOf(gateway, c) };
}

/** Refuses an address that webhooks must not be sent to, before anything runs. */
export function checkTold(gateway: Pick<Gateway, 'allowedOrigins'>, url: string, param: string): void {
  try {
    checkUrl(url, gateway.allowedOrigins);
  } catch (thrown) {
    const reason = thrown instanceof UrlError ? thrown.message : 'It cannot be read.';
    throw new GatewayError('invalid_request', { message: `${param}: ${reason}`, param });
  }
}

/** Where links in answers point: the configured public address, else the one that was called. */
export function originOf(gateway: Pick<Gateway, 'publicUrl'>, c: Context): string {
  return gateway.publicUrl ?? new URL(c.req.url).origin;
}

function readTags(text: string | undefined): Record<string, string> | undefined {
  if (!text) return undefined;
  const pairs = text.split(',').map((pair) => pair.split('='));
  const bad = pairs.find(
    ([name, value]) => !name?.trim() || value === undefined || name.length > 64 || value.length > 256,
  );
  if (bad || pairs.length > mostTags) {
    throw new GatewayError('invalid_request', {
      message: `x-atelier-tags is written name=value,name=value with at most ${mostTags} of them.`,
      param: 'x-atelier-tags',
    });
  }
  return Object.fromEntries(pairs.map(([name = '', value = '']) => [name.trim(), value.trim()]));
}

function readMost(text: string): bigint {
  if (decimalPattern.test(text)) return parseUsd(text);
  throw new GatewayError('invalid_request', {
    message: 'max_cost_usd is a decimal number of dollars such as "0.05".',
    param: 'max_cost_usd',
  });
}
