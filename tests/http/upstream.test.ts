import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { at, type Json, stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf, framesOf, lanes, pico } from './doors.ts';
import { type Call, chunk, plainAnswer, startUpstream } from './upstream.ts';

const canary = 'sk-canary-7d41f0a9c3b2e8';
/** Every door that can reach the upstream, straight and crossed. */
const reaching = lanes.filter((lane) => lane.model.startsWith('openai/'));
const streamHead = { 'content-type': 'text/event-stream' };

/** What only a real socket can show, with a provider that we script. */
describe('a scripted upstream', () => {
  let gateway: RunningGateway;
  let upstream: { url: string; close(): Promise<void> };
  let script: (call: Call) => void | Promise<void> = () => {};
  const printed: string[] = [];
  const answers: string[] = [];
  const { send, post, newest, spent, settled } = clientOf(() => gateway);

  beforeAll(async () => {
    for (const name of ['log', 'error', 'warn', 'info', 'debug'] as const) {
      vi.spyOn(console, name).mockImplementation((...words: unknown[]) => {
        printed.push(
          words
            .map((word) => (word instanceof Error ? `${word.stack} ${JSON.stringify(word)}` : JSON.stringify(word)))
            .join(' '),
        );
      });
    }
    upstream = await startUpstream((call) => script(call));
    gateway = await startGateway({ OPENAI_API_KEY: canary, OPENAI_BASE_URL: upstream.url });
  });
  afterEach(() => {
    script = () => {};
  });
  afterAll(async () => {
    await gateway.close();
    await upstream.close();
    vi.restoreAllMocks();
  });

  const json = (response: Call['response'], status: number, body: unknown) => {
    response
      .writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'req_1', 'x-echo': canary })
      .end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const ask = async (lane: (typeof lanes)[number], more: Record<string, Json> = {}) => {
    const answer = await post(lane.path, lane.write('hello there', more));
    answers.push(answer.text, JSON.stringify([...answer.headers]));
    return answer;
  };

  for (const lane of reaching) {
    describe(lane.name, () => {
      it('an error object inside a 200 is an error, and costs nothing', async () => {
        const before = await spent();
        script = ({ response }) =>
          json(response, 200, { error: { message: 'The model is on fire.', type: 'server_error' } });
        for (const stream of [false, true]) {
          const answer = await ask(lane, { stream });
          expect(`${answer.status} ${lane.codeOf(answer.body)}`, answer.text).toBe('502 provider_error');
          expect(answer.text).toContain('The model is on fire.');
          expect(answer.headers.get('x-should-retry')).toBe('false');
          expect(await newest()).toMatchObject({ attempts: [{ state: 'released', outcome: 'provider_error' }] });
        }
        expect(await spent()).toBe(before);
      });

      it('an error object inside a stream ends it, and what came before is booked', async () => {
        script = ({ response }) => {
          response.writeHead(200, streamHead);
          response.write(chunk('one ') + chunk('two '));
          response.end('data: {"error":{"message":"Overheated.","type":"server_error"}}\n\ndata: [DONE]\n\n');
        };
        const answer = await ask(lane, { stream: true });
        expect(answer.text).toContain('Overheated.');
        const generation = await newest();
        expect(generation).toMatchObject({
          status: 'failed',
          attempts: [{ state: 'settled', cost_status: 'priced_estimated' }],
        });
        // The end marker may be counted, too: an estimate, never less than what came.
        expect([2, 3]).toContain(outputOf(generation));
      });

      it('an error object that begins a stream is an error, and costs nothing', async () => {
        const before = await spent();
        script = ({ response }) => {
          response
            .writeHead(200, streamHead)
            .end('data: {"error":{"message":"Overheated.","type":"server_error"}}\n\n');
        };
        const answer = await ask(lane, { stream: true });
        expect(answer.text).toContain('Overheated.');
        expect(await newest()).toMatchObject({ status: 'failed', attempts: [{ state: 'released' }] });
        expect(await spent()).toBe(before);
      });

      it('a page in place of a stream is never passed on', async () => {
        script = ({ response }) => {
          response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>');
        };
        const answer = await ask(lane, { stream: true });
        expect(`${answer.status} ${lane.codeOf(answer.body)}`).toBe('502 provider_garbage');
        expect(answer.text).not.toContain('Log in');
      });

      it('a redirect is not followed', async () => {
        const paths: (string | undefined)[] = [];
        script = ({ request, response }) => {
          paths.push(request.url);
          response.writeHead(302, { location: `${upstream.url}/elsewhere` }).end();
        };
        const answer = await ask(lane);
        expect(`${answer.status} ${lane.codeOf(answer.body)}`).toBe('502 provider_garbage');
        expect(paths).toHaveLength(1);
      });

      it('a stream without usage is priced by what was delivered, flagged', async () => {
        script = ({ response }) => {
          response.writeHead(200, streamHead);
          for (const word of ['one ', 'two ', 'three ']) response.write(chunk(word));
          response.end(`${chunk('', 'stop')}data: [DONE]\n\n`);
        };
        const answer = await ask(lane, { stream: true });
        expect(answer.text).toContain('three ');
        const generation = await newest();
        expect(generation).toMatchObject({ status: 'completed', receipt: { status: 'priced_estimated' } });
        expect(outputOf(generation)).toBeGreaterThanOrEqual(3);
        expect(outputOf(generation)).toBeLessThanOrEqual(6);
      });

      it('an answer without usage is priced by its size, flagged', async () => {
        script = ({ response }) => json(response, 200, plainAnswer('four words of text'));
        const answer = await ask(lane);
        expect(answer.status).toBe(200);
        expect(await newest()).toMatchObject({ status: 'completed', receipt: { status: 'priced_estimated' } });
      });

      it('takes frames however they are cut', async () => {
        const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };
        const whole = `${chunk('grün ')}${chunk('→ 🎨')}${chunk('', 'stop')}data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage })}\n\ndata: [DONE]\n\n`;
        for (const text of [whole, whole.replaceAll('\n\n', '\r\n\r\n')]) {
          script = async ({ response }) => {
            response.writeHead(200, streamHead);
            const bytes = Buffer.from(text);
            for (let start = 0; start < bytes.length; start += 37) {
              response.write(bytes.subarray(start, start + 37));
              if (start % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
            }
            response.end();
          };
          const answer = await ask(lane, { stream: true });
          expect(answer.text).toContain('grün');
          expect(answer.text).toContain('🎨');
          const generation = await newest();
          expect(generation).toMatchObject({ receipt: { status: 'priced' } });
          expect(outputOf(generation)).toBe(4);
        }
      });

      it('a client that leaves mid-stream stops the upstream, even a silent one, and is booked as delivered', async () => {
        const before = await spent();
        let stopped: (() => void) | undefined;
        const closed = new Promise<void>((resolve) => {
          stopped = resolve;
        });
        script = ({ response }) => {
          response.on('close', () => stopped?.());
          response.writeHead(200, streamHead);
          for (const word of ['one ', 'two ', 'three ']) response.write(chunk(word));
          // And then nothing more: the model thinks.
        };
        const leave = new AbortController();
        const answer = await fetch(gateway.url + lane.path, {
          method: 'POST',
          headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
          body: JSON.stringify(lane.write('hello there', { stream: true })),
          signal: leave.signal,
        });
        const reader = answer.body!.getReader();
        let text = '';
        while (!text.includes('three ')) text += new TextDecoder().decode((await reader.read()).value);
        const left = Date.now();
        leave.abort();
        await reader.read().catch(() => {});
        await closed;
        expect(Date.now() - left).toBeLessThan(3_000);
        const generation = await settled(answer.headers.get('x-atelier-generation')!);
        expect(generation).toMatchObject({
          status: 'canceled',
          error: { code: 'request_canceled' },
          attempts: [{ state: 'settled', outcome: 'canceled', cost_status: 'priced_estimated' }],
        });
        expect(outputOf(generation)).toBe(3);
        const cost = pico(stringAt(generation, 'receipt', 'total')!);
        expect(cost).toBeGreaterThan(0n);
        expect(pico(await spent()) - pico(before)).toBe(cost);
      });

      it('a client that leaves before the answer began stops the stream, too', async () => {
        let began: (() => void) | undefined;
        const asked = new Promise<void>((resolve) => {
          began = resolve;
        });
        let stopped: (() => void) | undefined;
        const closed = new Promise<void>((resolve) => {
          stopped = resolve;
        });
        script = async ({ response }) => {
          response.on('close', () => stopped?.());
          began?.();
          await new Promise((resolve) => setTimeout(resolve, 150));
          response.writeHead(200, streamHead);
          const beat = setInterval(() => response.write(chunk('word ')), 10);
          response.on('close', () => clearInterval(beat));
        };
        const leave = new AbortController();
        const answer = fetch(gateway.url + lane.path, {
          method: 'POST',
          headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
          body: JSON.stringify(lane.write('hello there', { stream: true })),
          signal: leave.signal,
        }).catch(() => {});
        await asked;
        leave.abort();
        await answer;
        await closed;
        const generation = await settled(stringAt(await newest(), 'id')!);
        expect(generation).toMatchObject({ status: 'canceled', attempts: [{ outcome: 'canceled' }] });
      });

      it('a connection that breaks inside a plain answer is booked as estimated', async () => {
        script = ({ response }) => {
          response.writeHead(200, { 'content-type': 'application/json', 'content-length': 5000 });
          response.write('{"id":"chatcmpl-1","choices":[');
          setTimeout(() => response.destroy(), 20);
        };
        const answer = await ask(lane);
        expect(`${answer.status} ${lane.codeOf(answer.body)}`).toBe('502 outcome_unknown');
        expect(answer.headers.get('x-should-retry')).toBe('false');
        expect(await newest()).toMatchObject({
          attempts: [{ state: 'settled', outcome: 'outcome_unknown', cost_status: 'priced_estimated' }],
        });
      });

      it('a connection that drops before its headers leaves the outcome open', async () => {
        script = ({ response }) => {
          response.socket?.destroy();
        };
        const answer = await ask(lane);
        expect(`${answer.status} ${lane.codeOf(answer.body)}`).toBe('502 outcome_unknown');
        expect(answer.headers.get('x-should-retry')).toBe('false');
        expect(stringAt(await newest(), 'attempts', 0, 'cost_status')).toMatch(/^(not_billable|priced_estimated)$/);
      });

      for (const status of [400, 401, 403, 404, 422, 429, 500, 503]) {
        it(`${status} that quotes our key does not show it`, async () => {
          script = ({ request, response }) =>
            json(response, status, {
              error: { message: `Bad key: ${request.headers.authorization}`, type: 'x', code: canary },
            });
          for (const stream of [false, true]) {
            const answer = await ask(lane, { stream });
            expect(answer.status).toBeGreaterThanOrEqual(400);
            expect(answer.text).not.toContain(canary);
          }
        });
      }
    });
  }

  it('passes Retry-After on, as seconds', async () => {
    const lane = reaching[1]!;
    const date = new Date(Date.now() + 7_000);
    for (const [headers, wanted] of [
      [{ 'retry-after': '7' }, '7'],
      [{ 'retry-after-ms': '1500' }, '2'],
      [{ 'retry-after': date.toUTCString(), date: new Date(date.getTime() - 7_000).toUTCString() }, '7'],
      [{ 'retry-after': 'soon' }, null],
    ] as const) {
      script = ({ response }) => {
        response.writeHead(429, headers).end('{"error":{"message":"Slow down."}}');
      };
      const answer = await ask(lane);
      expect(answer.status).toBe(429);
      expect(answer.headers.get('retry-after')).toBe(wanted);
      expect(answer.headers.get('x-should-retry')).toBe('true');
    }
  });

  it('money that ran out is not worth another try', async () => {
    const lane = reaching[1]!;
    script = ({ response }) =>
      json(response, 429, { error: { message: 'You exceeded your current quota.', code: 'insufficient_quota' } });
    const answer = await ask(lane);
    expect(`${answer.status} ${lane.codeOf(answer.body)}`).toBe('503 provider_quota_exhausted');
    expect(answer.headers.get('x-should-retry')).toBe('false');
  });

  it('media refusals that quote our key do not show it', async () => {
    for (const status of [400, 401, 422, 429, 500]) {
      script = ({ request, response }) =>
        json(response, status, { error: { message: `Bad key: ${request.headers.authorization}`, type: 'x' } });
      for (const model of ['openai/gpt-image-2', 'openai/gpt-4o-mini-tts', 'openai/text-embedding-3-small']) {
        const answer = await post('/v1/generations', { model, input: 'a lamp' });
        answers.push(answer.text, JSON.stringify([...answer.headers]));
        expect(answer.status).toBeGreaterThanOrEqual(400);
      }
    }
  });

  it('has shown the provider key nowhere: no answer, no header, no book, no output', async () => {
    for (const path of ['/v1/generations?limit=100', '/v1/models', '/v1/spend?simulated=include']) {
      answers.push((await send(path)).text);
    }
    expect(answers.length).toBeGreaterThan(100);
    expect(answers.filter((text) => text.includes(canary))).toEqual([]);
    const books = join(gateway.data, 'books');
    const files = readdirSync(books);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const bytes = readFileSync(join(books, file));
      expect(bytes.includes(canary), file).toBe(false);
      expect(bytes.includes(gateway.appKey), `${file} holds the app key`).toBe(false);
      expect(bytes.includes(gateway.adminKey), `${file} holds the admin key`).toBe(false);
    }
    expect(printed.filter((line) => line.includes(canary) || line.includes(gateway.appKey))).toEqual([]);
  });
});

function outputOf(generation: Json): number {
  const lines = at(generation, 'receipt', 'lines');
  const line = Array.isArray(lines) && lines.find((one) => stringAt(one, 'meter') === 'output_text_tokens');
  return Number(stringAt(line, 'quantity') ?? 0);
}

describe('a provider that is not there', () => {
  it('is provider_unavailable, safe to try again, and costs nothing', async () => {
    const gateway = await startGateway({ OPENAI_API_KEY: 'sk-real-enough', OPENAI_BASE_URL: 'http://127.0.0.1:9' });
    const { post, newest, spent } = clientOf(() => gateway);
    try {
      for (const lane of reaching) {
        const answer = await post(lane.path, lane.write('hi'));
        expect(`${answer.status} ${lane.codeOf(answer.body)}`).toBe('502 provider_unavailable');
        expect(answer.headers.get('x-should-retry')).toBe('true');
        const generation = await newest();
        expect(generation).toMatchObject({ simulated: false, status: 'failed' });
        const attempts = at(generation, 'attempts') as Json[];
        expect(attempts.length).toBeGreaterThan(0);
        expect(attempts.length).toBeLessThanOrEqual(3);
        for (const attempt of attempts)
          expect(attempt).toMatchObject({ state: 'released', failure: 'A', billed: false });
        expect(framesOf(answer.text)).toEqual([]);
      }
      expect(await spent()).toBe('0');
    } finally {
      await gateway.close();
    }
  });
});
