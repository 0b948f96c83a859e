import { Client, type Dispatcher, Pool } from 'undici';
import { percentile } from './figures.ts';
import { openLoop } from './open-loop.ts';

/** One stretch of load on one target. Bounded twice: by `seconds` and by `most` requests. */
export type LoadJob = {
  origin: string;
  path: string;
  headers: Record<string, string>;
  body: string;
  /** Length of a right answer's body; anything else is counted as wrong. */
  expectedBytes: number;
  seconds: number;
  most: number;
} & ({ kind: 'closed'; connections: number } | { kind: 'open'; perSecond: number });

/** Streams to open and to keep open until `release`. */
export type HoldJob = {
  kind: 'hold';
  origin: string;
  path: string;
  headers: Record<string, string>;
  body: string;
  count: number;
};
export type Held = { open: number; firstFailure?: string };

/** Latencies are milliseconds from sending to the last byte, `first…` to the first byte of the body. Every request sent is in exactly one of the counts. */
export type LoadResult = {
  sent: number;
  answered: number;
  wrong: number;
  failed: number;
  firstFailure?: string;
  seconds: number;
  p50: number;
  p99: number;
  first50: number;
  first99: number;
};

const longestWait = 10_000;
const settings = { pipelining: 1, keepAliveTimeout: 30_000, connect: { timeout: longestWait } };

/** Runs one job and resolves when its last request is done. */
export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const times: number[] = [];
  const firsts: number[] = [];
  const result: LoadResult = {
    sent: 0,
    answered: 0,
    wrong: 0,
    failed: 0,
    seconds: 0,
    p50: 0,
    p99: 0,
    first50: 0,
    first99: 0,
  };
  const begun = performance.now();
  const end = begun + job.seconds * 1000;
  const mayGoOn = () => performance.now() < end && result.sent < job.most;
  const request: Dispatcher.DispatchOptions = {
    path: job.path,
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
    let firstAt = 0;
    const sentAt = performance.now();
    way.dispatch(request, {
      onRequestStart() {},
      onResponseStart(_, code) {
        status = code;
      },
      onResponseData(_, chunk) {
        if (bytes === 0) firstAt = performance.now();
        bytes += chunk.length;
      },
      onResponseEnd() {
        if (status === 200 && bytes === job.expectedBytes) {
          result.answered++;
          times.push(performance.now() - sentAt);
          firsts.push(firstAt - sentAt);
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
    await openLoop(job.perSecond, mayGoOn, (done) => send(pool, done));
    await pool.destroy();
  }
  result.seconds = (performance.now() - begun) / 1000;
  times.sort((one, other) => one - other);
  firsts.sort((one, other) => one - other);
  return {
    ...result,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    first50: percentile(firsts, 0.5),
    first99: percentile(firsts, 0.99),
  };
}

let holding: Pool | undefined;

/** Opens streams, a few at a time, and resolves when each has its first event or failed. They stay open. */
async function hold(job: HoldJob): Promise<Held> {
  const pool = new Pool(job.origin, { ...settings, connections: job.count });
  holding = pool;
  const held: Held = { open: 0 };
  const openOne = () =>
    new Promise<void>((resolve) => {
      const request = {
        path: job.path,
        method: 'POST' as const,
        body: job.body,
        headersTimeout: longestWait,
        bodyTimeout: 0,
      };
      const fail = (words: string) => {
        held.firstFailure ??= words;
        resolve();
      };
      let status = 0;
      let opened = false;
      pool.dispatch(
        { ...request, headers: { 'content-type': 'application/json', ...job.headers } },
        {
          onRequestStart() {},
          onResponseStart(_, code) {
            status = code;
          },
          onResponseData() {
            if (opened) return;
            if (status !== 200) return fail(`status ${status}`);
            opened = true;
            held.open++;
            resolve();
          },
          onResponseEnd() {
            if (opened) held.open--;
            fail('a stream ended by itself');
          },
          onResponseError(_, error) {
            if (opened) held.open--;
            fail(String(error));
          },
        },
      );
    });
  let left = job.count;
  const opener = async () => {
    while (left-- > 0) await openOne();
  };
  await Promise.all(Array.from({ length: Math.min(32, job.count) }, opener));
  return held;
}

/** Leaves every held stream at once. */
async function release(): Promise<object> {
  await holding?.destroy();
  holding = undefined;
  return {};
}

if (process.send) {
  process.on('message', (job: LoadJob | HoldJob | { kind: 'release' }) => {
    const run = job.kind === 'hold' ? hold(job) : job.kind === 'release' ? release() : runLoad(job);
    run.then((result: object) => process.send?.(result));
  });
  process.on('disconnect', () => process.exit(0));
  process.send({ ready: true });
}
