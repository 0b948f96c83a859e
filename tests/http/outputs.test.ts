import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, stringAt } from '../../src/contract/index.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { expireOutputs } from '../../src/jobs/expire.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';

let gateway: RunningGateway;
beforeAll(async () => {
  gateway = await startGateway({ ATELIER_OUTPUT_DAYS: '0.00001' });
});
afterAll(() => gateway?.close());

const call = (method: string, path: string, body?: object) =>
  fetch(gateway.url + path, {
    method,
    headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
const image = { model: 'openai/gpt-image-2', input: 'a lamp', size: '1024x1024', quality: 'low' };

describe('outputs', () => {
  it('are removed on demand; what they cost stays', async () => {
    const made = (await (await call('POST', '/v1/generations', image)).json()) as Json;
    const url = stringAt(made, 'outputs', 0, 'url')!;
    expect((await fetch(url)).status).toBe(200);
    const before = await (await call('GET', '/v1/spend?simulated=include')).json();
    const removed = await call('DELETE', `/v1/generations/${stringAt(made, 'id')}`);
    expect(await removed.json()).toMatchObject({ object: 'generation.deleted', deleted: true });
    expect((await fetch(url)).status).toBe(404);
    expect((await call('GET', `/v1/generations/${stringAt(made, 'id')}`)).status).toBe(404);
    const after = await (await call('GET', '/v1/spend?simulated=include')).json();
    expect(stringAt(after as Json, 'total_usd')).toBe(stringAt(before as Json, 'total_usd'));
    expect((await call('DELETE', `/v1/generations/${stringAt(made, 'id')}`)).status).toBe(404);
  });

  it('age: what is older than the operator keeps goes, once an hour, bytes first', async () => {
    const kept = new Map([
      ['asset_old', 1_000],
      ['asset_new', 900_000_000],
    ]);
    const log: string[] = [];
    let now = 900_000_001;
    let answersLooked = 0;
    const house = {
      outputLife: 86_400_000,
      clock: { now: () => now },
      assets: { remove: async (id: string) => void log.push(`bytes of ${id}`) },
    } as unknown as Gateway;
    const book = {
      agedAssets: async (before: number) => {
        log.push('look');
        return [...kept].filter(([, at]) => at < before).map(([id]) => id);
      },
      removeAsset: async (id: string) => {
        log.push(`row of ${id}`);
        kept.delete(id);
      },
      agedRequests: async () => {
        answersLooked++;
        return [];
      },
    };
    const owner = { tenant: 'main', book } as never;
    await expireOutputs(house, owner);
    const first = ['look', 'bytes of asset_old', 'row of asset_old'];
    expect({ log, left: [...kept.keys()] }).toEqual({ log: first, left: ['asset_new'] });
    kept.set('asset_older', 5);
    now += 3_599_999;
    await expireOutputs(house, owner);
    expect(log).toEqual(first);
    await expireOutputs({ ...house, outputLife: undefined } as Gateway, owner);
    expect(log).toEqual(first);
    expect(answersLooked).toBe(2);
    now += 1;
    await expireOutputs(house, owner);
    expect(log).toEqual([...first, 'look', 'bytes of asset_older', 'row of asset_older']);
  });
});
