import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseBuffer } from 'music-metadata';
import { afterAll, describe, expect, it } from 'vitest';
import { mp4, mp4Stream } from '../../providers/simulators/media/index.ts';
import { probe } from '../../src/meter/probe.ts';

const folder = mkdtempSync(join(tmpdir(), 'mp4-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasFfmpeg = spawnSync('ffprobe', ['-version']).status === 0 && spawnSync('ffmpeg', ['-version']).status === 0;
if (!hasFfmpeg) console.info('ffmpeg is not on PATH: the checks that decode video with it are skipped.');

type Stream = { codec_name: string; width: number; height: number; r_frame_rate: string; duration: string };
type Counted = Stream & { profile: string; nb_read_frames: string };

function run(command: string, args: string[]): Buffer {
  const done = spawnSync(command, args, { maxBuffer: 2 ** 28 });
  const complaint = done.stderr.toString();
  if (done.status !== 0 || complaint !== '') throw new Error(`${command}: ${complaint}`);
  return done.stdout;
}

function save(bytes: Uint8Array): string {
  const path = join(folder, `${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}.mp4`);
  writeFileSync(path, bytes);
  return path;
}

function streams(path: string): Counted[] {
  const asked = ['-v', 'error', '-show_streams', '-count_frames', '-of', 'json', path];
  return JSON.parse(run('ffprobe', asked).toString()).streams;
}

async function read(stream: ReadableStream<Uint8Array>, each: (piece: Uint8Array) => void): Promise<void> {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) each(next.value);
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const cases = [
  { width: 1280, height: 720, seconds: 8, audio: true, frames: 192, rate: '24/1' },
  { width: 854, height: 480, seconds: 5.04, fps: 30, audio: true, frames: 152, rate: '30/1' },
  { width: 97, height: 61, seconds: 2.5, frames: 60, rate: '24/1' },
  { width: 640, height: 361, seconds: 1.5, fps: 25, audio: true, frames: 38, rate: '25/1' },
  { width: 1, height: 2, seconds: 3, fps: 1, frames: 3, rate: '1/1' },
  { width: 1080, height: 1920, seconds: 2, fps: 23.976, frames: 48, rate: '2997/125' },
];

describe('mp4', () => {
  it.each(cases)('$width × $height of $seconds s: the gateway reads size, length and pictures', (one) => {
    const { width, height, seconds, frames } = one;
    const bytes = mp4({ ...one, seed: 'a fox' });
    expect(probe(bytes)).toEqual({ mediaType: 'video/mp4', kind: 'video', width, height, seconds, frames });
  });

  it.skipIf(!hasFfmpeg).each(cases)('$width × $height of $seconds s decodes without a complaint', (one) => {
    const path = save(mp4({ ...one, seed: 'a fox' }));
    const [video, audio, ...others] = streams(path);
    expect([video!.codec_name, video!.width, video!.height]).toEqual(['h264', one.width, one.height]);
    const odd = (one.width | one.height) % 2 === 1;
    expect(video!.profile).toBe(odd ? 'High 4:4:4 Predictive' : 'Constrained Baseline');
    expect([video!.r_frame_rate, Number(video!.nb_read_frames)]).toEqual([one.rate, one.frames]);
    expect(Number(video!.duration)).toBeCloseTo(one.seconds, 3);
    if (one.audio) {
      expect([audio!.codec_name, audio!.profile]).toEqual(['aac', 'LC']);
      expect(Number(audio!.duration)).toBeCloseTo(one.seconds, 3);
    } else expect(audio).toBeUndefined();
    expect(others).toEqual([]);
    run('ffmpeg', ['-v', 'error', '-xerror', '-i', path, '-f', 'null', '-']);
  });

  it.skipIf(!hasFfmpeg)(
    'every decoded macroblock is the flat colour that was meant, whatever the chroma format',
    () => {
      for (const [width, height] of [
        [64, 48],
        [65, 49],
      ] as const) {
        const path = save(mp4({ width, height, seconds: 3, seed: 'flat' }));
        const raw = run('ffmpeg', ['-v', 'error', '-i', path, '-pix_fmt', 'yuv444p', '-f', 'rawvideo', '-']);
        const plane = width * height;
        expect(raw.length).toBe(plane * 3 * 72);
        const pixel = (frame: number, x: number, y: number) => raw[frame * plane * 3 + y * width + x]!;
        for (const frame of [0, 23, 24, 47, 48])
          for (let y = 0; y < height; y++)
            for (let x = 0; x < width; x++) {
              const corner = pixel(frame, x & ~15, y & ~15);
              if (pixel(frame, x, y) !== corner) throw new Error(`not flat at ${x}, ${y} of picture ${frame}`);
            }
        // The bright mark moves a cell a second and stays within it.
        const bright = [0, 23, 24, 47, 48, 71].map((frame) => [0, 16, 32].map((x) => pixel(frame, x, 0) === 232));
        expect(bright.map((row) => row.indexOf(true))).toEqual([0, 0, 1, 1, 2, 2]);
      }
    },
  );

  it('has its index before its data', () => {
    const names: string[] = [];
    const bytes = mp4({ width: 64, height: 64, seconds: 1, seed: '' });
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length; at += view.getUint32(at))
      names.push(String.fromCharCode(...bytes.subarray(at + 4, at + 8)));
    expect(names).toEqual(['ftyp', 'moov', 'mdat']);
  });

  it('another reader of containers finds both tracks', async () => {
    const bytes = mp4({ width: 320, height: 180, seconds: 4, audio: true, seed: 'x' });
    const { format } = await parseBuffer(bytes, 'video/mp4');
    expect(format.duration).toBeCloseTo(4, 3);
    expect([format.hasVideo, format.hasAudio, format.sampleRate]).toEqual([true, true, 24_000]);
  });

  it('is small, quick and the same each time; another seed is another film', () => {
    const asked = { width: 1920, height: 1080, seconds: 8, audio: true, seed: 'one' };
    const started = performance.now();
    const bytes = mp4(asked);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(bytes.length).toBeLessThan(200_000);
    expect(digest(mp4(asked))).toBe(digest(bytes));
    expect(digest(mp4({ ...asked, seed: 'two' }))).not.toBe(digest(bytes));
  });

  it('refuses what no video is', () => {
    const asked = { width: 64, height: 64, seconds: 1, seed: '' };
    for (const wrong of [{ width: 0 }, { height: 1.5 }, { width: 20_000 }, { seconds: 0 }, { seconds: Number.NaN }])
      expect(() => mp4({ ...asked, ...wrong })).toThrow(RangeError);
    expect(() => mp4({ ...asked, fps: 0 })).toThrow(RangeError);
  });
});

describe('mp4Stream', () => {
  const asked = { width: 640, height: 360, seconds: 4, audio: true, seed: 'large' };

  it('yields exactly its size in small pieces, again and again', async () => {
    const { size, stream } = mp4Stream({ ...asked, atLeastBytes: 60_000_000 });
    expect(size).toBe(60_000_000);
    const hashes: string[] = [];
    for (let turn = 0; turn < 2; turn++) {
      const hash = createHash('sha256');
      let length = 0;
      let largest = 0;
      await read(stream(), (piece) => {
        hash.update(piece);
        length += piece.length;
        largest = Math.max(largest, piece.length);
      });
      expect([length, largest]).toEqual([60_000_000, 65_536]);
      hashes.push(hash.digest('hex'));
    }
    expect(hashes[1]).toBe(hashes[0]);
  });

  it('makes no more than is read', async () => {
    const reader = mp4Stream({ ...asked, atLeastBytes: 6_000_000_000 })
      .stream()
      .getReader();
    const first = (await reader.read()).value!;
    expect(probe(first, 6_000_000_000)).toMatchObject({ kind: 'video', seconds: 4 });
    const head = (await reader.read()).value!;
    // Beyond 4 GB the box has its long form.
    expect([head.length, head[3]]).toEqual([16, 1]);
    await reader.cancel();
  });

  it('stays as it is where it is long enough, and grows by a whole box where little is missing', async () => {
    const plain = mp4(asked);
    const { size, stream } = mp4Stream({ ...asked, atLeastBytes: 10 });
    expect(size).toBe(plain.length);
    await read(stream(), (piece) => expect(digest(piece)).toBe(digest(plain)));
    expect(mp4Stream({ ...asked, atLeastBytes: plain.length + 3 }).size).toBe(plain.length + 8);
  });

  it.skipIf(!hasFfmpeg)('is a film to other readers', async () => {
    const pieces: Uint8Array[] = [];
    await read(mp4Stream({ ...asked, atLeastBytes: 1_000_000 }).stream(), (piece) => pieces.push(piece));
    const path = save(Buffer.concat(pieces));
    expect(streams(path).map((one) => Number(one.duration))).toEqual([4, 4]);
    run('ffmpeg', ['-v', 'error', '-xerror', '-i', path, '-f', 'null', '-']);
  });
});
