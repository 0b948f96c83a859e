import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Event,
  type FinishReason,
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
import { openaiChat, withoutUsage } from '../../src/dialects/openai-chat.ts';
import { readSse, writeSse } from '../../src/dialects/sse.ts';
import { hasSpecs, validator } from '../support/spec.ts';
import {
  audio,
  collect,
  count,
  cutAt,
  document,
  each,
  id,
  image,
  json,
  reasoningPart,
  refusalPart,
  schema,
  some,
  text,
  textPart,
  toolCall,
  word,
} from './arbitrary.ts';

const { readRequest, writeRequest, readResponse, writeResponse, readEvents, writeEvents, readError, writeError, scan } =
  openaiChat;
const schemaOf = (name: string) => validator('openai', `/components/schemas/${name}`);
const clean = (name: string, value: unknown) => expect(schemaOf(name)?.(value)).toBeUndefined();
const stream = (...chunks: (JsonObject | string)[]) =>
  each(chunks.map((chunk): SseFrame => ({ data: typeof chunk === 'string' ? chunk : JSON.stringify(chunk) })));
const chunk = (delta: JsonObject, more: JsonObject = {}, choice: JsonObject = {}): JsonObject => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1795305600,
  model: 'gpt-6-sol',
  ...more,
  choices: [{ index: 0, delta, finish_reason: null, ...choice }],
});

/** Requests that chat completions can say. */
const userParts = fc.oneof(
  textPart.map((part) => [part]),
  fc.array(
    fc.oneof(
      textPart,
      image,
      audio,
      document,
      json.map((data): Part => ({ type: 'other', dialect: 'openai-chat', data: { type: 'file', file: data } })),
    ),
    { minLength: 2, maxLength: 4 },
  ),
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const present = <T>(...values: (T | undefined)[]): T[] => values.filter((value) => value !== undefined);
const message: fc.Arbitrary<Message> = fc.oneof(
  fc
    .tuple(fc.constantFrom('system', 'developer' as const), textPart)
    .map(([role, part]): Message => ({ role, parts: [part] })),
  userParts.map((parts): Message => ({ role: 'user', parts })),
  fc.tuple(userParts, word).map(([parts, name]): Message => ({ role: 'user', parts, name })),
  fc
    .tuple(
      optional(reasoningPart),
      fc.array(textPart, { maxLength: 2 }),
      optional(refusalPart),
      fc.array(toolCall, { maxLength: 3 }),
    )
    .map(
      ([reasoning, texts, refusal, calls]): Message => ({
        role: 'assistant',
        parts: [...present(reasoning), ...texts, ...present(refusal), ...calls],
      }),
    ),
  fc
    .tuple(id, fc.array(textPart, { minLength: 1, maxLength: 3 }))
    .map(([call, content]): Message => ({ role: 'tool', parts: [{ type: 'tool_result', id: call, content }] })),
);
const effort = fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max' as const);
const request = fc
  .tuple(
    fc.record({ model: word, messages: fc.array(message, { minLength: 1, maxLength: 5 }) }),
    some<Omit<TextRequest, 'model' | 'messages'>>({
      stream: fc.boolean(),
      maxOutputTokens: count,
      temperature: fc.constantFrom(0, 0.5, 1.7),
      topP: fc.constantFrom(0.1, 1),
      stop: fc.array(word, { minLength: 1, maxLength: 4 }),
      seed: fc.integer(),
      n: fc.integer({ min: 1, max: 8 }),
      frequencyPenalty: fc.constantFrom(-2, 0, 0.5),
      presencePenalty: fc.constantFrom(-2, 0, 0.5),
      logprobs: fc.oneof(fc.constant({}), fc.record({ top: fc.nat({ max: 20 }) })),
      tools: fc.array(
        fc.oneof(
          fc.record(
            {
              type: fc.constant('function' as const),
              name: word,
              description: text,
              parameters: schema,
              strict: fc.boolean(),
            },
            { requiredKeys: ['type', 'name'], noNullPrototype: true },
          ),
          word.map((name) => ({
            type: 'other' as const,
            dialect: 'openai-chat' as const,
            data: { type: 'custom', custom: { name } },
          })),
        ),
        { minLength: 1, maxLength: 3 },
      ),
      toolChoice: fc.oneof(fc.constantFrom('auto', 'none', 'required' as const), fc.record({ name: word })),
      parallelToolCalls: fc.boolean(),
      output: fc.oneof(
        fc.constantFrom({ type: 'text' as const }, { type: 'json' as const }),
        fc.record(
          { type: fc.constant('json_schema' as const), schema, name: word, strict: fc.boolean(), description: text },
          { requiredKeys: ['type', 'schema', 'name'], noNullPrototype: true },
        ),
      ),
      reasoning: fc.record({ effort }),
      serviceTier: fc.constantFrom('auto', 'flex', 'priority'),
      user: word,
      extra: json.map((params) => ({ dialect: 'openai-chat' as const, params })),
    }),
  )
  .map(([needed, more]): TextRequest => {
    if (!more.stream) return { ...needed, ...more };
    // a streamed request is always written with usage asked for
    const params = { ...more.extra?.params, stream_options: { include_usage: true } };
    return { ...needed, ...more, extra: { dialect: 'openai-chat', params } };
  });

const logprob = fc.record({
  token: word,
  logprob: fc.constantFrom(-0.5, -2),
  bytes: fc.constant(null),
  top_logprobs: fc.constant<Json[]>([]),
});
const citation = fc.record({ url: word.map((name) => `https://example.com/${name}`), title: word }).map((words) => ({
  type: 'url_citation',
  url_citation: { ...words, start_index: 0, end_index: 1 },
}));
const usage = fc
  .record({ input: count, output: count, cached: count, reasoning: count })
  .map(({ input, output, cached, reasoning }) => ({
    counts: { input, cachedInput: cached, output, reasoning },
    rawUsage: {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      prompt_tokens_details: { cached_tokens: cached },
      completion_tokens_details: { reasoning_tokens: reasoning },
    },
  }));
const choice = fc
  .record({
    reasoning: optional(reasoningPart),
    body: optional(
      fc.tuple(text, fc.array(citation, { maxLength: 2 })).map(
        ([words, annotations]): Part => ({
          type: 'text',
          text: words,
          ...(annotations.length > 0 ? { annotations } : {}),
        }),
      ),
    ),
    refusal: optional(refusalPart),
    calls: fc.array(toolCall, { maxLength: 3 }),
    logprobs: optional(fc.array(logprob, { minLength: 1, maxLength: 3 })),
    cut: fc.boolean(),
  })
  .map(({ reasoning, body, refusal, calls, logprobs, cut }): TextAnswer['choices'][number] => {
    const parts: Part[] = [...present(reasoning, body, refusal), ...calls];
    const rawFinish: FinishReason = cut ? 'length' : calls.length > 0 && !refusal ? 'tool_calls' : 'stop';
    const finish: FinishReason = rawFinish === 'stop' && refusal ? 'refusal' : rawFinish;
    return { parts, finish, rawFinish, ...(logprobs ? { logprobs: { content: logprobs, refusal: null } } : {}) };
  });
const answer = fc
  .tuple(
    fc.record({ id, model: word, created: fc.nat(), choices: fc.array(choice, { minLength: 1, maxLength: 3 }) }),
    optional(usage),
    optional(json.map((params) => ({ extra: { dialect: 'openai-chat' as const, params } }))),
  )
  .map(([needed, figures, extra]): TextAnswer => ({ ...needed, ...figures, ...extra }));

describe('laws', () => {
  test('read(write(x)) = x on requests, without a warning and valid to the vendor', () => {
    fc.assert(
      fc.property(request, (value) => {
        const { body, warnings } = writeRequest(value);
        expect(warnings).toEqual([]);
        clean('CreateChatCompletionRequest', body);
        expect(readRequest(JSON.parse(JSON.stringify(body)))).toEqual(value);
      }),
    );
  });

  test('read(write(x)) = x on answers, valid to the vendor', () => {
    fc.assert(
      fc.property(answer, (value) => {
        const body = writeResponse(value);
        clean('CreateChatCompletionResponse', body);
        expect(readResponse(JSON.parse(JSON.stringify(body)))).toEqual(value);
      }),
    );
  });

  test('the fold of a stream equals the plain answer, however its bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(answer, fc.array(fc.nat(), { maxLength: 30 }), async (value, places) => {
        const frames = await collect(writeEvents(each(unfoldAnswer(value))));
        for (const frame of frames.slice(0, -1)) clean('CreateChatCompletionStreamResponse', JSON.parse(frame.data));
        expect(frames.at(-1)).toEqual({ data: '[DONE]' });
        const wire = new TextEncoder().encode(frames.map(writeSse).join(''));
        const events = await collect(readEvents(readSse(each(cutAt(wire, places)))));
        expect(await foldEvents(events)).toEqual(readResponse(writeResponse(value)));
        expect(await collect(readEvents(writeEvents(each(events))))).toEqual(events);
      }),
    );
  });

  test.skipIf(!hasSpecs)('the vendor description is there and refuses nonsense', () => {
    expect(schemaOf('CreateChatCompletionRequest')?.({ model: 'm', messages: [{ role: 'nobody' }] })).toBeTypeOf(
      'string',
    );
    expect(schemaOf('CreateChatCompletionStreamResponse')?.({ choices: [{}] })).toBeTypeOf('string');
  });
});

describe('requests', () => {
  test('reads every field and part a client sends', () => {
    const body: JsonObject = {
      model: 'gpt-6-sol',
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          name: 'ada',
          content: [
            { type: 'text', text: 'What is this?', prompt_cache_breakpoint: { mode: 'explicit', ttl: '30m' } },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'high' } },
            { type: 'input_audio', input_audio: { data: 'SUQz', format: 'mp3' } },
            { type: 'file', file: { file_id: 'file-1' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"a": 1}' } }],
          audio: { id: 'audio_1' },
        },
        { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'a cat' }] },
      ],
      max_tokens: 50,
      stop: 'END',
      logprobs: true,
      top_logprobs: 2,
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
      tools: [{ type: 'function', function: { name: 'look' }, cache_control: { type: 'ephemeral' } }],
      tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [] } },
      safety_identifier: 'u1',
      verbosity: 'low',
      temperature: null,
    };
    const read = readRequest(body);
    expect(read).toMatchObject({ maxOutputTokens: 50, stop: ['END'], logprobs: { top: 2 }, user: 'u1', stream: true });
    expect(read).not.toHaveProperty('temperature');
    expect(read.messages[1]).toMatchObject({ role: 'user', name: 'ada' });
    expect(read.messages[1]?.parts).toMatchObject([
      { type: 'text', opaque: { owner: 'openai-chat' } },
      { type: 'asset', asset: { mediaType: 'image/png' }, detail: 'high' },
      { type: 'asset', asset: { mediaType: 'audio/mpeg', bytes: new Uint8Array([73, 68, 51]) } },
      { type: 'other', dialect: 'openai-chat' },
    ]);
    const { body: again, warnings } = writeRequest(read);
    expect(warnings).toEqual([]);
    const { temperature, max_tokens, stop, safety_identifier, messages, ...same } = body;
    expect(again).toMatchObject(same);
    expect(again).toMatchObject({ max_completion_tokens: 50, stop: ['END'], user: 'u1' });
    const written = again.messages as JsonObject[];
    expect(written.slice(0, 3)).toEqual((messages as Json[]).slice(0, 3));
    expect(written[3]).toEqual({ role: 'tool', tool_call_id: 'call_1', content: 'a cat' });
  });

  test('keeps DeepSeek reasoning and Gemini-compatible signatures on tool calls', () => {
    const assistant = {
      role: 'assistant',
      content: 'Hm.',
      reasoning_content: 'Let me see',
      tool_calls: [
        {
          id: 'c',
          type: 'function',
          function: { name: 'f', arguments: '{}' },
          extra_content: { google: { thought_signature: 'abc' } },
        },
      ],
    };
    const read = readRequest({ model: 'm', messages: [assistant] });
    expect(read.messages[0]?.parts[0]).toEqual({ type: 'reasoning', text: 'Let me see' });
    expect((writeRequest(read).body.messages as Json[])[0]).toEqual(assistant);
  });

  test('turns legacy functions messages into tool messages', () => {
    const read = readRequest({
      model: 'm',
      messages: [
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
        { role: 'function', name: 'f', content: 'done' },
      ],
    });
    expect(read.messages).toMatchObject([
      { role: 'assistant', parts: [{ type: 'tool_call', id: 'call_f' }] },
      { role: 'tool', parts: [{ type: 'tool_result', id: 'call_f', name: 'f' }] },
    ]);
  });

  test.each<[string, Json, string]>([
    ['no object', [], ''],
    ['no messages', { model: 'm' }, 'messages'],
    ['no model', { messages: [] }, 'model'],
    ['a wrong role', { model: 'm', messages: [{ role: 'robot', content: 'x' }] }, 'messages[0].role'],
    ['content of a wrong type', { model: 'm', messages: [{ role: 'user', content: 7 }] }, 'messages[0].content'],
    ['no content', { model: 'm', messages: [{ role: 'user' }] }, 'messages[0].content'],
    [
      'a broken data URL',
      {
        model: 'm',
        messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,%%%' } }] }],
      },
      'messages[0].content[0].image_url.url',
    ],
    ['a text temperature', { model: 'm', messages: [], temperature: 'hot' }, 'temperature'],
    [
      'a tool without a name',
      { model: 'm', messages: [], tools: [{ type: 'function', function: {} }] },
      'tools[0].function.name',
    ],
    [
      'a tool result without an id',
      { model: 'm', messages: [{ role: 'tool', content: 'x' }] },
      'messages[0].tool_call_id',
    ],
  ])('refuses %s by name', (_, body, param) => {
    const refused = () => readRequest(body);
    expect(refused).toThrow(GatewayError);
    try {
      refused();
    } catch (error) {
      expect(error).toMatchObject({ code: 'invalid_request', details: { param } });
    }
  });

  test('warns once for each leftover of another dialect, and honours what the door does itself', () => {
    const base: TextRequest = { model: 'm', messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }] };
    const { body, warnings } = writeRequest({
      ...base,
      topK: 5,
      extra: { dialect: 'anthropic-messages', params: { container: 'c', mcp_servers: [] } },
      tools: [
        { type: 'other', dialect: 'anthropic-messages', data: { type: 'web_search_20260318', name: 'web_search' } },
      ],
    });
    expect(warnings).toHaveLength(4);
    expect(warnings.join()).toMatch(/container.*mcp_servers.*topK.*web_search/);
    expect(body).not.toHaveProperty('container');
    expect(
      writeRequest({ ...base, extra: { dialect: 'openai-responses', params: { store: false } } }).warnings,
    ).toEqual([]);
  });

  test('leaves foreign thinking state behind with one warning, and maps budgets to effort', () => {
    const opaque = { owner: 'anthropic-messages' as const, data: 'signature' };
    const { body, warnings } = writeRequest({
      model: 'm',
      reasoning: { budgetTokens: 8000 },
      messages: [
        {
          role: 'assistant',
          parts: [
            { type: 'reasoning', text: 'One', opaque },
            { type: 'text', text: 'Two' },
          ],
        },
        { role: 'assistant', parts: [{ type: 'reasoning', text: '', redacted: true, opaque }] },
      ],
    });
    expect(warnings).toHaveLength(1);
    expect(body.reasoning_effort).toBe('medium');
    expect(JSON.stringify(body)).not.toContain('signature');
  });

  test('tool results with pictures stay next to their call, the pictures follow', () => {
    const picture: Part = { type: 'asset', asset: { mediaType: 'image/png', bytes: new Uint8Array([1]) } };
    const { body, warnings } = writeRequest({
      model: 'm',
      messages: [
        {
          role: 'user',
          parts: [
            { type: 'tool_result', id: 'a', content: [picture] },
            { type: 'tool_result', id: 'b', content: [{ type: 'text', text: 'ok' }] },
            { type: 'text', text: 'And now?' },
          ],
        },
      ],
    });
    expect(warnings).toEqual([]);
    expect(body.messages).toMatchObject([
      { role: 'tool', tool_call_id: 'a' },
      { role: 'tool', tool_call_id: 'b', content: 'ok' },
      {
        role: 'user',
        content: [{ type: 'text' }, { type: 'image_url', image_url: { url: 'data:image/png;base64,AQ==' } }],
      },
      { role: 'user', content: 'And now?' },
    ]);
    clean('CreateChatCompletionRequest', body);
  });

  test.each<[string, Part]>([
    ['a document by URL', { type: 'asset', asset: { mediaType: 'application/pdf', url: 'https://example.com/a.pdf' } }],
    ['video', { type: 'asset', asset: { mediaType: 'video/mp4', bytes: new Uint8Array([1]) } }],
    ['a foreign block', { type: 'other', dialect: 'gemini', data: { executableCode: {} } }],
  ])('refuses content without a place: %s', (_, part) => {
    expect(() => writeRequest({ model: 'm', messages: [{ role: 'user', parts: [part] }] })).toThrow(
      expect.objectContaining({ code: 'unsupported_parameter' }),
    );
  });

  test('does not let a field named __proto__ reach the prototype', () => {
    const body = JSON.parse('{"model":"m","messages":[],"__proto__":{"polluted":true}}');
    const { body: written } = writeRequest(readRequest(body));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(written)).toBe(Object.prototype);
  });
});

describe('answers', () => {
  test('keeps unknown fields at every level, sound, pictures and custom tool calls', () => {
    const body: JsonObject = {
      id: 'chatcmpl-9',
      object: 'chat.completion',
      created: 1795305600,
      model: 'gpt-6-sol',
      service_tier: 'default',
      system_fingerprint: 'fp_1',
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          logprobs: null,
          content_filter_results: { hate: { filtered: false } },
          message: {
            role: 'assistant',
            content: 'Here.',
            refusal: null,
            reasoning_details: [{ type: 'summary' }],
            audio: { id: 'audio_1', data: 'UklGRg==', expires_at: 1795309200, transcript: 'Here.' },
            images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AQID' } }],
            tool_calls: [{ id: 'call_1', type: 'custom', custom: { name: 'sql', input: 'select 1' } }],
          },
        },
      ],
    };
    const read = readResponse(body);
    expect(read.choices[0]?.parts).toMatchObject([
      { type: 'text', text: 'Here.' },
      { type: 'asset', asset: { mediaType: 'image/png' } },
      { type: 'other' },
      { type: 'asset', asset: { mediaType: 'audio/wav' } },
    ]);
    expect(read).not.toHaveProperty('counts');
    expect(writeResponse(read)).toEqual(body);
  });

  test('usage of another shape is rebuilt from counts, and left out rather than zero', () => {
    const base: TextAnswer = { choices: [{ parts: [], finish: 'stop' }] };
    const counts = { input: 10, cachedInput: 4, cacheWrite: 2, output: 5, reasoning: 3 };
    expect(writeResponse({ ...base, counts, rawUsage: { input_tokens: 4 } }).usage).toEqual({
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      prompt_tokens_details: { cached_tokens: 4, cache_write_tokens: 2 },
      completion_tokens_details: { reasoning_tokens: 3 },
    });
    expect(writeResponse({ ...base, counts: { output: 5 } })).not.toHaveProperty('usage');
  });

  test('citations of other dialects become url_citation, positions counted over the whole content', () => {
    const flat = { type: 'url_citation', url: 'https://example.com', title: 'E', start_index: 1, end_index: 3 };
    const parts: Part[] = [
      { type: 'text', text: 'First. ' },
      { type: 'text', text: 'Second.', annotations: [flat, { type: 'char_location' }] },
    ];
    const body = writeResponse({ choices: [{ parts, finish: 'stop' }] });
    expect((body.choices as JsonObject[])[0]?.message).toMatchObject({
      content: 'First. Second.',
      annotations: [
        {
          type: 'url_citation',
          url_citation: { url: 'https://example.com', title: 'E', start_index: 8, end_index: 10 },
        },
      ],
    });
    clean('CreateChatCompletionResponse', body);
  });

  test('an error body inside a 200 is that error, anything else is garbage', () => {
    expect(() =>
      readResponse({ error: { message: 'Rate limit', type: 'rate_limit_error', code: 'rate_limit_exceeded' } }),
    ).toThrow(expect.objectContaining({ code: 'provider_rate_limited' }));
    expect(() => readResponse({ hello: 1 })).toThrow(expect.objectContaining({ code: 'provider_garbage' }));
    expect(() => readResponse(null)).toThrow(expect.objectContaining({ code: 'provider_garbage' }));
  });
});

describe('streams', () => {
  const finish = chunk({}, {}, { finish_reason: 'stop' });
  const last = async (frames: AsyncIterable<SseFrame>) => (await collect(readEvents(frames))).at(-1);

  test('interleaved parallel tool deltas keep to their calls', async () => {
    const call = (index: number, words: JsonObject) => chunk({ tool_calls: [{ index, ...words }] });
    const answer = await foldEvents(
      readEvents(
        stream(
          chunk({ role: 'assistant', content: null }),
          chunk({ content: 'Looking.' }),
          call(0, { id: 'call_a', type: 'function', function: { name: 'f', arguments: '' } }),
          call(0, { function: { arguments: '{"a"' } }),
          call(1, { id: 'call_b', type: 'function', function: { name: 'g', arguments: '{' } }),
          call(0, { function: { arguments: ':1}' } }),
          call(1, { function: { arguments: '}' } }),
          chunk({}, {}, { finish_reason: 'tool_calls' }),
          '[DONE]',
        ),
      ),
    );
    expect(answer.choices).toEqual([
      {
        finish: 'tool_calls',
        rawFinish: 'tool_calls',
        parts: [
          { type: 'text', text: 'Looking.' },
          { type: 'tool_call', id: 'call_a', name: 'f', arguments: '{"a":1}' },
          { type: 'tool_call', id: 'call_b', name: 'g', arguments: '{}' },
        ],
      },
    ]);
    expect(answer).not.toHaveProperty('counts');
  });

  test('servers that repeat index 0, send arguments parsed, or leave the index out', async () => {
    const call = (words: JsonObject) => chunk({ tool_calls: [words] });
    const answer = await foldEvents(
      readEvents(
        stream(
          call({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }),
          call({ index: 0, id: 'b', function: { name: 'g', arguments: { x: 1 } } }),
          chunk({}, {}, { finish_reason: 'stop' }),
          '[DONE]',
        ),
      ),
    );
    expect(answer.choices[0]).toMatchObject({
      finish: 'tool_calls',
      parts: [
        { id: 'a', arguments: '{}' },
        { id: 'b', arguments: '{"x":1}' },
      ],
    });
    const bare = await foldEvents(
      readEvents(
        stream(
          call({ id: 'a', function: { name: 'f', arguments: '{' } }),
          call({ function: { arguments: '}' } }),
          call({ id: 'b', function: { name: 'g', arguments: '{}' } }),
          chunk({}, {}, { finish_reason: 'tool_calls' }),
          '[DONE]',
        ),
      ),
    );
    expect(bare.choices[0]?.parts).toMatchObject([
      { id: 'a', arguments: '{}' },
      { id: 'b', arguments: '{}' },
    ]);
  });

  test('reasoning deltas, an Azure opening chunk, usage in its own chunk', async () => {
    const events = await collect(
      readEvents(
        stream(
          { id: '', object: '', created: 0, model: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
          chunk({ role: 'assistant', content: '', reasoning_content: null }),
          chunk({ reasoning_content: 'Hm' }),
          chunk({ content: 'Yes' }, { service_tier: 'default', obfuscation: 'xyz' }),
          finish,
          { id: 'chatcmpl-1', choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
          '[DONE]',
        ),
      ),
    );
    expect(events.map((event) => event.type)).toEqual([
      'start',
      'other',
      'part_start',
      'part_delta',
      'part_end',
      'part_start',
      'part_delta',
      'other',
      'part_end',
      'usage',
      'finish',
    ]);
    expect(await foldEvents(events)).toMatchObject({
      id: 'chatcmpl-1',
      counts: { input: 3, output: 2 },
      extra: { params: { service_tier: 'default', prompt_filter_results: [{ prompt_index: 0 }] } },
      choices: [
        {
          parts: [
            { type: 'reasoning', text: 'Hm' },
            { type: 'text', text: 'Yes' },
          ],
        },
      ],
    });
  });

  test('sound and custom tools arrive whole', async () => {
    const answer = await foldEvents(
      readEvents(
        stream(
          chunk({ audio: { id: 'audio_1', data: 'UklG' } }),
          chunk({ audio: { data: 'Rg==', transcript: 'Hi', expires_at: 5 } }),
          chunk({ tool_calls: [{ index: 0, id: 'c', type: 'custom', custom: { name: 'sql', input: 'sel' } }] }),
          chunk({ tool_calls: [{ index: 0, custom: { input: 'ect' } }] }),
          chunk({}, {}, { finish_reason: 'tool_calls' }),
          '[DONE]',
        ),
      ),
    );
    expect(answer.choices[0]?.parts).toMatchObject([
      { type: 'other', data: { id: 'c', custom: { name: 'sql', input: 'select' } } },
      {
        type: 'asset',
        asset: { mediaType: 'audio/wav' },
        opaque: { data: { id: 'audio_1', transcript: 'Hi', expires_at: 5 } },
      },
    ]);
  });

  test('several choices, interleaved', async () => {
    const of = (index: number, delta: JsonObject, reason: string | null = null) =>
      chunk(delta, {}, { index, finish_reason: reason });
    const answer = await foldEvents(
      readEvents(
        stream(
          of(0, { content: 'a' }),
          of(1, { content: 'x' }),
          of(0, { content: 'b' }),
          of(1, {}, 'length'),
          of(0, {}, 'stop'),
          '[DONE]',
        ),
      ),
    );
    expect(answer.choices).toMatchObject([
      { parts: [{ text: 'ab' }], finish: 'stop' },
      { parts: [{ text: 'x' }], finish: 'length' },
    ]);
  });

  test('a stream without [DONE] is interrupted, even after a finish reason', async () => {
    expect(await last(stream(chunk({ content: 'Hel' })))).toMatchObject({
      type: 'error',
      error: { code: 'stream_interrupted' },
    });
    expect(await last(stream(chunk({ content: 'Hello' }), finish))).toMatchObject({
      type: 'error',
      error: { code: 'stream_interrupted' },
    });
    expect(await last(stream())).toMatchObject({ type: 'error', error: { code: 'stream_interrupted' } });
    expect(await last(stream('[DONE]'))).toMatchObject({ type: 'error', error: { code: 'provider_garbage' } });
  });

  test('what was known of usage is told before the interruption', async () => {
    const events = await collect(
      readEvents(
        stream(chunk({ content: 'a' }, { usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 } })),
      ),
    );
    expect(events.slice(-2)).toMatchObject([{ type: 'usage', counts: { input: 3, output: 1 } }, { type: 'error' }]);
  });

  test('a dead connection becomes an error event with its cause', async () => {
    async function* dying(): AsyncGenerator<SseFrame> {
      yield { data: JSON.stringify(chunk({ content: 'a' })) };
      throw new TypeError('terminated');
    }
    expect(await last(dying())).toMatchObject({
      type: 'error',
      error: { code: 'stream_interrupted', cause: { message: 'terminated' } },
    });
  });

  test.each<[string, JsonObject, string]>([
    ['overloaded', { message: 'Overloaded', type: 'server_error', code: '503' }, 'provider_overloaded'],
    ['rate limit', { message: 'Slow', type: 'rate_limit_error' }, 'provider_rate_limited'],
    ['numbers', { message: 'No', code: 429 }, 'provider_rate_limited'],
    ['anything', { message: 'The server had an error', type: 'server_error' }, 'provider_error'],
  ])('an error inside a 200 stream: %s', async (_, error, code) => {
    const events = await collect(
      readEvents(stream(chunk({ content: 'a' }), { error }, chunk({ content: 'never' }), '[DONE]')),
    );
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code, details: { raw: { error } } } });
    expect(JSON.stringify(events)).not.toContain('never');
  });

  test('half a chunk in the middle is garbage', async () => {
    expect(await last(stream(chunk({ content: 'a' }), '{"choices":[', '[DONE]'))).toMatchObject({
      error: { code: 'provider_garbage' },
    });
  });

  test('a written stream ends in an error chunk, never in [DONE], when the answer failed or stopped', async () => {
    const begun: Event[] = [
      { type: 'start', id: 'x' },
      { type: 'part_start', index: 0, part: { type: 'text', text: 'Hel' } },
    ];
    const error = new GatewayError('provider_overloaded', 'Too busy.');
    const failed = await collect(writeEvents(each([...begun, { type: 'error', error }])));
    expect(JSON.parse(failed.at(-1)?.data ?? '')).toMatchObject({
      error: { code: 'provider_overloaded', message: 'Too busy.' },
    });
    const stopped = await collect(writeEvents(each(begun)));
    expect(JSON.parse(stopped.at(-1)?.data ?? '')).toMatchObject({
      error: { code: 'stream_interrupted', type: 'api_error' },
    });
  });

  test('usage is hidden from a client that did not ask', async () => {
    const frames = await collect(
      withoutUsage(
        stream(
          chunk({ content: 'a' }),
          finish,
          { id: 'x', choices: [], usage: { prompt_tokens: 1 } },
          { error: { message: 'x' }, choices: [] },
          '[DONE]',
        ),
      ),
    );
    expect(frames.map((frame) => frame.data.includes('"usage"'))).toEqual([false, false, false, false]);
  });
});

describe('errors', () => {
  test.each<[Json, object]>([
    [
      { error: { message: 'Bad', type: 'invalid_request_error', code: 'x', param: 'y' } },
      { message: 'Bad', type: 'invalid_request_error', code: 'x' },
    ],
    [{ error: 'plain' }, { message: 'plain' }],
    [{ detail: [{ loc: ['body'] }] }, { message: '[{"loc":["body"]}]' }],
    [[{ error: { code: 400, message: 'Google', status: 'INVALID_ARGUMENT' } }], { message: 'Google', code: '400' }],
    [null, { message: 'HTTP 400' }],
  ])('reads %j', (body, words) => {
    expect(readError(400, body)).toEqual(words);
  });

  test('writes the envelope with a stable code, the parameter and the facts', () => {
    const error = new GatewayError('modality_mismatch', {
      message: 'No pictures.',
      param: 'model',
      facts: { models: ['a'] },
    });
    const body = writeError(error);
    expect(body).toEqual({
      error: {
        message: 'No pictures.',
        type: 'invalid_request_error',
        param: 'model',
        code: 'modality_mismatch',
        facts: { models: ['a'] },
      },
    });
    clean('ErrorResponse', body);
    expect(writeError(new GatewayError('rate_limited', 'Slow.'))).toMatchObject({
      error: { type: 'rate_limit_error' },
    });
    expect(writeError(new GatewayError('invalid_api_key', 'No.'))).toMatchObject({
      error: { type: 'authentication_error' },
    });
    expect(writeError(new GatewayError('provider_error', 'Oh.'))).toMatchObject({
      error: { type: 'api_error', param: null },
    });
  });
});

describe('scan', () => {
  test('parses only frames with usage or an error', () => {
    expect(scan.interesting('{"choices":[{"delta":{"content":"\\"usage\\":{"}}],"usage":null}')).toBe(false);
    expect(scan.interesting('{"choices":[],"usage": {"prompt_tokens":1}}')).toBe(true);
    expect(scan.interesting('{"error":{"message":"x"}}')).toBe(true);
    expect(scan.terminal('[DONE]')).toBe(true);
    expect(scan.terminal('{"choices":[]}')).toBe(false);
    expect(scan.usage({ choices: [], usage: { prompt_tokens: 2 } }, { prompt_tokens: 1 })).toEqual({
      prompt_tokens: 2,
    });
    expect(scan.usage({ choices: [], usage: null }, { prompt_tokens: 1 })).toEqual({ prompt_tokens: 1 });
    expect(scan.error?.({ error: { message: 'x' } })).toEqual({ message: 'x' });
    expect(scan.usageOfBody({ usage: { prompt_tokens: 1 } })).toEqual({ prompt_tokens: 1 });
    expect(scan.usageOfBody({ usage: null })).toBeUndefined();
  });
});
