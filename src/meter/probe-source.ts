import { joinBytes } from '../contract/index.ts';
import { skipTag } from './probe/audio-frames.ts';
import { big, has, tag } from './probe/read.ts';
import { type Probe, probe } from './probe.ts';

/** A file that can be read at any place. `read` gives the bytes from `start` up to, but without, `end`. */
export type MediaSource = { size: number; read(start: number, end: number): Promise<Uint8Array> };

/** Up to this length a file is looked at whole. */
const wholeSize = 16 * 1024 * 1024;
const headSize = 1024 * 1024;
const tailSize = 128 * 1024;
/** Boxes passed over in search of the movie's header, and its largest length. */
const mostBoxes = 64;
const largestMovie = 16 * 1024 * 1024;

/**
 * Reads format, size and duration off a file of any length by a few of its places, as {@link probe} does off whole bytes. Files up to
 * 16 MiB come out the same. Of larger ones the duration of MP3 and AAC is what their header states or their first megabyte promises,
 * and pictures of an animation are not counted.
 */
export async function probeSource(source: MediaSource): Promise<Probe | undefined> {
  const { size } = source;
  if (size <= headSize) return probe(await source.read(0, size));
  const head = await source.read(0, headSize);
  if (has(head, 4, 'ftyp') || has(head, 4, 'moov')) return probe(await essentialBoxes(source, head));
  if (size <= wholeSize) return probe(await source.read(0, size));
  // The last page tells when the stream ends; what lies between does not matter.
  if (has(head, 0, 'OggS')) return probe(joinBytes([head, await source.read(size - tailSize, size)]));
  const start = skipTag(head);
  if (start < head.length) return probe(head, size);
  // A tag with a large picture: the sound begins behind it.
  return probe(await source.read(start, Math.min(size, start + headSize)), size - start);
}

/** The boxes that tell what a file is, one behind the other: `ftyp`, and `moov` (a film's) or `meta` (a picture's). */
async function essentialBoxes(source: MediaSource, head: Uint8Array): Promise<Uint8Array> {
  const { size } = source;
  const found: Uint8Array[] = [];
  const read = (start: number, end: number) =>
    end <= head.length ? head.subarray(start, end) : source.read(start, Math.min(size, end));
  for (let at = 0, count = 0; at + 8 <= size && count < mostBoxes; count++) {
    const header = await read(at, at + 16);
    const short = big(header, 0, 4);
    const length = short === 1 ? big(header, 8, 8) : short === 0 ? size - at : short;
    if (length < 8) break;
    const name = tag(header, 4);
    if (/^(ftyp|moov|meta)$/.test(name)) {
      if (length > largestMovie) break;
      found.push(await read(at, at + length));
      if (name !== 'ftyp') break;
    }
    at += length;
  }
  return joinBytes(found);
}
