import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { at, type Json, stringAt } from '../../src/contract/index.ts';
import {
  fallback,
  healthy,
  heard,
  openStream,
  pieces,
  primary,
  refuse,
  startPair,
  whole,
  words,
} from './two-providers.ts';
import type { Call } from './upstream.ts';

const say = pieces('gpt-5.5');
type Pair = Awaited<ReturnType<typeof startPair>>;

/** Each scenario passes where the caller has one whole answer, and nothing was asked that should not have been. */
const passed = (answer: { status: number; text: string }) => {
  expect(answer.status, answer.text).toBe(200);
  expect(heard(answer.text)).toMatchObject({ text: whole, done: true, finish: 'stop', error: undefined });
};
const outcomes = (generation: Json) =>
  (at(generation, 'attempts') as Json[]).map((attempt) => [stringAt(attempt, 'model'), stringAt(attempt, 'outcome')]);

describe('the sixteen failover scenarios, with two providers', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await startPair();
  });
  beforeEach(async () => {
    pair.reset();
  });
  afterAll(() => pair.close());
  const stream = (route: string) => pair.chat(route, { stream: true });

  it('S01 429 with Retry-After 2: the primary is left alone for two seconds, the answer comes at once', async () => {
    pair.scripts.primary = refuse(429, { message: 'Slow down.' }, { 'retry-after': '2' });
    const began = Date.now();
    passed(await stream('pair'));
    passed(await stream('pair'));
    expect(Date.now() - began).toBeLessThan(2_000);
    expect(pair.to('primary')).toHaveLength(1);
    pair.scripts.primary = healthy('gpt-5.5');
    await new Promise((resolve) => setTimeout(resolve, 2_600 - (Date.now() - began)));
    passed(await stream('pair'));
    expect(pair.to('primary')).toHaveLength(2);
  });

  it('S02 429 for ever: few tries, and an answer', async () => {
    await fresh();
    pair.scripts.primary = refuse(429, { message: 'Slow down.' });
    passed(await stream('pair'));
    expect(pair.to('primary').length).toBeLessThanOrEqual(4);
    expect(pair.calls.length).toBeLessThanOrEqual(6);
  });

  it('S03 500 once: the other answers, and both attempts are in the receipt', async () => {
    await fresh();
    pair.scripts.primary = refuse(500, { message: 'Broken.' });
    const answer = await stream('pair');
    passed(answer);
    expect(answer.headers.get('x-atelier-attempts')).toBe('2');
    expect(answer.headers.get('x-atelier-warnings')).toContain(`${fallback} answers instead`);
    const generation = await pair.newest();
    expect(outcomes(generation)).toEqual([
      ['gpt-5.5', 'provider_error'],
      ['mistral-large-2512', 'succeeded'],
    ]);
    expect(generation).toMatchObject({
      status: 'completed',
      attempts: [{ failure: 'C', billed: false, moved_on: { reason: 'provider_error', wait_ms: 0, to: fallback } }, {}],
    });
  });

  it('S04 503 for ever: every request is answered', async () => {
    await fresh();
    pair.scripts.primary = refuse(503, { message: 'Overloaded.', type: 'overloaded' });
    for (let count = 0; count < 8; count++) passed(await stream('pair'));
    expect(pair.to('primary').length).toBeLessThan(8);
  });

  it('S05 RST before the headers', async () => {
    await fresh();
    pair.scripts.primary = ({ response }) => {
      response.socket?.resetAndDestroy();
    };
    passed(await stream('pair'));
    expect(outcomes(await pair.newest())[0]).toEqual(['gpt-5.5', 'outcome_unknown']);
  });

  it('S06 silence: the other is asked after the first timeout', async () => {
    await fresh();
    pair.scripts.primary = () => {};
    const began = Date.now();
    passed(await stream('pair'));
    expect(Date.now() - began).toBeLessThan(2_500);
    expect(pair.to('primary')).toHaveLength(1);
  });

  it('S07 the first token comes late: headers and comments are not an answer', async () => {
    await fresh();
    pair.scripts.primary = (call) => {
      openStream(call);
      call.response.write(say.role);
      const beat = setInterval(() => call.response.write(': wait\n\n'), 100);
      call.response.on('close', () => clearInterval(beat));
    };
    passed(await stream('pair'));
    expect(outcomes(await pair.newest())[0]).toEqual(['gpt-5.5', 'provider_timeout']);
  });

  it('S08 cut after 40 of 60 tokens: the caller has one whole answer', async () => {
    await fresh();
    pair.scripts.primary = cutAfter(40);
    const answer = await stream('whole');
    passed(answer);
    expect(heard(answer.text).comments.join()).toContain(`${primary} broke off`);
    const generation = await pair.newest();
    expect(outcomes(generation)).toEqual([
      ['gpt-5.5', 'stream_interrupted'],
      ['mistral-large-2512', 'succeeded'],
    ]);
    expect(generation).toMatchObject({
      status: 'completed',
      receipt: { status: 'priced_estimated' },
      attempts: [
        { state: 'settled', billed: true, moved_on: { reason: 'stream_interrupted', to: fallback } },
        { billed: true },
      ],
    });
  });

  it('S08 the same where the other begins anew with the same words', async () => {
    await fresh();
    pair.scripts.primary = cutAfter(40);
    pair.scripts.fallback = (call) => {
      openStream(call);
      call.response.end(say.role + words.map(say.word).join('') + say.finish + say.done);
    };
    passed(await stream('whole'));
  });

  it('S09 a stall after 40 tokens', async () => {
    await fresh();
    pair.scripts.primary = (call) => {
      openStream(call);
      call.response.write(say.role + words.slice(0, 40).map(say.word).join(''));
    };
    passed(await stream('whole'));
  });

  for (const route of ['pair', 'whole']) {
    it(`S10 a chunk that is no JSON is left out (${route})`, async () => {
      await fresh();
      pair.scripts.primary = (call) => {
        openStream(call);
        const [first, ...rest] = words.map(say.word);
        const bad = ['data: {"id":"chatcmpl-1","choices":[{"delta":{"content":"hal\n\n', 'data: {oops}\n\n'];
        call.response.end(say.role + first + bad.join('') + rest.join('') + say.finish + say.usage(7, 60) + say.done);
      };
      passed(await stream(route));
      expect(pair.to('fallback')).toHaveLength(0);
    });

    for (const open of [false, true]) {
      it(`S11 no [DONE]: finishes promptly, with its usage (${route}, ${open ? 'left open' : 'closed'})`, async () => {
        await fresh();
        pair.scripts.primary = (call) => {
          openStream(call);
          call.response.write(say.role + words.map(say.word).join('') + say.finish + say.usage(11, 60));
          if (!open) call.response.end();
        };
        const began = Date.now();
        const answer = await pair.chat(route, { stream: true, stream_options: { include_usage: true } });
        passed(answer);
        expect(Date.now() - began).toBeLessThan(2_500);
        expect(heard(answer.text).usage).toMatchObject({ prompt_tokens: 11, completion_tokens: 60 });
        expect(await pair.newest()).toMatchObject({ status: 'completed', receipt: { status: 'priced' } });
        expect(pair.to('fallback')).toHaveLength(0);
      });
    }
  }

  it('S12 context_length 400: one try, then the larger model', async () => {
    await fresh();
    pair.scripts.primary = refuse(400, {
      message: "This model's maximum context length is 128000 tokens.",
      code: 'context_length_exceeded',
    });
    // the primary is the larger of the two: the other way round nothing would be gained
    expect((await stream('pair')).status).toBe(400);
    expect(pair.to('fallback')).toHaveLength(0);
    pair.reset();
    pair.scripts.fallback = refuse(400, { message: 'Prompt is too long.', code: 'context_length_exceeded' });
    const answer = await pair.chat(fallback, { stream: true, models: [primary] });
    passed(answer);
    expect(pair.to('fallback')).toHaveLength(1);
    expect(pair.to('primary')).toHaveLength(1);
  });

  it('S13 a content filter is passed on, and nobody else is asked', async () => {
    await fresh();
    pair.scripts.primary = refuse(400, { message: 'Not that.', code: 'content_filter' });
    const answer = await stream('pair');
    expect(`${answer.status} ${stringAt(answer.body, 'error', 'code')}`).toBe('400 content_policy');
    expect(pair.calls).toHaveLength(1);
  });

  it('S14 cut, and the other refuses an answer to be prefilled', async () => {
    await fresh();
    pair.scripts.primary = cutAfter(40);
    pair.scripts.fallback = (call, body) => {
      const last = (at(body, 'messages') as Json[]).at(-1);
      if (stringAt(last, 'role') === 'assistant') return refuse(400, { message: 'No prefill.' })(call, body);
      return healthy('mistral-large-2512')(call, body);
    };
    passed(await stream('whole'));
  });

  it('S16 accounting: model and usage are those of who answered', async () => {
    await fresh();
    pair.scripts.primary = refuse(503, { message: 'Overloaded.' });
    const answer = await pair.chat('pair');
    expect(answer.body).toMatchObject({
      model: 'mistral-large-2512',
      usage: { prompt_tokens: 7, completion_tokens: 60 },
    });
    expect(answer.headers.get('x-atelier-model')).toBe(fallback);
    expect(answer.headers.get('x-atelier-provider')).toBe('mistral');
    const generation = await pair.newest();
    expect(generation).toMatchObject({ model: fallback, requested_model: 'pair', receipt: { status: 'priced' } });
    const lines = at(generation, 'receipt', 'lines') as Json[];
    expect(lines.map((line) => [stringAt(line, 'meter'), stringAt(line, 'quantity')])).toEqual([
      ['input_text_tokens', '7'],
      ['output_text_tokens', '60'],
    ]);
  });

  /** A gateway that has seen nothing yet. */
  async function fresh() {
    await pair.close();
    pair = await startPair();
    pair.reset();
  }
});

it('S15 down for a minute, then well: all are served, and it is asked again within half a minute', async () => {
  let now = Date.UTC(2026, 10, 22);
  const sleep = async (ms: number) => {
    now += ms;
  };
  const pair = await startPair({}, { clock: { now: () => now }, random: () => 0.999, sleep });
  try {
    pair.reset();
    const began = now;
    pair.scripts.primary = refuse(503, { message: 'Overloaded.' });
    let back: number | undefined;
    while (now - began < 120_000 && back === undefined) {
      if (now - began >= 60_000) pair.scripts.primary = healthy('gpt-5.5');
      const answer = await pair.chat('pair');
      expect(answer.status, answer.text).toBe(200);
      if (answer.headers.get('x-atelier-provider') === 'openai') back = now - began;
      now += 1_000;
    }
    expect(back).toBeGreaterThanOrEqual(60_000);
    expect(back).toBeLessThanOrEqual(90_000);
    // while it was down it was asked only to find that out, and once in a while
    expect(pair.to('primary').length).toBeLessThan(12);
  } finally {
    await pair.close();
  }
});

function cutAfter(count: number) {
  return (call: Call) => {
    openStream(call);
    call.response.write(say.role + words.slice(0, count).map(say.word).join(''));
    setTimeout(() => call.response.socket?.destroy(), 30);
  };
}
