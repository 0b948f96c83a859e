import type { Context } from 'hono';
import { GatewayError } from '../contract/index.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { signerOf, tenantOfAsset } from '../gateway/sign.ts';
import { errorAnswer } from './answer.ts';
import { extensionOf } from './media-input.ts';

/**
 * `GET /assets/{id}?e=&s=`: a kept output behind a signed link; no key is needed and none is looked at. Range and HEAD work.
 * Every wrong link gets the same 404.
 */
export function assetDoor(gateway: Gateway) {
  return async function answerAsset(c: Context): Promise<Response> {
    try {
      const id = c.req.param('id') ?? '';
      const tenant = tenantOfAsset(id);
      if (!tenant) throw missing();
      const book = gateway.books.of(tenant);
      const genuine = await signerOf(book).verify(
        id,
        c.req.query('e') ?? null,
        c.req.query('s') ?? null,
        gateway.clock.now(),
      );
      const row = genuine ? await book.asset(id) : undefined;
      if (!row) throw missing();
      const range = readRange(c.req.header('range'), row.bytes);
      if (range === 'bad')
        return new Response(null, { status: 416, headers: { 'content-range': `bytes */${row.bytes}` } });
      const stored = await gateway.assets.get(row.sha256, range);
      if (!stored) throw missing();
      const headers: Record<string, string> = {
        'content-type': row.mediaType,
        'content-length': String(range ? range.end - range.start + 1 : row.bytes),
        'content-disposition': `${c.req.query('download') === undefined ? 'inline' : 'attachment'}; filename="${id}.${extensionOf(row.mediaType)}"`,
        'accept-ranges': 'bytes',
        etag: `"${row.sha256}"`,
        'cache-control': 'private, immutable, max-age=3600',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'cross-origin-resource-policy': 'cross-origin',
      };
      if (range) headers['content-range'] = `bytes ${range.start}-${range.end}/${row.bytes}`;
      if (c.req.method === 'HEAD') {
        await stored.body.cancel();
        return new Response(null, { status: range ? 206 : 200, headers });
      }
      return new Response(stored.body, { status: range ? 206 : 200, headers });
    } catch (thrown) {
      const error = thrown instanceof GatewayError && thrown.code === 'invalid_api_key' ? missing() : thrown;
      return errorAnswer(error);
    }
  };
}

function missing(): GatewayError {
  return new GatewayError('not_found', 'This link is wrong or has expired. Read the generation again for a fresh one.');
}

/** One byte range of a Range header, undefined for none (or several: then the whole is sent), 'bad' outside the object. */
export function readRange(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'bad' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const start = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === '' || match[2] === '' ? size - 1 : Math.min(size - 1, Number(match[2]));
  return start > end || start >= size ? 'bad' : { start, end };
}
