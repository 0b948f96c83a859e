import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  aac,
  flac,
  gif,
  glb,
  jpeg,
  mp3,
  mp3Seconds,
  musicPcm,
  opus,
  png,
  wav,
  webp,
} from '../../providers/simulators/media/index.ts';
import { probe } from '../../src/meter/probe.ts';
import { type MediaSource, probeSource } from '../../src/meter/probe-source.ts';

const bytes = (...parts: (string | number[] | Uint8Array)[]) =>
  Uint8Array.from(
    parts.flatMap((part) =>
      typeof part === 'string' ? Array.from(part, (letter) => letter.charCodeAt(0)) : [...part],
    ),
  );
const big = (value: number, count = 4) =>
  Array.from({ length: count }, (_, at) => Math.floor(value / 256 ** (count - 1 - at)) % 256);
const little = (value: number, count = 4) => big(value, count).reverse();
const times = (count: number, one: Uint8Array) =>
  Uint8Array.from({ length: count * one.length }, (_, at) => one[at % one.length]!);
const zeros = (count: number) => new Array<number>(count).fill(0);
const box = (name: string, ...content: (string | number[] | Uint8Array)[]) => {
  const inner = bytes(...content);
  return bytes(big(inner.length + 8), name, inner);
};

const pcm = musicPcm({ prompt: 'p', seconds: 1.5, sampleRate: 16_000, channels: 2, seed: '' });
const size = { width: 201, height: 77, seed: 'probe' };
const made = {
  png: png(size),
  jpeg: jpeg(size),
  webp: webp(size),
  gif: gif(size),
  wav: wav(pcm, { sampleRate: 16_000, channels: 2 }),
  flac: flac(pcm, { sampleRate: 16_000, channels: 2, text: 'words' }),
  mp3: mp3({ seconds: 3, text: 'words' }),
  plainMp3: mp3({ seconds: 3, sampleRate: 22_050, bitrate: 32_000 }),
  opus: opus({ seconds: 1.5, text: 'words' }),
  aac: aac({ seconds: 1.5, text: 'words' }),
  glb: glb({ seed: 'x' }),
};

describe('images', () => {
  it.each(['png', 'jpeg', 'webp'] as const)('%s', (name) => {
    expect(probe(made[name])).toEqual({ mediaType: `image/${name}`, kind: 'image', width: 201, height: 77 });
  });

  it('gif, with its pictures counted', () => {
    expect(probe(made.gif)).toEqual({ mediaType: 'image/gif', kind: 'image', width: 201, height: 77, frames: 1 });
    const start = 13 + 768;
    const twice = bytes(made.gif.subarray(0, -1), made.gif.subarray(start));
    expect(probe(twice)?.frames).toBe(2);
  });

  it('the other kinds of webp', () => {
    const file = (...chunks: Uint8Array[]) =>
      bytes('RIFF', little(4 + chunks.reduce((sum, one) => sum + one.length, 0)), 'WEBP', ...chunks);
    const chunk = (name: string, content: number[]) =>
      bytes(name, little(content.length), content, zeros(content.length & 1));
    const lossy = chunk('VP8 ', [0, 0, 0, 0x9d, 0x01, 0x2a, ...little(640 | 0x4000, 2), ...little(480, 2), 0]);
    expect(probe(file(lossy))).toMatchObject({ mediaType: 'image/webp', width: 640, height: 480 });
    const extended = chunk('VP8X', [2, 0, 0, 0, ...little(1999, 3), ...little(999, 3)]);
    const frame = chunk('ANMF', zeros(17));
    expect(probe(file(extended, frame, frame, frame))).toMatchObject({ width: 2000, height: 1000, frames: 3 });
  });

  it('an animated png, and a jpeg with a thumbnail and padding before its frame header', () => {
    const head = made.png.subarray(0, 33);
    const animation = bytes(big(8), 'acTL', big(7), big(0), zeros(4));
    expect(probe(bytes(head, animation, made.png.subarray(33)))).toMatchObject({ width: 201, frames: 7 });
    const thumbnail = bytes([0xff, 0xe1], big(made.jpeg.length + 2, 2), made.jpeg, [0xff, 0xff]);
    const wrapped = bytes([0xff, 0xd8], thumbnail, jpeg({ ...size, width: 33 }).subarray(2));
    expect(probe(wrapped)).toMatchObject({ mediaType: 'image/jpeg', width: 33, height: 77 });
  });

  it('avif', () => {
    const extent = box('ispe', zeros(4), big(1024), big(768));
    const file = bytes(box('ftyp', 'avif', zeros(4), 'mif1'), box('meta', zeros(4), box('iprp', box('ipco', extent))));
    expect(probe(file)).toEqual({ mediaType: 'image/avif', kind: 'image', width: 1024, height: 768 });
  });
});

describe('audio', () => {
  it('wav: exact, with other chunks before and behind', () => {
    expect(probe(made.wav)).toEqual({ mediaType: 'audio/wav', kind: 'audio', seconds: 1.5 });
    const extra = bytes('LIST', little(5), 'INFO!', [0]);
    expect(probe(bytes(made.wav.subarray(0, 12), extra, made.wav.subarray(12), extra))?.seconds).toBe(1.5);
  });

  it.each([0, 0xffffffff, 5_000_000])('wav: a data size of %i does not count', (stated) => {
    const lying = made.wav.slice();
    lying.set(little(stated), 40);
    lying.set(little(1), 28); // nor does the stated byte rate
    expect(probe(lying)?.seconds).toBe(1.5);
    expect(probe(lying.subarray(0, 1_000), lying.length)?.seconds).toBe(1.5);
    expect(probe(lying.subarray(0, 44 + 32_000))?.seconds).toBe(0.5);
  });

  it('flac, opus, aac', () => {
    expect(probe(made.flac)).toEqual({ mediaType: 'audio/flac', kind: 'audio', seconds: 1.5 });
    expect(probe(made.opus)).toEqual({ mediaType: 'audio/ogg', kind: 'audio', seconds: 1.5 });
    expect(probe(made.opus.subarray(0, 200), made.opus.length)).toEqual({ mediaType: 'audio/ogg', kind: 'audio' });
    expect(probe(made.aac)).toEqual({ mediaType: 'audio/aac', kind: 'audio', seconds: (36 * 1024) / 24_000 });
  });

  it('mp3: frames counted, behind a tag and before one', () => {
    const found = { mediaType: 'audio/mpeg', kind: 'audio', seconds: mp3Seconds(3) };
    expect(probe(made.mp3)).toEqual(found);
    expect(probe(bytes(made.mp3, 'TAG', zeros(125)))).toEqual(found);
    expect(probe(made.plainMp3)?.seconds).toBe(mp3Seconds(3, 22_050));
    expect(probe(mp3({ seconds: 0.001 }))?.seconds).toBe(1152 / 44_100);
    // Only whole frames that are there count.
    expect(probe(made.mp3.subarray(0, -1))?.seconds).toBeCloseTo(mp3Seconds(3) - 1152 / 44_100, 9);
  });

  it('mp3: from its beginning and the length of the whole', () => {
    expect(probe(made.mp3.subarray(0, 5_000), made.mp3.length)?.seconds).toBeCloseTo(mp3Seconds(3), 1);
  });

  it('mp3 of varying bitrate: the header speaks for a beginning, the frames for the whole', () => {
    const frame = (bitrate: number) => mp3({ seconds: 0.01, bitrate });
    const header = frame(128_000);
    header.fill(0, 4);
    header.set(bytes('Xing', big(1), big(500)), 4 + 17);
    const file = bytes(header, frame(64_000), frame(192_000), frame(32_000));
    expect(probe(file)?.seconds).toBeCloseTo((3 * 1152) / 44_100, 9);
    expect(probe(file, 400_000)?.seconds).toBeCloseTo((500 * 1152) / 44_100, 9);
  });
});

describe('video and 3D', () => {
  const movieHeader = (seconds: number) => box('mvhd', zeros(12), big(1000), big(seconds * 1000), zeros(80));
  const track = (handler: string, matrix: number[], frames: number) =>
    box(
      'trak',
      box('tkhd', zeros(40), ...matrix.map((value) => big(value)), big(1280 * 65_536), big(720 * 65_536)),
      box(
        'mdia',
        box('mdhd', zeros(12), big(24), big(24 * 4), zeros(4)),
        box('hdlr', zeros(8), handler, zeros(12)),
        box('minf', box('stbl', box('stsz', zeros(4), big(0), big(frames)))),
      ),
    );
  const upright = [65_536, 0, 0, 0, 65_536, 0, 0, 0, 0x40000000];
  const turned = [0, 65_536, 0, 0xffff0000, 0, 0, 0, 0, 0x40000000];
  const type = (brand: string) => box('ftyp', brand, zeros(4), 'isom');

  it('mp4, with the movie header in front or behind', () => {
    const movie = box('moov', movieHeader(8), track('soun', upright, 10), track('vide', upright, 192));
    const found = { mediaType: 'video/mp4', kind: 'video', width: 1280, height: 720, seconds: 8, frames: 192 };
    expect(probe(bytes(type('isom'), movie, box('mdat', zeros(100))))).toEqual(found);
    expect(probe(bytes(type('isom'), box('mdat', zeros(100)), movie))).toEqual(found);
    expect(probe(bytes(type('isom'), bytes(big(1), 'mdat', big(116, 8), zeros(100)), movie))).toEqual(found);
    expect(probe(bytes(type('isom'), box('mdat', zeros(100))))).toEqual({ mediaType: 'video/mp4', kind: 'video' });
  });

  it('a turned track, a QuickTime file, and a duration only the track knows', () => {
    const movie = box('moov', movieHeader(0), track('vide', turned, 96));
    expect(probe(bytes(type('qt  '), movie))).toEqual({
      mediaType: 'video/quicktime',
      kind: 'video',
      width: 720,
      height: 1280,
      seconds: 4,
      frames: 96,
    });
  });

  it('a fragmented file, and one with sound alone', () => {
    const extends_ = box('mvex', box('mehd', zeros(4), big(6_500)));
    expect(probe(bytes(type('iso5'), box('moov', movieHeader(0), extends_)))?.seconds).toBe(6.5);
    const audio = probe(bytes(type('M4A '), box('moov', movieHeader(2.5), track('soun', upright, 1))));
    expect(audio).toEqual({ mediaType: 'audio/mp4', kind: 'audio', seconds: 2.5 });
  });

  const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
  if (!hasFfmpeg) console.info('ffmpeg is not on PATH: files of its making are not probed.');
  it.skipIf(!hasFfmpeg).each([
    ['x.mp3', ['-f', 'lavfi', '-i', 'sine=d=2:r=44100', '-q:a', '4'], { mediaType: 'audio/mpeg', seconds: 2 }],
    ['x.m4a', ['-f', 'lavfi', '-i', 'sine=d=2:r=44100'], { mediaType: 'audio/mp4', seconds: 2 }],
    ['x.ogg', ['-f', 'lavfi', '-i', 'sine=d=2:r=44100', '-c:a', 'libvorbis'], { mediaType: 'audio/ogg', seconds: 2 }],
    ['x.opus', ['-f', 'lavfi', '-i', 'sine=d=2:r=48000'], { mediaType: 'audio/ogg', seconds: 2 }],
    ['x.flac', ['-f', 'lavfi', '-i', 'sine=d=2:r=44100'], { mediaType: 'audio/flac', seconds: 2 }],
    ['x.aac', ['-f', 'lavfi', '-i', 'sine=d=2:r=44100'], { mediaType: 'audio/aac', seconds: 2 }],
    [
      'x.mp4',
      ['-f', 'lavfi', '-i', 'testsrc=d=2:r=24:s=320x180'],
      { mediaType: 'video/mp4', seconds: 2, width: 320, height: 180, frames: 48 },
    ],
    [
      'x.webp',
      ['-f', 'lavfi', '-i', 'testsrc=d=1:r=1:s=320x180', '-frames:v', '1'],
      { mediaType: 'image/webp', width: 320, height: 180 },
    ],
    [
      'x.gif',
      ['-f', 'lavfi', '-i', 'testsrc=d=1:r=5:s=320x180'],
      { mediaType: 'image/gif', width: 320, height: 180, frames: 5 },
    ],
  ] as const)('%s as ffmpeg makes it', async (name, options, wanted) => {
    const { mkdtempSync, readFileSync, rmSync } = await import('node:fs');
    const folder = mkdtempSync('/tmp/probe-');
    try {
      const run = spawnSync('ffmpeg', ['-v', 'error', ...options, `${folder}/${name}`]);
      expect(run.stderr.toString()).toBe('');
      const found = probe(new Uint8Array(readFileSync(`${folder}/${name}`)));
      const { seconds, ...rest } = { seconds: undefined, ...wanted };
      expect(found).toMatchObject(rest);
      // Encoders pad: an MP3 or AAC is up to a few frames longer than its source.
      if (seconds !== undefined) expect(Math.abs((found?.seconds ?? 0) - seconds)).toBeLessThan(0.1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('glb', () => {
    expect(probe(made.glb)).toEqual({ mediaType: 'model/gltf-binary', kind: 'model3d' });
    expect(probe(bytes('glTF', little(9), little(1_000), zeros(20)))).toBeUndefined();
    expect(probe(bytes('glTF', little(2), little(4), zeros(20)))).toBeUndefined();
  });
});

/** A file of any length of which only some places are filled; counts what is read of it. */
function sparse(size: number, pieces: [number, Uint8Array][]): MediaSource & { taken: number; reads: number } {
  const source = {
    size,
    taken: 0,
    reads: 0,
    read: async (start: number, end: number) => {
      source.taken += end - start;
      source.reads++;
      const wanted = new Uint8Array(Math.max(0, Math.min(size, end) - start));
      for (const [at, piece] of pieces) {
        const from = Math.max(start, at);
        const to = Math.min(start + wanted.length, at + piece.length);
        if (from < to) wanted.set(piece.subarray(from - at, to - at), from - start);
      }
      return wanted;
    },
  };
  return source;
}
const mebi = 1024 * 1024;

describe('a source that is read in places', () => {
  it.each(Object.entries(made))('tells the same of a small %s as its bytes', async (_, file) => {
    expect(await probeSource(sparse(file.length, [[0, file]]))).toEqual(probe(file));
  });

  it.each([
    ['in front', 0],
    ['behind', 1],
  ])('a film of a gibibyte with its header %s', async (_, behind) => {
    const size = 1024 * mebi;
    const type = box('ftyp', 'isom', zeros(4), 'isom');
    const movie = box('moov', box('mvhd', zeros(12), big(1000), big(90_500), zeros(80)), zeros(0));
    const data = bytes(big(1), 'mdat', big(size - type.length - movie.length, 8));
    const pieces: [number, Uint8Array][] = behind
      ? [
          [0, bytes(type, data)],
          [size - movie.length, movie],
        ]
      : [[0, bytes(type, movie, data)]];
    const source = sparse(size, pieces);
    expect(await probeSource(source)).toEqual({ mediaType: 'video/mp4', kind: 'video', seconds: 90.5 });
    expect(source.taken).toBeLessThan(2 * mebi);
  });

  it('a film whose boxes lie, or never end', async () => {
    const type = box('ftyp', 'isom', zeros(4), 'isom');
    const video = { mediaType: 'video/mp4', kind: 'video' };
    for (const hostile of [
      times(40_000, box('free')),
      bytes(big(1), 'mdat', big(2 ** 52, 8)),
      bytes(big(4), 'mdat'),
      bytes(big(0x7fffffff), 'moov'),
    ]) {
      const source = sparse(500 * mebi, [[0, bytes(type, hostile)]]);
      expect(await probeSource(source)).toEqual(video);
      expect(source.reads).toBeLessThan(100);
      expect(source.taken).toBeLessThan(2 * mebi);
    }
  });

  it('long sound: wav by its header, opus by its last page, mp3 by its rate', async () => {
    const size = 40 * mebi;
    const header = bytes(made.wav.subarray(0, 40), big(0xffffffff));
    expect((await probeSource(sparse(size, [[0, header]])))?.seconds).toBeCloseTo((size - 44) / 64_000, 9);

    const last = made.opus.lastIndexOf(0x4f, made.opus.length - 27);
    expect(probe(made.opus.subarray(0, 200))?.kind).toBe('audio');
    const ogg = sparse(size, [
      [0, made.opus.subarray(0, 200)],
      [size - (made.opus.length - last), made.opus.subarray(last)],
    ]);
    expect((await probeSource(ogg))?.seconds).toBe(1.5);
    expect(ogg.taken).toBeLessThan(2 * mebi);

    const frame = mp3({ seconds: 0.01, bitrate: 128_000 });
    const sound = times(Math.ceil((2 * mebi) / frame.length), frame);
    const cover = bytes('ID3', [4, 0, 0], [0, 64 + 32, 0, 0], zeros(0));
    for (const [at, pieces] of [
      [0, [[0, sound]]],
      [
        10 + (64 + 32) * 128 * 128,
        [
          [0, cover],
          [10 + (64 + 32) * 128 * 128, sound],
        ],
      ],
    ] as [number, [number, Uint8Array][]][]) {
      const found = await probeSource(sparse(size, pieces));
      expect(found?.mediaType).toBe('audio/mpeg');
      expect((found?.seconds ?? 0) / (((size - at) / frame.length) * (1152 / 44_100))).toBeCloseTo(1, 3);
    }
  });

  it('long garbage is nothing', async () => {
    expect(await probeSource(sparse(40 * mebi, [[0, bytes('<!doctype html>')]]))).toBeUndefined();
    expect(await probeSource(sparse(0, []))).toBeUndefined();
  });
});

describe('untrusted bytes', () => {
  const sane = (found: ReturnType<typeof probe>) => {
    if (!found) return;
    expect(found.mediaType).toMatch(/^(image|audio|video|model)\/[a-z0-9-]+$/);
    for (const value of [found.width, found.height]) if (value !== undefined) expect(value).toBeGreaterThan(0);
    for (const value of [found.seconds, found.frames]) {
      if (value !== undefined) expect(Number.isFinite(value) && value >= 0).toBe(true);
    }
  };

  it('garbage is never a file, and never throws', () => {
    const starts = [
      '',
      'RIFF\0\0\0\0WEBP',
      'RIFF\0\0\0\0WAVE',
      '\x89PNG\r\n\x1a\n',
      '\xff\xd8\xff',
      'GIF89a',
      'OggS',
      'fLaC',
      'ID3\x04\0\0',
      '\xff\xfb\x90\xc0',
      '\xff\xf1',
      '\0\0\0\x10ftypisom\0\0\0\0',
      'glTF\x02\0\0\0',
      '\0\0\0\x08moov',
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...starts),
        fc.uint8Array({ maxLength: 400 }),
        fc.option(fc.double()),
        (start, rest, whole) => {
          sane(probe(bytes(start, rest), whole ?? undefined));
        },
      ),
      { numRuns: 3000 },
    );
    expect(probe(new Uint8Array(0))).toBeUndefined();
    expect(probe(bytes('{"error":"no"}'))).toBeUndefined();
    expect(probe(bytes('<!doctype html>'))).toBeUndefined();
  });

  it('a file cut or damaged anywhere never throws, and never lasts longer than the whole', () => {
    const all = Object.values(made);
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
        (file, cut, changes) => {
          const part = file.slice(0, cut % (file.length + 1));
          const found = probe(part);
          sane(found);
          const whole = probe(file);
          if (found?.seconds !== undefined) expect(found.seconds).toBeLessThanOrEqual(whole?.seconds ?? 0);
          for (const [place, value] of changes) part[place % Math.min(200, part.length || 1)] = value;
          sane(probe(part));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it.each([
    ['tiny boxes', bytes(box('ftyp', 'isom', zeros(4)), big(0), 'moov', times(200_000, box('trak')))],
    ['sizes of zero', bytes(box('ftyp', 'isom', zeros(4)), times(100_000, bytes(big(0), 'moov')))],
    ['page marks', bytes('OggS', zeros(40), times(200_000, bytes('OggS')))],
    ['tags', times(100_000, bytes('ID3\x04\0\0\0\0\0\0'))],
    ['sync words', times(2_000_000, bytes([0xff]))],
    ['empty blocks', bytes('GIF89a', zeros(7), times(200_000, bytes([0x21, 0xf9, 0])))],
  ])('does not dwell on %s', (_, hostile) => {
    const start = performance.now();
    sane(probe(hostile));
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});
