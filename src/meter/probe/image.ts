import { big, dimensions, has, little, type Probe, tag } from './read.ts';

const mostParts = 100_000;

export function probePng(bytes: Uint8Array): Probe | undefined {
  if (!has(bytes, 0, '\x89PNG\r\n\x1a\n')) return undefined;
  const size = has(bytes, 12, 'IHDR') && bytes.length >= 24 ? dimensions(big(bytes, 16, 4), big(bytes, 20, 4)) : {};
  for (let at = 8, parts = 0; at + 12 <= bytes.length && parts < mostParts; parts++) {
    if (has(bytes, at + 4, 'IDAT')) break;
    if (has(bytes, at + 4, 'acTL'))
      return { mediaType: 'image/png', kind: 'image', ...size, frames: big(bytes, at + 8, 4) };
    at += 12 + big(bytes, at, 4);
  }
  return { mediaType: 'image/png', kind: 'image', ...size };
}

/** Walks the markers to the frame header (SOF), whichever coding it announces. */
export function probeJpeg(bytes: Uint8Array): Probe | undefined {
  if (!has(bytes, 0, '\xff\xd8\xff')) return undefined;
  const found: Probe = { mediaType: 'image/jpeg', kind: 'image' };
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { ...found, ...dimensions(big(bytes, at + 7, 2), big(bytes, at + 5, 2)) };
    if (marker === 0xd9 || marker === 0xda) break;
    at += 2 + Math.max(2, big(bytes, at + 2, 2));
  }
  return found;
}

/** The size of the screen, and how many pictures are shown on it. */
export function probeGif(bytes: Uint8Array): Probe | undefined {
  if (!has(bytes, 0, 'GIF87a') && !has(bytes, 0, 'GIF89a')) return undefined;
  const tableSize = (at: number) => (bytes[at]! & 0x80 ? 3 * 2 ** ((bytes[at]! & 7) + 1) : 0);
  const size = bytes.length >= 10 ? dimensions(little(bytes, 6, 2), little(bytes, 8, 2)) : {};
  let frames = 0;
  let at = 13 + tableSize(10);
  while (at < bytes.length) {
    if (bytes[at] === 0x2c) {
      frames++;
      at += 11 + tableSize(at + 9);
    } else if (bytes[at] === 0x21) at += 2;
    else break;
    while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
    at++;
  }
  return { mediaType: 'image/gif', kind: 'image', ...size, ...(frames > 0 ? { frames } : {}) };
}

export function probeWebp(bytes: Uint8Array): Probe | undefined {
  if (!has(bytes, 0, 'RIFF') || !has(bytes, 8, 'WEBP')) return undefined;
  let size: { width?: number; height?: number } = {};
  let frames = 0;
  for (let at = 12, parts = 0; at + 8 <= bytes.length && parts < mostParts; parts++) {
    const name = tag(bytes, at);
    const data = at + 8;
    const room = bytes.length - data;
    if (name === 'ANMF') frames++;
    else if (size.width === undefined) {
      if (name === 'VP8X' && room >= 10)
        size = dimensions(1 + little(bytes, data + 4, 3), 1 + little(bytes, data + 7, 3));
      else if (name === 'VP8L' && room >= 5 && bytes[data] === 0x2f) {
        const packed = little(bytes, data + 1, 4);
        size = dimensions(1 + (packed & 0x3fff), 1 + ((packed >> 14) & 0x3fff));
      } else if (name === 'VP8 ' && room >= 10 && has(bytes, data + 3, '\x9d\x01\x2a')) {
        size = dimensions(little(bytes, data + 6, 2) & 0x3fff, little(bytes, data + 8, 2) & 0x3fff);
      }
    }
    const length = little(bytes, at + 4, 4);
    at = data + length + (length & 1);
  }
  return { mediaType: 'image/webp', kind: 'image', ...size, ...(frames > 0 ? { frames } : {}) };
}
