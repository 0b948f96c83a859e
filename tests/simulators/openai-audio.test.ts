import { parseBuffer } from 'music-metadata';
import OpenAI, { toFile } from 'openai';
import { describe, expect, test } from 'vitest';
import { openai } from '../../providers/simulators/openai.ts';
import { hasSpecs, responsePointer, validator } from '../support/spec.ts';

const spoken = 'The tide comes in. The tide goes out again!';

function open(options = {}) {
  const simulator = openai(options);
  const client = new OpenAI({ apiKey: 'sk-test', fetch: simulator.fetch, maxRetries: 0 });
  const speak = async (more: object = {}) =>
    client.audio.speech.create({ model: 'gpt-4o-mini-tts', voice: 'coral', input: spoken, ...more });
  return { simulator, client, speak };
}

/** A WAV of silence. */
function silence(seconds: number): Uint8Array {
  const bytes = new Uint8Array(44 + seconds * 16_000);
  const view = new DataView(bytes.buffer);
  const write = (place: number, text: string) => bytes.set(new TextEncoder().encode(text), place);
  write(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  write(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 8000, true);
  view.setUint32(28, 16_000, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  write(36, 'data');
  view.setUint32(40, seconds * 16_000, true);
  return bytes;
}

describe('speech', () => {
  test.each(['mp3', 'wav', 'flac', 'opus'] as const)('as %s comes back as the text that was spoken', async (format) => {
    const { client, speak } = open();
    const response = await speak({ response_format: format });
    expect(response.headers.get('content-type')).toBe(
      { mp3: 'audio/mpeg', wav: 'audio/wav', flac: 'audio/flac', opus: 'audio/opus' }[format],
    );
    const file = await toFile(response, `a.${format === 'opus' ? 'ogg' : format}`);
    expect((await client.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file })).text).toBe(spoken);
  });

  test('is billed by 20 tokens a second, or by characters', async () => {
    const { simulator, speak } = open();
    const pcm = await (await speak({ response_format: 'pcm' })).arrayBuffer();
    const seconds = pcm.byteLength / 2 / 24_000;
    expect(simulator.bill.calls[0]?.charges).toEqual([
      { meter: 'input_text_tokens', quantity: Math.ceil(spoken.length / 4) },
      { meter: 'output_audio_tokens', quantity: Math.ceil(seconds * 20) },
    ]);
    await speak({ model: 'tts-1', input: 'naïve 🌊' });
    expect(simulator.bill.calls[1]?.charges).toEqual([{ meter: 'input_characters', quantity: 7 }]);
    const fast = await (await speak({ response_format: 'pcm', speed: 2 })).arrayBuffer();
    expect(fast.byteLength).toBeCloseTo(pcm.byteLength / 2, -3);
  });

  test.each(['mp3', 'opus', 'flac', 'wav'])('as %s is billed for what the file lasts', async (response_format) => {
    const { simulator, speak } = open();
    const bytes = new Uint8Array(await (await speak({ response_format })).arrayBuffer());
    const { format } = await parseBuffer(bytes, undefined, { duration: true });
    const billed = simulator.bill.calls[0]?.charges.at(-1)?.quantity ?? 0;
    expect(Math.abs((format.duration ?? 0) * 20 - billed)).toBeLessThan(1.05);
    expect(format.duration).toBeCloseTo([...spoken].length / 15, 1);
  });

  test('as AAC is billed for whole frames', async () => {
    const { simulator, speak } = open();
    expect((await speak({ response_format: 'aac' })).headers.get('content-type')).toBe('audio/aac');
    const frames = Math.ceil((([...spoken].length / 15) * 24_000) / 1024);
    expect(simulator.bill.calls[0]?.charges.at(-1)?.quantity).toBe(Math.ceil((frames * 1024 * 20) / 24_000));
  });

  test('streams as events that end with usage', async () => {
    const { simulator, speak } = open();
    const text = await (await speak({ stream_format: 'sse', response_format: 'wav' })).text();
    const events = text
      .trim()
      .split('\n\n')
      .map((frame) => JSON.parse(frame.slice(6)));
    expect(new Set(events.slice(0, -1).map((event) => event.type))).toEqual(new Set(['speech.audio.delta']));
    const { usage } = events.at(-1);
    expect(simulator.bill.calls[0]?.charges.map((charge) => charge.quantity)).toEqual([
      usage.input_tokens,
      usage.output_tokens,
    ]);
    const sound = events
      .slice(0, -1)
      .map((event) => atob(event.audio))
      .join('');
    const plain = new Uint8Array(await (await speak({ response_format: 'wav' })).arrayBuffer());
    expect(Uint8Array.from(sound, (letter) => letter.charCodeAt(0))).toEqual(plain);
  });

  test('left early is billed in part', async () => {
    const { simulator, speak } = open();
    const reader = (await speak({ stream_format: 'sse', response_format: 'wav' })).body!.getReader();
    await reader.read();
    await reader.cancel();
    const billed = simulator.bill.calls[0]?.charges.at(-1)?.quantity ?? 0;
    expect(billed).toBeGreaterThan(0);
    expect(billed).toBeLessThan(20);
  });

  const bad: [string, object, string][] = [
    ['an unknown voice', { voice: 'bob' }, 'voice'],
    ['a voice too new for tts-1', { model: 'tts-1', voice: 'marin' }, 'voice'],
    ['too long a text', { input: 'x'.repeat(4097) }, 'input'],
    ['an empty text', { input: '' }, 'input'],
    ['an unknown format', { response_format: 'midi' }, 'response_format'],
    ['too fast', { speed: 5 }, 'speed'],
    ['events of tts-1', { model: 'tts-1', stream_format: 'sse' }, 'stream_format'],
    ['a chat model', { model: 'gpt-4o' }, 'model'],
  ];
  test.each(bad)('%s is refused', async (_, more, param) => {
    const { simulator, speak } = open();
    await expect(speak(more)).rejects.toMatchObject({ status: 400, param });
    expect(simulator.bill.calls).toEqual([]);
  });
});

describe('transcription', () => {
  const recording = async ({ speak }: ReturnType<typeof open>) =>
    toFile(await speak({ response_format: 'wav' }), 'a.wav');

  test('bills tokens, or whole seconds', async () => {
    const { client, simulator } = open();
    const file = await toFile(silence(7), 'a.wav');
    const tokens = await client.audio.transcriptions.create({
      model: 'gpt-4o-mini-transcribe',
      file,
      prompt: 'The sea.',
    });
    expect(tokens.text).toBe('This recording is 7.0 seconds long.');
    expect(tokens.usage).toEqual({
      type: 'tokens',
      input_tokens: 72,
      input_token_details: { audio_tokens: 70, text_tokens: 2 },
      output_tokens: 9,
      total_tokens: 81,
    });
    expect(simulator.bill.calls[0]?.charges).toEqual([
      { meter: 'input_audio_tokens', quantity: 70 },
      { meter: 'input_text_tokens', quantity: 2 },
      { meter: 'output_text_tokens', quantity: 9 },
    ]);
    const duration = await client.audio.transcriptions.create({ model: 'whisper-1', file });
    expect(duration.usage).toEqual({ type: 'duration', seconds: 7 });
    expect(simulator.bill.calls[1]?.charges).toEqual([{ meter: 'input_audio_seconds', quantity: 7 }]);
  });

  test('writes subtitles, words and speakers', async () => {
    const desk = open();
    const { client } = desk;
    const file = await recording(desk);
    const create = (more: object) =>
      client.audio.transcriptions.create({
        model: 'whisper-1',
        file,
        ...more,
      } as OpenAI.Audio.TranscriptionCreateParamsNonStreaming);
    expect(await create({ response_format: 'text' })).toBe(`${spoken}\n`);
    expect(await create({ response_format: 'srt' })).toMatch(
      /^1\n00:00:00,000 --> 00:00:01,\d{3}\nThe tide comes in\.\n\n2\n/,
    );
    expect(await create({ response_format: 'vtt' })).toMatch(/^WEBVTT\n\n00:00:00\.000 --> /);
    const verbose = await create({ response_format: 'verbose_json', timestamp_granularities: ['word'] });
    expect(verbose).toMatchObject({ text: spoken, task: 'transcribe', usage: { type: 'duration' } });
    expect((verbose as OpenAI.Audio.TranscriptionVerbose).words?.map((word) => word.word).join(' ')).toBe(spoken);
    const diarized = await create({ model: 'gpt-4o-transcribe-diarize', response_format: 'diarized_json' });
    expect(diarized).toMatchObject({
      segments: [{ speaker: 'A', text: 'The tide comes in.' }, { start: expect.any(Number) }],
    });
  });

  test('streams deltas, and bills what was told when left', async () => {
    const desk = open();
    const { client, simulator } = desk;
    const file = await recording(desk);
    const listen = (model: string) => client.audio.transcriptions.create({ model, file, stream: true });
    const events = [];
    for await (const event of await listen('gpt-4o-transcribe')) events.push(event);
    const deltas = events.map((event) => (event.type === 'transcript.text.delta' ? event.delta : ''));
    expect(deltas.join('')).toBe(spoken);
    expect(events.at(-1)).toMatchObject({ type: 'transcript.text.done', text: spoken, usage: { type: 'tokens' } });
    const types = [];
    for await (const event of await listen('gpt-4o-transcribe-diarize')) types.push(event.type);
    expect(types).toEqual(['transcript.text.segment', 'transcript.text.segment', 'transcript.text.done']);
    let seen = 0;
    for await (const _ of await listen('gpt-4o-transcribe')) if (++seen === 3) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(simulator.bill.calls.at(-1)?.charges.at(-1)).toEqual({ meter: 'output_text_tokens', quantity: 3 });
  });

  test('translates with whisper', async () => {
    const desk = open();
    const file = await recording(desk);
    expect((await desk.client.audio.translations.create({ model: 'whisper-1', file })).text).toBe(spoken);
    const other = desk.client.audio.translations.create({ model: 'gpt-4o-transcribe', file });
    await expect(other).rejects.toMatchObject({ status: 400, param: 'model' });
  });

  const bad: [string, () => Promise<object>, object][] = [
    [
      'no audio',
      async () => ({ file: await toFile(new Uint8Array(5000).fill(65), 'a.mp3') }),
      { status: 400, param: 'file' },
    ],
    ['an unknown ending', async () => ({ file: await toFile(silence(1), 'a.txt') }), { status: 400, param: 'file' }],
    ['an empty recording', async () => ({ file: await toFile(silence(0), 'a.wav') }), { code: 'audio_too_short' }],
    ['no file', async () => ({ file: 'a.wav' }), { status: 400, param: 'file' }],
    ['too much', async () => ({ file: await toFile(new Uint8Array(26_214_401), 'a.wav') }), { status: 413 }],
    ['subtitles of the wrong model', async () => ({ response_format: 'srt' }), { param: 'response_format' }],
    ['an unknown field', async () => ({ topk: 1 }), { message: expect.stringContaining('topk') }],
    [
      'a long diarization in one piece',
      async () => ({ file: await toFile(silence(31), 'a.wav'), model: 'gpt-4o-transcribe-diarize' }),
      { param: 'chunking_strategy' },
    ],
  ];
  test.each(bad)('%s is refused', async (_, more, error) => {
    const { client, simulator } = open();
    const body = { model: 'gpt-4o-transcribe', file: await toFile(silence(1), 'a.wav'), ...(await more()) };
    const asked = client.audio.transcriptions.create(body as OpenAI.Audio.TranscriptionCreateParamsNonStreaming);
    await expect(asked).rejects.toMatchObject(error);
    expect(simulator.bill.calls).toEqual([]);
  });

  test.skipIf(!hasSpecs)('answers are valid by the official description', async () => {
    const desk = open();
    const file = await recording(desk);
    const form = async (fields: Record<string, string>, path = '/audio/transcriptions') => {
      const body = new FormData();
      body.set('file', file);
      for (const [name, value] of Object.entries(fields)) body.set(name, value);
      const headers = { authorization: 'Bearer k' };
      return desk.simulator.fetch(`https://api.openai.com/v1${path}`, { method: 'POST', headers, body });
    };
    const schemas: [string, Record<string, string>][] = [
      ['CreateTranscriptionResponseJson', { model: 'gpt-4o-transcribe', 'include[]': 'logprobs' }],
      ['CreateTranscriptionResponseJson', { model: 'whisper-1' }],
      ['CreateTranscriptionResponseVerboseJson', { model: 'whisper-1', response_format: 'verbose_json' }],
      [
        'CreateTranscriptionResponseDiarizedJson',
        { model: 'gpt-4o-transcribe-diarize', response_format: 'diarized_json' },
      ],
    ];
    for (const [schema, fields] of schemas) {
      expect(validator('openai', `/components/schemas/${schema}`)!(await (await form(fields)).json())).toBeUndefined();
    }
    const english = await (await form({ model: 'whisper-1' }, '/audio/translations')).json();
    expect(validator('openai', responsePointer('/audio/translations', 'post', 200))!(english)).toBeUndefined();
    const events = await (await form({ model: 'gpt-4o-transcribe', stream: 'true' })).text();
    const valid = validator('openai', '/components/schemas/CreateTranscriptionResponseStreamEvent')!;
    for (const frame of events.trim().split('\n\n')) expect(valid(JSON.parse(frame.slice(6)))).toBeUndefined();
  });
});

test('two fresh simulators speak the same bytes', async () => {
  const bytes = async () => new Uint8Array(await (await open().speak()).arrayBuffer());
  expect(await bytes()).toEqual(await bytes());
});
