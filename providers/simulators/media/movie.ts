import { joinBytes } from '../../../src/contract/index.ts';
import { ascii } from './bits.ts';
import { box, halves, words } from './boxes.ts';

/** What the index of a file says of one track. `chunks` holds its samples, each `step` of `scale` units long but the last. */
export type Track = { scale: number; duration: number; step: number; chunks: Uint8Array[][] } & (
  | { kind: 'audio' }
  | { kind: 'video'; width: number; height: number; sequence: Uint8Array; picture: Uint8Array }
);

const upright = words(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const none = words(0);

/**
 * The `moov` box of these tracks.
 * @param places of every track the offsets of its chunks, counted from `start` in the file.
 */
export function movie(tracks: Track[], places: number[][], start: number): Uint8Array {
  const { scale, duration } = tracks[0]!;
  const header = box(
    'mvhd',
    words(0, 0, 0, scale, duration, 0x10000, 0x1000000, 0, 0),
    upright,
    words(0, 0, 0, 0, 0, 0, tracks.length + 1),
  );
  const boxes = tracks.map((track, index) => {
    const offsets = places[index]!.map((place) => place + start);
    const width = track.kind === 'video' ? track.width * 65_536 : 0;
    const height = track.kind === 'video' ? track.height * 65_536 : 0;
    const volume = track.kind === 'audio' ? 0x1000000 : 0;
    return box(
      'trak',
      box('tkhd', words(3, 0, 0, index + 1, 0, duration, 0, 0, 0, volume), upright, words(width, height)),
      box(
        'mdia',
        box('mdhd', words(0, 0, 0, track.scale, track.duration), halves(0x55c4, 0)),
        box('hdlr', none, none, ascii(track.kind === 'video' ? 'vide' : 'soun'), words(0, 0, 0), Uint8Array.of(0)),
        box(
          'minf',
          track.kind === 'video' ? box('vmhd', words(1, 0, 0)) : box('smhd', words(0, 0)),
          box('dinf', box('dref', words(0, 1), box('url ', words(1)))),
          table(track, offsets),
        ),
      ),
    );
  });
  return box('moov', header, ...boxes);
}

function table(track: Track, offsets: number[]): Uint8Array {
  const samples = track.chunks.flat();
  const last = track.duration - (samples.length - 1) * track.step;
  const times = samples.length > 1 ? [samples.length - 1, track.step, 1, last] : [1, last];
  const counts: number[] = [];
  const starts: number[] = [];
  let sample = 1;
  const filled = track.chunks.filter((chunk) => chunk.length > 0);
  for (const [index, chunk] of filled.entries()) {
    if (filled[index - 1]?.length !== chunk.length) counts.push(index + 1, chunk.length, 1);
    starts.push(sample);
    sample += chunk.length;
  }
  return box(
    'stbl',
    box('stsd', words(0, 1), track.kind === 'video' ? videoEntry(track) : audioEntry(track)),
    box('stts', words(0, times.length / 2, ...times)),
    ...(track.kind === 'video' ? [box('stss', words(0, starts.length, ...starts))] : []),
    box('stsc', words(0, counts.length / 3, ...counts)),
    box('stsz', words(0, 0, samples.length), joinBytes(samples.map((one) => words(one.length)))),
    box('stco', words(0, offsets.length, ...offsets)),
  );
}

function videoEntry({ width, height, sequence, picture }: Extract<Track, { kind: 'video' }>): Uint8Array {
  // The profile's own four bytes follow the parameter sets where it is not baseline (ISO/IEC 14496-15, 5.3.3.1).
  const extension = sequence[1] === 0xf4 ? Uint8Array.of(0xff, 0xf8, 0xf8, 0) : new Uint8Array();
  const configuration = joinBytes([
    Uint8Array.of(1, ...sequence.subarray(1, 4), 0xff, 0xe1),
    halves(sequence.length),
    sequence,
    Uint8Array.of(1),
    halves(picture.length),
    picture,
    extension,
  ]);
  return box(
    'avc1',
    joinBytes([words(0), halves(0, 1), new Uint8Array(16), halves(width, height), words(0x480000, 0x480000, 0)]),
    joinBytes([halves(1), new Uint8Array(32), halves(24, 0xffff)]),
    box('avcC', configuration),
  );
}

/** AAC low complexity, mono, 24 kHz: what `silentFrame` is. */
function audioEntry({ scale }: Extract<Track, { kind: 'audio' }>): Uint8Array {
  const decoder = [4, 17, 0x40, 0x15, 0, 0, 0, ...words(8000, 2000), 5, 2, 0x13, 0x08];
  const descriptor = Uint8Array.of(3, 3 + decoder.length + 3, 0, 2, 0, ...decoder, 6, 1, 2);
  return box(
    'mp4a',
    joinBytes([words(0), halves(0, 1), words(0, 0), halves(1, 16, 0, 0), words(scale * 65_536)]),
    box('esds', none, descriptor),
  );
}
