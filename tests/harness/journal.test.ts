import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import '../../providers/simulators/testing/vitest.ts';
import { VirtualClock } from '../../providers/simulators/clock.ts';
import { type SimulatorServer, startSimulators } from '../../providers/simulators/server.ts';
import { anthropic, openai, type Simulated } from '../../providers/simulators/testing/index.ts';

const messages = [{ role: 'user' as const, content: 'Say exactly: the lamp is lit' }];
const clientOf = (vendor: Simulated, maxRetries = 0) =>
  new OpenAI({ apiKey: 'sk-very-secret', fetch: vendor.fetch, maxRetries });
const chat = { model: 'gpt-4o', messages };

describe('the journal', () => {
  it('keeps what came, byte for byte, without its secrets, and what was answered', async () => {
    const vendor = openai();
    await clientOf(vendor).chat.completions.create(chat, { headers: { 'x-client-request-id': 'one' } });
    const [entry] = vendor.journal.entries;
    expect(JSON.parse(new TextDecoder().decode(entry!.body))).toEqual(chat);
    expect(entry).toMatchObject({
      provider: 'openai',
      method: 'POST',
      path: '/v1/chat/completions',
      model: 'gpt-4o',
      client: 'one',
      status: 200,
      outcome: 'finished',
      attempt: 1,
      concurrent: 1,
      headers: { authorization: 'Bearer ***', 'content-type': 'application/json' },
    });
    expect(JSON.parse(new TextDecoder().decode(entry!.answer))).toMatchObject({ object: 'chat.completion' });
    expect(entry!.billed).toEqual(vendor.bill.calls);
    expect(vendor.journal.text()).not.toContain('sk-very-secret');
  });

  it('tells tries of one request and the gaps between them by the clock, and which fault each met', async () => {
    const clock = new VirtualClock();
    const vendor = openai({ clock });
    vendor.fail('status:500', { times: 2 });
    const client = clientOf(vendor);
    for (const wait of [300, 4_000, 0]) {
      await client.chat.completions.create(chat).catch(() => {});
      await clock.advance(wait);
    }
    const seen = vendor.journal.entries.map(({ attempt, gap, fault, status }) => ({ attempt, gap, fault, status }));
    expect(seen).toEqual([
      { attempt: 1, gap: undefined, fault: 'status:500', status: 500 },
      { attempt: 2, gap: 300, fault: 'status:500', status: 500 },
      { attempt: 3, gap: 4_000, fault: undefined, status: 200 },
    ]);
    expect(vendor).toHaveBeenAsked({ times: 3, gaps: [300, 4_000] });
    expect(vendor).not.toHaveBeenAsked({ gaps: [301] });
  });

  it('tells how many were open at once, who left, and what broke', async () => {
    const vendor = openai();
    const client = clientOf(vendor);
    const streams = await Promise.all([1, 2, 3].map(() => client.chat.completions.create({ ...chat, stream: true })));
    expect(vendor.journal.highWater).toBe(3);
    expect(vendor).not.toHaveSeenAbort();
    for await (const _ of streams[0]!) break;
    expect(vendor).toHaveSeenAbort({ path: '/chat/completions' });
    for await (const _ of streams[1]!);
    vendor.fail('reset');
    await expect(client.chat.completions.create(chat)).rejects.toThrow();
    expect(vendor.journal.entries.map((entry) => entry.outcome)).toEqual(['aborted', 'finished', 'open', 'broken']);
    expect(vendor).toHaveBeenBusyAtMost(3);
    expect(vendor).not.toHaveBeenBusyAtMost(2);
    streams[2]!.controller.abort();
  });

  it('counts no bytes of what has left: an answer that outlived its entry drives out no other', async () => {
    const vendor = openai({ journal: { entries: 2, totalBytes: 20_000 } });
    const client = clientOf(vendor);
    const text = 'lamp '.repeat(1_000);
    for (let round = 0; round < 6; round++) {
      const long = await client.chat.completions.create({
        ...chat,
        messages: [{ role: 'user', content: `Say exactly: ${text}` }],
        stream: true,
      });
      for (let index = 0; index < 2; index++) await client.chat.completions.create(chat);
      for await (const _ of long);
    }
    await client.chat.completions.create(chat);
    await client.chat.completions.create(chat);
    expect(vendor.journal.entries).toHaveLength(2);
  });

  it('is bounded, and forgets on reset', async () => {
    const vendor = openai({ journal: { entries: 2, requestBytes: 10 } });
    for (let index = 0; index < 4; index++) await clientOf(vendor).chat.completions.create(chat);
    expect(vendor.journal.entries.map((entry) => entry.number)).toEqual([3, 4]);
    expect(vendor.journal.dropped).toBe(2);
    expect(vendor.journal.entries[0]!.body).toHaveLength(10);
    expect(vendor.journal.entries[0]!.bodyBytes).toBeGreaterThan(50);
    vendor.reset();
    expect(vendor.journal.entries).toEqual([]);
  });
});

describe('the matchers', () => {
  it('say what was received and billed', async () => {
    const vendor = openai();
    expect(vendor).not.toHaveReceived();
    const { usage } = await clientOf(vendor).chat.completions.create({ ...chat, temperature: 0.5 });
    expect(vendor).toHaveReceived({ path: /completions$/, model: 'gpt-4o', body: { temperature: 0.5 } });
    expect(vendor).toHaveReceived({ body: { messages: [{ content: /lamp/ }] } });
    expect(vendor).not.toHaveReceived({ body: { temperature: 0.6 } });
    expect(vendor).toHaveBilled({ input_text_tokens: usage!.prompt_tokens, songs: 0 });
    expect(vendor).not.toHaveBilled({ input_text_tokens: 1 });
    expect(() => expect(vendor).toHaveReceived({ path: '/images' })).toThrow(
      '1. POST /v1/chat/completions gpt-4o → 200 finished',
    );
    expect(() => expect({}).toHaveReceived()).toThrow('takes a simulator');
  });
});

describe('the clock', () => {
  it('makes a stall of 30 s take no time', async () => {
    const vendor = openai({ clock: new VirtualClock() });
    vendor.fail('stall:30000');
    const start = performance.now();
    const asked = clientOf(vendor).chat.completions.create(chat);
    let done = false;
    asked.then(() => {
      done = true;
    });
    await (vendor.clock as VirtualClock).untilSleeping();
    await (vendor.clock as VirtualClock).advance(29_999);
    expect(done).toBe(false);
    await (vendor.clock as VirtualClock).advance(1);
    expect((await asked).choices[0]!.message.content).toBe('the lamp is lit');
    expect(performance.now() - start).toBeLessThan(5_000);
    expect(vendor.journal.last).toMatchObject({ at: Date.UTC(2026, 0, 1), headersAt: Date.UTC(2026, 0, 1) + 30_000 });
  });

  it('paces events, and lets who left go', async () => {
    const clock = new VirtualClock();
    const vendor = anthropic({ clock, paceMs: 1_000 });
    const leave = new AbortController();
    const answer = await vendor.fetch('https://api.anthropic.com/v1/messages', {
      method: 'POST',
      headers: { 'x-api-key': 'k', 'anthropic-version': '2023-06-01' },
      body: JSON.stringify({ model: 'claude-sonnet-5', max_tokens: 100, stream: true, messages }),
      signal: leave.signal,
    });
    let bytes = 0;
    const reading = (async () => {
      for await (const chunk of answer.body!) bytes += chunk.length;
    })().catch((thrown: unknown) => thrown);
    await clock.untilSleeping();
    expect(bytes).toBe(0);
    await clock.advance(1_000);
    const first = bytes;
    expect(first).toBeGreaterThan(0);
    await clock.advance(2_000);
    expect(bytes).toBeGreaterThan(first);
    leave.abort();
    await reading;
    expect(vendor).toHaveSeenAbort();
  });

  it('moves by itself where it is asked to', async () => {
    const clock = new VirtualClock({ start: 0, auto: true });
    const vendor = openai({ clock, paceMs: 10 });
    vendor.fail('slow:60000');
    await clientOf(vendor).chat.completions.create(chat);
    expect(clock.now()).toBe(60_000);
  });
});

describe('on the server', () => {
  let server: SimulatorServer;
  beforeAll(async () => {
    server = await startSimulators();
  });
  afterAll(() => server.close());
  afterEach(async () => void (await fetch(`${server.url}/_simulator/journal`, { method: 'DELETE' })));

  const send = (body: object = chat, signal?: AbortSignal) =>
    fetch(`${server.env.OPENAI_BASE_URL}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-very-secret', 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  const ask = async (path: string) =>
    (await fetch(`${server.url}/_simulator${path}`)).json() as Promise<Record<string, never>>;

  it('is asked by filter, by number, and for raw bytes', async () => {
    const text = await (await send()).text();
    await (await fetch(`${server.url}/anthropic/v1/models`)).text();
    expect(await ask('/journal')).toMatchObject({
      count: 2,
      dropped: 0,
      aborts: 0,
      concurrency_high_water: expect.any(Number),
    });
    expect(await ask('/journal?provider=openai&status=200')).toMatchObject({
      count: 1,
      entries: [
        { number: 1, model: 'gpt-4o', billed: [{ meter: 'input_text_tokens' }, { meter: 'output_text_tokens' }] },
      ],
    });
    expect(await ask('/journal?path=/nothing')).toMatchObject({ count: 0 });
    expect(await ask('/journal/1')).toMatchObject({
      headers: { authorization: 'Bearer ***' },
      body: JSON.stringify(chat),
      answer: text,
    });
    expect(await (await fetch(`${server.url}/_simulator/journal/1/request`)).text()).toBe(JSON.stringify(chat));
    const raw = await fetch(`${server.url}/_simulator/journal/1/answer`);
    expect(raw.headers.get('content-type')).toBe('application/octet-stream');
    expect(await raw.text()).toBe(text);
    expect((await fetch(`${server.url}/_simulator/journal/99`)).status).toBe(404);
  });

  it('sees a client leave', async () => {
    const leave = new AbortController();
    server.simulators.get('openai')!.fail('stall-after:2');
    const answer = await send({ ...chat, stream: true }, leave.signal);
    await answer.body!.getReader().read();
    leave.abort();
    for (let look = 0; look < 100 && server.journal.aborts().length === 0; look++) await sleep(10);
    expect(server.journal.aborts()).toMatchObject([{ fault: 'stall-after:2', outcome: 'aborted' }]);
    server.simulators.get('openai')!.fail('stall');
    const silent = send(chat, AbortSignal.timeout(50));
    await expect(silent).rejects.toThrow();
    for (let look = 0; look < 100 && server.journal.aborts().length === 1; look++) await sleep(10);
    expect(server.journal.aborts()).toHaveLength(2);
  });

  it('shows its requests on a page, as they come', async () => {
    const page = await fetch(`${server.url}/`);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    const html = await page.text();
    expect(html).toContain('openai, anthropic, google');
    const script = /<script>([\s\S]*)<\/script>/.exec(html)?.[1] ?? '';
    expect(() => new Function(script)).not.toThrow();
    expect(script).toContain("new EventSource('/_simulator/events')");
    expect(script).not.toContain('innerHTML');
    const events = (await fetch(`${server.url}/_simulator/events`))
      .body!.pipeThrough(new TextDecoderStream())
      .getReader();
    let text = '';
    const until = async (pattern: RegExp) => {
      while (!pattern.test(text)) text += (await events.read()).value ?? '';
    };
    await until(/: open/);
    await (await send()).text();
    await until(/"status":200,"outcome":"finished".*"billed":\["\d+ input_text_tokens"/);
    await events.cancel();
  });

  it('moves a virtual clock, and only that', async () => {
    const post = (url: string, body: object) =>
      fetch(`${url}/_simulator/clock`, { method: 'POST', body: JSON.stringify(body) });
    expect((await post(server.url, { advance: 5 })).status).toBe(409);
    const clock = new VirtualClock();
    const other = await startSimulators({ clock });
    expect((await post(other.url, { advance: 'soon' })).status).toBe(400);
    expect((await post(other.url, { advance: 5_000 })).status).toBe(200);
    expect(clock.now()).toBe(Date.UTC(2026, 0, 1) + 5_000);
    await other.close();
  });
});
