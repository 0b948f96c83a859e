import { Agent, type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { type RunningGateway, startGateway, startSimulated } from '../support/gateway.ts';

const chat = '/v1/chat/completions';
let gateway: RunningGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const ask = (words: string, more: object = {}) =>
  JSON.stringify({ model: 'openai/gpt-5.5', messages: [{ role: 'user', content: words }], ...more });

function post(body: RequestInit['body'], headers: Record<string, string> = {}, path = chat): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json', ...headers },
    body,
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  });
}

const begins = async (answer: Response) => {
  expect(answer.status).toBe(200);
  const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] };
  return choices[0]!.message.content.slice(0, 30);
};

it('answers alike whether a request fits into a lane or not', async () => {
  const words = 'Name a colour.';
  const usual = await begins(await post(ask(words)));
  const unannounced = new Blob([ask(words)]).stream();
  expect(await begins(await post(unannounced))).toBe(usual);
  expect(await begins(await post(ask(words), {}, `${chat}?trace=1`))).toBe(usual);
  expect(await begins(await post(ask(words), { 'x-atelier-cache': '60' }))).toBe(usual);
  const large = await post(ask(words, { metadata: { note: 'x'.repeat(2 << 20) } }));
  expect(large.status, await large.text()).toBe(200);
});

it('leaves what Idempotency-Key and the cache ask for to the doors that keep it', async () => {
  const once = () => post(ask('Roll a die.'), { 'idempotency-key': 'lane-1' });
  const first = await once();
  const again = await once();
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(again.headers.get('x-atelier-generation')).toBe(first.headers.get('x-atelier-generation'));
  const kept = () => post(ask('Roll two dice.'), { 'x-atelier-cache': '60' });
  expect([(await kept()).headers.get('x-atelier-cache'), (await kept()).headers.get('x-atelier-cache')]).toEqual([
    'miss',
    'hit',
  ]);
});

it('strips a byte order mark and reads letters that arrive in halves', async () => {
  const body = Buffer.from(`\uFEFF${ask('Señor, ¿qué tal? 🎨')}`);
  const half = body.indexOf(0xf0) + 2;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${gateway.appKey}`,
      'content-type': 'application/json',
      'content-length': body.length,
    };
    const sent = request(gateway.url + chat, { method: 'POST', headers }, resolve).on('error', reject);
    sent.write(body.subarray(0, half), () => setTimeout(() => sent.end(body.subarray(half)), 20));
  });
  expect(answer.statusCode).toBe(200);
  answer.resume();
});

it('refuses before it reads, and the connection stays good', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const send = (key: string) =>
    new Promise<[number | undefined, number | undefined]>((resolve, reject) => {
      const body = ask('Hello', { metadata: { note: 'x'.repeat(300_000) } });
      const headers = { authorization: `Bearer ${key}`, 'content-length': Buffer.byteLength(body) };
      const sent = request(gateway.url + chat, { method: 'POST', agent, headers }, (answer) => {
        const port = sent.socket?.localPort;
        answer.resume().once('end', () => resolve([answer.statusCode, port]));
      });
      sent.on('error', reject).end(body);
    });
  const refused = await send('atl_live_main_nobodys');
  const answered = await send(gateway.appKey);
  expect([refused[0], answered[0]]).toEqual([401, 200]);
  expect(answered[1]).toBe(refused[1]);
});

it('waits for a slow reader, and warns of nothing', async () => {
  const warnings: string[] = [];
  const note = (warning: Error) => warnings.push(warning.name);
  process.on('warning', note);
  onTestFinished(() => void process.off('warning', note));
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' };
    const body = ask('Write at length. '.repeat(3_000), { stream: true });
    request(gateway.url + chat, { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
  });
  answer.pause();
  await new Promise((resolve) => setTimeout(resolve, 200));
  let text = '';
  for await (const chunk of answer) text += chunk;
  expect(text).toContain('data: [DONE]');
  expect(warnings).toEqual([]);
});

it('ends the call of a reader that leaves, and books what it had', async () => {
  const slow = await startSimulated();
  slow.simulators.get('openai')!.fail('stall-after:3');
  onTestFinished(() => slow.close());
  const leaving = new AbortController();
  const answer = await fetch(slow.url + chat, {
    method: 'POST',
    headers: { authorization: `Bearer ${slow.appKey}`, 'content-type': 'application/json' },
    body: ask('Count to a thousand.', { stream: true }),
    signal: leaving.signal,
  });
  const id = answer.headers.get('x-atelier-generation');
  await answer.body?.getReader().read();
  leaving.abort();
  const status = async () => {
    const seen = await fetch(`${slow.url}/v1/generations/${id}`, {
      headers: { authorization: `Bearer ${slow.appKey}` },
    });
    return ((await seen.json()) as { status: string }).status;
  };
  await expect.poll(status, { timeout: 5_000 }).toBe('canceled');
});
