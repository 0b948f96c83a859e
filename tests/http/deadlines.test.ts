import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../support/gateway.ts';

let upstream: Server;
let gateway: RunningGateway;
let closed = 0;

const chunk = (text: string) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'gpt-5.5', choices: [{ index: 0, delta: { content: text }, finish_reason: null }] })}\n\n`;

/** Says nothing, goes silent after two events, or drips for ever: chosen by the prompt. */
beforeAll(async () => {
  upstream = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      response.on('close', () => closed++);
      if (body.includes('SAY NOTHING')) return;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk('one '));
      response.write(chunk('two '));
      if (body.includes('GO SILENT')) return;
      const drip = setInterval(() => response.write(chunk('drip ')), 50);
      response.on('close', () => clearInterval(drip));
    });
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  gateway = await startGateway({
    OPENAI_API_KEY: 'x',
    OPENAI_BASE_URL: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`,
    ATELIER_DEADLINES_MS: '1000,1000,2500',
  });
});
afterAll(async () => {
  await gateway?.close();
  upstream?.closeAllConnections();
  await new Promise((resolve) => upstream?.close(resolve));
});

const ask = (prompt: string, door: 'chat/completions' | 'messages') =>
  fetch(`${gateway.url}/v1/${door}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'openai/gpt-5.5',
      max_tokens: 50,
      stream: true,
      messages: [{ role: 'user', content: prompt }],
    }),
  });

for (const door of ['chat/completions', 'messages'] as const) {
  it(`${door}: silence before the first header ends in an error, not in waiting`, async () => {
    const answer = await ask('SAY NOTHING', door);
    expect([502, 504]).toContain(answer.status);
    expect(JSON.stringify(await answer.json())).toMatch(/provider_timeout|outcome_unknown/);
  });

  for (const [prompt, what] of [
    ['GO SILENT', 'silence inside a stream'],
    ['DRIP', 'a stream that never ends'],
  ] as const) {
    it(`${door}: ${what} ends in an in-band error, the upstream is closed, what was delivered is booked`, async () => {
      const before = closed;
      const answer = await ask(prompt, door);
      const text = await answer.text();
      expect(text).toContain('one ');
      expect(text).toContain('stream_interrupted');
      expect(text).not.toContain('[DONE]');
      expect(text).not.toContain('message_stop');
      await expect.poll(() => closed).toBe(before + 1);
      const id = answer.headers.get('x-atelier-generation');
      const record = await fetch(`${gateway.url}/v1/generations/${id}`, {
        headers: { authorization: `Bearer ${gateway.appKey}` },
      });
      expect(await record.json()).toMatchObject({ status: 'failed', receipt: { status: 'priced_estimated' } });
    });
  }
}
