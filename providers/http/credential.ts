import { type Call, encodeBase64, errorOfAnswer, errorOfThrow, GatewayError } from '../../src/contract/index.ts';
import { asFree } from '../shared/outcome.ts';
import type { Upstream } from './exchange.ts';
import { parseJson, payloadOf, strike } from './payload.ts';
import { findWord } from './pointer.ts';
import { fillText, placesIn } from './template.ts';

/** What a request carries to prove who it is from. `stale`: by a token of an earlier request, which may have run out. */
export type Credential = {
  headers: Record<string, string>;
  query: [string, string][];
  secrets: string[];
  stale: boolean;
};

/** Names of places in `auth` and `token`. */
export const credentialPlaces = ['key', 'key_id', 'key_secret', 'key_base64', 'token'];

/**
 * Tokens by key. There is no clock here: what time it is, is learned from the `date` of the vendor's own answers, and a token that
 * has run out unseen is found by its refusal.
 */
export class Tokens {
  private readonly kept = new Map<string, { token: string; until: number }>();
  private now = 0;

  hear(headers: Headers): void {
    const date = Date.parse(headers.get('date') ?? '');
    if (date > this.now) this.now = date;
  }

  find(key: string): string | undefined {
    const found = this.kept.get(key);
    return found && this.now < found.until ? found.token : undefined;
  }

  keep(key: string, token: string, ttl: number | undefined): void {
    // A little before its end: the request still has to arrive.
    const until = ttl === undefined || this.now === 0 ? Number.POSITIVE_INFINITY : this.now + ttl * 950;
    if (this.kept.size >= 100) this.kept.clear();
    this.kept.set(key, { token, until });
  }
}

/** Headers and query of one request. @param fresh asks for a new token even where one is kept. */
export async function credentialOf(upstream: Upstream, call: Call, fresh: boolean): Promise<Credential> {
  const { row, tokens } = upstream;
  const places = keyPlaces(call.key);
  const kept = fresh ? undefined : tokens.find(call.key);
  const token = row.token && call.key !== '' ? (kept ?? (await exchangeToken(upstream, call, places))) : undefined;
  if (token !== undefined) places.token = token;
  const lookup = (name: string) => (call.key === '' ? undefined : places[name]);
  const filled = (templates: Record<string, string> = {}) =>
    Object.entries(templates).flatMap(([name, template]): [string, string][] => {
      const value = fillText(template, lookup);
      return value === undefined ? [] : [[name, value]];
    });
  return {
    headers: Object.fromEntries(filled(row.auth?.headers)),
    query: filled(row.auth?.query),
    secrets: Object.values(places),
    stale: kept !== undefined,
  };
}

/** True where calls of this row carry a credential at all. */
export function needsCredential({ row }: Upstream, call: Call): boolean {
  const templates = [...Object.values(row.auth?.headers ?? {}), ...Object.values(row.auth?.query ?? {})];
  return call.key !== '' && templates.some((template) => placesIn(template).length > 0);
}

function keyPlaces(key: string): Record<string, string> {
  const colon = key.indexOf(':');
  const [first, second] = colon < 0 ? [key, key] : [key.slice(0, colon), key.slice(colon + 1)];
  return { key, key_id: first, key_secret: second, key_base64: encodeBase64(new TextEncoder().encode(key)) };
}

/** A new token. Nothing paid has been sent, so every failure is of class A or B. */
async function exchangeToken(
  { id, row, baseUrl, tokens }: Upstream,
  call: Call,
  places: Record<string, string>,
): Promise<string> {
  const { url = '', path = '', ttl, ...payload } = row.token ?? {};
  const address = url.startsWith('/') ? call.baseUrl + url : ownUrl(url, baseUrl, call.baseUrl);
  const { headers, body } = payloadOf(payload, (name) => places[name]);
  const unsent = { failure: 'A', billing: 'none' } as const;
  let response: Response;
  let text: string;
  try {
    response = await call.fetch(address, {
      method: 'POST',
      headers: { accept: 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: call.signal,
    });
    text = await response.text();
  } catch (thrown) {
    const error = asFree(errorOfThrow(id, thrown, call.signal));
    throw new GatewayError(error.code, { ...error.details, ...unsent });
  }
  const answered = parseJson(strike(text, response.ok ? [] : Object.values(places)));
  if (!response.ok) {
    const error = errorOfAnswer(id, response.status, response.headers, answered);
    // OAuth says 400 where it means the credentials.
    const code = response.status === 400 ? 'provider_authentication' : error.code;
    const message = `${id} gave no token for the gateway's credentials (${response.status}).`;
    throw new GatewayError(code, { ...error.details, ...unsent, status: undefined, message });
  }
  const token = findWord(answered, [path]);
  if (token === undefined) {
    throw new GatewayError('provider_garbage', { message: `${id} answered without a token.`, provider: id, ...unsent });
  }
  tokens.hear(response.headers);
  tokens.keep(call.key, token, ttl);
  return token;
}

/** Where an operator has put something else in the vendor's place, that also gives the tokens. */
function ownUrl(url: string, baseUrl: string, ours: string): string {
  return ours === baseUrl ? url : ours + new URL(url).pathname;
}
