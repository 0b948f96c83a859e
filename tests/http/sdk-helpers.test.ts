import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { GoogleGenAI, Type } from '@google/genai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf } from './doors.ts';

const question = 'The weather in Oslo?';
const inputSchema = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'] as const,
  additionalProperties: false as const,
};

/** The official SDKs' own loops and helpers, which rebuild messages as they see fit, in front of other providers' models. */
describe('helpers of the official SDKs', () => {
  let gateway: RunningGateway;
  let openai: OpenAI;
  let anthropic: Anthropic;
  let google: GoogleGenAI;
  const { post, spent } = clientOf(() => gateway);

  beforeAll(async () => {
    gateway = await startGateway();
    const apiKey = gateway.appKey;
    openai = new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    anthropic = new Anthropic({ apiKey, baseURL: gateway.url, maxRetries: 0 });
    google = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: gateway.url } });
  });
  afterAll(() => gateway.close());

  it.each(['openai/gpt-5.5', 'anthropic/claude-sonnet-5', 'google/gemini-3.8-flash'])(
    'openai runTools ends with %s, although it drops fields that it does not know',
    async (model) => {
      const runner = openai.chat.completions.runTools({
        model,
        messages: [{ role: 'user', content: question }],
        tools: [
          {
            type: 'function',
            function: {
              name: 'get_weather',
              description: 'The weather of a city.',
              parameters: { ...inputSchema, required: ['city'] },
              function: (text: string) => `rain in ${at(JSON.parse(text), 'city') ? 'Oslo' : 'nowhere'}`,
            },
          },
        ],
      });
      expect(await runner.finalContent()).toBe('The tool says: rain in Oslo');
    },
  );

  it.each(['anthropic/claude-sonnet-5', 'openai/gpt-5.5', 'google/gemini-3.8-flash', 'mistral/mistral-large-2512'])(
    'the Anthropic tool runner goes on without a message thread with %s',
    async (model) => {
      const message = await anthropic.beta.messages.toolRunner({
        model,
        max_tokens: 500,
        messages: [{ role: 'user', content: question }],
        tools: [betaTool({ name: 'get_weather', description: 'x', inputSchema, run: () => 'snow' })],
      });
      expect(JSON.stringify(message.content)).toContain('The tool says: snow');
      const before = await spent();
      const thread = anthropic.beta.messages.thread({ model, max_tokens: 100 });
      await expect(thread.send({ role: 'user', content: 'hi' })).rejects.toMatchObject({
        status: 400,
        error: { error: { details: { error_code: 'thread_unsupported_request' } } },
      });
      expect(await spent()).toBe(before);
    },
  );

  it('a Gemini response schema reaches Claude closed', async () => {
    const answer = await google.models.generateContent({
      model: 'anthropic/claude-sonnet-5',
      contents: 'Say',
      config: {
        responseMimeType: 'application/json',
        responseSchema: {
          type: Type.OBJECT,
          properties: {
            name: { type: Type.STRING, minLength: '1' },
            parts: { type: Type.ARRAY, items: { type: Type.STRING } },
          },
          required: ['name', 'parts'],
        },
      },
    });
    expect(Object.keys(JSON.parse(answer.text ?? '')).sort()).toEqual(['name', 'parts']);
  });

  it('token ids are embedded where the model takes them, and billed by their number', async () => {
    const model = 'openai/text-embedding-3-small';
    const several = await openai.embeddings.create({ model, input: [[1, 2, 3], [4]], dimensions: 4 });
    expect(several.data.map(({ embedding }) => embedding.length)).toEqual([4, 4]);
    expect(several.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
    expect((await openai.embeddings.create({ model, input: [7, 8] })).data).toHaveLength(1);
    const before = await spent();
    await expect(
      openai.embeddings.create({ model: 'google/gemini-embedding-001', input: [[1, 2]] }),
    ).rejects.toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'input' });
    for (const wrong of [
      { input: [[1], 'x'] },
      { input: [-1] },
      { input: [[]] },
      { input: [] },
      { input: Array(2049).fill('x') },
      { input: 'x', dimensions: '8' },
      { input: 'x', dimensions: 0.5 },
      { input: 'x', encoding_format: 'hex' },
      { input: 'x', user: 5 },
    ]) {
      const { status, body } = await post('/v1/embeddings', { model, ...wrong });
      expect(status, JSON.stringify(wrong).slice(0, 60)).toBe(400);
      expect(at(body, 'error', 'param')).toBe(Object.keys(wrong).at(-1));
    }
    expect(await spent()).toBe(before);
  });

  it('tokens are counted by the provider that will read them, whatever the door', async () => {
    const words = 'hello there you';
    const messages = [{ role: 'user' as const, content: words }];
    const claude = await anthropic.messages.countTokens({ model: 'anthropic/claude-sonnet-5', messages });
    const fromGoogle = await google.models.countTokens({ model: 'anthropic/claude-sonnet-5', contents: words });
    expect(fromGoogle.totalTokens).toBe(claude.input_tokens);
    const gemini = await google.models.countTokens({ model: 'google/gemini-3.8-flash', contents: words });
    const fromAnthropic = await anthropic.messages
      .countTokens({ model: 'google/gemini-3.8-flash', messages })
      .withResponse();
    expect(fromAnthropic.data.input_tokens).toBe(gemini.totalTokens);
    expect(fromAnthropic.response.headers.get('x-atelier-warnings')).toBeNull();
    const guessed = await anthropic.messages.countTokens({ model: 'openai/gpt-5.5', messages }).withResponse();
    expect(guessed.response.headers.get('x-atelier-warnings')).toContain('estimate');
  });

  it('a batch of embeddings that differ is refused by its field, and a limit of money holds', async () => {
    const path = '/v1beta/models/openai/text-embedding-3-small:batchEmbedContents';
    const request = (outputDimensionality: number) => ({ content: { parts: [{ text: 'x' }] }, outputDimensionality });
    const mixed = await post(path, { requests: [request(8), request(16)] });
    expect(mixed.status).toBe(400);
    expect(mixed.text).toContain('outputDimensionality');
    const headers = { 'x-atelier-max-cost-usd': '0.000000000001' };
    const dear = await post(path, { requests: [request(8)] }, { headers });
    expect([dear.status, dear.headers.get('x-atelier-error-code')]).toEqual([402, 'budget_exhausted']);
  });

  it('a path that is no text is not found', async () => {
    const { status, headers } = await post('/v1beta/models/%E0%A4%A:generateContent', { contents: [] });
    expect([status, headers.get('x-atelier-error-code')]).toEqual([404, 'model_not_found']);
  });

  it.each(['/v1/images/generations', '/v1/audio/speech', '/v1/audio/transcriptions'])(
    '%s refuses what is nested too deeply, and names fields by its own words',
    async (path) => {
      const deep = await post(path, `{"a":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`);
      expect([deep.status, deep.headers.get('x-atelier-error-code')]).toEqual([400, 'invalid_request']);
      const bare = await post(path, {});
      const param = String(at(bare.body, 'error', 'param'));
      expect(String(at(bare.body, 'error', 'message'))).toBe(`${param} is required.`);
    },
  );

  it("genai speaks by generateContent, as Google's own speech models do", async () => {
    const before = await spent();
    const answer = await google.models.generateContent({
      model: 'gemini-3.8-flash-tts',
      contents: 'Good evening.',
      config: {
        responseModalities: ['AUDIO'],
        speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
      },
    });
    const inline = answer.candidates?.[0]?.content?.parts?.[0]?.inlineData;
    expect(inline?.mimeType).toMatch(/^audio\//);
    expect(Buffer.from(inline?.data ?? '', 'base64').length).toBeGreaterThan(10_000);
    expect(await spent()).not.toEqual(before);
    const chat = await post('/v1/chat/completions', {
      model: 'google/gemini-3.8-flash-tts',
      messages: [{ role: 'user', content: 'Good evening.' }],
    });
    expect([chat.status, at(chat.body, 'error', 'code')]).toEqual([400, 'modality_mismatch']);
  });
});
