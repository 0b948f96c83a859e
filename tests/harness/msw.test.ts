import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { setupServer } from 'msw/node';
import OpenAI from 'openai';
import Replicate from 'replicate';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { anthropic } from '../../providers/simulators/anthropic.ts';
import { google } from '../../providers/simulators/google.ts';
import { handlers } from '../../providers/simulators/msw.ts';
import { openai } from '../../providers/simulators/openai.ts';
import { replicate } from '../../providers/simulators/replicate.ts';

const replicateOrigin = 'https://api.replicate.com';
const simulated = {
  openai: openai({ faults: true }),
  anthropic: anthropic(),
  google: google(),
  replicate: replicate({ publicUrl: replicateOrigin }),
};
const server = setupServer(
  ...handlers(simulated.openai, 'https://api.openai.com'),
  ...handlers(simulated.anthropic, 'https://api.anthropic.com'),
  ...handlers(simulated.google, 'https://generativelanguage.googleapis.com'),
  ...handlers(simulated.replicate, replicateOrigin),
);

// Clients are built after this: one built before keeps the fetch it found.
beforeAll(() => server.listen());
afterAll(() => server.close());

const messages = [{ role: 'user' as const, content: 'Say exactly: the lamp is lit' }];

it('openai answers at its own address', async () => {
  const client = new OpenAI({ apiKey: 'k', maxRetries: 0 });
  expect(client.baseURL).toBe('https://api.openai.com/v1');
  const plain = await client.chat.completions.create({ model: 'gpt-5.5', messages });
  expect(plain.choices[0]?.message.content).toBe('the lamp is lit');
  let text = '';
  for await (const chunk of await client.chat.completions.create({ model: 'gpt-5.5', messages, stream: true }))
    text += chunk.choices[0]?.delta.content ?? '';
  expect(text).toBe('the lamp is lit');
  expect(simulated.openai.bill.calls).toHaveLength(2);
});

it('a simulated reset is a connection error', async () => {
  const client = new OpenAI({ apiKey: 'k', maxRetries: 0 });
  const asked = { model: 'gpt-5.5', messages: [{ role: 'user' as const, content: '[[fault:reset]] hello' }] };
  await expect(client.chat.completions.create(asked)).rejects.toBeInstanceOf(OpenAI.APIConnectionError);
});

it('anthropic answers at its own address', async () => {
  const client = new Anthropic({ apiKey: 'k', maxRetries: 0 });
  const asked = { model: 'claude-sonnet-5', max_tokens: 100, messages };
  expect((await client.messages.create(asked)).content.at(-1)).toMatchObject({ text: 'the lamp is lit' });
  const streamed = await client.messages.stream(asked).finalMessage();
  expect(streamed.content.at(-1)).toMatchObject({ text: 'the lamp is lit' });
});

it('google answers at its own address', async () => {
  const client = new GoogleGenAI({ apiKey: 'k' });
  const asked = { model: 'gemini-3.8-flash', contents: 'Say exactly: the lamp is lit' };
  expect((await client.models.generateContent(asked)).text).toBe('the lamp is lit');
});

it('replicate answers at its own address, files included', async () => {
  const client = new Replicate({ auth: 'k', useFileOutput: false });
  const input = { prompt: 'a lamp', output_format: 'png' };
  const output = (await client.run('black-forest-labs/flux-schnell', { input })) as string[];
  expect(output[0]).toMatch(/^https:\/\/api\.replicate\.com\//);
  const file = Buffer.from(await (await fetch(output[0]!)).arrayBuffer());
  expect(file.subarray(1, 4).toString()).toBe('PNG');
});
