import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { at } from '../../src/contract/index.ts';
import { largestRequest } from '../../src/http/body.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { clientOf, doors, parsed } from './doors.ts';

/** A raw request, as no fetch would send it. Resolves with the answer, however much of the body was taken. */
function sendRaw(
  gateway: RunningGateway,
  path: string,
  headers: Record<string, string | number>,
  write: (send: (chunk: Buffer) => Promise<boolean>) => Promise<void>,
) {
  return new Promise<{ status: number; text: string; sent: number }>((resolve, reject) => {
    let sent = 0;
    let answered = false;
    const call = request(gateway.url + path, {
      method: 'POST',
      agent: false,
      headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json', ...headers },
    });
    call.on('response', (response) => {
      answered = true;
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text, sent });
        call.destroy();
      });
    });
    let freed = () => {};
    for (const event of ['drain', 'close', 'response'] as const) call.on(event, () => freed());
    call.on('error', (error) => !answered && reject(error));
    const send = (chunk: Buffer) =>
      new Promise<boolean>((done) => {
        if (answered || call.destroyed) return done(false);
        sent += chunk.length;
        if (call.write(chunk)) return setImmediate(done, true);
        freed = () => done(!answered && !call.destroyed);
      });
    call.flushHeaders();
    write(send).catch((error) => {
      call.destroy();
      reject(error);
    });
  });
}

describe('sizes', () => {
  let gateway: RunningGateway;
  const { send, newest, post } = clientOf(() => gateway);
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  for (const door of doors) {
    it(`refuses a body announced as too large before it is sent: ${door.name}`, async () => {
      const answer = await sendRaw(gateway, door.path, { 'content-length': largestRequest + 1 }, async () => {});
      expect(answer.status, answer.text).toBe(413);
      expect(door.codeOf(parsed(answer.text))).toBe('payload_too_large');
      expect(answer.sent).toBe(0);
      expect(await newest()).toBeNull();
    });
  }

  it('takes a body whose size is announced', async () => {
    const body = JSON.stringify(doors[0]!.write(`Say exactly: ${'x'.repeat(100_000)}`, { max_tokens: 10 }));
    const answer = await send('/v1/generations', { body, headers: { 'content-length': String(body.length) } });
    expect(answer.status).toBe(200);
  });

  for (const [path, type] of [
    [doors[1]!.path, 'application/json'],
    ['/v1/generations', 'multipart/form-data; boundary=x'],
  ] as const) {
    it(`refuses too much ${type} that announces nothing`, async () => {
      const chunk = Buffer.alloc(4 << 20, 'x');
      const answer = await sendRaw(
        gateway,
        path,
        { 'transfer-encoding': 'chunked', 'content-type': type },
        async (write) => {
          for (let sent = 0; sent < largestRequest + (16 << 20); sent += chunk.length) await write(chunk);
        },
      ).catch((error: NodeJS.ErrnoException) => error);
      // Who goes on sending may meet a closed connection before it reads the answer.
      if (answer instanceof Error) expect(answer.code).toMatch(/^(EPIPE|ECONNRESET)$/);
      else expect(`${answer.status} ${answer.text}`).toMatch(/^413 .*payload_too_large/);
      expect((await newest()) === null || (await send('/v1/generations')).status === 200).toBe(true);
    });
  }

  it('takes a chunked body that is small enough', async () => {
    const text = JSON.stringify(doors[1]!.write('Say exactly: grün 🎨'));
    const bytes = Buffer.from(text);
    const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const call = request(
        gateway.url + doors[1]!.path,
        { method: 'POST', headers: { authorization: `Bearer ${gateway.appKey}`, 'content-type': 'application/json' } },
        (response) => {
          let answered = '';
          response.on('data', (chunk) => {
            answered += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text: answered }));
        },
      );
      call.on('error', reject);
      // Seven bytes at a time: letters are cut in the middle.
      for (let start = 0; start < bytes.length; start += 7) call.write(bytes.subarray(start, start + 7));
      call.end();
    });
    expect(answer.status, answer.text).toBe(200);
    expect(at(parsed(answer.text), 'choices', 0, 'message', 'content')).toBe('grün 🎨');
  });

  it('refuses a client that stops in the middle of its body, and goes on', async () => {
    const failed = await sendRaw(gateway, doors[1]!.path, { 'content-length': 1000 }, async (write) => {
      await write(Buffer.from('{"model":'));
      throw new Error('left');
    }).catch((error: Error) => error.message);
    expect(failed).toBe('left');
    expect((await post(doors[1]!.path, doors[1]!.write('Say exactly: still here'))).text).toContain('still here');
  });
});
