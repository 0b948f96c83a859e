import { probeFlac, probeOgg, probeWave } from './probe/audio-files.ts';
import { probeAdts, probeMpegAudio, skipTag } from './probe/audio-frames.ts';
import { probeBoxes } from './probe/boxes.ts';
import { probeGif, probeJpeg, probePng, probeWebp } from './probe/image.ts';
import { probeGlb } from './probe/model3d.ts';
import type { Probe } from './probe/read.ts';

export type { Probe } from './probe/read.ts';

const probes = [probePng, probeJpeg, probeGif, probeWebp, probeWave, probeFlac, probeOgg, probeBoxes, probeGlb];

/**
 * Reads format, size and duration off a media file's headers; nothing is decoded and nothing is believed that contradicts the length.
 * Never throws; time grows at most linearly with the bytes. `seconds`, `width`, `height` and `frames` are absent where the headers do not tell.
 * @param size length of the whole file in bytes, when `bytes` is only its beginning.
 * @returns undefined for bytes of no known format (raw PCM among them).
 */
export function probe(bytes: Uint8Array, size: number = bytes.length): Probe | undefined {
  const whole = Number.isFinite(size) ? Math.max(size, bytes.length) : bytes.length;
  for (const one of probes) {
    const found = one(bytes, whole);
    if (found) return found;
  }
  const start = skipTag(bytes);
  if (start > 0) {
    const flac = probeFlac(bytes.subarray(start), whole - start);
    if (flac) return flac;
  }
  return probeMpegAudio(bytes, whole, start) ?? probeAdts(bytes, whole, start);
}
