import { ascii, BitWriter, concat } from './bits.ts';
import { lyricsComment } from './vorbis-comment.ts';

const blockSize = 4096;

/** A FLAC file of 16-bit samples (interleaved), stored as they are; the text, if any, in a LYRICS comment. Format: RFC 9639. */
export function flac(pcm: Int16Array, { sampleRate, channels, text }: FlacOptions): Uint8Array {
  const total = Math.floor(pcm.length / channels);
  const writer = new BitWriter('high');
  writer.append(ascii('fLaC'));
  writer.write(0, 8);
  writer.write(34, 24);
  for (let limit = 0; limit < 2; limit++) writer.write(blockSize, 16);
  writer.write(0, 24); // frame sizes and the checksum of the samples may be left unknown
  writer.write(0, 24);
  writer.write(sampleRate, 20);
  writer.write(channels - 1, 3);
  writer.write(15, 5);
  writer.write(Math.floor(total / 2 ** 24), 12);
  writer.write(total, 24);
  writer.append(new Uint8Array(16));
  const comment = lyricsComment(text);
  writer.write(0x84, 8);
  writer.write(comment.length, 24);
  writer.append(comment);
  for (let number = 0; number * blockSize < total; number++) {
    const first = number * blockSize;
    const count = Math.min(blockSize, total - first);
    writer.append(frame(pcm.subarray(first * channels, (first + count) * channels), channels, sampleRate, number));
  }
  return writer.finish();
}

export type FlacOptions = { sampleRate: number; channels: 1 | 2; text?: string };

/** Codes of usual rates, from 4; a frame of any other rate points to the head of the file (code 0). */
const rates = [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];

function frame(pcm: Int16Array, channels: number, sampleRate: number, number: number): Uint8Array {
  const count = pcm.length / channels;
  const rate = rates.includes(sampleRate) ? 4 + rates.indexOf(sampleRate) : 0;
  const head = concat(
    Uint8Array.of(0xff, 0xf8, 0x70 | rate, ((channels - 1) << 4) | 0x08),
    varied(number),
    Uint8Array.of((count - 1) >> 8, count - 1),
  );
  const body = new Uint8Array(channels * (1 + count * 2));
  let at = 0;
  for (let channel = 0; channel < channels; channel++) {
    body[at++] = 0x02; // verbatim
    for (let index = channel; index < pcm.length; index += channels) {
      body[at++] = pcm[index]! >> 8;
      body[at++] = pcm[index]!;
    }
  }
  const whole = concat(head, Uint8Array.of(cyclic(head, 8, 0x07)), body);
  const sum = cyclic(whole, 16, 0x8005);
  return concat(whole, Uint8Array.of(sum >> 8, sum));
}

/** A number written as UTF-8 writes a character, which is how FLAC counts frames. */
function varied(number: number): Uint8Array {
  if (number < 0x80) return Uint8Array.of(number);
  if (number < 0x800) return Uint8Array.of(0xc0 | (number >> 6), 0x80 | (number & 63));
  if (number < 0x10000) return Uint8Array.of(0xe0 | (number >> 12), 0x80 | ((number >> 6) & 63), 0x80 | (number & 63));
  return Uint8Array.of(
    0xf0 | (number >> 18),
    0x80 | ((number >> 12) & 63),
    0x80 | ((number >> 6) & 63),
    0x80 | (number & 63),
  );
}

function cyclic(bytes: Uint8Array, width: 8 | 16, polynomial: number): number {
  const table = tables[width] ?? makeTable(width, polynomial);
  tables[width] = table;
  let sum = 0;
  for (const byte of bytes) sum = ((sum << 8) ^ table[((sum >> (width - 8)) ^ byte) & 255]!) & (2 ** width - 1);
  return sum;
}

const tables: { 8?: Uint16Array; 16?: Uint16Array } = {};

function makeTable(width: number, polynomial: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let value = byte << (width - 8);
    for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ ((value >> (width - 1)) & 1 ? polynomial : 0);
    return value & (2 ** width - 1);
  });
}
