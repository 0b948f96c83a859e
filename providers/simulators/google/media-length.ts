import { wavSeconds } from '../media/index.ts';

/** Pixel size of a PNG or JPEG; undefined for others. */
export function pixelSize(bytes: Uint8Array): { width: number; height: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length > 24 && view.getUint32(0) === 0x89504e47)
    return { width: view.getUint32(16), height: view.getUint32(20) };
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  for (let at = 2; at + 9 < bytes.length; at += 2 + view.getUint16(at + 2)) {
    const marker = bytes[at + 1] ?? 0;
    if (bytes[at] !== 0xff) return undefined;
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
  }
  return undefined;
}

/** How long audio lasts, in seconds: exact for WAV, raw PCM and MP3, else as if it were 128 kbit/s. */
export function audioSeconds(bytes: Uint8Array, mimeType: string): number {
  const raw = /l16|pcm/i.test(mimeType) ? Number(/rate=(\d+)/.exec(mimeType)?.[1] ?? 24_000) : 0;
  if (raw > 0) return bytes.length / 2 / raw;
  const head = String.fromCharCode(...bytes.subarray(0, 4));
  if (head === 'RIFF') return wavSeconds(bytes) ?? bytes.length / 16_000;
  if (head.startsWith('ID3') || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe0) === 0xe0))
    return mp3Seconds(bytes) || bytes.length / 16_000;
  return bytes.length / 16_000;
}

const bitrates = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
const sampleRates = [44_100, 48_000, 32_000];

/** Walks Layer III frames. */
function mp3Seconds(bytes: Uint8Array): number {
  let at = 0;
  if (bytes[0] === 0x49) at = 10 + bytes.subarray(6, 10).reduce((size, byte) => size * 128 + (byte & 127), 0);
  let seconds = 0;
  while (at + 4 <= bytes.length) {
    const second = bytes[at + 1] ?? 0;
    const third = bytes[at + 2] ?? 0;
    if (bytes[at] !== 0xff || (second & 0xe0) !== 0xe0) break;
    const old = (second & 0x18) === 0x18 ? 0 : 1;
    const rate = (sampleRates[(third >> 2) & 3] ?? 44_100) / (old ? 2 : 1);
    const bits = (bitrates[old]?.[third >> 4] ?? 0) * 1000;
    if (bits === 0) break;
    const samples = old ? 576 : 1152;
    seconds += samples / rate;
    at += Math.floor((samples / 8) * (bits / rate)) + ((third >> 1) & 1);
  }
  return seconds;
}
