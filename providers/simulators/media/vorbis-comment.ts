import { ascii, concat, little32 } from './bits.ts';

const vendor = ascii('atelier');

/** A Vorbis comment block (as in FLAC and Opus) with the text under LYRICS; an empty list without text. */
export function lyricsComment(text: string | undefined): Uint8Array {
  const head = concat(little32(vendor.length), vendor);
  if (text === undefined) return concat(head, little32(0));
  const comment = concat(ascii('LYRICS='), new TextEncoder().encode(text));
  return concat(head, little32(1), little32(comment.length), comment);
}

/** The text under LYRICS of a Vorbis comment block. */
export function readLyricsComment(block: Uint8Array): string | undefined {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const size = (at: number) => (at + 4 <= block.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY);
  let at = 4 + size(0);
  const count = size(at);
  at += 4;
  for (let index = 0; index < count && at < block.length; index++) {
    const end = at + 4 + size(at);
    if (end > block.length) return undefined;
    const comment = new TextDecoder().decode(block.subarray(at + 4, end));
    if (comment.startsWith('LYRICS=')) return comment.slice(7);
    at = end;
  }
  return undefined;
}
