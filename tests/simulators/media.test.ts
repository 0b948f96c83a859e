import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { convertIndexedToRgb, decode as decodePng } from 'fast-png';
import { decode as decodeJpeg } from 'jpeg-js';
import { parseBuffer } from 'music-metadata';
import { afterAll, describe, expect, it } from 'vitest';
import {
  aac,
  flac,
  gif,
  glb,
  jpeg,
  mp3,
  mp3Seconds,
  mp4,
  musicPcm,
  opus,
  pcmBytes,
  png,
  readSpokenText,
  speechPcm,
  speechSeconds,
  wav,
  webp,
} from '../../providers/simulators/media/index.ts';
import { picture } from '../../providers/simulators/media/picture.ts';

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const folder = mkdtempSync(join(tmpdir(), 'media-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasFfmpeg = spawnSync('ffprobe', ['-version']).status === 0 && spawnSync('ffmpeg', ['-version']).status === 0;
if (!hasFfmpeg) console.info('ffmpeg is not on PATH: the checks that decode with it are skipped.');

/** Raw output of ffmpeg for these bytes; anything it complains about throws. */
function ffmpeg(bytes: Uint8Array, name: string, ...output: string[]): Uint8Array {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const run = spawnSync('ffmpeg', ['-v', 'error', '-i', path, ...output, '-'], { maxBuffer: 2 ** 28 });
  const complaint = run.stderr.toString();
  if (run.status !== 0 || complaint !== '') throw new Error(`ffmpeg on ${name}: ${complaint}`);
  return run.stdout;
}

const text = 'Guten Tag! The naïve 猫 said: “hello” 🎉 — twice.';

describe('pictures', () => {
  const request = { width: 97, height: 61, seed: 'a red fox' };
  const expected = () => {
    const { indices, palette } = picture(request);
    return Array.from(indices, (index) => palette[index]!.slice(0, 3)).flat();
  };

  it('png decodes to the exact size and every pixel', () => {
    const decoded = decodePng(png(request), { checkCrc: true });
    expect([decoded.width, decoded.height]).toEqual([97, 61]);
    expect(Array.from(convertIndexedToRgb(decoded))).toEqual(expected());
  });

  it('png is transparent outside an oval, and opaque unless asked', () => {
    const alphaAt = (bytes: Uint8Array, x: number, y: number) => {
      const { data, palette } = decodePng(bytes);
      return palette?.[data[y * 97 + x]!]?.[3] ?? 255;
    };
    const cut = png({ ...request, transparent: true });
    expect([alphaAt(cut, 0, 0), alphaAt(cut, 96, 60), alphaAt(cut, 48, 30)]).toEqual([0, 0, 255]);
    expect(alphaAt(png(request), 0, 0)).toBe(255);
  });

  it('a coarse preview is made of blocks and shows another image than the final one', () => {
    const { indices } = picture({ width: 64, height: 64, seed: 'x', coarse: 16 });
    for (let at = 0; at < indices.length; at++) {
      const corner = ((at >> 6) & ~15) * 64 + (at & 63 & ~15);
      expect(indices[at]).toBe(indices[corner]);
    }
    expect(digest(png({ width: 64, height: 64, seed: 'x', coarse: 16 }))).not.toBe(
      digest(png({ width: 64, height: 64, seed: 'x' })),
    );
  });

  it('jpeg decodes to the exact size and close to the picture', () => {
    const decoded = decodeJpeg(jpeg({ ...request, quality: 92 }), { useTArray: true, formatAsRGBA: false });
    expect([decoded.width, decoded.height]).toEqual([97, 61]);
    const wanted = expected();
    const error = decoded.data.reduce((sum, value, at) => sum + Math.abs(value - wanted[at]!), 0) / wanted.length;
    expect(error).toBeLessThan(4);
  });

  it.skipIf(!hasFfmpeg)('webp, gif, png and jpeg decode elsewhere; the lossless ones to the same pixels', () => {
    for (const size of [
      { width: 97, height: 61 },
      { width: 1, height: 1 },
      { width: 1, height: 300 },
      { width: 512, height: 3 },
    ]) {
      const asked = { ...size, seed: 'other decoder' };
      const { indices, palette } = picture(asked);
      const pixels = Buffer.from(Array.from(indices, (index) => palette[index]!.slice(0, 3)).flat());
      for (const [name, bytes] of Object.entries({ 'a.webp': webp(asked), 'a.gif': gif(asked), 'a.png': png(asked) })) {
        const raw = ffmpeg(bytes, name, '-f', 'rawvideo', '-pix_fmt', 'rgb24');
        expect(Buffer.compare(raw, pixels), `${name} ${size.width}x${size.height}`).toBe(0);
      }
      expect(ffmpeg(jpeg(asked), 'a.jpg', '-f', 'rawvideo', '-pix_fmt', 'rgb24').length).toBe(pixels.length);
    }
    const cut = ffmpeg(webp({ ...request, transparent: true }), 't.webp', '-f', 'rawvideo', '-pix_fmt', 'rgba');
    expect([cut[3], cut[(30 * 97 + 48) * 4 + 3]]).toEqual([0, 255]);
  });

  it('large ones are of bearable size', () => {
    const bytes = png({ width: 1536, height: 1024, seed: 'a large one' });
    expect(bytes.length).toBeGreaterThan(30_000);
    expect(bytes.length).toBeLessThan(400_000);
  });

  it('refuses impossible sizes', () => {
    expect(() => png({ width: 0, height: 10, seed: '' })).toThrow(RangeError);
    expect(() => png({ width: 1.5, height: 10, seed: '' })).toThrow(RangeError);
    expect(() => webp({ width: 20_000, height: 1, seed: '' })).toThrow(RangeError);
  });
});

describe('audio', () => {
  const sampleRate = 24_000;
  const pcm = speechPcm({ text, sampleRate, seed: 'alloy' });
  const duration = async (bytes: Uint8Array, mimeType: string) =>
    (await parseBuffer(bytes, { mimeType, size: bytes.length }, { duration: true })).format;

  it('speech lasts as long as its text takes', () => {
    expect(speechSeconds('a'.repeat(150))).toBe(10);
    expect(speechSeconds('a'.repeat(150), 2)).toBe(5);
    expect(speechSeconds('')).toBe(0.4);
    expect(pcm.length).toBe(Math.round(speechSeconds(text) * sampleRate));
    expect(Math.max(...pcm)).toBeGreaterThan(5_000);
  });

  it('wav, flac, opus and aac have the exact duration and format', async () => {
    const seconds = pcm.length / sampleRate;
    const inWav = await duration(wav(pcm, { sampleRate, channels: 1 }), 'audio/wav');
    expect(inWav).toMatchObject({ sampleRate, numberOfChannels: 1, bitsPerSample: 16 });
    expect(inWav.duration).toBeCloseTo(seconds, 6);
    const inFlac = await duration(flac(pcm, { sampleRate, channels: 1, text }), 'audio/flac');
    expect(inFlac).toMatchObject({ sampleRate, numberOfChannels: 1, bitsPerSample: 16 });
    expect(inFlac.duration).toBeCloseTo(seconds, 6);
    const inOpus = await duration(opus({ seconds, text }), 'audio/ogg');
    expect(inOpus).toMatchObject({ codec: 'Opus', numberOfChannels: 1 });
    expect(Math.abs((inOpus.duration ?? 0) - seconds)).toBeLessThan(0.01);
    const inAac = await duration(aac({ seconds, text }), 'audio/aac');
    expect(inAac).toMatchObject({ sampleRate, numberOfChannels: 1 });
  });

  it('mp3 has whole frames of every rate, and plain frames without a tag', async () => {
    for (const [rate, bitrate] of [
      [44_100, 128_000],
      [44_100, 32_000],
      [48_000, 192_000],
      [32_000, 64_000],
      [24_000, 48_000],
      [22_050, 32_000],
      [16_000, 8_000],
    ] as const) {
      const format = await duration(mp3({ seconds: 5.2, sampleRate: rate, bitrate, text }), 'audio/mpeg');
      expect(format).toMatchObject({ sampleRate: rate, numberOfChannels: 1, bitrate });
      // This reader divides the length by that of one frame; frames are counted below by ffprobe, and by our own probe elsewhere.
      expect(Math.abs(format.duration! - mp3Seconds(5.2, rate))).toBeLessThan(0.06);
      expect(mp3Seconds(5.2, rate) - 5.2).toBeGreaterThanOrEqual(0);
      expect(mp3Seconds(5.2, rate) - 5.2).toBeLessThan(1152 / rate);
    }
    expect(mp3({ seconds: 1 })[0]).toBe(0xff);
    expect(() => mp3({ seconds: 1, bitrate: 100_000 })).toThrow(RangeError);
    expect(() => mp3({ seconds: 1, sampleRate: 12_345 })).toThrow(RangeError);
  });

  it.skipIf(!hasFfmpeg)('decodes elsewhere without a complaint, to the same samples where nothing is lost', () => {
    const raw = ['-f', 's16le', '-acodec', 'pcm_s16le'];
    expect(Buffer.compare(ffmpeg(wav(pcm, { sampleRate, channels: 1 }), 'a.wav', ...raw), pcmBytes(pcm))).toBe(0);
    const tune = musicPcm({ prompt: 'calm', seconds: 3.3, sampleRate: 44_100, channels: 2, seed: '' });
    expect(
      Buffer.compare(ffmpeg(flac(tune, { sampleRate: 44_100, channels: 2 }), 'a.flac', ...raw), pcmBytes(tune)),
    ).toBe(0);
    expect(ffmpeg(opus({ seconds: 2.5, text: text.repeat(2_000) }), 'a.opus', ...raw).length).toBe(2.5 * 48_000 * 2);
    expect(ffmpeg(aac({ seconds: 1, text }), 'a.aac', ...raw).length).toBe(24 * 1024 * 2);
    for (const [rate, bitrate] of [
      [44_100, 128_000],
      [24_000, 160_000],
      [16_000, 8_000],
    ] as const) {
      const sound = new Int16Array(
        ffmpeg(mp3({ seconds: 2, sampleRate: rate, bitrate }), 'a.mp3', ...raw).slice().buffer,
      );
      expect(Math.abs(sound.length / rate - 2)).toBeLessThan(0.1);
      expect(Math.max(...sound)).toBeGreaterThan(2_000);
      const counted = execFileSync('ffprobe', [
        ...['-v', 'error', '-count_packets', '-show_entries', 'stream=nb_read_packets', '-of', 'csv=p=0'],
        join(folder, 'a.mp3'),
      ]);
      expect(Number(counted)).toBe(Math.round((mp3Seconds(2, rate) * rate) / (rate > 24_000 ? 1152 : 576)));
    }
    const shown = execFileSync('ffprobe', [
      '-v',
      'error',
      '-show_entries',
      'stream_tags',
      join(folder, 'a.opus'),
    ]).toString();
    expect(shown).toContain('Guten Tag!');
  });

  it('music has the asked length and channels, is heard and does not clip', () => {
    for (const channels of [1, 2] as const) {
      const tune = musicPcm({ prompt: 'slow waltz', seconds: 6.25, sampleRate: 22_050, channels, seed: 's' });
      expect(tune.length).toBe(Math.round(6.25 * 22_050) * channels);
      const loudest = tune.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(loudest).toBeGreaterThan(6_000);
      expect(loudest).toBeLessThan(32_767);
      const steepest = tune.reduce(
        (most, value, at) => Math.max(most, Math.abs(value - (tune[at - channels] ?? 0))),
        0,
      );
      expect(steepest).toBeLessThan(16_000);
    }
  });

  it('the spoken text comes back from every format', () => {
    const made = {
      wav: wav(pcm, { sampleRate, channels: 1 }),
      pcm: pcmBytes(pcm),
      prefixed: Uint8Array.from([1, 2, 3, ...pcmBytes(pcm)]),
      mp3: mp3({ seconds: 1, text }),
      aac: aac({ seconds: 1, text }),
      flac: flac(pcm, { sampleRate, channels: 1, text }),
      opus: opus({ seconds: 1, text }),
    };
    for (const [name, bytes] of Object.entries(made)) expect(readSpokenText(bytes), name).toBe(text);
    const long = text.repeat(3_000);
    expect(readSpokenText(opus({ seconds: 1, text: long }))).toBe(long);
    const stereo = Int16Array.from({ length: pcm.length * 2 }, (_, at) => pcm[at >> 1]!);
    expect(readSpokenText(wav(stereo, { sampleRate, channels: 2 }))).toBe(text);
  });

  it('the spoken text survives a lost beginning and is not found where there is none', () => {
    const short = speechPcm({ text: 'Again and again', sampleRate: 16_000, seed: '' });
    expect(readSpokenText(pcmBytes(short.subarray(777)))).toBe('Again and again');
    const tune = musicPcm({ prompt: '', seconds: 2, sampleRate: 16_000, channels: 1, seed: '' });
    expect(readSpokenText(wav(tune, { sampleRate: 16_000, channels: 1 }))).toBeUndefined();
    expect(readSpokenText(mp3({ seconds: 1 }))).toBeUndefined();
    expect(readSpokenText(new Uint8Array(0))).toBeUndefined();
  });

  it('any text fits at any speed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom(0.25, 1, 4), (spoken, speed) => {
        const wellFormed = spoken.toWellFormed();
        const samples = speechPcm({ text: wellFormed, speed, sampleRate: 8_000, seed: 'v' });
        expect(readSpokenText(pcmBytes(samples))).toBe(wellFormed);
        expect(readSpokenText(mp3({ seconds: 0.4, text: wellFormed }))).toBe(wellFormed);
        expect(readSpokenText(opus({ seconds: 0.4, text: wellFormed }))).toBe(wellFormed);
      }),
      { numRuns: 60 },
    );
  });

  it('reading never throws on other bytes', () => {
    const start = fc
      .constantFrom('', 'ID3\x04\0\0', 'fLaC', 'OggS', 'RIFF')
      .map((name) => Uint8Array.from(name, (letter) => letter.charCodeAt(0)));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, tail) => {
        expect(readSpokenText(Uint8Array.from([...head, ...tail]))).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });
});

describe('every format, as ffprobe sees it', () => {
  const seen = (bytes: Uint8Array, name: string) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const entries = 'stream=codec_name,codec_type,width,height,sample_rate,channels,duration,nb_read_frames';
    const asked = ['-v', 'error', '-count_frames', '-show_entries', `${entries}:format=duration`, '-of', 'json', path];
    const run = spawnSync('ffprobe', asked);
    expect(run.stderr.toString()).toBe('');
    return JSON.parse(run.stdout.toString()) as {
      streams: Record<string, string | number>[];
      format: { duration?: string };
    };
  };
  const picture = { width: 123, height: 45, seed: 'probe' };
  const sound = speechPcm({ text: 'one two three four five six', sampleRate: 24_000, seed: 'v' });
  const long = sound.length / 24_000;
  const mono = { sampleRate: 24_000, channels: 1 } as const;

  it.skipIf(!hasFfmpeg).each([
    ['png', png(picture), 'png'],
    ['jpg', jpeg(picture), 'mjpeg'],
    ['webp', webp(picture), 'webp'],
    ['gif', gif(picture), 'gif'],
  ] as const)('%s: one picture of its size', (ending, bytes, codec) => {
    const [stream, ...others] = seen(bytes, `seen.${ending}`).streams;
    expect([stream?.codec_name, stream?.width, stream?.height]).toEqual([codec, 123, 45]);
    expect([Number(stream?.nb_read_frames), others]).toEqual([1, []]);
  });

  it.skipIf(!hasFfmpeg).each([
    ['wav', wav(sound, mono), 'pcm_s16le', long, 24_000],
    ['flac', flac(sound, mono), 'flac', long, 24_000],
    ['opus', opus({ seconds: long }), 'opus', long, 48_000],
    ['mp3', mp3({ seconds: 4, sampleRate: 24_000 }), 'mp3', mp3Seconds(4, 24_000), 24_000],
    ['aac', aac({ seconds: 3.2 }), 'aac', (75 * 1024) / 24_000, 24_000],
  ] as const)('%s: one track of its length', (ending, bytes, codec, seconds, rate) => {
    const { streams, format } = seen(bytes, `seen.${ending}`);
    expect(streams).toHaveLength(1);
    expect([streams[0]?.codec_name, Number(streams[0]?.sample_rate), streams[0]?.channels]).toEqual([codec, rate, 1]);
    // ADTS has no index: its frames are what tells.
    if (ending === 'aac') expect(Number(streams[0]?.nb_read_frames)).toBe(75);
    else expect(Math.abs(Number(format.duration) - seconds)).toBeLessThan(0.03);
  });

  it.skipIf(!hasFfmpeg)('mp4: pictures and sound of one length', () => {
    const film = mp4({ width: 122, height: 44, seconds: 2, fps: 12, audio: true, seed: 'probe' });
    const { streams, format } = seen(film, 'seen.mp4');
    expect(streams.map((stream) => stream.codec_name)).toEqual(['h264', 'aac']);
    expect([streams[0]?.width, streams[0]?.height, Number(streams[0]?.nb_read_frames)]).toEqual([122, 44, 24]);
    expect(Number(format.duration)).toBeCloseTo(2, 3);
  });
});

describe('determinism', () => {
  const size = { width: 120, height: 80 };
  const make: Record<string, (seed: string) => Uint8Array> = {
    png: (seed) => png({ ...size, seed }),
    jpeg: (seed) => jpeg({ ...size, seed }),
    webp: (seed) => webp({ ...size, seed }),
    gif: (seed) => gif({ ...size, seed }),
    speech: (seed) => pcmBytes(speechPcm({ text: 'one two three', sampleRate: 16_000, seed })),
    music: (seed) => pcmBytes(musicPcm({ prompt: 'tune', seconds: 1, sampleRate: 16_000, channels: 2, seed })),
    mp3: (seed) => mp3({ seconds: 2, seed }),
    glb: (seed) => glb({ seed }),
  };

  it.each(Object.keys(make))('%s: same seed, same bytes; other seed, other bytes', (name) => {
    const of = make[name]!;
    expect(digest(of('a blue bird'))).toBe(digest(of('a blue bird')));
    const all = new Set(Array.from({ length: 8 }, (_, seed) => digest(of(`prompt ${seed}`))));
    expect(all.size).toBe(8);
  });
});

describe('glb', () => {
  it('has the header, chunks and accessors that glTF 2.0 asks for', () => {
    const bytes = glb({ seed: 'a chair' });
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect([view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)]).toEqual([
      0x46546c67,
      2,
      bytes.length,
    ]);
    const length = view.getUint32(12, true);
    const json = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + length)));
    const binary = 20 + length + 8;
    expect([length % 4, view.getUint32(binary - 8, true), bytes.length - binary]).toEqual([
      0,
      json.buffers[0].byteLength,
      648,
    ]);
    const at = (index: number) => [0, 4, 8].map((offset) => view.getFloat32(binary + index * 12 + offset, true));
    const corners = Array.from({ length: 24 }, (_, index) => at(index));
    for (const axis of [0, 1, 2]) {
      expect(Math.min(...corners.map((corner) => corner[axis]!))).toBe(json.accessors[0].min[axis]);
      expect(Math.max(...corners.map((corner) => corner[axis]!))).toBe(json.accessors[0].max[axis]);
    }
    // Every triangle faces the way its normals point.
    for (let triangle = 0; triangle < 12; triangle++) {
      const [a, b, c] = [0, 1, 2].map((step) => view.getUint16(binary + 576 + (triangle * 3 + step) * 2, true)) as [
        number,
        number,
        number,
      ];
      const edge = (from: number, to: number) =>
        at(to).map((value, axis) => value - at(from)[axis]!) as [number, number, number];
      const [u, v] = [edge(a, b), edge(a, c)];
      const cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      const normal = at(24 + a);
      expect(cross.reduce((sum, value, axis) => sum + value * normal[axis]!, 0)).toBeGreaterThan(0);
    }
  });
});
