import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, isObject, type Json, type JsonObject } from '../../src/contract/index.ts';
import { anthropicClient } from '../conformance/matrix/anthropic-client.ts';
import { type Client, type Opening, type Said, type ToolWords, watch } from '../conformance/matrix/client.ts';
import { geminiClient } from '../conformance/matrix/gemini-client.ts';
import { openaiChatClient } from '../conformance/matrix/openai-chat-client.ts';
import { openaiResponsesClient } from '../conformance/matrix/openai-responses-client.ts';
import { framesOf, openWorld, type World } from '../conformance/matrix/world.ts';

const weather: ToolWords = {
  name: 'get_weather',
  description: 'The weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** A provider that speaks only Responses: what an OpenAI chat client can be crossed to. */
const overlay = {
  providers: [
    {
      id: 'pensive',
      adapter: 'openai-compatible',
      base_url: 'https://pensive.example/v1',
      base_url_env: 'OPENAI_BASE_URL',
      key_env: 'OPENAI_API_KEY',
      dialects: ['openai-responses'],
    },
  ],
};

type Upstream = { name: string; model: string; dialects: string[]; stateOf(whole: Json): Json[] };

/** The state that an upstream gave out (in its answer) or got back (in a request), with the part it is on. */
const walk = (value: Json, pick: (object: JsonObject) => Json | undefined): Json[] => {
  if (typeof value !== 'object' || value === null) return [];
  const own = isObject(value) ? pick(value) : undefined;
  return own !== undefined ? [own] : Object.values(value).flatMap((inner) => walk(inner, pick));
};

const upstreams: Upstream[] = [
  {
    name: 'claude',
    model: 'anthropic/claude-sonnet-5',
    dialects: ['anthropic-messages'],
    stateOf: (whole) =>
      walk(whole, (block) =>
        /^(thinking|signature_delta)$/.test(String(block.type)) && block.signature ? block.signature : undefined,
      ),
  },
  {
    name: 'gemini',
    model: 'google/gemini-3.8-flash',
    dialects: ['gemini'],
    stateOf: (whole) =>
      walk(whole, (part) => {
        if (!part.thoughtSignature) return undefined;
        const call = isObject(part.functionCall) ? (part.functionCall.name ?? null) : null;
        return { signature: part.thoughtSignature, call };
      }),
  },
  ...['openai/gpt-5.5', 'pensive/gpt-5.5'].map((model) => ({
    name: model,
    model,
    dialects: model.startsWith('openai/') ? ['openai-chat', 'openai-responses'] : ['openai-responses'],
    stateOf: (whole: Json) =>
      walk(whole, (item) =>
        item.type === 'reasoning' && item.encrypted_content
          ? { id: item.id ?? null, state: item.encrypted_content }
          : undefined,
      ),
  })),
];

const openings: ((opening: Opening) => Client)[] = [
  openaiChatClient,
  openaiResponsesClient,
  anthropicClient,
  geminiClient,
];

const question = 'Use get_weather: how is it in Oslo?';
let world: World;
let config: string;

beforeAll(async () => {
  config = mkdtempSync(join(tmpdir(), 'atelier-config-'));
  mkdirSync(config, { recursive: true });
  writeFileSync(join(config, 'providers.json'), JSON.stringify(overlay));
  world = await openWorld({ ATELIER_CONFIG: config });
});
afterAll(async () => {
  await world.close();
  rmSync(config, { recursive: true, force: true });
});

/** What the provider said last, as JSON: a body, or its frames. */
function lastAnswer(): Json {
  const answer = world.received.at(-1)!.answer();
  return answer.startsWith('{') ? (JSON.parse(answer) as Json) : framesOf(answer);
}

/** Each kind of state once: streams repeat what they said in the event that ends them. */
const unique = (states: Json[]) =>
  [...new Set(states.map((state) => JSON.stringify(state)))].map((one) => JSON.parse(one) as Json);

function talkingTo(open: (opening: Opening) => Client, upstream: Upstream, stream: boolean) {
  const watched = watch();
  const client = open({ url: world.gateway.url, key: world.gateway.appKey, watch: watched });
  const crossed = !upstream.dialects.includes(client.dialect);
  const say = (history: unknown[]): Promise<Said> =>
    client.ask({ model: upstream.model, history, tools: [weather], thinks: true, stream });
  return { client, crossed, say, watched };
}

for (const open of openings) {
  for (const upstream of upstreams) {
    for (const stream of [false, true]) {
      const name = open.name.replace(/Client$/, '');
      describe(`${name} × ${upstream.name}, ${stream ? 'streamed' : 'plain'}`, () => {
        it('brings what the provider signed back to it, through a tool call and on', async () => {
          const { client, crossed, say } = talkingTo(open, upstream, stream);
          const history = client.user(question);
          const first = await say(history);
          expect(first.calls.map((call) => call.name)).toEqual(['get_weather']);
          const given = unique(upstream.stateOf(lastAnswer()));
          if (crossed) expect(given.length).toBeGreaterThan(0);

          history.push(...first.turn, ...client.results(first.calls.map((call) => ({ ...call, output: 'snow' }))));
          const second = await say(history);
          expect(second.text).toContain('snow');
          expect(upstream.stateOf(world.received.at(-1)!.body)).toEqual(given);
          given.push(...unique(upstream.stateOf(lastAnswer())));

          history.push(...second.turn, ...client.user('Say exactly: done'));
          const third = await say(history);
          expect(third.text).toBe('done');
          expect(unique(upstream.stateOf(world.received.at(-1)!.body))).toEqual(unique(given));
        });

        it('refuses a seal that was changed, in its own dialect, before anything is sent', async () => {
          const { client, crossed, say } = talkingTo(open, upstream, stream);
          if (!crossed) return;
          const history = client.user(question);
          const first = await say(history);
          const turn = JSON.stringify(first.turn);
          const seal = /"((?:atl1\.|YXRsMS)[^"]{60,})"/.exec(turn)?.[1];
          expect(seal, 'the client holds a seal').toBeDefined();
          const middle = Math.floor(seal!.length / 2);
          const forged = seal!.slice(0, middle) + (seal![middle] === 'A' ? 'B' : 'A') + seal!.slice(middle + 1);
          const answers = client.results(first.calls.map((call) => ({ ...call, output: 'snow' })));
          const sent = world.received.length;
          const thrown = await say([...history, ...JSON.parse(turn.replaceAll(seal!, forged)), ...answers]).then(
            () => undefined,
            (error: unknown) => error,
          );
          expect(client.failure(thrown)).toMatchObject({ status: 400, code: 'invalid_request' });
          expect(String(at(thrown as Json, 'message'))).toMatch(/"(messages|input|contents)\[1\]|"input\[\d\]/);
          expect(world.received.length).toBe(sent);
        });
      });
    }
  }
}

describe('a conversation that moves to another provider', () => {
  const moves: [string, (opening: Opening) => Client, string, string][] = [
    [
      'messages: Gemini, then Claude, whose bytes would pass',
      anthropicClient,
      'google/gemini-3.8-flash',
      'anthropic/claude-sonnet-5',
    ],
    [
      'responses: Claude, then OpenAI, whose bytes would pass',
      openaiResponsesClient,
      'anthropic/claude-sonnet-5',
      'openai/gpt-5.5',
    ],
    [
      'chat: Claude, then OpenAI, whose bytes would pass',
      openaiChatClient,
      'anthropic/claude-sonnet-5',
      'openai/gpt-5.5',
    ],
    ['gemini: OpenAI, then Gemini, whose bytes would pass', geminiClient, 'openai/gpt-5.5', 'google/gemini-3.8-flash'],
    ['chat: Claude, then Gemini', openaiChatClient, 'anthropic/claude-sonnet-5', 'google/gemini-3.8-flash'],
  ];
  it.each(moves)('%s', async (_, open, from, to) => {
    for (const stream of [false, true]) {
      const watched = watch();
      const client = open({ url: world.gateway.url, key: world.gateway.appKey, watch: watched });
      const history = client.user('Say exactly: one');
      const first = await client.ask({ model: from, history, thinks: true, stream });
      expect(first.text).toBe('one');
      expect(JSON.stringify(first.turn)).toMatch(/"(atl1\.|YXRsMS)/);
      history.push(...first.turn, ...client.user('Say exactly: two'));
      const second = await client.ask({ model: to, history, thinks: true, stream });
      expect(second.text).toBe('two');
      const sent = JSON.stringify(world.received.at(-1)!.body);
      expect(sent).not.toMatch(/atl1\.|YXRsMS/);
      expect(sent).toContain('one');
      expect(watched.exchanges.at(-1)!.headers.get('x-atelier-warnings')).not.toBeNull();
    }
  });
});

const counts: [string, (opening: Opening) => Client, string, string, string][] = [
  ['messages', anthropicClient, 'google/gemini-3.8-flash', 'anthropic/claude-sonnet-5', '/v1/messages/count_tokens'],
  [
    'gemini',
    geminiClient,
    'anthropic/claude-sonnet-5',
    'google/gemini-3.8-flash',
    '/v1beta/models/google/gemini-3.8-flash:countTokens',
  ],
];
it.each(counts)(
  '%s: counts a conversation without showing one provider the state of another',
  async (_, open, from, to, path) => {
    const client = open({ url: world.gateway.url, key: world.gateway.appKey, watch: watch() });
    const history = client.user('Say exactly: one');
    history.push(
      ...(await client.ask({ model: from, history, thinks: true })).turn,
      ...client.user('Say exactly: two'),
    );
    expect(JSON.stringify(history)).toMatch(/"(atl1\.|YXRsMS)/);
    const body = path.includes('count_tokens') ? { model: to, messages: history } : { contents: history };
    const answer = await fetch(world.gateway.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.gateway.appKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const counted = (await answer.json()) as JsonObject;
    expect(answer.status, JSON.stringify(counted)).toBe(200);
    expect(counted.input_tokens ?? counted.totalTokens).toBeGreaterThan(0);
    const sent = JSON.stringify(world.received.at(-1)!.body);
    expect(sent).not.toMatch(/atl1\.|YXRsMS/);
    expect(sent).toContain('Say exactly: two');
  },
);

it('keeps state with a response that the gateway stores', async () => {
  const client = new OpenAI({ apiKey: world.gateway.appKey, baseURL: `${world.gateway.url}/v1`, maxRetries: 0 });
  const tools = [{ type: 'function' as const, strict: false, ...weather }];
  for (const model of ['google/gemini-3.8-flash', 'anthropic/claude-sonnet-5']) {
    const first = await client.responses.create({ model, input: question, tools, reasoning: { effort: 'low' } });
    const call = first.output.find((item) => item.type === 'function_call')!;
    const output = [{ type: 'function_call_output' as const, call_id: call.call_id, output: 'snow' }];
    const more = { model, previous_response_id: first.id, input: output, tools, reasoning: { effort: 'low' as const } };
    expect((await client.responses.create(more)).output_text).toContain('snow');
  }
});

it('asks OpenAI to keep nothing and to hand its reasoning out, only where it reasons', async () => {
  const client = anthropicClient({ url: world.gateway.url, key: world.gateway.appKey, watch: watch() });
  const history = client.user('Say exactly: hello');
  await client.ask({ model: 'openai/gpt-5.5', history, thinks: true });
  expect(world.received.at(-1)).toMatchObject({
    path: expect.stringMatching(/\/responses$/),
    body: { store: false, include: ['reasoning.encrypted_content'] },
  });
  await client.ask({ model: 'openai/gpt-5.5', history });
  expect(world.received.at(-1)!.path).toMatch(/\/chat\/completions$/);
  await client.ask({ model: 'pensive/gpt-4o', history });
  expect(world.received.at(-1)!.body).toMatchObject({ store: false });
  expect(world.received.at(-1)!.body.include).toBeUndefined();
});
