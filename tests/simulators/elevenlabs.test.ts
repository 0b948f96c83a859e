import { ElevenLabsClient, type ElevenLabsError } from '@elevenlabs/elevenlabs-js';
import { parseBuffer } from 'music-metadata';
import { describe, expect, test } from 'vitest';
import { elevenlabs } from '../../providers/simulators/elevenlabs.ts';
import { readSpokenText } from '../../providers/simulators/media/index.ts';
import { hasSpecs, requestPointer, responsePointer, validator } from '../support/spec.ts';

const origin = 'https://api.elevenlabs.io';
const george = 'JBFqnCBsd6RMkjVDRZzb';
const sarah = 'EXAVITQu4vr4xnSDxMaL';
const spoken = 'The tide comes in. The tide goes out again!';

function open(options = {}) {
  const simulator = elevenlabs({ faults: true, ...options });
  const client = new ElevenLabsClient({ apiKey: 'xi-test', fetch: simulator.fetch as typeof fetch, maxRetries: 0 });
  const ask = (path: string, body: unknown, headers: Record<string, string> = { 'xi-api-key': 'xi-test' }) =>
    simulator.fetch(origin + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  return { simulator, client, ask };
}

const bytesOf = async (stream: ReadableStream<Uint8Array>) =>
  new Uint8Array(await new Response(stream as BodyInit).arrayBuffer());
const bytesFrom = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const secondsOf = async (bytes: Uint8Array) =>
  (await parseBuffer(bytes, undefined, { duration: true })).format.duration ?? 0;

describe('the official SDK: speech', () => {
  test('speaks, and says what it cost', async () => {
    const { client, simulator } = open();
    const { data, rawResponse } = await client.textToSpeech
      .convert(
        george,
        { text: spoken, modelId: 'eleven_multilingual_v2' },
        { headers: { 'x-client-request-id': 'a1' } },
      )
      .withRawResponse();
    const bytes = await bytesOf(data);
    expect(readSpokenText(bytes)).toBe(spoken);
    expect(await secondsOf(bytes)).toBeCloseTo([...spoken].length / 15, 1);
    expect(rawResponse.headers.get('character-cost')).toBe('43');
    expect(rawResponse.headers.get('request-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(simulator.bill.find('a1')?.charges).toEqual([
      { meter: 'provider_credits', quantity: 43, dims: { unit: 'credit' } },
    ]);
  });

  test('a fast model takes half a credit a character, rounded up; characters are code points', async () => {
    const { client, simulator } = open();
    await bytesOf(await client.textToSpeech.convert(george, { text: 'naïve 🌊', modelId: 'eleven_flash_v2_5' }));
    expect(simulator.bill.calls[0]?.charges[0]?.quantity).toBe(4);
  });

  test.each([
    ['mp3_22050_32', 22_050],
    ['mp3_44100_192', 44_100],
    ['wav_24000', 24_000],
    ['opus_48000_64', 48_000],
  ] as const)('%s is what it says', async (outputFormat, rate) => {
    const { client } = open();
    const bytes = await bytesOf(await client.textToSpeech.convert(george, { text: spoken, outputFormat }));
    const { format } = await parseBuffer(bytes, undefined, { duration: true });
    expect(format.sampleRate).toBe(rate);
    expect(format.duration).toBeCloseTo([...spoken].length / 15, 1);
    expect(readSpokenText(bytes)).toBe(spoken);
  });

  test.each([
    ['pcm_16000', 32_000],
    ['ulaw_8000', 8000],
    ['alaw_8000', 8000],
  ] as const)('%s has the bytes of its length', async (outputFormat, perSecond) => {
    const { client } = open();
    const bytes = await bytesOf(await client.textToSpeech.convert(george, { text: spoken, outputFormat }));
    expect(bytes.length / perSecond).toBeCloseTo([...spoken].length / 15, 2);
  });

  test('telephone formats hold the same sound', async () => {
    const { client } = open();
    const make = async (outputFormat: 'pcm_8000' | 'ulaw_8000' | 'alaw_8000') =>
      bytesOf(await client.textToSpeech.convert(george, { text: spoken, outputFormat }));
    const pcm = new DataView((await make('pcm_8000')).buffer);
    const decoders = {
      ulaw_8000: (byte: number) => {
        const code = ~byte & 255;
        const size = ((((code & 15) << 3) + 132) << ((code >> 4) & 7)) - 132;
        return code & 128 ? -size : size;
      },
      alaw_8000: (byte: number) => {
        const code = byte ^ 0x55;
        const exponent = (code >> 4) & 7;
        const part = ((code & 15) << 4) + (exponent === 0 ? 8 : 264);
        const size = exponent > 1 ? part << (exponent - 1) : part;
        return code & 128 ? size : -size;
      },
    };
    for (const [format, decode] of Object.entries(decoders)) {
      const bytes = await make(format as 'ulaw_8000');
      let loud = 0;
      for (const [index, byte] of bytes.entries()) {
        const sample = pcm.getInt16(index * 2, true);
        if (Math.abs(sample) > 1000) loud++;
        expect(Math.abs(decode(byte) - sample)).toBeLessThan(Math.abs(sample) / 16 + 16);
      }
      expect(loud).toBeGreaterThan(1000);
    }
  });

  test('a stream has the bytes of the whole, at the same cost', async () => {
    const { client, simulator } = open();
    const whole = await bytesOf(await client.textToSpeech.convert(george, { text: spoken }));
    const streamed: Uint8Array[] = [];
    for await (const chunk of (await client.textToSpeech.stream(george, {
      text: spoken,
    })) as unknown as AsyncIterable<Uint8Array>)
      streamed.push(chunk);
    expect(streamed.length).toBeGreaterThan(5);
    expect(new Uint8Array(Buffer.concat(streamed))).toEqual(whole);
    expect(simulator.bill.calls.map((call) => call.charges[0]?.quantity)).toEqual([43, 43]);
  });

  test('the times of the characters fill the length of the sound', async () => {
    const { client } = open();
    const answer = await client.textToSpeech.convertWithTimestamps(george, { text: spoken, outputFormat: 'wav_24000' });
    const seconds = await secondsOf(bytesFrom(answer.audioBase64));
    const { characters, characterStartTimesSeconds: starts, characterEndTimesSeconds: ends } = answer.alignment!;
    expect(characters.join('')).toBe(spoken);
    expect([starts.length, ends.length]).toEqual([characters.length, characters.length]);
    expect(starts[0]).toBe(0);
    expect(ends.at(-1)).toBeCloseTo(seconds, 2);
    expect(starts.slice(1)).toEqual(ends.slice(0, -1));
  });

  test('streamed with times: the pieces make up the whole', async () => {
    const { client } = open();
    const whole = await client.textToSpeech.convertWithTimestamps(george, { text: spoken });
    const pieces = [];
    for await (const piece of await client.textToSpeech.streamWithTimestamps(george, { text: spoken }))
      pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.flatMap((piece) => piece.alignment?.characters ?? []).join('')).toBe(spoken);
    const bytes = Buffer.concat(pieces.map((piece) => bytesFrom(piece.audioBase64)));
    expect(new Uint8Array(bytes)).toEqual(bytesFrom(whole.audioBase64));
  });

  test('a dialogue changes voices and is heard as one text', async () => {
    const { client, simulator } = open();
    const inputs = [
      { text: 'Hello there.', voiceId: george },
      { text: 'Good day to you.', voiceId: sarah },
    ];
    const answer = await client.textToDialogue.convertWithTimestamps({ inputs, outputFormat: 'wav_16000' });
    const bytes = bytesFrom(answer.audioBase64);
    expect(readSpokenText(bytes)).toBe('Hello there.\nGood day to you.');
    expect(answer.voiceSegments.map((segment) => segment.voiceId)).toEqual([george, sarah]);
    expect(answer.voiceSegments[1]?.startTimeSeconds).toBe(answer.voiceSegments[0]?.endTimeSeconds);
    expect(answer.voiceSegments[1]?.endTimeSeconds).toBeCloseTo(await secondsOf(bytes), 2);
    expect(simulator.bill.calls[0]?.charges[0]?.quantity).toBe(28);
    expect((await bytesOf(await client.textToDialogue.convert({ inputs }))).length).toBeGreaterThan(1000);
    expect((await bytesOf(await client.textToDialogue.stream({ inputs }))).length).toBeGreaterThan(1000);
  });

  test('the same request makes the same bytes, another voice others', async () => {
    const make = async (voice: string) =>
      bytesOf(await open().client.textToSpeech.convert(voice, { text: spoken, outputFormat: 'pcm_16000' }));
    expect(await make(george)).toEqual(await make(george));
    expect(await make(sarah)).not.toEqual(await make(george));
  });
});

describe('the official SDK: everything else', () => {
  test('transcription returns what was spoken, with words that fill the time', async () => {
    const { client, simulator } = open();
    const sound = await bytesOf(await client.textToSpeech.convert(george, { text: spoken }));
    simulator.bill.clear();
    const heard = await client.speechToText.convert({
      modelId: 'scribe_v2',
      file: new File([sound as BlobPart], 'a.mp3'),
      diarize: true,
      timestampsGranularity: 'character',
    });
    if (!('text' in heard) || !('words' in heard)) throw new Error('no transcript');
    expect(heard.text).toBe(spoken);
    expect(heard.words.map((word) => word.text).join('')).toBe(spoken);
    expect(heard.words.filter((word) => word.type === 'word').every((word) => word.speakerId === 'speaker_0')).toBe(
      true,
    );
    expect(heard.words.at(-1)?.end).toBeCloseTo(heard.audioDurationSecs ?? 0, 2);
    expect(heard.words[0]?.characters?.map((one) => one.text)).toEqual(['T', 'h', 'e']);
    expect(heard.audioDurationSecs).toBeCloseTo(await secondsOf(sound), 2);
    expect(simulator.bill.calls[0]?.charges).toEqual([
      { meter: 'input_audio_seconds', quantity: heard.audioDurationSecs },
    ]);
  });

  test('music lasts as ordered and is billed so; unordered it is billed as delivered', async () => {
    const { client, simulator } = open();
    const song = await bytesOf(await client.music.compose({ prompt: 'a waltz', musicLengthMs: 12_500 }));
    expect(await secondsOf(song)).toBeCloseTo(12.5, 1);
    expect(simulator.bill.calls[0]).toMatchObject({
      model: 'music_v1',
      charges: [{ meter: 'output_audio_seconds', quantity: 12.5 }],
    });
    const free = await bytesOf(await client.music.stream({ prompt: 'a march', modelId: 'music_v2' }));
    expect(simulator.bill.calls[1]?.charges[0]?.quantity).toBeCloseTo(await secondsOf(free), 2);
  });

  test('a sound effect', async () => {
    const { client, simulator } = open();
    const { data, rawResponse } = await client.textToSoundEffects
      .convert({ text: 'a door', durationSeconds: 1.5, outputFormat: 'mp3_22050_32' })
      .withRawResponse();
    expect(await secondsOf(await bytesOf(data))).toBeCloseTo(1.5, 1);
    expect(rawResponse.headers.get('character-cost')).toBe('30');
    expect(simulator.bill.calls[0]?.charges[0]?.quantity).toBe(30);
  });

  test('models, voices and the account', async () => {
    const { client } = open();
    const models = await client.models.list();
    expect(models.find((model) => model.modelId === 'eleven_flash_v2_5')?.modelRates?.characterCostMultiplier).toBe(
      0.5,
    );
    expect((await client.voices.getAll()).voices.map((voice) => voice.name)).toContain('Rachel');
    await bytesOf(await client.textToSpeech.convert(george, { text: spoken }));
    expect((await client.user.subscription.get()).characterCount).toBe(43);
  });
});

describe('refusals', () => {
  const speech = `/v1/text-to-speech/${george}`;
  const bad: [string, string, unknown, number, string][] = [
    ['no text', speech, {}, 422, 'text'],
    ['an empty text', speech, { text: ' ' }, 400, 'empty_text'],
    ['too long a text', speech, { text: 'x'.repeat(10_001) }, 400, 'text_too_long'],
    ['an unknown model', speech, { text: 'a', model_id: 'eleven_v99' }, 404, 'model_not_found'],
    ['an unknown voice', '/v1/text-to-speech/nobodyatall', { text: 'a' }, 404, 'voice_not_found'],
    ['an unknown format', `${speech}?output_format=flac`, { text: 'a' }, 422, 'output_format'],
    ['a streamed WAV', `${speech}/stream?output_format=wav_24000`, { text: 'a' }, 422, 'output_format'],
    ['too fast', speech, { text: 'a', voice_settings: { speed: 2 } }, 400, 'invalid_voice_settings'],
    ['a language for multilingual_v2', speech, { text: 'a', language_code: 'de' }, 400, 'unsupported_language'],
    [
      'a dialogue of a model that cannot',
      '/v1/text-to-dialogue',
      { inputs: [{ text: 'a', voice_id: george }], model_id: 'eleven_flash_v2_5' },
      400,
      'unsupported_model',
    ],
    ['a song too short', '/v1/music', { prompt: 'a', music_length_ms: 1000 }, 422, 'music_length_ms'],
    ['a song without a prompt', '/v1/music', {}, 400, 'invalid_parameters'],
    ['a seed with a prompt', '/v1/music', { prompt: 'a', seed: 1 }, 400, 'invalid_parameters'],
    [
      'a bit rate that is not made here',
      '/v1/music?output_format=mp3_48000_240',
      { prompt: 'a' },
      400,
      'invalid_output_format',
    ],
    ['too long an effect', '/v1/sound-generation', { text: 'a', duration_seconds: 31 }, 400, 'invalid_parameters'],
    ['an unknown effect model', '/v1/sound-generation', { text: 'a', model_id: 'x' }, 422, 'model_id'],
  ];
  test.each(bad)('%s', async (_, path, body, status, word) => {
    const { simulator, ask } = open();
    const answer = await ask(path, body);
    const said = (await answer.json()) as { detail: { code?: string } | { loc: string[] }[] };
    const found = Array.isArray(said.detail) ? said.detail[0]?.loc.at(-1) : said.detail.code;
    expect([answer.status, found]).toEqual([status, word]);
    expect(simulator.bill.calls).toEqual([]);
    const check = status === 422 && validator('elevenlabs', responsePointer('/v1/music', 'post', 422));
    if (check) expect(check(said)).toBeUndefined();
  });

  test('without a key, and as the SDK sees it', async () => {
    const { ask, client } = open();
    const answer = await ask(speech, { text: 'a' }, {});
    expect([answer.status, await answer.json()]).toMatchObject([401, { detail: { code: 'missing_api_key' } }]);
    const error = (await client.textToSpeech
      .convert('nobodyatall', { text: 'a' })
      .catch((thrown: unknown) => thrown)) as ElevenLabsError;
    expect([error.statusCode, error.body]).toMatchObject([404, { detail: { code: 'voice_not_found' } }]);
  });

  test.each([
    ['[[fail]] a', 500, 'internal_error'],
    ['[[filtered]] a', 400, 'content_against_policy'],
  ])('%s', async (text, status, code) => {
    const { ask, simulator } = open();
    const answer = await ask(speech, { text });
    expect([answer.status, await answer.json()]).toMatchObject([status, { detail: { code } }]);
    expect(simulator.bill.calls).toEqual([]);
    const closed = elevenlabs();
    const headers = { 'xi-api-key': 'x' };
    const good = await closed.fetch(origin + speech, { method: 'POST', headers, body: JSON.stringify({ text }) });
    expect(good.status).toBe(200);
  });

  test('audio that is none', async () => {
    const { simulator, client } = open();
    const file = new File(['this is not a recording'], 'a.mp3');
    const error = (await client.speechToText
      .convert({ modelId: 'scribe_v1', file })
      .catch((thrown: unknown) => thrown)) as ElevenLabsError;
    expect([error.statusCode, error.body]).toMatchObject([400, { detail: { code: 'invalid_audio' } }]);
    expect(simulator.bill.calls).toEqual([]);
  });
});

describe.skipIf(!hasSpecs)('against the published description (needs ../shared/specs)', () => {
  const get = async (path: string) => {
    const { simulator } = open();
    return (await simulator.fetch(origin + path, { headers: { 'xi-api-key': 'x' } })).json();
  };
  test.each(['/v1/models', '/v1/voices', '/v1/user/subscription'])('GET %s', async (path) => {
    expect(validator('elevenlabs', responsePointer(path, 'get', 200))!(await get(path))).toBeUndefined();
  });

  test.each([
    ['/v1/text-to-speech/{voice_id}/with-timestamps', { text: spoken }],
    ['/v1/text-to-speech/{voice_id}/stream/with-timestamps', { text: spoken }],
    ['/v1/text-to-dialogue/with-timestamps', { inputs: [{ text: spoken, voice_id: george }] }],
    ['/v1/text-to-dialogue/stream/with-timestamps', { inputs: [{ text: spoken, voice_id: sarah }] }],
  ])('POST %s', async (path, body) => {
    expect(validator('elevenlabs', requestPointer(path, 'post'))!(body)).toBeUndefined();
    const text = await (await open().ask(path.replace('{voice_id}', george), body)).text();
    const check = validator('elevenlabs', responsePointer(path, 'post', 200))!;
    for (const line of text.trim().split('\n')) expect(check(JSON.parse(line))).toBeUndefined();
  });

  test('POST /v1/speech-to-text', async () => {
    const { client, simulator } = open();
    const sound = await bytesOf(await client.textToSpeech.convert(george, { text: spoken }));
    const form = new FormData();
    form.set('model_id', 'scribe_v1');
    form.set('file', new File([sound as BlobPart], 'a.mp3'));
    const answer = await simulator.fetch(`${origin}/v1/speech-to-text`, {
      method: 'POST',
      headers: { 'xi-api-key': 'x' },
      body: form,
    });
    const check = validator('elevenlabs', '/components/schemas/SpeechToTextChunkResponseModel')!;
    expect(check(await answer.json())).toBeUndefined();
  });
});
