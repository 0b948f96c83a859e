import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { openai } from '../../providers/simulators/openai.ts';
import { hasSpecs, responsePointer, validator } from '../support/spec.ts';

const input = 'Say exactly: Hello, world. All is well.';
const weather = {
  type: 'function' as const,
  name: 'get_weather',
  strict: true,
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
};

function open(seed?: string) {
  const simulator = openai({ seed, now: () => Date.UTC(2026, 10, 22) });
  return { simulator, client: new OpenAI({ apiKey: 'sk-test', fetch: simulator.fetch, maxRetries: 0 }) };
}

const create = (client: OpenAI, more: Partial<OpenAI.Responses.ResponseCreateParamsNonStreaming> = {}) =>
  client.responses.create({ model: 'gpt-5.5', input, ...more });

test('a plain response says what it was told to, and bills its usage', async () => {
  const { client, simulator } = open();
  const answer = await create(client, { reasoning: { effort: 'low', summary: 'auto' } });
  expect(answer.output_text).toBe('Hello, world. All is well.');
  expect(answer.output.map((item) => item.type)).toEqual(['reasoning', 'message']);
  expect(answer.usage?.output_tokens_details.reasoning_tokens).toBeGreaterThan(0);
  expect(simulator.bill.calls[0]?.charges).toEqual([
    { meter: 'input_text_tokens', quantity: answer.usage?.input_tokens },
    { meter: 'output_text_tokens', quantity: answer.usage?.output_tokens },
  ]);
});

test('a limit makes it incomplete', async () => {
  const { client } = open();
  const answer = await create(client, {
    model: 'gpt-4o',
    input: `Repeat: ${'word '.repeat(50)}`,
    max_output_tokens: 16,
  });
  expect(answer).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
  expect(answer.output_text).toHaveLength(64);
  expect(answer.usage?.output_tokens).toBe(16);
});

test('a function is called, and its output read', async () => {
  const { client } = open();
  const asked = { role: 'user' as const, content: 'Use get_weather for Paris.' };
  const first = await create(client, { input: [asked], tools: [weather] });
  const call = first.output.find((item) => item.type === 'function_call')!;
  expect(JSON.parse(call.arguments)).toHaveProperty('city');
  const result = { type: 'function_call_output' as const, call_id: call.call_id, output: 'rain' };
  const replayed = await create(client, {
    input: [asked, ...(first.output as OpenAI.Responses.ResponseInput), result],
    tools: [weather],
  });
  const linked = await create(client, { input: [result], tools: [weather], previous_response_id: first.id });
  expect([replayed.output_text, linked.output_text]).toEqual(['The tool says: rain', 'The tool says: rain']);
  await expect(create(client, { input: [result] })).rejects.toThrow(/No tool call found/);
  const unanswered = create(client, { input: 'And?', previous_response_id: first.id });
  await expect(unanswered).rejects.toThrow(/No tool output found/);
});

test('a schema is filled', async () => {
  const { client } = open();
  const format = { type: 'json_schema' as const, name: 'place', strict: true, schema: weather.parameters };
  expect(JSON.parse((await create(client, { text: { format } })).output_text)).toHaveProperty('city');
  const loose = { ...format, schema: { ...weather.parameters, required: [] } };
  await expect(create(client, { text: { format: loose } })).rejects.toMatchObject({ status: 400 });
});

test('encrypted thoughts are read by their own maker only', async () => {
  const { client } = open();
  const include = ['reasoning.encrypted_content' as const];
  const first = await create(client, { include, store: false });
  const thought = first.output[0] as OpenAI.Responses.ResponseReasoningItem;
  const again = [thought, { role: 'user' as const, content: input }];
  expect((await create(client, { input: again })).status).toBe('completed');
  const other = open('other').client;
  await expect(create(other, { input: again })).rejects.toMatchObject({ code: 'invalid_encrypted_content' });
  const broken = [{ ...thought, encrypted_content: `${thought.encrypted_content}x` }, again[1]!];
  await expect(create(client, { input: broken })).rejects.toMatchObject({ code: 'invalid_encrypted_content' });
});

describe('a stream', () => {
  test('numbers its events and ends with the whole response', async () => {
    const { client, simulator } = open();
    const events = [];
    const stream = await client.responses.create({
      model: 'gpt-5.5',
      input,
      stream: true,
      reasoning: { summary: 'auto' },
    });
    for await (const event of stream) events.push(event);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
    const names = events.map((event) => event.type).filter((type, place, all) => type !== all[place - 1]);
    expect(names.slice(0, 3)).toEqual(['response.created', 'response.in_progress', 'response.output_item.added']);
    expect(names.slice(-6)).toEqual([
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    const plain = await create(client, { reasoning: { summary: 'auto' } });
    const last = events.at(-1) as OpenAI.Responses.ResponseCompletedEvent;
    expect(last.response.usage).toEqual(plain.usage);
    const [one, other] = simulator.bill.calls;
    expect(one?.charges).toEqual(other?.charges);
  });

  test('left early bills the part', async () => {
    const { client, simulator } = open();
    const stream = await client.responses.create({ model: 'gpt-4o', input, stream: true });
    let seen = 0;
    for await (const event of stream) if (event.type === 'response.output_text.delta' && ++seen === 3) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(simulator.bill.calls[0]?.charges.at(-1)).toEqual({ meter: 'output_text_tokens', quantity: 3 });
  });
});

test('a response is kept, listed, deleted, and in the background canceled', async () => {
  const { client } = open();
  const made = await create(client);
  expect(await client.responses.retrieve(made.id)).toMatchObject({ id: made.id, output: made.output });
  expect((await client.responses.inputItems.list(made.id)).data).toMatchObject([{ content: [{ text: input }] }]);
  await expect(client.responses.cancel(made.id)).rejects.toMatchObject({ status: 400 });
  await client.responses.delete(made.id);
  await expect(client.responses.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
  const unkept = await create(client, { store: false });
  await expect(client.responses.retrieve(unkept.id)).rejects.toMatchObject({ status: 404 });
  const queued = await create(client, { background: true });
  expect(queued.status).toBe('queued');
  expect((await client.responses.retrieve(queued.id)).status).toBe('completed');
  expect((await client.responses.cancel(queued.id)).status).toBe('cancelled');
});

const bad: [string, object, object][] = [
  ['an unknown field', { topk: 1 }, { status: 400, code: 'unknown_parameter' }],
  ['too small a limit', { max_output_tokens: 8 }, { param: 'max_output_tokens', code: 'integer_below_min_value' }],
  ['an unknown model', { model: 'claude-9' }, { status: 404 }],
  ['an unknown past', { previous_response_id: 'resp_0' }, { code: 'previous_response_not_found' }],
  ['a part of chat', { input: [{ role: 'user', content: [{ type: 'text', text: 'a' }] }] }, { code: 'invalid_value' }],
  ['an unknown effort', { reasoning: { effort: 'huge' } }, { param: 'reasoning.effort' }],
];
test.each(bad)('%s is refused', async (_, more, error) => {
  const { client, simulator } = open();
  await expect(create(client, more)).rejects.toMatchObject(error);
  expect(simulator.bill.calls).toEqual([]);
});

/** OpenAI's own examples have `usage: null` and `user: null`, which its schema does not allow. */
function withoutNulls(response: object): object {
  const unsaid = (name: string, value: unknown) => value === null && ['usage', 'user'].includes(name);
  return Object.fromEntries(Object.entries(response).filter(([name, value]) => !unsaid(name, value)));
}

describe.skipIf(!hasSpecs)('by the official description', () => {
  const cases: [string, object][] = [
    ['text', { input }],
    ['thoughts', { input, reasoning: { summary: 'auto' }, include: ['reasoning.encrypted_content'] }],
    ['a call', { input: 'Use get_weather.', tools: [weather] }],
  ];
  test.each(cases)('plain and streamed responses are valid: %s', async (_, more) => {
    const { simulator } = open();
    const post = (body: object) =>
      simulator.fetch('https://api.openai.com/v1/responses', {
        method: 'POST',
        headers: { authorization: 'Bearer k' },
        body: JSON.stringify({ model: 'gpt-5.5', ...more, ...body }),
      });
    const plain = validator('openai', responsePointer('/responses', 'post', 200))!;
    expect(plain(withoutNulls((await (await post({})).json()) as object))).toBeUndefined();
    const frames = (await (await post({ stream: true })).text()).trim().split('\n\n');
    const names: Record<string, string> = {
      'response.completed': 'ResponseCompletedEvent',
      'response.created': 'ResponseCreatedEvent',
      'response.output_item.done': 'ResponseOutputItemDoneEvent',
      'response.output_item.added': 'ResponseOutputItemAddedEvent',
    };
    const any = validator('openai', '/components/schemas/ResponseStreamEvent')!;
    for (const frame of frames) {
      const payload = JSON.parse(frame.slice(frame.indexOf('\ndata: ') + 7)) as { type: string; response?: object };
      if (payload.response) payload.response = withoutNulls(payload.response);
      expect(frame.startsWith(`event: ${payload.type}\n`)).toBe(true);
      const own = names[payload.type];
      const check = own === undefined ? any : validator('openai', `/components/schemas/${own}`)!;
      expect(check(payload)).toBeUndefined();
    }
  });
});
