import { hash32 } from '../seed.ts';
import { UnitWriter } from './h264-bits.ts';

export type H264Request = { width: number; height: number; fps: number; seed: string };

/** The pieces of one H.264 stream, each a NAL unit without length or start code. */
export type H264 = {
  sequence: Uint8Array;
  picture: Uint8Array;
  /** A picture that needs no other: the one of this second, unlike those beside it. */
  still(second: number): Uint8Array;
  /** The picture before once more; `count` is its place after the last still one, from 1. */
  same(count: number): Uint8Array;
};

/** [level × 10, macroblocks a second, macroblocks a picture] of ITU-T H.264 table A-1. */
const levels = [
  [10, 1485, 99],
  [11, 3000, 396],
  [12, 6000, 396],
  [13, 11_880, 396],
  [21, 19_800, 792],
  [22, 20_250, 1620],
  [30, 40_500, 1620],
  [31, 108_000, 3600],
  [32, 216_000, 5120],
  [40, 245_760, 8192],
  [42, 522_240, 8704],
  [50, 589_824, 22_080],
  [51, 983_040, 36_864],
  [52, 2_073_600, 36_864],
  [60, 4_177_920, 139_264],
] as const;

/** At this quantiser a luma level is 4 of 255, and with this offset a chroma level too; 2 where chroma is as large as luma. */
const quantiser = 40;
const chromaOffset = -4;

/**
 * A stream of flat macroblocks (Intra 16×16, one level each, no deblocking) and of pictures that only repeat (ITU-T H.264, 7.3):
 * constrained baseline, or High 4:4:4 where a side is odd, since half-sized chroma cannot be cropped there.
 */
export function h264({ width, height, fps, seed }: H264Request): H264 {
  const full = (width | height) % 2 === 1;
  const [across, down] = [(width + 15) >> 4, (height + 15) >> 4];
  return {
    sequence: sequenceUnit({ width, height, fps, full, across, down }),
    picture: pictureUnit(),
    still: (second) => stillUnit({ full, across, down, second, seed }),
    same: (count) => {
      const out = new UnitWriter();
      for (const value of [0, 5, 0]) out.unsigned(value);
      out.bits(count & 0xffff, 16);
      out.bits(0, 3);
      out.signed(0);
      out.unsigned(1);
      out.unsigned(across * down);
      return out.finish(0x41);
    },
  };
}

type Grid = { full: boolean; across: number; down: number };

function sequenceUnit({ width, height, fps, full, across, down }: Grid & Omit<H264Request, 'seed'>): Uint8Array {
  const out = new UnitWriter();
  const count = across * down;
  const level = levels.find(
    ([, second, most]) => count <= most && count * fps <= second && Math.max(across, down) ** 2 <= most * 8,
  );
  out.bits(full ? 0xf400 : 0x42c0, 16);
  out.bits(level?.[0] ?? 62, 8);
  out.unsigned(0);
  if (full) {
    out.unsigned(3);
    out.bits(0, 1);
    out.unsigned(0);
    out.unsigned(0);
    out.bits(0, 2);
  }
  for (const value of [12, 2, 1]) out.unsigned(value); // 16-bit picture numbers, shown as coded, one reference
  out.bits(0, 1);
  out.unsigned(across - 1);
  out.unsigned(down - 1);
  out.bits(0b111, 3);
  const step = full ? 1 : 2;
  for (const edge of [0, across * 16 - width, 0, down * 16 - height]) out.unsigned(edge / step);
  out.bits(0b100001, 6); // of the usability information only timing
  out.bits(1000, 32);
  out.bits(Math.round(fps * 2000), 32);
  out.bits(0b100011, 6); // fixed rate, and limits on reordering:
  for (const value of [0, 0, 9, 9, 0, 1]) out.unsigned(value);
  return out.finish(0x67);
}

function pictureUnit(): Uint8Array {
  const out = new UnitWriter();
  out.unsigned(0);
  out.unsigned(0);
  out.bits(0, 2);
  for (const value of [0, 0, 0]) out.unsigned(value);
  out.bits(0, 3);
  for (const value of [quantiser - 26, 0, chromaOffset]) out.signed(value);
  out.bits(0b100, 3);
  return out.finish(0x68);
}

/** Each macroblock is its left neighbour (the first of a row its upper one, the very first grey) plus one level a plane. */
function stillUnit({ full, across, down, second, seed }: Grid & { second: number; seed: string }): Uint8Array {
  const out = new UnitWriter();
  for (const value of [0, 7, 0]) out.unsigned(value);
  out.bits(0, 16);
  out.unsigned(second & 1);
  out.bits(0, 2);
  out.signed(0);
  out.unsigned(1);
  const columns = Math.min(across, 8);
  const rows = Math.min(down, 6);
  const marked = second % (columns * rows);
  const palette = Array.from({ length: columns * rows }, (_, cell) => colour(seed, cell, cell === marked));
  let above = [0, 0, 0];
  for (let y = 0; y < down; y++) {
    let left = above;
    for (let x = 0; x < across; x++) {
      const cell = Math.floor((y * rows) / down) * columns + Math.floor((x * columns) / across);
      const own = palette[cell]!;
      const [luma, blue, red] = own.map((value, plane) => value - left[plane]!) as [number, number, number];
      const tinted = blue !== 0 || red !== 0;
      const direction = x > 0 ? 'left' : y > 0 ? 'above' : 'none';
      out.unsigned(1 + { above: 0, left: 1, none: 2 }[direction] + (tinted && !full ? 4 : 0));
      if (!full) out.unsigned({ none: 0, left: 1, above: 2 }[direction]);
      out.signed(0);
      out.level(luma, 'luma');
      if (full || tinted) {
        out.level(full ? blue * 2 : blue, full ? 'luma' : 'chroma');
        out.level(full ? red * 2 : red, full ? 'luma' : 'chroma');
      }
      left = own;
      if (x === 0) above = own;
    }
  }
  return out.finish(0x65);
}

/** Levels above grey: a muted colour of the seed, or the bright mark that moves on each second. */
function colour(seed: string, cell: number, marked: boolean): [number, number, number] {
  if (marked) return [26, 0, 0];
  const hash = hash32(`${seed}|${cell}`);
  const tint = hash32(seed);
  return [
    (hash % 17) - 12,
    ((tint >>> 4) % 17) - 8 + ((hash >>> 8) % 5),
    ((tint >>> 12) % 17) - 8 + ((hash >>> 16) % 5),
  ];
}
