import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, type Json, stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf, framesOf, lanes, pico } from './doors.ts';

type Refusal = {
  fault: string;
  status: number;
  code: string;
  /** Where OpenAI's own words say more. */
  openaiCode?: string;
  retry: boolean;
  retryAfter?: string;
};

/** A plain answer that goes wrong: what the caller must see, and what the book must say. */
const refusals: Refusal[] = [
  { fault: 'status:400', status: 400, code: 'provider_rejected', retry: false },
  { fault: 'status:401', status: 502, code: 'provider_authentication', retry: false },
  { fault: 'status:402', status: 503, code: 'provider_quota_exhausted', retry: false },
  { fault: 'status:403', status: 502, code: 'provider_authentication', retry: false },
  { fault: 'status:404', status: 404, code: 'provider_rejected', openaiCode: 'model_not_found', retry: false },
  { fault: 'status:422', status: 422, code: 'provider_rejected', retry: false },
  { fault: 'status:429', status: 429, code: 'provider_rate_limited', retry: true, retryAfter: '1' },
  { fault: 'status:500', status: 502, code: 'provider_error', retry: false },
  { fault: 'status:503', status: 503, code: 'provider_overloaded', retry: true, retryAfter: '1' },
  { fault: 'status:529', status: 503, code: 'provider_overloaded', retry: true },
  { fault: 'garbage', status: 502, code: 'provider_garbage', retry: false },
  { fault: 'empty', status: 502, code: 'provider_garbage', retry: false },
  { fault: 'half-json', status: 502, code: 'provider_garbage', retry: false },
  { fault: 'billed-500', status: 502, code: 'provider_error', retry: false },
];

/** Faults that show only once a stream is asked for, and are still told by status. */
const earlyFaults = ['status:401', 'status:429', 'status:500', 'garbage', 'empty'];

describe('upstream faults', () => {
  let gateway: RunningGateway;
  const { post, newest, spent } = clientOf(() => gateway);

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  for (const lane of lanes) {
    describe(lane.name, () => {
      for (const refusal of refusals) {
        const { fault, status, retry, retryAfter } = refusal;
        const code = codeFor(lane.model, refusal);
        it(`${fault} is ${code}, and costs nothing`, async () => {
          const before = await spent();
          const answer = await post(lane.path, lane.write(`[[fault:${fault}]] hello`));
          expect(answer.status, answer.text).toBe(status);
          expect(lane.codeOf(answer.body)).toBe(code);
          expect(answer.headers.get('x-atelier-error-code')).toBe(code);
          expect(answer.headers.get('x-should-retry')).toBe(String(retry));
          expect(answer.headers.get('retry-after')).toBe(retryAfter ?? null);
          expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
          expect(answer.text).not.toContain('<!doctype');
          const generation = await newest();
          expect(generation).toMatchObject({
            id: answer.headers.get('x-atelier-generation'),
            status: 'failed',
            error: { code },
            receipt: { total: '0', status: 'not_billable', lines: [] },
          });
          expectAttempts(generation, refusal, {
            state: 'released',
            outcome: code,
            cost_status: 'not_billable',
            error: { code },
          });
          expect(answer.headers.get('x-atelier-cost-usd')).toBe('0');
          expect(await spent()).toBe(before);
        });
      }

      for (const fault of earlyFaults) {
        const refusal = refusals.find((one) => one.fault === fault)!;
        const { status, code } = refusal;
        it(`${fault} before a stream is told by status`, async () => {
          const before = await spent();
          const answer = await post(lane.path, lane.write(`[[fault:${fault}]] hello`, { stream: true }));
          expect(answer.status, answer.text).toBe(status);
          expect(lane.codeOf(answer.body)).toBe(code);
          const generation = await newest();
          expect(generation).toMatchObject({ status: 'failed' });
          expectAttempts(generation, refusal, { state: 'released', outcome: code });
          expect(await spent()).toBe(before);
        });
      }

      for (const stream of [false, true]) {
        it(`reset leaves ${stream ? 'a stream' : 'an answer'} open: what is booked, if anything, is an estimate`, async () => {
          const before = await spent();
          const answer = await post(lane.path, lane.write('[[fault:reset]] hello', { stream }));
          expect(`${answer.status} ${lane.codeOf(answer.body)}`).toBe('502 outcome_unknown');
          expect(answer.headers.get('x-should-retry')).toBe('false');
          const generation = await newest();
          expect(generation).toMatchObject({ status: 'failed', attempts: [{ outcome: 'outcome_unknown' }] });
          expect(stringAt(generation, 'receipt', 'status')).toMatch(/^(not_billable|priced_estimated)$/);
          expect(pico(await spent()) - pico(before)).toBe(pico(stringAt(generation, 'receipt', 'total')!));
        });
      }

      for (const [fault, events] of [
        ['cut:6', 6],
        ['reset:6', 6],
      ] as const) {
        it(`${fault} ends the stream with an error, and books what was delivered as estimated`, async () => {
          const before = await spent();
          const text = `[[fault:${fault}]] Say exactly: ${'word '.repeat(60)}`;
          const answer = await post(lane.path, lane.write(text, { stream: true }));
          expect(answer.status).toBe(200);
          const last = framesOf(answer.text).at(-1);
          expect(lane.codeOf(last ?? null) ?? stringAt(last, 'error', 'code'), answer.text).toBe('stream_interrupted');
          expect(answer.text).not.toContain('[DONE]');
          expect(answer.text).not.toContain('message_stop');
          const generation = await newest();
          expect(generation).toMatchObject({
            status: 'failed',
            error: { code: 'stream_interrupted' },
            receipt: { status: 'priced_estimated' },
            attempts: [{ state: 'settled', outcome: 'stream_interrupted', cost_status: 'priced_estimated' }],
          });
          const output = linesOf(generation).find((line) => stringAt(line, 'meter') === 'output_text_tokens');
          const tokens = Number(stringAt(output, 'quantity'));
          expect(tokens).toBeGreaterThan(0);
          expect(tokens).toBeLessThanOrEqual(events);
          expect(pico(await spent()) - pico(before)).toBe(pico(stringAt(generation, 'receipt', 'total')!));
        });
      }

      it('a stream cut before its first event is an error, and costs nothing', async () => {
        const before = await spent();
        const answer = await post(lane.path, lane.write('[[fault:cut:0]] hello', { stream: true }));
        const last = framesOf(answer.text).at(-1) ?? answer.body;
        expect(lane.codeOf(last), answer.text).toMatch(/^(provider_garbage|stream_interrupted)$/);
        expect(await newest()).toMatchObject({ status: 'failed', attempts: [{ state: 'released' }] });
        expect(await spent()).toBe(before);
      });
    });
  }

  it("keeps the provider's status, words and param of a refused request", async () => {
    const lane = lanes[1]!;
    const answer = await post(lane.path, lane.write('hi', { temperature: 9 }));
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'provider_rejected', param: 'temperature' } });
    expect(stringAt(answer.body, 'error', 'message')).toMatch(/^openai: .+/);
  });

  it('tells an upstream that knows no such model as model_not_found', async () => {
    for (const lane of lanes) {
      const provider = lane.model.split('/')[0];
      const answer = await post(lane.path, { ...lane.write('hi'), model: `${provider}/no-such-model` });
      expect(`${lane.name} ${answer.status}`, answer.text).toBe(`${lane.name} 404`);
      expect(lane.codeOf(answer.body)).toBe('model_not_found');
      expect(await newest()).toMatchObject({ attempts: [{ state: 'released', outcome: 'model_not_found' }] });
    }
  });

  for (const model of ['openai/gpt-image-2', 'openai/gpt-4o-mini-tts', 'openai/text-embedding-3-small']) {
    it(`faults of ${model} are told and cost nothing`, async () => {
      let before = await spent();
      for (const refusal of refusals) {
        const { fault, status, retry } = refusal;
        const code = codeFor(model, refusal);
        const answer = await post('/v1/generations', { model, input: `[[fault:${fault}]] a lamp` });
        const told = `${fault} ${answer.status} ${stringAt(answer.body, 'error', 'code')}`;
        if (['garbage', 'empty', 'half-json'].includes(fault)) {
          // Each adapter names what it could not read.
          expect(told).toMatch(/ 502 (provider_garbage|invalid_output|outcome_unknown)$/);
        } else {
          expect(told, answer.text).toBe(`${fault} ${status} ${code}`);
        }
        expect(`${fault} ${answer.headers.get('x-should-retry')}`).toBe(`${fault} ${retry}`);
        const generation = await newest();
        expect(at(generation, 'status')).toBe('failed');
        // Half a speech is what the provider delivered and bills: useless, but not free.
        const delivered = fault === 'half-json' && stringAt(generation, 'modality') === 'speech';
        expect(`${fault} ${stringAt(generation, 'attempts', 0, 'state')}`).toBe(
          `${fault} ${delivered ? 'settled' : 'released'}`,
        );
        if (delivered) before = await spent();
        expect(await spent()).toBe(before);
      }
    });
  }
});

/** What was refused unbilled is tried again, as far as the retry budget of its provider goes; anything else is sent once. */
function expectAttempts(generation: Json, { retry }: Refusal, wanted: object): void {
  const attempts = at(generation, 'attempts') as Json[];
  expect(attempts.length).toBeGreaterThan(0);
  expect(attempts.length).toBeLessThanOrEqual(retry ? 3 : 1);
  for (const attempt of attempts) expect(attempt).toMatchObject(wanted);
}

function codeFor(model: string, refusal: Refusal): string {
  return (model.startsWith('openai/') && refusal.openaiCode) || refusal.code;
}

function linesOf(generation: unknown) {
  const lines = at(generation, 'receipt', 'lines');
  return Array.isArray(lines) ? lines : [];
}
