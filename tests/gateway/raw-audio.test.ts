import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { speechPcm, wav } from '../../providers/simulators/media/index.ts';
import type { Json, Part } from '../../src/contract/index.ts';
import { measureRaw, rawAudio } from '../../src/gateway/raw-audio.ts';
import { openKeeper } from '../runtime/keeper.ts';
import { openPlaces, type Places } from '../runtime/places.ts';

const pcm = speechPcm({ text: 'The lamp is lit.', sampleRate: 16_000, seed: 'raw' });
const raw = new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength);

describe('raw sound', () => {
  it.each([
    ['audio/pcm', undefined, 'audio/pcm;rate=24000;channels=1', 48_000],
    ['audio/L16;codec=pcm;rate=16000', 'wav', 'audio/pcm;rate=16000;channels=1', 32_000],
    ['audio/pcm; rate=44100; channels=2', 'pcm', 'audio/pcm;rate=44100;channels=2', 176_400],
    ['audio/pcm', 'pcm_16000', 'audio/pcm;rate=16000;channels=1', 32_000],
    ['application/octet-stream', 'pcm_8000', 'audio/pcm;rate=8000;channels=1', 16_000],
    ['audio/basic', 'ulaw', 'audio/basic;rate=8000;channels=1', 8_000],
    ['', 'ulaw_16000', 'audio/basic;rate=16000;channels=1', 16_000],
    ['audio/x-alaw-basic', undefined, 'audio/x-alaw-basic;rate=8000;channels=1', 8_000],
  ])('of type %s asked as %s is %s', (type, format, mediaType, perSecond) => {
    const found = rawAudio(type, format)!;
    expect(found.mediaType).toBe(mediaType);
    expect(measureRaw(found, raw, perSecond * 3)).toMatchObject({ mediaType, kind: 'audio', seconds: 3 });
  });

  it.each([
    ['audio/mpeg', 'pcm'],
    ['audio/wav', 'pcm'],
    ['application/octet-stream', 'mp3'],
    ['image/png', 'pcm'],
    ['audio/pcmish', undefined],
  ])('is not of type %s asked as %s', (type, format) => {
    expect(rawAudio(type, format)).toBeUndefined();
  });

  it('is no text and not nothing', () => {
    const found = rawAudio('audio/pcm')!;
    const page = new TextEncoder().encode('<!doctype html><title>Log in</title>');
    expect(measureRaw(found, page, page.length)).toBeUndefined();
    expect(measureRaw(found, new Uint8Array(), 0)).toBeUndefined();
  });
});

describe('a kept output', () => {
  let places: Places;
  let keeper: ReturnType<typeof openKeeper>;
  beforeAll(async () => {
    places = await openPlaces();
  });
  afterEach(() => keeper.close());
  afterAll(() => places.close());
  const open = (modality: 'speech' | 'transcription' | 'image') => {
    keeper = openKeeper({ openUrl: places.openUrl, modality });
  };
  const sound = (bytes: Uint8Array, mediaType: string): Part => ({ type: 'asset', asset: { bytes, mediaType } });

  it('of raw sound is kept as it is, from bytes, a stream and a URL', async () => {
    open('speech');
    places.plan((_, response) => void response.end(raw));
    const mediaType = 'audio/L16;rate=16000';
    const parts: Part[] = [
      sound(raw, mediaType),
      { type: 'asset', asset: { mediaType, stream: new Blob([raw as BlobPart]).stream() } },
      { type: 'asset', asset: { mediaType, url: places.url('/speech.pcm') } },
    ];
    for (const part of parts) {
      const { output, seconds } = await keeper.keep(part);
      expect(output).toMatchObject({ type: 'audio', media_type: 'audio/pcm;rate=16000;channels=1', bytes: raw.length });
      expect(seconds).toBeCloseTo(raw.length / 32_000, 6);
    }
  });

  it('that says raw and has a header is what its header says', async () => {
    open('speech');
    const { output } = await keeper.keep(sound(wav(pcm, { sampleRate: 16_000, channels: 1 }), 'audio/pcm'));
    expect(output.media_type).toBe('audio/wav');
  });

  it('that says raw and is a page, or is a picture, is no output', async () => {
    open('speech');
    const page = new TextEncoder().encode('{"error":"quota"}');
    await expect(keeper.keep(sound(page, 'audio/pcm'))).rejects.toMatchObject({ code: 'invalid_output' });
    expect(keeper.files()).toEqual([]);
    keeper.close();
    open('image');
    await expect(keeper.keep(sound(raw, 'audio/pcm'))).rejects.toMatchObject({ code: 'invalid_output' });
  });

  it('of text keeps what is said about it: in place, and in the store where it is long', async () => {
    open('transcription');
    const words = (count: number): Json => ({
      words: Array.from({ length: count }, (_, index) => ({ word: 'harbour', start: index, end: index + 1 })),
    });
    const short = await keeper.keep({ type: 'text', text: 'harbour', annotations: [words(2)] });
    expect(short.output).toEqual({ type: 'text', text: 'harbour', annotations: [words(2)] });
    for (const annotations of [undefined, [], [{ text: 'harbour' }]]) {
      const { output } = await keeper.keep({ type: 'text', text: 'harbour', annotations });
      expect(output).toEqual({ type: 'text', text: 'harbour' });
    }
    const long = await keeper.keep({ type: 'text', text: 'harbour', annotations: [words(20_000)] });
    expect(long.output).toMatchObject({ type: 'text', text: 'harbour', media_type: 'application/json' });
    const stored = await keeper.assets.get(String(long.output.asset));
    expect(await new Response(stored!.body).json()).toEqual([words(20_000)]);
    expect(keeper.rows).toHaveLength(1);
  });
});
