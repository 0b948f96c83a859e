import Anthropic from '@anthropic-ai/sdk';
import { ElevenLabsClient } from '@elevenlabs/elevenlabs-js';
import { createFalClient } from '@fal-ai/client';
import { GoogleGenAI, Modality } from '@google/genai';
import { Mistral } from '@mistralai/mistralai';
import RunwayML from '@runwayml/sdk';
import { CohereClientV2 } from 'cohere-ai';
import Groq from 'groq-sdk';
import LumaAI from 'lumaai';
import OpenAI, { toFile } from 'openai';
import Replicate from 'replicate';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type SimulatorServer, startSimulators } from '../../providers/simulators/server.ts';
import { probe } from '../../src/meter/probe.ts';
import { hasSpecs, responsePointer, validator } from '../support/spec.ts';

// Every official SDK straight against the standalone server: what it reads, and, where the vendor publishes one, the schema of what was sent.

const words = 'the lamp is lit';
const prompt = `Say exactly: ${words}`;
const messages = [{ role: 'user' as const, content: prompt }];

let server: SimulatorServer;
beforeAll(async () => {
  server = await startSimulators();
  if (!hasSpecs) console.warn('../shared/specs is absent: answers are not held against the official descriptions.');
});
afterAll(() => server.close());
afterEach(() => server.journal.clear());

/** The last answer of a provider to a path, as it was sent, held against the vendor's description. */
function expectSent(spec: string, pointer: string, path: string | RegExp, change = (body: unknown) => body): void {
  const entry = server.journal
    .find({ path })
    .filter((one) => one.method === 'POST' || one.status === 200)
    .at(-1);
  expect(entry, `no answer to ${path}`).toBeDefined();
  expect(entry!.status).toBeLessThan(300);
  const body = JSON.parse(new TextDecoder().decode(entry!.answer));
  expect(validator(spec, pointer)?.(change(body))).toBeUndefined();
  expect(entry!.billed.length, 'billed').toBeGreaterThan(0);
}

const bytesOf = async (body: ReadableStream<Uint8Array> | Response | Blob) =>
  new Uint8Array(await (body instanceof ReadableStream ? new Response(body as BodyInit) : body).arrayBuffer());
const decode = (base64: string | undefined) => Uint8Array.from(atob(base64 ?? ''), (one) => one.charCodeAt(0));

describe('openai', () => {
  const open = () => new OpenAI({ apiKey: 'k', baseURL: server.env.OPENAI_BASE_URL, maxRetries: 0 });
  const sent = (path: string, type?: string) => expectSent('openai', responsePointer(path, 'post', 200, type), path);

  it('chat completions, plain and streamed', async () => {
    const asked = { model: 'gpt-5.5', messages };
    expect((await open().chat.completions.create(asked)).choices[0]!.message.content).toBe(words);
    sent('/chat/completions');
    const final = await open().chat.completions.stream(asked).finalChatCompletion();
    expect(final.choices[0]!.message.content).toBe(words);
  });

  it('responses, plain, streamed, and read again', async () => {
    const made = await open().responses.create({ model: 'gpt-5.5', input: prompt });
    expect(made.output_text).toBe(words);
    sent('/responses');
    expect((await open().responses.retrieve(made.id)).id).toBe(made.id);
    const final = await open().responses.stream({ model: 'gpt-5.5', input: prompt }).finalResponse();
    expect(final.output_text).toBe(words);
  });

  it('images: made, streamed and edited', async () => {
    const client = open();
    const asked = { model: 'gpt-image-2', prompt, size: '1024x1024' as const, quality: 'low' as const };
    const { data } = await client.images.generate(asked);
    const picture = decode(data?.[0]?.b64_json);
    expect(probe(picture)).toMatchObject({ width: 1024, height: 1024 });
    sent('/images/generations');
    const seen: string[] = [];
    for await (const event of await client.images.generate({ ...asked, stream: true, partial_images: 1 }))
      seen.push(event.type);
    expect(seen).toEqual(['image_generation.partial_image', 'image_generation.completed']);
    const edited = await client.images.edit({ ...asked, image: await toFile(picture, 'a.png', { type: 'image/png' }) });
    expect(probe(decode(edited.data?.[0]?.b64_json))).toMatchObject({ width: 1024 });
    sent('/images/edits');
  });

  it('speech, transcription, translation', async () => {
    const client = open();
    const spoken = await bytesOf(
      await client.audio.speech.create({ model: 'gpt-4o-mini-tts', voice: 'coral', input: words }),
    );
    const file = () => toFile(spoken, 'a.mp3');
    expect((await client.audio.transcriptions.create({ model: 'gpt-4o-transcribe', file: await file() })).text).toBe(
      words,
    );
    sent('/audio/transcriptions');
    expect((await client.audio.translations.create({ model: 'whisper-1', file: await file() })).text).toBe(words);
    sent('/audio/translations');
  });

  it('embeddings and moderations', async () => {
    const { data } = await open().embeddings.create({
      model: 'text-embedding-3-small',
      input: [words, prompt],
      dimensions: 16,
      encoding_format: 'float',
    });
    expect(data.map((one) => one.embedding.length)).toEqual([16, 16]);
    sent('/embeddings');
    expect((await open().moderations.create({ input: words })).results[0]!.flagged).toBe(false);
  });
});

describe('anthropic', () => {
  const open = () => new Anthropic({ apiKey: 'k', baseURL: server.env.ANTHROPIC_BASE_URL, maxRetries: 0 });

  it('messages, plain, streamed and counted', async () => {
    const asked = { model: 'claude-sonnet-5', max_tokens: 100, messages };
    expect((await open().messages.create(asked)).content.at(-1)).toMatchObject({ text: words });
    expectSent('anthropic', responsePointer('/v1/messages', 'post', 200), '/v1/messages');
    expect((await open().messages.stream(asked).finalMessage()).content.at(-1)).toMatchObject({ text: words });
    expect((await open().messages.countTokens({ model: asked.model, messages })).input_tokens).toBeGreaterThan(0);
  });
});

describe('@google/genai', () => {
  const open = (apiVersion?: string) =>
    new GoogleGenAI({
      apiKey: 'k',
      httpOptions: { baseUrl: server.env.GEMINI_BASE_URL, ...(apiVersion ? { apiVersion } : {}) },
    });
  const sent = (schema: string, path: string) =>
    expectSent('google-generativelanguage', `/components/schemas/${schema}`, path);

  it.each(['v1', 'v1beta'])('text over %s, plain, streamed and counted', async (version) => {
    const { models } = open(version);
    const asked = { model: 'gemini-3.8-flash', contents: prompt };
    expect((await models.generateContent(asked)).text).toBe(words);
    sent('GenerateContentResponse', ':generateContent');
    let text = '';
    for await (const chunk of await models.generateContentStream(asked)) text += chunk.text ?? '';
    expect(text).toBe(words);
    expect((await models.countTokens(asked)).totalTokens).toBeGreaterThan(0);
  });

  it('pictures, speech, embeddings', async () => {
    const { models } = open();
    const picture = await models.generateContent({
      model: 'gemini-3.1-flash-image',
      contents: 'a lamp',
      config: { responseModalities: [Modality.IMAGE] },
    });
    const data = picture.candidates?.[0]?.content?.parts?.find((part) => part.inlineData)?.inlineData?.data;
    expect(probe(decode(data))).toMatchObject({ width: expect.any(Number) });
    sent('GenerateContentResponse', ':generateContent');
    const speech = await models.generateContent({
      model: 'gemini-3.8-flash-tts',
      contents: words,
      config: {
        responseModalities: [Modality.AUDIO],
        speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
      },
    });
    const audio = speech.candidates?.[0]?.content?.parts?.[0]?.inlineData;
    expect(audio?.mimeType).toMatch(/^audio\/L16/i);
    expect(decode(audio?.data).length).toBeGreaterThan(10_000);
    const { embeddings } = await models.embedContent({
      model: 'gemini-embedding-001',
      contents: [words],
      config: { outputDimensionality: 8 },
    });
    expect(embeddings?.[0]?.values).toHaveLength(8);
  });
});

const musicgen = '671ac645ce5e552cc63a54a2bbff63fcf798043055d2dac5fc9e36a837eedcfb';

describe('replicate', () => {
  const open = () => new Replicate({ auth: 'k', baseUrl: server.env.REPLICATE_BASE_URL, useFileOutput: false });

  it('a picture and a song, followed to their ends', async () => {
    const client = open();
    const [picture] = (await client.run('black-forest-labs/flux-schnell', {
      input: { prompt, output_format: 'png' },
    })) as string[];
    expect(probe(await bytesOf(await fetch(picture!)))).toMatchObject({ width: 1024 });
    const named = (body: unknown) => ({ ...(body as object), version: 'a-version' });
    expectSent('replicate', '/components/schemas/schemas_prediction_response', '/predictions', named);
    const song = await client.predictions.create({ version: musicgen, input: { prompt, duration: 2 } });
    const ended = await client.wait(song, { interval: 10 });
    expect(ended.status).toBe('succeeded');
    expect(probe(await bytesOf(await fetch(String(ended.output))))).toMatchObject({ seconds: 2 });
  });
});

describe('@fal-ai/client', () => {
  const open = () =>
    createFalClient({
      credentials: 'a:b',
      requestMiddleware: async (request) => ({
        ...request,
        url: request.url.replace(/^https:\/\/(queue\.)?fal\.run/, server.env.FAL_BASE_URL!),
      }),
    });

  it('submit, status and result', async () => {
    const client = open();
    const { request_id: requestId } = await client.queue.submit('fal-ai/flux/dev', { input: { prompt } });
    let status = await client.queue.status('fal-ai/flux/dev', { requestId });
    while (status.status !== 'COMPLETED') status = await client.queue.status('fal-ai/flux/dev', { requestId });
    const { data } = await client.queue.result('fal-ai/flux/dev', { requestId });
    const [image] = (data as { images: { url: string; width: number }[] }).images;
    expect(probe(await bytesOf(await fetch(image!.url)))).toMatchObject({ width: image!.width });
    expect(server.simulators.get('fal')!.bill.calls.length).toBeGreaterThan(0);
  });
});

describe('@runwayml/sdk', () => {
  const open = () => new RunwayML({ apiKey: 'key_k', baseURL: server.env.RUNWAYML_BASE_URL, maxRetries: 0 });
  const image = 'https://example.com/a.png';
  const video = 'https://example.com/a.mp4';

  it.each([
    [
      'textToVideo',
      (client: RunwayML) =>
        client.textToVideo.create({ model: 'gen4.5', promptText: prompt, ratio: '1280:720', duration: 2 }),
    ],
    [
      'imageToVideo',
      (client: RunwayML) =>
        client.imageToVideo.create({ model: 'gen4_turbo', promptImage: image, ratio: '1280:720', duration: 2 }),
    ],
    [
      'videoToVideo',
      (client: RunwayML) =>
        client.videoToVideo.create({ model: 'aleph2', promptText: prompt, videoUri: video } as never),
    ],
    [
      'textToImage',
      (client: RunwayML) => client.textToImage.create({ model: 'gen4_image', promptText: prompt, ratio: '1024:1024' }),
    ],
    [
      'textToSpeech',
      (client: RunwayML) =>
        client.textToSpeech.create({
          model: 'eleven_multilingual_v2',
          promptText: words,
          voice: { type: 'runway-preset', presetId: 'Maya' },
        }),
    ],
    [
      'soundEffect',
      (client: RunwayML) =>
        client.soundEffect.create({ model: 'eleven_text_to_sound_v2', promptText: words, duration: 2 }),
    ],
  ] as const)('%s, looked at until it is done', async (_, create) => {
    const client = open();
    const { id } = await create(client);
    let task = await client.tasks.retrieve(id);
    while (task.status !== 'SUCCEEDED') task = await client.tasks.retrieve(id);
    expect(probe(await bytesOf(await fetch(task.output[0]!)))).toBeDefined();
    const entry = server.journal.find({ path: `/tasks/${id}` }).at(-1)!;
    const check = validator('runway', responsePointer('/v1/tasks/{id}', 'get', 200));
    expect(check?.(JSON.parse(new TextDecoder().decode(entry.answer)))).toBeUndefined();
  });
});

describe('lumaai', () => {
  const open = () => new LumaAI({ authToken: 'k', baseURL: server.env.LUMAAI_BASE_URL, maxRetries: 0 });

  it.each(['video', 'image'] as const)('%s, looked at until it is done', async (kind) => {
    const client = open();
    const made =
      kind === 'video'
        ? await client.generations.video.create({
            model: 'ray-flash-2',
            prompt,
            resolution: '540p',
            duration: '5s',
            aspect_ratio: '1:1',
          })
        : await client.generations.image.create({ model: 'photon-flash-1', prompt, aspect_ratio: '1:1' });
    let seen = await client.generations.get(made.id!);
    while (seen.state !== 'completed') seen = await client.generations.get(made.id!);
    expect(probe(await bytesOf(await fetch(seen.assets![kind]!)))).toBeDefined();
    const { request: _, ...rest } = seen as unknown as Record<string, unknown>;
    expect(validator('luma', responsePointer('/generations/{id}', 'get', 200))?.(rest)).toBeUndefined();
  });
});

describe('@elevenlabs/elevenlabs-js', () => {
  const voice = 'JBFqnCBsd6RMkjVDRZzb';
  const open = () => new ElevenLabsClient({ apiKey: 'k', baseUrl: server.env.ELEVENLABS_BASE_URL, maxRetries: 0 });

  it('speech, streamed, timed, and heard again', async () => {
    const client = open();
    const asked = { text: words, modelId: 'eleven_multilingual_v2' };
    const spoken = await bytesOf(await client.textToSpeech.convert(voice, asked));
    expect(await bytesOf(await client.textToSpeech.stream(voice, asked))).toEqual(spoken);
    const timed = await client.textToSpeech.convertWithTimestamps(voice, asked);
    expect(timed.alignment?.characters.join('')).toBe(words);
    const path = '/v1/text-to-speech/{voice_id}/with-timestamps';
    expectSent('elevenlabs', responsePointer(path, 'post', 200), /with-timestamps/);
    const heard = await client.speechToText.convert({ modelId: 'scribe_v1', file: new File([spoken], 'a.mp3') });
    expect(heard).toMatchObject({ text: words });
  });

  it('dialogue, music and sounds', async () => {
    const client = open();
    const dialogue = await client.textToDialogue.convert({ inputs: [{ text: words, voiceId: voice }] });
    expect((await bytesOf(dialogue)).length).toBeGreaterThan(100);
    const music = await bytesOf(await client.music.compose({ prompt, musicLengthMs: 10_000 }));
    expect(probe(music)?.seconds).toBeCloseTo(10, 0);
    const sound = await bytesOf(await client.textToSoundEffects.convert({ text: prompt, durationSeconds: 2 }));
    expect(probe(sound)?.seconds).toBeCloseTo(2, 0);
  });
});

describe('@mistralai/mistralai', () => {
  const open = () => new Mistral({ apiKey: 'k', serverURL: server.env.MISTRAL_BASE_URL!.replace(/\/v1$/, '') });
  // The description of a chat demands a field `data` that it does not describe.
  const sent = (path: string) =>
    expectSent('mistral', responsePointer(path, 'post', 200), path, (body) => ({
      ...(/completions$/.test(path) ? { data: [] } : {}),
      ...(body as object),
    }));

  it('chat, agents, and the middle of code, plain and streamed', async () => {
    const client = open();
    const asked = { model: 'mistral-medium-latest', messages };
    expect((await client.chat.complete(asked)).choices[0]!.message?.content).toBe(words);
    sent('/v1/chat/completions');
    let text = '';
    for await (const event of await client.chat.stream(asked)) text += event.data.choices[0]?.delta.content ?? '';
    expect(text).toBe(words);
    expect((await client.agents.complete({ agentId: 'ag:1', messages })).choices[0]!.message?.content).toBe(words);
    sent('/v1/agents/completions');
    expect((await client.fim.complete({ model: 'codestral-latest', prompt })).choices[0]!.message?.content).toBe(words);
    sent('/v1/fim/completions');
  });

  it('embeddings', async () => {
    const { data } = await open().embeddings.create({ model: 'mistral-embed', inputs: [words] });
    expect(data[0]!.embedding).toHaveLength(1024);
    sent('/v1/embeddings');
  });

  it('speech and transcription, plain and streamed', async () => {
    const client = open();
    const spoken = await client.audio.speech.complete({ input: words, voiceId: 'paul', responseFormat: 'wav' });
    const bytes = decode('audioData' in spoken ? spoken.audioData : undefined);
    expect(probe(bytes)?.seconds).toBeGreaterThan(0.5);
    sent('/v1/audio/speech');
    const file = { fileName: 'a.wav', content: bytes };
    const heard = await client.audio.transcriptions.complete({ model: 'voxtral-mini-latest', file });
    expect(heard.text).toMatch(/^(the lamp is lit|This recording is)/);
    sent('/v1/audio/transcriptions');
    let text = '';
    for await (const { data } of await client.audio.transcriptions.stream({ model: 'voxtral-mini-latest', file })) {
      if (data.type === 'transcription.text.delta') text += data.text;
    }
    expect(text).toBe(heard.text);
  });
});

describe('groq-sdk', () => {
  const open = () =>
    new Groq({ apiKey: 'k', baseURL: server.env.GROQ_BASE_URL!.replace(/\/openai\/v1$/, ''), maxRetries: 0 });
  const sent = (path: string) => expectSent('groq', responsePointer(path, 'post', 200), path);

  it('chat, plain and streamed', async () => {
    const client = open();
    const asked = { model: 'openai/gpt-oss-120b', messages };
    expect((await client.chat.completions.create(asked)).choices[0]!.message.content).toBe(words);
    sent('/openai/v1/chat/completions');
    let text = '';
    for await (const chunk of await client.chat.completions.create({ ...asked, stream: true }))
      text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe(words);
  });

  it('speech, transcription, translation', async () => {
    const client = open();
    const spoken = await bytesOf(
      await client.audio.speech.create({
        model: 'canopylabs/orpheus-v1-english',
        voice: 'autumn',
        input: words,
        response_format: 'mp3',
      }),
    );
    const file = () => new File([spoken], 'a.mp3');
    expect((await client.audio.transcriptions.create({ model: 'whisper-large-v3', file: file() })).text).toBe(words);
    sent('/openai/v1/audio/transcriptions');
    expect((await client.audio.translations.create({ model: 'whisper-large-v3', file: file() })).text).toBe(words);
    sent('/openai/v1/audio/translations');
  });
});

describe('cohere-ai', () => {
  const open = () => new CohereClientV2({ token: 'k', baseUrl: `${server.url}/cohere` } as never);
  const model = 'command-a-03-2025';
  const tools = [
    {
      type: 'function' as const,
      function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
    },
  ];

  it('chat, plain and streamed', async () => {
    const client = open();
    const plain = await client.chat({ model, messages });
    expect(plain.message.content?.[0]).toEqual({ type: 'text', text: words });
    expectSent('cohere', '/components/schemas/ChatResponseV2', '/v2/chat');
    let text = '';
    const seen = new Set<string>();
    for await (const event of await client.chatStream({ model, messages })) {
      seen.add(event.type ?? '');
      if (event.type === 'content-delta') text += event.delta?.message?.content?.text ?? '';
      if (event.type === 'message-end')
        expect(event.delta).toMatchObject({ finishReason: 'COMPLETE', usage: plain.usage! });
    }
    expect(text).toBe(words);
    expect([...seen]).toEqual(['message-start', 'content-start', 'content-delta', 'content-end', 'message-end']);
  });

  it('tools, plain and streamed', async () => {
    const client = open();
    const asked = { model, tools, messages: [{ role: 'user' as const, content: 'Use get_weather for Paris' }] };
    const plain = await client.chat(asked);
    expect(plain).toMatchObject({
      finishReason: 'TOOL_CALL',
      message: { toolCalls: [{ function: { name: 'get_weather' } }] },
    });
    expectSent('cohere', '/components/schemas/ChatResponseV2', '/v2/chat');
    let written = '';
    for await (const event of await client.chatStream(asked)) {
      if (event.type === 'tool-call-delta') written += event.delta?.message?.toolCalls?.function?.arguments ?? '';
    }
    expect(written).toBe(plain.message.toolCalls![0]!.function!.arguments);
    const result = { role: 'tool' as const, toolCallId: plain.message.toolCalls![0]!.id, content: 'rain' };
    const after = await client.chat({
      ...asked,
      messages: [
        ...asked.messages,
        { role: 'assistant', toolCalls: plain.message.toolCalls!, toolPlan: plain.message.toolPlan! },
        result,
      ],
    });
    expect(after.message.content?.[0]).toMatchObject({ text: 'The tool says: rain' });
  });

  it('embeddings and ranking', async () => {
    const client = open();
    const asked = {
      model: 'embed-v4.0',
      inputType: 'search_document' as const,
      embeddingTypes: ['float' as const, 'int8' as const],
      outputDimension: 256,
    };
    const { embeddings } = await client.embed({ ...asked, texts: [words, prompt] });
    expect([embeddings.float?.map((one) => one.length), embeddings.int8?.[0]?.length]).toEqual([[256, 256], 256]);
    // The description demands a field `api_version` that it describes inside `meta`.
    expectSent('cohere', '/components/schemas/EmbedByTypeResponse', '/v2/embed', (body) => ({
      api_version: '2',
      ...(body as object),
    }));
    const ranked = await client.rerank({
      model: 'rerank-v3.5',
      query: 'lamp lit',
      documents: ['a boat', words],
      topN: 1,
    });
    expect(ranked.results).toMatchObject([{ index: 1, relevanceScore: 1 }]);
    expectSent('cohere', responsePointer('/v2/rerank', 'post', 200), '/v2/rerank');
  });

  it('refusals in its own envelope', async () => {
    await expect(open().embed({ model: 'embed-v4.0', inputType: 'search_document' })).rejects.toMatchObject({
      statusCode: 400,
      body: { message: expect.stringContaining('texts') },
    });
  });
});
