import type { ChildProcess } from 'node:child_process';
import type { ChatKind } from './answers.ts';
import type { Check } from './check.ts';
import { sleep } from './figures.ts';
import type { Meter } from './measure.ts';
import { ask, rssMb, stop } from './processes.ts';
import type { Line } from './report.ts';
import type { Started } from './targets.ts';

/** Streams held open at once. */
const many = 1000;
const settling = 3_000;
const longestLeaving = 5_000;

type Idled = { kib: number; open: number; left: number; firstFailure?: string };

/** Memory of streams that wait for their next event, and whether they leave nothing behind upstream when their callers leave. */
export async function idleStreams(
  meter: Meter,
  upstream: ChildProcess,
  startGateway: (name: string) => Promise<Started>,
  startBare: () => Promise<Started>,
): Promise<{ lines: Line[]; checks: Check[] }> {
  const straight = await idle(meter, upstream, await startGateway('straight'), 'stream-with-usage');
  const crossed = await idle(meter, upstream, await startGateway('crossed'), 'crossed');
  const bare = await idle(meter, upstream, await startBare(), 'stream-with-usage');
  const line = (name: string, { kib }: Idled): Line => ({
    what: `${name} stream: memory per open idle stream at ${many}`,
    unit: 'KiB',
    gateway: kib,
    bare: bare.kib,
    atMost: 70,
  });
  const checks = (name: string, { open, left, firstFailure }: Idled): Check[] => [
    {
      what: `${name} streams open and idle at once`,
      expected: String(many),
      found: firstFailure ? `${open} (${firstFailure})` : String(open),
      holds: open === many,
    },
    {
      what: `upstream calls left open after clients leave ${name} streams`,
      expected: '0',
      found: String(left),
      holds: left === 0,
    },
  ];
  return {
    lines: [line('straight', straight), line('crossed', crossed)],
    checks: [...checks('straight', straight), ...checks('crossed', crossed)],
  };
}

async function idle(meter: Meter, upstream: ChildProcess, target: Started, kind: ChatKind): Promise<Idled> {
  const pid = target.child.pid!;
  // What the first streams of a process load and compile is not theirs.
  await meter.hold(target, kind, 50);
  await meter.release();
  await leftOpen(upstream);
  await sleep(settling);
  const before = rssMb(pid);
  const { open, firstFailure } = await meter.hold(target, kind, many);
  await sleep(settling);
  const kib = ((rssMb(pid) - before) * 1e6) / 1024 / many;
  // What the upstream still holds: a stream that broke while it waited is not open.
  const { held } = await ask<{ held: number }>(upstream, {});
  await meter.release();
  const left = await leftOpen(upstream);
  await stop(target.child);
  return { kib, open: Math.min(open, held), left, ...(firstFailure === undefined ? {} : { firstFailure }) };
}

/** Streams that the upstream still holds when their callers have left and some time has passed. */
async function leftOpen(upstream: ChildProcess): Promise<number> {
  for (const end = performance.now() + longestLeaving; ; await sleep(50)) {
    const { held } = await ask<{ held: number }>(upstream, {});
    if (held === 0 || performance.now() > end) return held;
  }
}
