import { expect } from 'vitest';
import { at, numberAt, stringAt } from '../../src/contract/index.ts';
import { attemptsOf, codeOf, type Scenario, second, textOf, until, type World } from '../support/fault-world.ts';

/** Milliseconds between the first two calls of a generation, as the provider saw them. */
function gapOf(world: World, id: string): number {
  const [first, next] = world.sent(id);
  return (next?.at ?? 0) - (first?.at ?? 0);
}

/** The longest pause before a first retry that nobody asked for, in milliseconds. */
const usual = 250;

/** A 429 once, then the answer: what the pause was. */
async function pauseAfter(world: World, model: string, fault: string): Promise<number> {
  world.fail(model, fault);
  const answer = await world.chat(model, `Say exactly: after ${fault}`);
  expect(answer.status, answer.text).toBe(200);
  expect(textOf(answer.body)).toBe(`after ${fault}`);
  const generation = await world.behind(answer);
  expect(attemptsOf(generation)).toMatchObject([
    { outcome: 'provider_rate_limited', failure: 'B', billed: false, cost_usd: '0', moved_on: { to: model } },
    { outcome: 'succeeded', billed: true },
  ]);
  expect(world.agrees(generation)).toBeGreaterThan(0n);
  const waited = numberAt(attemptsOf(generation)[0], 'moved_on', 'wait_ms')!;
  // Both clocks tick in whole milliseconds.
  expect(gapOf(world, stringAt(generation, 'id')!)).toBeGreaterThanOrEqual(waited - 2);
  return waited;
}

export const refusals: Scenario[] = [
  {
    waits: true,
    title: '#1 429 with Retry-After in seconds: waited for at least so long, then answered, billed once',
    run: async (world) => {
      expect(await pauseAfter(world, 'cohere/command-a-03-2025', 'retry-after:1')).toBeGreaterThanOrEqual(1_000);
    },
  },
  {
    waits: true,
    title: '#1 429 with Retry-After in seconds: the hold is kept meanwhile',
    run: async (world) => {
      const { key, use } = await world.limited({ unit: 'usd', limit: '1' });
      const messages = [{ role: 'user', content: '[[fault:retry-after:2]] keep a place' }];
      const body = { model: 'mistral/mistral-large-2512', max_tokens: 100, messages };
      const asked = world.post('/v1/chat/completions', body, { key });
      const bodies = () => world.simulators.journal.entries.map((one) => new TextDecoder().decode(one.body));
      await until('the refusal', () => bodies().some((text) => text.includes('keep a place')));
      await new Promise((resolve) => setTimeout(resolve, 500));
      const held = Number(at(await use(), 'held'));
      await asked;
      expect(held, 'held during the pause').toBeGreaterThan(0);
    },
  },
  {
    title: '#1 429 with a Retry-After beyond the deadline: somebody else answers at once; alone, the caller is told',
    run: async (world) => {
      const model = 'cohere/command-a-03-2025';
      world.fail(model, 'retry-after:30', { times: 2 });
      const began = Date.now();
      const answer = await world.pair(model, 'Say exactly: elsewhere');
      expect(`${answer.status} ${answer.headers.get('x-atelier-model')}`, answer.text).toBe(`200 ${second}`);
      expect(Date.now() - began).toBeLessThan(1_000);
      world.agrees(await world.behind(answer));
      const alone = await world.chat(model, 'hi');
      expect(`${codeOf(alone)} ${alone.headers.get('retry-after')}`).toBe('429 provider_rate_limited 30');
      const refused = await world.behind(alone);
      expect(world.sent(stringAt(refused, 'id')!)).toHaveLength(1);
      expect(world.agrees(refused)).toBe(0n);
    },
  },
  {
    waits: true,
    title: '#2 429 with Retry-After as an HTTP date: waited until then',
    run: async (world) => {
      const waited = await pauseAfter(world, 'mistral/mistral-large-2512', 'retry-after-date:2');
      // Dates have whole seconds.
      expect(waited).toBeGreaterThanOrEqual(1_000);
      expect(waited).toBeLessThanOrEqual(2_000);
    },
  },
  ...(['retry-after-past', 'retry-after-bad', 'retry-after-negative'] as const).map((fault) => ({
    title: `#2 429 with a Retry-After that says nothing (${fault}): the usual pause`,
    run: async (world: World) => {
      expect(await pauseAfter(world, 'deepseek/deepseek-v4-flash', fault)).toBeLessThanOrEqual(usual);
    },
  })),
  ...(
    [
      ['retry-after-ms:600', 'anthropic/claude-haiku-4-5', 600, 600],
      ['rate-reset:1s', 'qwen/qwen3.7-max', 1_000, 1_000],
      // Dates have whole seconds.
      ['rate-reset-at:2', 'anthropic/claude-sonnet-5', 1_000, 2_000],
    ] as const
  ).map(([fault, model, least, most]) => ({
    waits: true as const,
    title: `#3 429 that tells its end in another way (${fault}): waited for`,
    run: async (world: World) => {
      const waited = await pauseAfter(world, model, fault);
      expect(waited).toBeGreaterThanOrEqual(least);
      expect(waited).toBeLessThanOrEqual(most);
    },
  })),
  {
    title: '#3 429 that ends in six minutes: nobody waits beyond a minute, somebody else answers',
    run: async (world) => {
      const model = 'qwen/qwen3.7-plus';
      world.fail(model, 'rate-reset:6m0s', { times: 2 });
      const began = Date.now();
      const answer = await world.pair(model, 'Say exactly: elsewhere');
      expect(`${answer.status} ${answer.headers.get('x-atelier-model')}`, answer.text).toBe(`200 ${second}`);
      const alone = await world.chat(model, 'hi');
      expect(`${codeOf(alone)} ${alone.headers.get('retry-after')}`).toBe('429 provider_rate_limited 360');
      expect(Date.now() - began).toBeLessThan(2_000);
      expect(world.agrees(await world.behind(alone))).toBe(0n);
    },
  },
  {
    title: '#4 the money ran out: no retry, the credential is set aside, somebody else answers',
    run: async (world) => {
      const model = 'openrouter/meta-llama/llama-3.3-70b-instruct';
      world.fail(model, 'quota', { times: 9, model: 'meta-llama/llama-3.3-70b-instruct' });
      const alone = await world.chat(model, 'hi');
      expect(codeOf(alone)).toBe('503 provider_quota_exhausted');
      expect(alone.headers.get('x-should-retry')).toBe('false');
      const refused = await world.behind(alone);
      expect(world.sent(stringAt(refused, 'id')!)).toHaveLength(1);
      expect(world.agrees(refused)).toBe(0n);
      // Its key is known to be spent: the next one does not even ask.
      const answer = await world.pair(model, 'Say exactly: elsewhere');
      expect(`${answer.status} ${answer.headers.get('x-atelier-model')}`, answer.text).toBe(`200 ${second}`);
      const id = answer.headers.get('x-atelier-generation')!;
      expect(world.sent(id).map(({ provider }) => provider)).toEqual(['mistral']);
      world.calm(model);
    },
  },
  ...(['openai/gpt-5.4', 'anthropic/claude-opus-5', 'google/gemini-3.5-flash-lite'] as const).map((model) => ({
    title: `#4 the money ran out, in the words of ${model.split('/')[0]}: not one more call there, elsewhere it is answered`,
    run: async (world: World) => {
      world.fail(model, 'quota');
      const answer = await world.pair(model, 'Say exactly: elsewhere');
      expect(`${answer.status} ${answer.headers.get('x-atelier-model')}`, answer.text).toBe(`200 ${second}`);
      const generation = await world.behind(answer);
      expect(attemptsOf(generation)).toMatchObject([
        { outcome: 'provider_quota_exhausted', billed: false, cost_usd: '0', moved_on: { wait_ms: 0, to: second } },
        { outcome: 'succeeded' },
      ]);
      world.agrees(generation);
      // An answer with that key says that it is good again.
      expect((await world.chat(model, 'hi')).status).toBe(200);
    },
  })),
  {
    title: '#5 overloaded: a short pause, then again; for ever: three attempts, and nothing billed',
    run: async (world) => {
      const model = 'google/gemini-3.1-pro-preview';
      world.fail(model, 'overloaded');
      const answer = await world.chat(model, 'Say exactly: again');
      expect(answer.status, answer.text).toBe(200);
      const [first] = attemptsOf(await world.behind(answer));
      expect(first).toMatchObject({ outcome: 'provider_overloaded', failure: 'B', moved_on: { to: model } });
      expect(numberAt(first, 'moved_on', 'wait_ms')).toBeLessThanOrEqual(usual);
      world.fail(model, 'overloaded', { times: 3 });
      const last = await world.chat(model, 'hi');
      expect(codeOf(last)).toBe('503 provider_overloaded');
      const refused = await world.behind(last);
      expect(world.sent(stringAt(refused, 'id')!)).toHaveLength(3);
      expect(world.agrees(refused)).toBe(0n);
    },
  },
  {
    title: '#5 overloaded, with somebody else at hand: no pause at all',
    run: async (world) => {
      const model = 'anthropic/claude-opus-5-5';
      world.fail(model, 'overloaded');
      const answer = await world.pair(model, 'Say exactly: elsewhere');
      expect(answer.headers.get('x-atelier-model')).toBe(second);
      const generation = await world.behind(answer);
      expect(attemptsOf(generation)[0]).toMatchObject({ failure: 'B', moved_on: { wait_ms: 0 } });
      world.agrees(generation);
    },
  },
  {
    title: '#6 500 after the work was done: not done again, and the ledger has the one that was billed',
    run: async (world) => {
      for (const [path, body] of [
        ['/v1/chat/completions', { model: 'openai/gpt-5.5', messages: [{ role: 'user', content: 'a lamp' }] }],
        ['/v1/generations', { model: 'openai/gpt-image-2', input: 'a lamp', size: '1024x1024', quality: 'low' }],
      ] as const) {
        world.fail(body.model, 'billed:500');
        const answer = await world.post(path, body);
        expect(codeOf(answer)).toBe('502 provider_error');
        expect(answer.headers.get('x-should-retry')).toBe('false');
        const generation = await world.behind(answer);
        expect(attemptsOf(generation)).toMatchObject([{ state: 'settled', failure: 'C', billed: true }]);
        expect(world.sent(stringAt(generation, 'id')!)).toHaveLength(1);
        expect(world.agrees(generation)).toBeGreaterThan(0n);
      }
    },
  },
  ...[502, 504].map((status) => ({
    title: `#7 ${status} from the edge after the work was done: media is never sent again, and the bill is in the ledger`,
    run: async (world: World) => {
      world.fail('openai/gpt-image-1.5', `billed-edge:${status}`);
      const models = ['openai/gpt-image-1.5', 'openai/gpt-image-2'];
      const answer = await world.make(models[0]!, 'a lamp', { models, size: '1024x1024', quality: 'low' });
      expect(codeOf(answer)).toBe('502 provider_error');
      expect(answer.text).not.toContain('<!doctype');
      expect(answer.headers.get('x-should-retry')).toBe('false');
      const generation = await world.behind(answer);
      expect(world.sent(stringAt(generation, 'id')!)).toHaveLength(1);
      expect(attemptsOf(generation)).toMatchObject([{ state: 'settled', failure: 'C' }]);
      expect(world.agrees(generation)).toBeGreaterThan(0n);
    },
  })),
];
