import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Event,
  GatewayError,
  type Json,
  type JsonObject,
  type Message,
  type Part,
  type SseFrame,
  type TextAnswer,
  type TextRequest,
} from '../../src/contract/index.ts';
import { foldEvents, unfoldAnswer } from '../../src/dialects/fold.ts';
import { unsigned } from '../../src/dialects/gemini/parts.ts';
import { gemini } from '../../src/dialects/gemini.ts';
import { readSse, writeSse } from '../../src/dialects/sse.ts';
import { hasSpecs, validator } from '../support/spec.ts';
import { bytes, collect, count, cutAt, each, id, schema, some, text, textPart, toolCall, word } from './arbitrary.ts';

const { readRequest, writeRequest, readResponse, writeResponse, readEvents, writeEvents, readError, writeError, scan } =
  gemini;
const owner = 'gemini' as const;
const schemaOf = (name: string) => validator('google-generativelanguage', `/components/schemas/${name}`);
const clean = (name: string, value: unknown) => expect(schemaOf(name)?.(value)).toBeUndefined();
const copy = (value: unknown): Json => JSON.parse(JSON.stringify(value));
const stream = (...chunks: JsonObject[]) => each(chunks.map((chunk): SseFrame => ({ data: JSON.stringify(chunk) })));
const read = (...chunks: JsonObject[]) => collect(readEvents(stream(...chunks)));
const context = { model: 'gemini-3.8-flash' };

/** Signatures are base64 on this wire. */
const signature = word.map((data) => btoa(data));
const signed = (part: fc.Arbitrary<Part>) =>
  fc.tuple(part, signature).map(([whole, data]) => ({ ...whole, opaque: { owner, data } }) as Part);
const thought = text.map((value): Part => ({ type: 'reasoning', text: value }));
const picture = fc.oneof(
  bytes.map((content): Part => ({ type: 'asset', asset: { mediaType: 'image/png', bytes: content } })),
  bytes.map(
    (content): Part => ({
      type: 'asset',
      asset: { mediaType: 'video/mp4', bytes: content },
      opaque: { owner, data: { videoMetadata: { fps: 2 }, mediaResolution: { level: 'MEDIA_RESOLUTION_LOW' } } },
    }),
  ),
  fc.constant<Part>({ type: 'asset', asset: { mediaType: 'application/pdf', url: 'https://example.com/a.pdf' } }),
);
const code: Part = {
  type: 'other',
  dialect: owner,
  data: { executableCode: { language: 'PYTHON', code: 'print(1)' } },
};
const resultWords = fc.oneof(text, fc.constantFrom('{"a":1,"b":["x"]}', '{"output":"x"}', '{ "spaced": 1', '[1]'));
const result = fc
  .tuple(id, word, fc.option(resultWords, { nil: undefined }), fc.array(picture, { maxLength: 1 }), fc.boolean())
  .map(
    ([call, name, words, files, failed]): Message => ({
      role: 'tool',
      parts: [
        {
          type: 'tool_result',
          id: call,
          name,
          content: [...(words === undefined ? [] : [{ type: 'text' as const, text: words }]), ...files],
          ...(failed && words !== undefined ? { isError: true } : {}),
        },
      ],
    }),
  );
const userPart = fc.oneof(textPart, signed(textPart), picture, fc.constant(code));
const modelPart = fc.oneof(
  textPart,
  thought,
  toolCall,
  signed(textPart),
  signed(thought),
  signed(toolCall),
  picture,
  fc.constant(code),
);
const turns = fc.oneof(
  fc.array(userPart, { minLength: 1, maxLength: 3 }).map((parts): Message[] => [{ role: 'user', parts }]),
  fc.array(modelPart, { minLength: 1, maxLength: 4 }).map((parts): Message[] => [{ role: 'assistant', parts }]),
  fc.array(result, { minLength: 1, maxLength: 3 }),
);
const conversation = fc
  .tuple(
    fc.option(fc.array(textPart, { minLength: 1, maxLength: 2 }), { nil: undefined }),
    fc.array(turns, { minLength: 1, maxLength: 5 }),
  )
  .map(([system, list]): Message[] => [
    ...(system ? [{ role: 'system' as const, parts: system }] : []),
    ...list.flat(),
  ]);

const declared = fc.record(
  { type: fc.constant('function' as const), name: word, description: text, parameters: schema },
  { requiredKeys: ['type', 'name'], noNullPrototype: true },
);
const request = fc
  .tuple(
    fc.record({ model: word, messages: conversation }),
    some<Omit<TextRequest, 'model' | 'messages'>>({
      stream: fc.boolean(),
      maxOutputTokens: count,
      temperature: fc.constantFrom(0, 0.5, 2),
      topP: fc.constantFrom(0.1, 1),
      topK: fc.nat({ max: 100 }),
      stop: fc.array(word, { minLength: 1, maxLength: 3 }),
      seed: fc.nat({ max: 1000 }),
      n: fc.integer({ min: 1, max: 8 }),
      frequencyPenalty: fc.constantFrom(-1, 0, 0.5),
      presencePenalty: fc.constantFrom(-1, 0, 0.5),
      logprobs: fc.oneof(fc.constant({}), fc.record({ top: fc.nat({ max: 20 }) })),
      tools: fc
        .tuple(fc.array(declared, { minLength: 1, maxLength: 3 }), fc.boolean())
        .map(([functions, search]) => [
          ...functions,
          ...(search ? [{ type: 'other' as const, dialect: owner, data: { googleSearch: {} } }] : []),
        ]),
      toolChoice: fc.oneof(fc.constantFrom('auto', 'none', 'required' as const), fc.record({ name: word })),
      output: fc.oneof(
        fc.constantFrom({ type: 'text' as const }, { type: 'json' as const }),
        schema.map((value) => ({ type: 'json_schema' as const, schema: value })),
      ),
      reasoning: fc.oneof(
        fc.record(
          { effort: fc.constantFrom('none', 'minimal', 'low', 'medium', 'high' as const), include: fc.boolean() },
          { requiredKeys: [], noNullPrototype: true },
        ),
        fc.record({ budgetTokens: fc.integer({ min: -1, max: 9999 }).filter((budget) => budget !== 0) }),
      ),
      serviceTier: fc.constantFrom('standard', 'flex', 'priority'),
      extra: fc.constant({
        dialect: owner,
        params: {
          safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }],
          generationConfig: { responseModalities: ['TEXT'], thing: 1 },
          toolConfig: { functionCallingConfig: { mode: 'VALIDATED' } },
          future: { of: 'tomorrow' },
        },
      }),
    }),
  )
  .map(([needed, more]): TextRequest => {
    const value: TextRequest = { ...needed, ...more };
    // VALIDATED is laid over whatever was chosen and reads as auto
    return value.extra ? { ...value, toolChoice: 'auto' } : value;
  });

const rawUsage = fc
  .record({ prompt: count, tool: count, cached: count, answer: count, thoughts: count })
  .map(({ prompt, tool, cached, answer, thoughts }) => ({
    counts: { input: prompt + tool, cachedInput: cached, output: answer + thoughts, reasoning: thoughts },
    rawUsage: {
      promptTokenCount: prompt,
      toolUsePromptTokenCount: tool,
      cachedContentTokenCount: cached,
      candidatesTokenCount: answer,
      thoughtsTokenCount: thoughts,
      totalTokenCount: prompt + tool + answer + thoughts,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: prompt }],
    },
  }));
/** Two unsigned texts in a row are one in a stream: the dialect cannot tell them apart there. */
const apart = (parts: Part[]) =>
  parts.filter((part, index) => {
    const before = parts[index - 1];
    return !before || before.type !== part.type || (part.type !== 'text' && part.type !== 'reasoning');
  });
const choice = fc
  .tuple(
    fc.array(modelPart, { maxLength: 5 }),
    fc.constantFrom(
      ['STOP', 'stop'] as const,
      ['MAX_TOKENS', 'length'] as const,
      ['SAFETY', 'content_filter'] as const,
      ['MALFORMED_FUNCTION_CALL', 'other'] as const,
    ),
    fc.option(fc.array(fc.tuple(word, fc.constantFrom(-0.5, -2)), { minLength: 1, maxLength: 3 }), { nil: undefined }),
  )
  .map(([list, [rawFinish, finish], tokens]): TextAnswer['choices'][number] => {
    const parts = apart(list);
    const calls = rawFinish === 'STOP' && parts.some((part) => part.type === 'tool_call');
    const content = tokens?.map(([token, logprob]) => ({
      token,
      logprob,
      bytes: null,
      top_logprobs: [{ token, logprob, bytes: null, token_id: 5 }],
    }));
    return { parts, finish: calls ? 'tool_calls' : finish, rawFinish, ...(content ? { logprobs: { content } } : {}) };
  });
const answer = fc
  .tuple(
    fc.record({ id, model: word, choices: fc.array(choice, { minLength: 1, maxLength: 3 }) }),
    fc.option(rawUsage, { nil: undefined }),
    fc.boolean(),
  )
  .map(([needed, figures, rated]): TextAnswer => {
    const params = { candidates: { 0: { safetyRatings: [], avgLogprobs: -0.1 } }, future: 1 };
    return { ...needed, ...figures, ...(rated ? { extra: { dialect: owner, params } } : {}) };
  });

describe('laws', () => {
  test('read(write(x)) = x on requests, without a warning and valid to the vendor', () => {
    fc.assert(
      fc.property(request, (value) => {
        const { body, warnings } = writeRequest(value);
        expect(warnings).toEqual([]);
        clean('GenerateContentRequest', body);
        const { model, stream: streamed } = value;
        const asked = { model, ...(streamed === undefined ? {} : { stream: streamed }) };
        expect(readRequest(copy(body), asked)).toEqual(value);
      }),
    );
  });

  test('read(write(x)) = x on answers, valid to the vendor', () => {
    fc.assert(
      fc.property(answer, (value) => {
        const body = copy(writeResponse(value));
        clean('GenerateContentResponse', body);
        expect(readResponse(body)).toEqual(value);
      }),
    );
  });

  test('the fold of a stream equals the plain answer, however its bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(answer, fc.array(fc.nat(), { maxLength: 30 }), async (value, places) => {
        const frames = await collect(writeEvents(each(unfoldAnswer(value))));
        for (const { event, data } of frames) {
          clean('GenerateContentResponse', JSON.parse(data));
          expect(event).toBeUndefined();
        }
        const usage = frames.map(({ data }) => JSON.parse(data).usageMetadata);
        expect(usage.slice(0, -1).every((found) => found === undefined)).toBe(true);
        expect(usage.at(-1)).toEqual(value.rawUsage);
        const wire = new TextEncoder().encode(frames.map(writeSse).join(''));
        const events = await collect(readEvents(readSse(each(cutAt(wire, places)))));
        expect(await foldEvents(events)).toEqual(value);
        const again = await collect(readEvents(writeEvents(each(events))));
        const parts = (list: Event[]) =>
          list.filter((event) => event.type.startsWith('part_') || event.type === 'finish');
        expect(parts(again)).toEqual(parts(events));
        expect(await foldEvents(again)).toEqual(value);
      }),
    );
  });

  test.skipIf(!hasSpecs)('the vendor description is there and refuses nonsense', () => {
    expect(schemaOf('GenerateContentRequest')?.({ contents: 'x' })).toBeTypeOf('string');
    expect(schemaOf('GenerateContentResponse')?.({ candidates: [{ finishReason: 'NONSENSE' }] })).toBeTypeOf('string');
  });
});

describe('requests', () => {
  test('reads both spellings, both kinds of schema, and calls without ids', () => {
    const request = readRequest(
      {
        system_instruction: { parts: [{ text: 'Be brief.' }] },
        contents: [
          { parts: [{ text: 'Look' }, { inline_data: { mime_type: 'image/png', data: 'iVBORw0KGgo=' } }] },
          {
            role: 'model',
            parts: [
              { functionCall: { name: 'f', args: { snake_case: 1 } }, thoughtSignature: 'c2ln' },
              { functionCall: { name: 'g' } },
              { functionCall: { name: 'f', args: {} } },
            ],
          },
          {
            role: 'user',
            parts: [
              { functionResponse: { name: 'g', response: { output: 'from g' } } },
              { functionResponse: { name: 'f', response: { temperature: 21 } } },
              { functionResponse: { name: 'f', response: { error: 'no' }, scheduling: 'SILENT' } },
            ],
          },
        ],
        tools: [
          { google_search: {} },
          {
            functionDeclarations: [
              {
                name: 'f',
                parameters: {
                  type: 'OBJECT',
                  properties: {
                    type: { type: 'STRING', nullable: true },
                    list: { type: 'ARRAY', items: { type: 'INTEGER' }, minItems: '1' },
                  },
                },
                behavior: 'BLOCKING',
              },
              { name: 'g', parametersJsonSchema: { type: 'object' } },
            ],
          },
        ],
        toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] } },
        generation_config: {
          max_output_tokens: 5,
          thinking_config: { thinking_level: 'HIGH', include_thoughts: true },
        },
      },
      { ...context, stream: true },
    );
    expect(request).toMatchObject({
      model: 'gemini-3.8-flash',
      stream: true,
      maxOutputTokens: 5,
      reasoning: { effort: 'high', include: true },
      toolChoice: { name: 'f' },
      tools: [
        { type: 'other', data: { googleSearch: {} } },
        {
          name: 'f',
          parameters: {
            type: 'object',
            properties: {
              type: { type: ['string', 'null'] },
              list: { type: 'array', items: { type: 'integer' }, minItems: 1 },
            },
          },
        },
        { name: 'g', parameters: { type: 'object' } },
      ],
    });
    expect(request.messages.map((message) => message.role)).toEqual([
      'system',
      'user',
      'assistant',
      'tool',
      'tool',
      'tool',
    ]);
    expect(request.messages[1]?.parts[1]).toMatchObject({ type: 'asset', asset: { mediaType: 'image/png' } });
    expect(request.messages[2]?.parts).toEqual([
      { type: 'tool_call', id: 'call_0', name: 'f', arguments: '{"snake_case":1}', opaque: { owner, data: 'c2ln' } },
      { type: 'tool_call', id: 'call_1', name: 'g', arguments: '{}' },
      { type: 'tool_call', id: 'call_2', name: 'f', arguments: '{}' },
    ]);
    expect(request.messages.slice(3).map((message) => message.parts[0])).toMatchObject([
      { id: 'call_1', content: [{ text: 'from g' }] },
      { id: 'call_0', content: [{ text: '{"temperature":21}' }] },
      { id: 'call_2', content: [{ text: 'no' }], isError: true },
    ]);
    const { body } = writeRequest(request);
    clean('GenerateContentRequest', body);
    expect((body.contents as Json[])[2]).toEqual({
      role: 'user',
      parts: [
        { functionResponse: { id: 'call_1', name: 'g', response: { output: 'from g' } } },
        { functionResponse: { id: 'call_0', name: 'f', response: { temperature: 21 } } },
        { functionResponse: { id: 'call_2', name: 'f', response: { error: 'no' }, scheduling: 'SILENT' } },
      ],
    });
    expect((body.tools as JsonObject[])[0]?.functionDeclarations).toMatchObject([
      { name: 'f', behavior: 'BLOCKING' },
      { name: 'g' },
    ]);
  });

  test('keeps what only Google knows: uploaded files, several allowed names, other forms of output', () => {
    const body: JsonObject = {
      contents: [
        {
          role: 'user',
          parts: [
            {
              fileData: { fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/a', mimeType: 'video/mp4' },
            },
          ],
        },
      ],
      toolConfig: {
        functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['a', 'b'] },
        retrievalConfig: { languageCode: 'de' },
      },
      generationConfig: {
        responseMimeType: 'text/x.enum',
        responseSchema: { type: 'STRING', enum: ['a'] },
        speechConfig: {},
      },
      cachedContent: 'cachedContents/1',
      labels: { team: 'a' },
    };
    const request = readRequest(body, context);
    expect(request.messages[0]?.parts[0]).toMatchObject({ type: 'other', dialect: owner });
    expect(writeRequest(request)).toEqual({ body, warnings: [] });
  });

  test('names the field at fault', () => {
    const param = (body: Json, asked: { model?: string } = context) => {
      try {
        readRequest(body, asked);
      } catch (error) {
        return error instanceof GatewayError && error.code === 'invalid_request' ? error.details.param : error;
      }
    };
    expect(param({})).toBe('contents');
    expect(param({ contents: [{ role: 'nobody', parts: [] }] })).toBe('contents[0].role');
    expect(param({ contents: [{ parts: [{ inlineData: { mimeType: 'image/png' } }] }] })).toBe(
      'contents[0].parts[0].inlineData.data',
    );
    expect(param({ contents: [], generationConfig: { topK: 'x' } })).toBe('generationConfig.topK');
    expect(param({ contents: [] }, {})).toBe('model');
  });

  test('finds the name a result needs, drops foreign reasoning and state, warns once each', () => {
    const { body, warnings } = writeRequest({
      model: 'm',
      messages: [
        { role: 'user', parts: [{ type: 'text', text: 'x' }] },
        {
          role: 'assistant',
          parts: [
            { type: 'reasoning', text: 'a', opaque: { owner: 'anthropic-messages', data: 's' } },
            { type: 'reasoning', text: '', redacted: true, opaque: { owner: 'anthropic-messages', data: 's' } },
            { type: 'tool_call', id: 'toolu_1', name: 'f', arguments: '' },
          ],
        },
        { role: 'tool', parts: [{ type: 'tool_result', id: 'toolu_1', content: [{ type: 'text', text: 'cat' }] }] },
        { role: 'system', parts: [{ type: 'text', text: 'In French.' }] },
      ],
      tools: [{ type: 'other', dialect: 'openai-responses', data: { type: 'web_search' } }],
      parallelToolCalls: false,
      user: 'u',
      serviceTier: 'scale',
      extra: { dialect: 'openai-responses', params: { truncation: 'auto', include: [] } },
    });
    clean('GenerateContentRequest', body);
    expect(body.contents).toEqual([
      { role: 'user', parts: [{ text: 'x' }] },
      {
        role: 'model',
        parts: [{ functionCall: { id: 'toolu_1', name: 'f', args: {} }, thoughtSignature: unsigned }],
      },
      { role: 'user', parts: [{ functionResponse: { id: 'toolu_1', name: 'f', response: { output: 'cat' } } }] },
      { role: 'user', parts: [{ text: 'In French.' }] },
    ]);
    expect(warnings).toHaveLength(7);
    expect(new Set(warnings).size).toBe(7);
  });

  test('a step of calls that came without a signature is marked once, and reads back without', () => {
    const call = (id: string, data?: string): Part => ({
      type: 'tool_call',
      id,
      name: 'f',
      arguments: '{}',
      ...(data ? { opaque: { owner: 'gemini', data } } : {}),
    });
    const asked: TextRequest = {
      model: 'gemini-3.8-flash',
      messages: [
        { role: 'user', parts: [{ type: 'text', text: 'x' }] },
        { role: 'assistant', parts: [call('1'), call('2')] },
        { role: 'assistant', parts: [call('3', 'c2lnbmVk'), call('4')] },
      ],
    };
    const { body } = writeRequest(asked);
    const signatures = (body.contents as { parts: JsonObject[] }[]).map(({ parts }) =>
      parts.map((part) => part.thoughtSignature),
    );
    expect(signatures).toEqual([[undefined], [unsigned, undefined], ['c2lnbmVk', undefined]]);
    expect(readRequest(body, { model: asked.model }).messages).toEqual(asked.messages);
    const before = writeRequest({ ...asked, model: 'gemini-2.5-flash' }).body.contents;
    expect(JSON.stringify(before)).not.toContain(unsigned);
  });
});

describe('answers', () => {
  test('thoughts, text and pictures mixed, each with its signature on the same part', () => {
    const body: JsonObject = {
      candidates: [
        {
          content: {
            role: 'model',
            parts: [
              { text: 'I draw.', thought: true },
              { inlineData: { mimeType: 'image/png', data: 'AAAA' }, thought: true },
              { text: 'Here:', thoughtSignature: 'YQ==' },
              { inlineData: { mimeType: 'image/png', data: 'AQID' }, thoughtSignature: 'Yg==' },
            ],
          },
          finishReason: 'STOP',
          index: 0,
        },
      ],
      modelVersion: 'm',
    };
    const read = readResponse(body);
    expect(read.choices[0]?.parts).toMatchObject([
      { type: 'reasoning', text: 'I draw.' },
      { type: 'other', dialect: owner },
      { type: 'text', text: 'Here:', opaque: { owner, data: 'YQ==' } },
      { type: 'asset', asset: { bytes: new Uint8Array([1, 2, 3]) }, opaque: { owner, data: 'Yg==' } },
    ]);
    expect(writeResponse(read)).toEqual(body);
  });

  test('a blocked prompt is an answer that finished as content_filter, and is billed', async () => {
    const body = {
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT', safetyRatings: [] },
      usageMetadata: { promptTokenCount: 8, totalTokenCount: 8 },
      modelVersion: 'm',
      responseId: 'r',
    };
    const read = readResponse(body);
    expect(read.choices).toEqual([{ parts: [], finish: 'content_filter', rawFinish: 'PROHIBITED_CONTENT' }]);
    expect(read.counts).toEqual({ input: 8, output: 0 });
    expect(writeResponse(read)).toEqual(body);
    expect(await foldEvents(readEvents(stream(body)))).toEqual(read);
    const frames = await collect(writeEvents(each(unfoldAnswer(read))));
    expect(frames.map((frame) => JSON.parse(frame.data))).toEqual([body]);
  });

  test('counts: thoughts are added to the output, tool prompts to the input, missing ones stay unknown', () => {
    const counts = (usageMetadata: Json) =>
      readResponse({ candidates: [{ finishReason: 'STOP' }], usageMetadata }).counts;
    expect(
      counts({
        promptTokenCount: 10,
        toolUsePromptTokenCount: 4,
        candidatesTokenCount: 5,
        thoughtsTokenCount: 7,
        cachedContentTokenCount: 6,
      }),
    ).toEqual({
      input: 14,
      cachedInput: 6,
      output: 12,
      reasoning: 7,
    });
    expect(counts({ promptTokenCount: 10 })).toEqual({ input: 10 });
    expect(counts({ promptTokenCount: 10, thoughtsTokenCount: 7, totalTokenCount: 17 })).toEqual({
      input: 10,
      output: 7,
      reasoning: 7,
    });
    expect(counts({})).toBeUndefined();
    expect(counts(null)).toBeUndefined();
    expect(writeResponse({ choices: [{ parts: [], finish: 'stop' }] })).not.toHaveProperty('usageMetadata');
    expect(
      writeResponse({ choices: [], counts: { input: 9, output: 12, reasoning: 7, cacheWrite: 1 } }).usageMetadata,
    ).toEqual({
      promptTokenCount: 9,
      candidatesTokenCount: 5,
      thoughtsTokenCount: 7,
      totalTokenCount: 21,
    });
  });

  test('every finish reason of the vendor has a meaning and goes back as it came', () => {
    const meanings = new Map<string, string>();
    const words = [
      'STOP',
      'MAX_TOKENS',
      'SAFETY',
      'RECITATION',
      'LANGUAGE',
      'OTHER',
      'BLOCKLIST',
      'PROHIBITED_CONTENT',
      'SPII',
      'MALFORMED_FUNCTION_CALL',
      'IMAGE_SAFETY',
      'UNEXPECTED_TOOL_CALL',
      'TOO_MANY_TOOL_CALLS',
      'IMAGE_PROHIBITED_CONTENT',
      'NO_IMAGE',
      'IMAGE_RECITATION',
      'IMAGE_OTHER',
      'CONTINUATION',
      'MALFORMED_RESPONSE',
    ];
    for (const finishReason of words) {
      const read = readResponse({ candidates: [{ finishReason }] });
      meanings.set(finishReason, read.choices[0]?.finish ?? '');
      expect((writeResponse(read).candidates as JsonObject[])[0]?.finishReason).toBe(finishReason);
    }
    expect(meanings.get('SPII')).toBe('content_filter');
    expect(meanings.get('CONTINUATION')).toBe('pause');
    expect(meanings.get('NO_IMAGE')).toBe('other');
    const paused = writeResponse({ choices: [{ parts: [], finish: 'pause', rawFinish: 'pause_turn' }] });
    expect(paused.candidates).toMatchObject([{ finishReason: 'OTHER' }]);
  });

  test('grounding becomes citations and comes back whole; foreign citations become grounding', () => {
    const groundingMetadata = {
      webSearchQueries: ['cats'],
      groundingChunks: [{ web: { uri: 'https://example.com/cats', title: 'Cats' } }],
      groundingSupports: [{ segment: { endIndex: 4, text: 'Cats' }, groundingChunkIndices: [0] }],
    };
    const body = {
      candidates: [
        {
          content: { parts: [{ text: 'Cats purr.' }], role: 'model' },
          finishReason: 'STOP',
          index: 0,
          groundingMetadata,
        },
      ],
    };
    const read = readResponse(body);
    const citation = {
      type: 'url_citation',
      url: 'https://example.com/cats',
      title: 'Cats',
      start_index: 0,
      end_index: 4,
    };
    expect(read.choices[0]?.parts).toEqual([{ type: 'text', text: 'Cats purr.', annotations: [citation] }]);
    expect(writeResponse(read)).toEqual(body);
    const foreign = writeResponse({
      choices: [{ parts: [{ type: 'text', text: 'Cats', annotations: [citation] }], finish: 'stop' }],
    });
    clean('GenerateContentResponse', foreign);
    expect(foreign.candidates).toMatchObject([
      { groundingMetadata: { groundingChunks: groundingMetadata.groundingChunks } },
    ]);
  });

  test('calls without ids get one that differs from answer to answer', () => {
    const answer = (responseId?: string) =>
      readResponse({
        ...(responseId ? { responseId } : {}),
        candidates: [{ content: { parts: [{ functionCall: { name: 'f' } }, { functionCall: { name: 'f' } }] } }],
      });
    const ids = (responseId?: string) =>
      answer(responseId).choices[0]?.parts.map((part) => part.type === 'tool_call' && part.id);
    expect(ids()).toEqual(['call_0', 'call_1']);
    expect(ids('a-1')).toEqual(['call_a1_0', 'call_a1_1']);
  });

  test("what is no answer is the provider's fault, never the caller's", async () => {
    const wrong = expect.objectContaining({ code: 'provider_garbage' });
    const broken = { candidates: [{ content: { parts: [{ inlineData: {} }] } }] };
    expect(() => readResponse({})).toThrow(wrong);
    expect(() => readResponse(broken)).toThrow(wrong);
    expect((await read(broken)).at(-1)).toMatchObject({ type: 'error', error: { code: 'provider_garbage' } });
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const last = (await collect(readEvents(each([{ data: JSON.stringify(value) }])))).at(-1);
        expect(last?.type).toBe('error');
        for (const reading of [() => readResponse(value as Json), () => readRequest(value as Json, context)]) {
          try {
            reading();
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(GatewayError);
          }
        }
      }),
    );
  });

  test('an error inside a 200 is thrown', () => {
    const body = { error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'Slow down' } };
    expect(() => readResponse(body)).toThrow(
      expect.objectContaining({ code: 'provider_rate_limited', message: 'Slow down' }),
    );
  });
});

const chunk = (parts: JsonObject[], more: JsonObject = {}, top: JsonObject = {}): JsonObject => ({
  candidates: [{ content: { role: 'model', parts }, index: 0, ...more }],
  modelVersion: 'm',
  responseId: 'r',
  ...top,
});
const finished = { finishReason: 'STOP' };

describe('streams', () => {
  test('text runs on over chunks, a signature closes it, calls arrive whole, the last usage holds', async () => {
    const answer = await foldEvents(
      await read(
        chunk([{ text: 'Let ', thought: true }], {}, { usageMetadata: { promptTokenCount: 5, totalTokenCount: 5 } }),
        chunk([{ text: 'me see', thought: true }]),
        chunk([{ text: 'I ' }]),
        chunk([{ text: 'call' }, { text: '', thoughtSignature: 'YQ==' }]),
        chunk([{ text: 'again' }]),
        chunk([
          { functionCall: { name: 'f', args: { a: 1 } }, thoughtSignature: 'Yg==' },
          { functionCall: { id: 'own', name: 'g', args: {} } },
        ]),
        chunk([{ text: '' }], finished, {
          usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 3, totalTokenCount: 8 },
        }),
      ),
    );
    expect(answer).toEqual({
      id: 'r',
      model: 'm',
      choices: [
        {
          parts: [
            { type: 'reasoning', text: 'Let me see' },
            { type: 'text', text: 'I call', opaque: { owner, data: 'YQ==' } },
            { type: 'text', text: 'again' },
            { type: 'tool_call', id: 'call_r_0', name: 'f', arguments: '{"a":1}', opaque: { owner, data: 'Yg==' } },
            { type: 'tool_call', id: 'own', name: 'g', arguments: '{}' },
          ],
          finish: 'tool_calls',
          rawFinish: 'STOP',
        },
      ],
      counts: { input: 5, output: 3 },
      rawUsage: { promptTokenCount: 5, candidatesTokenCount: 3, totalTokenCount: 8 },
    });
  });

  test('usage after the finish reason counts; none at all stays unknown', async () => {
    const late = await read(chunk([{ text: 'a' }], finished), {
      usageMetadata: { promptTokenCount: 2, candidatesTokenCount: 1 },
    });
    expect((await foldEvents(late)).counts).toEqual({ input: 2, output: 1 });
    expect(late.at(-1)?.type).toBe('finish');
    expect(await foldEvents(await read(chunk([{ text: 'a' }], finished)))).not.toHaveProperty('counts');
  });

  test('a stream in which a candidate never finished is interrupted', async () => {
    const second = { candidates: [{ index: 1, content: { parts: [{ text: 'b' }] } }] };
    for (const frames of [[], [chunk([{ text: 'a' }])], [chunk([{ text: 'a' }], finished), second]]) {
      const events = await read(...frames);
      expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'stream_interrupted' } });
      const written = await collect(writeEvents(each(events)));
      expect(JSON.parse(written.at(-1)?.data ?? '')).toMatchObject({
        error: { details: [{ reason: 'stream_interrupted' }] },
      });
      expect(written.some((frame) => frame.data.includes('finishReason'))).toBe(false);
    }
  });

  test('an error after 200, a broken frame and a dying source become one error event', async () => {
    const error = { error: { code: 503, status: 'UNAVAILABLE', message: 'Overloaded' } };
    expect((await read(chunk([{ text: 'a' }]), error, chunk([], finished))).at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'provider_overloaded' },
    });
    expect(await collect(readEvents(each([{ data: '{' }])))).toMatchObject([{ error: { code: 'provider_garbage' } }]);
    const dying = (async function* (): AsyncGenerator<SseFrame> {
      yield { data: JSON.stringify(chunk([{ text: 'a' }])) };
      throw new TypeError('terminated');
    })();
    expect((await collect(readEvents(dying))).at(-1)).toMatchObject({ error: { code: 'stream_interrupted' } });
  });

  test('partial arguments wait until the call is whole', async () => {
    const call = (index: number): Event => ({
      type: 'part_start',
      index,
      part: { type: 'tool_call', id: `c${index}`, name: 'f', arguments: '' },
    });
    const grow = (index: number, more: string): Event => ({ type: 'part_delta', index, delta: { arguments: more } });
    const frames = await collect(
      writeEvents(
        each<Event>([
          { type: 'start', id: 'r', model: 'm' },
          call(0),
          call(1),
          grow(0, '{"a":'),
          grow(1, '{"b":2}'),
          grow(0, '1}'),
          { type: 'part_end', index: 0 },
          { type: 'part_end', index: 1 },
          { type: 'usage', counts: { input: 4, output: 2 } },
          { type: 'finish', reason: 'tool_calls' },
        ]),
      ),
    );
    const chunks = frames.map((frame) => JSON.parse(frame.data));
    for (const each of chunks) clean('GenerateContentResponse', each);
    expect(chunks.map((each) => each.candidates[0].content.parts[0].functionCall)).toEqual([
      { id: 'c0', name: 'f', args: { a: 1 } },
      { id: 'c1', name: 'f', args: { b: 2 } },
      undefined,
    ]);
    expect(chunks[2]).toMatchObject({ candidates: [{ finishReason: 'STOP' }], usageMetadata: { totalTokenCount: 6 } });
  });

  test('foreign reasoning streams as thoughts without its signature', async () => {
    const frames = await collect(
      writeEvents(
        each<Event>([
          { type: 'start' },
          { type: 'part_start', index: 0, part: { type: 'reasoning', text: '' } },
          { type: 'part_delta', index: 0, delta: { text: 'Hm' } },
          { type: 'part_delta', index: 0, delta: { opaque: { owner: 'anthropic-messages', data: 'sig' } } },
          { type: 'part_end', index: 0 },
          { type: 'finish', reason: 'stop' },
        ]),
      ),
    );
    expect(frames).toHaveLength(2);
    expect(JSON.parse(frames[0]?.data ?? '').candidates[0].content.parts).toEqual([{ text: 'Hm', thought: true }]);
  });

  test('scan follows a passing stream; arguments that look like its words prove nothing', () => {
    const tricky = JSON.stringify(
      chunk([{ functionCall: { name: 'f', args: { finishReason: 'STOP', blockReason: 'x' } } }]),
    );
    expect([scan.terminal(tricky), scan.interesting(tricky)]).toEqual([false, false]);
    expect(scan.terminal(JSON.stringify(chunk([], finished)))).toBe(true);
    expect(scan.terminal(JSON.stringify({ promptFeedback: { blockReason: 'SAFETY' } }))).toBe(true);
    const first = chunk([], {}, { usageMetadata: { promptTokenCount: 5, totalTokenCount: 5 } });
    const last = chunk([], {}, { usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 2, totalTokenCount: 7 } });
    expect(scan.interesting(JSON.stringify(last))).toBe(true);
    expect(scan.usage(last, scan.usage(first, undefined))).toEqual({
      promptTokenCount: 5,
      candidatesTokenCount: 2,
      totalTokenCount: 7,
    });
    expect(scan.usage(chunk([]), { promptTokenCount: 1 })).toEqual({ promptTokenCount: 1 });
    expect(scan.error?.({ error: { code: 500 } })).toEqual({ code: 500 });
    expect(scan.usageOfBody(last)).toMatchObject({ totalTokenCount: 7 });
  });
});

describe('errors', () => {
  test.each([
    [400, 'INVALID_ARGUMENT'],
    [401, 'UNAUTHENTICATED'],
    [403, 'PERMISSION_DENIED'],
    [404, 'NOT_FOUND'],
    [413, 'INVALID_ARGUMENT'],
    [429, 'RESOURCE_EXHAUSTED'],
    [499, 'CANCELLED'],
    [500, 'INTERNAL'],
    [503, 'UNAVAILABLE'],
    [504, 'DEADLINE_EXCEEDED'],
  ])('%i is %s and reads back, also from an array', (status, type) => {
    const error = new GatewayError('provider_error', { message: 'No.', status, retryAfterMs: 1500, param: 'contents' });
    const body = writeError(error, 'req_1');
    expect(body).toEqual({
      error: {
        code: status,
        message: 'No.',
        status: type,
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'provider_error',
            domain: 'atelier',
            metadata: { param: 'contents' },
          },
          { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.5s' },
          { '@type': 'type.googleapis.com/google.rpc.RequestInfo', requestId: 'req_1' },
        ],
      },
    });
    expect(readError(status, body)).toEqual({ message: 'No.', type, code: 'provider_error' });
    expect(readError(status, [body])).toEqual({ message: 'No.', type, code: 'provider_error' });
  });

  test('reads what is no envelope', () => {
    expect(readError(502, '<html>')).toEqual({ message: '<html>' });
    expect(readError(500, null)).toEqual({ message: 'The provider answered 500.' });
  });
});
