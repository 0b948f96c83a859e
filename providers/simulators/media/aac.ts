import { BitWriter } from './bits.ts';
import { lyricsTag } from './id3.ts';

const sampleRates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000];

/** One frame of silence without its header: a mono channel element without bands, and the end. */
export const silentFrame = Uint8Array.of(0, 0, 0, 7);

/**
 * An AAC stream (ADTS, mono, low complexity) of silence in whole frames of 1024 samples, the text, if any, in an ID3 tag.
 * RangeError for a rate AAC does not have.
 */
export function aac({
  seconds,
  text,
  sampleRate = 24_000,
}: {
  seconds: number;
  text?: string;
  sampleRate?: number;
}): Uint8Array {
  const rateIndex = sampleRates.indexOf(sampleRate);
  if (rateIndex < 0) throw new RangeError(`No AAC has ${sampleRate} samples a second.`);
  const writer = new BitWriter('high');
  if (text !== undefined) writer.append(lyricsTag(text));
  const frames = Math.max(1, Math.ceil((seconds * sampleRate) / 1024 - 1e-9));
  for (let frame = 0; frame < frames; frame++) {
    writer.write(0xfff1, 16);
    writer.write(1, 2);
    writer.write(rateIndex, 4);
    writer.write(0, 1);
    writer.write(1, 3); // one channel
    writer.write(0, 4);
    writer.write(11, 13); // length with this header
    writer.write(0x7ff, 11);
    writer.write(0, 2);
    writer.append(silentFrame);
  }
  return writer.finish();
}
