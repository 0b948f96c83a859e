import { parseBuffer } from 'music-metadata';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSpokenText } from '../../providers/simulators/media/index.ts';
import type { JsonObject } from '../../src/contract/index.ts';
import { probe } from '../../src/meter/probe.ts';
import { openWorld, type World } from '../conformance/matrix/world.ts';
import { clientOf } from './doors.ts';
import { faultOf, refusal, sdkOf, spoken, words } from './openai-media.ts';

let world: World;
let sdk: ReturnType<typeof sdkOf>;
const http = clientOf(() => world.gateway);

beforeAll(async () => {
  world = await openWorld();
  sdk = sdkOf(world.gateway);
});
afterAll(() => world?.close());

const joined = (chunks: Uint8Array[]) => new Uint8Array(Buffer.concat(chunks));
const fromBase64 = (text: unknown) => new Uint8Array(Buffer.from(String(text), 'base64'));

type Format = 'mp3' | 'opus' | 'aac' | 'flac' | 'wav' | 'pcm';
const containers: Record<Format, string | undefined> = {
  mp3: 'audio/mpeg',
  opus: 'audio/ogg',
  aac: 'audio/aac',
  flac: 'audio/flac',
  wav: 'audio/wav',
  pcm: undefined,
};
const speakers: [model: string, formats: Format[]][] = [
  ['openai/gpt-4o-mini-tts', ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm']],
  ['elevenlabs/eleven_flash_v2_5', ['mp3', 'opus', 'wav', 'pcm']],
  ['google/gemini-3.8-flash-tts', ['wav', 'pcm']],
];

/** Seconds of sound: by its own headers, or by its length where it has none (24 kHz, 16 bit, mono). */
async function secondsOf(bytes: Uint8Array, format: Format): Promise<number> {
  if (format === 'pcm') return bytes.length / 48_000;
  // The frames of AAC are not counted by the library.
  if (format === 'aac') return probe(bytes)?.seconds ?? 0;
  const { format: found } = await parseBuffer(bytes, containers[format]);
  return found.duration ?? 0;
}

describe.each(speakers.flatMap(([model, formats]) => formats.map((format) => [model, format] as const)))(
  'audio.speech with %s as %s',
  (model, format) => {
    const body = { model, voice: 'alloy', input: words, response_format: format };
    const long = words.length / 15;

    it('is the sound itself, with its cost', async () => {
      const answer = await sdk.client.audio.speech.create(body);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      expect(answer.headers.get('content-type')).toBe(containers[format] ?? 'audio/pcm;rate=24000;channels=1');
      expect(answer.headers.get('content-length')).toBe(String(bytes.length));
      expect(Number(answer.headers.get('x-atelier-cost-usd'))).toBeGreaterThan(0);
      expect(await secondsOf(bytes, format)).toBeCloseTo(long, 0);
      const generation = await world.generation(answer.headers.get('x-atelier-generation')!);
      const [output] = generation.outputs as JsonObject[];
      expect(output).toMatchObject({
        type: 'audio',
        bytes: bytes.length,
        media_type: answer.headers.get('content-type'),
      });
      expect(Number(output?.seconds)).toBeCloseTo(await secondsOf(bytes, format), 1);
      expect(generation.degradations).toEqual([]);
    });

    it('streams the same sound, bare and as events', async () => {
      const bare = await sdk.client.audio.speech.create({ ...body, stream_format: 'audio' });
      const bytes = new Uint8Array(await bare.arrayBuffer());
      expect(await secondsOf(bytes, format)).toBeCloseTo(long, 0);
      expect(bare.headers.get('content-type')).toBe(containers[format] ?? 'audio/pcm;rate=24000;channels=1');

      const told = await sdk.client.audio.speech.create({ ...body, stream_format: 'sse' });
      expect(told.headers.get('content-type')).toMatch(/^text\/event-stream/);
      await told.arrayBuffer();
      const events = (await sdk.events()) as JsonObject[];
      for (const event of events) expect(faultOf('CreateSpeechResponseStreamEvent', event)).toBeUndefined();
      expect(joined(events.slice(0, -1).map((event) => fromBase64(event.audio)))).toEqual(bytes);
      expect(events.at(-1)).toMatchObject({ type: 'speech.audio.done', usage: { total_tokens: expect.any(Number) } });
    });
  },
);

describe('audio.speech', () => {
  const eleven = 'elevenlabs/eleven_flash_v2_5';
  const speak = (body: JsonObject, headers = {}) => sdk.client.audio.speech.create(body as never, { headers });

  it('shows the sound while it is made', async () => {
    const answer = await speak({ model: eleven, voice: 'Rachel', input: words, stream_format: 'audio' });
    expect(answer.headers.get('content-length')).toBeNull();
    expect(answer.headers.get('x-atelier-cost-usd')).toBeNull();
    const bytes = new Uint8Array(await answer.arrayBuffer());
    expect(readSpokenText(bytes)).toBe(words);
    const generation = await world.generation(answer.headers.get('x-atelier-generation')!);
    expect(generation.outputs).toMatchObject([{ bytes: bytes.length }]);
  });

  it('takes a voice as an object, speed and instructions', async () => {
    const model = 'openai/gpt-4o-mini-tts';
    const before = world.received.length;
    const body = {
      model,
      input: words,
      voice: { id: 'coral' },
      speed: 2,
      instructions: 'Softly',
      response_format: 'wav',
    };
    const bytes = new Uint8Array(await (await speak(body)).arrayBuffer());
    expect(await secondsOf(bytes, 'wav')).toBeCloseTo(words.length / 30, 0);
    expect(world.received.slice(before).at(-1)?.body).toMatchObject({
      voice: 'coral',
      speed: 2,
      instructions: 'Softly',
    });
  });

  it('uses the usual voice where OpenAI’s is unknown, tells so, and refuses strict callers', async () => {
    const answer = await speak({ model: eleven, voice: 'nova', input: 'hello' });
    expect(answer.headers.get('x-atelier-warnings')).toContain('voice nova');
    const strict = speak({ model: eleven, voice: 'nova', input: 'hello' }, { 'x-atelier-strict': 'true' });
    expect(await refusal(strict)).toMatchObject({ status: 400, param: 'voice' });
    expect(await refusal(speak({ model: eleven, voice: 'nobody', input: 'hello' }))).toMatchObject({ param: 'voice' });
  });

  const refused: [what: string, body: JsonObject, expected: JsonObject][] = [
    ['no input', { model: eleven, voice: 'Rachel' }, { status: 400, param: 'input' }],
    [
      'too long an input',
      { model: 'openai/gpt-4o-mini-tts', voice: 'alloy', input: 'a'.repeat(4097) },
      { param: 'input' },
    ],
    [
      'an unknown format',
      { model: eleven, voice: 'Rachel', input: 'a', response_format: 'aac' },
      { param: 'response_format' },
    ],
    [
      'an unknown stream',
      { model: eleven, voice: 'Rachel', input: 'a', stream_format: 'ogg' },
      { param: 'stream_format' },
    ],
    ['another modality', { model: 'openai/gpt-image-2', voice: 'alloy', input: 'a' }, { code: 'modality_mismatch' }],
    ['a failing provider', { model: eleven, voice: 'Rachel', input: '[[fault:status:429]] a' }, { status: 429 }],
    [
      'a provider that fails before a stream',
      { model: eleven, voice: 'Rachel', input: '[[fault:status:429]] a', stream_format: 'sse' },
      { status: 429, code: 'provider_rate_limited' },
    ],
  ];
  it.each(refused)('refuses %s in OpenAI’s envelope', async (_, body, expected) => {
    const found = await refusal(speak(body));
    expect(found).toMatchObject(expected);
    expect(faultOf('ErrorResponse', found.body)).toBeUndefined();
  });

  it('breaks off where the sound does', async () => {
    const input = `[[fault:cut:1]] ${'The lamp is lit and the harbour sleeps. '.repeat(20)}`;
    const body = { model: 'openai/gpt-4o-mini-tts', voice: 'alloy', input };
    const bare = await speak({ ...body, stream_format: 'audio' });
    expect(bare.status).toBe(200);
    await expect(bare.arrayBuffer()).rejects.toThrow();
    const told = await speak({ ...body, stream_format: 'sse' });
    await told.arrayBuffer();
    expect((await sdk.events()).at(-1)).toMatchObject({ type: 'error', error: { code: 'stream_interrupted' } });
  });

  it.each(['ulaw', 'alaw', 'pcm'])(
    'keeps bare %s from /v1/generations, and knows how long it lasts',
    async (format) => {
      const answer = await http.post('/v1/generations', {
        model: 'elevenlabs/eleven_v3',
        input: words,
        format,
      });
      const rate = format === 'pcm' ? 24_000 : 8_000;
      const width = format === 'pcm' ? 2 : 1;
      const { outputs, degradations } = answer.body as { outputs: JsonObject[]; degradations: unknown[] };
      expect(answer.status, answer.text).toBe(200);
      expect(outputs[0]).toMatchObject({ type: 'audio', media_type: expect.stringContaining(`rate=${rate}`) });
      expect(Number(outputs[0]?.seconds)).toBeCloseTo(Number(outputs[0]?.bytes) / rate / width, 2);
      expect(Number(outputs[0]?.seconds)).toBeCloseTo(words.length / 15, 0);
      expect(degradations).toEqual([]);
      const asset = await fetch(String(outputs[0]?.url));
      expect(asset.headers.get('content-type')).toBe(outputs[0]?.media_type);
      expect(asset.headers.get('content-disposition')).toMatch(new RegExp(`\\.${format}"$`));
    },
  );
});

const everything = ['json', 'text', 'srt', 'vtt', 'verbose_json', 'diarized_json'];
const hearers: [model: string, formats: string[], timed: boolean][] = [
  ['openai/whisper-1', everything.slice(0, 5), true],
  ['openai/gpt-4o-transcribe', ['json', 'text'], false],
  ['openai/gpt-4o-transcribe-diarize', everything.filter((format) => format !== 'verbose_json'), false],
  ['elevenlabs/scribe_v2', everything, true],
  ['google/gemini-3.5-transcribe', ['json', 'text'], false],
  ['fal/fal-ai/elevenlabs/speech-to-text', ['json', 'text'], false],
];
const jsonSchemas: Record<string, string> = {
  json: 'CreateTranscriptionResponseJson',
  verbose_json: 'CreateTranscriptionResponseVerboseJson',
  diarized_json: 'CreateTranscriptionResponseDiarizedJson',
};

describe.each(hearers)('audio.transcriptions with %s', (model, formats, timed) => {
  const hear = async (body: JsonObject = {}) =>
    sdk.client.audio.transcriptions.create({ model, file: await spoken(), ...body } as never) as unknown;

  it.each(formats)('answers as %s', async (format) => {
    const answer = await hear({ response_format: format });
    const told = await sdk.last();
    expect(Number(told.header('x-atelier-attempts'))).toBe(1);
    if (format === 'text') expect(answer).toBe(`${words}\n`);
    else if (format === 'srt')
      expect(answer).toMatch(/^1\n00:00:00,000 --> 00:00:0\d,\d{3}\n(\w+: )?The lamp is lit\.\n/);
    else if (format === 'vtt')
      expect(answer).toMatch(/^WEBVTT\n\n00:00:00\.000 --> 00:00:0\d\.\d{3}\n(\w+: )?The lamp/);
    else {
      expect(told.headers.get('content-type')).toBe('application/json');
      expect(faultOf(jsonSchemas[format]!, answer)).toBeUndefined();
      expect(answer).toMatchObject({ text: words });
    }
    if (format === 'json')
      expect(answer).toMatchObject({ usage: { type: expect.stringMatching(/^(tokens|duration)$/) } });
    if (format === 'diarized_json') expect(answer).toMatchObject({ segments: [{ speaker: 'A' }, { speaker: 'A' }] });
    if (format === 'verbose_json')
      expect(answer).toMatchObject({ task: 'transcribe', segments: [{ id: 0 }, { id: 1 }] });
  });

  it.runIf(formats.length < everything.length)('refuses what it cannot write, and names what it can', async () => {
    const before = world.received.length;
    for (const format of everything.filter((one) => !formats.includes(one))) {
      const found = await refusal(hear({ response_format: format }));
      expect(found).toMatchObject({ status: 400, param: 'response_format' });
      for (const able of formats) expect(found.message).toContain(able);
      expect(faultOf('ErrorResponse', found.body)).toBeUndefined();
    }
    expect(world.received).toHaveLength(before);
  });

  it.runIf(timed)('gives the granularities that are asked for', async () => {
    const verbose = (...timestamp_granularities: string[]) =>
      hear({ response_format: 'verbose_json', timestamp_granularities }) as Promise<JsonObject>;
    const both = await verbose('word', 'segment');
    expect(faultOf('CreateTranscriptionResponseVerboseJson', both)).toBeUndefined();
    const said = both.words as { word: string; start: number; end: number }[];
    expect(said.map(({ word }) => word.trim()).join(' ')).toBe(words);
    expect(said.every(({ start, end }) => start <= end)).toBe(true);
    expect(both.segments).toHaveLength(2);
    const only = await verbose('word');
    expect(only.segments).toBeUndefined();
    expect(only.words).toHaveLength(7);
  });

  it('streams its words, and all of them at the end', async () => {
    const stream = (await hear({ stream: true })) as AsyncIterable<JsonObject>;
    const events: JsonObject[] = [];
    for await (const event of stream) events.push(event);
    for (const event of events) expect(faultOf('CreateTranscriptionResponseStreamEvent', event)).toBeUndefined();
    const deltas = events.filter((event) => event.type === 'transcript.text.delta').map((event) => event.delta);
    expect(deltas.join('')).toBe(words);
    expect(deltas.length > 1).toBe(model.startsWith('openai/gpt'));
    expect(events.at(-1)).toMatchObject({ type: 'transcript.text.done', text: words });
  });
});

describe('audio.transcriptions', () => {
  const hear = async (body: Record<string, unknown>, headers = {}) =>
    sdk.client.audio.transcriptions.create({ file: await spoken(), ...body } as never, { headers }) as unknown;

  it('passes what OpenAI alone knows, and warns elsewhere', async () => {
    const heard = await hear({ model: 'openai/gpt-4o-transcribe', include: ['logprobs'] });
    expect(faultOf('CreateTranscriptionResponseJson', heard)).toBeUndefined();
    expect(heard).toHaveProperty('logprobs.0.token', 'The ');
    const elsewhere = (await hear({ model: 'elevenlabs/scribe_v2', include: ['logprobs'] })) as JsonObject;
    expect(elsewhere.logprobs).toBeUndefined();
    expect((await sdk.last()).header('x-atelier-warnings')).toContain('include is not known to elevenlabs');
    const strict = hear({ model: 'elevenlabs/scribe_v2', include: ['logprobs'] }, { 'x-atelier-strict': 'true' });
    expect(await refusal(strict)).toMatchObject({ status: 400, param: 'include' });
  });

  it('streams speakers', async () => {
    const stream = await hear({ model: 'elevenlabs/scribe_v2', response_format: 'diarized_json', stream: true });
    const events: JsonObject[] = [];
    for await (const event of stream as AsyncIterable<JsonObject>) events.push(event);
    expect(events.map((event) => event.type)).toEqual([
      'transcript.text.segment',
      'transcript.text.segment',
      'transcript.text.done',
    ]);
    for (const event of events) expect(faultOf('CreateTranscriptionResponseStreamEvent', event)).toBeUndefined();
  });

  it('leaves times and words in the book, for /v1/generations', async () => {
    await hear({ model: 'elevenlabs/scribe_v2', response_format: 'verbose_json' });
    const generation = await world.generation((await sdk.last()).header('x-atelier-generation'));
    const [output] = generation.outputs as JsonObject[];
    expect(output).toMatchObject({ type: 'text', text: words });
    expect(output?.annotations).toMatchObject([{ segments: [{ start: 0 }, {}], words: expect.any(Array) }]);
  });

  const whisper = 'openai/whisper-1';
  const refused: [what: string, body: Record<string, unknown>, expected: JsonObject][] = [
    ['no file', { model: whisper, file: undefined }, { status: 400, param: 'file' }],
    ['an unknown format', { model: whisper, response_format: 'docx' }, { param: 'response_format' }],
    [
      'granularities without verbose_json',
      { model: whisper, timestamp_granularities: ['word'] },
      { param: 'timestamp_granularities' },
    ],
    ['a stream of subtitles', { model: whisper, response_format: 'srt', stream: true }, { param: 'stream' }],
    ['another modality', { model: 'openai/gpt-5.5' }, { code: 'modality_mismatch' }],
  ];
  it.each(refused)('refuses %s in OpenAI’s envelope', async (_, body, expected) => {
    const found = await refusal(hear(body));
    expect(found).toMatchObject({ status: 400, ...expected });
    expect(faultOf('ErrorResponse', found.body)).toBeUndefined();
  });

  it('runs once for each Idempotency-Key, although every client draws its own boundary', async () => {
    const ask = async () => {
      await hear({ model: whisper }, { 'idempotency-key': 'heard-once' });
      return sdk.last();
    };
    const [one, two] = [await ask(), await ask()];
    expect(two.text).toBe(one.text);
    expect(two.header('idempotent-replayed')).toBe('true');
    expect(two.header('x-atelier-generation')).toBe(one.header('x-atelier-generation'));
  });
});

describe.each(['openai/whisper-1', 'google/gemini-2.5-flash'])('audio.translations with %s', (model) => {
  const translate = async (body: JsonObject = {}) =>
    sdk.client.audio.translations.create({ model, file: await spoken(), ...body } as never) as unknown;

  it('answers in English', async () => {
    // Google's simulator is no translator: it says what it was asked to do.
    const answer = model.startsWith('openai') ? words : expect.stringContaining('Translate the speech of this audio');
    expect(await translate()).toMatchObject({ text: answer });
    expect(faultOf('CreateTranslationResponseJson', JSON.parse((await sdk.last()).text))).toBeUndefined();
    expect(await translate({ response_format: 'text' })).toMatch(/.\n$/);
  });

  it('writes times where it has them', async () => {
    if (!model.startsWith('openai')) {
      expect(await refusal(translate({ response_format: 'srt' }))).toMatchObject({
        status: 400,
        param: 'response_format',
      });
      return;
    }
    const verbose = await translate({ response_format: 'verbose_json' });
    expect(faultOf('CreateTranslationResponseVerboseJson', verbose)).toBeUndefined();
    expect(verbose).toMatchObject({ task: 'translate', language: 'english', text: words });
    expect(await translate({ response_format: 'srt' })).toContain('00:00:00,000 --> ');
    expect(await translate({ response_format: 'vtt' })).toMatch(/^WEBVTT/);
  });
});

it('a model that cannot translate is refused before anything is sent', async () => {
  const before = world.received.length;
  const asked = sdk.client.audio.translations.create({ model: 'elevenlabs/scribe_v2', file: await spoken() });
  expect(await refusal(asked)).toMatchObject({ status: 400, param: 'model' });
  expect(world.received).toHaveLength(before);
});
