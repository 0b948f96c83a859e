import {
  type Call,
  type ErrorDetails,
  errorOfAnswer,
  errorOfThrow,
  GatewayError,
  isObject,
  type Json,
} from '../../src/contract/index.ts';
import { asFree, refuseAborted } from '../shared/outcome.ts';
import { credentialOf, type Tokens } from './credential.ts';
import { parseJson, payloadOf, strike } from './payload.ts';
import { findAll, findWord } from './pointer.ts';
import type { HttpCall, HttpError, HttpRow } from './row.ts';
import { fill, fillText, isWholePlace, type Lookup, placesIn } from './template.ts';

/** What is asked: only `submit` spends money, so only its lost answers are of unknown outcome. */
export type Purpose = 'submit' | 'poll' | 'cancel' | 'output';

/** One upstream as its row says, with what was learned while running. */
export type Upstream = { id: string; row: HttpRow; baseUrl: string; tokens: Tokens };

/** A good answer. `body` is its JSON; anything else is in `response`, not read yet. */
export type Answer = { status: number; body?: Json; response?: Response };

/** Characters that may stand in an id that becomes part of an address. */
const safe = /^(?!\.{1,2}$)[\w.~:@-]{1,400}$/;

/**
 * Sends one request of a row, once; a request refused for a stale token goes again with a new one, since a 401 proves that nothing
 * was done. Redirects are not followed.
 * @param raw hands on what is not JSON as it comes.
 * @throws GatewayError by the common rules (provider-error.ts), read with the row's `error`.
 */
export async function exchange(
  upstream: Upstream,
  call: Call,
  asked: HttpCall,
  lookup: Lookup,
  purpose: Purpose,
  raw = false,
): Promise<Answer> {
  refuseAborted(upstream.id, call.signal);
  const address = addressOf(upstream, call, asked, lookup);
  const payload = payloadOf(asked, lookup);
  const method = asked.method ?? (purpose === 'submit' || purpose === 'cancel' ? 'POST' : 'GET');
  for (let fresh = false; ; fresh = true) {
    const credential = await credentialOf(upstream, call, fresh);
    const url = new URL(address);
    for (const [name, value] of credential.query) url.searchParams.set(name, value);
    const headers = { accept: 'application/json', ...upstream.row.headers, ...payload.headers };
    for (const [name, template] of Object.entries(asked.headers ?? {})) {
      const value = fillText(template, lookup);
      if (value !== undefined) Object.assign(headers, { [name]: value.replaceAll(/[^\x20-\x7e]/g, '') });
    }
    const init = { method, headers: { ...headers, ...credential.headers, 'x-client-request-id': call.attemptId } };
    const answer = await readAnswer(upstream, call, purpose, raw, () =>
      call.fetch(url.href, { ...init, body: payload.body, redirect: 'manual', signal: call.signal }),
    );
    upstream.tokens.hear(answer.headers);
    if (answer.status === 401 && credential.stale && !fresh) continue;
    const refusal = refusalOf(upstream, call, credential.secrets, answer, purpose);
    if (refusal) throw refusal;
    return answer;
  }
}

/** Where a request goes: below the base URL, or to an address that the vendor gave, if that is one of its own. */
function addressOf({ id, row }: Upstream, call: Call, asked: HttpCall, lookup: Lookup): string {
  if (isWholePlace(asked.path)) return checkedAddress(id, row, call.baseUrl, String(fill(asked.path, lookup)));
  const path = fillText(asked.path, lookup, inPath);
  if (path === undefined) {
    const missing = placesIn(asked.path).filter((name) => lookup(name) === undefined);
    const message = `${id} needs ${missing.join(' and ')} for this.`;
    throw new GatewayError('invalid_request', { message, param: missing[0], failure: 'A', billing: 'none' });
  }
  const url = new URL(call.baseUrl + path);
  for (const [name, template] of Object.entries(asked.query ?? {})) {
    const value = fillText(template, lookup);
    if (value !== undefined) url.searchParams.append(name, value);
  }
  return url.href;
}

/** An address of the vendor's is followed (with its key) only to its own hosts: the base URL's origin, or https below `hosts`. */
export function checkedAddress(id: string, row: HttpRow, baseUrl: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const own = url?.origin === new URL(baseUrl).origin;
  const named = row.hosts?.some((host) => url?.hostname === host || url?.hostname.endsWith(`.${host}`));
  if (url && !url.username && (own || (url.protocol === 'https:' && url.port === '' && named))) return url.href;
  throw new GatewayError('provider_garbage', {
    message: `${id} named an address that is not its own.`,
    provider: id,
    failure: 'C',
    billing: 'unknown',
  });
}

/** A value as part of a path: percent-encoded, with no way up. */
export function inPath(text: string): string {
  return encodeURIComponent(/^\.{1,2}$/.test(text) ? text.replaceAll('.', '%2E') : text).replaceAll('%3A', ':');
}

/** True for an id that may become part of a path as it is. */
export function isSafeId(text: string): boolean {
  return safe.test(text);
}

type Read = Answer & { headers: Headers; text?: string };

async function readAnswer(
  { id }: Upstream,
  call: Call,
  purpose: Purpose,
  raw: boolean,
  send: () => Promise<Response>,
): Promise<Read> {
  try {
    const response = await send();
    const { status, headers } = response;
    const isJson = /json/.test(headers.get('content-type') ?? '');
    if (raw && response.ok && !isJson) return { status, headers, response };
    const text = await response.text();
    const body = parseJson(text);
    return { status, headers, text, ...(body === undefined ? {} : { body }) };
  } catch (thrown) {
    const error = errorOfThrow(id, thrown, call.signal);
    throw purpose === 'submit' ? error : asFree(error);
  }
}

/** The error of an answer that is none: a bad status, a refusal with a good one, or something that is not JSON. */
function refusalOf(
  { id, row }: Upstream,
  call: Call,
  secrets: readonly string[],
  { status, headers, body, text, response }: Read,
  purpose: Purpose,
): GatewayError | undefined {
  if (response) return undefined;
  const good = status >= 200 && status < 300;
  const told = good ? deniedStatus(body, row.error) : status;
  if (told === undefined && (isObject(body) || Array.isArray(body) || (purpose === 'cancel' && good))) return undefined;
  if (told === undefined) return garbage(id, text ?? '');
  const clean = parseJson(strike(JSON.stringify(body ?? (text ?? '').slice(0, 2000)), [call.key, ...secrets]));
  const message = findWord(clean, row.error?.message);
  const code = findWord(clean, row.error?.code);
  const said =
    message === undefined && code === undefined
      ? clean
      : { error: { ...(message && { message }), ...(code && { code }) } };
  const error = errorOfAnswer(id, told, headers, said || undefined);
  const { status: ours, ...details } = error.details;
  const mapped = mapCode(row.error, `${told} ${code ?? ''} ${message ?? ''}`);
  const raw = details.raw === undefined || clean === undefined ? {} : { raw: clean };
  if (mapped === undefined) return new GatewayError(error.code, { ...error.details, ...raw });
  return new GatewayError(mapped, { ...details, ...raw, ...(mapped === error.code && ours ? { status: ours } : {}) });
}

/** The status of a refusal that came with a good one; undefined where the answer is what it should be. */
function deniedStatus(body: Json | undefined, error: HttpError | undefined): number | undefined {
  if (!error?.accepted) return undefined;
  const found = findAll(body, error.accepted.pointer)[0];
  if (found === undefined || error.accepted.values.includes(found)) return undefined;
  const told = Number(findWord(body, error.status ? [error.status] : []));
  return told >= 400 && told < 600 ? told : 400;
}

/** What the row says that a failure of these words is. */
export function mapCode(error: HttpError | undefined, words: string) {
  const low = words.toLowerCase();
  return error?.codes?.find(({ match }) => low.includes(match.toLowerCase()))?.code;
}

/** An answer with a good status that is not what was promised. */
export function garbage(id: string, text: string, details: Partial<ErrorDetails> = {}): GatewayError {
  const what = text.trim() === '' ? 'an empty answer' : 'something that is not its answer';
  const message = `${id} sent ${what}.`;
  return new GatewayError('provider_garbage', { message, provider: id, failure: 'C', billing: 'unknown', ...details });
}
