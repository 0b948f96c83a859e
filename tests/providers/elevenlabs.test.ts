import { describe, expect, test } from 'vitest';
import { shipped } from '../../config/files.ts';
import { loadConfig } from '../../config/load.ts';
import { readFailure } from '../../providers/elevenlabs/failure.ts';
import { secondsOf } from '../../providers/elevenlabs/length.ts';
import { readTranscript } from '../../providers/elevenlabs/transcript.ts';
import { elevenlabs } from '../../providers/elevenlabs.ts';
import { elevenlabs as simulate } from '../../providers/simulators/elevenlabs.ts';
import { mp3, mp3Seconds, opus, readSpokenText, wav } from '../../providers/simulators/media/index.ts';
import {
  type Call,
  type Fetch,
  GatewayError,
  type Json,
  type JsonObject,
  type MediaModality,
  type MediaRequestOf,
  type Operation,
  type Part,
  type Progress,
} from '../../src/contract/index.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';
import { priceUsage } from '../../src/meter/price.ts';
import { hasSpecs, requestPointer, validator } from '../support/spec.ts';
import { callOf, failures } from './call.ts';

const config = await loadConfig(shipped);
const catalogue = createCatalogue(config.prices, config.hash);
const day = Date.UTC(2026, 10, 22);
const george = 'JBFqnCBsd6RMkjVDRZzb';
const rachel = '21m00Tcm4TlvDq8ikWAM';
const sarah = 'EXAVITQu4vr4xnSDxMaL';
const words = 'The tide comes in. The tide goes out again!';

type Sent = { path: string; headers: Headers; body?: JsonObject; form?: FormData; redirect: string };

function start(model: string, more: Partial<Call> = {}, answer?: Fetch) {
  const simulator = simulate({ prices: config.prices, faults: true, now: () => day });
  const sent: Sent[] = [];
  const fetch: Fetch = async (input, init) => {
    const request = new Request(input as string, init);
    const { pathname, search } = new URL(request.url);
    const multipart = request.headers.get('content-type')?.includes('multipart') ?? false;
    const copy = request.clone();
    sent.push({
      path: pathname + search,
      headers: request.headers,
      redirect: request.redirect,
      ...(multipart ? { form: await copy.formData() } : { body: (await copy.json()) as JsonObject }),
    });
    return (answer ?? simulator.fetch)(request);
  };
  const call = callOf(fetch, { model, baseUrl: 'https://api.elevenlabs.io', key: 'xi-key', ...more });
  return { simulator, sent, call };
}

async function submit<M extends MediaModality>(request: MediaRequestOf<M>, call: Call): Promise<Operation> {
  const port = elevenlabs.media?.[request.modality];
  if (!port) throw new Error(`no port for ${request.modality}`);
  return port.submit(request as never, call);
}

async function finish<M extends MediaModality>(request: MediaRequestOf<M>, call: Call) {
  const operation = await submit(request, call);
  if (operation.status !== 'completed') throw new Error(`ended ${operation.status}`);
  return operation;
}

function soundOf(parts: readonly Part[]): { mediaType: string; bytes: Uint8Array } {
  const part = parts.find((one) => one.type === 'asset');
  if (part?.type !== 'asset' || !('bytes' in part.asset)) throw new Error('no sound');
  return part.asset;
}

const caught = (promise: Promise<unknown>): Promise<GatewayError> =>
  promise.then(
    () => Promise.reject(new Error('nothing was thrown')),
    (error) => {
      expect(error).toBeInstanceOf(GatewayError);
      return error as GatewayError;
    },
  );

/** What the gateway would charge and what the vendor bills, in pico-dollars. */
function money({ simulator, call }: ReturnType<typeof start>, operation: Operation) {
  if (!('usage' in operation) || !operation.usage) throw new Error('no usage');
  const receipt = priceUsage(catalogue, {
    provider: 'elevenlabs',
    model: call.model,
    usage: operation.usage,
    at: day,
  });
  const billed = simulator.bill.find('att_1');
  return { charged: receipt.total, billed: billed && simulator.bill.totalOf(billed), status: receipt.status };
}

describe('speech', () => {
  test('goes to the voice named, in the format asked, and costs what the header says', async () => {
    const run = start('eleven_multilingual_v2');
    const operation = await finish(
      {
        modality: 'speech',
        text: words,
        voice: 'Rachel',
        speed: 1.1,
        seed: 7,
        params: { voice_settings: { stability: 0.3 } },
      },
      run.call,
    );
    expect(run.sent).toMatchObject([
      {
        path: `/v1/text-to-speech/${rachel}?output_format=mp3_44100_128`,
        redirect: 'manual',
        body: {
          text: words,
          model_id: 'eleven_multilingual_v2',
          seed: 7,
          voice_settings: { stability: 0.3, speed: 1.1 },
        },
      },
    ]);
    expect(run.sent[0]?.headers.get('xi-api-key')).toBe('xi-key');
    expect(run.sent[0]?.headers.get('x-client-request-id')).toBe('att_1');
    const sound = soundOf(operation.outputs);
    expect([sound.mediaType, readSpokenText(sound.bytes)]).toEqual(['audio/mpeg', words]);
    expect(operation.usage).toMatchObject({
      metered: [{ meter: 'provider_credits', quantity: 43, dims: { unit: 'credit' } }],
      source: 'header',
      raw: { 'character-cost': '43' },
    });
    expect(operation.warnings).toBeUndefined();
    expect(money(run, operation)).toEqual({
      charged: 4_300_000_000n,
      billed: { pico: 4_300_000_000n, unpriced: 0 },
      status: 'priced',
    });
  });

  test.each([
    ['mp3', 'mp3_44100_128', 'audio/mpeg'],
    ['wav', 'wav_24000', 'audio/wav'],
    ['pcm', 'pcm_24000', 'audio/pcm'],
    ['opus', 'opus_48000_64', 'audio/ogg'],
    ['ulaw', 'ulaw_8000', 'audio/basic'],
    ['mp3_22050_32', 'mp3_22050_32', 'audio/mpeg'],
  ])('format %s', async (format, wire, mediaType) => {
    const run = start('eleven_flash_v2_5');
    const operation = await finish({ modality: 'speech', text: words, format }, run.call);
    expect(run.sent[0]?.path).toBe(`/v1/text-to-speech/${george}?output_format=${wire}`);
    expect(soundOf(operation.outputs).mediaType).toBe(mediaType);
    expect(money(run, operation)).toMatchObject({ charged: 2_200_000_000n, billed: { pico: 2_200_000_000n } });
  });

  test('voices: ids pass, the row may name its own, nothing else becomes a path', async () => {
    const run = start('eleven_v3', { options: { voice: 'narrator', voices: { narrator: sarah } } });
    await finish({ modality: 'speech', text: 'a b' }, run.call);
    await finish({ modality: 'speech', text: 'a b', voice: rachel }, run.call);
    expect(run.sent.map(({ path }) => path.split('?')[0])).toEqual([
      `/v1/text-to-speech/${sarah}`,
      `/v1/text-to-speech/${rachel}`,
    ]);
    for (const voice of ['../../v1/voices', 'alloy', 'constructor', '']) {
      const error = await caught(submit({ modality: 'speech', text: 'a', voice }, run.call));
      expect([error.code, error.details.param, error.details.failure]).toEqual(['unsupported_parameter', 'voice', 'A']);
    }
    expect(run.sent).toHaveLength(2);
  });

  test.each(['flac', 'aac', 'constructor', 'mp3_1'])('format %s is refused unsent', async (format) => {
    const run = start('eleven_v3');
    const error = await caught(submit({ modality: 'speech', text: 'a', format }, run.call));
    expect([error.code, error.details.param, run.sent.length]).toEqual(['unsupported_parameter', 'format', 0]);
  });

  test('a language goes to models that take one, as its first two letters', async () => {
    const v3 = start('eleven_v3');
    await finish({ modality: 'speech', text: words, language: 'de-AT' }, v3.call);
    expect(v3.sent[0]?.body?.language_code).toBe('de');
    const multilingual = start('eleven_multilingual_v2');
    await finish({ modality: 'speech', text: words, language: 'de' }, multilingual.call);
    expect(multilingual.sent[0]?.body).not.toHaveProperty('language_code');
  });

  test('timestamps come beside the sound and fill its length', async () => {
    const run = start('eleven_v3');
    const operation = await finish({ modality: 'speech', text: words, timestamps: true, format: 'wav' }, run.call);
    expect(run.sent[0]?.path).toContain(`/${george}/with-timestamps?`);
    const [sound, text] = operation.outputs;
    if (sound?.type !== 'asset' || text?.type !== 'text') throw new Error('wrong parts');
    expect(text.text).toBe(words);
    const [times] = text.annotations as { characters: string[]; starts: number[]; ends: number[] }[];
    expect(times?.characters.join('')).toBe(words);
    expect(times?.ends.at(-1)).toBeCloseTo(secondsOf(soundOf([sound]).bytes) ?? 0, 2);
    expect(money(run, operation)).toMatchObject({ charged: 4_300_000_000n, billed: { pico: 4_300_000_000n } });
  });

  test('with progress the sound is shown as it comes', async () => {
    const shown: Progress[] = [];
    const run = start('eleven_v3', { progress: (one) => shown.push(one) });
    const operation = await finish({ modality: 'speech', text: words, format: 'pcm' }, run.call);
    expect(run.sent[0]?.path).toBe(`/v1/text-to-speech/${george}/stream?output_format=pcm_24000`);
    expect(shown.length).toBeGreaterThan(5);
    expect(shown.map((one) => one.index)).toEqual(shown.map((_, index) => index));
    const pieces = shown.map((one) => soundOf(one.partial ? [one.partial] : []).bytes);
    expect(new Uint8Array(Buffer.concat(pieces))).toEqual(soundOf(operation.outputs).bytes);
    expect(money(run, operation)).toMatchObject({ charged: 4_300_000_000n, billed: { pico: 4_300_000_000n } });
  });

  test('with progress and timestamps both; WAV is not streamed', async () => {
    const shown: Progress[] = [];
    const progress = (one: Progress) => shown.push(one);
    const run = start('eleven_v3', { progress });
    const operation = await finish({ modality: 'speech', text: words, timestamps: true }, run.call);
    expect(run.sent[0]?.path).toContain('/stream/with-timestamps');
    expect(readSpokenText(soundOf(operation.outputs).bytes)).toBe(words);
    expect(shown.length).toBeGreaterThan(1);
    const times = operation.outputs.find((part) => part.type === 'text')?.annotations?.[0] as { starts: number[] };
    expect(times.starts).toEqual([...times.starts].sort((one, other) => one - other));
    await finish({ modality: 'speech', text: words, format: 'wav' }, run.call);
    expect(run.sent[1]?.path).toBe(`/v1/text-to-speech/${george}?output_format=wav_24000`);
  });

  test('times that begin anew with every piece are counted on', async () => {
    const piece = (from: string) =>
      JSON.stringify({
        audio_base64: btoa('x'),
        alignment: {
          characters: [...from],
          character_start_times_seconds: [0, 0.5],
          character_end_times_seconds: [0.5, 1],
        },
      });
    const answer = () => Promise.resolve(new Response(`${piece('ab')}\n${piece('cd')}`));
    const run = start('eleven_v3', { progress: () => {} }, answer);
    const operation = await finish({ modality: 'speech', text: 'abcd', timestamps: true }, run.call);
    expect(operation.outputs[1]).toMatchObject({
      annotations: [{ characters: ['a', 'b', 'c', 'd'], starts: [0, 0.5, 1, 1.5], ends: [0.5, 1, 1.5, 2] }],
    });
  });

  test('several speakers make a dialogue', async () => {
    const run = start('eleven_v3');
    const operation = await finish(
      {
        modality: 'speech',
        text: 'Anna: Hello.\nHow are you?\n\nBert: Fine: as ever.\nanna: Good.',
        voices: [
          { speaker: 'Anna', voice: 'Rachel' },
          { speaker: 'Bert', voice: george },
        ],
        timestamps: true,
        speed: 1.1,
        language: 'en',
      },
      run.call,
    );
    expect(run.sent[0]).toMatchObject({
      path: '/v1/text-to-dialogue/with-timestamps?output_format=mp3_44100_128',
      body: {
        inputs: [
          { text: 'Hello.\nHow are you?', voice_id: rachel },
          { text: 'Fine: as ever.', voice_id: george },
          { text: 'Good.', voice_id: rachel },
        ],
        language_code: 'en',
      },
    });
    expect(operation.warnings).toEqual(['speed is not supported by an ElevenLabs dialogue and was left out.']);
    const text = operation.outputs.find((part) => part.type === 'text');
    expect(text?.annotations?.[0]).toMatchObject({ segments: [{ voice_id: rachel }, { voice_id: george }, {}] });
    expect(money(run, operation)).toMatchObject({ charged: 3_800_000_000n, billed: { pico: 3_800_000_000n } });
  });

  test('one speaker needs no dialogue; a model that cannot is not paid for reading names aloud', async () => {
    const run = start('eleven_flash_v2_5');
    const one = { modality: 'speech', text: 'Anna: Hello.', voices: [{ speaker: 'Anna', voice: sarah }] } as const;
    await finish({ ...one, voices: [...one.voices] }, run.call);
    expect(run.sent[0]).toMatchObject({ path: expect.stringContaining(sarah), body: { text: 'Hello.' } });
    const voices = [...one.voices, { speaker: 'Bert', voice: george }];
    const error = await caught(submit({ ...one, text: 'Anna: Hello.\nBert: Hi.', voices }, run.call));
    expect([error.code, error.details.param, run.sent.length]).toEqual(['unsupported_parameter', 'voices', 1]);
  });

  test('what each model honours', () => {
    const honours = (model: string) => elevenlabs.media?.speech?.honours?.({ model, options: {} });
    expect(honours('eleven_v3')).toEqual(expect.arrayContaining(['voices', 'language', 'timestamps', 'speed']));
    expect(honours('eleven_multilingual_v2')).not.toContain('language');
    expect(honours('eleven_flash_v2_5')).not.toContain('voices');
    expect(honours('eleven_v3')).not.toContain('instructions');
  });
});

describe('transcription', () => {
  const record = async (text: string) => {
    const { call } = start('eleven_v3');
    return {
      mediaType: 'audio/mpeg',
      bytes: soundOf((await finish({ modality: 'speech', text }, call)).outputs).bytes,
    };
  };

  test('hears what was said, tells the words, and costs by its length', async () => {
    const audio = await record(words);
    const run = start('scribe_v1');
    const operation = await finish(
      {
        modality: 'transcription',
        audio,
        language: 'en-US',
        diarize: true,
        timestamps: ['word'],
        temperature: 0,
        seed: 3,
      },
      run.call,
    );
    const form = Object.fromEntries([...(run.sent[0]?.form?.entries() ?? [])].filter(([name]) => name !== 'file'));
    expect(form).toEqual({
      model_id: 'scribe_v1',
      language_code: 'en',
      diarize: 'true',
      timestamps_granularity: 'word',
      temperature: '0',
      seed: '3',
    });
    expect(run.sent[0]?.form?.get('file')).toMatchObject({ name: 'audio.mp3', type: 'audio/mpeg' });
    const [part] = operation.outputs;
    if (part?.type !== 'text') throw new Error('no text');
    expect(part.text).toBe(words);
    const seconds = Math.round((secondsOf(audio.bytes) ?? 0) * 1000) / 1000;
    expect(part.annotations?.[0]).toMatchObject({
      text: words,
      language: 'en',
      duration: seconds,
      segments: [
        { start: 0, text: 'The tide comes in.', speaker: 'speaker_0' },
        { text: 'The tide goes out again!', speaker: 'speaker_0' },
      ],
    });
    expect(part.annotations).toHaveProperty([0, 'words', 'length'], 9);
    expect(operation.usage).toMatchObject({
      metered: [{ meter: 'input_audio_seconds', quantity: seconds }],
      source: 'body',
    });
    const { charged, billed } = money(run, operation);
    expect(billed).toEqual({ pico: charged, unpriced: 0 });
    expect(Number(charged)).toBeCloseTo((seconds / 3600) * 0.22e12, -1);
  });

  test('as subtitles', async () => {
    const audio = await record(words);
    const read = async (format: string) => {
      const { outputs } = await finish({ modality: 'transcription', audio, format }, start('scribe_v2').call);
      return outputs[0]?.type === 'text' ? outputs[0].text : '';
    };
    expect(await read('srt')).toMatch(/^1\n00:00:00,000 --> 00:00:01,\d{3}\nThe tide comes in\.\n\n2\n/);
    expect(await read('vtt')).toMatch(/^WEBVTT\n\n00:00:00\.000 --> /);
    expect(await read('diarized_json')).toBe(words);
  });

  test('what it cannot do is refused unsent; what costs more is said', async () => {
    const audio = await record('Hello there.');
    const run = start('scribe_v2');
    const error = await caught(submit({ modality: 'transcription', audio, translate: true }, run.call));
    expect([error.code, error.details.param]).toEqual(['unsupported_parameter', 'translate']);
    expect((await caught(submit({ modality: 'transcription', audio, format: 'docx' }, run.call))).details.param).toBe(
      'format',
    );
    const hook = { modality: 'transcription', audio, params: { webhook: true } } as const;
    expect((await caught(submit(hook, run.call))).details.param).toBe('params.webhook');
    expect(run.sent).toHaveLength(0);
    const params = { keyterms: ['tide', 'sea'] };
    const operation = await finish({ modality: 'transcription', audio, params }, run.call);
    expect(run.sent[0]?.form?.getAll('keyterms')).toEqual(['tide', 'sea']);
    expect(operation.warnings?.[0]).toContain('keyterms');
  });

  test('an answer without its length is measured by its last word, as an estimate', () => {
    const response = { text: 'a b', words: [{ end: 1.5 }, { end: 2.25 }] };
    const observed = { model: 'scribe_v1', endpoint: 'speech-to-text', modality: 'transcription' } as const;
    expect(elevenlabs.readUsage({ ...observed, response })).toMatchObject({
      metered: [{ meter: 'input_audio_seconds', quantity: 2.25 }],
      source: 'estimated',
    });
    expect(elevenlabs.readUsage({ ...observed, response: { text: '' } })).toBeUndefined();
  });

  test('channels follow one another; speakers and sounds are kept apart', () => {
    const word = (text: string, start: number, speaker: string, type = 'word') => ({
      text,
      start,
      end: start + 0.4,
      type,
      speaker_id: speaker,
      logprob: 0,
    });
    const transcript = readTranscript({
      audio_duration_secs: 9,
      transcripts: [
        {
          text: 'Hi you',
          language_code: 'en',
          words: [word('Hi', 0, 'a'), word('you', 0.5, 'b'), word('(laughs)', 1, 'b', 'audio_event')],
        },
        { text: 'So', language_code: 'en', words: [word('So', 2, 'c'), word(' ', 2.4, 'c', 'spacing')] },
      ],
    });
    expect(transcript).toMatchObject({
      text: 'Hi you\nSo',
      duration: 9,
      segments: [{ speaker: 'a' }, { speaker: 'b' }, { speaker: 'c' }],
      events: [{ text: '(laughs)' }],
    });
    expect(readTranscript({ message: 'accepted' })).toBeUndefined();
  });
});

describe('music and sound effects', () => {
  test('a song of the length ordered, with words or without', async () => {
    const run = start('music_v1');
    const operation = await finish(
      {
        modality: 'music',
        prompt: 'a waltz',
        seconds: 12.5,
        lyrics: 'Round and round',
        instrumental: false,
        format: 'mp3',
        seed: 4,
      },
      run.call,
    );
    expect(run.sent).toMatchObject([
      {
        path: '/v1/music?output_format=mp3_44100_128',
        body: {
          prompt: 'a waltz',
          music_length_ms: 12_500,
          lyrics_text: 'Round and round',
          force_instrumental: false,
          model_id: 'music_v1',
        },
      },
    ]);
    expect(run.sent[0]?.body).not.toHaveProperty('seed');
    expect(secondsOf(soundOf(operation.outputs).bytes)).toBeCloseTo(12.5, 1);
    expect(operation.usage).toMatchObject({ metered: [{ meter: 'output_audio_seconds', quantity: 12.5 }] });
    expect(money(run, operation)).toMatchObject({ charged: 62_500_000_000n, billed: { pico: 62_500_000_000n } });
  });

  test.each(['mp3', 'opus', undefined])('without a length what was made is measured (%s)', async (format) => {
    const shown: Progress[] = [];
    const run = start('music_v1', { progress: (one) => shown.push(one) });
    const operation = await finish({ modality: 'music', prompt: 'a march', ...(format ? { format } : {}) }, run.call);
    expect(run.sent[0]?.path).toBe(
      `/v1/music/stream${format === 'mp3' ? '?output_format=mp3_44100_128' : format ? '?output_format=opus_48000_64' : ''}`,
    );
    expect(shown.length).toBeGreaterThan(1);
    const { charged, billed } = money(run, operation);
    expect(billed).toEqual({ pico: charged, unpriced: 0 });
    expect(charged).toBeGreaterThan(0n);
  });

  test('a plan takes the place of the prompt', async () => {
    const run = start('music_v1');
    const section = { section_name: 'A', duration_ms: 4000, lines: [] };
    const params = { composition_plan: { sections: [section, section] } };
    const operation = await finish({ modality: 'music', prompt: 'unused', seed: 9, params }, run.call);
    expect(run.sent[0]?.body).toEqual({ ...params, seed: 9, model_id: 'music_v1' });
    expect(operation.usage.metered).toEqual([{ meter: 'output_audio_seconds', quantity: 8 }]);
    expect(money(run, operation)).toMatchObject({ charged: 40_000_000_000n, billed: { pico: 40_000_000_000n } });
  });

  test('a plan together with seconds is refused: the quote would be another length than the song', async () => {
    const run = start('music_v1');
    const params = { composition_plan: { sections: [{ section_name: 'A', duration_ms: 600_000, lines: [] }] } };
    const error = await caught(submit({ modality: 'music', prompt: 'x', seconds: 3, params }, run.call));
    expect(error).toMatchObject({
      code: 'invalid_request',
      details: { param: 'params.composition_plan', failure: 'A', billing: 'none' },
    });
    expect(run.sent).toHaveLength(0);
  });

  test('a sound effect costs what the header says: as much as its seconds', async () => {
    const run = start('eleven_text_to_sound_v2');
    const operation = await finish({ modality: 'sound_effect', prompt: 'a door', seconds: 3 }, run.call);
    expect(run.sent[0]).toMatchObject({
      path: '/v1/sound-generation',
      body: { text: 'a door', duration_seconds: 3, model_id: 'eleven_text_to_sound_v2' },
    });
    expect(secondsOf(soundOf(operation.outputs).bytes)).toBeCloseTo(3, 1);
    expect(operation.usage.metered).toEqual([{ meter: 'provider_credits', quantity: 60, dims: { unit: 'credit' } }]);
    expect(money(run, operation)).toMatchObject({ charged: 6_000_000_000n, billed: { pico: 6_000_000_000n } });
    const quiet = elevenlabs.readUsage({
      model: 'eleven_text_to_sound_v2',
      endpoint: 'sound-generation',
      modality: 'sound_effect',
      request: { duration_seconds: 3 },
    });
    expect(quiet?.metered).toEqual([{ meter: 'output_audio_seconds', quantity: 3 }]);
    expect(
      (await caught(submit({ modality: 'sound_effect', prompt: 'a', format: 'wav' }, run.call))).details.param,
    ).toBe('format');
  });
});

describe('what goes wrong', () => {
  const say = (call: Call, text = words) => submit({ modality: 'speech', text }, call);

  test.each(failures)('$name: one request, $code, class $failure', async ({ answer, code, failure }) => {
    const run = start('eleven_v3', {}, async () => answer());
    const error = await caught(say(run.call));
    expect([error.code, error.details.failure, run.sent.length]).toEqual([code, failure, 1]);
    expect(JSON.stringify(error.details.message)).not.toContain('sk-secr');
  });

  const detail = (code: string, more: JsonObject = {}) => ({
    detail: { status: code, message: `About ${code}.`, ...more },
  });
  const refusals: [number, Json, string, number][] = [
    [401, detail('invalid_api_key'), 'provider_authentication', 502],
    [401, detail('quota_exceeded'), 'provider_quota_exhausted', 503],
    [402, { detail: { type: 'payment_required', code: 'insufficient_credits' } }, 'provider_quota_exhausted', 503],
    [403, detail('missing_permissions'), 'provider_authentication', 502],
    [403, detail('subscription_required'), 'provider_rejected', 403],
    [404, detail('voice_not_found'), 'provider_rejected', 404],
    [404, { detail: { code: 'model_not_found', message: 'No such thing.' } }, 'model_not_found', 404],
    [400, detail('text_too_long'), 'provider_rejected', 400],
    [400, detail('content_against_policy'), 'content_policy', 400],
    [403, detail('content_against_policy'), 'content_policy', 400],
    [422, { detail: [{ loc: ['body', 'text'], msg: 'Field required', type: 'missing' }] }, 'provider_rejected', 422],
    [429, detail('too_many_concurrent_requests'), 'provider_rate_limited', 429],
    [429, detail('quota_exceeded'), 'provider_quota_exhausted', 503],
    [429, detail('system_busy'), 'provider_overloaded', 503],
    [503, detail('service_unavailable'), 'provider_overloaded', 503],
  ];
  test.each(refusals)('%i %j is %s', (status, body, code, ours) => {
    const error = readFailure(status, new Headers({ 'retry-after': '3' }), body);
    expect([error.code, error.status, error.details.failure, error.details.billing]).toEqual([code, ours, 'B', 'none']);
    expect(error.details.retryAfterMs).toBe(3000);
    if (error.details.raw !== undefined) expect(error.details.raw).toEqual(body);
  });

  test('a refusal names the field, and what the vendor suggests instead', () => {
    const invalid = { detail: [{ loc: ['body', 'text'], msg: 'Field required', type: 'missing' }] };
    const error = readFailure(422, new Headers(), invalid);
    expect([error.details.param, error.message]).toEqual(['text', 'elevenlabs: body.text: Field required']);
    const suggestion = { prompt_suggestion: 'A calm piano piece.' };
    const refused = readFailure(400, new Headers(), detail('bad_prompt', { data: suggestion }));
    expect([refused.code, refused.details.facts]).toEqual(['content_policy', suggestion]);
    expect(readFailure(500, new Headers(), detail('internal_error'))).toMatchObject({
      code: 'provider_error',
      details: { failure: 'C', message: 'elevenlabs: About internal_error.' },
    });
  });

  test('quota, as the provider reads it', () => {
    expect(elevenlabs.isQuotaExhausted?.(401, detail('quota_exceeded'))).toBe(true);
    expect(elevenlabs.isQuotaExhausted?.(402, null)).toBe(true);
    expect(elevenlabs.isQuotaExhausted?.(429, detail('too_many_concurrent_requests'))).toBe(false);
    expect(elevenlabs.isQuotaExhausted?.(500, detail('quota_exceeded'))).toBe(false);
  });

  test.each([
    ['[[fail]]', 'provider_error', 'C'],
    ['[[filtered]]', 'content_policy', 'B'],
    ['[[empty]]', 'invalid_output', 'C'],
  ])('%s of the simulator', async (directive, code, failure) => {
    for (const [model, request] of [
      ['eleven_v3', { modality: 'speech', text: `${directive} a` }],
      ['eleven_v3', { modality: 'speech', text: `${directive} a`, timestamps: true }],
      ['music_v1', { modality: 'music', prompt: `${directive} a` }],
      ['eleven_text_to_sound_v2', { modality: 'sound_effect', prompt: `${directive} a` }],
    ] as const) {
      const run = start(model);
      const error = await caught(submit(request, run.call));
      // Times come in JSON: an answer that is none is not one without sound.
      const garbled = directive === '[[empty]]' && 'timestamps' in request;
      expect([error.code, error.details.failure]).toEqual([garbled ? 'provider_garbage' : code, failure]);
      expect(run.simulator.bill.calls).toEqual([]);
    }
  });

  test('[[wrong-type]]: the part says what the bytes are', async () => {
    const run = start('eleven_v3');
    const operation = await finish({ modality: 'speech', text: '[[wrong-type]] a' }, run.call);
    expect(soundOf(operation.outputs).mediaType).toBe('image/png');
    expect(money(run, operation).billed?.pico).toBe(money(run, operation).charged);
  });

  test.each(['null', '[]', '"x"'])('%s in place of an object is garbage', async (text) => {
    const timed = { modality: 'speech', text: 'ab', timestamps: true } as const;
    const audio = { mediaType: 'audio/mpeg', bytes: mp3({ seconds: 1 }) };
    const garbled = { code: 'provider_garbage', details: { failure: 'C', billing: 'unknown' } };
    const answer = async () => new Response(text);
    expect(await caught(submit(timed, start('eleven_v3', {}, answer).call))).toMatchObject(garbled);
    const streamed = start('eleven_v3', { progress: () => {} }, answer);
    expect(await caught(submit(timed, streamed.call))).toMatchObject(garbled);
    const heard = start('scribe_v1', {}, answer);
    expect(await caught(submit({ modality: 'transcription', audio }, heard.call))).toMatchObject(garbled);
  });

  test('a sound that breaks off costs what its header said; once shown it is class D', async () => {
    const answer = () => {
      let pulls = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (pulls++ === 0) controller.enqueue(new Uint8Array(100));
          else controller.error(new TypeError('terminated'));
        },
      });
      const headers = { 'content-type': 'audio/mpeg', 'character-cost': '43' };
      return Promise.resolve(new Response(body, { headers }));
    };
    const metered = [{ meter: 'provider_credits', quantity: 43 }];
    expect(await say(start('eleven_v3', {}, answer).call)).toMatchObject({
      status: 'failed',
      error: { code: 'outcome_unknown', details: { failure: 'C', billing: 'known' } },
      usage: { metered },
    });
    expect(await say(start('eleven_v3', { progress: () => {} }, answer).call)).toMatchObject({
      status: 'failed',
      error: { code: 'stream_interrupted', details: { failure: 'D' } },
      usage: { metered },
    });
  });

  test('a call canceled before it is made sends nothing; later it is canceled on the way', async () => {
    const before = start('eleven_v3', { signal: AbortSignal.abort() });
    const error = await caught(say(before.call));
    expect([error.code, error.details.failure, before.sent.length]).toEqual(['request_canceled', 'A', 0]);
    const controller = new AbortController();
    const during = start('eleven_v3', { signal: controller.signal }, async () => {
      controller.abort();
      throw controller.signal.reason;
    });
    expect(await caught(say(during.call))).toMatchObject({ code: 'request_canceled', details: { failure: 'C' } });
  });

  test('fields that the request owns cannot come in by params', async () => {
    const run = start('eleven_v3');
    const request = { modality: 'speech', text: 'a', params: { model_id: 'eleven_multilingual_v2' } } as const;
    expect((await caught(submit(request, run.call))).details.param).toBe('params.model_id');
    await finish({ modality: 'speech', text: 'a b', params: { enable_logging: false, previous_text: 'x' } }, run.call);
    expect(run.sent[0]?.path).toContain('&enable_logging=false');
    expect(run.sent[0]?.body).toEqual({ text: 'a b', model_id: 'eleven_v3', previous_text: 'x' });
  });
});

test('lengths are those that the media kit made', () => {
  expect(secondsOf(mp3({ seconds: 3.3 }))).toBe(mp3Seconds(3.3));
  expect(secondsOf(mp3({ seconds: 2, sampleRate: 22_050, bitrate: 32_000, text: 'tagged' }))).toBe(
    mp3Seconds(2, 22_050),
  );
  expect(secondsOf(opus({ seconds: 2.5 }))).toBe(2.5);
  expect(secondsOf(wav(new Int16Array(16_000), { sampleRate: 16_000, channels: 1 }))).toBe(1);
  expect(secondsOf(new Uint8Array(4000))).toBeUndefined();
});

describe.skipIf(!hasSpecs)('what is sent, against the published description (needs ../shared/specs)', () => {
  const speech = { modality: 'speech', text: words, speed: 1, seed: 1, language: 'en' } as const;
  const voices = [
    { speaker: 'A', voice: 'Rachel' },
    { speaker: 'B', voice: 'Sarah' },
  ];
  const cases: [string, string, MediaRequestOf<'speech'> | MediaRequestOf<'music'> | MediaRequestOf<'sound_effect'>][] =
    [
      ['/v1/text-to-speech/{voice_id}', 'eleven_v3', speech],
      ['/v1/text-to-dialogue', 'eleven_v3', { ...speech, text: 'A: Hi.\nB: Ho.', voices }],
      ['/v1/music', 'music_v1', { modality: 'music', prompt: 'x', seconds: 3, lyrics: 'la', instrumental: false }],
      ['/v1/sound-generation', 'eleven_text_to_sound_v2', { modality: 'sound_effect', prompt: 'x', seconds: 1 }],
    ];
  test.each(cases)('POST %s', async (path, model, request) => {
    const run = start(model);
    await finish(request as never, run.call);
    expect(validator('elevenlabs', requestPointer(path, 'post'))!(run.sent[0]?.body)).toBeUndefined();
  });
});
