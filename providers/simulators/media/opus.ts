import { ascii, BitWriter, concat, little32 } from './bits.ts';
import { lyricsComment } from './vorbis-comment.ts';

const packetSamples = 960;
const preSkip = 312;
const silence = Uint8Array.of(0xf8, 0xff, 0xfe);
const serial = 0x61746c72;

/**
 * An Ogg Opus file (48 kHz, mono) of exactly so many seconds (to the sample) of silence, the text, if any, in its comments.
 * Formats: RFC 3533, RFC 7845.
 */
export function opus({ seconds, text }: { seconds: number; text?: string }): Uint8Array {
  const writer = new BitWriter('low');
  const total = Math.max(1, Math.round(seconds * 48_000)) + preSkip;
  let sequence = 0;
  const page = (packets: Uint8Array[], granule: number, flags: number) => {
    for (const one of pages(packets, granule, flags, sequence)) {
      writer.append(one);
      sequence++;
    }
  };
  const head = concat(
    ascii('OpusHead'),
    Uint8Array.of(1, 1, preSkip & 255, preSkip >> 8),
    little32(48_000),
    Uint8Array.of(0, 0, 0),
  );
  page([head], 0, 2);
  page([concat(ascii('OpusTags'), lyricsComment(text))], 0, 0);
  const packets = Math.ceil(total / packetSamples);
  for (let first = 0; first < packets; first += 50) {
    const count = Math.min(50, packets - first);
    const last = first + count === packets;
    const granule = Math.min(total, (first + count) * packetSamples);
    page(new Array<Uint8Array>(count).fill(silence), granule, last ? 4 : 0);
  }
  return writer.finish();
}

/** The pages that hold these packets; a packet longer than a page runs on in the next. */
function pages(packets: Uint8Array[], granule: number, flags: number, sequence: number): Uint8Array[] {
  const laces = packets.flatMap((packet) => [
    ...new Array<number>(Math.floor(packet.length / 255)).fill(255),
    packet.length % 255,
  ]);
  const data = concat(...packets);
  const result: Uint8Array[] = [];
  for (let lace = 0, at = 0; lace < laces.length; lace += 255) {
    const own = laces.slice(lace, lace + 255);
    const size = own.reduce((sum, length) => sum + length, 0);
    const unfinished = lace + 255 < laces.length;
    const whole = concat(
      ascii('OggS'),
      Uint8Array.of(0, flags | (lace > 0 ? 1 : 0)),
      unfinished ? new Uint8Array(8).fill(255) : concat(little32(granule), little32(Math.floor(granule / 2 ** 32))),
      concat(
        little32(serial),
        little32(sequence + result.length),
        new Uint8Array(4),
        Uint8Array.of(own.length, ...own),
      ),
      data.subarray(at, at + size),
    );
    whole.set(little32(checksum(whole)), 22);
    result.push(whole);
    at += size;
  }
  return result;
}

/** Ogg's own 32-bit sum: polynomial 0x04c11db7, not reflected, starting at 0. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = (sum << 8) ^ table[(sum >>> 24) ^ byte]!;
  return sum;
}

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = (value << 1) ^ (value < 0 ? 0x04c11db7 : 0);
  return value;
});
