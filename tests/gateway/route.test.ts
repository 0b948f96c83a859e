import { describe, expect, it } from 'vitest';
import {
  GatewayError,
  type JsonObject,
  type Modality,
  type Model,
  type Price,
  type Route,
} from '../../src/contract/index.ts';
import { arrange } from '../../src/gateway/choose.ts';
import { conversationOf, diceOf, languageOf, meets, wordsOf } from '../../src/gateway/conditions.ts';
import { createDirectory } from '../../src/gateway/directory.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { Health } from '../../src/gateway/health.ts';
import { planOf, type Question, type Wishes } from '../../src/gateway/plan.ts';
import { createCatalogue } from '../../src/meter/catalogue.ts';

const model = (id: string, modality: Modality = 'text', more: Partial<Model> = {}): Model => {
  const [provider = '', ...rest] = id.split('/');
  return { id, provider, upstream: rest.join('/'), modality, ...more };
};
const models = [
  model('a/dear'),
  model('b/cheap'),
  model('c/unpriced'),
  model('s/simulated'),
  model('a/gone', 'text', { shutdownDate: '2026-01-01' }),
  model('a/canvas', 'image'),
  model('b/canvas', 'image'),
];
const price = (provider: string, upstream: string, usd: string): Price[] =>
  (['input_text_tokens', 'output_text_tokens'] as const).map((meter) => ({
    provider,
    model: upstream,
    meter,
    price: usd,
    per: '1000000',
    source: 's',
    checked: '2026-11-22',
  }));
const defaults = { text: 'a/dear', image: 'a/canvas' } as const;
const now = Date.UTC(2026, 10, 22);

function gatewayWith(routes: Route[] = [], dice = 0): Gateway {
  const upstream = (id: string, simulated = false) => ({ row: { id }, provider: { id }, key: 'k', simulated });
  return {
    directory: createDirectory({
      models,
      aliases: {},
      defaults,
      prices: [],
      providers: new Set(['a', 'b', 'c', 's']),
      routes,
      now: () => now,
    }),
    routes: new Map(routes.map((route) => [route.name, route])),
    upstreams: new Map([
      ['a', upstream('a')],
      ['b', upstream('b')],
      ['c', upstream('c')],
      ['s', upstream('s', true)],
    ]),
    catalogue: createCatalogue([...price('a', 'dear', '10'), ...price('b', 'cheap', '1')], 'sha256:x'),
    health: new Health({ random: () => 0.5 }),
    attempts: 3,
    clock: { now: () => now },
    random: () => dice,
  } as unknown as Gateway;
}

const route = (name: string, names: Route['models'][number][] | string[], more: Partial<Route> = {}): Route => ({
  name,
  modality: 'text',
  strategy: 'fallback',
  models: names.map((one) => (typeof one === 'string' ? { model: one } : one)),
  ...more,
});

function plan(gateway: Gateway, asked: string, wishes?: Wishes, more: Partial<Question> = {}) {
  const warnings: string[] = [];
  const made = planOf(gateway, {
    caller: { keyId: 'key' },
    trace: { warnings },
    asked,
    modality: 'text',
    wishes,
    facts: () => ({ characters: 100, stream: false, tools: false }),
    worth: () => ({ modality: 'text', characters: 100, bytes: 100, images: 0, maxOutputTokens: 100 }),
    body: {},
    ...more,
  });
  return { ...made, ids: made.candidates.map(({ id }) => id), warnings };
}
const refusal = (work: () => unknown): GatewayError => {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
  }
  throw new Error('nothing was refused');
};

describe('who may answer', () => {
  it('one model alone: three attempts, short pauses', () => {
    expect(plan(gatewayWith(), 'a/dear')).toMatchObject({
      ids: ['a/dear'],
      attempts: 3,
      patience: 3_000,
      restart: false,
    });
  });

  it('a route by its name, in its order, one attempt for each at least', () => {
    const names = ['b/cheap', 'a/dear', 'c/unpriced', 'b/other'];
    const made = plan(gatewayWith([route('fast', names, { restart: true, duplicateOk: false })]), 'fast');
    expect(made).toMatchObject({ ids: names, attempts: 4, patience: 60_000, restart: true, duplicateOk: false });
  });

  it('models of the request go before a route of that name', () => {
    const made = plan(gatewayWith([route('fast', ['b/cheap'])]), 'fast', {
      models: ['c/unpriced', 'a/dear'],
      attempts: 2,
    });
    expect(made).toMatchObject({ ids: ['c/unpriced', 'a/dear'], attempts: 2 });
  });

  it('auto: the route of that modality, else the default', () => {
    const routes = [route('auto/text', ['b/cheap', 'a/dear'])];
    expect(plan(gatewayWith(routes), 'auto').ids).toEqual(['b/cheap', 'a/dear']);
    expect(plan(gatewayWith(), 'auto').ids).toEqual(['a/dear']);
    expect(plan(gatewayWith(routes), 'auto', undefined, { modality: 'image' }).ids).toEqual(['a/canvas']);
    expect(refusal(() => plan(gatewayWith(), 'auto:prettiest')).code).toBe('invalid_request');
  });

  it('auto:cheapest: every model that makes it by its price, unknown prices last, simulated ones not beside real ones', () => {
    expect(plan(gatewayWith(), 'auto:cheapest').ids).toEqual(['b/cheap', 'a/dear', 'c/unpriced']);
  });

  it('never crosses modalities, and says which one would', () => {
    const mixed = refusal(() => plan(gatewayWith(), 'a/dear', { models: ['a/dear', 'a/canvas'] }));
    expect(mixed.code).toBe('modality_mismatch');
    expect(mixed.message).toContain('a/canvas');
    const also = () => true;
    const company = refusal(() => plan(gatewayWith(), 'a/dear', { models: ['a/dear', 'a/canvas'] }, { also }));
    expect(company.code).toBe('modality_mismatch');
    const pictures = [route('pictures', ['a/canvas', 'b/canvas'], { modality: 'image' })];
    expect(refusal(() => plan(gatewayWith(pictures), 'pictures')).code).toBe('modality_mismatch');
    expect(plan(gatewayWith(pictures), 'pictures', undefined, { modality: 'image' }).ids).toHaveLength(2);
  });

  it('a real answer is not replaced by a simulated one, and that is told', () => {
    const made = plan(gatewayWith(), 's/simulated', { models: ['s/simulated', 'b/cheap'] });
    expect(made.ids).toEqual(['b/cheap']);
    expect(made.warnings.join()).toContain('s/simulated');
    expect(plan(gatewayWith(), 's/simulated', { models: ['s/simulated', 's/other'] }).ids).toHaveLength(2);
  });

  it('a model that is gone is left out where there are others; a name of nothing is refused', () => {
    expect(plan(gatewayWith(), 'a/gone', { models: ['a/gone', 'b/cheap'] }).ids).toEqual(['b/cheap']);
    expect(refusal(() => plan(gatewayWith(), 'a/gone', { models: ['a/gone'] })).code).toBe('model_not_found');
    expect(refusal(() => plan(gatewayWith(), 'x', { models: ['b/cheap', 'nobody'] })).code).toBe('model_not_found');
  });

  it('keeps to the conditions of its models, and says where none is left', () => {
    const routes = [
      route('sorted', [
        { model: 'a/dear', when: { tags: { team: 'red' } } },
        { model: 'b/cheap', when: { maxCharacters: 1_000, languages: ['ja'] } },
        { model: 'c/unpriced', when: { minCharacters: 1_001, stream: true, tools: false } },
      ]),
    ];
    const asked = (facts: JsonObject) =>
      plan(gatewayWith(routes), 'sorted', undefined, {
        facts: () => ({ characters: 100, stream: false, tools: false, ...facts }) as never,
      }).ids;
    expect(asked({ tags: { team: 'red' } })).toEqual(['a/dear']);
    expect(asked({ language: 'ja', tags: { team: 'red' } })).toEqual(['a/dear', 'b/cheap']);
    expect(asked({ characters: 5_000, stream: true })).toEqual(['c/unpriced']);
    expect(refusal(() => asked({ characters: 5_000, stream: true, tools: true })).message).toContain('sorted');
    expect(meets({ characters: 1, stream: false, tools: false, tags: { any: 'x' } }, { tags: { any: '*' } })).toBe(
      true,
    );
  });

  it('sticks to who answered the conversation', () => {
    const gateway = gatewayWith([route('kept', ['a/dear', 'b/cheap'], { sticky: 'conversation' })]);
    const body = {
      messages: [
        { role: 'system', content: 's' },
        { role: 'user', content: 'first words' },
      ],
    };
    const first = plan(gateway, 'kept', undefined, { body });
    expect(first.ids).toEqual(['a/dear', 'b/cheap']);
    gateway.health.remember(first.conversation!, 'b/cheap', now);
    const later = {
      messages: [...body.messages, { role: 'assistant', content: 'x' }, { role: 'user', content: 'more' }],
    };
    expect(plan(gateway, 'kept', undefined, { body: later }).ids).toEqual(['b/cheap', 'a/dear']);
    expect(plan(gateway, 'kept', undefined, { body, caller: { keyId: 'another' } }).ids).toEqual(['a/dear', 'b/cheap']);
  });
});

describe('their order', () => {
  const candidates = models.slice(0, 3).map((one, place) => ({ model: one, quality: [1, 3, undefined][place] }));
  const order = (strategy: Parameters<typeof arrange>[1], yard: Partial<Parameters<typeof arrange>[2]> = {}) =>
    arrange(candidates, strategy, { costOf: () => undefined, latencyOf: () => undefined, dice: () => 0, ...yard }).map(
      ({ id }) => id,
    );

  it('cheapest: unknown last', () => {
    const costs: Record<string, bigint> = { 'a/dear': 10n ** 20n, 'b/cheap': 3n };
    expect(order('cheapest', { costOf: ({ id }) => costs[id] })).toEqual(['b/cheap', 'a/dear', 'c/unpriced']);
  });

  it('fastest: unknown first, so that it becomes known', () => {
    const times: Record<string, number> = { 'a/dear': 900, 'b/cheap': 100 };
    expect(order('fastest', { latencyOf: ({ id }) => times[id] })).toEqual(['c/unpriced', 'b/cheap', 'a/dear']);
  });

  it('quality: highest first, the rest as given', () => {
    expect(order('quality')).toEqual(['b/cheap', 'a/dear', 'c/unpriced']);
  });

  it('weighted: by lot, in proportion, everybody once', () => {
    const weighted = [
      { model: models[0]!, weight: 3 },
      { model: models[1]!, weight: 1 },
    ];
    const counts: Record<string, number> = {};
    for (let place = 0; place < 1_000; place++) {
      const drawn = arrange(weighted, 'weighted', {
        costOf: () => undefined,
        latencyOf: () => undefined,
        dice: () => place / 1_000,
      });
      expect(new Set(drawn).size).toBe(2);
      counts[drawn[0]!.id] = (counts[drawn[0]!.id] ?? 0) + 1;
    }
    expect(counts).toEqual({ 'a/dear': 750, 'b/cheap': 250 });
  });

  it('a conversation always throws the same', () => {
    const thrown = Array.from({ length: 2_000 }, (_, place) => diceOf(`conversation ${place}`));
    expect(diceOf('conversation 7')).toBe(thrown[7]);
    expect(Math.min(...thrown)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...thrown)).toBeLessThan(1);
    const half = thrown.filter((one) => one < 0.5).length;
    expect(half).toBeGreaterThan(900);
    expect(half).toBeLessThan(1_100);
  });
});

describe('what is known of a request', () => {
  it('its language, where its script tells', () => {
    expect(languageOf('これはテストです。漢字もある。')).toBe('ja');
    expect(languageOf('这是一个测试')).toBe('zh');
    expect(languageOf('Это проверка')).toBe('ru');
    expect(languageOf('이것은 시험입니다')).toBe('ko');
    expect(languageOf('This could be Dutch')).toBeUndefined();
    expect(languageOf('12345')).toBeUndefined();
    expect(languageOf(wordsOf({ contents: [{ role: 'user', parts: [{ text: 'Это проверка' }] }] }))).toBe('ru');
  });

  it('what its conversation is called', () => {
    const none = () => undefined;
    const first = conversationOf('conversation', { input: 'hello' }, none);
    expect(conversationOf('conversation', { input: 'hello' }, none)).toBe(first);
    expect(conversationOf('conversation', { input: 'other' }, none)).not.toBe(first);
    const chat = {
      contents: [
        { role: 'user', parts: [{ text: 'a' }] },
        { role: 'model', parts: [{ text: 'b' }] },
      ],
    };
    expect(conversationOf('conversation', chat, none)).toBe(JSON.stringify(chat.contents[0]));
    expect(conversationOf({ header: 'x-session' }, {}, (name) => (name === 'x-session' ? '7' : undefined))).toBe('7');
    expect(conversationOf({ metadata: 'thread' }, { metadata: { thread: 't1' } }, none)).toBe('t1');
    expect(conversationOf(undefined, { input: 'hello' }, none)).toBeUndefined();
  });
});
