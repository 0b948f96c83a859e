import { ascii, BitWriter, concat, little32 } from './bits.ts';
import { type Colour, type PictureRequest, picture } from './picture.ts';
import { type PrefixCode, prefixCode } from './prefix-code.ts';

const largestCopy = 4096;

/**
 * A lossless WebP (VP8L with a colour table), at most 16384 pixels a side.
 * Runs are copied from the pixel to the left or above, the rest is one prefix code.
 * Format: RFC 9649.
 */
export function webp(request: PictureRequest): Uint8Array {
  if (request.width > 16384 || request.height > 16384) throw new RangeError('WebP sides end at 16384 pixels.');
  const { width, height, indices, palette } = picture(request);
  const writer = new BitWriter('low');
  writer.write(0x2f, 8);
  writer.write(width - 1, 14);
  writer.write(height - 1, 14);
  writer.write(request.transparent ? 1 : 0, 1);
  writer.write(0, 3);
  writer.write(0b111, 3); // a transform follows, and it is colour indexing
  writeColours(writer, palette);
  writer.write(0, 1); // no further transform
  writePixels(writer, indices, width);
  const data = writer.finish();
  const padding = new Uint8Array(data.length & 1);
  const body = concat(ascii('WEBPVP8L'), little32(data.length), data, padding);
  return concat(ascii('RIFF'), little32(body.length), body);
}

/** The colour table is an image of one row, each entry less the one before it. */
function writeColours(writer: BitWriter, palette: Colour[]): void {
  writer.write(palette.length - 1, 8);
  writer.write(0, 1); // no colour cache
  const bytes = new Array<number>(256).fill(1);
  const plain = prefixCode(bytes);
  writeCode(writer, prefixCode([...bytes, ...new Array<number>(24).fill(0)]));
  for (let channel = 0; channel < 3; channel++) writeCode(writer, plain);
  writeOnly(writer, 0);
  let before: Colour = [0, 0, 0, 0];
  for (const colour of palette) {
    for (const channel of [1, 0, 2, 3] as const) put(writer, plain, (colour[channel] - before[channel]) & 255);
    before = colour;
  }
}

function writePixels(writer: BitWriter, indices: Uint8Array, width: number): void {
  const steps = tokens(indices, width);
  const counts = new Array<number>(280).fill(0);
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at]!;
    counts[step < 256 ? step : 256 + lengthSymbol(step >> 9).symbol]!++;
  }
  writer.write(0, 2); // no colour cache, one group of codes for the whole image
  const green = prefixCode(counts);
  writeCode(writer, green);
  for (let channel = 0; channel < 3; channel++) writeOnly(writer, 0);
  writer.write(0b0011, 3); // distances: two symbols, 0 (above) and 1 (left), a bit each
  writer.write(0, 1);
  writer.write(1, 8);
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at]!;
    if (step < 256) {
      put(writer, green, step);
      continue;
    }
    const { symbol, extra, width: extraWidth } = lengthSymbol(step >> 9);
    put(writer, green, 256 + symbol);
    writer.write(extra, extraWidth);
    writer.write((step >> 8) & 1, 1);
  }
}

/** Steps below 256 are literal indices; others are `length << 9 | fromLeft << 8`, so that a copy is never below 512. */
function tokens(indices: Uint8Array, width: number): number[] {
  const steps: number[] = [];
  const run = (at: number, distance: number) => {
    if (at < distance) return 0;
    let length = 0;
    while (
      length < largestCopy &&
      at + length < indices.length &&
      indices[at + length] === indices[at + length - distance]
    ) {
      length++;
    }
    return length;
  };
  for (let at = 0; at < indices.length; ) {
    const above = run(at, width);
    const left = run(at, 1);
    const length = Math.max(above, left);
    if (length < 4) steps.push(indices[at++]!);
    else {
      steps.push((length << 9) | (left > above ? 256 : 0));
      at += length;
    }
  }
  return steps;
}

function lengthSymbol(length: number): { symbol: number; extra: number; width: number } {
  const value = length - 1;
  if (value < 4) return { symbol: value, extra: 0, width: 0 };
  const high = 31 - Math.clz32(value);
  return {
    symbol: 2 * high + ((value >> (high - 1)) & 1),
    extra: value & ((1 << (high - 1)) - 1),
    width: high - 1,
  };
}

function put(writer: BitWriter, code: PrefixCode, symbol: number): void {
  writer.write(code.bits[symbol]!, code.lengths[symbol]!);
}

/** A code of a single symbol, which then takes no bits. */
function writeOnly(writer: BitWriter, symbol: number): void {
  writer.write(0b101, 3);
  writer.write(symbol, 8);
}

function writeCode(writer: BitWriter, code: PrefixCode): void {
  if (code.only !== undefined) {
    writeOnly(writer, code.only);
    return;
  }
  writer.write(0, 1);
  // Lengths 0 to 15 are written as four bits each; the two repeat codes that come first and code 16 stay unused.
  writer.write(19 - 4, 4);
  for (const symbol of [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) {
    writer.write(symbol < 16 ? 4 : 0, 3);
  }
  writer.write(0, 1);
  for (const length of code.lengths) writer.write(reverse(length, 4), 4);
}

function reverse(value: number, width: number): number {
  let turned = 0;
  for (let bit = 0; bit < width; bit++) turned |= ((value >> bit) & 1) << (width - 1 - bit);
  return turned;
}
