import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { at, type Json, stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf, lanes } from './doors.ts';
import { openStream, pieces } from './two-providers.ts';
import { type Call, startUpstream } from './upstream.ts';

type Upstream = Awaited<ReturnType<typeof startUpstream>>;

const usage = { input_tokens: 11, cache_read_input_tokens: 100, output_tokens: 1 };
const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'x', content: [], stop_reason: null, usage };
const event = (data: { type: string } & Record<string, Json>) =>
  `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const start = event({ type: 'message_start', message }) + event({ type: 'ping' });
const role = pieces('gpt-5.5').role;
const created = event({ type: 'response.created', response: { id: 'resp_1', status: 'in_progress', usage: null } });
const refusal = (type: string) => event({ type: 'error', error: { type, message: 'No more.' } });

const show =
  (text: string, end?: 'reset' | 'close') =>
  (call: Call): void => {
    openStream(call);
    call.response.flushHeaders();
    if (text) call.response.write(text);
    if (end === 'reset') setTimeout(() => call.response.socket?.resetAndDestroy(), 30);
    if (end === 'close') setTimeout(() => call.response.end(), 30);
  };

/** Streams that begin and break off before they have said a word: their provider has read the input, and bills it. */
describe('a stream that breaks before its first output', () => {
  let upstream: Upstream;
  let lookup: Upstream;
  let alone: RunningGateway;
  let asking: RunningGateway;
  let script: (call: Call) => void = () => {};
  let known: { status: number; body: string } = { status: 200, body: '{}' };

  beforeAll(async () => {
    upstream = await startUpstream((call) => script(call));
    lookup = await startUpstream(({ response }) => {
      response.writeHead(known.status, { 'content-type': 'application/json' }).end(known.body);
    });
    const env = {
      OPENAI_API_KEY: 'sk-one',
      OPENAI_BASE_URL: upstream.url,
      ANTHROPIC_API_KEY: 'sk-two',
      ANTHROPIC_BASE_URL: upstream.url,
      ATELIER_DEADLINES_MS: '700,700,20000',
      ATELIER_ATTEMPTS: '1',
    };
    alone = await startGateway(env);
    asking = await startGateway({ ...env, ATELIER_LOOKUP_URL: `${lookup.url}/{provider}/{attempt}` });
  });
  afterEach(() => {
    script = () => {};
  });
  afterAll(async () => {
    await Promise.all([alone.close(), asking.close()]);
    await Promise.all([upstream.close(), lookup.close()]);
  });

  /** Asks for a stream and returns what the book says in the end: the attempt, and its lines by meter. */
  const booked = async (gateway: RunningGateway, path: string, body: object) => {
    const { post, newest } = clientOf(() => gateway);
    const answer = await post(path, { ...body, stream: true });
    expect(answer.status, answer.text).toBeGreaterThanOrEqual(500);
    const generation = await newest();
    expect(at(generation, 'attempts')).toHaveLength(1);
    const lines = (at(generation, 'receipt', 'lines') as Json[]) ?? [];
    const metered = Object.fromEntries(lines.map((line) => [stringAt(line, 'meter'), stringAt(line, 'quantity')]));
    return { attempt: at(generation, 'attempts', 0), metered };
  };
  const estimated = { state: 'settled', cost_status: 'priced_estimated', billed: true };
  const unbilled = { state: 'released', cost_status: 'not_billable', billed: false };

  for (const lane of lanes.filter(({ model }) => model.startsWith('anthropic/'))) {
    const body = lane.write('hello there');

    it(`message_start, then a reset: its exact input and cache figures are booked (${lane.name})`, async () => {
      script = show(start, 'reset');
      const { attempt, metered } = await booked(alone, lane.path, body);
      expect(attempt).toMatchObject({ ...estimated, outcome: 'outcome_unknown' });
      expect(metered).toEqual({ input_text_tokens: '11', cached_input_tokens: '100' });
    });

    it(`the same where the provider can be asked: what it says is booked (${lane.name})`, async () => {
      script = show(start, 'reset');
      known = { status: 200, body: '{"charges":[{"meter":"input_text_tokens","quantity":7}]}' };
      const told = await booked(asking, lane.path, body);
      expect(told.attempt).toMatchObject({ state: 'settled', billed: true });
      expect(told.metered).toEqual({ input_text_tokens: '7' });
      known = { status: 404, body: '{}' };
      expect((await booked(asking, lane.path, body)).attempt).toMatchObject(unbilled);
      known = { status: 200, body: '{"charges":"unknown"}' };
      expect((await booked(asking, lane.path, body)).metered).toMatchObject({ input_text_tokens: '11' });
    });

    it(`an error in the stream after message_start costs its input; a refusal costs nothing (${lane.name})`, async () => {
      script = show(start + refusal('api_error'));
      const broken = await booked(alone, lane.path, body);
      expect(broken.attempt).toMatchObject({ ...estimated, outcome: 'provider_error' });
      expect(broken.metered).toMatchObject({ input_text_tokens: '11' });
      script = show(start + refusal('authentication_error'));
      expect((await booked(alone, lane.path, body)).attempt).toMatchObject({ ...unbilled, failure: 'B' });
    });

    it(`an error as the first frame, or nothing after the headers, costs nothing (${lane.name})`, async () => {
      script = show(refusal('api_error'));
      expect((await booked(alone, lane.path, body)).attempt).toMatchObject({ ...unbilled, failure: 'C' });
      script = show('', 'close');
      expect((await booked(alone, lane.path, body)).attempt).toMatchObject(unbilled);
      script = show('', 'reset');
      expect((await booked(alone, lane.path, body)).attempt).toMatchObject(unbilled);
    });
  }

  const chat = { model: 'openai/gpt-5.5', messages: [{ role: 'user', content: 'hello there' }] };
  for (const [name, path, body, text, end, outcome] of [
    ['a role, then a reset', '/v1/chat/completions', chat, role, 'reset', 'outcome_unknown'],
    ['a role, then the end', '/v1/chat/completions', chat, role, 'close', 'stream_interrupted'],
    ['a role, then silence', '/v1/chat/completions', chat, role, undefined, 'provider_timeout'],
    [
      'response.created, then a reset',
      '/v1/responses',
      { model: 'openai/gpt-5.5', input: 'hello there' },
      created,
      'reset',
      'outcome_unknown',
    ],
  ] as const) {
    it(`${name}: the input is booked as estimated, and no output`, async () => {
      script = show(text, end);
      const { attempt, metered } = await booked(alone, path, body);
      expect(attempt).toMatchObject({ ...estimated, outcome });
      expect(Number(metered.input_text_tokens)).toBeGreaterThan(0);
      expect(Number(metered.output_text_tokens ?? 0)).toBe(0);
    });
  }
});
