import { spawn } from 'node:child_process';
import { createConnection, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { attemptsOf, openWorld, second, textOf } from '../support/fault-world.ts';
import { startGateway } from '../support/gateway.ts';

/** A port whose process sleeps and whose line is full: a handshake with it never ends. */
async function openFullLine() {
  const listen =
    "require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},function(){console.log(this.address().port)})";
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = Number(await new Promise((resolve) => child.stdout.once('data', resolve)));
  child.kill('SIGSTOP');
  const waiting: Socket[] = [];
  for (let full = false; !full && waiting.length < 50; ) {
    const socket = createConnection(port, '127.0.0.1');
    waiting.push(socket);
    full = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(false)).on('error', () => {});
      setTimeout(resolve, 400, true);
    });
  }
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}

// workerd has no say in how long its connections are made: there the time to the first byte (#15) ends such a call.
describe.skipIf(process.platform !== 'linux')('a handshake that never ends', () => {
  it('#9 connect timeout: over within five seconds, class A, another answers, nothing is billed', async () => {
    const line = await openFullLine();
    const world = await openWorld('Node', (env) =>
      startGateway({ ...env, DEEPSEEK_BASE_URL: line.url, ATELIER_DEADLINES_MS: '20000,20000,30000' }),
    );
    try {
      const began = Date.now();
      const answer = await world.pair('deepseek/deepseek-flash', 'Say exactly: here');
      const took = Date.now() - began;
      expect(`${answer.status} ${answer.headers.get('x-atelier-model')}`, answer.text).toBe(`200 ${second}`);
      expect(textOf(answer.body)).toBe('here');
      expect(took).toBeGreaterThan(3_000);
      expect(took).toBeLessThan(6_500);
      const generation = await world.behind(answer);
      expect(attemptsOf(generation)).toMatchObject([
        { outcome: 'provider_unavailable', failure: 'A', billed: false, cost_usd: '0' },
        { outcome: 'succeeded' },
      ]);
      expect(world.agrees(generation)).toBeGreaterThan(0n);
    } finally {
      await world.close();
      line.close();
    }
  }, 30_000);
});
