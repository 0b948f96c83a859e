import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at, stringAt } from '../../src/contract/index.ts';
import { codeOf, openWorld, until, type World } from '../support/fault-world.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';

/** Somebody else holds the book for so many milliseconds, on another thread: the gateway stands still while it waits. */
async function holdBook(gateway: RunningGateway, ms: number): Promise<Promise<void>> {
  const code = `
    const { DatabaseSync } = require('node:sqlite');
    const { parentPort, workerData } = require('node:worker_threads');
    const book = new DatabaseSync(workerData.file);
    book.exec('PRAGMA busy_timeout = 2000; BEGIN IMMEDIATE');
    parentPort.postMessage('held');
    setTimeout(() => { book.exec('ROLLBACK'); book.close(); }, workerData.ms);`;
  const file = join(gateway.data, 'books', 'main.sqlite');
  const worker = new Worker(code, { eval: true, workerData: { file, ms } });
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  // In an object: a promise in a promise would be waited for.
  return [ended] as unknown as Promise<void>;
}

describe('a book that cannot be written', () => {
  let gateway: RunningGateway;
  let world: World;
  beforeAll(async () => {
    world = await openWorld('Node', async (env) => {
      gateway = await startGateway({ ...env, ATELIER_DEADLINES_MS: '20000,20000,30000' });
      return gateway;
    });
  });
  afterAll(() => world?.close());
  const calls = () => world.simulators.journal.entries.filter(({ method }) => method === 'POST').length;

  it('#48 held for a moment by somebody else: waited for, then served and billed once', async () => {
    const { key, use } = await world.limited({ unit: 'usd', limit: '1' });
    await holdBook(gateway, 700);
    const answer = await world.post(
      '/v1/chat/completions',
      { model: 'openai/gpt-5.5', max_tokens: 50, messages: [{ role: 'user', content: 'a short wait' }] },
      { key },
    );
    expect(answer.status, answer.text).toBe(200);
    expect(world.sent(answer.headers.get('x-atelier-generation')!)).toHaveLength(1);
    expect(Number(at(await use(), 'held'))).toBe(0);
    expect(Number(at(await use(), 'spent'))).toBeGreaterThan(0);
  }, 20_000);

  it('#48 held for longer: 503 for a key with a budget, nothing sent, nothing held; then all goes on', async () => {
    const { key, use } = await world.limited({ unit: 'usd', limit: '1' });
    const [ended] = (await holdBook(gateway, 3_500)) as unknown as [Promise<void>];
    const before = calls();
    const body = { model: 'openai/gpt-5.5', max_tokens: 50, messages: [{ role: 'user', content: 'a long wait' }] };
    expect(codeOf(await world.post('/v1/chat/completions', body, { key }))).toBe('503 store_unavailable');
    expect(calls()).toBe(before);
    await ended;
    expect(Number(at(await use(), 'held') ?? 0)).toBe(0);
    expect((await world.post('/v1/chat/completions', body, { key })).status).toBe(200);
  }, 20_000);

  it('#49 not writable when a call is to be settled: booked as billed as soon as it is writable again', async () => {
    const input = '[[fault:slow:600]] a lamp whose book is shut';
    const asked = world.make('openai/gpt-image-2', input, { size: '1024x1024', quality: 'low' });
    const call = await until('the call', () =>
      world.simulators.journal.entries.find(({ body }) => String.fromCharCode(...body).includes('whose book is shut')),
    );
    const [ended] = (await holdBook(gateway, 3_500)) as unknown as [Promise<void>];
    await asked;
    await ended;
    const id = call.client!.replace(/\.\d+$/, '');
    expect(world.billed(id)).toBeGreaterThan(0n);
    const generation = await until(
      'the settlement',
      async () => {
        const read = await world.read(id);
        return stringAt(read, 'attempts', 0, 'state') === 'settled' ? read : undefined;
      },
      1_500,
    );
    world.agrees(generation);
  }, 30_000);

  it('#49 not writable: /healthz says so', async () => {
    const [ended] = (await holdBook(gateway, 3_000)) as unknown as [Promise<void>];
    const first = await world.chat('openai/gpt-5.5', 'hi');
    expect(codeOf(first)).toBe('503 store_unavailable');
    const { status } = await fetch(`${gateway.url}/healthz`);
    await ended;
    expect(status).toBe(503);
  }, 20_000);
});
