import { GatewayError } from '../contract/index.ts';
import { readKey } from '../gateway/credential.ts';
import { hexDigest } from '../gateway/digest.ts';
import type { Caller, Gateway } from '../gateway/gateway.ts';
import type { Asking } from '../runtime/ports.ts';

/** Milliseconds a key is trusted without asking its book again; `begin` asks again anyway before anything is sent. */
const trusted = 5_000;
const mostCached = 10_000;

export type Authenticator = {
  /** The caller behind a request's key. Unknown, expired and revoked keys get the same answer. */
  caller(c: Asking): Promise<Caller>;
  /** Refuses anyone but the operator. Returns the tenant that the admin key names. */
  admin(c: Asking): Promise<string>;
  /** An app's key or the operator's: for reports. */
  callerOrAdmin(c: Asking): Promise<{ caller?: Caller; tenant: string }>;
  forget(): void;
};

/** @param adminHash hex SHA-256 of the admin key, or undefined where none is set: then the admin plane is closed. */
export function createAuthenticator(
  gateway: Gateway,
  adminHash: string | undefined,
  adminTenant: string,
): Authenticator {
  // Keyed by the whole key, never by a prefix of it.
  const cache = new Map<string, { caller: Caller; until: number }>();

  const callerOf = async (key: string): Promise<Caller> => {
    const now = gateway.clock.now();
    const cached = cache.get(key);
    if (cached && cached.until > now) return cached.caller;
    const claim = readKey(key);
    if (claim?.kind !== 'live') throw invalid();
    const book = gateway.books.of(claim.tenant);
    const grant = await book.authorize(await hexDigest(key), now);
    if (!grant) {
      cache.delete(key);
      throw invalid();
    }
    const { id: keyId, name: keyName, scopes, project, ceiling, markupPpm } = grant;
    const caller: Caller = { tenant: claim.tenant, keyId, keyName, scopes, book, project, ceiling, markupPpm };
    if (cache.size >= mostCached) cache.clear();
    cache.set(key, { caller, until: Math.min(now + trusted, grant.expiresAt ?? Number.POSITIVE_INFINITY) });
    return caller;
  };

  const isAdmin = async (key: string) => adminHash !== undefined && sameText(await hexDigest(key), adminHash);

  return {
    caller: async (c) => {
      const key = credentialOf(c);
      const cached = cache.get(key);
      if (cached && cached.until > gateway.clock.now()) return cached.caller;
      if (await isAdmin(key)) {
        throw new GatewayError('permission_denied', 'The admin key does not generate. Use an app key.');
      }
      return callerOf(key);
    },
    admin: async (c) => {
      const key = credentialOf(c);
      if (await isAdmin(key)) return adminTenant;
      await callerOf(key);
      throw new GatewayError('permission_denied', 'This needs the admin key.');
    },
    callerOrAdmin: async (c) => {
      const key = credentialOf(c);
      if (await isAdmin(key)) return { tenant: adminTenant };
      const caller = await callerOf(key);
      return { caller, tenant: caller.tenant };
    },
    forget: () => cache.clear(),
  };
}

/** The one credential of a request, wherever its SDK puts it. Two different ones are refused. */
function credentialOf(c: Asking): string {
  const authorization = c.req.header('authorization');
  let found = authorization && /^bearer /i.test(authorization) ? authorization.slice(7).trim() : undefined;
  for (const other of [c.req.header('x-api-key'), c.req.header('x-goog-api-key'), c.req.query('key')]) {
    if (!other) continue;
    if (found && found !== other) {
      throw new GatewayError('conflicting_credentials', 'The request carries two different credentials.');
    }
    found = other;
  }
  if (!found) {
    throw new GatewayError(
      'authentication_required',
      'Send your Atelier key as "Authorization: Bearer …" (or x-api-key, x-goog-api-key).',
    );
  }
  return found;
}

function invalid(): GatewayError {
  return new GatewayError('invalid_api_key', 'The API key is not valid.');
}

/** Compares two digests without telling by time where they differ. */
function sameText(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let index = 0; index < one.length; index++)
    difference |= one.charCodeAt(index) ^ other.charCodeAt(index % other.length);
  return difference === 0;
}
