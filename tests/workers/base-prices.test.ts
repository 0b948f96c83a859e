import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestHarness } from 'wrangler';
import { baseVersion } from '../../config/base-prices.ts';
import type { JsonObject } from '../../src/contract/index.ts';
import { makeKey } from '../../src/gateway/credential.ts';

const adminKey = makeKey('admin', 'main');
const harness = createTestHarness({
  workers: [{ configPath: './wrangler.toml', vars: { ATELIER_ADMIN_KEY: adminKey } }],
});
beforeAll(() => harness.listen());
afterAll(() => harness.close());

const price = async (model: string): Promise<JsonObject> => {
  const answer = await harness.fetch('http://atelier.test/v1/price', {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ provider: 'openai', model, endpoint: 'chat.completions', usage: { prompt_tokens: 1000 } }),
  });
  return (await answer.json()) as JsonObject;
};

test('the bundled base prices a model that the configured prices do not know, and only that', async () => {
  expect(await price('gpt-4o')).toMatchObject({ total: '0.0025', catalogue: expect.stringMatching(/^sha256:\w+$/) });
  const catalogue = expect.stringMatching(new RegExp(`^sha256:\\w+\\+genai-prices@${baseVersion}$`));
  expect(await price('gpt-4-0613')).toMatchObject({ status: 'priced', total: '0.03', catalogue });
  expect(await price('gpt-none')).toMatchObject({ status: 'unpriced', total: null, catalogue });
});
