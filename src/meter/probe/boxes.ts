import { big, dimensions, duration, has, type Probe, tag } from './read.ts';

type Box = { name: string; start: number; end: number };
type Track = { handler?: string; seconds?: number; frames?: number; width?: number; height?: number };

const mostBoxes = 10_000;

/** Boxes side by side between two places; sizes that point beyond the end are cut there. */
function* boxesIn(bytes: Uint8Array, start: number, end: number): Generator<Box> {
  let at = start;
  for (let count = 0; count < mostBoxes && at + 8 <= end; count++) {
    const short = big(bytes, at, 4);
    const size = short === 1 ? big(bytes, at + 8, 8) : short === 0 ? end - at : short;
    const head = short === 1 ? 16 : 8;
    if (size < head) return;
    yield { name: tag(bytes, at + 4), start: at + head, end: Math.min(end, at + size) };
    at += size;
  }
}

function find(bytes: Uint8Array, within: { start: number; end: number }, ...path: string[]): Box | undefined {
  let box: { start: number; end: number } | undefined = within;
  for (const name of path) {
    let next: Box | undefined;
    if (box) for (const one of boxesIn(bytes, box.start, box.end)) if (one.name === name && !next) next = one;
    box = next;
  }
  return box as Box | undefined;
}

/** ISO base media: MP4, M4A, QuickTime, and still pictures in AVIF or HEIC. */
export function probeBoxes(bytes: Uint8Array): Probe | undefined {
  if (!has(bytes, 4, 'ftyp') && !has(bytes, 4, 'moov')) return undefined;
  const brand = has(bytes, 4, 'ftyp') ? tag(bytes, 8) : 'qt  ';
  const file = { start: 0, end: bytes.length };
  if (/^(avif|avis|heic|heix|mif1)$/.test(brand)) {
    const size = find(bytes, file, 'meta');
    const extent = size && find(bytes, { start: size.start + 4, end: size.end }, 'iprp', 'ipco', 'ispe');
    return {
      mediaType: brand.startsWith('avi') ? 'image/avif' : 'image/heic',
      kind: 'image',
      ...(extent ? dimensions(big(bytes, extent.start + 4, 4), big(bytes, extent.start + 8, 4)) : {}),
    };
  }
  const movie = find(bytes, file, 'moov');
  const tracks: Track[] = [];
  if (movie)
    for (const box of boxesIn(bytes, movie.start, movie.end))
      if (box.name === 'trak' && tracks.length < 100) tracks.push(readTrack(bytes, box));
  const picture = tracks.find((track) => track.handler === 'vide');
  const sound = tracks.some((track) => track.handler === 'soun');
  const seconds =
    (movie && movieSeconds(bytes, movie)) || Math.max(0, ...tracks.map((track) => track.seconds ?? 0)) || undefined;
  const length = seconds === undefined ? {} : { seconds };
  if ((sound && !picture) || (!picture && /^M4[ABP] $/.test(brand)))
    return { mediaType: 'audio/mp4', kind: 'audio', ...length };
  return {
    mediaType: brand === 'qt  ' ? 'video/quicktime' : 'video/mp4',
    kind: 'video',
    ...dimensions(picture?.width ?? 0, picture?.height ?? 0),
    ...length,
    ...(picture?.frames ? { frames: picture.frames } : {}),
  };
}

/** From the movie header, or for fragmented files from their extends header. 0 or undefined where unknown. */
function movieSeconds(bytes: Uint8Array, movie: Box): number | undefined {
  const header = find(bytes, movie, 'mvhd');
  if (!header) return undefined;
  const own = timed(bytes, header);
  if (own.seconds) return own.seconds;
  const extended = find(bytes, movie, 'mvex', 'mehd');
  return extended && duration(big(bytes, extended.start + 4, bytes[extended.start] === 1 ? 8 : 4), own.scale).seconds;
}

/** Time scale and duration of an mvhd or mdhd box, which begin alike. */
function timed(bytes: Uint8Array, box: Box): { scale: number; seconds?: number } {
  const wide = bytes[box.start] === 1;
  const scale = big(bytes, box.start + (wide ? 20 : 12), 4);
  const amount = big(bytes, box.start + (wide ? 24 : 16), wide ? 8 : 4);
  const unset = amount >= (wide ? 2 ** 63 : 0xffffffff);
  return { scale, ...(unset ? {} : duration(amount, scale)) };
}

function readTrack(bytes: Uint8Array, box: Box): Track {
  const track: Track = {};
  const header = find(bytes, box, 'tkhd');
  if (header) {
    const matrix = header.start + (bytes[header.start] === 1 ? 52 : 40);
    const width = big(bytes, matrix + 36, 4) >>> 16;
    const height = big(bytes, matrix + 40, 4) >>> 16;
    // A quarter turn: the first number of the matrix is 0 and the second is not.
    const turned = big(bytes, matrix, 4) === 0 && big(bytes, matrix + 4, 4) !== 0;
    Object.assign(track, turned ? dimensions(height, width) : dimensions(width, height));
  }
  const media = find(bytes, box, 'mdia');
  if (!media) return track;
  const handler = find(bytes, media, 'hdlr');
  if (handler) track.handler = tag(bytes, handler.start + 8);
  const mediaHeader = find(bytes, media, 'mdhd');
  if (mediaHeader) track.seconds = timed(bytes, mediaHeader).seconds;
  const sizes = find(bytes, media, 'minf', 'stbl', 'stsz');
  if (sizes) track.frames = big(bytes, sizes.start + 8, 4);
  return track;
}
