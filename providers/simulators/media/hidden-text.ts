import { big32, concat } from './bits.ts';

const mark = 0x53504b4e;

/** Sum of the bytes as FNV-1a, 32 bits. */
export function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * Writes text into the lowest bits of samples, over and over from the start: mark, length, UTF-8 bytes, checksum; high bits first.
 * One sample holds one bit; throws RangeError where not even one copy fits.
 */
export function hideText(samples: Int16Array, text: string): void {
  const bytes = new TextEncoder().encode(text);
  const message = concat(big32(mark), big32(bytes.length), bytes, big32(checksum(bytes)));
  const size = message.length * 8;
  if (size > samples.length)
    throw new RangeError(`${size} samples are needed to hide the text, not ${samples.length}.`);
  for (let at = 0, bit = 0; at < samples.length; at++) {
    samples[at] = (samples[at]! & ~1) | ((message[bit >> 3]! >> (7 - (bit & 7))) & 1);
    if (++bit === size) bit = 0;
  }
}

/** Finds hidden text in 16-bit samples (mono or stereo) at any place of the bytes; the first whole copy counts. */
export function findHiddenText(bytes: Uint8Array): string | undefined {
  for (const stride of [2, 4]) {
    for (let start = 0; start < stride; start++) {
      const found = findAt(bytes, start, stride);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function findAt(bytes: Uint8Array, start: number, stride: number): string | undefined {
  let seen = 0;
  for (let at = start; at < bytes.length; at += stride) {
    seen = (seen << 1) | (bytes[at]! & 1);
    if (seen !== mark) continue;
    const text = readMessage(bytes, at + stride, stride);
    if (text !== undefined) return text;
  }
  return undefined;
}

function readMessage(bytes: Uint8Array, start: number, stride: number): string | undefined {
  const take = (bit: number, count: number) => {
    let value = 0;
    for (let step = 0; step < count; step++) value = (value << 1) | (bytes[start + (bit + step) * stride]! & 1);
    return value >>> 0;
  };
  const room = Math.floor((bytes.length - start) / stride);
  if (room < 64) return undefined;
  const length = take(0, 32);
  if (length * 8 + 64 > room) return undefined;
  const text = Uint8Array.from({ length }, (_, at) => take(32 + at * 8, 8));
  return checksum(text) === take(32 + length * 8, 32) ? new TextDecoder().decode(text) : undefined;
}
