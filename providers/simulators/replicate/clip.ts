import { jpeg } from '../media/index.ts';

export type ClipRequest = { width: number; height: number; seconds: number; seed: string };

/**
 * An MP4 of exactly the asked size and duration: one JPEG frame a second (`mp4v` with object type 0x6C, ISO/IEC 10918-1),
 * no sound, all times zero. Tools that read containers and JPEG show it; browsers play only its length.
 */
export function clip({ width, height, seconds, seed }: ClipRequest): Uint8Array {
  const count = Math.max(1, Math.ceil(seconds));
  const frames = Array.from({ length: count }, (_, index) => jpeg({ width, height, seed: `${seed}|${index}` }));
  const total = Math.round(seconds * 1000);
  const last = total - (count - 1) * 1000;
  const times = count > 1 ? [count - 1, 1000, 1, last] : [1, last];

  const brand = box('ftyp', text('isom'), u32(512), text('isomiso2mp41'));
  const media = box('mdat', ...frames);
  const decoder = new Uint8Array([4, 13, 0x6c, 0x11, ...new Uint8Array(11)]);
  const descriptor = new Uint8Array([3, 3 + decoder.length + 3, 0, 1, 0, ...decoder, 6, 1, 2]);
  const sample = box(
    'mp4v',
    ...[new Uint8Array(6), u16(1), new Uint8Array(16), u16(width, height), u32(0x480000, 0x480000, 0), u16(1)],
    ...[new Uint8Array(32), u16(24, 0xffff), box('esds', u32(0), descriptor)],
  );
  const table = box(
    'stbl',
    box('stsd', u32(0, 1), sample),
    box('stts', u32(0, times.length / 2, ...times)),
    box('stsc', u32(0, 1, 1, count, 1)),
    box('stsz', u32(0, 0, count, ...frames.map((frame) => frame.length))),
    box('stco', u32(0, 1, brand.length + 8)),
  );
  const matrix = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
  const information = box(
    'minf',
    box('vmhd', u32(1, 0, 0)),
    box('dinf', box('dref', u32(0, 1), box('url ', u32(1)))),
    table,
  );
  const track = box(
    'trak',
    box('tkhd', u32(3, 0, 0, 1, 0, total, 0, 0, 0, 0), matrix, u32(width * 65_536, height * 65_536)),
    box(
      'mdia',
      box('mdhd', u32(0, 0, 0, 1000, total), u16(0x55c4, 0)),
      box('hdlr', u32(0, 0), text('vide'), u32(0, 0, 0), text('video\0')),
      information,
    ),
  );
  const header = box('mvhd', u32(0, 0, 0, 1000, total, 0x10000, 0x1000000, 0, 0), matrix, u32(0, 0, 0, 0, 0, 0, 2));
  return join([brand, media, box('moov', header, track)]);
}

function box(name: string, ...parts: Uint8Array[]): Uint8Array {
  const body = join(parts);
  return join([u32(body.length + 8), text(name), body]);
}

function join(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function u32(...values: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  return new Uint8Array(view.buffer);
}

function u16(...values: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 2));
  for (const [index, value] of values.entries()) view.setUint16(index * 2, value);
  return new Uint8Array(view.buffer);
}

function text(letters: string): Uint8Array {
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}
