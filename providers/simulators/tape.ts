import { isObject, type Json, type JsonObject } from '../../src/contract/index.ts';
import { fromBase64, latin1, toBase64 } from './base64.ts';
import { Digest } from './digest.ts';

/** A body on a tape: JSON as it is (long base64 inside it replaced by `{"$media": file}`), other text, or a file beside the tape. */
export type TapeBody = { json: Json } | { text: string } | { media: string } | Record<string, never>;

/** One call, as it was recorded. Its secrets are gone. */
export type Tape = {
  version: 1;
  provider: string;
  /** Of method, path and body: what replay looks for. */
  fingerprint: string;
  /** Which of the calls with this fingerprint it is, from 0: a job asked about again answers something else. */
  turn: number;
  request: { method: string; path: string; headers: Record<string, string>; body: TapeBody };
  answer: {
    status: number;
    headers: Record<string, string>;
    body: TapeBody;
    /** Bytes of each chunk and the milliseconds it came after the headers, of streams. */
    chunks?: [bytes: number, after: number][];
  };
};

/** Where the media of tapes lie: by name, which is their SHA-256. */
export type MediaShelf = {
  put(name: string, bytes: Uint8Array): Promise<void>;
  get(name: string): Promise<Uint8Array>;
};

/** Stands for the address of whoever plays the vendor. */
export const originMark = '{{vendor}}';

const keptRequestHeaders = /^(content-type|accept|prefer|.*-version|.*-beta|x-goog-api-client)$/;
const droppedAnswerHeaders =
  /^(set-cookie|date|cf-.*|.*organization.*|.*project.*|content-length|content-encoding|transfer-encoding|connection|keep-alive|alt-svc|strict-transport-security)$/;
const secrets = [
  /\b(?:sk|pk|rk)[-_](?:[A-Za-z0-9]+[-_])*[A-Za-z0-9]{12,}/g,
  /\br8_[A-Za-z0-9]{12,}/g,
  /\bgsk_[A-Za-z0-9]{12,}/g,
  /\bkey_[A-Za-z0-9]{24,}/g,
  /\bAIza[\w-]{30,}/g,
  /\bBearer\s+[\w.~+/-]{8,}=*/gi,
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+/g,
];
const secretQuery =
  /([?&](?:key|api_key|access_token|token|sig|signature|x-amz-signature|x-amz-credential|x-goog-signature)=)[^&"\s\\]*/gi;
const mediaLength = 512;
const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** Takes secrets out of text: `own` are those that this very call carried, whatever they look like. */
export function withoutSecrets(text: string, own: readonly string[] = []): string {
  let clean = text;
  for (const secret of own) if (secret.length >= 6) clean = clean.replaceAll(secret, '***');
  for (const pattern of secrets) clean = clean.replace(pattern, '***');
  return clean.replace(secretQuery, '$1***');
}

/** The secrets that a call carries in its headers and query. */
export function secretsOf(request: Request): string[] {
  const found: string[] = [];
  for (const [name, value] of request.headers) {
    if (/authorization|api-?key|token|secret|cookie|^x-key$/i.test(name))
      found.push(value, value.replace(/^\S+\s+/, ''));
  }
  const key = new URL(request.url).searchParams.get('key');
  if (key) found.push(key);
  return found;
}

export function keptHeaders(
  headers: Headers,
  of: 'request' | 'answer',
  own: readonly string[],
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of headers) {
    const keep = of === 'request' ? keptRequestHeaders.test(name) : !droppedAnswerHeaders.test(name);
    if (keep) kept[name] = withoutSecrets(value, own);
  }
  return kept;
}

/** What tells calls apart: method, path and body, whatever the order of keys, the boundary of a form, or the key that paid. */
export function fingerprintOf(provider: string, method: string, path: string, type: string, body: Uint8Array): string {
  const digest = new Digest().text(`${provider}\n${method}\n${withoutSecrets(path)}\n`);
  const boundary = /boundary="?([^";]+)/.exec(type)?.[1];
  if (boundary) return digest.text(latin1(body).replaceAll(boundary, 'boundary')).hex();
  const text = new TextDecoder().decode(body);
  try {
    return digest.text(withoutSecrets(JSON.stringify(sorted(JSON.parse(text) as Json)))).hex();
  } catch {
    return digest.add(body).hex();
  }
}

/** A body for a tape; media goes to the shelf. */
export async function writeBody(
  bytes: Uint8Array,
  type: string,
  shelf: MediaShelf,
  clean: (text: string) => string,
): Promise<TapeBody> {
  if (bytes.length === 0) return {};
  if (!/json|text|javascript|xml|urlencoded/.test(type) && type !== '') return { media: await shelve(bytes, shelf) };
  const text = new TextDecoder().decode(bytes);
  try {
    return { json: await withMediaOut(JSON.parse(clean(text)) as Json, shelf) };
  } catch {
    return { text: clean(text) };
  }
}

/** The bytes that a body stands for. */
export async function readBody(body: TapeBody, shelf: MediaShelf, fill: (text: string) => string): Promise<Uint8Array> {
  if ('media' in body && typeof body.media === 'string') return shelf.get(body.media);
  const encoder = new TextEncoder();
  if ('text' in body && typeof body.text === 'string') return encoder.encode(fill(body.text));
  if ('json' in body) return encoder.encode(fill(JSON.stringify(await withMediaIn(body.json as Json, shelf))));
  return new Uint8Array();
}

async function shelve(bytes: Uint8Array, shelf: MediaShelf): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  const name = [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  await shelf.put(name, bytes);
  return name;
}

async function withMediaOut(value: Json, shelf: MediaShelf): Promise<Json> {
  if (typeof value === 'string') {
    if (value.length < mediaLength || value.length % 4 !== 0 || !base64.test(value)) return value;
    const bytes = fromBase64(value);
    return bytes ? { $media: await shelve(bytes, shelf) } : value;
  }
  if (Array.isArray(value)) return Promise.all(value.map((one) => withMediaOut(one, shelf)));
  if (!isObject(value)) return value;
  const copy: JsonObject = {};
  for (const [name, child] of Object.entries(value)) copy[name] = await withMediaOut(child as Json, shelf);
  return copy;
}

async function withMediaIn(value: Json, shelf: MediaShelf): Promise<Json> {
  if (Array.isArray(value)) return Promise.all(value.map((one) => withMediaIn(one, shelf)));
  if (!isObject(value)) return value;
  if (typeof value.$media === 'string') return toBase64(await shelf.get(value.$media));
  const copy: JsonObject = {};
  for (const [name, child] of Object.entries(value)) copy[name] = await withMediaIn(child as Json, shelf);
  return copy;
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([name, child]) => [name, sorted(child as Json)]));
}
