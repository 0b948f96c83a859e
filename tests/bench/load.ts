import { Client, type Dispatcher, Pool } from 'undici';
import { percentile } from './figures.ts';

/** One stretch of load on one target. Bounded twice: by `seconds` and by `most` requests. */
export type LoadJob = {
  origin: string;
  headers: Record<string, string>;
  body: string;
  /** Length of a right answer's body; anything else is counted as wrong. */
  expectedBytes: number;
  seconds: number;
  most: number;
} & ({ kind: 'closed'; connections: number } | { kind: 'open'; perSecond: number });

/** Latencies are milliseconds from sending to the last byte. Every request sent is in exactly one of the counts. */
export type LoadResult = {
  sent: number;
  answered: number;
  wrong: number;
  failed: number;
  firstFailure?: string;
  seconds: number;
  p50: number;
  p99: number;
};

const longestWait = 10_000;
const settings = { pipelining: 1, keepAliveTimeout: 30_000, connect: { timeout: longestWait } };

/** Runs one job and resolves when its last request is done. */
export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const times: number[] = [];
  const result: LoadResult = { sent: 0, answered: 0, wrong: 0, failed: 0, seconds: 0, p50: 0, p99: 0 };
  const begun = performance.now();
  const end = begun + job.seconds * 1000;
  const mayGoOn = () => performance.now() < end && result.sent < job.most;
  const request: Dispatcher.DispatchOptions = {
    path: '/v1/chat/completions',
    method: 'POST',
    headers: { 'content-type': 'application/json', ...job.headers },
    body: job.body,
    headersTimeout: longestWait,
    bodyTimeout: longestWait,
  };

  const send = (way: Dispatcher, done: () => void) => {
    result.sent++;
    let status = 0;
    let bytes = 0;
    const sentAt = performance.now();
    way.dispatch(request, {
      onRequestStart() {},
      onResponseStart(_, code) {
        status = code;
      },
      onResponseData(_, chunk) {
        bytes += chunk.length;
      },
      onResponseEnd() {
        if (status === 200 && bytes === job.expectedBytes) {
          result.answered++;
          times.push(performance.now() - sentAt);
        } else {
          result.wrong++;
          result.firstFailure ??= `status ${status}, ${bytes} bytes instead of ${job.expectedBytes}`;
        }
        done();
      },
      onResponseError(_, error) {
        result.failed++;
        result.firstFailure ??= String(error);
        done();
      },
    });
  };

  if (job.kind === 'closed') {
    await Promise.all(
      Array.from({ length: job.connections }, async () => {
        const client = new Client(job.origin, settings);
        await new Promise<void>((resolve) => {
          const next = () => (mayGoOn() ? send(client, next) : resolve());
          next();
        });
        await client.destroy();
      }),
    );
  } else {
    const pool = new Pool(job.origin, { ...settings, connections: 256 });
    await new Promise<void>((resolve) => {
      let running = 0;
      let stopped = false;
      const done = () => {
        running--;
        if (stopped && running === 0) resolve();
      };
      // The pace never waits for an answer: a slow target meets the same load as a fast one.
      const tick = () => {
        const due = ((performance.now() - begun) * job.perSecond) / 1000;
        while (result.sent < due && mayGoOn()) {
          running++;
          send(pool, done);
        }
        if (mayGoOn())
          setTimeout(tick, Math.max(0, ((result.sent + 1) * 1000) / job.perSecond - (performance.now() - begun)));
        else {
          stopped = true;
          if (running === 0) resolve();
        }
      };
      tick();
    });
    await pool.destroy();
  }
  result.seconds = (performance.now() - begun) / 1000;
  times.sort((one, other) => one - other);
  return { ...result, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

if (process.send) {
  process.on('message', (job: LoadJob) => runLoad(job).then((result) => process.send?.(result)));
  process.on('disconnect', () => process.exit(0));
  process.send({ ready: true });
}
