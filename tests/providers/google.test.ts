import { afterEach, describe, expect, test, vi } from 'vitest';
import { google } from '../../providers/google.ts';
import { wrapPcm } from '../../providers/shared/wav.ts';
import { google as googleSimulator } from '../../providers/simulators/google.ts';
import { readSpokenText } from '../../providers/simulators/media/index.ts';
import type {
  Call,
  Fetch,
  GatewayError,
  ImageRequest,
  JsonObject,
  MediaRequest,
  Operation,
} from '../../src/contract/index.ts';
import { encodeBase64 } from '../../src/contract/index.ts';
import { hasSpecs, validator } from '../support/spec.ts';
import { callOf, failures, recorder } from './call.ts';

const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
const pcm = new Uint8Array(48_000);
const baseUrl = 'https://generativelanguage.example';
const submit = (request: MediaRequest, fetch: Fetch, model = 'gemini-3.8-flash', more: Partial<Call> = {}) => {
  const port = google.media?.[request.modality] as { submit(request: MediaRequest, call: Call): Promise<Operation> };
  return port.submit(request, callOf(fetch, { model, baseUrl, ...more }));
};
const caught = async (work: Promise<unknown>): Promise<GatewayError> =>
  (await work.then(
    () => undefined,
    (thrown) => thrown,
  )) as GatewayError;
const done = (operation: Operation) => {
  if (operation.status !== 'completed') throw new Error(`not completed: ${JSON.stringify(operation)}`);
  return operation;
};
const usageMetadata = { promptTokenCount: 6, candidatesTokenCount: 100, totalTokenCount: 106 };
const answer = (parts: object[], more: object = {}) =>
  Response.json({ candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }], usageMetadata, ...more });
const inline = (mimeType: string, bytes: Uint8Array) => ({ inlineData: { mimeType, data: encodeBase64(bytes) } });
const valid = (body: unknown, schema = 'GenerateContentRequest') => {
  const wanted = schema === 'GenerateContentRequest' ? { model: 'models/x', ...(body as object) } : body;
  if (hasSpecs)
    expect(validator('google-generativelanguage', `/components/schemas/${schema}`)?.(wanted)).toBeUndefined();
};
afterEach(() => vi.restoreAllMocks());

test('text target: the address for plain and streamed answers; a name that is a path is refused', () => {
  const call = { model: 'gemini-3.8-flash', key: 'k', baseUrl, attemptId: 'a', stream: false };
  expect(google.text?.gemini?.(call)).toEqual({
    url: `${baseUrl}/v1beta/models/gemini-3.8-flash:generateContent`,
    headers: { 'x-goog-api-key': 'k', 'x-client-request-id': 'a' },
  });
  expect(google.text?.gemini?.({ ...call, stream: true })?.url).toMatch(/:streamGenerateContent\?alt=sse$/);
  expect(google.text?.gemini?.({ ...call, model: 'tunedModels/mine-1' })?.url).toContain('/v1beta/tunedModels/mine-1:');
  for (const model of ['../files', 'a/b', 'x:countTokens?', 'models/..', 'models/a/b', '']) {
    expect(() => google.text?.gemini?.({ ...call, model })).toThrow('not a Gemini model name');
  }
});

describe('embedding', () => {
  test('one batch call, the first content not merged with the others', async () => {
    const { fetch, seen } = recorder(() =>
      Response.json({ embeddings: [{ values: [0.5] }, { values: [0.25] }], usageMetadata: { promptTokenCount: 9 } }),
    );
    const request = { modality: 'embedding' as const, input: ['a', 'b'], dimensions: 1, task: 'CLUSTERING' };
    const operation = done(await submit(request, fetch, 'gemini-embedding-2'));
    expect(operation.outputs).toEqual([
      { type: 'embedding', index: 0, vector: [0.5] },
      { type: 'embedding', index: 1, vector: [0.25] },
    ]);
    expect(operation.usage.metered).toEqual([{ meter: 'input_text_tokens', quantity: 9 }]);
    expect(seen[0]?.url).toBe(`${baseUrl}/v1beta/models/gemini-embedding-2:batchEmbedContents`);
    expect((seen[0]?.body as JsonObject | undefined)?.requests).toHaveLength(2);
    valid(seen[0]?.body, 'BatchEmbedContentsRequest');
  });
  test('no usage is unknown, not zero', async () => {
    const { fetch } = recorder(() => Response.json({ embeddings: [{ values: [0.5] }] }));
    expect(done(await submit({ modality: 'embedding', input: ['a'] }, fetch)).usage.metered).toEqual([]);
  });
});

describe('image', () => {
  const image = { modality: 'image' as const, prompt: 'a fox' };
  test('pixels become ratio and size with a warning, thoughts are skipped, nothing warns on the console', async () => {
    const warn = vi.spyOn(console, 'warn');
    const parts = [
      { text: 'thinking', thought: true },
      { text: 'Here.' },
      { ...inline('image/png', png), thoughtSignature: 's' },
    ];
    const { fetch, seen } = recorder(() => answer(parts));
    const request = {
      ...image,
      size: '1792x1024',
      seed: 7,
      params: { temperature: 0.5, safetySettings: [], generationConfig: { topK: 3 } },
    };
    const operation = done(await submit(request, fetch, 'gemini-3.1-flash-image'));
    expect(operation.outputs).toEqual([
      { type: 'asset', asset: { mediaType: 'image/png', bytes: png } },
      { type: 'text', text: 'Here.' },
    ]);
    expect(operation.warnings?.join()).toContain('16:9 at 1K');
    expect(operation.usage).toMatchObject({ dims: { resolution: '1k' }, source: 'body' });
    expect(operation.usage.metered).toContainEqual({ meter: 'output_image_tokens', quantity: 100 });
    expect(seen[0]?.url).toBe(`${baseUrl}/v1beta/models/gemini-3.1-flash-image:generateContent`);
    expect(seen[0]?.headers.get('x-goog-api-key')).toBe('sk-secret-key');
    expect(seen[0]?.headers.get('x-client-request-id')).toBe('att_1');
    expect(seen[0]?.body).toMatchObject({
      contents: [{ role: 'user', parts: [{ text: 'a fox' }] }],
      safetySettings: [],
      generationConfig: {
        responseModalities: ['TEXT', 'IMAGE'],
        seed: 7,
        temperature: 0.5,
        topK: 3,
        imageConfig: { aspectRatio: '16:9', imageSize: '1K' },
      },
    });
    valid(seen[0]?.body);
    expect(warn).not.toHaveBeenCalled();
  });
  test('an edit sends its images inline before the words', async () => {
    const { fetch, seen } = recorder(() => answer([inline('image/png', png)]));
    done(
      await submit(
        { ...image, images: [{ mediaType: 'image/jpeg', bytes: png }], ratio: '21:9', quality: 'high' },
        fetch,
      ),
    );
    const body = seen[0]?.body as { contents: { parts: object[] }[] } | undefined;
    expect(body?.contents[0]?.parts).toEqual([inline('image/png', png), { text: 'a fox' }]);
    expect(seen[0]?.body).toMatchObject({
      generationConfig: { imageConfig: { aspectRatio: '21:9', imageSize: '2K' } },
    });
  });
  test('what Gemini cannot do is refused before sending, naming what it can', async () => {
    const { fetch, seen } = recorder(() => answer([]));
    const asset = { mediaType: 'image/png', bytes: png };
    const wrong: Partial<ImageRequest>[] = [
      { n: 2 },
      { mask: asset },
      { negativePrompt: 'x' },
      { background: 'transparent' },
      { format: 'webp' },
      { ratio: '7:3' },
    ];
    for (const more of [
      ...wrong,
      { size: 'huge' },
      { quality: 'best' },
      { params: { candidateCount: 4 } },
      { params: { generationConfig: { candidateCount: 4 } } },
    ]) {
      expect((await caught(submit({ ...image, ...more }, fetch))).code).toBe('unsupported_parameter');
    }
    expect((await caught(submit({ ...image, ratio: '7:3' }, fetch))).details.facts).toMatchObject({
      allowed: expect.arrayContaining(['16:9']),
    });
    expect(seen).toHaveLength(0);
  });
  test('a blocked prompt and a filtered picture are policy, with their tokens', async () => {
    const blocked = recorder(() =>
      Response.json({ promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 6 } }),
    );
    expect(await submit(image, blocked.fetch)).toMatchObject({
      status: 'failed',
      error: { code: 'content_policy' },
      usage: { metered: [{ meter: 'input_text_tokens', quantity: 6 }] },
    });
    const filtered = recorder(() =>
      Response.json({ candidates: [{ finishReason: 'IMAGE_SAFETY' }], usageMetadata: { promptTokenCount: 6 } }),
    );
    expect(await submit(image, filtered.fetch)).toMatchObject({ status: 'failed', error: { code: 'content_policy' } });
    const silent = recorder(() => answer([{ text: 'I would rather not.' }]));
    expect(await submit(image, silent.fetch)).toMatchObject({ status: 'failed', error: { code: 'invalid_output' } });
  });
  test('a continuation is not followed: it would be billed again', async () => {
    const { fetch, seen } = recorder(() =>
      Response.json({
        candidates: [
          { content: { parts: [inline('image/png', png)] }, finishReason: 'CONTINUATION', continuationToken: 't' },
        ],
        usageMetadata,
      }),
    );
    done(await submit(image, fetch));
    expect(seen).toHaveLength(1);
  });
});

describe('speech', () => {
  const speech = { modality: 'speech' as const, text: 'Hello.' };
  const spoken = () => answer([inline('audio/L16;codec=pcm;rate=24000', pcm)]);
  test('PCM is wrapped as WAV; direction goes into the prompt', async () => {
    const { fetch, seen } = recorder(spoken);
    const operation = done(
      await submit({ ...speech, voice: 'Puck', language: 'en-US', instructions: 'Warm, slow.' }, fetch),
    );
    expect(operation.outputs).toEqual([
      { type: 'asset', asset: { mediaType: 'audio/wav', bytes: wrapPcm(pcm, 24_000, 1) }, seconds: 1 },
    ]);
    expect(operation.usage.metered).toContainEqual({ meter: 'output_audio_tokens', quantity: 100 });
    expect(seen[0]?.body).toMatchObject({
      contents: [{ parts: [{ text: 'Read aloud (Warm, slow): Hello.' }] }],
      generationConfig: {
        responseModalities: ['AUDIO'],
        speechConfig: { languageCode: 'en-US', voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Puck' } } },
      },
    });
    valid(seen[0]?.body);
  });
  test('raw PCM on request; other formats and speeds are refused', async () => {
    const { fetch, seen } = recorder(spoken);
    const operation = done(await submit({ ...speech, format: 'pcm' }, fetch));
    expect(operation.outputs[0]).toMatchObject({ asset: { mediaType: 'audio/pcm;rate=24000;channels=1', bytes: pcm } });
    expect((await caught(submit({ ...speech, format: 'mp3' }, fetch))).details.facts).toEqual({
      allowed: ['wav', 'pcm'],
    });
    expect((await caught(submit({ ...speech, speed: 2 }, fetch))).code).toBe('unsupported_parameter');
    expect(seen).toHaveLength(1);
  });
  test('voices by speaker: two are a conversation, one is a voice', async () => {
    const { fetch, seen } = recorder(spoken);
    const voices = [
      { speaker: 'Ann', voice: 'Puck' },
      { speaker: 'Bo', voice: 'Kore' },
    ];
    const lines = { ...speech, text: 'Ann: Hello.\nBo: Goodbye.' };
    done(await submit({ ...lines, voices, instructions: 'Calm.' }, fetch));
    const voiceConfig = (voiceName: string) => ({ prebuiltVoiceConfig: { voiceName } });
    expect(seen[0]?.body).toMatchObject({
      contents: [{ parts: [{ text: 'Read aloud (Calm):\nAnn: Hello.\nBo: Goodbye.' }] }],
      generationConfig: {
        speechConfig: {
          multiSpeakerVoiceConfig: {
            speakerVoiceConfigs: [
              { speaker: 'Ann', voiceConfig: voiceConfig('Puck') },
              { speaker: 'Bo', voiceConfig: voiceConfig('Kore') },
            ],
          },
        },
      },
    });
    valid(seen[0]?.body);
    done(await submit({ ...lines, voices: voices.slice(0, 1) }, fetch));
    expect(seen[1]?.body).toMatchObject({ generationConfig: { speechConfig: { voiceConfig: voiceConfig('Puck') } } });
  });
  test('the simulator speaks with both voices', async () => {
    const one = googleSimulator();
    const voices = [
      { speaker: 'Ann', voice: 'Puck' },
      { speaker: 'Bo', voice: 'Kore' },
    ];
    const request = { ...speech, text: 'Ann: Hello there.\nBo: Goodbye then.', voices };
    const operation = done(await submit(request, one.fetch, 'gemini-3.8-flash-tts'));
    const part = operation.outputs[0];
    const bytes = part?.type === 'asset' && 'bytes' in part.asset ? part.asset.bytes : new Uint8Array();
    expect(readSpokenText(bytes)).toBe('Hello there. Goodbye then.');
  });
  test('several speakers replace the one voice', async () => {
    const { fetch, seen } = recorder(spoken);
    const speaker = (name: string, voiceName: string) => ({
      speaker: name,
      voiceConfig: { prebuiltVoiceConfig: { voiceName } },
    });
    const speechConfig = {
      multiSpeakerVoiceConfig: { speakerVoiceConfigs: [speaker('A', 'Puck'), speaker('B', 'Kore')] },
    };
    done(await submit({ ...speech, params: { speechConfig } }, fetch));
    expect((seen[0]?.body as { generationConfig: JsonObject } | undefined)?.generationConfig.speechConfig).toEqual(
      speechConfig,
    );
  });
});

describe('transcription', () => {
  const audio = { mediaType: 'audio/wav', bytes: wrapPcm(pcm, 24_000, 1) };
  test('a general model gets the audio and an instruction', async () => {
    const { fetch, seen } = recorder(() => answer([{ text: 'Hello.' }]));
    const operation = done(await submit({ modality: 'transcription', audio, language: 'en' }, fetch));
    expect(operation.outputs).toEqual([{ type: 'text', text: 'Hello.', annotations: [{ text: 'Hello.' }] }]);
    expect(operation.usage.metered).toContainEqual({ meter: 'output_text_tokens', quantity: 100 });
    expect(seen[0]?.body).toMatchObject({
      contents: [
        { parts: [inline('audio/wav', audio.bytes), { text: expect.stringContaining('The language is en.') }] },
      ],
    });
    expect((await caught(submit({ modality: 'transcription', audio, format: 'srt' }, fetch))).code).toBe(
      'unsupported_parameter',
    );
  });
  test('the transcription model gives words, speakers and subtitles', async () => {
    const word = (text: string, start: string, end: string) => ({ word: text, startOffset: start, endOffset: end });
    const piece = {
      text: 'Hello there.',
      languageCode: 'en',
      speakerLabel: 'spk_1',
      words: [word('Hello', '0.1s', '0.4s'), word('there.', '0.4s', '1s')],
    };
    const { fetch, seen } = recorder(() => answer([{ audioTranscription: piece }]));
    const request = { modality: 'transcription' as const, audio, format: 'vtt', language: 'en' };
    const operation = done(await submit(request, fetch, 'gemini-3.5-transcribe'));
    expect(operation.outputs[0]).toMatchObject({
      text: 'WEBVTT\n\n00:00:00.100 --> 00:00:01.000\nspk_1: Hello there.\n',
      annotations: [
        { text: 'Hello there.', language: 'en', duration: 1, words: [{ word: 'Hello', start: 0.1, end: 0.4 }, {}] },
      ],
    });
    expect(seen[0]?.body).toMatchObject({
      generationConfig: { audioTranscriptionConfig: { languageCodes: ['en'], wordTimestamp: true } },
    });
    valid(seen[0]?.body);
  });
});

describe('music', () => {
  const mp3 = new Uint8Array([0x49, 0x44, 0x33, 4, 0, 0]);
  test('a song and its lyrics; billed by song, not by token', async () => {
    const { fetch, seen } = recorder(() => answer([{ text: '[Verse] la' }, inline('audio/mpeg', mp3)]));
    const request = { modality: 'music' as const, prompt: 'folk', seconds: 60, lyrics: 'la la' };
    const operation = done(await submit(request, fetch, 'lyria-3.5'));
    expect(operation.outputs).toEqual([
      { type: 'asset', asset: { mediaType: 'audio/mpeg', bytes: mp3 } },
      { type: 'text', text: '[Verse] la' },
    ]);
    expect(operation.usage.metered).toEqual([{ meter: 'songs', quantity: 1 }]);
    expect(seen[0]?.body).toMatchObject({
      contents: [{ parts: [{ text: 'folk\n\nLength: 60 seconds.\n\nLyrics:\nla la' }] }],
      generationConfig: { responseModalities: ['AUDIO', 'TEXT'] },
    });
    expect((await caught(submit(request, fetch, 'lyria-3-clip-preview'))).code).toBe('unsupported_parameter');
  });
  test('without voices, said in the prompt', async () => {
    const { fetch, seen } = recorder(() => answer([inline('audio/mpeg', mp3)]));
    done(await submit({ modality: 'music', prompt: 'folk', instrumental: true }, fetch, 'lyria-3.5'));
    expect(seen[0]?.body).toMatchObject({ contents: [{ parts: [{ text: 'folk\n\nInstrumental, no vocals.' }] }] });
  });
  test('no song, no charge', async () => {
    const { fetch } = recorder(() =>
      Response.json({ candidates: [{ finishReason: 'PROHIBITED_CONTENT' }], usageMetadata }),
    );
    const operation = await submit({ modality: 'music', prompt: 'x' }, fetch, 'lyria-3.5');
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'content_policy' } });
    expect('usage' in operation).toBe(false);
  });
});

describe('one request whatever happens', () => {
  const requests: MediaRequest[] = [
    { modality: 'embedding', input: ['a'] },
    { modality: 'image', prompt: 'a' },
    { modality: 'speech', text: 'a' },
    { modality: 'transcription', audio: { mediaType: 'audio/wav', bytes: wrapPcm(pcm, 24_000, 1) } },
    { modality: 'music', prompt: 'a' },
  ];
  for (const request of requests) {
    test.each(failures)(`${request.modality}: $name`, async ({ answer: fail, code, failure }) => {
      const { fetch, seen } = recorder(fail);
      const error = await caught(submit(request, fetch));
      expect(seen).toHaveLength(1);
      expect([error.code, error.details.failure, error.details.provider]).toEqual([code, failure, 'google']);
      expect(JSON.stringify(error.details.raw ?? '') + error.message).not.toContain('sk-secr');
      if (code === 'provider_rate_limited') expect(error.details.retryAfterMs).toBe(2000);
    });
  }
  test('an abort reaches the wire', async () => {
    const controller = new AbortController();
    const fetch: Fetch = (_input, init) =>
      new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
    const pending = caught(submit({ modality: 'image', prompt: 'a' }, fetch, undefined, { signal: controller.signal }));
    setTimeout(() => controller.abort(), 20);
    expect((await pending).code).toBe('request_canceled');
  });
});

test('what a model honours is what its requests can say', () => {
  const fields = (modality: 'image' | 'speech' | 'transcription' | 'music' | 'video', model: string) =>
    (google.media?.[modality]?.honours?.({ model, options: {} }) ?? []) as readonly string[];
  expect(fields('image', 'gemini-3.1-flash-image')).toEqual(expect.arrayContaining(['images', 'ratio', 'size']));
  expect(fields('image', 'gemini-3.1-flash-image')).not.toContain('mask');
  expect(fields('speech', 'gemini-3.8-flash-tts')).toEqual(expect.arrayContaining(['voices', 'instructions']));
  expect(fields('transcription', 'gemini-3.5-transcribe')).toEqual(expect.arrayContaining(['timestamps', 'diarize']));
  expect(fields('transcription', 'gemini-3.5-transcribe')).not.toContain('prompt');
  expect(fields('transcription', 'gemini-3.8-flash')).toEqual(expect.arrayContaining(['prompt', 'translate']));
  expect(fields('transcription', 'gemini-3.8-flash')).not.toContain('timestamps');
  expect(fields('music', 'lyria-3.5')).toContain('instrumental');
  expect(fields('video', 'gemini-omni-1.2-flash')).toEqual(expect.arrayContaining(['images', 'resolution', 'seconds']));
  expect(fields('video', 'gemini-omni-1.2-flash')).not.toContain('video');
});
