import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';
import Replicate from 'replicate';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import providersFile from '../../config/providers.json' with { type: 'json' };
import { startSimulators } from '../../providers/simulators/server.ts';
import { type SimulatorProcess, startSimulatorProcess, stopProcesses } from '../support/processes.ts';

const question = [{ role: 'user' as const, content: 'Say exactly: the lamp is lit' }];

/** What the control API says below `/_simulator`. */
async function ask(server: { url: string }, path: string, body?: object) {
  const answer = await fetch(`${server.url}/_simulator${path}`, {
    ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

afterEach(() => vi.unstubAllEnvs());
afterAll(stopProcesses);

describe('the official SDKs with the printed environment', () => {
  let server: SimulatorProcess;
  beforeAll(async () => {
    server = await startSimulatorProcess();
  });
  const point = () => {
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  };

  it('openai: plain, streamed, image and embedding', async () => {
    point();
    const client = new OpenAI({ maxRetries: 0 });
    const plain = await client.chat.completions.create({ model: 'gpt-5.5', messages: question });
    expect(plain.choices[0]?.message.content).toBe('the lamp is lit');
    let text = '';
    for await (const chunk of await client.chat.completions.create({
      model: 'gpt-5.5',
      messages: question,
      stream: true,
    }))
      text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('the lamp is lit');
    const image = await client.images.generate({
      model: 'gpt-image-2',
      prompt: 'a lamp',
      size: '1024x1024',
      quality: 'low',
    });
    expect(
      Buffer.from(image.data?.[0]?.b64_json ?? '', 'base64')
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
    const vectors = await client.embeddings.create({ model: 'text-embedding-3-small', input: 'a lamp', dimensions: 8 });
    expect(vectors.data[0]?.embedding).toHaveLength(8);
  });

  it('@anthropic-ai/sdk: plain and streamed', async () => {
    point();
    const client = new Anthropic({ maxRetries: 0 });
    const asked = { model: 'claude-sonnet-5', max_tokens: 100, messages: question };
    const plain = await client.messages.create(asked);
    expect(plain.content.at(-1)).toMatchObject({ type: 'text', text: 'the lamp is lit' });
    const streamed = await client.messages.stream(asked).finalMessage();
    expect(streamed.content.at(-1)).toMatchObject({ type: 'text', text: 'the lamp is lit' });
  });

  it('@google/genai: plain and streamed', async () => {
    point();
    const client = new GoogleGenAI({ apiKey: process.env.GEMINI_API_KEY });
    const asked = { model: 'gemini-3.8-flash', contents: 'Say exactly: the lamp is lit' };
    expect((await client.models.generateContent(asked)).text).toBe('the lamp is lit');
    let text = '';
    for await (const chunk of await client.models.generateContentStream(asked)) text += chunk.text ?? '';
    expect(text).toBe('the lamp is lit');
  });

  it('replicate: a prediction followed to its end, and its file', async () => {
    point();
    const client = new Replicate({ baseUrl: process.env.REPLICATE_BASE_URL, useFileOutput: false });
    const output = await client.run('black-forest-labs/flux-schnell', {
      input: { prompt: 'a lamp', output_format: 'png' },
    });
    const file = await fetch((output as string[])[0]!);
    expect(file.headers.get('content-type')).toBe('image/png');
    expect(
      Buffer.from(await file.arrayBuffer())
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
  });

  it('every OpenAI-compatible upstream', async () => {
    const compatible = providersFile.providers
      .filter((row) => row.adapter === 'openai-compatible')
      .map((row) => [row.base_url_env ?? '', server.env[row.base_url_env ?? '']] as const);
    expect(compatible.length).toBeGreaterThan(7);
    for (const [name, baseURL] of compatible) {
      const client = new OpenAI({ baseURL, apiKey: 'simulated', maxRetries: 0 });
      const plain = await client.chat.completions.create({ model: 'a-model', messages: question });
      expect(`${name} ${plain.choices[0]?.message.content}`).toBe(`${name} the lamp is lit`);
    }
  });

  it('refuses faults unless they were enabled', async () => {
    const refused = await ask(server, '/faults', { provider: 'openai', fault: 'status:429' });
    expect(refused.status).toBe(403);
    const plain = await new OpenAI({ baseURL: server.env.OPENAI_BASE_URL, apiKey: 'k' }).chat.completions.create({
      model: 'gpt-5.5',
      messages: [{ role: 'user', content: '[[fault:status:500]] Say exactly: no' }],
    });
    expect(plain.choices[0]?.message.content).toContain('no');
  });
});

describe('the control API', () => {
  let server: Awaited<ReturnType<typeof startSimulators>>;
  beforeAll(async () => {
    server = await startSimulators({ port: 0, faults: true, paceMs: 20 });
  });
  afterAll(() => server.close());
  afterEach(() => ask(server, '/reset', {}));

  const chat = (id: string, stream = false, content = question[0]!.content, signal?: AbortSignal) =>
    fetch(`${server.env.OPENAI_BASE_URL}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer k', 'content-type': 'application/json', 'x-client-request-id': id },
      body: JSON.stringify({ model: 'gpt-5.5', messages: [{ role: 'user', content }], stream }),
      ...(signal ? { signal } : {}),
    });

  it('tells the bills and their sum, one call, and forgets on reset', async () => {
    await (await chat('one')).text();
    await (await chat('two')).text();
    const { body } = await ask(server, '/ledger');
    const [bill] = body.providers as { provider: string; total_pico: string; calls: { client: string }[] }[];
    expect(bill).toMatchObject({ provider: 'openai', calls: [{ client: 'one' }, { client: 'two' }] });
    expect(body.total_pico).toBe(bill?.total_pico);
    expect(BigInt(bill?.total_pico ?? 0)).toBeGreaterThan(0n);
    const call = await ask(server, '/calls/one?provider=openai');
    expect(call).toMatchObject({ status: 200, body: { provider: 'openai', client: 'one', model: 'gpt-5.5' } });
    expect((await ask(server, '/calls/one?provider=google')).status).toBe(404);
    expect((await ask(server, '/calls/three')).status).toBe(404);
    expect((await ask(server, '/nothing')).status).toBe(404);
    await ask(server, '/reset', {});
    expect((await ask(server, '/ledger')).body).toEqual({ total_pico: '0', providers: [] });
  });

  it('tells of a call only when it is over: a client that left, and what it had got until then', async () => {
    const leave = new AbortController();
    const answer = await chat('left', true, 'Tell me a long story about the harbour', leave.signal);
    const reader = answer.body!.getReader();
    await reader.read();
    const asked = ask(server, '/calls/left');
    leave.abort();
    await reader.read().catch(() => {});
    const call = await asked;
    expect(call.status).toBe(200);
    const whole = await ask(server, '/calls/left');
    expect(whole.body).toEqual(call.body);
    await (await chat('whole', true, 'Tell me a long story about the harbour')).text();
    const output = (from: Record<string, unknown>) =>
      (from.charges as { meter: string; quantity: number }[]).find((charge) => charge.meter === 'output_text_tokens');
    expect(output(call.body)!.quantity).toBeLessThan(output((await ask(server, '/calls/whole')).body)!.quantity);
  });

  it('plans faults, and refuses plans that make no sense', async () => {
    expect((await ask(server, '/faults', { provider: 'nobody', fault: 'garbage' })).status).toBe(400);
    expect((await ask(server, '/faults', { provider: 'openai' })).status).toBe(400);
    expect((await ask(server, '/faults', { provider: 'openai', fault: 'status:429', times: 2 })).status).toBe(200);
    expect((await chat('a')).status).toBe(429);
    expect((await chat('b')).status).toBe(429);
    expect((await chat('c')).status).toBe(200);
  });

  it('names what it has where a provider is unknown', async () => {
    const answer = await fetch(`${server.url}/nobody/v1/chat/completions`, { method: 'POST' });
    expect(answer.status).toBe(404);
    expect(((await answer.json()) as { providers: string[] }).providers).toContain('openai');
  });

  /** What a plain socket gets: its bytes, and how it ended. */
  const raw = (content: string) =>
    new Promise<{ text: string; end: string }>((done) => {
      const body = JSON.stringify({ model: 'gpt-5.5', messages: [{ role: 'user', content }], stream: true });
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname);
      let text = '';
      let end = 'closed';
      socket.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => {
        end = 'finished';
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        end = error.code ?? 'error';
      });
      socket.on('close', () => done({ text, end }));
      socket.write(
        `POST /openai/v1/chat/completions HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer k\r\nconnection: close\r\n` +
          `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      );
    });

  it('a simulated reset breaks the socket itself, before the headers or after so many events', async () => {
    expect(await raw('[[fault:reset]] hello')).toEqual({ text: '', end: 'ECONNRESET' });
    const broken = await raw('[[fault:reset:3]] Say exactly: one two three four five six');
    expect(broken.end).toBe('ECONNRESET');
    expect(broken.text.match(/^data: /gm)).toHaveLength(3);
    expect(broken.text).not.toContain('[DONE]');
    const cut = await raw('[[fault:cut:3]] Say exactly: one two three four five six');
    expect(cut.end).toBe('finished');
    expect(cut.text.match(/^data: /gm)).toHaveLength(3);
    const whole = await raw('Say exactly: one two three four five six');
    expect(whole.text).toContain('data: [DONE]');
    expect(whole.end).toBe('finished');
  });
});

describe('determinism', () => {
  const now = () => Date.UTC(2026, 10, 22, 12);
  type Call = { path: string; body: object; headers?: Record<string, string> };
  const bearer = { authorization: 'Bearer k' };
  const chatBody = (model: string, stream: boolean) => ({ model, stream, messages: question });
  const compatible = ['deepseek', 'mistral', 'xai', 'groq', 'together', 'cohere', 'qwen', 'openrouter', 'local'];
  const gemini = (model: string, method: string, config: object = {}) => ({
    path: `/google/v1beta/models/${model}:${method}`,
    body: { contents: [{ role: 'user', parts: [{ text: 'Say exactly: the lamp is lit' }] }], generationConfig: config },
    headers: { 'x-goog-api-key': 'k' },
  });
  const calls: Record<string, Call[]> = {
    openai: [
      { path: '/openai/v1/chat/completions', body: chatBody('gpt-5.5', false), headers: bearer },
      { path: '/openai/v1/chat/completions', body: chatBody('gpt-5.5', true), headers: bearer },
      { path: '/openai/v1/responses', body: { model: 'gpt-5.5', input: 'hello' }, headers: bearer },
      {
        path: '/openai/v1/images/generations',
        body: { model: 'gpt-image-2', prompt: 'a lamp', size: '1024x1024', quality: 'low' },
        headers: bearer,
      },
      {
        path: '/openai/v1/audio/speech',
        body: { model: 'gpt-4o-mini-tts', input: 'the lamp is lit', voice: 'alloy' },
        headers: bearer,
      },
      { path: '/openai/v1/embeddings', body: { model: 'text-embedding-3-small', input: 'a lamp' }, headers: bearer },
    ],
    anthropic: [false, true].map((stream) => ({
      path: '/anthropic/v1/messages',
      body: { ...chatBody('claude-sonnet-5', stream), max_tokens: 100 },
      headers: { 'x-api-key': 'k', 'anthropic-version': '2023-06-01' },
    })),
    google: [
      gemini('gemini-3.8-flash', 'generateContent'),
      gemini('gemini-3.8-flash', 'streamGenerateContent?alt=sse'),
      gemini('gemini-3.1-flash-image', 'generateContent', { responseModalities: ['IMAGE'] }),
      gemini('gemini-3.8-flash-tts', 'generateContent', {
        responseModalities: ['AUDIO'],
        speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Kore' } } },
      }),
    ],
    replicate: [
      {
        path: '/replicate/v1/models/black-forest-labs/flux-schnell/predictions',
        body: { input: { prompt: 'a lamp' } },
        headers: { ...bearer, prefer: 'wait' },
      },
    ],
    ...Object.fromEntries(
      compatible.map((id) => [
        id,
        [false, true].map((stream) => ({
          path: `/${id}/v1/chat/completions`,
          body: chatBody('a', stream),
          headers: bearer,
        })),
      ]),
    ),
  };

  /** A hash of every body of a run, files included; the server's own address is no part of an answer. */
  async function run(provider: string): Promise<{ hash: string; bodies: number }> {
    const server = await startSimulators({ port: 0, faults: false, now });
    const hash = createHash('sha256');
    let bodies = 0;
    const take = (bytes: Buffer) => {
      bodies++;
      hash.update(bytes.toString('latin1').replaceAll(server.url, 'http://here'));
    };
    try {
      for (const { path, body, headers } of calls[provider]!) {
        const answer = await fetch(server.url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-client-request-id': 'one', ...headers },
          body: JSON.stringify(body),
        });
        const bytes = Buffer.from(await answer.arrayBuffer());
        expect(answer.ok, `${path} ${answer.status} ${bytes.toString('utf8').slice(0, 300)}`).toBe(true);
        take(bytes);
        for (const [file] of bytes.toString('latin1').matchAll(new RegExp(`${server.url}/files/[^"]+`, 'g'))) {
          take(Buffer.from(await (await fetch(file)).arrayBuffer()));
        }
      }
      const ledger = await fetch(`${server.url}/_simulator/ledger`);
      take(Buffer.from(await ledger.arrayBuffer()));
    } finally {
      await server.close();
    }
    return { hash: hash.digest('hex'), bodies };
  }

  it.each(Object.keys(calls))('two fresh runs of %s are byte for byte the same', async (provider) => {
    const one = await run(provider);
    expect(one.bodies).toBeGreaterThan(calls[provider]!.length);
    expect(await run(provider)).toEqual(one);
  });
});
