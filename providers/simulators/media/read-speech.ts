import { findHiddenText } from './hidden-text.ts';
import { readLyricsTag } from './id3.ts';
import { readLyricsComment } from './vorbis-comment.ts';

/**
 * The text that was spoken in audio made by this folder: raw 16-bit PCM, WAV (or any container that keeps the samples),
 * MP3, AAC, FLAC and Ogg Opus. Undefined for audio from elsewhere.
 */
export function readSpokenText(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 4));
  if (start.startsWith('ID3')) return readLyricsTag(bytes);
  if (start === 'fLaC') return readFlac(bytes) ?? findHiddenText(bytes);
  if (start === 'OggS') return readOpus(bytes);
  return findHiddenText(bytes);
}

function readFlac(bytes: Uint8Array): string | undefined {
  for (let at = 4; at + 4 <= bytes.length; ) {
    const size = (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if ((bytes[at]! & 127) === 4) return readLyricsComment(bytes.subarray(at + 4, at + 4 + size));
    if (bytes[at]! & 128) return undefined;
    at += 4 + size;
  }
  return undefined;
}

/** Second packet of the stream: the bodies of the pages from the second on, up to the first lace below 255. */
function readOpus(bytes: Uint8Array): string | undefined {
  const packet: number[] = [];
  for (let at = 0, page = 0; at + 27 <= bytes.length; page++) {
    const laces = bytes.subarray(at + 27, at + 27 + bytes[at + 26]!);
    let body = at + 27 + laces.length;
    for (const lace of laces) {
      if (page > 0) for (const byte of bytes.subarray(body, body + lace)) packet.push(byte);
      body += lace;
      if (page > 0 && lace < 255) return readLyricsComment(Uint8Array.from(packet).subarray(8));
    }
    at = body;
  }
  return undefined;
}
