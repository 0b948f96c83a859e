import { big, duration, has, little, type Probe } from './read.ts';

const mostParts = 100_000;
const unknown32 = 0xffffffff;

/** RIFF and RF64 WAVE. A data size of 0 or of all ones (a stream's) or beyond the end means: up to the end. */
export function probeWave(bytes: Uint8Array, size: number): Probe | undefined {
  const wide = has(bytes, 0, 'RF64');
  if ((!has(bytes, 0, 'RIFF') && !wide) || !has(bytes, 8, 'WAVE')) return undefined;
  const found: Probe = { mediaType: 'audio/wav', kind: 'audio' };
  let bytesPerSecond = 0;
  let wideLength = 0;
  for (let at = 12, parts = 0; at + 8 <= bytes.length && parts < mostParts; parts++) {
    const length = little(bytes, at + 4, 4);
    const data = at + 8;
    if (has(bytes, at, 'fmt ')) {
      const plain = little(bytes, data, 2) === 1 || little(bytes, data, 2) === 3;
      // For uncompressed samples the rate follows from the layout; the stored one is only hearsay.
      const block = little(bytes, data + 2, 2) * Math.ceil(little(bytes, data + 14, 2) / 8);
      bytesPerSecond = (plain && block * little(bytes, data + 4, 4)) || little(bytes, data + 8, 4);
    } else if (wide && has(bytes, at, 'ds64')) wideLength = little(bytes, data + 8, 8);
    else if (has(bytes, at, 'data')) {
      const rest = size - data;
      const stated = length === unknown32 && wideLength > 0 ? wideLength : length;
      const real = stated === 0 || stated > rest ? rest : stated;
      return { ...found, ...duration(real, bytesPerSecond) };
    }
    at = data + length + (length & 1);
  }
  return found;
}

/** FLAC: rate and number of samples as its first block states them. */
export function probeFlac(bytes: Uint8Array, _size: number): Probe | undefined {
  if (!has(bytes, 0, 'fLaC')) return undefined;
  const found: Probe = { mediaType: 'audio/flac', kind: 'audio' };
  if ((bytes[4] ?? 1) % 128 !== 0 || bytes.length < 26) return found;
  const samples = (bytes[21]! & 15) * 2 ** 32 + big(bytes, 22, 4);
  return samples > 0 ? { ...found, ...duration(samples, Math.floor(big(bytes, 18, 3) / 16)) } : found;
}

/** Ogg: the clock rate from the first page, the end from the last page of the same stream; no duration from a mere beginning. */
export function probeOgg(bytes: Uint8Array, size: number): Probe | undefined {
  if (!has(bytes, 0, 'OggS')) return undefined;
  const first = 27 + (bytes[26] ?? 0);
  if (has(bytes, first, '\x80theora')) return { mediaType: 'video/ogg', kind: 'video' };
  const found: Probe = { mediaType: 'audio/ogg', kind: 'audio' };
  if (size > bytes.length) return found;
  let rate = 0;
  let before = 0;
  if (has(bytes, first, 'OpusHead')) {
    rate = 48_000;
    before = little(bytes, first + 10, 2);
  } else if (has(bytes, first, '\x01vorbis')) rate = little(bytes, first + 12, 4);
  else if (has(bytes, first, '\x7fFLAC')) rate = Math.floor(big(bytes, first + 27, 3) / 16);
  const serial = little(bytes, 14, 4);
  for (let at = bytes.length - 27; at >= 0; at--) {
    if (bytes[at] !== 0x4f || !has(bytes, at, 'OggS') || little(bytes, at + 14, 4) !== serial) continue;
    const granule = little(bytes, at + 6, 8);
    // All ones: no packet ends on this page.
    if (granule < 2 ** 63) return { ...found, ...duration(granule - before, rate) };
  }
  return found;
}
