import type { Context } from 'hono';
import type { AssetRow } from '../books/index.ts';
import { GatewayError } from '../contract/index.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { signerOf, tenantOfAsset } from '../gateway/sign.ts';
import { isStored, openStored } from '../gateway/stored.ts';
import { errorAnswer } from './answer.ts';
import { extensionOf } from './media-input.ts';

/** Seconds that a private cache may keep an output, unless its link ends earlier. */
const cacheTime = 3600;
/** What a browser might run: handed out as a file only. */
const active = /svg|html|xml|script/;

/**
 * `GET /assets/{id}?e=&s=`: a kept output behind a signed link; no key is needed and none is looked at. One range, conditional
 * requests and HEAD work; `download=1` makes it a file to save. Every wrong link gets the same 404.
 */
export function assetDoor(gateway: Gateway) {
  return async function answerAsset(c: Context): Promise<Response> {
    try {
      const id = c.req.param('id') ?? '';
      const tenant = tenantOfAsset(id);
      if (!tenant) throw missing();
      const book = gateway.books.of(tenant);
      const expires = c.req.query('e') ?? null;
      const now = gateway.clock.now();
      const genuine = await signerOf(book).verify(id, expires, c.req.query('s') ?? null, now);
      const row = genuine ? await book.asset(id) : undefined;
      if (!row) throw missing();

      const asFile = active.test(row.mediaType) || !['0', undefined].includes(c.req.query('download'));
      const maxAge = Math.max(0, Math.min(cacheTime, Number(expires) - Math.ceil(now / 1000)));
      const answer = await sendAsset(gateway, c, row, { asFile, maxAge });
      if (!answer) throw missing();
      return answer;
    } catch (thrown) {
      const error = thrown instanceof GatewayError && thrown.code === 'invalid_api_key' ? missing() : thrown;
      return errorAnswer(error);
    }
  };
}

/**
 * A kept output as an answer: one range, conditional requests and HEAD work.
 * @param how.maxAge seconds that a private cache may keep it.
 * @returns undefined when the bytes are gone.
 */
export async function sendAsset(
  gateway: Gateway,
  c: Context,
  row: AssetRow,
  how: { asFile: boolean; maxAge: number; headers?: Record<string, string> },
): Promise<Response | undefined> {
  const etag = `"${row.sha256}"`;
  const name = `${row.id}.${extensionOf(row.mediaType)}`;
  const headers: Record<string, string> = {
    ...how.headers,
    'content-type': row.mediaType,
    'content-disposition': `${how.asFile ? 'attachment' : 'inline'}; filename="${name}"`,
    'accept-ranges': 'bytes',
    etag,
    'cache-control': `private, immutable, max-age=${how.maxAge}`,
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'cross-origin-resource-policy': 'cross-origin',
  };
  if (matches(c.req.header('if-none-match'), etag)) return new Response(null, { status: 304, headers });
  // A range of something else than the client has the rest of is of no use to it.
  const same = [undefined, etag].includes(c.req.header('if-range'));
  const range = same ? readRange(c.req.header('range'), row.bytes) : undefined;
  if (range === 'bad') {
    return new Response(null, { status: 416, headers: { 'content-range': `bytes */${row.bytes}` } });
  }
  headers['content-length'] = String(range ? range.end - range.start + 1 : row.bytes);
  if (range) headers['content-range'] = `bytes ${range.start}-${range.end}/${row.bytes}`;
  const status = range ? 206 : 200;
  if (c.req.method === 'HEAD') {
    return (await isStored(gateway.assets, row)) ? new Response(null, { status, headers }) : undefined;
  }
  const stored = await openStored(gateway.assets, row, range);
  return stored && new Response(stored.body, { status, headers });
}

function missing(): GatewayError {
  return new GatewayError('not_found', 'This link is wrong or has expired. Read the generation again for a fresh one.');
}

function matches(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}

/**
 * One byte range of a Range header. Undefined for none, for several and for what is no range (then the whole is sent); 'bad' for one
 * outside the object.
 */
export function readRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'bad' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/i.exec((header ?? '').trim()) ?? [];
  if (from === '' && to === '') return undefined;
  if (from !== '' && to !== '' && Number(from) > Number(to)) return undefined;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(size - 1, Number(to));
  return start >= size ? 'bad' : { start, end };
}
