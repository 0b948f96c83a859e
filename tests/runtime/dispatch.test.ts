import Agent from 'undici/lib/dispatcher/agent.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { dispatch } from '../../src/runtime/node/dispatch.ts';
import { startUpstream } from '../http/upstream.ts';

describe('a call that waits for its connection', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const close of closing.splice(0)) await close();
  });

  const request = { headers: {}, body: '{}', headersTimeout: 5_000, idleTimeout: 5_000 };

  it('is not sent where its whole time is over before it has one', async () => {
    const bodies: string[] = [];
    const upstream = await startUpstream(async ({ body, response }) => {
      bodies.push(body);
      await new Promise((resolve) => setTimeout(resolve, 400));
      response.end('done');
    });
    const agent = new Agent({ connections: 1, pipelining: 1 });
    closing.push(() => agent.destroy(), upstream.close);
    const post = (body: string, more: object = {}) =>
      dispatch(agent, 'POST', { ...request, url: upstream.url, body, ...more });
    const first = post('first').then((answer) => answer.bytes(100));
    const second = post('second', { totalTimeout: 100 });
    await expect(second).rejects.toMatchObject({ name: 'TimeoutError' });
    await first;
    expect(bodies).toEqual(['first']);
    expect(await (await post('third', { totalTimeout: 3_000 })).bytes(100)).toHaveLength(4);
    expect(bodies).toEqual(['first', 'third']);
  });

  it('leaves no timer behind where nobody wants it any more', async () => {
    const agent = new Agent();
    closing.push(() => agent.destroy());
    const timer = vi.spyOn(globalThis, 'setTimeout');
    const sent = vi.spyOn(agent, 'dispatch');
    const signal = AbortSignal.abort(new Error('gone'));
    const call = dispatch(agent, 'POST', { ...request, url: 'http://127.0.0.1:9/', signal, totalTimeout: 60_000 });
    await expect(call).rejects.toThrow('gone');
    expect(timer.mock.calls.filter(([, ms]) => ms === 60_000)).toEqual([]);
    expect(sent).not.toHaveBeenCalled();
  });
});
