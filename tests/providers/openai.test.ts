import { describe, expect, test } from 'vitest';
import { openai } from '../../providers/openai.ts';
import { wrapPcm } from '../../providers/shared/wav.ts';
import type {
  GatewayError,
  ImageRequest,
  Json,
  JsonObject,
  Operation,
  SpeechRequest,
  TranscriptionRequest,
} from '../../src/contract/index.ts';
import { encodeBase64 } from '../../src/contract/index.ts';
import { hasSpecs, requestPointer, validator } from '../support/spec.ts';
import { callOf, failures, recorder, sse } from './call.ts';

const media = openai.media ?? {};
const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
const wav = wrapPcm(new Uint8Array(480), 24_000, 1);
const caught = async (work: Promise<unknown> | undefined): Promise<GatewayError> =>
  (await work?.then(
    () => undefined,
    (thrown) => thrown,
  )) as GatewayError;
const done = (operation: Operation | undefined) => {
  if (operation?.status !== 'completed') throw new Error(`not completed: ${JSON.stringify(operation)}`);
  return operation;
};
const valid = (path: string, body: unknown) => {
  if (hasSpecs) expect(validator('openai', requestPointer(path, 'post'))?.(body)).toBeUndefined();
};

test('text targets: the address, the key, our attempt id', () => {
  const call = { model: 'gpt-5.5', key: 'k', baseUrl: 'https://api.openai.com/v1', attemptId: 'a', stream: true };
  expect(openai.text?.['openai-chat']?.(call)).toEqual({
    url: 'https://api.openai.com/v1/chat/completions',
    headers: { authorization: 'Bearer k', 'x-client-request-id': 'a' },
  });
  expect(openai.text?.['openai-responses']?.(call)?.url).toBe('https://api.openai.com/v1/responses');
});

describe('embedding', () => {
  test('asks for plain numbers, answers in order, meters input', async () => {
    const { fetch, seen } = recorder(() =>
      Response.json({
        data: [
          { index: 1, embedding: [0.5] },
          { index: 0, embedding: [0.25] },
        ],
        usage: { prompt_tokens: 7, total_tokens: 7 },
      }),
    );
    const request = { modality: 'embedding' as const, input: ['a', 'b'], dimensions: 1 };
    const operation = done(await media.embedding?.submit(request, callOf(fetch, { model: 'text-embedding-3-small' })));
    expect(operation.outputs).toEqual([
      { type: 'embedding', index: 1, vector: [0.5] },
      { type: 'embedding', index: 0, vector: [0.25] },
    ]);
    expect(operation.usage.metered).toEqual([{ meter: 'input_text_tokens', quantity: 7 }]);
    expect(seen[0]?.body).toEqual({
      model: 'text-embedding-3-small',
      input: ['a', 'b'],
      dimensions: 1,
      encoding_format: 'float',
    });
    expect(seen[0]?.headers.get('authorization')).toBe('Bearer sk-secret-key');
    expect(seen[0]?.headers.get('x-client-request-id')).toBe('att_1');
    valid('/embeddings', seen[0]?.body);
  });
  test('fewer vectors than inputs is no answer', async () => {
    const { fetch } = recorder(() => Response.json({ data: [{ index: 0, embedding: [1] }] }));
    const error = await caught(media.embedding?.submit({ modality: 'embedding', input: ['a', 'b'] }, callOf(fetch)));
    expect(error.code).toBe('invalid_output');
  });
});

describe('image', () => {
  const image = (
    request: Partial<ImageRequest>,
    fetch = recorder(() => Response.json({})).fetch,
    model = 'gpt-image-2',
  ) => media.image?.submit({ modality: 'image', prompt: 'a fox', ...request }, callOf(fetch, { model }));
  const made = (more: object = {}) =>
    Response.json({
      created: 1,
      data: [{ b64_json: encodeBase64(png) }],
      size: '1536x1024',
      quality: 'medium',
      output_format: 'png',
      usage: {
        input_tokens: 5,
        input_tokens_details: { text_tokens: 5, image_tokens: 0 },
        output_tokens: 1056,
        total_tokens: 1061,
      },
      ...more,
    });
  test('generates: bytes, measured size, served quality, exact tokens', async () => {
    const { fetch, seen } = recorder(() => made());
    const operation = done(
      await image({ n: 1, ratio: '3:2', quality: 'auto', format: 'jpg', params: { moderation: 'low' } }, fetch),
    );
    expect(operation.outputs).toEqual([
      { type: 'asset', asset: { mediaType: 'image/png', bytes: png }, width: 1536, height: 1024 },
    ]);
    expect(operation.usage).toMatchObject({ dims: { size: '1536x1024', quality: 'medium' }, source: 'body' });
    expect(seen[0]?.url).toBe('https://api.example/v1/images/generations');
    expect(seen[0]?.body).toEqual({
      moderation: 'low',
      model: 'gpt-image-2',
      prompt: 'a fox',
      n: 1,
      size: '1536x1024',
      quality: 'auto',
      output_format: 'jpeg',
    });
    valid('/images/generations', seen[0]?.body);
  });
  test('a free ratio becomes a multiple of 16 at about a megapixel', async () => {
    const { fetch, seen } = recorder(() => made());
    await image({ ratio: '16:9' }, fetch);
    expect(seen[0]?.body).toMatchObject({ size: '1280x720' });
    expect((await caught(image({ ratio: '16:9' }, fetch, 'gpt-image-1.5'))).code).toBe('unsupported_parameter');
    expect((await caught(image({ ratio: '4:1' }, fetch))).code).toBe('unsupported_parameter');
    expect(seen).toHaveLength(1);
  });
  test('edits as multipart, each file named after what its bytes are', async () => {
    const { fetch, seen } = recorder(() => made());
    const asset = { mediaType: 'application/octet-stream', bytes: png };
    const url = `data:image/png;base64,${encodeBase64(png)}`;
    done(
      await image({ images: [asset, { mediaType: 'image/png', url }], mask: { ...asset, name: 'hole.jpg' } }, fetch),
    );
    const form = seen[0]?.form;
    expect(seen[0]?.url).toBe('https://api.example/v1/images/edits');
    const files = form?.getAll('image[]') as File[];
    expect(files.map((file) => [file.name, file.type, file.size])).toEqual([
      ['image.png', 'image/png', 8],
      ['image.png', 'image/png', 8],
    ]);
    expect((form?.get('mask') as File | null)?.name).toBe('hole.png');
    expect(form?.get('prompt')).toBe('a fox');
  });
  test('a link is not fetched, params cannot smuggle what limits look at, nothing is sent', async () => {
    const { fetch, seen } = recorder(() => made());
    const links = [{ mediaType: 'image/png', url: 'https://10.0.0.1/x' }];
    expect((await caught(image({ images: links }, fetch))).code).toBe('invalid_request');
    const smuggled: JsonObject[] = [{ n: 10 }, { stream: true }, { model: 'x' }];
    for (const params of smuggled) {
      expect((await caught(image({ params }, fetch))).code).toBe('unsupported_parameter');
    }
    expect((await caught(image({ negativePrompt: 'dogs' }, fetch))).code).toBe('unsupported_parameter');
    expect((await caught(image({ format: 'tiff' }, fetch))).details.facts).toMatchObject({
      allowed: ['png', 'jpeg', 'webp', 'gif', 'svg'],
    });
    expect(seen).toHaveLength(0);
  });
  test('an answer without an image fails, with what it cost', async () => {
    const operation = await image({}, recorder(() => made({ data: [] })).fetch);
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'invalid_output' } });
    expect(operation?.status === 'failed' && operation.usage?.metered).toContainEqual({
      meter: 'output_image_tokens',
      quantity: 1056,
    });
  });
  test('the content filter', async () => {
    const body = {
      error: {
        message: 'rejected by the safety system',
        type: 'image_generation_user_error',
        code: 'moderation_blocked',
      },
    };
    const { fetch } = recorder(() => Response.json(body, { status: 400 }));
    expect((await caught(image({}, fetch))).code).toBe('content_policy');
  });
});

describe('speech', () => {
  const speak = (request: Partial<SpeechRequest>, fetch: Parameters<typeof callOf>[0], model = 'gpt-4o-mini-tts') =>
    media.speech?.submit({ modality: 'speech', text: 'Hello 👋', ...request }, callOf(fetch, { model }));
  const pieces = (bytes: Uint8Array) =>
    [bytes.subarray(0, 50), bytes.subarray(50)].map((chunk) => ({
      type: 'speech.audio.delta',
      audio: encodeBase64(chunk),
    }));
  const last = { type: 'speech.audio.done', usage: { input_tokens: 14, output_tokens: 101, total_tokens: 115 } };
  test('asks for events, joins the audio, repairs a streamed WAV header, meters exactly', async () => {
    const streamed = wav.slice();
    new DataView(streamed.buffer).setUint32(4, 0xffffffff, true);
    new DataView(streamed.buffer).setUint32(40, 0xffffffff, true);
    const { fetch, seen } = recorder(() => sse([...pieces(streamed), last]));
    const operation = done(await speak({ format: 'wav', voice: 'voice_9', instructions: 'softly', seed: 1 }, fetch));
    expect(operation.outputs).toEqual([{ type: 'asset', asset: { mediaType: 'audio/wav', bytes: wav } }]);
    expect(operation.usage.metered).toEqual([
      { meter: 'input_text_tokens', quantity: 14 },
      { meter: 'output_audio_tokens', quantity: 101 },
    ]);
    expect(operation.warnings).toHaveLength(1);
    expect(seen[0]?.body).toEqual({
      model: 'gpt-4o-mini-tts',
      input: 'Hello 👋',
      voice: { id: 'voice_9' },
      response_format: 'wav',
      instructions: 'softly',
      stream_format: 'sse',
    });
    valid('/audio/speech', seen[0]?.body);
  });
  test('a stream without its last event is broken, an error in it is an error', async () => {
    const cut = await caught(speak({}, recorder(() => sse(pieces(wav))).fetch));
    expect([cut.code, cut.details.failure]).toEqual(['stream_interrupted', 'D']);
    const fault = { type: 'error', error: { message: 'model crashed' } };
    const error = await caught(speak({}, recorder(() => sse([...pieces(wav), fault])).fetch));
    expect([error.code, error.details.failure]).toEqual(['provider_error', 'D']);
  });
  test('tts-1 answers bytes and bills characters; instructions are dropped with a warning', async () => {
    const { fetch, seen } = recorder(() => new Response(wav, { headers: { 'content-type': 'audio/wav' } }));
    const operation = done(await speak({ format: 'wav', instructions: 'softly' }, fetch, 'tts-1'));
    expect(operation.usage).toMatchObject({ metered: [{ meter: 'input_characters', quantity: 7 }], source: 'derived' });
    expect(operation.warnings?.join()).toContain('instructions');
    expect(seen[0]?.body).toEqual({ model: 'tts-1', input: 'Hello 👋', voice: 'alloy', response_format: 'wav' });
  });
});

describe('transcription', () => {
  const hear = (request: Partial<TranscriptionRequest>, fetch: Parameters<typeof callOf>[0], model: string) =>
    media.transcription?.submit(
      { modality: 'transcription', audio: { mediaType: 'audio/wav', bytes: wav }, ...request },
      callOf(fetch, { model }),
    );
  const verbose = {
    text: 'Hi. Bye.',
    language: 'english',
    duration: 8.47,
    segments: [
      { id: 0, start: 0, end: 1.5, text: ' Hi.' },
      { id: 1, start: 3661.25, end: 3662, text: ' Bye.' },
    ],
  };
  test('SubRip and WebVTT are rendered here, so that the duration is known', async () => {
    const { fetch, seen } = recorder(() => Response.json({ ...verbose, usage: { type: 'duration', seconds: 9 } }));
    const operation = done(await hear({ format: 'srt' }, fetch, 'whisper-1'));
    expect(operation.outputs).toMatchObject([
      {
        type: 'text',
        text: '1\n00:00:00,000 --> 00:00:01,500\nHi.\n\n2\n01:01:01,250 --> 01:01:02,000\nBye.\n',
        annotations: [verbose],
      },
    ]);
    expect(operation.usage.metered).toEqual([{ meter: 'input_audio_seconds', quantity: 9 }]);
    expect(seen[0]?.form?.get('response_format')).toBe('verbose_json');
    expect((seen[0]?.form?.get('file') as File | null)?.name).toBe('audio.wav');
    const vtt = done(await hear({ format: 'vtt' }, fetch, 'whisper-1'));
    expect(vtt.outputs[0]).toMatchObject({
      text: expect.stringMatching(/^WEBVTT\n\n00:00:00\.000 --> 00:00:01\.500\nHi\.\n/),
    });
  });
  test('plain text is asked for as JSON where text carries no usage', async () => {
    const usage = {
      type: 'tokens',
      input_tokens: 90,
      input_token_details: { audio_tokens: 90, text_tokens: 0 },
      output_tokens: 4,
      total_tokens: 94,
    };
    const { fetch, seen } = recorder(() => Response.json({ text: 'Hi.', usage }));
    const operation = done(await hear({ format: 'text', language: 'en' }, fetch, 'gpt-4o-transcribe'));
    expect(operation.outputs).toMatchObject([{ type: 'text', text: 'Hi.' }]);
    expect(operation.usage.metered).toEqual([
      { meter: 'input_audio_tokens', quantity: 90 },
      { meter: 'output_text_tokens', quantity: 4 },
    ]);
    expect(seen[0]?.form?.get('response_format')).toBe('json');
  });
  test('speakers: chunking is set, subtitles carry names', async () => {
    const segments = [{ type: 'transcript.text.segment', id: 'a', start: 0, end: 1, text: 'Hi.', speaker: 'A' }];
    const { fetch, seen } = recorder(() =>
      Response.json({
        task: 'transcribe',
        text: 'Hi.',
        duration: 1,
        segments,
        usage: { type: 'duration', seconds: 1 },
      }),
    );
    const operation = done(await hear({ format: 'vtt' }, fetch, 'gpt-4o-transcribe-diarize'));
    expect(operation.outputs[0]).toMatchObject({ text: expect.stringContaining('A: Hi.') });
    expect(seen[0]?.form?.get('response_format')).toBe('diarized_json');
    expect(seen[0]?.form?.get('chunking_strategy')).toBe('auto');
  });
  test('translation takes its seconds from the verbose answer', async () => {
    const { fetch, seen } = recorder(() => Response.json(verbose));
    const operation = done(await hear({ translate: true }, fetch, 'whisper-1'));
    expect(operation.usage).toMatchObject({
      metered: [{ meter: 'input_audio_seconds', quantity: 8.47 }],
      source: 'derived',
    });
    expect(seen[0]?.url).toBe('https://api.example/v1/audio/translations');
  });
  test('what a model cannot return is refused before sending', async () => {
    const { fetch, seen } = recorder(() => Response.json(verbose));
    for (const request of [{ format: 'srt' }, { timestamps: ['word' as const] }, { translate: true }]) {
      expect((await caught(hear(request, fetch, 'gpt-4o-transcribe'))).code).toBe('unsupported_parameter');
    }
    expect(seen).toHaveLength(0);
  });
});

describe('one request whatever happens', () => {
  const audio = { mediaType: 'audio/wav', bytes: wav };
  const work: Record<string, (call: ReturnType<typeof callOf>) => Promise<Operation> | undefined> = {
    embedding: (call) => media.embedding?.submit({ modality: 'embedding', input: ['a'] }, call),
    image: (call) => media.image?.submit({ modality: 'image', prompt: 'a' }, call),
    edit: (call) =>
      media.image?.submit({ modality: 'image', prompt: 'a', images: [{ mediaType: 'image/png', bytes: png }] }, call),
    speech: (call) => media.speech?.submit({ modality: 'speech', text: 'a' }, { ...call, model: 'gpt-4o-mini-tts' }),
    transcription: (call) =>
      media.transcription?.submit({ modality: 'transcription', audio }, { ...call, model: 'whisper-1' }),
  };
  for (const [name, submit] of Object.entries(work)) {
    test.each(failures)(`${name}: $name`, async ({ answer, code, failure }) => {
      const { fetch, seen } = recorder(answer);
      const settled = await submit(callOf(fetch))?.catch((thrown) => ({
        status: 'failed' as const,
        error: thrown as GatewayError,
      }));
      expect(seen).toHaveLength(1);
      const error = settled?.status === 'failed' ? settled.error : undefined;
      expect([error?.code, error?.details.failure, error?.details.provider]).toEqual([code, failure, 'openai']);
      expect(JSON.stringify(error?.details.raw ?? '') + error?.message).not.toContain('sk-secr');
      if (code === 'provider_rate_limited') expect(error?.details.retryAfterMs).toBe(2000);
    });
  }
  test('an abort reaches the wire and says what it was', async () => {
    const controller = new AbortController();
    const fetch = (_input: unknown, init?: RequestInit) =>
      new Promise<Response>((_, reject) =>
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Json)),
      );
    const pending = caught(work.image?.(callOf(fetch, { signal: controller.signal })));
    setTimeout(() => controller.abort(new DOMException('late', 'TimeoutError')), 20);
    expect((await pending).code).toBe('provider_timeout');
  });
});
