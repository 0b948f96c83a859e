import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Generation, readLedger, readOne, type Target } from '../support/mixed-load.ts';
import { pico } from '../support/money.ts';
import {
  type SimulatorProcess,
  startGatewayProcess,
  startSimulatorProcess,
  stopProcesses,
} from '../support/processes.ts';

const post = (gateway: Target, path: string, body: object) =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('SIGTERM', () => {
  let simulators: SimulatorProcess;
  beforeAll(async () => {
    simulators = await startSimulatorProcess({ ATELIER_FAULTS: 'on', ATELIER_PACE_MS: '30' });
  });
  afterAll(stopProcesses);

  it('#47 finishes what is under way, refuses what comes, and exits with 0', async () => {
    const gateway = await startGatewayProcess(simulators.env);
    const model = 'openai/gpt-5.5';
    const text = 'Say exactly: one two three four five six seven eight nine ten eleven twelve';
    const messages = [{ role: 'user', content: text }];
    const stream = post(gateway, '/v1/chat/completions', { model, messages, stream: true });
    const plain = post(gateway, '/v1/chat/completions', {
      model,
      messages: [{ role: 'user', content: `${text} [[fault:slow:1200]]` }],
    });
    const image = post(gateway, '/v1/generations', {
      model: 'openai/gpt-image-2',
      input: 'a lamp [[fault:slow:1200]]',
      size: '1024x1024',
      quality: 'low',
    });
    expect((await stream).status).toBe(200);

    const ended = gateway.kill('SIGTERM');
    await new Promise((done) => setTimeout(done, 150));
    const late = await post(gateway, '/v1/chat/completions', { model, messages });
    expect(late.status).toBe(503);
    expect(late.headers.get('x-atelier-error-code')).toBe('shutting_down');
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    const health = await fetch(`${gateway.url}/healthz`);
    expect([health.status, await health.json()]).toEqual([503, { status: 'draining' }]);

    const told = await (await stream).text();
    expect(told.trimEnd().endsWith('data: [DONE]')).toBe(true);
    const said = [...told.matchAll(/"content":"([^"]*)"/g)].map(([, piece]) => piece).join('');
    expect(said).toBe('one two three four five six seven eight nine ten eleven twelve');
    const answer = await plain;
    expect(answer.status).toBe(200);
    const made = (await (await image).json()) as Generation;
    expect(made.status).toBe('completed');
    expect(await ended).toEqual({ code: 0, signal: null });

    // What was finished while draining is in the book, at what the provider bills.
    const again = await startGatewayProcess(simulators.env, gateway.data);
    const ledger = await readLedger(simulators);
    for (const id of [
      (await stream).headers.get('x-atelier-generation')!,
      answer.headers.get('x-atelier-generation')!,
      made.id,
    ]) {
      const kept = await readOne(again, id);
      expect(kept).toMatchObject({ status: 'completed', receipt: { status: 'priced' } });
      expect(pico(kept.receipt!.total!)).toBe(ledger.byClient.get(`${id}.1`)?.pico);
    }
    expect(ledger.byClient.size).toBe(3);
  });

  it('exits at once where nothing is under way', async () => {
    const gateway = await startGatewayProcess(simulators.env);
    const began = Date.now();
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(Date.now() - began).toBeLessThan(2_000);
  });
});
