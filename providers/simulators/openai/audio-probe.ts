import { wavSeconds } from '../media/index.ts';

/** What an audio file says about itself. */
export type AudioProbe = { container: 'wav' | 'mp3' | 'aac' | 'flac' | 'ogg' | 'mp4' | 'webm'; seconds: number };

/**
 * Recognises audio by its bytes and measures it: exactly for WAV, MP3, AAC (ADTS), FLAC and Opus, by size at 64 kbit/s for the others.
 * @returns undefined for bytes that are no audio.
 */
export function probeAudio(bytes: Uint8Array): AudioProbe | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (place: number) => String.fromCharCode(...bytes.subarray(place, place + 4));
  if (bytes.length < 12) return undefined;
  if (word(0) === 'RIFF' && word(8) === 'WAVE') return { container: 'wav', seconds: wavSeconds(bytes) ?? 0 };
  if (word(0) === 'fLaC' && bytes.length >= 26) return { container: 'flac', seconds: flacSeconds(view) };
  const guessed = bytes.length / 8000;
  if (word(0) === 'OggS') return { container: 'ogg', seconds: oggSeconds(view, word) ?? guessed };
  if (word(4) === 'ftyp') return { container: 'mp4', seconds: guessed };
  if (view.getUint32(0) === 0x1a45dfa3) return { container: 'webm', seconds: guessed };
  const start = pastTag(bytes);
  const mp3 = mp3Seconds(bytes, start);
  if (mp3 > 0) return { container: 'mp3', seconds: mp3 };
  const aac = adtsSeconds(bytes, start);
  return aac > 0 ? { container: 'aac', seconds: aac } : undefined;
}

/** STREAMINFO: 20 bits sample rate, 3 channels, 5 depth, 36 total samples, from byte 18. */
function flacSeconds(view: DataView): number {
  const rate = view.getUint32(18) >>> 12;
  const samples = (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22);
  return rate > 0 ? samples / rate : 0;
}

/** The granule position of the last page; Opus counts 48,000 a second. Undefined for other codecs. */
function oggSeconds(view: DataView, word: (place: number) => string): number | undefined {
  let last = 0;
  let skipped: number | undefined;
  for (let place = 0; place + 27 <= view.byteLength && word(place) === 'OggS'; ) {
    const segments = view.getUint8(place + 26);
    const body = place + 27 + segments;
    if (body > view.byteLength) break;
    if (word(body) === 'Opus' && word(body + 4) === 'Head') skipped = view.getUint16(body + 10, true);
    const granule = view.getUint32(place + 6, true) + view.getUint32(place + 10, true) * 2 ** 32;
    if (granule < 2 ** 53) last = granule;
    place = body;
    for (let index = 0; index < segments; index++) place += view.getUint8(body - segments + index);
  }
  return skipped === undefined ? undefined : Math.max(0, last - skipped) / 48_000;
}

const bitRates1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const bitRates2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const sampleRates = [44_100, 48_000, 32_000];

/** Where the sound begins behind an ID3 tag. */
function pastTag(bytes: Uint8Array): number {
  const at = (place: number) => bytes[place] ?? 0;
  const tagged = at(0) === 0x49 && at(1) === 0x44 && at(2) === 0x33;
  return tagged ? 10 + (at(6) << 21) + (at(7) << 14) + (at(8) << 7) + at(9) : 0;
}

const adtsRates = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

/** Counts AAC frames of 1024 samples; 0 when there is none where one must be. */
function adtsSeconds(bytes: Uint8Array, start: number): number {
  const at = (index: number) => bytes[index] ?? 0;
  let seconds = 0;
  for (let place = start; place + 7 <= bytes.length; ) {
    const rate = adtsRates[(at(place + 2) >> 2) & 15];
    const length = ((at(place + 3) & 3) << 11) | (at(place + 4) << 3) | (at(place + 5) >> 5);
    if (at(place) !== 0xff || (at(place + 1) & 0xf6) !== 0xf0 || rate === undefined || length < 7) break;
    seconds += 1024 / rate;
    place += length;
  }
  return seconds;
}

/** Adds up the frames of MPEG audio layer III; 0 when there is none where one must be. */
function mp3Seconds(bytes: Uint8Array, start: number): number {
  const at = (index: number) => bytes[index] ?? 0;
  let place = start;
  let seconds = 0;
  while (place + 4 <= bytes.length) {
    const version = (at(place + 1) >> 3) & 3;
    const layer = (at(place + 1) >> 1) & 3;
    const rateIndex = (at(place + 2) >> 2) & 3;
    const bitRate = (version === 3 ? bitRates1 : bitRates2)[at(place + 2) >> 4] ?? 0;
    const synced = at(place) === 0xff && at(place + 1) >= 0xe0 && version !== 1 && layer === 1;
    if (!synced || rateIndex === 3 || bitRate === 0) break;
    const sampleRate = (sampleRates[rateIndex] ?? 1) / (version === 3 ? 1 : version === 2 ? 2 : 4);
    const samples = version === 3 ? 1152 : 576;
    seconds += samples / sampleRate;
    place += Math.floor(((samples / 8) * bitRate * 1000) / sampleRate) + ((at(place + 2) >> 1) & 1);
  }
  return seconds;
}
