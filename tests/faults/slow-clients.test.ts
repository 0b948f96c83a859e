import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringAt } from '../../src/contract/index.ts';
import { startNode } from '../../src/runtime/node/start.ts';
import { clientOf } from '../http/doors.ts';
import { chunk, startUpstream } from '../http/upstream.ts';
import { until } from '../support/fault-world.ts';
import { startGateway } from '../support/gateway.ts';

const mebi = 1 << 20;

describe('clients that are slow', () => {
  let written = 0;
  let closed = false;
  let upstream: Awaited<ReturnType<typeof startUpstream>>;
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  const { send, settled } = clientOf(() => gateway);
  beforeAll(async () => {
    const words = chunk(`${'word '.repeat(2_000)}`);
    upstream = await startUpstream(({ response }) => {
      response.on('close', () => {
        closed = true;
      });
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const pump = () => {
        while (!closed && written < 400 * mebi) {
          written += words.length;
          if (!response.write(words)) return void response.once('drain', pump);
        }
      };
      pump();
    });
    gateway = await startGateway({
      OPENAI_API_KEY: 'x',
      OPENAI_BASE_URL: upstream.url,
      ATELIER_DEADLINES_MS: '1000,1000,2500',
    });
  });
  afterAll(async () => {
    await gateway?.close();
    await upstream?.close();
  });

  /** A client that reads the head of its answer and no more. */
  async function stopReading() {
    const { hostname, port } = new URL(gateway.url);
    const body = JSON.stringify({ model: 'openai/gpt-5.5', stream: true, messages: [{ role: 'user', content: 'x' }] });
    written = 0;
    closed = false;
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${gateway.appKey}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const head = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    socket.pause();
    return { socket, id: /x-atelier-generation: (\S+)/i.exec(head)![1]! };
  }

  it('#34 a reader that stops reading: the provider is paused, little is held; what came is settled when it leaves', async () => {
    const before = process.memoryUsage().rss;
    const { socket, id } = await stopReading();
    await until('a pause of the provider', async () => {
      const seen = written;
      await new Promise((resolve) => setTimeout(resolve, 150));
      return seen === written;
    });
    expect(written).toBeLessThan(40 * mebi);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * mebi);
    socket.destroy();
    await until('the end of the call', () => closed);
    expect(await settled(id)).toMatchObject({ attempts: [{ state: 'settled', cost_status: 'priced_estimated' }] });
  }, 20_000);

  it('#34 a reader that never goes on: its connection is ended in time, and its call settled', async () => {
    const { socket, id } = await stopReading();
    try {
      await until('the end of the call', () => closed);
      const state = async () => stringAt((await send(`/v1/generations/${id}`)).body, 'attempts', 0, 'state');
      await until('the settlement', async () => (await state()) === 'settled', 1_500);
    } finally {
      socket.destroy();
    }
  }, 20_000);

  it('#35 a client that sends a byte now and then is shut out in time, others are served meanwhile', async () => {
    const data = mkdtempSync(join(tmpdir(), 'atelier-'));
    const { server, close } = await startNode({ PORT: '0', ATELIER_DATA: data }, { quiet: true });
    const { port } = server.address() as { port: number };
    // The times that a client has for its head and for all of its request.
    expect(server.headersTimeout).toBeGreaterThan(0);
    expect(server.headersTimeout).toBeLessThanOrEqual(60_000);
    expect(server.requestTimeout).toBeGreaterThan(0);
    expect(server.requestTimeout).toBeLessThanOrEqual(300_000);
    // The same in a second, looked at as often as the server itself would in half a minute.
    server.headersTimeout = 500;
    server.requestTimeout = 800;
    const name = Object.getOwnPropertySymbols(server).find((one) => /connectionsCheckingInterval/.test(String(one)))!;
    const checking = (server as unknown as Record<symbol, { _onTimeout(): void }>)[name]!;
    const check = setInterval(() => checking._onTimeout(), 100);
    const drip = (first: string) =>
      new Promise<string>((resolve) => {
        const socket = connect(port, '127.0.0.1');
        let told = '';
        socket.write(first);
        const more = setInterval(() => socket.write('a'), 100);
        socket.on('data', (text) => {
          told += text;
        });
        socket.on('error', () => {});
        socket.on('close', () => {
          clearInterval(more);
          resolve(told);
        });
      });
    try {
      const began = Date.now();
      const [head, whole] = await Promise.all([
        drip('POST /v1/generations HTTP/1.1\r\nhost: x\r\nx-slow: '),
        drip('POST /v1/generations HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{'),
        fetch(`http://127.0.0.1:${port}/healthz`).then((answer) => expect(answer.status).toBe(200)),
      ]);
      expect(Date.now() - began).toBeLessThan(3_000);
      expect(head).toMatch(/^HTTP\/1\.1 408/);
      expect(whole).toMatch(/^HTTP\/1\.1 4(01|08)/);
    } finally {
      clearInterval(check);
      await close();
      rmSync(data, { recursive: true, force: true });
    }
  }, 20_000);
});
