import { random } from '../seed.ts';
import { BitWriter } from './bits.ts';
import { lyricsTag } from './id3.ts';
import { noteMilliHertz } from './wave.ts';

const rates = {
  version1: {
    sampleRates: [44100, 48000, 32000],
    bitrates: [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    granules: 2,
  },
  version2: {
    sampleRates: [22050, 24000, 16000],
    bitrates: [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    granules: 1,
  },
};
const granuleLength = 576;

/** How long an MP3 of at least so many seconds really is: whole frames of 1152 samples (576 at 24 kHz and below). */
export function mp3Seconds(seconds: number, sampleRate = 44_100): number {
  const samples = shapeOf(sampleRate).granules * granuleLength;
  return (Math.max(1, Math.ceil((seconds * sampleRate) / samples - 1e-9)) * samples) / sampleRate;
}

/**
 * A mono MP3 of constant bitrate (bits a second, default 128000) with a plain run of tones, one spectral line each, and the text,
 * if any, in an ID3 tag. It lasts {@link mp3Seconds}. RangeError for rates that Layer III does not have.
 */
export function mp3({ seconds, text, sampleRate = 44_100, bitrate = 128_000, seed = '' }: Mp3Request): Uint8Array {
  const shape = shapeOf(sampleRate);
  const bitrateIndex = shape.bitrates.indexOf(bitrate / 1000) + 1;
  if (bitrateIndex === 0) throw new RangeError(`No MP3 at ${sampleRate} Hz has ${bitrate} bits a second.`);
  const frames = Math.round((mp3Seconds(seconds, sampleRate) * sampleRate) / (shape.granules * granuleLength));
  const bytesTimesRate = 72 * shape.granules * bitrate;
  const tune = tones(`${seed}|${text ?? ''}`, sampleRate);
  const writer = new BitWriter('high');
  if (text !== undefined) writer.append(lyricsTag(text));
  let carried = 0;
  for (let frame = 0; frame < frames; frame++) {
    // A frame is a byte longer whenever the bytes left over have added up to one.
    carried += bytesTimesRate % sampleRate;
    const padded = carried >= sampleRate ? 1 : 0;
    carried -= padded * sampleRate;
    const end = writer.size + (Math.floor(bytesTimesRate / sampleRate) + padded) * 8;
    writer.write(shape.granules === 2 ? 0xfffb : 0xfff3, 16);
    writer.write((bitrateIndex << 4) | (shape.sampleRates.indexOf(sampleRate) << 2) | (padded << 1), 8);
    writer.write(0xc0, 8); // mono
    const numbers = Array.from({ length: shape.granules }, (_, index) => frame * shape.granules + index);
    writeGranules(writer, numbers.map(tune));
    writer.align();
    while (writer.size < end) writer.write(0, 8);
  }
  return writer.finish();
}

export type Mp3Request = { seconds: number; text?: string; sampleRate?: number; bitrate?: number; seed?: string };

/** One spectral line (0 to 575), its sign, and its loudness as Layer III's global gain. */
type Tone = { line: number; negative: boolean; gain: number };

function shapeOf(sampleRate: number) {
  const shape = Object.values(rates).find((one) => one.sampleRates.includes(sampleRate));
  if (!shape) throw new RangeError(`No MP3 has ${sampleRate} samples a second.`);
  return shape;
}

/** The tone of each granule: notes of a fifth of a second that fade, now and then a rest. */
function tones(seed: string, sampleRate: number): (granule: number) => Tone | undefined {
  const length = Math.max(1, Math.round(sampleRate / granuleLength / 5));
  return (granule) => {
    const note = Math.floor(granule / length);
    const dice = random(`mp3|${seed}|${note}`);
    if (dice.below(5) === 0) return undefined;
    const hertz = noteMilliHertz(57 + [0, 3, 5, 7, 10, 12, 15, 17][dice.below(8)]!) / 1000;
    const line = Math.floor((hertz * granuleLength * 2) / sampleRate);
    // Signs in the order in which a steady tone's phase passes through the transform, so that granules join without clicks.
    const quarter = granule & 3;
    const negative = line % 2 === 0 ? quarter >= 2 : quarter === 1 || quarter === 2;
    return { line, negative, gain: 200 - Math.round(((granule % length) * 14) / length) };
  };
}

/** Four bits for the group of four lines that holds the tone, one for its sign. */
const toneBits = 5;

function writeGranules(writer: BitWriter, granules: (Tone | undefined)[]): void {
  const first = granules.length === 2;
  writer.write(0, first ? 18 : 9); // nothing kept from earlier frames; private bits; no shared scale factors
  for (const tone of granules) {
    writer.write(tone ? toneBits : 0, 12);
    writer.write(tone ? tone.line >> 1 : 0, 9); // pairs below the tone, by table 0: zeros that take no bits
    writer.write(tone?.gain ?? 0, 8);
    writer.write(0, first ? 4 : 9); // scale factors take no bits
    writer.write(0, 1 + 15 + 7); // long blocks, no tables, regions
    writer.write(1, first ? 3 : 2); // the four-bit table for lines of 0 and 1
  }
  for (const tone of granules) {
    if (!tone) continue;
    writer.write(tone.line & 1 ? 0b1011 : 0b0111, 4);
    writer.write(tone.negative ? 1 : 0, 1);
  }
}
