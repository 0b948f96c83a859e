import { GoogleGenAI } from '@google/genai';
import { decode } from 'fast-png';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../support/gateway.ts';

const model = 'google/gemini-3.1-flash-image';
const prompt = 'Draw a lighthouse at dusk.';

let gateway: RunningGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway?.close());

const receiptOf = async (id: string | null) => {
  const answer = await fetch(`${gateway.url}/v1/generations/${id}`, {
    headers: { authorization: `Bearer ${gateway.appKey}` },
  });
  return (await answer.json()) as {
    modality: string;
    receipt: { status: string; lines: { meter: string; quantity: string }[] };
  };
};
const isPicture = (data: string) => {
  const { width, height } = decode(Buffer.from(data, 'base64'));
  expect(Math.min(width, height)).toBeGreaterThanOrEqual(512);
};

it('openai chat: a picture comes in the message, plain and streamed, at the price of its tokens', async () => {
  const client = new OpenAI({ apiKey: gateway.appKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: prompt }];
  const { data, response } = await client.chat.completions.create({ model, messages }).withResponse();
  const message = data.choices[0]!.message as unknown as { images: { image_url: { url: string } }[] };
  isPicture(message.images[0]!.image_url.url.replace('data:image/png;base64,', ''));
  const { modality, receipt } = await receiptOf(response.headers.get('x-atelier-generation'));
  expect(modality).toBe('image');
  expect(receipt.status).toBe('priced');
  expect(receipt.lines.find((line) => line.meter === 'output_image_tokens')?.quantity).toBe('1120');

  let url = '';
  for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
    const delta = chunk.choices[0]?.delta as unknown as { images?: { image_url: { url: string } }[] } | undefined;
    url ||= delta?.images?.[0]?.image_url.url ?? '';
  }
  isPicture(url.replace('data:image/png;base64,', ''));
});

it('google genai: the same model straight, bytes as Google sends them', async () => {
  const client = new GoogleGenAI({
    apiKey: gateway.appKey,
    httpOptions: { baseUrl: gateway.url, apiVersion: 'v1beta' },
  });
  const answer = await client.models.generateContent({ model, contents: prompt });
  const parts = answer.candidates?.[0]?.content?.parts ?? [];
  isPicture(parts.find((part) => part.inlineData)!.inlineData!.data!);
});

it('still refuses a model whose provider has no such conversation', async () => {
  const client = new OpenAI({ apiKey: gateway.appKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
  const refused = client.chat.completions.create({
    model: 'openai/gpt-image-2',
    messages: [{ role: 'user', content: prompt }],
  });
  await expect(refused).rejects.toMatchObject({ status: 400, code: 'modality_mismatch' });
});
