import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SimulatorServer, startSimulators } from '../../providers/simulators/server.ts';
import { stringAt } from '../../src/contract/index.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf, lanes, pico } from './doors.ts';

/** A provider that can be asked what it billed: then nothing is guessed, whatever went wrong on the way. */
describe('an upstream that can be asked', () => {
  let simulators: SimulatorServer;
  let gateway: RunningGateway;
  const { post, newest, spent, settled } = clientOf(() => gateway);
  const billed = () =>
    [...simulators.simulators.values()].reduce((sum, one) => sum + BigInt(one.bill.statement().total_pico), 0n);

  beforeAll(async () => {
    simulators = await startSimulators({ port: 0, faults: true, paceMs: 5 });
    gateway = await startGateway(simulators.env);
  });
  afterAll(async () => {
    await gateway.close();
    await simulators.close();
  });

  for (const lane of lanes) {
    it(`work that was done behind an error answer is booked: ${lane.name}`, async () => {
      const answer = await post(lane.path, lane.write('[[fault:billed-500]] hello'));
      expect(`${answer.status} ${lane.codeOf(answer.body)}`).toBe('502 provider_error');
      expect(await newest()).toMatchObject({
        status: 'failed',
        attempts: [{ state: 'settled', outcome: 'provider_error' }],
      });
      expect(pico(await spent())).toBe(billed());
    });

    it(`faults before the work cost nothing: ${lane.name}`, async () => {
      const before = await spent();
      for (const fault of ['status:500', 'status:429', 'garbage', 'empty']) {
        await post(lane.path, lane.write(`[[fault:${fault}]] hello`));
      }
      expect(await spent()).toBe(before);
      expect(pico(before)).toBe(billed());
    });

    it(`a cut stream is booked as the provider billed it: ${lane.name}`, async () => {
      for (const fault of ['cut:5', 'reset:5']) {
        await post(lane.path, lane.write(`[[fault:${fault}]] Say exactly: ${'word '.repeat(30)}`, { stream: true }));
        expect(stringAt(await newest(), 'status')).toBe('failed');
        expect(pico(await spent())).toBe(billed());
      }
    });

    it(`a stream whose client left is booked as the provider billed it: ${lane.name}`, async () => {
      const leave = new AbortController();
      const answer = await fetch(gateway.url + lane.path, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(lane.write(`Say exactly: ${'word '.repeat(40)}`, { stream: true })),
        signal: leave.signal,
      });
      const reader = answer.body!.getReader();
      for (let chunks = 0; chunks < 6; chunks++) await reader.read();
      leave.abort();
      await reader.read().catch(() => {});
      const generation = await settled(answer.headers.get('x-atelier-generation')!);
      expect(generation).toMatchObject({ status: 'canceled', attempts: [{ state: 'settled', outcome: 'canceled' }] });
      expect(pico(stringAt(generation, 'receipt', 'total')!)).toBeGreaterThan(0n);
      expect(pico(await spent())).toBe(billed());
    });
  }
});
