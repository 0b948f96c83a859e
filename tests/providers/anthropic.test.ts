import { expect, test } from 'vitest';
import { anthropic } from '../../providers/anthropic.ts';
import { anthropic as simulate } from '../../providers/simulators/anthropic.ts';
import type { JsonObject } from '../../src/contract/index.ts';

const call = {
  model: 'claude-opus-5-5',
  key: 'k',
  baseUrl: 'https://api.anthropic.com',
  attemptId: 'a',
  stream: false,
};

test('text target: key and version as the official SDK of the pinned version sends them', async () => {
  const target = anthropic.text?.['anthropic-messages']?.(call);
  expect(target?.url).toBe('https://api.anthropic.com/v1/messages');
  const { default: Client } = await import('@anthropic-ai/sdk');
  let sent: Headers | undefined;
  const client = new Client({
    apiKey: 'k',
    maxRetries: 0,
    fetch: async (_url, init) => {
      sent = new Headers(init?.headers);
      return Response.json({});
    },
  });
  await client.messages.create({ model: 'claude-opus-5-5', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] });
  for (const name of ['authorization', 'anthropic-version']) expect(target?.headers[name]).toBe(sent?.get(name));
});

test('no media', () => expect(anthropic.media).toBeUndefined());

test('the simulator accepts the target, and its bill equals the usage', async () => {
  const simulator = simulate();
  const target = anthropic.text?.['anthropic-messages']?.(call);
  const body = { model: call.model, max_tokens: 200, messages: [{ role: 'user', content: 'Say exactly: hello' }] };
  const response = await simulator.fetch(target?.url ?? '', {
    method: 'POST',
    headers: { ...target?.headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as JsonObject;
  expect(response.status).toBe(200);
  const usage = anthropic.readUsage({
    model: call.model,
    endpoint: 'anthropic-messages',
    modality: 'text',
    usage: answer.usage ?? null,
    response: answer,
  });
  const billed = simulator.bill.find('a')?.charges.filter(({ quantity }) => quantity > 0);
  expect(usage?.metered).toEqual(billed?.map(({ meter, quantity }) => ({ meter, quantity })));
});
