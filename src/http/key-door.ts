import type { Context } from 'hono';
import * as z from 'zod';
import { GatewayError, type JsonObject } from '../contract/index.ts';
import { hintOf, makeKey } from '../gateway/credential.ts';
import { hexDigest } from '../gateway/digest.ts';
import { newId } from '../gateway/ids.ts';
import { parseUsd, writeUsd } from '../meter/money.ts';
import { errorAnswer, jsonAnswer } from './answer.ts';
import { readJson } from './body.ts';
import type { Doors } from './generations.ts';
import { badField, decimalPattern, parsed } from './refuse.ts';

const newKey = z.strictObject({
  name: z.string().min(1).max(80),
  scopes: z
    .array(z.enum(['generate', 'spend']))
    .min(1)
    .optional(),
  expires_at: z.int().positive().optional(),
  project: z.string().min(1).max(80).optional(),
  /** Dollars at which a call without a known worst case is admitted under a budget. */
  unpriced_ceiling_usd: z.string().regex(decimalPattern, 'must be a decimal such as "0.50"').optional(),
  /** What the key's customer is charged on top of the provider's cost. */
  markup_percent: z.number().min(0).max(1000).optional(),
});

/** Seconds within which a key may be made to end: what is later was written in milliseconds. */
const longestLife = 100 * 366 * 86_400;

function checkExpiry(seconds: number | undefined, now: number): void {
  if (seconds === undefined || seconds - now / 1000 <= longestLife) return;
  throw badField('expires_at', 'must be in seconds since 1970, a hundred years ahead at most');
}

/** `POST /v1/keys` (admin): a new virtual key, shown once. */
export function createKeyDoor({ gateway, authenticator }: Doors) {
  return async function answerKey(c: Context): Promise<Response> {
    try {
      const tenant = await authenticator.admin(c);
      const asked = parsed(newKey, (await readJson(c)).body);
      const key = makeKey('live', tenant);
      const now = gateway.clock.now();
      checkExpiry(asked.expires_at, now);
      const row = {
        id: newId('key_', now),
        hash: await hexDigest(key),
        name: asked.name,
        hint: hintOf(key),
        scopes: asked.scopes ?? (['generate'] as const),
        at: now,
        ...(asked.expires_at === undefined ? {} : { expiresAt: asked.expires_at * 1000 }),
        ...(asked.project === undefined ? {} : { project: asked.project }),
        ...(asked.unpriced_ceiling_usd === undefined ? {} : { ceiling: parseUsd(asked.unpriced_ceiling_usd) }),
        ...(asked.markup_percent === undefined ? {} : { markupPpm: Math.round(asked.markup_percent * 10_000) }),
      };
      await gateway.books.of(tenant).createKey({ ...row, scopes: [...row.scopes] });
      const { id, object, ...rest } = viewKey(row);
      return jsonAnswer(c, { id, object, key, ...rest }, 201);
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `GET /v1/keys` (admin): all keys, none of their secrets. */
export function listKeysDoor({ gateway, authenticator }: Doors) {
  return async function answerKeys(c: Context): Promise<Response> {
    try {
      const tenant = await authenticator.admin(c);
      const rows = await gateway.books.of(tenant).listKeys();
      return jsonAnswer(c, { object: 'list', data: rows.map(viewKey) });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `DELETE /v1/keys/{id}` (admin): the key stops working at once. */
export function revokeKeyDoor({ gateway, authenticator }: Doors) {
  return async function answerRevoked(c: Context): Promise<Response> {
    try {
      const tenant = await authenticator.admin(c);
      const id = c.req.param('id') ?? '';
      const revoked = await gateway.books.of(tenant).revokeKey(id, gateway.clock.now());
      authenticator.forget();
      if (!revoked) throw new GatewayError('not_found', { message: `No live key is called "${id}".`, param: 'id' });
      return jsonAnswer(c, { id, object: 'key', revoked: true });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

type KeyRow = {
  id: string;
  name: string;
  hint: string;
  scopes: readonly string[];
  project?: string;
  ceiling?: bigint;
  markupPpm?: number;
  at: number;
  expiresAt?: number;
  revokedAt?: number;
};

function viewKey(row: KeyRow): JsonObject {
  const seconds = (time: number | undefined) => (time === undefined ? null : Math.floor(time / 1000));
  return {
    id: row.id,
    object: 'key',
    name: row.name,
    hint: row.hint,
    scopes: [...row.scopes],
    project: row.project ?? null,
    unpriced_ceiling_usd: row.ceiling === undefined ? null : writeUsd(row.ceiling),
    markup_percent: (row.markupPpm ?? 0) / 10_000,
    created_at: seconds(row.at),
    expires_at: seconds(row.expiresAt),
    revoked_at: seconds(row.revokedAt),
  };
}
