import { encodeBase64 } from '../contract/index.ts';

/** Base64 text of a body, piece by piece: never held whole. */
export async function* base64Pieces(
  chunks: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
): AsyncGenerator<string> {
  let rest = new Uint8Array();
  for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
    const bytes = new Uint8Array(rest.length + chunk.length);
    bytes.set(rest);
    bytes.set(chunk, rest.length);
    const even = bytes.length - (bytes.length % 3);
    rest = bytes.slice(even);
    if (even > 0) yield encodeBase64(bytes.subarray(0, even));
  }
  if (rest.length > 0) yield encodeBase64(rest);
}
