import { connect } from 'node:net';
import { expect } from 'vitest';
import { at, stringAt } from '../../src/contract/index.ts';
import { codeOf, type Scenario, until, type World } from '../support/fault-world.ts';

const image = { model: 'openai/gpt-image-2', size: '1024x1024', quality: 'low' };

/** Begins a request and leaves as `leave` says. */
async function ask(world: World, path: string, body: object, key: string, leave: AbortSignal, headers = {}) {
  return fetch(world.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: leave,
  }).catch(() => undefined);
}

const callsOf = (world: World, part: string) =>
  world.simulators.journal.entries.filter(({ body }) => new TextDecoder().decode(body).includes(part));

export const clients: Scenario[] = [
  {
    title: '#31 the client leaves before its request is whole: no provider call, no generation, nothing held',
    run: async (world) => {
      const { key, use } = await world.limited({ unit: 'usd', limit: '1' });
      const { hostname, port } = new URL(world.url);
      const socket = connect(Number(port), hostname);
      const body = JSON.stringify({ model: 'openai/gpt-5.5', messages: [{ role: 'user', content: 'never asked' }] });
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, -10)}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 150));
      socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(callsOf(world, 'never asked')).toEqual([]);
      expect(at((await world.send('/v1/generations?limit=5', { key })).body, 'data')).toEqual([]);
      expect(at(await use(), 'held') ?? '0').toBe('0');
    },
  },
  {
    title: '#31 the client leaves in the pause before a retry: canceled, nothing more is sent, nothing held',
    // workerd tells nobody that a client has left before its answer began.
    only: 'Node',
    waits: true,
    run: async (world) => {
      const model = 'mistral/mistral-large-2512';
      const { key, use } = await world.limited({ unit: 'usd', limit: '1' });
      const messages = [{ role: 'user', content: '[[fault:retry-after:1]] leaving early' }];
      const body = { model, max_tokens: 100, messages };
      const leave = new AbortController();
      const asked = ask(world, '/v1/chat/completions', body, key, leave.signal);
      await until('the refusal', () => callsOf(world, 'leaving early')[0]?.endedAt);
      leave.abort();
      await asked;
      await new Promise((resolve) => setTimeout(resolve, 1_300));
      expect(callsOf(world, 'leaving early')).toHaveLength(1);
      expect(at(await use(), 'held')).toBe('0');
    },
  },
  {
    title:
      '#32 the client leaves while its picture is made: made to its end, kept, settled, and told again for nothing',
    run: async (world) => {
      const body = { ...image, input: '[[fault:slow:600]] a lamp for nobody' };
      const leave = new AbortController();
      const name = { 'idempotency-key': `left-${world.runtime}` };
      const asked = ask(world, '/v1/generations', body, world.appKey, leave.signal, name);
      const call = await until('the call', () => callsOf(world, 'a lamp for nobody')[0]);
      leave.abort();
      await asked;
      const id = call.client!.replace(/\.\d+$/, '');
      const generation = await world.settled(id);
      expect(generation).toMatchObject({ status: 'completed', receipt: { status: 'priced' } });
      expect(at(generation, 'outputs')).toHaveLength(1);
      expect(world.agrees(generation)).toBeGreaterThan(0n);
      const again = await world.post('/v1/generations', body, { headers: name });
      expect(`${again.status} ${again.headers.get('idempotent-replayed')}`, again.text).toBe('200 true');
      expect(stringAt(again.body, 'id')).toBe(id);
      expect(callsOf(world, 'a lamp for nobody')).toHaveLength(1);
    },
  },
  ...(['openai/gpt-5.5', 'anthropic/claude-sonnet-5'] as const).map((model) => ({
    title: `#33 the client leaves in the middle of a text stream (${model}): the provider is stopped, what was made is settled`,
    run: async (world: World) => {
      const text = `[[fault:pace:20]] Say exactly: ${'word '.repeat(200)}`;
      const leave = new AbortController();
      const body = { model, stream: true, messages: [{ role: 'user', content: text }] };
      const answer = (await ask(world, '/v1/chat/completions', body, world.appKey, leave.signal))!;
      const id = answer.headers.get('x-atelier-generation')!;
      const reader = answer.body!.getReader();
      for (let reads = 0; reads < 5; reads++) await reader.read();
      leave.abort();
      const generation = await world.settled(id);
      expect(generation).toMatchObject({ status: 'canceled', attempts: [{ state: 'settled', outcome: 'canceled' }] });
      const call = world.sent(id)[0]!;
      await until('the end of the call', () => call.outcome === 'aborted');
      expect(new TextDecoder().decode(call.answer).match(/word/g)!.length).toBeLessThan(150);
      expect(world.agrees(generation)).toBeGreaterThan(0n);
    },
  })),
  {
    title: '#36 a body without end, and one that lies about its length: 413 as soon as it is too large, nothing begun',
    run: async (world) => {
      const limit = 64 << 20;
      const { key } = await world.limited({ unit: 'usd', limit: '1' });
      let sent = 0;
      const endless = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 1 << 20;
          if (sent > limit * 2) controller.close();
          else controller.enqueue(new Uint8Array(1 << 20).fill(32));
        },
      });
      const answer = await fetch(`${world.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: endless,
        duplex: 'half',
      } as RequestInit)
        .then(async (given) => codeOf({ status: given.status, text: await given.text() }))
        // Who goes on sending may meet a closed connection before it has read the answer.
        .catch(() => '413 payload_too_large');
      expect(answer).toBe('413 payload_too_large');
      expect(sent).toBeLessThan(limit * 1.5);
      expect(at((await world.send('/v1/generations?limit=5', { key })).body, 'data')).toEqual([]);
      // What is announced to a Worker is counted in front of it.
      if (world.runtime === 'workerd') return;
      const { hostname, port } = new URL(world.url);
      const told = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), hostname);
        let text = '';
        socket.on('data', (data) => {
          text += data;
          if (text.includes('\r\n\r\n')) socket.destroy();
        });
        socket.on('close', () => resolve(text));
        socket.on('error', reject);
        socket.write(
          `POST /v1/chat/completions HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n{`,
        );
        setTimeout(() => socket.destroy(), 3_000).unref();
      });
      expect(told.slice(0, 12)).toBe('HTTP/1.1 413');
    },
  },
  {
    title: '#37 the same Idempotency-Key and body, twenty at once and once more: one call, one bill, equal answers',
    run: async (world) => {
      const body = { ...image, input: '[[fault:slow:200]] a lamp for twenty' };
      const ask = () => world.post('/v1/generations', body, { headers: { 'idempotency-key': 'twenty-lamps' } });
      const answers = [...(await Promise.all(Array.from({ length: 20 }, ask))), await ask()];
      expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      expect(answers[0]!.status, answers[0]!.text).toBe(200);
      const replayed = answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true');
      expect(replayed).toHaveLength(20);
      expect(callsOf(world, 'a lamp for twenty')).toHaveLength(1);
      expect(world.agrees(await world.behind(answers[0]!))).toBeGreaterThan(0n);
    },
  },
  {
    title: '#38 the same Idempotency-Key with another body: refused, nothing sent',
    run: async (world) => {
      const post = (input: string) =>
        world.post('/v1/generations', { ...image, input }, { headers: { 'idempotency-key': 'two-bodies' } });
      expect((await post('the first lamp')).status).toBe(200);
      const other = await post('the second lamp');
      expect(codeOf(other)).toBe('422 idempotency_conflict');
      expect(callsOf(world, 'the second lamp')).toEqual([]);
    },
  },
  {
    title: '#39 the same Idempotency-Key while the first is under way: attached to it, one call',
    run: async (world) => {
      const body = { ...image, input: '[[fault:slow:700]] a lamp under way' };
      const post = () => world.post('/v1/generations', body, { headers: { 'idempotency-key': 'under-way' } });
      const first = post();
      await until('the call', () => callsOf(world, 'a lamp under way')[0]);
      const second = await post();
      expect(`${second.status} ${second.headers.get('idempotent-replayed')}`, second.text).toBe('200 true');
      expect((await first).text).toBe(second.text);
      expect(callsOf(world, 'a lamp under way')).toHaveLength(1);
    },
  },
];

export const money: Scenario[] = [
  {
    title: '#50 a hundred at once on a budget for ten: exactly ten begin, and spent is what they were billed',
    run: async (world) => {
      const body = { ...image, input: '[[fault:slow:2500]] a race for lamps' };
      const alone = await world.limited({ unit: 'usd', limit: '1' });
      const first = world.post('/v1/generations', body, { key: alone.key });
      const hold = await until('the hold', async () => Number(stringAt(await alone.use(), 'held') ?? 0));
      const { key, use } = await world.limited({ unit: 'usd', limit: (hold * 10.5).toFixed(9) });
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => world.post('/v1/generations', body, { key })),
      );
      expect((await first).status).toBe(200);
      const admitted = answers.filter(({ status }) => status === 200);
      expect(admitted).toHaveLength(10);
      const refused = answers.filter(({ status }) => status !== 200).map(codeOf);
      expect(new Set(refused)).toEqual(new Set(['402 budget_in_flight']));
      let billed = 0n;
      for (const answer of admitted) billed += world.billed(answer.headers.get('x-atelier-generation')!);
      const { spent, held } = (await use()) as { spent: string; held: string };
      expect(BigInt(Math.round(Number(spent) * 1e12))).toBe(billed);
      expect(Number(held)).toBe(0);
    },
  },
];
