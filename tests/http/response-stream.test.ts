import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { framesOf } from './doors.ts';
import { faultOf, sdkOf } from './openai-media.ts';

type StreamEvent = OpenAI.Responses.ResponseStreamEvent;

const tool = {
  type: 'function' as const,
  name: 'get_weather',
  description: 'The weather of a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  strict: false,
};

/** Stored and background responses, read as a stream by OpenAI's own SDK. */
describe.each(['openai/gpt-5.5', 'anthropic/claude-sonnet-5'])('stored responses of %s as a stream', (model) => {
  let gateway: RunningGateway;
  let client: OpenAI;

  beforeAll(async () => {
    gateway = await startGateway();
    client = sdkOf(gateway).client;
  });
  afterAll(() => gateway.close());

  const collect = async (stream: AsyncIterable<StreamEvent>) => {
    const events: StreamEvent[] = [];
    for await (const event of stream) events.push(event);
    for (const event of events) expect(faultOf('ResponseStreamEvent', event), event.type).toBeUndefined();
    return events;
  };
  const numbers = (events: StreamEvent[]) => events.map((event) => event.sequence_number);
  const text = (events: StreamEvent[]) =>
    events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('');

  it('a background answer is followed to its end', async () => {
    const events = await collect(
      await client.responses.create({ model, input: 'Say exactly: from behind', background: true, stream: true }),
    );
    expect(events.slice(0, 3).map((event) => event.type)).toEqual([
      'response.created',
      'response.queued',
      'response.in_progress',
    ]);
    expect(numbers(events)).toEqual(events.map((_, place) => place));
    expect(text(events)).toBe('from behind');
    const end = events.at(-1)!;
    if (end.type !== 'response.completed') throw new Error(end.type);
    const { output_text: _, ...kept } = await client.responses.retrieve(end.response.id);
    expect(end.response).toEqual(kept);
    expect(kept.background).toBe(true);
    const rest = await collect(await client.responses.retrieve(kept.id, { stream: true, starting_after: 4 }));
    expect(rest).toEqual(events.slice(5));
  });

  it('an answer that was kept is told again, tool calls included', async () => {
    const first = await client.responses.create({
      model,
      input: 'The weather in Oslo?',
      tools: [tool],
      tool_choice: 'required',
    });
    const events = await collect(await client.responses.retrieve(first.id, { stream: true }));
    expect(events.map((event) => event.type)).not.toContain('response.queued');
    const call = first.output.find((item) => item.type === 'function_call');
    const done = events.find((event) => event.type === 'response.function_call_arguments.done');
    expect(done).toMatchObject({ item_id: call?.id, arguments: call?.arguments });
    const items = events.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : []));
    expect(items).toEqual(first.output);
  });

  it('a canceled one ends as it was left', async () => {
    const queued = await client.responses.create({ model, input: 'Say exactly: never', background: true });
    const { status } = await client.responses.cancel(queued.id);
    const events = await collect(await client.responses.retrieve(queued.id, { stream: true }));
    const end = events.at(-1)! as { type: string; response: { status: string } };
    expect(end.response.status).toBe(status);
    expect(end.type).toBe(status === 'completed' ? 'response.completed' : 'response.failed');
  });

  it('no earlier answer is what null says, and no other word is one', async () => {
    const created = await client.responses.create({ model, input: 'Say exactly: first', previous_response_id: null });
    expect(created.output_text).toBe('first');
    for (const wrong of [5, true, {}, []]) {
      const previous_response_id = wrong as unknown as string;
      await expect(client.responses.create({ model, input: 'x', previous_response_id })).rejects.toMatchObject({
        status: 400,
        param: 'previous_response_id',
      });
    }
  });

  it('a wrong place is refused', async () => {
    const { id } = await client.responses.create({ model, input: 'Say exactly: here' });
    const refused = await fetch(`${gateway.url}/v1/responses/${id}?stream=true&starting_after=x`, {
      headers: { authorization: `Bearer ${gateway.appKey}` },
    });
    expect(refused.status).toBe(400);
    expect(stringAt((await refused.json()) as Json, 'error', 'param')).toBe('starting_after');
    const whole = await fetch(`${gateway.url}/v1/responses/${id}?stream=true`, {
      headers: { authorization: `Bearer ${gateway.appKey}` },
    });
    expect(framesOf(await whole.text()).length).toBeGreaterThan(5);
  });
});
