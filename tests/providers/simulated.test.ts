import { decode } from 'fast-png';
import jpeg from 'jpeg-js';
import { parseBuffer } from 'music-metadata';
import { describe, expect, test } from 'vitest';
import { google } from '../../providers/google.ts';
import { openai } from '../../providers/openai.ts';
import { google as simulateGoogle } from '../../providers/simulators/google.ts';
import { openai as simulateOpenai } from '../../providers/simulators/openai.ts';
import type { Simulator } from '../../providers/simulators/simulator.ts';
import type { Call, GatewayError, MediaRequest, Operation, Part, Provider } from '../../src/contract/index.ts';
import { callOf } from './call.ts';

type World = { provider: Provider; simulator: Simulator; baseUrl: string };
const worlds = {
  openai: (): World => ({
    provider: openai,
    simulator: simulateOpenai({ faults: true }),
    baseUrl: 'https://api.openai.com/v1',
  }),
  google: (): World => ({
    provider: google,
    simulator: simulateGoogle({ faults: true }),
    baseUrl: 'https://generativelanguage.googleapis.com',
  }),
};

function submit({ provider, simulator, baseUrl }: World, model: string, request: MediaRequest): Promise<Operation> {
  const port = provider.media?.[request.modality] as { submit(request: MediaRequest, call: Call): Promise<Operation> };
  return port.submit(request, callOf(simulator.fetch, { model, baseUrl }));
}

/** Runs a call and holds its usage against the simulator's own bill. */
async function made(world: World, model: string, request: MediaRequest): Promise<Part[]> {
  world.simulator.bill.clear();
  const operation = await submit(world, model, request);
  if (operation.status !== 'completed') throw new Error(JSON.stringify(operation));
  const billed = world.simulator.bill.find('att_1')?.charges.filter(({ quantity }) => quantity > 0) ?? [];
  const inOrder = (list: { meter: string; quantity: number }[]) =>
    list.map(({ meter, quantity }) => `${meter} ${quantity}`).sort();
  expect(inOrder(operation.usage.metered)).toEqual(inOrder(billed));
  expect(world.simulator.bill.calls).toHaveLength(1);
  return operation.outputs;
}

function assetOf(parts: Part[]): { mediaType: string; bytes: Uint8Array } {
  for (const part of parts) {
    if (part.type === 'asset' && 'bytes' in part.asset) return part.asset;
  }
  throw new Error('no asset');
}
const textOf = (parts: Part[]) => parts.map((part) => (part.type === 'text' ? part.text : '')).join('');

describe('openai', () => {
  test.each([
    ['1024x1024', 'png'],
    ['1536x1024', 'jpeg'],
  ])('an image of %s as %s', async (size, format) => {
    const parts = await made(worlds.openai(), 'gpt-image-2', {
      modality: 'image',
      prompt: 'a fox',
      size,
      format,
      quality: 'low',
    });
    const { mediaType, bytes } = assetOf(parts);
    const picture = format === 'png' ? decode(bytes) : jpeg.decode(bytes);
    expect([mediaType, `${picture.width}x${picture.height}`]).toEqual([`image/${format}`, size]);
  });
  test('two images, then an edit of both', async () => {
    const world = worlds.openai();
    const first = await made(world, 'gpt-image-2', { modality: 'image', prompt: 'a fox', n: 2, size: '1024x1024' });
    expect(first).toHaveLength(2);
    const images = first.flatMap((part) => (part.type === 'asset' ? [part.asset] : []));
    const edit = await made(world, 'gpt-image-2', {
      modality: 'image',
      prompt: 'in snow',
      images,
      mask: images[0],
      size: '1024x1024',
    });
    expect(decode(assetOf(edit).bytes).width).toBe(1024);
  });
  test.each(['mp3', 'wav', 'flac', 'opus'])('speech as %s is heard again', async (format) => {
    const world = worlds.openai();
    const spoken = await made(world, 'gpt-4o-mini-tts', {
      modality: 'speech',
      text: 'The fox waits.',
      format,
      instructions: 'softly',
    });
    const audio = assetOf(spoken);
    const { format: facts } = await parseBuffer(audio.bytes, { mimeType: audio.mediaType });
    expect(facts.duration).toBeGreaterThan(0.3);
    const heard = await made(world, 'gpt-4o-transcribe', { modality: 'transcription', audio, format: 'text' });
    expect(textOf(heard)).toBe('The fox waits.');
    const subtitles = await made(world, 'whisper-1', { modality: 'transcription', audio, format: 'srt' });
    expect(textOf(subtitles)).toMatch(/^1\n00:00:00,000 --> 00:00:0\d,\d{3}\nThe fox waits\.\n/);
    const speakers = await made(world, 'gpt-4o-transcribe-diarize', {
      modality: 'transcription',
      audio,
      format: 'vtt',
    });
    expect(textOf(speakers)).toContain('The fox waits.');
    await made(world, 'whisper-1', {
      modality: 'transcription',
      audio,
      format: 'verbose_json',
      timestamps: ['word', 'segment'],
    });
  });
  test('tts-1 bills characters; translation bills seconds', async () => {
    const world = worlds.openai();
    const audio = assetOf(await made(world, 'tts-1', { modality: 'speech', text: 'Grüß Gott 👋', format: 'wav' }));
    const operation = await submit(world, 'whisper-1', { modality: 'transcription', audio, translate: true });
    expect(operation).toMatchObject({ status: 'completed', usage: { metered: [{ meter: 'input_audio_seconds' }] } });
  });
  test('embeddings', async () => {
    const parts = await made(worlds.openai(), 'text-embedding-3-small', {
      modality: 'embedding',
      input: ['a', 'b'],
      dimensions: 8,
    });
    expect(parts.map((part) => part.type === 'embedding' && part.vector.length)).toEqual([8, 8]);
  });
  test.each(['reset:2', 'cut:2'])('speech broken by %s is class D or C, never audio', async (fault) => {
    const world = worlds.openai();
    world.simulator.faults.push(fault);
    const error = (await submit(world, 'gpt-4o-mini-tts', {
      modality: 'speech',
      text: 'The fox waits. '.repeat(20),
    }).catch((thrown) => thrown)) as GatewayError;
    expect(['stream_interrupted', 'outcome_unknown']).toContain(error.code);
    expect(error.details.billing).toBe('unknown');
  });
});

describe('google', () => {
  test.each([
    ['gemini-3.1-flash-image', { ratio: '16:9', quality: '2k' }, [2752, 1536]],
    ['gemini-3.1-flash-image', { size: '1024x1024' }, [1024, 1024]],
    ['gemini-3-pro-image', {}, [1024, 1024]],
  ])('an image by %s %o', async (model, shape, size) => {
    const parts = await made(worlds.google(), model, { modality: 'image', prompt: 'a fox', ...shape });
    const picture = decode(assetOf(parts).bytes);
    expect([picture.width, picture.height]).toEqual(size);
  });
  test('an edit', async () => {
    const world = worlds.google();
    const images = [assetOf(await made(world, 'gemini-3.1-flash-image', { modality: 'image', prompt: 'a fox' }))];
    const edit = await made(world, 'gemini-3.1-flash-image', { modality: 'image', prompt: 'in snow', images });
    expect(decode(assetOf(edit).bytes).width).toBe(1024);
  });
  test('speech is a WAV of its true length, and is heard again', async () => {
    const world = worlds.google();
    const audio = assetOf(
      await made(world, 'gemini-3.8-flash-tts', {
        modality: 'speech',
        text: 'The fox waits.',
        instructions: 'Warm, slow',
      }),
    );
    const { format } = await parseBuffer(audio.bytes, { mimeType: audio.mediaType });
    expect([format.container, format.sampleRate]).toEqual(['WAVE', 24_000]);
    expect(format.duration).toBeCloseTo((audio.bytes.length - 44) / 48_000, 5);
    const heard = await made(world, 'gemini-3.5-transcribe', { modality: 'transcription', audio });
    expect(textOf(heard)).toBe('The fox waits.');
  });
  test('a song of thirty seconds with lyrics', async () => {
    const parts = await made(worlds.google(), 'lyria-3-clip-preview', { modality: 'music', prompt: 'folk' });
    const song = assetOf(parts);
    const { format } = await parseBuffer(song.bytes, { mimeType: song.mediaType });
    expect(format.duration).toBeCloseTo(30, 0);
    expect(textOf(parts)).toContain('[Verse]');
  });
  test('embeddings', async () => {
    const parts = await made(worlds.google(), 'gemini-embedding-2', {
      modality: 'embedding',
      input: ['a', 'b'],
      dimensions: 128,
    });
    expect(parts).toHaveLength(2);
  });
  test('a blocked prompt bills what was read', async () => {
    const world = worlds.google();
    const operation = await submit(world, 'gemini-3.1-flash-image', { modality: 'image', prompt: 'a fox [[blocked]]' });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'content_policy' } });
  });
});
