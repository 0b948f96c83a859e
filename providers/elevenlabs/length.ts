const bitRates1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const bitRates2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const sampleRates = [44_100, 48_000, 32_000];

/** How long delivered audio lasts, in seconds: MP3, WAV or Ogg Opus. Undefined where the bytes do not tell, as raw samples. */
export function secondsOf(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = String.fromCharCode(...bytes.subarray(0, 4));
  if (start === 'RIFF') return waveSeconds(view);
  if (start === 'OggS') return opusSeconds(bytes, view);
  return mp3Seconds(bytes);
}

function waveSeconds(view: DataView): number | undefined {
  if (view.byteLength < 44) return undefined;
  const perSecond = view.getUint32(28, true);
  return perSecond > 0 ? (view.byteLength - 44) / perSecond : undefined;
}

/** The last page counts 48,000 samples a second, those to be skipped included. */
function opusSeconds(bytes: Uint8Array, view: DataView): number | undefined {
  const isAt = (word: string, place: number) =>
    [...word].every((letter, index) => bytes[place + index] === letter.charCodeAt(0));
  let head = 0;
  while (head < 200 && !isAt('OpusHead', head)) head++;
  let last = bytes.length - 14;
  while (last > 0 && !isAt('OggS', last)) last--;
  if (head === 200 || last <= 0) return undefined;
  const granule = view.getUint32(last + 6, true) + view.getUint32(last + 10, true) * 2 ** 32;
  return Math.max(0, granule - view.getUint16(head + 10, true)) / 48_000;
}

/** Frames of MPEG audio layer III up to the first thing that is none. */
function mp3Seconds(bytes: Uint8Array): number | undefined {
  const at = (place: number) => bytes[place] ?? 0;
  const tagged = at(0) === 0x49 && at(1) === 0x44 && at(2) === 0x33;
  let place = tagged ? 10 + (at(6) << 21) + (at(7) << 14) + (at(8) << 7) + at(9) : 0;
  let samples = 0;
  let rate = 0;
  while (place + 4 <= bytes.length) {
    const version = (at(place + 1) >> 3) & 3;
    const index = (at(place + 2) >> 2) & 3;
    const bitRate = (version === 3 ? bitRates1 : bitRates2)[at(place + 2) >> 4] ?? 0;
    const synced = at(place) === 0xff && at(place + 1) >= 0xe0 && version !== 1 && ((at(place + 1) >> 1) & 3) === 1;
    if (!synced || index === 3 || bitRate === 0) break;
    rate = (sampleRates[index] ?? 1) / (version === 3 ? 1 : version === 2 ? 2 : 4);
    const frame = version === 3 ? 1152 : 576;
    samples += frame;
    place += Math.floor(((frame / 8) * bitRate * 1000) / rate) + ((at(place + 2) >> 1) & 1);
  }
  return rate > 0 ? samples / rate : undefined;
}
