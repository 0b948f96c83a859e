import { describe, expect, it } from 'vitest';
import { flac, gif, glb, jpeg, mp3, png, wav, webp } from '../../providers/simulators/media/index.ts';
import { mp4 } from '../../providers/simulators/media/mp4.ts';
import { isWholeMedia } from '../../src/meter/whole.ts';

const look = (bytes: Uint8Array) =>
  isWholeMedia({ size: bytes.length, read: async (start, end) => bytes.subarray(start, end) });
const picture = { width: 48, height: 32, seed: 'x' };
const pcm = new Int16Array(4_000);

const told: [string, Uint8Array][] = [
  ['PNG', png(picture)],
  ['JPEG', jpeg(picture)],
  ['GIF', gif(picture)],
  ['WebP', webp(picture)],
  ['WAV', wav(pcm, { sampleRate: 8_000, channels: 1 })],
  ['MP4', mp4({ width: 32, height: 32, seconds: 1, seed: 'x' })],
  ['GLB', glb({ seed: 'x' })],
];

describe('media that ends too early', () => {
  it.each(told)('is told from a whole one: %s', async (_, bytes) => {
    expect(await look(bytes)).toBe(true);
    for (const share of [0.3, 0.6, 0.95])
      expect(await look(bytes.slice(0, bytes.length * share)), `${share}`).toBe(false);
  });

  it.each([
    ['MP3', mp3({ seconds: 1 })],
    ['FLAC', flac(pcm, { sampleRate: 8_000, channels: 1 })],
  ] as [string, Uint8Array][])('is not told where the format has no end: %s', async (_, bytes) => {
    expect(await look(bytes.slice(0, bytes.length / 2))).toBe(true);
  });

  it('a length that its writer did not know is no length', async () => {
    const bytes = wav(pcm, { sampleRate: 8_000, channels: 1 }).slice();
    new DataView(bytes.buffer).setUint32(4, 0xffffffff, true);
    expect(await look(bytes)).toBe(true);
  });

  it('what stands behind the last marker does not matter', async () => {
    for (const [, bytes] of told.slice(0, 2)) {
      expect(await look(new Uint8Array([...bytes, ...new TextEncoder().encode('notes of a program')]))).toBe(true);
    }
  });
});
