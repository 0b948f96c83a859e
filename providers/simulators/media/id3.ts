import { ascii, concat } from './bits.ts';

/** An ID3v2.4 tag with the text as unsynchronised lyrics (USLT, UTF-8). */
export function lyricsTag(text: string): Uint8Array {
  const content = concat(Uint8Array.of(3), ascii('eng\0'), new TextEncoder().encode(text));
  const frame = concat(ascii('USLT'), syncSafe(content.length), Uint8Array.of(0, 0), content);
  return concat(ascii('ID3'), Uint8Array.of(4, 0, 0), syncSafe(frame.length), frame);
}

/** The lyrics of an ID3v2.4 tag at the start of the bytes. */
export function readLyricsTag(bytes: Uint8Array): string | undefined {
  if (String.fromCharCode(...bytes.subarray(0, 3)) !== 'ID3' || bytes[3] !== 4) return undefined;
  const end = Math.min(bytes.length, 10 + fromSyncSafe(bytes, 6));
  for (let at = 10; at + 10 <= end && bytes[at] !== 0; ) {
    const size = fromSyncSafe(bytes, at + 4);
    const content = bytes.subarray(at + 10, Math.min(end, at + 10 + size));
    const isLyrics = String.fromCharCode(...bytes.subarray(at, at + 4)) === 'USLT' && content[0] === 3;
    const descriptionEnd = content.indexOf(0, 4);
    if (isLyrics && descriptionEnd >= 0) return new TextDecoder().decode(content.subarray(descriptionEnd + 1));
    at += 10 + size;
  }
  return undefined;
}

function syncSafe(size: number): Uint8Array {
  return Uint8Array.of((size >> 21) & 127, (size >> 14) & 127, (size >> 7) & 127, size & 127);
}

function fromSyncSafe(bytes: Uint8Array, at: number): number {
  let size = 0;
  for (let step = 0; step < 4; step++) size = size * 128 + ((bytes[at + step] ?? 0) & 127);
  return size;
}
