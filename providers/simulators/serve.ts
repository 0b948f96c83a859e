/** Bytes over HTTP as a storage service serves them: GET, HEAD and one `Range`. */
export function serve(request: Request, bytes: Uint8Array, mediaType: string): Response {
  const size = bytes.byteLength;
  const headers = new Headers({
    'content-type': mediaType,
    'content-length': String(size),
    'accept-ranges': 'bytes',
    'cache-control': 'public, max-age=3600',
  });
  const answer = (body: Uint8Array, status: number) =>
    new Response(request.method === 'HEAD' ? null : (body as Uint8Array<ArrayBuffer>), { status, headers });
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get('range') ?? '');
  if (!range || (range[1] === '' && range[2] === '')) return answer(bytes, 200);
  const from = range[1] === '' ? Math.max(0, size - Number(range[2])) : Number(range[1]);
  const to = range[1] === '' || range[2] === '' ? size - 1 : Math.min(size - 1, Number(range[2]));
  if (from > to) {
    headers.set('content-range', `bytes */${size}`);
    headers.set('content-length', '0');
    return new Response(null, { status: 416, headers });
  }
  headers.set('content-range', `bytes ${from}-${to}/${size}`);
  headers.set('content-length', String(to - from + 1));
  return answer(bytes.subarray(from, to + 1), 206);
}
