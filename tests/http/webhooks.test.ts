import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { at, type Json, type JsonObject, stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { startUpstream } from './upstream.ts';

type Told = { headers: IncomingHttpHeaders; text: string; body: JsonObject };

let gateway: RunningGateway;
let receiver: Awaited<ReturnType<typeof startUpstream>>;
let told: Told[] = [];
/** What the receiver answers: in turn, then 204. */
let answers: number[] = [];

beforeAll(async () => {
  receiver = await startUpstream(({ request, body, response }) => {
    told.push({ headers: request.headers, text: body, body: JSON.parse(body) as JsonObject });
    response.writeHead(answers.shift() ?? 204).end();
  });
  gateway = await startGateway({ ATELIER_ALLOWED_ORIGINS: hook(), ATELIER_PUBLIC_URL: 'https://studio.example' });
});
afterAll(async () => {
  await gateway?.close();
  await receiver?.close();
});
beforeEach(() => {
  told = [];
  answers = [];
});

const hook = () => receiver.url;

async function call(method: string, path: string, key: string, body?: JsonObject) {
  const answer = await fetch(gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text ? JSON.parse(text) : null) as Json };
}
async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (let tries = 0; tries < 300; tries++) {
    const found = await look();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error('It did not happen.');
}

/** Verifies as the Standard Webhooks specification says, by other code than ours. */
function isSigned({ headers, text }: Told, secret: string): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
  return headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
}

const image = { model: 'openai/gpt-image-2', input: 'a lamp', size: '1024x1024', quality: 'low' };

describe('webhooks to apps', () => {
  it('tell the whole generation, signed', async () => {
    const made = await call('POST', '/v1/generations', gateway.appKey, { ...image, webhook: `${hook()}/done` });
    expect(made.status).toBe(202);
    const one = await until(() => told[0]);
    expect(one.body).toMatchObject({
      type: 'generation.completed',
      data: { id: stringAt(made.body, 'id'), status: 'completed' },
    });
    expect(stringAt(one.body, 'data', 'outputs', 0, 'url')).toMatch(/^https:\/\/studio\.example\/assets\//);
    const secret = await call('GET', '/v1/webhook_secret', gateway.adminKey);
    expect(isSigned(one, stringAt(secret.body, 'secret')!)).toBe(true);
    expect(Math.abs(Number(one.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60);
  });

  it('tell failures too', async () => {
    const body = { ...image, input: 'a lamp [[fault:status:400]]', webhook: `${hook()}/done` };
    await call('POST', '/v1/generations', gateway.appKey, body);
    expect((await until(() => told[0])).body).toMatchObject({ type: 'generation.failed', data: { status: 'failed' } });
  });

  it('are tried again later, and sent again on demand with the same id', async () => {
    answers = [500];
    const made = await call('POST', '/v1/generations', gateway.appKey, { ...image, webhook: `${hook()}/done` });
    const id = stringAt(made.body, 'id')!;
    await until(() => told[0]);
    const list = await until(async () => {
      const found = await call('GET', `/v1/webhook_deliveries?generation=${id}`, gateway.adminKey);
      return stringAt(found.body, 'data', 0, 'answer') === '500' ? found.body : undefined;
    });
    expect(at(list, 'data', 0)).toMatchObject({ state: 'pending', tries: 1, event: 'generation.completed' });
    const again = await call('POST', `/v1/webhook_deliveries/evt_${id}/redeliver`, gateway.adminKey);
    expect(again.status).toBe(202);
    const second = await until(() => told[1]);
    expect(second.headers['webhook-id']).toBe(told[0]!.headers['webhook-id']);
    const delivered = async () =>
      stringAt(
        (await call('GET', `/v1/webhook_deliveries?generation=${id}`, gateway.adminKey)).body,
        'data',
        0,
        'state',
      );
    await until(async () => (await delivered()) === 'delivered');
  });

  it.each([
    'http://169.254.169.254/latest',
    'https://localhost/hook',
    'https://user:pass@example.com/',
    'ftp://example.com/',
  ])('are not sent to %s', async (webhook) => {
    const answer = await call('POST', '/v1/generations', gateway.appKey, { ...image, webhook });
    expect(answer.status).toBe(400);
    expect(stringAt(answer.body, 'error', 'param')).toBe('webhook');
  });
});

describe('webhooks from providers', () => {
  it('are refused unless the address is one that was given out', async () => {
    for (const path of [
      '/webhooks/main/gen_1.1/0000',
      `/webhooks/nobody/gen_1.1/${'0'.repeat(64)}`,
      `/webhooks/main/gen_1.1/${'0'.repeat(64)}`,
    ]) {
      const answer = await fetch(gateway.url + path, { method: 'POST', body: '{}' });
      expect(answer.status).toBe(401);
      expect(stringAt((await answer.json()) as Json, 'error', 'code')).toBe('invalid_api_key');
    }
  });
});
