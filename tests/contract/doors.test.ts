import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Json } from '../../src/contract/index.ts';
import { anthropicClient } from '../conformance/matrix/anthropic-client.ts';
import { cells } from '../conformance/matrix/cells.ts';
import { type Client, type Opening, type Watch, watch } from '../conformance/matrix/client.ts';
import { geminiClient } from '../conformance/matrix/gemini-client.ts';
import { openaiChatClient } from '../conformance/matrix/openai-chat-client.ts';
import { openaiResponsesClient } from '../conformance/matrix/openai-responses-client.ts';
import { framesOf, openWorld, type World } from '../conformance/matrix/world.ts';
import { hasSpecs, responsePointer } from '../support/spec.ts';
import { checkAnswer, checkRequest, Tally } from './checks.ts';
import { mediaExchanges, packedBody } from './media-exchanges.ts';

const clients: ((opening: Opening) => Client)[] = [
  openaiChatClient,
  openaiResponsesClient,
  anthropicClient,
  geminiClient,
];
const upstreams = [
  { name: 'OpenAI', model: 'openai/gpt-5.5' },
  { name: 'Anthropic', model: 'anthropic/claude-sonnet-5' },
  { name: 'Google', model: 'google/gemini-3.8-flash' },
  { name: 'OpenAI-compatible', model: 'mistral/mistral-large-2512', thinker: 'groq/openai/gpt-oss-120b' },
];

const home: Record<string, string> = {
  'openai-chat': 'OpenAI',
  'openai-responses': 'OpenAI',
  'anthropic-messages': 'Anthropic',
  gemini: 'Google',
};
const straight = (client: Client, upstream: string) => home[client.dialect] === upstream;

type Sending = { headers?: Record<string, string>; body?: unknown };

const schema = (name: string) => `/components/schemas/${name}`;
const google = 'google-generativelanguage';
const content = { parts: [{ text: 'hello' }] };

/** Straight to a compatible upstream, its own words pass: they are that upstream's, not OpenAI's. */
const ownWords = (client: Client, upstream: string) =>
  client.dialect === 'openai-chat' && upstream === 'OpenAI-compatible';

describe.skipIf(!hasSpecs)('the doors keep the descriptions of the APIs they stand for', () => {
  let world: World;
  const answers = new Tally();
  const requests = new Tally();

  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world?.close());

  const send = async (method: string, path: string, { headers, body }: Sending = {}) => {
    const answer = await fetch(world.gateway.url + path, {
      method,
      headers: { authorization: `Bearer ${world.gateway.appKey}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: (await answer.json()) as Json };
  };

  const note = (client: Client, watched: Watch, crossed: boolean) => {
    for (const { url, status, headers, answer } of watched.exchanges) {
      const stream = (headers.get('content-type') ?? '').includes('event-stream');
      checkAnswer(answers, client.dialect, { path: new URL(url).pathname, status, stream, text: answer(), crossed });
    }
  };

  for (const open of clients) {
    for (const upstream of upstreams) {
      it(`${open.name} in front of ${upstream.name}`, async () => {
        const watched = watch();
        const client = open({ url: world.gateway.url, key: world.gateway.appKey, watch: watched });
        const invalid = [answers, requests].map((tally) => tally.invalid.length);
        const first = world.received.length;
        for (const cell of cells) await cell.run({ client, watch: watched, upstream, world });
        if (ownWords(client, upstream.name)) return;
        note(client, watched, !straight(client, upstream.name));
        for (const { provider, path, body } of world.received.slice(first)) {
          if (Object.keys(body).length > 0) checkRequest(requests, provider, path, body);
        }
        expect(answers.invalid.slice(invalid[0], invalid[0]! + 3)).toEqual([]);
        expect(requests.invalid.slice(invalid[1], invalid[1]! + 3)).toEqual([]);
      });
    }
  }

  const smallDoors: [door: string, spec: string, pointer: string, ask: Sending][] = [
    ['GET /v1/models', 'openai', schema('ListModelsResponse'), {}],
    ['GET /v1/models/openai/gpt-5.5', 'openai', schema('Model'), {}],
    [
      'GET /v1/models',
      'anthropic',
      schema('ListResponse_ModelInfo_'),
      { headers: { 'anthropic-version': '2026-10-21' } },
    ],
    ['GET /v1beta/models', google, schema('ListModelsResponse'), {}],
    ['GET /v1beta/models/openai/gpt-5.5', google, schema('Model'), {}],
    ['POST /v1/moderations', 'openai', schema('CreateModerationResponse'), { body: { input: 'hello' } }],
    ...['openai/text-embedding-3-small', 'google/gemini-embedding-001'].flatMap((model): typeof smallDoors => [
      ['POST /v1/embeddings', 'openai', schema('CreateEmbeddingResponse'), { body: { model, input: ['a', 'b'] } }],
      [`POST /v1beta/models/${model}:embedContent`, google, schema('EmbedContentResponse'), { body: { content } }],
      [
        `POST /v1beta/models/${model}:batchEmbedContents`,
        google,
        schema('BatchEmbedContentsResponse'),
        { body: { requests: [{ model: `models/${model}`, content }] } },
      ],
    ]),
    ...upstreams.flatMap(({ model }): typeof smallDoors => [
      [
        `POST /v1/models/${model}:countTokens`,
        google,
        schema('CountTokensResponse'),
        { body: { contents: [content] } },
      ],
      [
        'POST /v1/messages/count_tokens',
        'anthropic',
        schema('CountMessageTokensResponse'),
        { body: { model, messages: [{ role: 'user', content: 'hello' }] } },
      ],
    ]),
  ];

  it.each(smallDoors)('%s is a %s %s', async (door, spec, pointer, ask) => {
    const [method = 'GET', path = ''] = door.split(' ');
    const { status, body } = await send(method, path, ask);
    expect(status, JSON.stringify(body)).toBe(200);
    const before = answers.invalid.length;
    answers.check(spec, pointer, body, door);
    expect(answers.invalid.slice(before)).toEqual([]);
  });

  it.each(upstreams)('what is kept of responses by $name', async ({ model }) => {
    const before = answers.invalid.length;
    const created = await send('POST', '/v1/responses', { body: { model, input: 'hello', metadata: { a: 'b' } } });
    const { id } = created.body as { id: string };
    const read = await send('GET', `/v1/responses/${id}`);
    expect(read.body).toEqual(created.body);
    answers.check('openai', responsePointer('/responses/{response_id}', 'get', 200), read.body, 'GET /v1/responses');
    const items = await send('GET', `/v1/responses/${id}/input_items`);
    answers.check('openai', schema('ResponseItemList'), items.body, 'GET /v1/responses/…/input_items');
    const queued = await send('POST', '/v1/responses', { body: { model, input: 'hello', background: true } });
    answers.check('openai', responsePointer('/responses', 'post', 200), queued.body, 'a background response');
    answers.check(
      'openresponses',
      schema('ResponseResource'),
      { ...(queued.body as object), usage: null },
      'a queued one',
    );
    expect(answers.invalid.slice(before)).toEqual([]);
  });

  it.each(mediaExchanges)('$door in front of $model: $what', async ({ door, body, answers: kinds }) => {
    const packed = await packedBody(body);
    const answer = await fetch(`${world.gateway.url}/v1${door}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.gateway.appKey}`, ...packed.headers },
      body: packed.body,
    });
    const text = await answer.text();
    expect(answer.status, text.slice(0, 300)).toBe(kinds.error ? 400 : 200);
    const before = answers.invalid.length;
    const isStream = (answer.headers.get('content-type') ?? '').includes('event-stream');
    const sent = isStream ? framesOf(text) : [JSON.parse(text) as Json];
    expect(sent.length).toBeGreaterThan(0);
    for (const one of sent) {
      const pointer = kinds.error ? schema('ErrorResponse') : isStream ? kinds.event!(one) : kinds.body!;
      answers.check('openai', pointer, one, `POST /v1${door}`);
    }
    expect(answers.invalid.slice(before)).toEqual([]);
  });

  it('over thousands of answers and events, and hundreds of requests', () => {
    expect(answers.invalid).toEqual([]);
    expect(requests.invalid).toEqual([]);
    expect(answers.total).toBeGreaterThan(2500);
    expect(requests.total).toBeGreaterThan(300);
  });
});
