import { afterAll, beforeAll, expect, test } from 'vitest';
import { at, type JsonObject } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf } from './doors.ts';

let gateway: RunningGateway;
const { post, spent } = clientOf(() => gateway);
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

type Line = { meter: string; quantity: string; price?: string; per?: string; amount?: string | null };
const receiptOf = (body: unknown) => at(body as JsonObject, 'receipt') as unknown as { lines: Line[]; total: string };

test.each([
  ['text', 'local/llama-3.3-70b', {}],
  ['image', 'stable-diffusion-webui/sd_xl_base_1.0', { size: '512x512' }],
  ['model3d', 'nim-3d/microsoft/trellis', {}],
])('%s of a machine of one’s own costs its time: %s', async (modality, model, more) => {
  const begun = performance.now();
  const made = await post('/v1/generations', { model, modality, input: 'a fox', wait: 30, ...more });
  const took = (performance.now() - begun) / 1000;
  expect(made.body, JSON.stringify(made.body)).toMatchObject({
    status: 'completed',
    receipt: { status: 'priced_estimated', basis: 'measured_by_gateway' },
  });
  const { lines, total } = receiptOf(made.body);
  const time = lines.find(({ meter }) => meter === 'gpu_seconds')!;
  expect(time).toMatchObject({ price: '1.20', per: '3600' });
  expect(Number(time.quantity)).toBeGreaterThan(0);
  expect(Number(time.quantity)).toBeLessThanOrEqual(took + 0.001);
  expect(Number(total)).toBeCloseTo((Number(time.quantity) * 1.2) / 3600, 11);
  // What was made in that time is told, and costs nothing more.
  for (const line of lines) if (line !== time) expect(line.amount ?? null).toBeNull();
  if (modality === 'text') expect(lines.map(({ meter }) => meter)).toContain('output_text_tokens');
});

test('its next call is quoted by the calls before, without a most', async () => {
  const asked = { model: 'stable-diffusion-webui/sd_xl_base_1.0', modality: 'image', input: 'a fox', size: '512x512' };
  await post('/v1/generations', { ...asked, wait: 30 });
  const answer = (await post('/v1/quote', asked)).body;
  const [candidate] = (answer as unknown as { candidates: JsonObject[] }).candidates;
  expect(candidate).toMatchObject({ status: 'priced_estimated', max: null, expected: expect.stringMatching(/^0\.0/) });
  expect(candidate!.lines).toMatchObject([{ meter: 'gpu_seconds', per: '3600' }]);
});

test('a call that is refused before it is sent has kept no machine', async () => {
  const asked = {
    model: 'stable-diffusion-webui/sd_xl_base_1.0',
    modality: 'image',
    input: 'a fox',
    size: '8192x8192',
  };
  const before = await spent();
  expect((await post('/v1/generations', asked)).status).toBe(400);
  expect(await spent()).toBe(before);
});
