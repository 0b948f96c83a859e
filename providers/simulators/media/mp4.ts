import { joinBytes } from '../../../src/contract/index.ts';
import { silentFrame } from './aac.ts';
import { ascii, big32, concat } from './bits.ts';
import { box } from './boxes.ts';
import { h264 } from './h264.ts';
import { movie, type Track } from './movie.ts';

export type Mp4Request = {
  /** Pixels, whole numbers from 1 to 16384, odd ones too. */
  width: number;
  height: number;
  seconds: number;
  /** Pictures a second, default 24; the last one is shown shorter where `seconds` is no multiple. */
  fps?: number;
  /** Adds a silent AAC track of the same length. */
  audio?: boolean;
  seed: string;
};

const soundRate = 24_000;
/** Samples of one AAC frame. */
const soundFrame = 1024;

/**
 * An MP4 that any player decodes: H.264 pictures of coloured cells with a bright mark that moves on every second, of exactly the asked
 * size and length, its index before its data. RangeError for sizes, lengths or rates that no video has.
 */
export function mp4({ width, height, seconds, fps = 24, audio = false, seed }: Mp4Request): Uint8Array {
  for (const side of [width, height])
    if (!Number.isInteger(side) || side < 1 || side > 16_384) throw new RangeError(`No video has a side of ${side}.`);
  if (!(fps > 0 && fps <= 240)) throw new RangeError(`No video has ${fps} pictures a second.`);
  if (!(seconds > 0 && seconds <= 86_400)) throw new RangeError(`No video has ${seconds} seconds.`);

  const tracks = [pictures({ width, height, seconds, fps, seed })];
  if (audio) tracks.push(silence(seconds));
  const brand = box('ftyp', ascii('isom'), big32(512), ascii('isomiso2avc1mp41'));
  const spans = Math.max(...tracks.map((track) => track.chunks.length));
  const chunks: Uint8Array[] = [];
  const places: number[][] = tracks.map(() => []);
  let at = 0;
  for (let second = 0; second < spans; second++) {
    for (const [index, track] of tracks.entries()) {
      const chunk = track.chunks[second];
      if (!chunk) continue;
      places[index]!.push(at);
      chunks.push(...chunk);
      at += chunk.reduce((sum, sample) => sum + sample.length, 0);
    }
  }
  const start = brand.length + movie(tracks, places, 0).length + 8;
  return joinBytes([brand, movie(tracks, places, start), concat(big32(at + 8), ascii('mdat')), ...chunks]);
}

/** Pictures in chunks of a second, each beginning with a whole one. */
function pictures({ width, height, seconds, fps, seed }: Required<Omit<Mp4Request, 'audio'>>): Track {
  const scale = Math.round(fps * 1000);
  const duration = Math.max(1, Math.round(seconds * scale));
  const count = Math.max(1, Math.ceil(duration / 1000));
  const stream = h264({ width, height, fps, seed });
  const chunks: Uint8Array[][] = [];
  for (let index = 0, since = 0; index < count; index++) {
    const second = Math.floor(index / fps);
    if (second === chunks.length) {
      chunks.push([]);
      since = 0;
    }
    const unit = since === 0 ? stream.still(second) : stream.same(since);
    chunks.at(-1)!.push(concat(big32(unit.length), unit));
    since += 1;
  }
  return {
    kind: 'video',
    scale,
    duration,
    step: 1000,
    chunks,
    ...{ width, height, sequence: stream.sequence, picture: stream.picture },
  };
}

function silence(seconds: number): Track {
  const duration = Math.max(1, Math.round(seconds * soundRate));
  const count = Math.ceil(duration / soundFrame);
  const chunks: Uint8Array[][] = [];
  for (let index = 0; index < count; index++) {
    const second = Math.floor((index * soundFrame) / soundRate);
    while (chunks.length <= second) chunks.push([]);
    chunks[second]!.push(silentFrame);
  }
  return { kind: 'audio', scale: soundRate, duration, step: soundFrame, chunks };
}

const piece = 65_536;

/**
 * The same file made longer than it needs to be: a closing `free` box fills it to at least `atLeastBytes`, written only as it is read,
 * so that large downloads can be tried without holding one. `size` is the exact length of what every `stream()` yields.
 */
export function mp4Stream({ atLeastBytes, ...request }: Mp4Request & { atLeastBytes: number }): {
  size: number;
  stream(): ReadableStream<Uint8Array>;
} {
  const file = mp4(request);
  const missing = atLeastBytes - file.length;
  const wide = missing >= 2 ** 32;
  const filler = missing <= 0 ? 0 : Math.max(wide ? 16 : 8, missing);
  const head = wide
    ? concat(big32(1), ascii('free'), big32(Math.floor(filler / 2 ** 32)), big32(filler % 2 ** 32))
    : concat(big32(filler), ascii('free'));
  const size = file.length + filler;
  const stream = () => {
    let left = filler;
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          controller.enqueue(file.slice());
          if (filler === 0) return controller.close();
          controller.enqueue(head.slice());
          left -= head.length;
          if (left === 0) controller.close();
        },
        pull(controller) {
          const next = Math.min(piece, left);
          left -= next;
          controller.enqueue(new Uint8Array(next));
          if (left === 0) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  };
  return { size, stream };
}
