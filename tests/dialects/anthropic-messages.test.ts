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
import { anthropicMessages } from '../../src/dialects/anthropic-messages.ts';
import { foldEvents, unfoldAnswer } from '../../src/dialects/fold.ts';
import { readSse, writeSse } from '../../src/dialects/sse.ts';
import { hasSpecs, validator } from '../support/spec.ts';
import { bytes, collect, count, cutAt, each, id, schema, some, text, textPart, toolCall, word } from './arbitrary.ts';

const { readRequest, writeRequest, readResponse, writeResponse, readEvents, writeEvents, readError, writeError, scan } =
  anthropicMessages;
const owner = 'anthropic-messages' as const;
const schemaOf = (name: string) => validator('anthropic', `/components/schemas/${name}`);
const clean = (name: string, value: unknown) => expect(schemaOf(name)?.(value)).toBeUndefined();
const copy = (value: unknown): Json => JSON.parse(JSON.stringify(value));
const stream = (...frames: JsonObject[]) =>
  each(frames.map((frame): SseFrame => ({ event: String(frame.type), data: JSON.stringify(frame) })));
const read = (...frames: JsonObject[]) => collect(readEvents(stream(...frames)));
const base = { model: 'claude-opus-5-5', max_tokens: 100 };

const cacheMark = { owner, data: { cache_control: { type: 'ephemeral' } } };
const markedText = text.map((value): Part => ({ type: 'text', text: value, opaque: cacheMark }));
const thinking = fc
  .tuple(text, word)
  .map(([value, data]): Part => ({ type: 'reasoning', text: value, opaque: { owner, data } }));
const redacted = word.map((data): Part => ({ type: 'reasoning', text: '', redacted: true, opaque: { owner, data } }));
const picture = fc.oneof(
  fc
    .tuple(bytes, fc.constantFrom('image/png', 'image/jpeg', 'image/webp'))
    .map(([content, mediaType]): Part => ({ type: 'asset', asset: { mediaType, bytes: content } })),
  fc.constant<Part>({
    type: 'asset',
    asset: { mediaType: 'image/*', url: 'https://example.com/cat.png' },
    opaque: cacheMark,
  }),
);
const paper = fc.oneof(
  fc
    .tuple(bytes, word)
    .map(([content, name]): Part => ({ type: 'asset', asset: { mediaType: 'application/pdf', bytes: content, name } })),
  word.map(
    (words): Part => ({ type: 'asset', asset: { mediaType: 'text/plain', bytes: new TextEncoder().encode(words) } }),
  ),
  fc.constant<Part>({ type: 'asset', asset: { mediaType: 'application/pdf', url: 'https://example.com/a.pdf' } }),
);
const result = fc.tuple(id, fc.array(fc.oneof(textPart, picture), { maxLength: 3 }), fc.boolean(), fc.boolean()).map(
  ([call, content, failed, marked]): Part => ({
    type: 'tool_result',
    id: call,
    content,
    ...(failed ? { isError: true } : {}),
    ...(marked ? { opaque: cacheMark } : {}),
  }),
);
/** A turn of results, then perhaps what the user adds: one user turn on the wire. Two of them in a row would be one. */
const userTurn = fc
  .array(fc.oneof(textPart, markedText, picture, paper), { minLength: 1, maxLength: 3 })
  .map((parts): Message[] => [{ role: 'user', parts }]);
const assistantTurn = fc
  .array(fc.oneof(textPart, thinking, redacted, toolCall), { minLength: 1, maxLength: 4 })
  .map((parts): Message[] => [{ role: 'assistant', parts }]);
const resultTurn = fc
  .tuple(fc.array(result, { minLength: 1, maxLength: 3 }), userTurn)
  .map(([results, user]): Message[] => [...results.map((part): Message => ({ role: 'tool', parts: [part] })), ...user]);
const conversation = fc
  .tuple(
    fc.option(fc.array(fc.oneof(textPart, markedText), { minLength: 1, maxLength: 2 }), { nil: undefined }),
    fc.array(fc.oneof(userTurn, assistantTurn, resultTurn), { minLength: 1, maxLength: 5 }),
  )
  .map(([system, turns]): Message[] => [
    ...(system ? [{ role: 'system' as const, parts: system }] : []),
    ...turns.flat(),
  ]);

const tool = fc.oneof(
  fc.record(
    { type: fc.constant('function' as const), name: word, description: text, parameters: schema, strict: fc.boolean() },
    { requiredKeys: ['type', 'name', 'parameters'], noNullPrototype: true },
  ),
  fc.constant({ type: 'other' as const, dialect: owner, data: { type: 'web_search_20250305', name: 'web_search' } }),
);
const request = fc
  .tuple(
    fc.record({ model: word, messages: conversation, maxOutputTokens: fc.integer({ min: 3000, max: 64_000 }) }),
    some<Omit<TextRequest, 'model' | 'messages'>>({
      stream: fc.boolean(),
      stop: fc.array(word, { minLength: 1, maxLength: 3 }),
      output: schema.map((value) => ({ type: 'json_schema' as const, schema: value })),
      reasoning: fc.oneof(
        fc.record(
          { effort: fc.constantFrom('low', 'medium', 'high', 'xhigh', 'max' as const), include: fc.boolean() },
          { requiredKeys: ['effort'], noNullPrototype: true },
        ),
        fc.record({ budgetTokens: fc.integer({ min: 1024, max: 2999 }) }),
        fc.constant({ effort: 'none' as const }),
      ),
      serviceTier: fc.constantFrom('auto', 'standard_only'),
      user: word,
      extra: fc.constant({
        dialect: owner,
        params: { cache_control: { type: 'ephemeral' }, inference_geo: 'eu', thing: { of: 'tomorrow' } },
      }),
    }),
    fc.option(
      fc.tuple(
        fc.array(tool, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('auto', 'required' as const),
        fc.boolean(),
      ),
      { nil: undefined },
    ),
  )
  .map(([needed, more, tooling]): TextRequest => {
    if (!tooling) return { ...needed, ...more };
    const [tools, toolChoice, parallelToolCalls] = tooling;
    return { ...needed, ...more, tools, toolChoice, parallelToolCalls };
  });

const rawUsage = fc
  .record({
    input: fc.integer({ min: 1, max: 9999 }),
    output: count,
    read: count,
    five: count,
    hour: count,
    thought: count,
  })
  .map(({ input, output, read: cached, five, hour, thought }) => ({
    counts: {
      input: input + cached + five + hour,
      cachedInput: cached,
      cacheWrite: five + hour,
      output,
      reasoning: thought,
    },
    rawUsage: {
      input_tokens: input,
      cache_creation_input_tokens: five + hour,
      cache_read_input_tokens: cached,
      cache_creation: { ephemeral_5m_input_tokens: five, ephemeral_1h_input_tokens: hour },
      output_tokens: output,
      output_tokens_details: { thinking_tokens: thought },
      server_tool_use: { web_search_requests: 1, web_fetch_requests: 0 },
      service_tier: 'priority',
      inference_geo: 'eu',
    },
  }));
const citation = word.map(
  (title): Json => ({
    type: 'web_search_result_location',
    url: `https://example.com/${title}`,
    title,
    cited_text: title,
    encrypted_index: 'abc',
  }),
);
const serverTool: Part = {
  type: 'other',
  dialect: owner,
  data: {
    type: 'server_tool_use',
    id: 'srvtoolu_1',
    name: 'web_search',
    input: { query: 'x' },
    caller: { type: 'direct' },
  },
};
const answerPart = fc.oneof(
  textPart,
  fc
    .tuple(text, fc.array(citation, { minLength: 1, maxLength: 2 }))
    .map(([value, annotations]): Part => ({ type: 'text', text: value, annotations })),
  thinking,
  redacted,
  toolCall,
  fc.constant(serverTool),
);
const answer = fc
  .tuple(
    fc.record({ id, model: word }),
    fc.array(answerPart, { maxLength: 5 }),
    fc.constantFrom(
      ['end_turn', 'stop'] as const,
      ['stop_sequence', 'stop'] as const,
      ['max_tokens', 'length'] as const,
      ['tool_use', 'tool_calls'] as const,
      ['pause_turn', 'pause'] as const,
      ['refusal', 'refusal'] as const,
    ),
    rawUsage,
  )
  .map(
    ([head, parts, [rawFinish, finish], figures]): TextAnswer => ({
      ...head,
      choices: [{ parts, finish, rawFinish }],
      ...figures,
      ...(rawFinish === 'stop_sequence' ? { extra: { dialect: owner, params: { stop_sequence: 'END' } } } : {}),
    }),
  );

describe('laws', () => {
  test('read(write(x)) = x on requests, without a warning and valid to the vendor', () => {
    fc.assert(
      fc.property(request, (value) => {
        const { body, warnings } = writeRequest(value);
        expect(warnings).toEqual([]);
        const { thing, ...described } = body;
        const later = (body.messages as JsonObject[]).some((message) => message.role === 'system');
        if (!later) clean('CreateMessageParams', described);
        expect(thing).toEqual(value.extra?.params.thing);
        expect(readRequest(copy(body))).toEqual(value);
      }),
    );
  });

  test('read(write(x)) = x on answers, valid to the vendor', () => {
    fc.assert(
      fc.property(answer, (value) => {
        const body = copy(writeResponse(value));
        clean('Message', body);
        expect(readResponse(body)).toEqual(value);
      }),
    );
  });

  test('the fold of a stream equals the plain answer, however its bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(answer, fc.array(fc.nat(), { maxLength: 30 }), async (value, places) => {
        const frames = await collect(writeEvents(each(unfoldAnswer(value))));
        for (const { event, data } of frames) {
          clean('MessageStreamEvent', JSON.parse(data));
          expect(JSON.parse(data).type).toBe(event);
        }
        expect(frames.at(-1)?.data).toBe('{"type":"message_stop"}');
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
    expect(schemaOf('CreateMessageParams')?.({ ...base, messages: [], nonsense: 1 })).toBeTypeOf('string');
    expect(schemaOf('MessageStreamEvent')?.({ type: 'nonsense' })).toBeTypeOf('string');
    expect(schemaOf('Message')?.({ type: 'message' })).toBeTypeOf('string');
  });
});

describe('requests', () => {
  test('reads what a client sends, and writes it back', () => {
    const body: JsonObject = {
      ...base,
      max_tokens: 4000,
      system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl: '1h' } }],
      messages: [
        { role: 'user', content: 'Hi' },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm', signature: 'sig==' },
            { type: 'tool_use', id: 'toolu_1', name: 'look', input: { a: 1 } },
            { type: 'tool_use', id: 'toolu_2', name: 'look', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'toolu_1', content: 'a cat', cache_control: { type: 'ephemeral' } },
            { type: 'tool_result', tool_use_id: 'toolu_2', is_error: true },
            { type: 'text', text: 'So?' },
          ],
        },
        { role: 'system', content: 'From now on in French.' },
        { role: 'user', content: [{ type: 'image', source: { type: 'file', file_id: 'file_1' } }] },
      ],
      tools: [{ name: 'look', input_schema: { type: 'object' }, cache_control: { type: 'ephemeral' } }],
      tool_choice: { type: 'tool', name: 'look', disable_parallel_tool_use: true },
      thinking: { type: 'enabled', budget_tokens: 2000 },
      metadata: { user_id: 'u1' },
      container: 'c1',
    };
    const request = readRequest(body);
    expect(request.messages.map((message) => message.role)).toEqual([
      'system',
      'user',
      'assistant',
      'tool',
      'tool',
      'user',
      'system',
      'user',
    ]);
    expect(request).toMatchObject({
      toolChoice: { name: 'look' },
      parallelToolCalls: false,
      reasoning: { budgetTokens: 2000 },
      user: 'u1',
    });
    expect(request.messages[2]?.parts[0]).toEqual({ type: 'reasoning', text: 'Hm', opaque: { owner, data: 'sig==' } });
    const { body: again, warnings } = writeRequest(request);
    expect(warnings).toEqual([]);
    expect(again).toEqual({
      ...body,
      messages: (body.messages as JsonObject[]).map((message) =>
        typeof message.content === 'string'
          ? { ...message, content: [{ type: 'text', text: message.content }] }
          : message,
      ),
    });
  });

  test('names the field at fault', () => {
    const param = (body: Json) => {
      try {
        readRequest(body);
      } catch (error) {
        return error instanceof GatewayError && error.code === 'invalid_request' ? error.details.param : error;
      }
    };
    expect(param({ max_tokens: 1, messages: [] })).toBe('model');
    expect(param({ ...base })).toBe('messages');
    expect(param({ ...base, max_tokens: '5', messages: [] })).toBe('max_tokens');
    expect(param({ ...base, messages: [{ role: 'nobody', content: 'x' }] })).toBe('messages[0].role');
    expect(param({ ...base, messages: [{ role: 'user', content: [{ type: 'text' }] }] })).toBe(
      'messages[0].content[0].text',
    );
  });

  test('leaves out what the 2026-10-21 API refuses, with one warning each, and adds max_tokens', () => {
    const { body, warnings } = writeRequest({
      model: 'm',
      messages: [{ role: 'user', parts: [{ type: 'text', text: 'x' }] }],
      temperature: 1,
      topP: 0.5,
      topK: 4,
      seed: 1,
      n: 2,
      logprobs: {},
      frequencyPenalty: 0,
      presencePenalty: 1,
      output: { type: 'json' },
      serviceTier: 'flex',
      toolChoice: 'auto',
      extra: { dialect: 'openai-chat', params: { verbosity: 'low', store: true } },
    });
    expect(body).toEqual({
      model: 'm',
      max_tokens: 4096,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }],
    });
    expect(warnings).toHaveLength(11);
    expect(new Set(warnings).size).toBe(11);
  });

  test('drops foreign reasoning and signatures with one warning each, keeps the conversation', () => {
    const { body, warnings } = writeRequest({
      model: 'm',
      messages: [
        { role: 'user', parts: [{ type: 'text', text: 'x' }] },
        {
          role: 'assistant',
          parts: [
            { type: 'reasoning', text: 'secret', opaque: { owner: 'gemini', data: 'sig' } },
            { type: 'reasoning', text: 'more', opaque: { owner: 'gemini', data: 'sig' } },
            { type: 'tool_call', id: 'call:1', name: 'f', arguments: '{"a": ', opaque: { owner: 'gemini', data: 's' } },
          ],
        },
        { role: 'tool', parts: [{ type: 'tool_result', id: 'call:1', content: [] }] },
      ],
    });
    expect(body.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'x' }] },
      {
        role: 'assistant',
        content: [{ type: 'tool_use', id: 'call_1', name: 'f', input: { INVALID_JSON: '{"a": ' } }],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_1' }] },
    ]);
    expect(warnings).toHaveLength(2);
  });

  test('puts results first in their turn and leaves out empty texts, which the API refuses', () => {
    const words = (value: string): Part => ({ type: 'text', text: value });
    const { body } = writeRequest({
      model: 'm',
      messages: [
        { role: 'user', parts: [words('')] },
        {
          role: 'user',
          parts: [words('So?'), { type: 'tool_result', id: 'c', content: [words(''), words('cat')] }, words('')],
        },
      ],
    });
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c', content: 'cat' },
          { type: 'text', text: 'So?' },
        ],
      },
    ]);
  });

  test('refuses media that has no place', () => {
    const ask = (mediaType: string) =>
      writeRequest({
        model: 'm',
        messages: [{ role: 'user', parts: [{ type: 'asset', asset: { mediaType, bytes: new Uint8Array(1) } }] }],
      });
    expect(() => ask('audio/wav')).toThrow(expect.objectContaining({ code: 'unsupported_parameter' }));
    expect(() => ask('image/svg+xml')).toThrow(expect.objectContaining({ code: 'unsupported_parameter' }));
    expect(() => ask('image/png')).not.toThrow();
  });

  test('fits a thinking budget between 1,024 and max_tokens', () => {
    const ask = (budgetTokens: number, maxOutputTokens?: number) =>
      writeRequest({
        model: 'm',
        messages: [],
        reasoning: { budgetTokens },
        ...(maxOutputTokens ? { maxOutputTokens } : {}),
      });
    expect(ask(8000).body).toMatchObject({ max_tokens: 12_096, thinking: { type: 'enabled', budget_tokens: 8000 } });
    expect(ask(8000, 5000).body).toMatchObject({ max_tokens: 5000, thinking: { budget_tokens: 4999 } });
    expect(ask(8000, 5000).warnings).toHaveLength(1);
    expect(ask(8000, 800).body).toMatchObject({ max_tokens: 800, thinking: { type: 'adaptive' } });
    expect(ask(-1).body).toMatchObject({ thinking: { type: 'adaptive' } });
    expect(ask(0).body).toMatchObject({ thinking: { type: 'disabled' } });
  });
});

describe('answers', () => {
  test('input counts what was read afresh and from the cache; what is missing stays unknown', () => {
    const message = { id: 'msg_1', model: 'm', content: [], stop_reason: 'end_turn' };
    const usage = { input_tokens: 5, cache_creation_input_tokens: 7, cache_read_input_tokens: 11, output_tokens: 3 };
    expect(readResponse({ ...message, usage }).counts).toEqual({
      input: 23,
      cachedInput: 11,
      cacheWrite: 7,
      output: 3,
    });
    expect(readResponse({ ...message, usage: null })).not.toHaveProperty('counts');
    expect(readResponse({ ...message, usage: { input_tokens: null, output_tokens: 3 } }).counts).toEqual({ output: 3 });
    const written = writeResponse({ choices: [{ parts: [], finish: 'stop' }] }).usage;
    expect(written).toMatchObject({ input_tokens: null, output_tokens: null });
  });

  test('shows a foreign answer: thoughts without a signature, refusals and pictures as text, usage by its counts', () => {
    const body = writeResponse({
      id: 'x',
      model: 'm',
      choices: [
        {
          parts: [
            { type: 'reasoning', text: 'Hm', opaque: { owner: 'gemini', data: 's' } },
            { type: 'refusal', text: 'No.' },
            { type: 'asset', asset: { mediaType: 'image/png', url: 'https://example.com/a.png' } },
          ],
          finish: 'content_filter',
          rawFinish: 'SAFETY',
        },
      ],
      counts: { input: 20, cachedInput: 5, output: 9, reasoning: 4 },
      rawUsage: { promptTokenCount: 20 },
    });
    clean('Message', body);
    expect(body.content).toEqual([
      { type: 'thinking', thinking: 'Hm', signature: '' },
      { type: 'text', text: 'No.', citations: null },
      { type: 'text', text: '![image/png](https://example.com/a.png)', citations: null },
    ]);
    expect(body.stop_reason).toBe('refusal');
    expect(body.usage).toMatchObject({ input_tokens: 15, cache_read_input_tokens: 5, output_tokens: 9 });
  });

  test("what is no answer is the provider's fault, never the caller's", async () => {
    const wrong = (code: string) => expect.objectContaining({ code });
    expect(() => readResponse({})).toThrow(wrong('provider_garbage'));
    expect(() => readResponse({ content: [{ type: 'tool_use' }] })).toThrow(wrong('provider_garbage'));
    const error = { type: 'error', error: { type: 'rate_limit_error', message: 'x' } };
    expect(() => readResponse(error)).toThrow(wrong('provider_rate_limited'));
    const events = await read(start(), open(0, { type: 'tool_use' }));
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'provider_garbage' } });
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const last = (await collect(readEvents(each([{ data: JSON.stringify(value) }])))).at(-1);
        expect(last?.type).toBe('error');
        for (const reading of [() => readResponse(value as Json), () => readRequest(value as Json)]) {
          try {
            reading();
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(GatewayError);
          }
        }
      }),
    );
  });

  test('keeps unknown fields of the answer and of its blocks', () => {
    const body = {
      ...writeResponse({ id: 'a', model: 'm', choices: [{ parts: [], finish: 'refusal' }] }),
      stop_details: { type: 'refusal', category: 'bio', explanation: null },
      future: 1,
      content: [
        { type: 'tool_use', id: 't', name: 'f', input: {}, caller: { type: 'code_execution_20260120', tool_id: 's' } },
      ],
    };
    expect(writeResponse(readResponse(copy(body)))).toEqual(body);
  });
});

const start = (
  usage: Json = {
    input_tokens: 10,
    cache_creation_input_tokens: 3,
    cache_creation: { ephemeral_5m_input_tokens: 3 },
    output_tokens: 1,
  },
) => ({
  type: 'message_start',
  message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null, usage },
});
const open = (index: number, content_block: JsonObject) => ({ type: 'content_block_start', index, content_block });
const delta = (index: number, more: JsonObject) => ({ type: 'content_block_delta', index, delta: more });
const stop = (index: number) => ({ type: 'content_block_stop', index });
const end = (stop_reason: string, usage: Json = { output_tokens: 20 }) => ({
  type: 'message_delta',
  delta: { stop_reason, stop_sequence: null },
  usage,
});
const done = { type: 'message_stop' };

describe('streams', () => {
  test('thinking with its signature, then parallel tool calls, pings between', async () => {
    const events = await read(
      start(),
      open(0, { type: 'thinking', thinking: '', signature: '' }),
      { type: 'ping' },
      delta(0, { type: 'thinking_delta', thinking: 'Hm' }),
      delta(0, { type: 'signature_delta', signature: 'sig==' }),
      stop(0),
      open(1, { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }),
      delta(1, { type: 'input_json_delta', partial_json: '' }),
      delta(1, { type: 'input_json_delta', partial_json: '{"a"' }),
      delta(1, { type: 'input_json_delta', partial_json: ': 1}' }),
      stop(1),
      open(2, { type: 'tool_use', id: 'toolu_2', name: 'g', input: {} }),
      stop(2),
      end('tool_use'),
      done,
    );
    const answer = await foldEvents(events);
    expect(answer.choices).toEqual([
      {
        parts: [
          { type: 'reasoning', text: 'Hm', opaque: { owner, data: 'sig==' } },
          { type: 'tool_call', id: 'toolu_1', name: 'f', arguments: '{"a": 1}' },
          { type: 'tool_call', id: 'toolu_2', name: 'g', arguments: '{}' },
        ],
        finish: 'tool_calls',
        rawFinish: 'tool_use',
      },
    ]);
    // the cache split comes in message_start only, the output in message_delta only
    expect(answer.counts).toEqual({ input: 13, cacheWrite: 3, output: 20 });
    expect(answer.rawUsage).toEqual({
      input_tokens: 10,
      cache_creation_input_tokens: 3,
      cache_creation: { ephemeral_5m_input_tokens: 3 },
      output_tokens: 20,
    });
  });

  test('an error event after 200 is the last event', async () => {
    const events = await read(
      start(),
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      done,
    );
    expect(events.at(-1)).toMatchObject({
      type: 'error',
      error: { code: 'provider_overloaded', message: 'Overloaded' },
    });
    expect(events.filter((event) => event.type === 'finish')).toEqual([]);
    const frames = await collect(writeEvents(each(events)));
    expect(frames.map((frame) => frame.event)).toEqual(['error']);
    expect(JSON.parse(frames[0]?.data ?? '')).toMatchObject({
      error: { type: 'overloaded_error', code: 'provider_overloaded' },
    });
  });

  test('a stream without message_stop is interrupted, whatever came before', async () => {
    const whole = [
      start(),
      open(0, { type: 'text', text: '' }),
      delta(0, { type: 'text_delta', text: 'a' }),
      stop(0),
      end('end_turn'),
    ];
    for (let length = 0; length <= whole.length; length++) {
      const events = await read(...whole.slice(0, length));
      expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'stream_interrupted' } });
      const frames = await collect(writeEvents(each(events)));
      expect(frames.at(-1)?.event).toBe('error');
      expect(frames.some((frame) => frame.event === 'message_stop')).toBe(false);
    }
    expect((await read(...whole, done)).at(-1)).toEqual({ type: 'finish', reason: 'stop', rawReason: 'end_turn' });
  });

  test('events that end without a finish are an error; parts of further choices have no place', async () => {
    const part = (index: number, choice: number): Event[] => [
      { type: 'part_start', index, choice, part: { type: 'text', text: `choice ${choice}` } },
      { type: 'part_delta', index, delta: { text: ' more' } },
      { type: 'part_end', index },
    ];
    const unfinished = await collect(writeEvents(each<Event>([{ type: 'start' }, ...part(0, 0)])));
    expect(JSON.parse(unfinished.at(-1)?.data ?? '')).toMatchObject({ error: { code: 'stream_interrupted' } });
    const finish: Event[] = [0, 1].map((choice) => ({ type: 'finish', reason: choice ? 'length' : 'stop', choice }));
    const two = await foldEvents(
      readEvents(writeEvents(each<Event>([{ type: 'start' }, ...part(0, 0), ...part(1, 1), ...finish]))),
    );
    expect(two.choices).toMatchObject([{ parts: [{ type: 'text', text: 'choice 0 more' }], finish: 'stop' }]);
    expect(two.choices).toHaveLength(1);
  });

  test('broken frames and a dying source become one error event', async () => {
    const garbage = await collect(readEvents(each([{ data: 'not json' }])));
    expect(garbage).toMatchObject([{ type: 'error', error: { code: 'provider_garbage' } }]);
    const dying = (async function* (): AsyncGenerator<SseFrame> {
      yield { data: JSON.stringify(start()) };
      throw new TypeError('terminated');
    })();
    expect((await collect(readEvents(dying))).at(-1)).toMatchObject({ error: { code: 'stream_interrupted' } });
  });

  test('missing usage stays unknown, also through our own stream', async () => {
    const events = await read(start(null), open(0, { type: 'text', text: 'a' }), stop(0), end('end_turn', null), done);
    expect(await foldEvents(events)).not.toHaveProperty('counts');
    const frames = await collect(writeEvents(each(events)));
    clean('MessageStreamEvent', JSON.parse(frames[0]?.data ?? ''));
    expect((await foldEvents(readEvents(each(frames)))).counts).toBeUndefined();
  });

  test('usage known before the first part is in message_start, late usage in message_delta', async () => {
    const usage = { type: 'usage', counts: { input: 9, output: 4 } } as const;
    const body: Event[] = [
      { type: 'part_start', index: 0, part: { type: 'text', text: 'a' } },
      { type: 'part_end', index: 0 },
    ];
    const finish: Event = { type: 'finish', reason: 'stop' };
    const usageOf = async (...events: Event[]) => {
      const frames = (await collect(writeEvents(each(events)))).map((frame) => JSON.parse(frame.data));
      return [
        frames[0].message.usage.input_tokens,
        frames.at(-2).usage.input_tokens,
        frames.at(-2).usage.output_tokens,
      ];
    };
    expect(await usageOf({ type: 'start' }, usage, ...body, finish)).toEqual([9, 9, 4]);
    expect(await usageOf({ type: 'start' }, ...body, usage, finish)).toEqual([0, 9, 4]);
  });

  test('interleaved parts get blocks of their own, one after the other', async () => {
    const call = (index: number): Event => ({
      type: 'part_start',
      index,
      part: { type: 'tool_call', id: `c${index}`, name: 'f', arguments: '' },
    });
    const grow = (index: number, more: string): Event => ({ type: 'part_delta', index, delta: { arguments: more } });
    const frames = await collect(
      writeEvents(
        each<Event>([
          { type: 'start' },
          call(0),
          call(1),
          grow(0, '{"a":'),
          grow(1, '{}'),
          grow(0, '1}'),
          { type: 'part_end', index: 0 },
          { type: 'part_end', index: 1 },
          { type: 'finish', reason: 'tool_calls' },
        ]),
      ),
    );
    for (const frame of frames.slice(0, -2)) clean('MessageStreamEvent', JSON.parse(frame.data));
    expect(frames.map((frame) => [frame.event, JSON.parse(frame.data).index])).toEqual([
      ['message_start', undefined],
      ['content_block_start', 0],
      ['content_block_delta', 0],
      ['content_block_delta', 0],
      ['content_block_stop', 0],
      ['content_block_start', 1],
      ['content_block_delta', 1],
      ['content_block_stop', 1],
      ['message_delta', undefined],
      ['message_stop', undefined],
    ]);
  });

  test('scan follows a passing stream: usage merged, the end seen, text that looks like frames ignored', () => {
    const text = JSON.stringify(delta(0, { type: 'text_delta', text: '{"type":"message_stop"} "type": "error"' }));
    expect([scan.interesting(text), scan.terminal(text)]).toEqual([false, false]);
    expect(scan.terminal(JSON.stringify(done))).toBe(true);
    expect(scan.terminal('{"type": "message_stop"}')).toBe(true);
    expect(scan.interesting(JSON.stringify(end('end_turn')))).toBe(true);
    const usage = [start(), end('end_turn', { output_tokens: 7, cache_read_input_tokens: null })].reduce<
      Json | undefined
    >((before, frame) => scan.usage(frame, before), undefined);
    expect(usage).toEqual({
      input_tokens: 10,
      cache_creation_input_tokens: 3,
      cache_creation: { ephemeral_5m_input_tokens: 3 },
      output_tokens: 7,
    });
    expect(scan.error?.({ type: 'error', error: { type: 'api_error' } })).toEqual({ type: 'api_error' });
    expect(scan.usageOfBody({ usage: { input_tokens: 1 } })).toEqual({ input_tokens: 1 });
  });
});

describe('errors', () => {
  test.each([
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [402, 'billing_error'],
    [403, 'permission_error'],
    [404, 'not_found_error'],
    [413, 'request_too_large'],
    [422, 'invalid_request_error'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [502, 'api_error'],
    [503, 'overloaded_error'],
    [504, 'timeout_error'],
    [529, 'overloaded_error'],
  ])('%i is %s and reads back', (status, type) => {
    const error = new GatewayError('provider_error', { message: 'No.', status });
    const body = writeError(error, 'req_1');
    if (type !== 'request_too_large') clean('ErrorResponse', body);
    expect(body).toEqual({
      type: 'error',
      error: { type, message: 'No.', code: 'provider_error' },
      request_id: 'req_1',
    });
    expect(readError(status, body)).toEqual({ message: 'No.', type, code: 'provider_error' });
  });

  test('schemas of other dialects go out closed, with bounds that cannot be held said in words', () => {
    const spoken: JsonObject = {
      type: 'object',
      properties: {
        age: { type: 'integer', minimum: 0, description: 'In years.' },
        tags: { type: 'array', items: { type: 'object', properties: { name: { type: 'string', maxLength: 5 } } } },
        kind: { oneOf: [{ type: 'string', format: 'uuid' }, { type: 'null' }] },
      },
      required: ['age'],
    };
    const form: JsonObject = {
      type: 'object',
      additionalProperties: false,
      properties: {
        age: { type: 'integer', description: 'In years.\n\n{minimum: 0}' },
        tags: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            properties: { name: { type: 'string', description: '{maxLength: 5}' } },
          },
        },
        kind: { anyOf: [{ type: 'string', format: 'uuid' }, { type: 'null' }] },
      },
      required: ['age'],
    };
    const written = (value: JsonObject) =>
      writeRequest({
        model: 'm',
        messages: [{ role: 'user', parts: [{ type: 'text', text: 'x' }] }],
        output: { type: 'json_schema', schema: value },
      }).body.output_config;
    expect(written(spoken)).toEqual({ format: { type: 'json_schema', schema: form } });
    expect(written(form)).toEqual({ format: { type: 'json_schema', schema: form } });
  });

  test('a turn of a message thread is refused in the words that the SDK goes on from', () => {
    const messages: Json = [{ role: 'user', content: 'x' }];
    expect(readRequest({ ...base, messages, thread: null }).extra).toEqual({
      dialect: 'anthropic-messages',
      params: { thread: null },
    });
    const refusal = () =>
      readRequest({ ...base, messages, thread: { type: 'continue', previous_message_id: 'msg_1' } });
    expect(refusal).toThrow(GatewayError);
    try {
      refusal();
    } catch (thrown) {
      expect(writeError(thrown as GatewayError)).toMatchObject({
        error: {
          type: 'invalid_request_error',
          code: 'unsupported_parameter',
          param: 'thread',
          details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] },
        },
      });
    }
  });

  test('reads what is no envelope', () => {
    expect(readError(502, '<html>')).toEqual({ message: '<html>' });
    expect(readError(500, null)).toEqual({ message: 'The provider answered 500.' });
    expect(
      readError(400, {
        error: { type: 'invalid_request_error', message: 'x', details: { error_code: 'image_dimensions_too_large' } },
      }),
    ).toMatchObject({
      code: 'image_dimensions_too_large',
    });
  });
});
