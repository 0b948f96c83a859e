import { expect } from 'vitest';
import { numberAt, stringAt } from '../../src/contract/index.ts';
import { heard } from '../http/two-providers.ts';
import { attemptsOf, codeOf, nowhere, type Scenario, second, textOf, type World } from '../support/fault-world.ts';

const words = 'one two three four five six seven eight nine ten eleven twelve';
const say = `Say exactly: ${words}`;

/** Node tells a connection that was never made from one that broke; workerd says of both that the connection was lost. */
const neverSent = (world: World) => (world.runtime === 'Node' ? /^A$/ : /^[AC]$/);

export const network: Scenario[] = [
  ...(['refused', 'unresolvable', 'untrusted'] as const).map((kind) => ({
    title: `#8 a provider that cannot be reached (${kind}): somebody else answers at once, nothing is billed`,
    run: async (world: World) => {
      const began = Date.now();
      const answer = await world.pair(nowhere[kind], say);
      expect(`${answer.status} ${answer.headers.get('x-atelier-model')}`, answer.text).toBe(`200 ${second}`);
      expect(textOf(answer.body)).toBe(words);
      expect(Date.now() - began).toBeLessThan(1_000);
      const generation = await world.behind(answer);
      const [first] = attemptsOf(generation);
      expect(stringAt(first, 'failure')).toMatch(neverSent(world));
      expect(first).toMatchObject({ billed: false, cost_usd: '0', moved_on: { wait_ms: 0, to: second } });
      expect(world.agrees(generation)).toBeGreaterThan(0n);
    },
  })),
  ...(
    [
      ['#10 reset before the headers', 'reset', 'openai/gpt-5.6-sol'],
      ['#11 closed before the headers', 'fin', 'openai/gpt-5.6-terra'],
      ['#28 a header that is too large', 'huge-header', 'openai/gpt-5.6-sol'],
      ['#28 too many headers', 'many-headers', 'openai/gpt-5.6-terra'],
    ] as const
  ).flatMap(([title, fault, model]) => lostBeforeHeaders(title, fault, model)),
  {
    title: '#10 reset before the headers, after the work was done: made once, and the ledger has what was billed',
    run: async (world) => {
      world.fail('openai/gpt-image-2', 'billed-reset');
      const models = ['openai/gpt-image-2', 'openai/gpt-image-1.5'];
      const answer = await world.make(models[0]!, 'a lamp', { models, size: '1024x1024', quality: 'low' });
      expect(codeOf(answer)).toBe('502 outcome_unknown');
      const generation = await world.behind(answer);
      expect(world.sent(stringAt(generation, 'id')!)).toHaveLength(1);
      expect(attemptsOf(generation)).toMatchObject([{ state: 'settled', failure: 'C', cost_status: 'priced' }]);
      expect(world.agrees(generation)).toBeGreaterThan(0n);
    },
  },
  ...(['pair', 'careful'] as const).map((route) => ({
    title: `#12 reset after the headers, before the first event: ${
      route === 'pair' ? 'another answers, unseen' : 'nobody is asked where nothing may be done twice'
    }`,
    run: async (world: World) => {
      const model = 'openai/gpt-5.4-mini';
      world.fail(model, 'reset:0');
      const answer = await world.pair(model, say, {
        stream: true,
        ...(route === 'careful' ? { route: { duplicate_ok: false } } : {}),
      });
      const generation = await world.behind(answer);
      const [first, next] = attemptsOf(generation);
      expect(stringAt(first, 'failure')).toMatch(/^[CD]$/);
      if (route === 'pair') {
        expect(heard(answer.text)).toMatchObject({ text: words, done: true, error: undefined });
        expect(next).toMatchObject({ outcome: 'succeeded' });
      } else {
        expect(answer.status).toBe(502);
        expect(next).toBeUndefined();
      }
      world.agrees(generation);
    },
  })),
];

/** Nobody knows whether the call was taken: class C. */
function lostBeforeHeaders(title: string, fault: string, model: string): Scenario[] {
  // workerd takes headers of any size: there the fault is none.
  const only = fault.endsWith('-header') || fault.endsWith('-headers') ? { only: 'Node' as const } : {};
  return [
    {
      ...only,
      title: `${title}: class C, another answers text; what it cost is what was billed`,
      run: async (world) => {
        world.fail(model, fault);
        const answer = await world.pair(model, say);
        expect(answer.headers.get('x-atelier-model'), answer.text).toBe(second);
        expect(textOf(answer.body)).toBe(words);
        const generation = await world.behind(answer);
        expect(attemptsOf(generation)).toMatchObject([{ failure: 'C' }, { outcome: 'succeeded' }]);
        world.agrees(generation);
      },
    },
    {
      ...only,
      title: `${title}, and the provider cannot be asked: sent once, media and text, and its most is booked as estimated`,
      run: async (world) => {
        world.relay.mute = true;
        try {
          for (const [path, body] of [
            ['/v1/chat/completions', { model, max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] }],
            [
              '/v1/generations',
              {
                model: 'openai/gpt-image-1.5',
                models: ['openai/gpt-image-1.5', 'openai/gpt-image-2'],
                input: 'a lamp',
                size: '1024x1024',
                quality: 'low',
              },
            ],
          ] as const) {
            world.fail(body.model, fault);
            const answer = await world.post(path, body);
            expect(codeOf(answer)).toBe('502 outcome_unknown');
            expect(answer.headers.get('x-should-retry')).toBe('false');
            const generation = await world.behind(answer);
            expect(world.sent(stringAt(generation, 'id')!)).toHaveLength(1);
            expect(attemptsOf(generation)).toMatchObject([
              { state: 'settled', failure: 'C', cost_status: 'priced_estimated' },
            ]);
            expect(Number(stringAt(generation, 'receipt', 'total'))).toBeGreaterThan(0);
            expect(numberAt(generation, 'receipt', 'attempts')).toBe(1);
            // It is not to be set aside for its failures.
            if (path === '/v1/generations') expect((await world.post(path, body)).status).toBe(200);
          }
        } finally {
          world.relay.mute = false;
        }
      },
    },
  ];
}
