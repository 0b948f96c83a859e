import { writeFileSync } from 'node:fs';
import { type Dispatcher, Pool } from 'undici';
import { random } from '../../providers/simulators/seed.ts';
import { percentile } from './figures.ts';
import { openLoop } from './open-loop.ts';

/** One kind of request of the mix. */
export type MixKind = {
  label: string;
  weight: number;
  path: string;
  body: string;
  /** The last bytes of a whole answer. */
  end: string;
  /** Its caller goes after the first bytes. */
  leaves?: boolean;
  /** Counts for the latency of the fast providers. */
  timed?: boolean;
};

export type MixJob = {
  origin: string;
  headers: Record<string, string>;
  kinds: MixKind[];
  seconds: number;
  perSecond: number;
  seed: string;
  /** A file for what callers were told: a generation's id and the outcome, line by line. */
  notes: string;
};

/** What callers got. Each that was sent is in one of these; `lost` have no answer at all, `broken` got an error in a stream or half of one. */
export type Counts = { sent: number; answered: number; refused: number; broken: number; lost: number; left: number };

/** Milliseconds of whole answers that took one attempt. */
export type MixResult = {
  /** Requests that were due while `mostUnderWay` were under way: not sent. */
  shed: number;
  /** Until the last was sent, and until the last was over. */
  sending: number;
  seconds: number;
  counts: Record<string, Counts & { p50: number; p99: number }>;
  /** Of all timed kinds. */
  fast: { p50: number; p99: number };
  /** Refusals by status and code. */
  refusals: Record<string, number>;
  firstLost?: string;
};

const longestWait = 40_000;
/** Requests under way at once, each on a connection of its own. */
const mostUnderWay = 600;
const kept = 400;

/** Runs one mixed stretch of load at a fixed pace. */
export async function runMix(job: MixJob): Promise<MixResult> {
  const dice = random(job.seed);
  const total = job.kinds.reduce((sum, kind) => sum + kind.weight, 0);
  const pick = () => {
    let place = (dice.next() / 2 ** 32) * total;
    for (const kind of job.kinds) {
      place -= kind.weight;
      if (place < 0) return kind;
    }
    return job.kinds[0]!;
  };
  const counts: Record<string, Counts> = {};
  const times: Record<string, number[]> = {};
  for (const { label } of job.kinds) {
    counts[label] = { sent: 0, answered: 0, refused: 0, broken: 0, lost: 0, left: 0 };
    times[label] = [];
  }
  const result: MixResult = { shed: 0, sending: 0, seconds: 0, counts: {}, fast: { p50: 0, p99: 0 }, refusals: {} };
  const notes: string[] = [];
  const pool = new Pool(job.origin, { pipelining: 1, keepAliveTimeout: 30_000, connections: mostUnderWay });
  const begun = performance.now();
  const end = begun + job.seconds * 1000;
  let underWay = 0;

  const send = (done: () => void) => {
    if (underWay >= mostUnderWay) {
      result.shed++;
      // not at once: whoever sends goes on in the same turn
      return queueMicrotask(done);
    }
    underWay++;
    const { label, path, body, end: whole, leaves } = pick();
    const count = counts[label]!;
    count.sent++;
    const sentAt = performance.now();
    let status = 0;
    let generation = '';
    let attempts = '';
    let code = '';
    let tail = '';
    const over = (outcome: Exclude<keyof Counts, 'sent'>) => {
      underWay--;
      count[outcome]++;
      if (generation) notes.push(`${generation} ${outcome}`);
      done();
    };
    pool.dispatch(
      {
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...job.headers },
        body,
        headersTimeout: longestWait,
        bodyTimeout: longestWait,
      },
      {
        onRequestStart() {},
        onResponseStart(_, answered, headers) {
          const header = (name: string) => String(headers[name] ?? '');
          status = answered;
          generation = header('x-atelier-generation');
          attempts = header('x-atelier-attempts');
          code = header('x-atelier-error-code');
        },
        onResponseData(controller, chunk) {
          if (leaves && status === 200) return controller.abort(new Error('left'));
          tail =
            chunk.length >= kept
              ? chunk.toString('latin1').slice(-kept)
              : (tail + chunk.toString('latin1')).slice(-kept);
        },
        onResponseEnd() {
          if (status !== 200) {
            const name = `${status} ${code}`;
            result.refusals[name] = (result.refusals[name] ?? 0) + 1;
            return over('refused');
          }
          if (!tail.endsWith(whole)) return over('broken');
          if (attempts === '1') times[label]!.push(performance.now() - sentAt);
          over('answered');
        },
        onResponseError(_, error) {
          if (error.message === 'left') return over('left');
          result.firstLost ??= `${label}, status ${status}: ${String(error)}`;
          over(status === 200 ? 'broken' : 'lost');
        },
      } satisfies Dispatcher.DispatchHandler,
    );
  };
  await openLoop(
    job.perSecond,
    () => {
      const goesOn = performance.now() < end;
      if (goesOn) result.sending = (performance.now() - begun) / 1000;
      return goesOn;
    },
    send,
  );
  result.seconds = (performance.now() - begun) / 1000;
  await pool.destroy();
  const figures = (all: number[]) => {
    const sorted = all.sort((one, other) => one - other);
    return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
  };
  for (const [label, count] of Object.entries(counts)) result.counts[label] = { ...count, ...figures(times[label]!) };
  result.fast = figures(job.kinds.flatMap(({ label, timed }) => (timed ? times[label]! : [])));
  writeFileSync(job.notes, notes.map((note) => `${note}\n`).join(''), { flag: 'a' });
  return result;
}

if (process.send) {
  process.on('message', (job: MixJob) => {
    runMix(job).then((result) => process.send?.(result));
  });
  process.on('disconnect', () => process.exit(0));
  process.send({ ready: true });
}
