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
  type TokenCounts,
} from '../../src/contract/index.ts';
import { foldEvents, unfoldAnswer } from '../../src/dialects/fold.ts';
import { openaiChat } from '../../src/dialects/openai-chat.ts';
import { openaiResponses } from '../../src/dialects/openai-responses.ts';
import { readSse, writeSse } from '../../src/dialects/sse.ts';
import { validator } from '../support/spec.ts';
import {
  bytes,
  collect,
  count,
  cutAt,
  document,
  each,
  id,
  image,
  json,
  refusalPart,
  schema,
  some,
  text,
  textPart,
  toolCall,
  word,
} from './arbitrary.ts';

const { readRequest, writeRequest, readResponse, writeResponse, readEvents, writeEvents, scan } = openaiResponses;
const clean = (name: string, value: unknown, spec = 'openai') =>
  expect(validator(spec, `/components/schemas/${name}`)?.(value)).toBeUndefined();
const dialect = 'openai-responses' as const;
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const present = <T>(...values: (T | undefined)[]): T[] => values.filter((value) => value !== undefined);

/** Reasoning as this API made it: with its own id and encrypted content. */
const thinking: fc.Arbitrary<Part> = fc
  .record({ words: fc.oneof(text, fc.constant('')), id, encrypted: optional(word) })
  .map(({ words, id, encrypted }) => ({
    type: 'reasoning',
    text: words,
    opaque: { owner: dialect, data: { id, ...(encrypted === undefined ? {} : { encrypted_content: encrypted }) } },
  }));
const search: fc.Arbitrary<Part> = id.map((own) => ({
  type: 'other',
  dialect,
  data: { type: 'web_search_call', id: own, status: 'completed', action: { type: 'search', query: 'q' } },
}));
const drawn: fc.Arbitrary<Part> = fc.tuple(id, bytes).map(([own, data]) => ({
  type: 'asset',
  asset: { mediaType: 'image/png', bytes: data },
  opaque: { owner: dialect, data: { id: own, status: 'completed' } },
}));
const userParts = fc.oneof(
  textPart.map((part) => [part]),
  fc.array(fc.oneof(textPart, image, document), { minLength: 2, maxLength: 4 }),
);
const turn = (assistant: fc.Arbitrary<Part[]>): fc.Arbitrary<Message[]> =>
  fc
    .tuple(
      fc.oneof(
        fc
          .tuple(fc.constantFrom('system', 'developer' as const), textPart)
          .map(([role, part]): Message => ({ role, parts: [part] })),
        userParts.map((parts): Message => ({ role: 'user', parts })),
        fc
          .tuple(id, userParts)
          .map(([call, content]): Message => ({ role: 'tool', parts: [{ type: 'tool_result', id: call, content }] })),
      ),
      optional(assistant.filter((parts) => parts.length > 0)),
    )
    .map(([message, parts]) => [message, ...(parts ? [{ role: 'assistant' as const, parts }] : [])]);
const assistant = fc
  .tuple(
    optional(thinking),
    fc.array(textPart, { maxLength: 2 }),
    optional(refusalPart),
    fc.array(fc.oneof(toolCall, search), { maxLength: 3 }),
  )
  .map(([reasoning, texts, refusal, calls]) => [...present(reasoning), ...texts, ...present(refusal), ...calls]);
const request = fc
  .tuple(
    fc.record({
      model: word,
      messages: fc.array(turn(assistant), { minLength: 1, maxLength: 4 }).map((turns) => turns.flat()),
    }),
    some<Omit<TextRequest, 'model' | 'messages'>>({
      stream: fc.boolean(),
      maxOutputTokens: fc.integer({ min: 16, max: 9999 }),
      temperature: fc.constantFrom(0, 0.5, 1.7),
      topP: fc.constantFrom(0.1, 1),
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
            { requiredKeys: ['type', 'name', 'strict', 'parameters'], noNullPrototype: true },
          ),
          fc.constant({ type: 'other' as const, dialect, data: { type: 'web_search' } }),
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
      reasoning: some<NonNullable<TextRequest['reasoning']>>({
        effort: fc.constantFrom('none', 'low', 'high', 'max' as const),
        include: fc.constant(true),
      }),
      serviceTier: fc.constantFrom('auto', 'flex', 'priority'),
      user: word,
      extra: json.map((params) => ({
        dialect,
        params: { ...params, store: false, include: ['reasoning.encrypted_content'] },
      })),
    }),
  )
  .map(([needed, more]): TextRequest => ({ ...needed, ...more }));

const usage = fc
  .record({ input: count, output: count, cached: count, written: count, reasoning: count })
  .map(({ input, output, cached, written, reasoning }) => ({
    counts: { input, cachedInput: cached, cacheWrite: written, output, reasoning },
    rawUsage: {
      input_tokens: input,
      input_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
      output_tokens: output,
      output_tokens_details: { reasoning_tokens: reasoning },
      total_tokens: input + output,
    },
  }));
const cited = fc
  .tuple(
    text,
    fc.array(
      word.map((name) => ({
        type: 'url_citation',
        url: `https://example.com/${name}`,
        title: name,
        start_index: 0,
        end_index: 1,
      })),
      { maxLength: 2 },
    ),
  )
  .map(
    ([words, annotations]): Part => ({ type: 'text', text: words, ...(annotations.length > 0 ? { annotations } : {}) }),
  );
const phased = text.map(
  (words): Part => ({ type: 'text', text: words, opaque: { owner: dialect, data: { phase: 'commentary' } } }),
);
const logprob = fc.record({
  token: word,
  logprob: fc.constantFrom(-0.5, -2),
  bytes: fc.constant<Json[]>([1]),
  top_logprobs: fc.constant<Json[]>([]),
});
const answer = fc
  .tuple(
    fc.record({ id, model: word, created: fc.nat() }),
    fc.tuple(
      optional(thinking),
      optional(phased),
      fc.array(fc.oneof(cited, toolCall, search, drawn, refusalPart), { maxLength: 5 }),
    ),
    fc.constantFrom('max_output_tokens', 'content_filter', 'completed'),
    optional(usage),
    optional(fc.array(logprob, { minLength: 1, maxLength: 3 })),
    optional(
      json.map((params) => ({
        extra: { dialect, params: { ...params, temperature: 1, tools: [{ type: 'web_search' }] } },
      })),
    ),
  )
  .map(([head, [reasoning, first, more], rawFinish, figures, logprobs, extra]): TextAnswer => {
    const parts = [...present(reasoning, first), ...more];
    const has = (type: Part['type']) => parts.some((part) => part.type === type);
    const ended: FinishReason = has('tool_call') ? 'tool_calls' : has('refusal') ? 'refusal' : 'stop';
    const finish = rawFinish === 'completed' ? ended : rawFinish === 'content_filter' ? rawFinish : 'length';
    const shown = logprobs && has('text') ? { logprobs: { content: logprobs, refusal: null } } : {};
    return { ...head, choices: [{ parts, finish, rawFinish, ...shown }], ...figures, ...extra };
  });

describe('laws', () => {
  test('read(write(x)) = x on requests, without a warning and valid to the vendor', () => {
    fc.assert(
      fc.property(request, (value) => {
        const { body, warnings } = writeRequest(value);
        expect(warnings).toEqual([]);
        clean('CreateResponse', { ...body, input: [] });
        for (const item of body.input as JsonObject[]) {
          // a message without an id is both an EasyInputMessage and an InputMessage there, under oneOf: the discriminator does not help
          clean(item.type === 'message' && !item.id ? 'EasyInputMessage' : 'InputItem', item);
        }
        expect(readRequest(JSON.parse(JSON.stringify(body)))).toEqual(value);
      }),
    );
  });

  test('read(write(x)) = x on answers, valid to the vendor', () => {
    fc.assert(
      fc.property(answer, (value) => {
        const body = writeResponse(value);
        clean('Response', body);
        expect(readResponse(JSON.parse(JSON.stringify(body)))).toEqual(value);
      }),
    );
  });

  test('the fold of a stream equals the plain answer, however its bytes are cut; every event is valid', async () => {
    await fc.assert(
      fc.asyncProperty(answer, fc.array(fc.nat(), { maxLength: 30 }), async (value, places) => {
        const frames = await collect(writeEvents(each(unfoldAnswer(value))));
        frames.forEach((frame, index) => {
          const data = JSON.parse(frame.data) as JsonObject;
          expect(data).toMatchObject({ type: frame.event, sequence_number: index });
          clean('ResponseStreamEvent', data);
        });
        const wire = new TextEncoder().encode(frames.map(writeSse).join(''));
        const events = await collect(readEvents(readSse(each(cutAt(wire, places)))));
        expect(await foldEvents(events)).toEqual(value);
        expect(await collect(readEvents(writeEvents(each(events))))).toEqual(events);
        const last = JSON.parse(frames.at(-1)?.data ?? '') as JsonObject;
        expect(last.response).toEqual(writeResponse(value));
      }),
    );
  });
});

describe('requests', () => {
  test('reads input as a string, instructions, and keeps what belongs to the door', () => {
    const read = readRequest({
      model: 'gpt-6-sol',
      input: 'Hi',
      instructions: 'Be brief.',
      store: false,
      previous_response_id: 'resp_1',
      background: null,
      include: ['reasoning.encrypted_content', 'message.output_text.logprobs'],
      reasoning: { effort: 'high', summary: 'detailed' },
      text: { verbosity: 'low' },
      max_output_tokens: 100,
      tool_choice: { type: 'web_search' },
      tools: [{ type: 'web_search' }],
    });
    expect(read).toEqual({
      model: 'gpt-6-sol',
      messages: [
        { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
        { role: 'user', parts: [{ type: 'text', text: 'Hi' }] },
      ],
      maxOutputTokens: 100,
      logprobs: {},
      reasoning: { effort: 'high', include: true },
      tools: [{ type: 'other', dialect, data: { type: 'web_search' } }],
      extra: {
        dialect,
        params: {
          store: false,
          previous_response_id: 'resp_1',
          background: null,
          include: ['reasoning.encrypted_content'],
          reasoning: { summary: 'detailed' },
          text: { verbosity: 'low' },
          tool_choice: { type: 'web_search' },
        },
      },
    });
    const { body, warnings } = writeRequest(read);
    expect(warnings).toEqual([]);
    expect(body).toMatchObject({
      reasoning: { effort: 'high', summary: 'detailed' },
      text: { verbosity: 'low' },
      tool_choice: { type: 'web_search' },
    });
    expect(body.include).toEqual(['reasoning.encrypted_content', 'message.output_text.logprobs']);
  });

  test('an answer echoed as input comes back exactly: reasoning with its state, phase, calls and unknown items', () => {
    const items: JsonObject[] = [
      {
        type: 'reasoning',
        id: 'rs_1',
        summary: [
          { type: 'summary_text', text: 'One' },
          { type: 'summary_text', text: 'Two' },
        ],
        encrypted_content: 'gAAAA',
        status: 'completed',
      },
      { type: 'message', role: 'assistant', content: 'Looking.', phase: 'commentary' },
      {
        type: 'function_call',
        call_id: 'call_1',
        name: 'look',
        arguments: '{"a": 1}',
        status: 'completed',
        namespace: 'n',
      },
      { type: 'mcp_approval_request', id: 'mcpr_1', name: 'x', arguments: '{}', server_label: 's' },
    ];
    const read = readRequest({
      model: 'm',
      input: [
        { role: 'user', content: 'Hi' },
        ...items,
        { type: 'function_call_output', call_id: 'call_1', output: 'ok' },
      ],
    });
    expect(read.messages.map((message) => message.role)).toEqual(['user', 'assistant', 'tool']);
    expect(read.messages[1]?.parts[0]).toMatchObject({ type: 'reasoning', text: 'One\n\nTwo' });
    const { body, warnings } = writeRequest(read);
    expect(warnings).toEqual([]);
    expect((body.input as Json[]).slice(1, -1)).toEqual(items);
  });

  test('tool results keep their pictures; foreign parameters and thinking are told', () => {
    const picture: Part = { type: 'asset', asset: { mediaType: 'image/png', bytes: new Uint8Array([1]) } };
    const { body, warnings } = writeRequest({
      model: 'm',
      stop: ['x'],
      seed: 1,
      n: 2,
      messages: [
        {
          role: 'assistant',
          parts: [
            { type: 'reasoning', text: 'Hm', opaque: { owner: 'anthropic-messages', data: 'sig' } },
            { type: 'text', text: 'Yes' },
          ],
        },
        {
          role: 'user',
          parts: [
            { type: 'tool_result', id: 'a', content: [picture] },
            { type: 'text', text: 'And?' },
          ],
        },
      ],
      tools: [{ type: 'function', name: 'f' }],
    });
    expect(warnings).toHaveLength(4);
    expect(body.input).toEqual([
      { type: 'message', role: 'assistant', content: 'Yes' },
      {
        type: 'function_call_output',
        call_id: 'a',
        output: [{ type: 'input_image', image_url: 'data:image/png;base64,AQ==', detail: 'auto' }],
      },
      { type: 'message', role: 'user', content: 'And?' },
    ]);
    expect(body.tools).toEqual([{ type: 'function', name: 'f', parameters: null, strict: false }]);
  });

  test.each<[string, Json, string]>([
    ['a number as input', { model: 'm', input: 5 }, 'input'],
    ['an unknown role', { model: 'm', input: [{ role: 'robot', content: 'x' }] }, 'input[0].role'],
    [
      'an output without its call',
      { model: 'm', input: [{ type: 'function_call_output', output: 'x' }] },
      'input[0].call_id',
    ],
  ])('refuses %s by name', (_, body, param) => {
    expect(() => readRequest(body)).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: expect.objectContaining({ param }) }),
    );
  });

  test('content without a place is refused', () => {
    const part: Part = { type: 'asset', asset: { mediaType: 'audio/wav', bytes: new Uint8Array([1]) } };
    expect(() => writeRequest({ model: 'm', messages: [{ role: 'user', parts: [part] }] })).toThrow(
      expect.objectContaining({ code: 'unsupported_parameter' }),
    );
  });
});

describe('answers', () => {
  test('a failed response is its error', () => {
    const body = {
      id: 'resp_1',
      object: 'response',
      status: 'failed',
      output: [],
      error: { code: 'rate_limit_exceeded', message: 'Slow down.' },
    };
    expect(() => readResponse(body)).toThrow(
      expect.objectContaining({ code: 'provider_rate_limited', message: 'Slow down.' }),
    );
    expect(() => readResponse({ choices: [] })).toThrow(expect.objectContaining({ code: 'provider_garbage' }));
  });

  test('an answer of another dialect is a valid response object', () => {
    const chat: JsonObject = {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1795305600,
      model: 'm',
      choices: [
        {
          index: 0,
          finish_reason: 'tool_calls',
          logprobs: null,
          message: {
            role: 'assistant',
            content: 'See',
            refusal: null,
            reasoning_content: 'Hm',
            annotations: [
              {
                type: 'url_citation',
                url_citation: { url: 'https://example.com', title: 'E', start_index: 0, end_index: 3 },
              },
            ],
            tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
          },
        },
      ],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    };
    const body = writeResponse(openaiChat.readResponse(chat));
    clean('Response', body);
    expect(body).toMatchObject({
      status: 'completed',
      usage: { input_tokens: 3, output_tokens: 4, total_tokens: 7 },
      output: [
        { type: 'reasoning', summary: [{ text: 'Hm' }] },
        { type: 'message', content: [{ text: 'See', annotations: [{ url: 'https://example.com' }] }] },
        { type: 'function_call', call_id: 'call_1' },
      ],
    });
  });
});

describe('streams', () => {
  const frames = (...events: JsonObject[]) =>
    each(
      events.map(
        (event, index): SseFrame => ({
          event: String(event.type),
          data: JSON.stringify({ ...event, sequence_number: index }),
        }),
      ),
    );
  const response: JsonObject = {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    model: 'm',
    status: 'in_progress',
    output: [],
    error: null,
    incomplete_details: null,
  };
  const created = { type: 'response.created', response };
  const delta = {
    type: 'response.output_text.delta',
    item_id: 'msg_1',
    output_index: 0,
    content_index: 0,
    delta: 'Hel',
    logprobs: [],
  };

  test('a chat stream crossed: interleaved parallel calls come as items one after the other', async () => {
    const chunk = (words: JsonObject, finish: string | null = null) => ({
      data: JSON.stringify({
        id: 'chatcmpl-1',
        created: 1,
        model: 'm',
        choices: [{ index: 0, delta: words, finish_reason: finish }],
      }),
    });
    const call = (index: number, words: JsonObject) => chunk({ tool_calls: [{ index, ...words }] });
    const upstream = openaiChat.readEvents(
      each<SseFrame>([
        chunk({ content: 'Looking' }),
        call(0, { id: 'a', function: { name: 'f', arguments: '{' } }),
        call(1, { id: 'b', function: { name: 'g', arguments: '{"x"' } }),
        call(0, { function: { arguments: '}' } }),
        call(1, { function: { arguments: ':1}' } }),
        chunk({}, 'tool_calls'),
        { data: JSON.stringify({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }) },
        { data: '[DONE]' },
      ]),
    );
    const written = await collect(writeEvents(upstream));
    for (const frame of written) clean('ResponseStreamEvent', JSON.parse(frame.data));
    expect(written.map((frame) => frame.event)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(JSON.parse(written.at(-1)?.data ?? '')).toMatchObject({
      response: {
        output: [{ type: 'message' }, { call_id: 'a', arguments: '{}' }, { call_id: 'b', arguments: '{"x":1}' }],
        usage: { total_tokens: 3 },
      },
    });
  });

  test('several summaries, and text that only the finished item tells', async () => {
    const item = {
      type: 'reasoning',
      id: 'rs_1',
      summary: [
        { type: 'summary_text', text: 'One' },
        { type: 'summary_text', text: 'Two' },
      ],
      encrypted_content: 'gAAAA',
    };
    const message = {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'Whole', annotations: [], logprobs: [] }],
    };
    const output = [item, message];
    const answer = await foldEvents(
      readEvents(
        frames(
          created,
          { type: 'response.output_item.added', output_index: 0, item: { type: 'reasoning', id: 'rs_1', summary: [] } },
          { type: 'response.reasoning_summary_part.added', output_index: 0, summary_index: 0 },
          { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 0, delta: 'One' },
          { type: 'response.reasoning_summary_part.added', output_index: 0, summary_index: 1 },
          { type: 'response.reasoning_summary_text.delta', output_index: 0, summary_index: 1, delta: 'Two' },
          { type: 'response.output_item.done', output_index: 0, item },
          { type: 'response.output_item.added', output_index: 1, item: { ...message, content: [] } },
          { type: 'response.output_item.done', output_index: 1, item: message },
          { type: 'response.completed', response: { ...response, status: 'completed', output } },
        ),
      ),
    );
    expect(answer).toEqual(readResponse({ ...response, status: 'completed', output }));
  });

  test('cut, failed and broken streams end in an error event', async () => {
    const last = async (...events: JsonObject[]) => (await collect(readEvents(frames(...events)))).at(-1);
    expect(await last(created, delta)).toMatchObject({ type: 'error', error: { code: 'stream_interrupted' } });
    const failed = {
      type: 'response.failed',
      response: {
        ...response,
        status: 'failed',
        error: { code: 'server_error', message: 'Oops' },
        usage: { input_tokens: 5, output_tokens: 1 },
      },
    };
    const events = await collect(readEvents(frames(created, failed)));
    expect(events.slice(-2)).toMatchObject([
      { type: 'usage', counts: { input: 5, output: 1 } },
      { type: 'error', error: { code: 'provider_error', message: 'Oops' } },
    ]);
    expect(
      await last(created, { type: 'error', code: 'rate_limit_exceeded', message: 'Slow', param: null }),
    ).toMatchObject({ error: { code: 'provider_rate_limited' } });
    expect((await collect(readEvents(each([{ data: '{' }])))).at(-1)).toMatchObject({
      error: { code: 'provider_garbage' },
    });
  });

  test('incomplete is a finish, not an error', async () => {
    const done = { ...response, status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } };
    const answer = await foldEvents(
      readEvents(frames(created, delta, { type: 'response.incomplete', response: done })),
    );
    expect(answer.choices[0]).toMatchObject({
      finish: 'length',
      rawFinish: 'max_output_tokens',
      parts: [{ text: 'Hel' }],
    });
  });

  test('a failing stream is written as an error event and no completion', async () => {
    const begun: Event[] = [
      { type: 'start', id: 'x' },
      { type: 'part_start', index: 0, part: { type: 'text', text: 'Hel' } },
    ];
    for (const [events, code] of [
      [begun, 'stream_interrupted'],
      [[...begun, { type: 'error', error: new GatewayError('provider_overloaded', 'Busy') }], 'provider_overloaded'],
    ] as [Event[], string][]) {
      const written = await collect(writeEvents(each(events)));
      expect(written.at(-1)?.event).toBe('error');
      expect(JSON.parse(written.at(-1)?.data ?? '')).toMatchObject({ type: 'error', code });
      clean('ResponseErrorEvent', JSON.parse(written.at(-1)?.data ?? ''));
    }
  });
});

test('scan: usage, ends and errors in passing', () => {
  const completed = { type: 'response.completed', response: { usage: { input_tokens: 1 } } };
  expect(
    scan.interesting(JSON.stringify({ type: 'response.output_text.delta', delta: '"type":"response.completed"' })),
  ).toBe(false);
  expect(scan.interesting(JSON.stringify(completed))).toBe(true);
  expect(scan.terminal(JSON.stringify(completed))).toBe(true);
  expect(scan.terminal(JSON.stringify({ sequence_number: 1, ...completed }))).toBe(true);
  expect(scan.terminal(JSON.stringify({ type: 'response.in_progress', response: {} }))).toBe(false);
  expect(scan.terminal(JSON.stringify({ type: 'response.output_item.done', item: { type: 'error' } }))).toBe(false);
  expect(scan.usage(completed, undefined)).toEqual({ input_tokens: 1 });
  expect(scan.usage({ type: 'response.created', response: { usage: null } }, { a: 1 })).toEqual({ a: 1 });
  expect(scan.error?.({ type: 'error', message: 'x' })).toEqual({ type: 'error', message: 'x' });
  expect(scan.error?.({ type: 'response.failed', response: { error: { code: 'x' } } })).toEqual({ code: 'x' });
  expect(scan.error?.(completed)).toBeUndefined();
  expect(scan.usageOfBody({ usage: { input_tokens: 1 } })).toEqual({ input_tokens: 1 });
});

test('a count that is unknown fills its place by name, and reads back as unknown; a counted 0 stays 0', () => {
  const written = (counts: TokenCounts) =>
    writeResponse({ choices: [{ parts: [], finish: 'stop' }], counts }).usage as JsonObject;
  const round = (counts: TokenCounts) => readResponse({ output: [], usage: written(counts) }).counts;
  expect(written({ input: 5, output: 7 })).toEqual({
    input_tokens: 5,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: 7,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 12,
    unknown: [
      'input_tokens_details.cached_tokens',
      'input_tokens_details.cache_write_tokens',
      'output_tokens_details.reasoning_tokens',
    ],
  });
  const counted = { input: 5, output: 7, cachedInput: 0, cacheWrite: 0, reasoning: 0 };
  expect(written(counted).unknown).toBeUndefined();
  for (const counts of [counted, { input: 5, output: 7 }, { input: 5, output: 7, reasoning: 0 }])
    expect(round(counts)).toEqual(counts);
});
