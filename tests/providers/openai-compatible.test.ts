import { describe, expect, test } from 'vitest';
import providersFile from '../../config/providers.json' with { type: 'json' };
import { createProvider, providers } from '../../providers/index.ts';
import { openaiCompatible } from '../../providers/openai-compatible.ts';
import { openaiCompatible as simulate } from '../../providers/simulators/openai-compatible.ts';
import type { GatewayError, JsonObject, ProviderRow } from '../../src/contract/index.ts';
import { callOf, failures, recorder } from './call.ts';

const row = (more: Partial<ProviderRow> = {}): ProviderRow => ({
  id: 'acme',
  adapter: 'openai-compatible',
  baseUrl: 'https://acme.example/v1',
  ...more,
});
const call = { model: 'm', key: 'k', baseUrl: 'https://acme.example/v1', attemptId: 'a', stream: true };

test('text targets follow the row: dialects, paths, headers, no key where there is none', () => {
  const plain = openaiCompatible(row());
  expect(Object.keys(plain.text ?? {})).toEqual(['openai-chat']);
  expect(plain.text?.['openai-chat']?.(call)).toEqual({
    url: 'https://acme.example/v1/chat/completions',
    headers: { authorization: 'Bearer k', 'x-client-request-id': 'a' },
  });
  const many = openaiCompatible(
    row({
      dialects: ['openai-chat', 'openai-responses', 'anthropic-messages'],
      quirks: { paths: { 'anthropic-messages': '/anthropic/v1/messages' }, headers: { 'x-title': 'studio' } },
    }),
  );
  expect(many.text?.['openai-responses']?.(call)?.url).toBe('https://acme.example/v1/responses');
  expect(many.text?.['anthropic-messages']?.({ ...call, key: '' })).toEqual({
    url: 'https://acme.example/v1/anthropic/v1/messages',
    headers: { 'x-title': 'studio', 'x-client-request-id': 'a' },
  });
  expect(() => openaiCompatible(row({ dialects: ['gemini'] }))).toThrow('acme');
});

test('the list: every adapter by name, an unknown one refused, a row keeps its own id', () => {
  expect(new Set(providersFile.providers.map((one) => one.adapter))).toEqual(new Set(Object.keys(providers)));
  expect(createProvider(row()).id).toBe('acme');
  expect(createProvider(row({ id: 'openai', adapter: 'openai' }))).toBe(providers.openai);
  expect(createProvider(row({ adapter: 'openai' })).id).toBe('acme');
  expect(() => createProvider(row({ adapter: 'constructor' }))).toThrow('no adapter');
});

describe('embedding', () => {
  const submit = (fetch: Parameters<typeof callOf>[0], key = 'sk-secret-key') =>
    openaiCompatible(row()).media?.embedding?.submit({ modality: 'embedding', input: ['a'] }, callOf(fetch, { key }));
  test('a keyless upstream gets no authorization at all', async () => {
    const { fetch, seen } = recorder(() => Response.json({ data: [{ embedding: [1, 2] }] }));
    const operation = await submit(fetch, '');
    expect(operation).toMatchObject({
      outputs: [{ type: 'embedding', index: 0, vector: [1, 2] }],
      usage: { metered: [] },
    });
    expect(seen[0]?.headers.has('authorization')).toBe(false);
  });
  test.each(failures)('one request: $name', async ({ answer, code, failure }) => {
    const { fetch, seen } = recorder(answer);
    const error = (await submit(fetch)?.catch((thrown) => thrown)) as GatewayError;
    expect(seen).toHaveLength(1);
    expect([error.code, error.details.failure, error.details.provider]).toEqual([code, failure, 'acme']);
  });
});

describe('the simulated upstreams: the bill equals the usage read', () => {
  const names = ['deepseek', 'mistral', 'xai', 'groq', 'together', 'cohere', 'qwen', 'openrouter', 'vllm', 'acme'];
  test.each(names)('%s', async (id) => {
    const simulator = simulate(id);
    const provider = openaiCompatible(row({ id }));
    const target = provider.text?.['openai-chat']?.(call);
    const body = { model: 'deepseek-reasoner', messages: [{ role: 'user', content: 'What is this?' }] };
    const response = await simulator.fetch(target?.url ?? '', {
      method: 'POST',
      headers: { ...target?.headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as JsonObject;
    expect(response.status).toBe(200);
    const usage = provider.readUsage({
      model: 'm',
      endpoint: 'openai-chat',
      modality: 'text',
      usage: answer.usage ?? null,
      response: answer,
    });
    const billed = simulator.bill.find('a')?.charges.filter(({ quantity }) => quantity > 0) ?? [];
    expect(usage?.metered).toEqual(billed.map(({ meter, quantity }) => ({ meter, quantity })));
    expect(billed.length).toBeGreaterThan(1);
  });
});
