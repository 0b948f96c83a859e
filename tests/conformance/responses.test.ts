import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, stringAt } from '../../src/contract/index.ts';
import { eventually, httpOf } from './matrix/http.ts';
import { openWorld, type World } from './matrix/world.ts';

const models = ['openai/gpt-5.5', 'anthropic/claude-sonnet-5', 'google/gemini-3.8-flash', 'mistral/mistral-large-2512'];

describe('the store of the Responses door', () => {
  let world: World;
  let client: OpenAI;
  let other: OpenAI;
  const send = httpOf(() => world);
  const clientWith = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${world.gateway.url}/v1`, maxRetries: 0 });

  beforeAll(async () => {
    world = await openWorld();
    client = clientWith(world.gateway.appKey);
    const made = await send('POST /v1/keys', { body: { name: 'other' }, key: world.gateway.adminKey });
    other = clientWith(stringAt(made.body, 'key') ?? '');
  });
  afterAll(() => world?.close());

  it.each(models)('keeps what %s said until it is deleted', async (model) => {
    const created = await client.responses.create({ model, input: 'Say exactly: kept', metadata: { job: '7' } });
    expect(created.id).toMatch(/^resp_/);
    expect(created.output_text).toBe('kept');
    expect(created.metadata).toEqual({ job: '7' });
    const read = await client.responses.retrieve(created.id);
    expect(read.output_text).toBe('kept');
    expect(read.usage).toEqual(created.usage);
    const items = await client.responses.inputItems.list(created.id);
    expect(items.data).toMatchObject([{ type: 'message', role: 'user', content: [{ text: 'Say exactly: kept' }] }]);
    await expect(other.responses.retrieve(created.id)).rejects.toMatchObject({ status: 404, code: 'not_found' });
    await expect(other.responses.delete(created.id)).rejects.toMatchObject({ status: 404 });
    await client.responses.delete(created.id);
    await expect(client.responses.retrieve(created.id)).rejects.toMatchObject({ status: 404, code: 'not_found' });
    await expect(client.responses.inputItems.list(created.id)).rejects.toMatchObject({ status: 404 });
  });

  it.each(models)('keeps a streamed answer of %s, and nothing that is not to be stored', async (model) => {
    const streamed = await client.responses.stream({ model, input: 'Say exactly: flow' }).finalResponse();
    expect((await client.responses.retrieve(streamed.id)).output_text).toBe('flow');
    const unkept = await client.responses.create({ model, input: 'Say exactly: gone', store: false });
    await expect(client.responses.retrieve(unkept.id)).rejects.toMatchObject({ status: 404 });
    const again = { model, input: 'and?', previous_response_id: unkept.id };
    await expect(client.responses.create(again)).rejects.toMatchObject({ status: 400, code: 'not_found' });
  });

  it.each(models)('answers for %s in the background', async (model) => {
    const queued = await client.responses.create({ model, input: 'Say exactly: later', background: true });
    expect(queued).toMatchObject({ status: 'queued', background: true, output: [] });
    const done = await eventually(async () => {
      const read = await client.responses.retrieve(queued.id);
      expect(read.status).toBe('completed');
      return read;
    });
    expect(done).toMatchObject({ id: queued.id, background: true });
    expect(JSON.stringify(done.output)).toContain('later');
    const next = await client.responses.create({ model, input: 'Say exactly: on', previous_response_id: queued.id });
    expect(next.output_text).toBe('on');
    expect(JSON.stringify(world.received.at(-1)!.body)).toContain('later');
  });

  it('cancels a background answer, and stops the provider', async () => {
    const queued = await client.responses.create({ model: models[0]!, input: '[[fault:stall]] hi', background: true });
    const canceled = await client.responses.cancel(queued.id);
    expect(canceled.status).toBe('cancelled');
    const ended = await eventually(async () => {
      const { body } = await send('GET /v1/generations?limit=1');
      expect(at(body, 'data', 0, 'completed_at')).not.toBeNull();
      return at(body, 'data', 0);
    });
    expect(ended).toMatchObject({ attempts: [{ state: expect.stringMatching(/^(released|settled)$/) }] });
    expect((await client.responses.retrieve(queued.id)).status).toBe('cancelled');
    const plain = await client.responses.create({ model: models[0]!, input: 'hi' });
    await expect(client.responses.cancel(plain.id)).rejects.toMatchObject({ status: 400 });
  });

  it('tells of a background answer that failed', async () => {
    const input = '[[fault:status:400]] hi';
    const queued = await client.responses.create({ model: models[1]!, input, background: true });
    await eventually(async () => expect((await client.responses.retrieve(queued.id)).status).toBe('failed'));
    expect((await client.responses.retrieve(queued.id)).error).toMatchObject({
      message: expect.stringContaining('400'),
    });
  });

  it('goes on from one provider to the next, and back', async () => {
    let previous: string | undefined;
    const said: string[] = [];
    for (const [turn, model] of [...models, models[0]!, models[0]!].entries()) {
      const input = `Say exactly: turn ${turn}`;
      const response = await client.responses.create({
        model,
        input,
        instructions: 'Be brief.',
        ...(previous ? { previous_response_id: previous } : {}),
      });
      if (model !== models[0]) expect(response.previous_response_id).toBe(previous);
      const received = world.received.at(-1)!;
      const native = at(received.body, 'previous_response_id') !== undefined;
      // Only the last turn follows one that the same provider keeps itself.
      expect(native).toBe(turn === models.length + 1);
      if (!native) for (const words of said) expect(JSON.stringify(received.body)).toContain(words);
      expect(response.output_text).toBe(`turn ${turn}`);
      said.push(input, `turn ${turn}"`);
      previous = response.id;
    }
  });

  it("refuses to go on from another key's answer, or from one that nobody knows, even where the provider knows it", async () => {
    const model = models[0]!;
    const mine = await client.responses.create({ model, input: 'hello' });
    const stolen = { model, input: 'and?', previous_response_id: mine.id };
    const before = world.received.length;
    await expect(other.responses.create(stolen)).rejects.toMatchObject({ status: 400, param: 'previous_response_id' });
    await expect(client.responses.create({ ...stolen, previous_response_id: 'resp_nobody' })).rejects.toMatchObject({
      status: 400,
      code: 'not_found',
    });
    await expect(client.responses.create({ model, input: 'hi', conversation: 'conv_1' })).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
    });
    expect(world.received.length).toBe(before);
  });
});
