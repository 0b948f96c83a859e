import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SimulatorServer, startSimulators } from '../../providers/simulators/server.ts';
import { at, type Json, stringAt } from '../../src/contract/index.ts';
import { newId } from '../../src/gateway/ids.ts';
import { openBooks } from '../../src/runtime/node/books.ts';
import { openSql } from '../../src/runtime/node/sql.ts';
import { startNode } from '../../src/runtime/node/start.ts';
import { clientOf } from '../http/doors.ts';
import { until } from '../support/fault-world.ts';
import { readOne } from '../support/mixed-load.ts';
import { pico } from '../support/money.ts';
import { makeFolder, startGatewayProcess, startSimulatorProcess, stopProcesses } from '../support/processes.ts';

describe('a process that stops between two steps', () => {
  const folder = mkdtempSync(join(tmpdir(), 'atelier-'));
  let simulators: SimulatorServer;
  let running: Awaited<ReturnType<typeof startNode>>;
  const gateway = { url: '', appKey: '', adminKey: '', data: folder, close: async () => {} };
  const { post, send, settled } = clientOf(() => gateway);
  const start = async () => {
    running = await startNode(
      { ...simulators.env, PORT: '0', ATELIER_DATA: folder, ATELIER_POLL_MS: '10,150' },
      { quiet: true },
    );
    gateway.url = `http://127.0.0.1:${(running.server.address() as AddressInfo).port}`;
    gateway.appKey = readFileSync(join(folder, 'app.key'), 'utf8').trim();
    gateway.adminKey = readFileSync(join(folder, 'admin.key'), 'utf8').trim();
  };
  beforeAll(async () => {
    simulators = await startSimulators({ faults: true });
    await start();
  });
  afterAll(async () => {
    await running?.close();
    await simulators?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A key under a limit of a dollar, its id, and what is held and spent. */
  async function limited() {
    const made = await post('/v1/keys', { name: 'limited', scopes: ['generate', 'spend'] }, { key: gateway.adminKey });
    const id = stringAt(made.body, 'id')!;
    const key = stringAt(made.body, 'key')!;
    const limit = { scope: 'key', subject: id, window: 'total', unit: 'usd', limit: '1' };
    expect((await post('/v1/budgets', limit, { key: gateway.adminKey })).status).toBe(201);
    return { id, key, use: async () => at((await send('/v1/budgets', { key })).body, 'data', 0, 'uses', 0) as Json };
  }
  /** What a process has written that stopped as soon as its attempt was in the book. */
  async function reserve(keyId: string) {
    await running.close();
    const now = Date.now();
    const books = openBooks(join(folder, 'books'), () => ['main']);
    const book = books.of('main');
    const id = newId('gen_', now - 1_000);
    const shared = { keyId, modality: 'image', simulated: false, at: now - 1_000 } as const;
    const begun = await book.begin(
      { id, model: 'openai/gpt-image-2', request: { input: 'a lamp' }, ...shared },
      { id: `${id}.1`, generationId: id, provider: 'openai', model: 'gpt-image-2', bound: null, ...shared },
      {
        demand: { usd: 100_000_000_000n },
        job: { leasedUntil: now + 450_000, deadline: now + 1_800_000 },
      },
    );
    expect(begun).toBe('begun');
    books.close();
    return id;
  }

  it('#45 between the reservation and the sending: released at the next start, nothing charged, nothing held', async () => {
    const { id: keyId, key, use } = await limited();
    const id = await reserve(keyId);
    await start();
    const generation = await until('the release', async () => {
      const { body } = await send(`/v1/generations/${id}`, { key });
      return at(body, 'completed_at') ? body : undefined;
    });
    expect(generation).toMatchObject({
      status: 'failed',
      receipt: { total: '0', status: 'not_billable' },
      attempts: [{ state: 'released', cost_usd: '0' }],
    });
    expect(await use()).toMatchObject({ held: '0', spent: '0' });
    expect(simulators.simulators.get('openai')!.bill.calls).toEqual([]);
  });

  it('#46 between the ledger and the answer: the same Idempotency-Key tells it once more, and nothing is made again', async () => {
    const body = { model: 'openai/gpt-image-2', input: 'a lamp told twice', size: '1024x1024', quality: 'low' };
    const headers = { 'idempotency-key': 'told-twice' };
    const first = await post('/v1/generations', body, { headers });
    expect(first.status, first.text).toBe(200);
    const id = stringAt(first.body, 'id')!;
    await running.close();
    // As it stands where the process stopped behind the settlement: the request is begun, its answer was never kept.
    const sql = openSql(join(folder, 'books', 'main.sqlite'));
    const changed = sql.run("UPDATE idempotency SET answer = NULL WHERE name = 'told-twice'");
    expect(changed).toBe(1);
    sql.close();
    await start();
    const calls = simulators.simulators.get('openai')!.bill.calls.length;
    const again = await until('the answer', async () => {
      const answer = await post('/v1/generations', body, { headers });
      return answer.status === 409 ? undefined : answer;
    });
    expect(again.status, again.text).toBe(200);
    expect(stringAt(again.body, 'id')).toBe(id);
    expect(stringAt(again.body, 'receipt', 'total')).toBe(stringAt(first.body, 'receipt', 'total'));
    expect(simulators.simulators.get('openai')!.bill.calls.length).toBe(calls);
    const { bill } = simulators.simulators.get('openai')!;
    expect(pico(stringAt(await settled(id), 'receipt', 'total')!)).toBe(bill.totalOf(bill.calls.at(-1)!).pico);
  }, 30_000);
});

describe('a job that ends its process', () => {
  afterAll(stopProcesses);

  it('#51 a job whose every look ends the process: given up after three, a dead letter, its hold resolved', async () => {
    const simulators = await startSimulatorProcess({ ATELIER_FAULTS: 'on' });
    const data = makeFolder();
    const env = { ...simulators.env, ATELIER_POLL_MS: '400,400' };
    let gateway = await startGatewayProcess(env, data);
    const plan = { provider: 'replicate', fault: 'stall', method: 'GET', path: '/predictions/', times: 99 };
    await fetch(`${simulators.url}/_simulator/faults`, { method: 'POST', body: JSON.stringify(plan) });
    const answer = await fetch(`${gateway.url}/v1/generations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'replicate/meta/musicgen', input: 'a song', seconds: 1, wait: 0 }),
    });
    const { id } = (await answer.json()) as { id: string };
    const looks = async () => {
      const journal = (await (await fetch(`${simulators.url}/_simulator/journal`)).json()) as {
        entries?: Json[];
        data?: Json[];
      };
      const entries = journal.entries ?? journal.data ?? [];
      return entries.filter((one) => at(one, 'method') === 'GET' && stringAt(one, 'path')?.includes('/predictions/'))
        .length;
    };
    let deaths = 0;
    for (; deaths < 8; deaths++) {
      const seen = await looks();
      const end = Date.now() + 4_000;
      let dead = false;
      while (!dead && Date.now() < end && (await looks()) === seen) {
        dead = (await readOne(gateway, id)).status === 'failed';
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      if (dead) break;
      await gateway.kill('SIGKILL');
      gateway = await startGatewayProcess(env, data);
    }
    expect(deaths).toBe(3);
    const generation = await readOne(gateway, id);
    expect(generation).toMatchObject({ status: 'failed', attempts: [{ state: 'settled' }] });
    const letters = await fetch(`${gateway.url}/v1/dead_letters`, {
      headers: { authorization: `Bearer ${gateway.adminKey}` },
    });
    expect(at((await letters.json()) as Json, 'data')).toMatchObject([{ generation: id }]);
    const ledger = (await (await fetch(`${simulators.url}/_simulator/ledger`)).json()) as { total_pico: string };
    expect(pico(generation.receipt!.total!)).toBe(BigInt(ledger.total_pico));
  }, 60_000);
});
