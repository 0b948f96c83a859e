import { GoogleGenAI, type Part } from '@google/genai';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { decode } from 'fast-png';
import { parseBuffer } from 'music-metadata';
import { describe, expect, test } from 'vitest';
import { google } from '../../providers/simulators/google.ts';
import type { SimulatorOptions } from '../../providers/simulators/simulator.ts';
import type { JsonObject } from '../../src/contract/index.ts';
import { hasSpecs, loadSpec } from '../support/spec.ts';

const noon = Date.UTC(2026, 10, 22, 12);
const flash = 'gemini-3.8-flash';
const older = 'gemini-2.5-flash-lite';

function start(options: SimulatorOptions = {}, apiVersion = 'v1beta') {
  const simulator = google({ now: () => noon, ...options });
  const client = new GoogleGenAI({
    apiKey: 'key',
    httpOptions: {
      baseUrl: 'https://google.simulator.invalid/prefix',
      fetch: simulator.fetch as typeof fetch,
      apiVersion,
    },
  });
  return { simulator, client };
}

type Google = ReturnType<typeof start>['simulator'];

function post(
  simulator: Google,
  path: string,
  body: unknown,
  headers: Record<string, string> = { 'x-goog-api-key': 'k' },
) {
  return simulator.fetch(`https://g.invalid/v1beta/models/${path}`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const ask = (text: string, generationConfig: JsonObject = {}, more: JsonObject = {}): JsonObject => ({
  contents: [{ role: 'user', parts: [{ text }] }],
  generationConfig,
  ...more,
});

if (!hasSpecs) console.warn('../shared/specs is absent: answers are not held against the official description.');

/** The official schemas with every message closed: an unknown property is a fault. */
const closed = (() => {
  const spec = loadSpec('google-generativelanguage') as
    | { components: { schemas: Record<string, JsonObject> } }
    | undefined;
  if (!spec) return undefined;
  const ajv = new Ajv2020({
    strict: false,
    validateFormats: false,
    validateSchema: false,
    allErrors: true,
    logger: false,
  });
  const schemas = Object.entries(spec.components.schemas).map(([name, schema]) => [
    name,
    schema.properties && schema.additionalProperties === undefined
      ? { ...schema, additionalProperties: false }
      : schema,
  ]);
  ajv.addSchema({ ...spec, components: { schemas: Object.fromEntries(schemas) } }, 'spec');
  const known = new Map<string, ValidateFunction>();
  return (name: string, value: unknown) => {
    const validate = known.get(name) ?? ajv.compile({ $ref: `spec#/components/schemas/${name}` });
    known.set(name, validate);
    return validate(value) ? undefined : JSON.stringify(validate.errors, null, 1);
  };
})();

function valid(schema: string, value: unknown) {
  expect(closed?.(schema, value)).toBeUndefined();
}

type Usage = {
  promptTokenCount: number;
  candidatesTokenCount?: number;
  thoughtsTokenCount?: number;
  totalTokenCount: number;
  cachedContentTokenCount?: number;
  promptTokensDetails: { modality: string; tokenCount: number }[];
  candidatesTokensDetails?: { modality: string; tokenCount: number }[];
};
type Answer = {
  candidates?: { content: { parts?: Part[]; role: string }; finishReason?: string; index: number }[];
  promptFeedback?: { blockReason: string };
  usageMetadata: Usage;
  responseId: string;
  modelVersion: string;
};

async function plain(simulator: Google, model: string, body: JsonObject): Promise<Answer> {
  const response = await post(simulator, `${model}:generateContent`, body);
  const answer = (await response.json()) as Answer;
  expect(response.status, JSON.stringify(answer)).toBe(200);
  valid('GenerateContentResponse', answer);
  return answer;
}

async function streamed(simulator: Google, model: string, body: JsonObject): Promise<Answer[]> {
  const response = await post(simulator, `${model}:streamGenerateContent?alt=sse`, body);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const frames = (await response.text()).split('\n\n');
  expect(frames.pop()).toBe('');
  const chunks = frames.map((frame) => JSON.parse(frame.replace(/^data: /, '')) as Answer);
  for (const chunk of chunks) {
    valid('GenerateContentResponse', chunk);
    expect(chunk.usageMetadata.promptTokenCount).toBeGreaterThan(0);
  }
  return chunks;
}

const partsOf = (answer: Answer | undefined) => answer?.candidates?.[0]?.content.parts ?? [];
const textOf = (answers: Answer[]) =>
  answers
    .flatMap(partsOf)
    .flatMap((part) => (part.text && !part.thought ? [part.text] : []))
    .join('');
const bytesOf = (part: Part | undefined) => new Uint8Array(Buffer.from(part?.inlineData?.data ?? '', 'base64'));
const charges = (simulator: Google, index = -1) =>
  Object.fromEntries(simulator.bill.calls.at(index)?.charges.map((line) => [line.meter, line.quantity]) ?? []);
const imagesOf = (answer: Answer) => partsOf(answer).filter((part) => part.inlineData);

const weather = {
  name: 'get_weather',
  description: 'Weather',
  parametersJsonSchema: { type: 'object', properties: { place: { type: 'string' }, days: { type: 'integer' } } },
};

describe('text', () => {
  test.each(['v1', 'v1beta'])('plain and streamed through the SDK on %s', async (version) => {
    const { client, simulator } = start({}, version);
    const request = { model: flash, contents: 'Say exactly: hello there', config: { systemInstruction: 'Be brief.' } };
    const answer = await client.models.generateContent(request);
    expect(answer.text).toBe('hello there');
    expect(answer.candidates?.[0]?.finishReason).toBe('STOP');
    const usage = answer.usageMetadata;
    expect(usage?.totalTokenCount).toBe(
      (usage?.promptTokenCount ?? 0) + (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0),
    );
    expect(charges(simulator)).toEqual({
      input_text_tokens: usage?.promptTokenCount,
      output_text_tokens: (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0),
    });
    let text = '';
    let last: unknown;
    for await (const chunk of await client.models.generateContentStream(request)) {
      text += chunk.text ?? '';
      last = chunk.usageMetadata;
    }
    expect(text).toBe('hello there');
    expect(last).toEqual(usage);
    expect(simulator.bill.calls[1]?.charges).toEqual(simulator.bill.calls[0]?.charges);
    const counted = await client.models.countTokens({ model: flash, contents: 'Say exactly: hello there' });
    expect(counted.totalTokens).toBe((usage?.promptTokenCount ?? 0) - 3);
  });

  test('a stream is valid chunk by chunk, ends with the reason, and has an array form', async () => {
    const { simulator } = start();
    const body = ask('Tell me of rivers.', { thinkingConfig: { includeThoughts: true } });
    const whole = await plain(simulator, flash, body);
    const chunks = await streamed(simulator, flash, body);
    expect(textOf(chunks)).toBe(textOf([whole]));
    expect(chunks.flatMap(partsOf).some((part) => part.thought)).toBe(true);
    expect(chunks.map((chunk) => chunk.candidates?.[0]?.finishReason).filter(Boolean)).toEqual(['STOP']);
    expect(chunks.at(-1)?.usageMetadata).toEqual(whole.usageMetadata);
    expect(partsOf(chunks.at(-1))[0]).toMatchObject({
      text: '',
      thoughtSignature: partsOf(whole).at(-1)?.thoughtSignature,
    });
    const array = await post(simulator, `${flash}:streamGenerateContent`, body);
    expect(await array.json()).toEqual(chunks);
  });

  test('thoughts are counted outside the candidates, shown only if asked, and can be turned off', async () => {
    const { simulator } = start();
    const hidden = await plain(simulator, flash, ask('Why?'));
    expect(hidden.usageMetadata.thoughtsTokenCount).toBeGreaterThan(0);
    expect(partsOf(hidden).some((part) => part.thought)).toBe(false);
    const shown = await plain(simulator, flash, ask('Why?', { thinkingConfig: { includeThoughts: true } }));
    expect(partsOf(shown)[0]?.thought).toBe(true);
    expect(shown.usageMetadata).toEqual(hidden.usageMetadata);
    const off = await plain(simulator, 'gemini-2.5-flash', ask('Why?', { thinkingConfig: { thinkingBudget: 0 } }));
    expect(off.usageMetadata).not.toHaveProperty('thoughtsTokenCount');
  });

  test('limits: stop sequences, maxOutputTokens, candidateCount', async () => {
    const { simulator } = start();
    const stopped = await plain(simulator, older, ask('Say exactly: one, two, three', { stopSequences: [', three'] }));
    expect(textOf([stopped])).toBe('one, two');
    const cut = await plain(simulator, older, ask('Say exactly: one, two, three', { maxOutputTokens: 2 }));
    expect(cut).toMatchObject({
      candidates: [{ finishReason: 'MAX_TOKENS' }],
      usageMetadata: { candidatesTokenCount: 2 },
    });
    const eaten = await plain(simulator, flash, ask('Why is that so?', { maxOutputTokens: 5 }));
    expect(eaten.candidates?.[0]).toMatchObject({ finishReason: 'MAX_TOKENS' });
    expect(eaten.usageMetadata).toMatchObject({ thoughtsTokenCount: 5 });
    const three = await plain(simulator, older, ask('Hello', { candidateCount: 3 }));
    expect(three.candidates?.map((candidate) => candidate.index)).toEqual([0, 1, 2]);
    expect(charges(simulator).output_text_tokens).toBe(three.usageMetadata.candidatesTokenCount);
  });

  test('structured output by either schema, and enums', async () => {
    const { client, simulator } = start();
    const properties = { city: { type: 'string' }, people: { type: 'integer' } };
    const answer = await client.models.generateContent({
      model: flash,
      contents: 'Paris, 2 million',
      config: { responseMimeType: 'application/json', responseJsonSchema: { type: 'object', properties } },
    });
    expect(JSON.parse(answer.text ?? '')).toEqual({ city: expect.any(String), people: 2 });
    const schema = { type: 'OBJECT', properties: { city: { type: 'STRING', nullable: true } }, required: ['city'] };
    const second = await plain(simulator, older, {
      contents: { parts: { text: 'Rome' } },
      generation_config: { response_mime_type: 'application/json', response_schema: schema },
    });
    expect(JSON.parse(textOf([second]))).toEqual({ city: 'Rome' });
    const mood = { responseMimeType: 'text/x.enum', responseSchema: { type: 'STRING', enum: ['glad', 'sad'] } };
    expect(textOf([await plain(simulator, older, ask('Mood?', mood))])).toBe('glad');
  });

  test('attached media is counted by modality', async () => {
    const { simulator } = start();
    const silence = Buffer.alloc(24_000 * 2 * 3).toString('base64');
    const answer = await plain(simulator, older, {
      contents: [
        {
          role: 'user',
          parts: [
            { text: 'Describe these.' },
            { inlineData: { mimeType: 'image/png', data: 'AAAA' } },
            { inlineData: { mimeType: 'audio/L16;rate=24000', data: silence } },
            {
              inlineData: {
                mimeType: 'application/pdf',
                data: Buffer.from('/Type /Page /Type/Page').toString('base64'),
              },
            },
            { fileData: { mimeType: 'video/mp4', fileUri: 'https://x.invalid/v.mp4' } },
          ],
        },
      ],
    });
    expect(answer.usageMetadata.promptTokensDetails).toEqual([
      { modality: 'TEXT', tokenCount: 5 },
      { modality: 'IMAGE', tokenCount: 258 },
      { modality: 'AUDIO', tokenCount: 96 },
      { modality: 'VIDEO', tokenCount: 15_780 },
      { modality: 'DOCUMENT', tokenCount: 516 },
    ]);
    expect(charges(simulator)).toMatchObject({
      input_text_tokens: 521,
      input_image_tokens: 258,
      input_audio_tokens: 96,
      input_video_tokens: 15_780,
    });
  });

  test('a long prefix seen before is billed as cached', async () => {
    const { simulator } = start();
    const body = ask('And now?', {}, { systemInstruction: { parts: [{ text: 'rule '.repeat(1000) }] } });
    const first = await plain(simulator, older, body);
    const second = await plain(simulator, older, body);
    expect(first.usageMetadata).not.toHaveProperty('cachedContentTokenCount');
    expect(second.usageMetadata).toMatchObject({
      cachedContentTokenCount: 1251,
      cacheTokensDetails: [{ modality: 'TEXT', tokenCount: 1251 }],
    });
    expect(charges(simulator)).toMatchObject({
      input_text_tokens: second.usageMetadata.promptTokenCount - 1251,
      cached_input_tokens: 1251,
    });
  });

  test('a blocked prompt is a 200 without candidates, and still costs', async () => {
    const { simulator, client } = start();
    const answer = await plain(simulator, flash, ask('[[blocked]] Bad things.'));
    expect(answer).toMatchObject({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' } });
    expect(answer).not.toHaveProperty('candidates');
    expect(charges(simulator)).toEqual({ input_text_tokens: answer.usageMetadata.promptTokenCount });
    expect((await streamed(simulator, flash, ask('[[blocked]] Bad things.'))).length).toBe(1);
    expect((await client.models.generateContent({ model: flash, contents: '[[blocked]]' })).text).toBeUndefined();
    const unsafe = await plain(simulator, flash, ask('[[safety]] Hm.'));
    expect(unsafe.candidates?.[0]).toMatchObject({ finishReason: 'SAFETY' });
  });
});

describe('functions', () => {
  const opening = { role: 'user', parts: [{ text: 'Use get_weather for Oslo, 3 days.' }] };
  const tools = [{ functionDeclarations: [weather] }];

  test('a round trip through the SDK with ids and signature', async () => {
    const { client } = start();
    const called = await client.models.generateContent({ model: flash, contents: [opening], config: { tools } });
    const [call] = called.functionCalls ?? [];
    expect(call).toMatchObject({ id: expect.any(String), name: 'get_weather', args: { days: 3 } });
    const turn = called.candidates?.[0]?.content ?? {};
    const answerWith = (content: object) =>
      client.models.generateContent({
        model: flash,
        contents: [
          opening,
          content,
          {
            role: 'user',
            parts: [{ functionResponse: { id: call?.id, name: 'get_weather', response: { output: 'Snow' } } }],
          },
        ],
        config: { tools },
      });
    expect((await answerWith(turn)).text).toBe('The tool says: Snow');
    const [part] = turn.parts ?? [];
    const echoed = (signature: string | undefined) =>
      answerWith({ role: 'model', parts: [{ functionCall: part?.functionCall, thoughtSignature: signature }] });
    await expect(echoed(undefined)).rejects.toThrow(/missing a thought_signature/);
    await expect(echoed('AAAA')).rejects.toThrow(/Corrupted thought signature/);
    const foreign = await start({ seed: 'another' }).client.models.generateContent({
      model: flash,
      contents: [opening],
      config: { tools },
    });
    await expect(echoed(foreign.candidates?.[0]?.content?.parts?.[0]?.thoughtSignature)).rejects.toThrow(/Corrupted/);
    expect((await echoed('skip_thought_signature_validator')).text).toContain('Snow');
  });

  test('text signatures are checked when they come back', async () => {
    const { simulator } = start();
    const first = await plain(simulator, flash, ask('Hello'));
    const again = (parts: unknown) => ({
      contents: [
        { role: 'user', parts: [{ text: 'Hello' }] },
        { role: 'model', parts },
        { role: 'user', parts: [{ text: 'More' }] },
      ] as JsonObject[],
    });
    await plain(simulator, flash, again(partsOf(first)));
    const bad = await post(simulator, `${flash}:generateContent`, again([{ text: 'Hi', thoughtSignature: 'Zm9v' }]));
    expect(bad.status).toBe(400);
  });

  test('modes, allowed names, parallel calls, streamed', async () => {
    const { simulator } = start();
    const both = [{ functionDeclarations: [weather, { ...weather, name: 'get_time' }] }];
    const names = async (text: string, calling?: JsonObject) => {
      const body = {
        ...ask(text),
        tools: both,
        ...(calling ? { toolConfig: { functionCallingConfig: calling } } : {}),
      };
      const [whole, chunks] = [await plain(simulator, flash, body), await streamed(simulator, flash, body)];
      const of = (answers: Answer[]) => answers.flatMap(partsOf).flatMap((part) => part.functionCall?.name ?? []);
      expect(of(chunks)).toEqual(of([whole]));
      return of([whole]);
    };
    expect(await names('Call get_weather and get_time')).toEqual(['get_weather', 'get_time']);
    expect(await names('Call get_weather', { mode: 'NONE' })).toEqual([]);
    expect(await names('Nothing.', { mode: 'ANY' })).toEqual(['get_weather']);
    expect(await names('Nothing.', { mode: 'ANY', allowedFunctionNames: ['get_time'] })).toEqual(['get_time']);
  });
});

describe('images', () => {
  test.each([
    ['gemini-3-pro-image', '16:9', '1K', 1376, 768, 1120],
    ['gemini-3-pro-image', '1:1', '2K', 2048, 2048, 1120],
    ['gemini-3.1-flash-image', '9:16', '512', 384, 688, 747],
    ['gemini-3.1-flash-image', '4:1', '1K', 2048, 512, 1120],
    ['gemini-3.1-flash-image', '4:3', '2K', 2400, 1792, 1680],
    ['gemini-nano-banana-2.1', '1:1', '1K', 1024, 1024, 1120],
    ['gemini-2.5-flash-image', '4:3', '1K', 1184, 864, 1290],
  ])('%s %s %s is %i×%i and %i tokens', async (model, aspectRatio, imageSize, width, height, tokens) => {
    const { simulator } = start();
    const config = { responseModalities: ['IMAGE'], imageConfig: { aspectRatio, imageSize } };
    const answer = await plain(simulator, model, ask('A red fox', config));
    const [part] = imagesOf(answer);
    expect(part?.inlineData?.mimeType).toBe('image/png');
    expect(decode(bytesOf(part))).toMatchObject({ width, height });
    expect(answer.usageMetadata).toMatchObject({
      candidatesTokenCount: tokens,
      candidatesTokensDetails: [{ modality: 'IMAGE', tokenCount: tokens }],
    });
    expect(charges(simulator).output_image_tokens).toBe(tokens);
  });

  test('through the SDK, with text beside, and an edit that keeps its shape', async () => {
    const { client, simulator } = start();
    const config = { imageConfig: { aspectRatio: '3:2' } };
    const first = await client.models.generateContent({ model: 'gemini-2.5-flash-image', contents: 'A fox', config });
    const parts = first.candidates?.[0]?.content?.parts ?? [];
    expect(parts.map((part) => Object.keys(part)[0])).toEqual(['text', 'inlineData']);
    expect(first.usageMetadata?.candidatesTokenCount).toBeGreaterThan(1290);
    expect(charges(simulator)).toMatchObject({
      output_image_tokens: 1290,
      output_text_tokens: (first.usageMetadata?.candidatesTokenCount ?? 0) - 1290,
    });
    const body: JsonObject = {
      contents: [{ role: 'user', parts: [{ text: 'Make it blue' }, parts[1] as unknown as JsonObject] }],
    };
    const edited = await plain(simulator, 'gemini-2.5-flash-image', body);
    expect(decode(bytesOf(imagesOf(edited)[0]))).toMatchObject({ width: 1248, height: 832 });
    expect(imagesOf(edited)[0]?.inlineData?.data).not.toBe(parts[1]?.inlineData?.data);
    expect(charges(simulator).input_image_tokens).toBe(258);
    const chunks = await streamed(simulator, 'gemini-2.5-flash-image', body);
    expect(chunks.flatMap(partsOf).find((part) => part.inlineData)).toEqual(imagesOf(edited)[0]);
    const refused = await plain(simulator, 'gemini-2.5-flash-image', ask('[[safety]]'));
    expect(refused.candidates?.[0]?.finishReason).toBe('IMAGE_SAFETY');
    expect(charges(simulator).output_image_tokens).toBeUndefined();
  });

  test.each<JsonObject>([{ imageSize: '4K' }, { imageSize: '1k' }, { aspectRatio: '1:8' }, { aspectRatio: '17:3' }])(
    'gemini-2.5-flash-image refuses %o',
    async (imageConfig) => {
      const { simulator } = start();
      const response = await post(simulator, 'gemini-2.5-flash-image:generateContent', ask('Fox', { imageConfig }));
      expect(response.status).toBe(400);
      expect(simulator.bill.calls).toEqual([]);
    },
  );
});

describe('audio', () => {
  const speaks = (voiceName: string) => ({ prebuiltVoiceConfig: { voiceName } });

  test('what is spoken can be transcribed', async () => {
    const { client, simulator } = start();
    const spoken = await client.models.generateContent({
      model: 'gemini-3.8-flash-tts',
      contents: 'Say cheerfully: Have a wonderful day, everyone!',
      config: { responseModalities: ['AUDIO'], speechConfig: { voiceConfig: speaks('Kore') } },
    });
    const [part] = spoken.candidates?.[0]?.content?.parts ?? [];
    expect(part?.inlineData?.mimeType).toBe('audio/L16;codec=pcm;rate=24000');
    const seconds = bytesOf(part).length / 2 / 24_000;
    expect(seconds).toBeGreaterThan(1);
    const tokens = Math.ceil(seconds * 25);
    expect(spoken.usageMetadata?.candidatesTokensDetails).toEqual([{ modality: 'AUDIO', tokenCount: tokens }]);
    expect(charges(simulator)).toMatchObject({ output_audio_tokens: tokens });
    const heard = (model: string, prompt: Part[]) =>
      client.models.generateContent({ model, contents: [{ role: 'user', parts: [...prompt, part as Part] }] });
    const words = 'Have a wonderful day, everyone!';
    expect((await heard('gemini-3.5-transcribe', [])).text).toBe(words);
    expect((await heard(flash, [{ text: 'Please transcribe this.' }])).text).toBe(words);
    expect(charges(simulator).input_audio_tokens).toBe(Math.ceil(seconds * 32));
    expect((await heard(flash, [{ text: 'Is it loud?' }])).text).not.toBe(words);
  });

  test('two speakers, streamed by the second', async () => {
    const { simulator } = start();
    const speakerVoiceConfigs = [
      { speaker: 'Joe', voiceConfig: speaks('Puck') },
      { speaker: 'Jane', voiceConfig: speaks('Leda') },
    ];
    const body = ask('TTS the following conversation:\nJoe: How are you today?\nJane: Very well, thank you.', {
      responseModalities: ['AUDIO'],
      speechConfig: { multiSpeakerVoiceConfig: { speakerVoiceConfigs } },
    });
    const whole = await plain(simulator, 'gemini-2.5-flash-preview-tts', body);
    const chunks = await streamed(simulator, 'gemini-2.5-flash-preview-tts', body);
    expect(chunks.length).toBeGreaterThan(1);
    const joined = Buffer.concat(chunks.flatMap(partsOf).map((part) => Buffer.from(bytesOf(part))));
    expect(joined.equals(Buffer.from(bytesOf(partsOf(whole)[0])))).toBe(true);
    expect(chunks.at(-1)?.usageMetadata).toEqual(whole.usageMetadata);
    const blob = { inlineData: { mimeType: 'audio/L16;rate=24000', data: joined.toString('base64') } };
    const heard = await plain(simulator, 'gemini-3.5-transcribe', { contents: [{ role: 'user', parts: [blob] }] });
    expect(textOf([heard])).toBe('How are you today? Very well, thank you.');
  });

  test('foreign audio gets a sentence about its length', async () => {
    const { simulator } = start();
    const blob = {
      inlineData: { mimeType: 'audio/L16;rate=16000', data: Buffer.alloc(16_000 * 2 * 7).toString('base64') },
    };
    const body = { contents: [{ role: 'user', parts: [blob, { text: 'Transcribe' }] }] };
    const heard = await plain(simulator, flash, body);
    expect(textOf([heard])).toMatch(/about 7 seconds/);
    expect(charges(simulator).input_audio_tokens).toBe(224);
  });

  test('songs last as long as asked and are billed each', async () => {
    const { client, simulator } = start();
    const make = async (model: string, contents: string) => {
      const answer = await client.models.generateContent({
        model,
        contents,
        config: { responseModalities: ['AUDIO', 'TEXT'] },
      });
      const parts = answer.candidates?.[0]?.content?.parts ?? [];
      const sound = parts.find((part) => part.inlineData);
      expect(parts.find((part) => part.text)?.text).toMatch(/Chorus/);
      expect(sound?.inlineData?.mimeType).toBe('audio/mpeg');
      const { format } = await parseBuffer(bytesOf(sound), { mimeType: 'audio/mpeg' }, { duration: true });
      expect(format.sampleRate).toBe(44_100);
      expect(answer.usageMetadata?.totalTokenCount).toBe(answer.usageMetadata?.promptTokenCount);
      expect(charges(simulator)).toEqual({ songs: 1 });
      return format.duration ?? 0;
    };
    expect(await make('lyria-3-clip-preview', 'A calm tune of 2 minutes')).toBeCloseTo(30, 0);
    expect(await make('lyria-3.5', 'A calm song of 90 seconds')).toBeCloseTo(90, 0);
    const chunks = await streamed(simulator, 'lyria-3-clip-preview', ask('Song'));
    expect(chunks.flatMap(partsOf).filter((part) => part.inlineData)).toHaveLength(1);
    expect(charges(simulator)).toEqual({ songs: 1 });
  });
});

describe('embeddings', () => {
  test('one, a batch and the asked dimensions', async () => {
    const { client, simulator } = start();
    const model = 'gemini-embedding-001';
    const contents = ['the cat sat on a mat', 'the cat sat on a rug', 'quarterly fiscal revenue'];
    const made = await client.models.embedContent({ model, contents, config: { outputDimensionality: 256 } });
    const vectors = made.embeddings?.map((one) => one.values ?? []) ?? [];
    expect(vectors.map((one) => one.length)).toEqual([256, 256, 256]);
    const cosine = (one: number[] = [], two: number[] = []) =>
      one.reduce((sum, value, at) => sum + value * two[at]!, 0);
    expect(cosine(vectors[0], vectors[0])).toBeCloseTo(1, 4);
    expect(cosine(vectors[0], vectors[1])).toBeGreaterThan(cosine(vectors[0], vectors[2]) + 0.3);
    const response = await post(simulator, `${model}:embedContent`, { content: { parts: [{ text: contents[0]! }] } });
    const single = (await response.json()) as { embedding: { values: number[] }; usageMetadata: Usage };
    valid('EmbedContentResponse', single);
    expect(single.embedding.values).toHaveLength(3072);
    expect(charges(simulator)).toEqual({ input_text_tokens: single.usageMetadata.promptTokenCount });
    const batch = await post(simulator, `${model}:batchEmbedContents`, {
      requests: contents.map((text) => ({ model: `models/${model}`, content: { parts: [{ text }] } })),
    });
    valid('BatchEmbedContentsResponse', await batch.json());
  });
});

describe('refusals', () => {
  const bad: [string, JsonObject, RegExp][] = [
    [
      'unknown field',
      ask('x', {}, { messages: [] }),
      /^Invalid JSON payload received. Unknown name "messages": Cannot find field\.$/,
    ],
    ['unknown nested field', ask('x', { max_tokens: 5 }), /Unknown name "max_tokens" at 'generation_config'/],
    ['wrong type', ask('x', { maxOutputTokens: 'many' }), /^Invalid value at 'generation_config.max_output_tokens'/],
    [
      'wrong enum',
      ask('x', { responseModalities: ['SMELL'] }),
      /^Invalid value at 'generation_config.response_modalities\[0\]'/,
    ],
    ['no contents', { contents: [] }, /contents is not specified/],
    ['no parts', { contents: [{ role: 'user', parts: [] }] }, /must not be empty/],
    ['empty part', { contents: [{ parts: [{}] }] }, /required oneof field 'data'/],
    ['wrong role', { contents: [{ role: 'assistant', parts: [{ text: 'x' }] }] }, /valid role/],
    ['bad base64', { contents: [{ parts: [{ inlineData: { mimeType: 'image/png', data: '***' } }] }] }, /Base64/],
    ['temperature', ask('x', { temperature: 3 }), /temperature/],
    ['schema without JSON', ask('x', { responseJsonSchema: { type: 'object' } }), /response_mime_type/],
    ['pictures from a text model', ask('x', { responseModalities: ['IMAGE'] }), /response modalities/],
    ['both thinking knobs', ask('x', { thinkingConfig: { thinkingBudget: 9, thinkingLevel: 'LOW' } }), /only one/],
    [
      'open object in parameters',
      ask(
        'x',
        {},
        {
          tools: [
            { functionDeclarations: [{ name: 'a', parameters: { type: 'OBJECT', additionalProperties: false } }] },
          ],
        },
      ),
      /Unknown name "additionalProperties" at 'tools\[0\]\.function_declarations\[0\]\.parameters'/,
    ],
    [
      'bad function name',
      ask('x', {}, { tools: [{ functionDeclarations: [{ name: '1 a' }] }] }),
      /Invalid function name/,
    ],
    [
      'ANY without functions',
      ask('x', {}, { toolConfig: { functionCallingConfig: { mode: 'ANY' } } }),
      /no function declarations/,
    ],
    [
      'unanswered call',
      {
        contents: [
          { role: 'user', parts: [{ text: 'x' }] },
          {
            role: 'model',
            parts: [{ functionCall: { name: 'a', args: {} }, thoughtSignature: 'skip_thought_signature_validator' }],
          },
          { role: 'user', parts: [{ text: 'y' }] },
        ],
      },
      /number of function response parts/,
    ],
  ];
  test.each(bad)('%s', async (_, body, message) => {
    const { simulator } = start();
    const response = await post(simulator, `${flash}:generateContent`, body);
    const answer = (await response.json()) as { error: { code: number; message: string; status: string } };
    expect(answer.error).toMatchObject({
      code: 400,
      status: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
    expect(response.status).toBe(400);
    expect(simulator.bill.calls).toEqual([]);
  });

  test('speech models want audio, no instruction and a known voice', async () => {
    const { simulator } = start();
    const status = async (body: JsonObject) =>
      (await post(simulator, 'gemini-3.8-flash-tts:generateContent', body)).status;
    const audio = { responseModalities: ['AUDIO'] };
    const voice = (voiceName: string) => ({ voiceConfig: { prebuiltVoiceConfig: { voiceName } } });
    expect(await status(ask('Hi', audio))).toBe(200);
    expect(await status(ask('Hi'))).toBe(400);
    expect(await status(ask('Hi', audio, { systemInstruction: { parts: [{ text: 'Be' }] } }))).toBe(400);
    expect(await status(ask('Hi', { ...audio, speechConfig: voice('Nobody') }))).toBe(400);
    expect(await status(ask('Hi', { ...audio, speechConfig: voice('zephyr') }))).toBe(200);
  });

  test('keys, models, JSON, paths', async () => {
    const { simulator, client } = start();
    const go = (path: string, body: unknown = ask('x'), headers?: Record<string, string>) =>
      post(simulator, path, body, headers);
    expect((await go(`${flash}:generateContent`, ask('x'), {})).status).toBe(403);
    expect((await go(`${flash}:generateContent?key=k`, ask('x'), {})).status).toBe(200);
    const refused = await go(`${flash}:generateContent`, ask('x'), { 'x-goog-api-key': 'invalid' });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { details: [{ reason: 'API_KEY_INVALID' }] } });
    expect((await go('gpt-5:generateContent')).status).toBe(404);
    expect((await go('gemini-embedding-001:generateContent')).status).toBe(404);
    expect((await go(`${flash}:embedContent`)).status).toBe(404);
    expect((await go(`${flash}:dance`)).status).toBe(404);
    expect((await go(`${flash}:generateContent`, '{"contents":')).status).toBe(400);
    expect((await go(`${flash}:generateContent`, '[]')).status).toBe(400);
    expect((await go(`${flash}:generateContent`, ask('x', {}, { cachedContent: 'cachedContents/a' }))).status).toBe(
      403,
    );
    await expect(client.models.generateContent({ model: 'gpt-5', contents: 'x' })).rejects.toMatchObject({
      status: 404,
    });
  });

  test('fields named x_ come back', async () => {
    const { simulator } = start();
    const response = await post(simulator, `${flash}:generateContent`, ask('Hi', {}, { x_trace: { a: 1 } }));
    expect(await response.json()).toMatchObject({ x_trace: { a: 1 } });
    const stream = await post(simulator, `${flash}:streamGenerateContent?alt=sse`, ask('Hi', {}, { x_trace: 1 }));
    expect(await stream.text()).toContain('"x_trace":1');
  });
});

describe('the rest', () => {
  test('models', async () => {
    const { client, simulator } = start();
    const names: (string | undefined)[] = [];
    for await (const one of await client.models.list({ config: { pageSize: 6 } })) names.push(one.name);
    expect(names).toContain(`models/${flash}`);
    expect(new Set(names).size).toBe(names.length);
    const headers = { 'x-goog-api-key': 'k' };
    const one = await simulator.fetch(`https://g.invalid/v1/models/${flash}`, { headers });
    valid('Model', await one.json());
    const all = await simulator.fetch('https://g.invalid/v1/models', { headers });
    valid('ListModelsResponse', await all.json());
    expect((await simulator.fetch('https://g.invalid/v1/models/gpt-5', { headers })).status).toBe(404);
    const counted = await post(simulator, `${flash}:countTokens`, { contents: ask('Hello').contents! });
    valid('CountTokensResponse', await counted.json());
  });

  test('a client that leaves is billed for what was written', async () => {
    const { simulator } = start({ paceMs: 1 });
    const body = ask(`Say exactly: ${'word '.repeat(200)}`);
    const response = await post(simulator, `${older}:streamGenerateContent?alt=sse`, body);
    const reader = response.body!.getReader();
    for (let read = 0; read < 10; read++) await reader.read();
    await reader.cancel();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(charges(simulator)).toMatchObject({ output_text_tokens: 10 });
  });

  test('faults wear the vendor’s envelope', async () => {
    const { simulator } = start({ faults: true });
    for (const [status, code] of [
      [429, 'RESOURCE_EXHAUSTED'],
      [500, 'INTERNAL'],
      [503, 'UNAVAILABLE'],
    ] as const) {
      simulator.faults.push(`status:${status}`);
      const response = await post(simulator, `${flash}:generateContent`, ask('x'));
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ error: { code: status, status: code } });
    }
    simulator.faults.push('cut:3');
    const cut = await post(simulator, `${flash}:streamGenerateContent?alt=sse`, ask('x'));
    expect((await cut.text()).match(/^data: /gm)).toHaveLength(3);
  });

  test('the same request gives the same bytes', async () => {
    const run = async (options: SimulatorOptions = {}) => {
      const { simulator } = start(options);
      const image = { responseModalities: ['IMAGE'] };
      return [
        await (await post(simulator, `${flash}:generateContent`, ask('Once'))).text(),
        await (await post(simulator, `${flash}:streamGenerateContent?alt=sse`, ask('Once'))).text(),
        await (await post(simulator, 'gemini-2.5-flash-image:generateContent', ask('Once', image))).text(),
      ];
    };
    const first = await run();
    expect(await run()).toEqual(first);
    expect((await run({ seed: 'another' }))[2]).not.toBe(first[2]);
  });
});
