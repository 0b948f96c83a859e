import { describe, expect, test } from 'vitest';
import { openai } from '../../providers/openai.ts';
import { png, readSpokenText, speechPcm, wav } from '../../providers/simulators/media/index.ts';
import { openai as simulator } from '../../providers/simulators/openai.ts';
import {
  at,
  type Fetch,
  type GatewayError,
  type JsonObject,
  type MediaRequest,
  type Operation,
  type Progress,
} from '../../src/contract/index.ts';
import { probe } from '../../src/meter/probe.ts';
import { callOf, sse } from './call.ts';

type Told = { operation: Operation; told: Progress[]; sent: JsonObject; billed: Record<string, number> };

/** One call against the simulator, watched or not, with what was sent and billed. */
async function run(model: string, request: MediaRequest, watched = true): Promise<Told> {
  const one = simulator({ now: () => Date.UTC(2026, 10, 22) });
  const told: Progress[] = [];
  let sent: JsonObject = {};
  const fetch: Fetch = async (input, init) => {
    const asked = new Request(input as string, init as RequestInit);
    const copy = asked.clone();
    sent = copy.headers.get('content-type')?.startsWith('multipart/')
      ? Object.fromEntries([...(await copy.formData()).entries()].map(([name, value]) => [name, String(value)]))
      : ((await copy.json()) as JsonObject);
    return one.fetch(asked);
  };
  const port = openai.media?.[request.modality] as unknown as {
    submit(request: MediaRequest, call: unknown): Promise<Operation>;
  };
  const call = callOf(fetch, { model, ...(watched ? { progress: (step: Progress) => told.push(step) } : {}) });
  const operation = await port.submit(request, call);
  const charges = one.bill.calls[0]?.charges ?? [];
  return { operation, told, sent, billed: Object.fromEntries(charges.map((line) => [line.meter, line.quantity])) };
}

const meters = ({ operation }: Told) =>
  Object.fromEntries(
    (operation.status === 'completed' ? operation.usage.metered : []).map(({ meter, quantity }) => [meter, quantity]),
  );

function bytesOf(part: Progress['partial']): Uint8Array {
  if (part?.type !== 'asset' || !('bytes' in part.asset)) throw new Error(`no bytes: ${JSON.stringify(part?.type)}`);
  return part.asset.bytes;
}

const outputOf = ({ operation }: Told) => (operation.status === 'completed' ? operation.outputs[0] : undefined);
const joined = (told: Progress[]) => Buffer.concat(told.map((step) => bytesOf(step.partial)));

describe('images', () => {
  const image = { modality: 'image' as const, prompt: 'a fox', size: '1024x1024', quality: 'low' };

  test('previews are whole pictures, told in order; the end is billed with them', async () => {
    const one = await run('gpt-image-2', { ...image, partialImages: 2 });
    expect(one.sent).toMatchObject({ stream: true, partial_images: 2 });
    expect(one.told.map((step) => step.index)).toEqual([0, 1]);
    const found = one.told.map((step) => probe(bytesOf(step.partial)));
    expect(found).toEqual([
      { mediaType: 'image/png', kind: 'image', width: 1024, height: 1024 },
      { mediaType: 'image/png', kind: 'image', width: 1024, height: 1024 },
    ]);
    expect(outputOf(one)).toMatchObject({ width: 1024, height: 1024, asset: { mediaType: 'image/png' } });
    expect(bytesOf(outputOf(one))).not.toEqual(bytesOf(one.told[1]?.partial));
    expect(meters(one)).toEqual(one.billed);
    expect(one.billed.output_image_tokens).toBe(272 + 200);
    expect(one.operation).toMatchObject({ usage: { dims: { size: '1024x1024', quality: 'low' } } });
  });

  test('an edit shows previews too, and says how closely to look', async () => {
    const picture = { mediaType: 'image/png', bytes: png({ width: 64, height: 64, seed: 'in' }) };
    const edit = {
      ...image,
      partialImages: 1,
      images: [picture],
      inputFidelity: 'high',
      format: 'webp',
      compression: 60,
    };
    const one = await run('gpt-image-1.5', edit);
    expect(one.sent).toMatchObject({
      stream: 'true',
      partial_images: '1',
      input_fidelity: 'high',
      output_compression: '60',
    });
    expect(one.told).toHaveLength(1);
    expect(probe(bytesOf(one.told[0]?.partial))?.mediaType).toBe('image/webp');
    expect(meters(one)).toEqual(one.billed);
  });

  test('nobody watches, no previews are asked for or more than one picture: plain, with a word about it', async () => {
    const alone = await run('gpt-image-2', { ...image, partialImages: 2 }, false);
    expect(alone.sent.stream).toBeUndefined();
    expect(meters(alone)).toEqual(alone.billed);
    const plain = await run('gpt-image-2', image);
    expect([plain.sent.stream, plain.told]).toEqual([undefined, []]);
    const many = await run('gpt-image-2', { ...image, n: 2, partialImages: 2 });
    expect(many.sent.stream).toBeUndefined();
    expect(many.operation).toMatchObject({
      status: 'completed',
      warnings: [expect.stringContaining('partial_images')],
    });
  });

  test('moderation, compression and fidelity go where the model takes them, else they are told', async () => {
    const more = { moderation: 'low', compression: 50, format: 'jpeg', inputFidelity: 'high' };
    const one = await run('gpt-image-2', { ...image, ...more });
    expect(one.sent).toMatchObject({ moderation: 'low', output_compression: 50 });
    expect(one.sent.input_fidelity).toBeUndefined();
    expect(one.operation).toMatchObject({ warnings: [expect.stringContaining('input_fidelity')] });
    const own = await run('gpt-image-2', { ...image, params: { moderation: 'auto' } });
    expect(own.sent.moderation).toBe('auto');
  });

  test('a stream that stops: class D once a preview was shown, else C', async () => {
    const partial = {
      type: 'image_generation.partial_image',
      b64_json: 'iVBORw==',
      partial_image_index: 0,
      output_format: 'png',
    };
    for (const [events, failure] of [
      [[partial], 'D'],
      [[], 'C'],
    ] as const) {
      const call = callOf(async () => sse([...events]), { model: 'gpt-image-2', progress: () => {} });
      const error = await openai.media?.image?.submit({ ...image, partialImages: 1 }, call).then(
        () => undefined,
        (thrown) => thrown as GatewayError,
      );
      expect([error?.code, error?.details.failure]).toEqual(['stream_interrupted', failure]);
    }
  });
});

describe('speech', () => {
  const speech = { modality: 'speech' as const, text: 'Hello to everyone who is listening tonight.' };

  test.each(['gpt-4o-mini-tts', 'tts-1'])('%s tells its sound in pieces that make the whole', async (model) => {
    const one = await run(model, { ...speech, format: 'flac' });
    expect(one.told.length).toBeGreaterThan(0);
    expect(one.told.map((step) => step.index)).toEqual(one.told.map((_, index) => index));
    expect(joined(one.told).equals(Buffer.from(bytesOf(outputOf(one))))).toBe(true);
    expect(readSpokenText(joined(one.told))).toBe(speech.text);
    expect(meters(one)).toEqual(one.billed);
  });
});

describe('transcription', () => {
  const text = 'Good evening. The train leaves at nine.';
  const bytes = wav(speechPcm({ text, sampleRate: 24_000, seed: 'v' }), { sampleRate: 24_000, channels: 1 });
  const audio = { mediaType: 'audio/wav', bytes };
  const words = (told: Progress[]) =>
    told.map((step) => (step.partial?.type === 'text' ? step.partial.text : '')).join('');

  test('words are told as they come and are the transcript in the end', async () => {
    const one = await run('gpt-4o-transcribe', { modality: 'transcription', audio });
    expect(one.sent.stream).toBe('true');
    expect(one.told.length).toBeGreaterThan(3);
    expect(words(one.told)).toBe(text);
    expect(outputOf(one)).toMatchObject({ type: 'text', text });
    expect(meters(one)).toEqual(one.billed);
  });

  test('speakers stay with their segments', async () => {
    const one = await run('gpt-4o-transcribe-diarize', { modality: 'transcription', audio, diarize: true });
    expect(one.sent).toMatchObject({ stream: 'true', response_format: 'diarized_json' });
    expect(words(one.told)).toBe(text);
    const output = outputOf(one);
    const [transcript] = output?.type === 'text' ? (output.annotations as JsonObject[]) : [];
    expect(at(transcript, 'segments', 0)).toMatchObject({ speaker: expect.any(String), start: 0 });
    expect(meters(one)).toEqual(one.billed);
  });

  test('whisper cannot stream and answers at once', async () => {
    const one = await run('whisper-1', { modality: 'transcription', audio });
    expect([one.sent.stream, one.told]).toEqual([undefined, []]);
    expect(outputOf(one)).toMatchObject({ text });
  });

  test('a stream that stops is no transcript', async () => {
    const delta = { type: 'transcript.text.delta', delta: 'Go' };
    const call = callOf(async () => sse([delta]), { model: 'gpt-4o-transcribe', progress: () => {} });
    const error = await openai.media?.transcription?.submit({ modality: 'transcription', audio }, call).then(
      () => undefined,
      (thrown) => thrown as GatewayError,
    );
    expect([error?.code, error?.details.failure]).toEqual(['stream_interrupted', 'D']);
  });
});

test('what a model honours is what its requests can say', () => {
  const fields = (modality: 'image' | 'speech' | 'transcription', model: string): readonly string[] =>
    openai.media?.[modality]?.honours?.({ model, options: {} }) ?? [];
  expect(fields('image', 'gpt-image-2')).toEqual(
    expect.arrayContaining(['partialImages', 'moderation', 'compression']),
  );
  expect(fields('image', 'gpt-image-2')).not.toContain('inputFidelity');
  expect(fields('image', 'gpt-image-1.5')).toContain('inputFidelity');
  expect(fields('image', 'dall-e-3')).not.toContain('partialImages');
  expect(fields('image', 'gpt-image-2')).not.toContain('negativePrompt');
  expect(fields('speech', 'tts-1')).not.toContain('instructions');
  expect(fields('speech', 'gpt-4o-mini-tts')).toContain('instructions');
  expect(fields('transcription', 'whisper-1')).toEqual(expect.arrayContaining(['translate', 'timestamps', 'prompt']));
  expect(fields('transcription', 'gpt-4o-transcribe-diarize')).toEqual(expect.arrayContaining(['diarize']));
  expect(fields('transcription', 'gpt-4o-transcribe-diarize')).not.toContain('prompt');
});
