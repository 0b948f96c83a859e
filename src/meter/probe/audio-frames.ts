import { big, duration, has, type Probe } from './read.ts';

const bitrates = {
  version1: [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  ],
  version2: [
    [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  ],
};
const searchLimit = 65_536;

/** Where the audio begins: behind an ID3v2 tag (or several), else 0. */
export function skipTag(bytes: Uint8Array): number {
  let at = 0;
  while (has(bytes, at, 'ID3') && at + 10 <= bytes.length) {
    const size = [6, 7, 8, 9].reduce((sum, place) => sum * 128 + (bytes[at + place]! & 127), 0);
    at += 10 + size + (bytes[at + 5]! & 16 ? 10 : 0);
  }
  return at;
}

type Frame = { length: number; samples: number; rate: number; kind: number; sideInfo: number };

function mpegFrame(bytes: Uint8Array, at: number): Frame | undefined {
  if (at + 4 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xe0) !== 0xe0) return undefined;
  const version = (bytes[at + 1]! >> 3) & 3;
  const layer = 3 - ((bytes[at + 1]! >> 1) & 3);
  const rateIndex = (bytes[at + 2]! >> 2) & 3;
  if (version === 1 || layer === 3 || rateIndex === 3) return undefined;
  const bitrate = bitrates[version === 3 ? 'version1' : 'version2'][layer]?.[(bytes[at + 2]! >> 4) - 1];
  if (bitrate === undefined) return undefined;
  const rate = [44_100, 48_000, 32_000][rateIndex]! / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const samples = layer === 0 ? 384 : layer === 2 && version !== 3 ? 576 : 1152;
  const slot = layer === 0 ? 4 : 1;
  const padding = (bytes[at + 2]! >> 1) & 1;
  const length = (Math.floor(((samples / 8 / slot) * bitrate * 1000) / rate) + padding) * slot;
  const mono = bytes[at + 3]! >> 6 === 3;
  const sideInfo = version === 3 ? (mono ? 17 : 32) : mono ? 9 : 17;
  return { length, samples, rate, kind: version * 4 + layer, sideInfo };
}

/** Two agreeing frames in a row, or one that ends with the file, so that two chance bytes are not taken for audio. */
function isStart(bytes: Uint8Array, at: number): boolean {
  const frame = mpegFrame(bytes, at);
  if (!frame) return false;
  const next = mpegFrame(bytes, at + frame.length);
  if (next) return next.kind === frame.kind && next.rate === frame.rate;
  return at + frame.length === bytes.length || has(bytes, at + frame.length, 'TAG');
}

/**
 * MPEG audio (MP3 and its elder layers): counts the frames by their headers, which no stated number can belie.
 * From a mere beginning, the number stated by a Xing, Info or VBRI header counts, else the bitrate seen so far.
 */
export function probeMpegAudio(bytes: Uint8Array, size: number, start: number): Probe | undefined {
  let at = start;
  const furthest = start > 0 ? start + searchLimit : start;
  while (at <= furthest && at < bytes.length && !isStart(bytes, at)) at++;
  if (at > furthest || at >= bytes.length)
    return start > 0 && start >= bytes.length ? { mediaType: 'audio/mpeg', kind: 'audio' } : undefined;
  const first = mpegFrame(bytes, at)!;
  const stated = statedFrames(bytes, at, first);
  const audio = stated === undefined ? at : at + first.length;
  let samples = 0;
  let place = audio;
  for (let frame = mpegFrame(bytes, place); frame && frame.rate === first.rate; frame = mpegFrame(bytes, place)) {
    if (place + frame.length > size) break;
    samples += frame.samples;
    place += frame.length;
  }
  const found: Probe = { mediaType: 'audio/mpeg', kind: 'audio' };
  if (size === bytes.length) return { ...found, ...duration(samples, first.rate) };
  if (stated) return { ...found, ...duration(stated * first.samples, first.rate) };
  return { ...found, ...duration((samples * (size - audio)) / (place - audio), first.rate) };
}

/** Frames as the first frame states them, if it holds such a header in place of sound; 0 where the header leaves it open. */
function statedFrames(bytes: Uint8Array, at: number, first: Frame): number | undefined {
  const header = at + 4 + first.sideInfo;
  if (has(bytes, header, 'Xing') || has(bytes, header, 'Info')) {
    return bytes[header + 7]! & 1 ? big(bytes, header + 8, 4) : 0;
  }
  return has(bytes, at + 36, 'VBRI') ? big(bytes, at + 50, 4) : undefined;
}

const adtsRates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];

/** AAC in ADTS frames, each of 1024 samples a block. */
export function probeAdts(bytes: Uint8Array, size: number, start: number): Probe | undefined {
  const isFrame = (at: number) => bytes[at] === 0xff && (bytes[at + 1]! & 0xf6) === 0xf0 && at + 7 <= bytes.length;
  const lengthAt = (at: number) => Math.floor(big(bytes, at + 3, 3) / 32) % 8192;
  const rate = adtsRates[((bytes[start + 2] ?? 0xff) >> 2) & 15];
  if (!isFrame(start) || rate === undefined) return undefined;
  let samples = 0;
  let at = start;
  let frames = 0;
  while (isFrame(at) && lengthAt(at) >= 7 && at + lengthAt(at) <= size) {
    samples += 1024 * ((bytes[at + 6]! & 3) + 1);
    at += lengthAt(at);
    frames++;
  }
  if (frames < 2 && at !== size) return undefined;
  const all = size > bytes.length ? (samples * (size - start)) / (at - start) : samples;
  return { mediaType: 'audio/aac', kind: 'audio', ...duration(all, rate) };
}
