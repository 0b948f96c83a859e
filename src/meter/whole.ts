import { big, has, little } from './probe/read.ts';
import type { MediaSource } from './probe-source.ts';

/** Where the end of a picture is looked for: some programs write something behind it. */
const tailSize = 64 * 1024;
/** Boxes that are looked at: a film in fragments has thousands. */
const mostBoxes = 64;
/** Lengths that a writer states who did not know them yet. */
const openLength = 0x7fff0000;

/**
 * Whether a media file is all there, as far as its format tells: by its last marker (PNG, JPEG, GIF), or by the length that it states
 * (WebP, WAV, GLB, MP4). A body that was cut short looks like any other where its end is the end of the connection. Formats of frames
 * (MP3, AAC, Ogg, FLAC) have neither, and are taken for whole.
 */
export async function isWholeMedia(source: MediaSource): Promise<boolean> {
  const { size } = source;
  const head = await source.read(0, Math.min(size, 32));
  const tail = () => source.read(Math.max(0, size - tailSize), size);
  if (has(head, 1, 'PNG')) return includes(await tail(), [0x49, 0x45, 0x4e, 0x44]);
  if (head[0] === 0xff && head[1] === 0xd8) return includes(await tail(), [0xff, 0xd9]);
  if (has(head, 0, 'GIF8')) return (await tail()).findLast((byte) => byte !== 0) === 0x3b;
  if (has(head, 0, 'RIFF')) {
    const stated = little(head, 4, 4);
    return stated === 0 || stated >= openLength || stated + 8 <= size;
  }
  if (has(head, 0, 'glTF')) return little(head, 8, 4) <= size;
  if (has(head, 4, 'ftyp')) return boxesFit(source);
  return true;
}

/** No box at the top reaches beyond the end. */
async function boxesFit(source: MediaSource): Promise<boolean> {
  const { size } = source;
  let at = 0;
  for (let count = 0; count < mostBoxes && at + 8 <= size; count++) {
    const header = await source.read(at, Math.min(size, at + 16));
    const short = big(header, 0, 4);
    const length = short === 1 ? big(header, 8, 8) : short === 0 ? size - at : short;
    if (length < 8) return true;
    at += length;
  }
  return at <= size;
}

function includes(bytes: Uint8Array, marker: number[]): boolean {
  for (let at = bytes.length - marker.length; at >= 0; at--) {
    if (marker.every((byte, place) => bytes[at + place] === byte)) return true;
  }
  return false;
}
