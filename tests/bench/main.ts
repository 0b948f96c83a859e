import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Check, checkBooks } from './check.ts';
import { median, sleep } from './figures.ts';
import { idleStreams } from './idle.ts';
import { Meter } from './measure.ts';
import { type Options, readOptions, usage } from './options.ts';
import { ask, rssMb, startHelper, stop, stopAll } from './processes.ts';
import { type Line, meets, ratioOf, writeTable } from './report.ts';
import { firstBytes, minute, pace, saturation, streams } from './rounds.ts';
import { callOnce, type Started, startBare, startGateway, type Target } from './targets.ts';

/** Measures the straight chat path of the real gateway beside a bare Hono + fetch proxy. Exit code 1 when the books do not balance. */
const options = readOptions(process.argv.slice(2));
if (!options) {
  console.log(usage);
  process.exit(0);
}
if (process.platform !== 'linux') throw new Error('The benchmark reads /proc: it runs on Linux.');
const folder = mkdtempSync(join(tmpdir(), 'atelier-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => stopAll().finally(() => process.exit(130)));
}
try {
  const { lines, checks } = await (options.profile ? profile(options, options.profile) : bench(options));
  const balanced = checks.every((check) => check.holds);
  const figures = lines.map((line) => ({ ...line, ratio: ratioOf(line), met: meets(line) }));
  console.log(
    options.json ? JSON.stringify({ options, figures, checks, balanced }, null, 2) : writeTable(lines, checks),
  );
  process.exitCode = balanced ? 0 : 1;
} finally {
  await stopAll();
}

async function bench(options: Options): Promise<{ lines: Line[]; checks: Check[] }> {
  const { upstream, meter, direct, origin } = await openHouse();
  say('start-up');
  const caches = join(folder, 'cache');
  const starts = { gateway: [] as Started[], bare: [] as Started[] };
  let data = '';
  for (let round = 0; round <= options.rounds; round++) {
    for (const kind of ['gateway', 'bare'] as const) {
      const last = starts[kind].at(-1);
      if (last) await stop(last.child);
      if (kind === 'gateway') {
        data = join(folder, `data-${round}`);
        // Only the last gateway's book is checked: the upstream's count begins again with it.
        await ask(upstream, { forget: true });
        starts.gateway.push(await startGateway(origin, data, caches));
      } else starts.bare.push(await startBare(origin, caches));
    }
  }
  const gateway = starts.gateway.at(-1)!;
  const bare = starts.bare.at(-1)!;
  const field = { gateway, bare, direct };
  meter.tallyOf(gateway).answered = 1;
  // Long enough for the gateway to give back what its start needed.
  await sleep(2_500);
  const idle = { gateway: rssMb(gateway.child.pid!), bare: rssMb(bare.child.pid!) };

  const lines: Line[] = [];
  say('chat at saturation');
  lines.push(...(await saturation(meter, field, options)));
  say(`chat at ${options.rate} requests per second`);
  lines.push(...(await pace(meter, field, options)));
  if (options.streams) {
    say('streams');
    lines.push(...(await streams(meter, field, options)));
    say('time to first byte');
    lines.push(...(await firstBytes(meter, field, options)));
  }
  if (options.minute) {
    say('one minute at saturation');
    lines.push(...(await minute(meter, field, options)));
  }
  lines.push({ what: 'idle memory after the first answer', unit: 'MB', ...idle, atMost: 90 }, ...startLines(starts));
  say('books');
  const checks = await balance(upstream, meter, gateway, data);
  if (options.streams) {
    say('idle streams');
    for (const { child } of [gateway, bare]) await stop(child);
    // Processes of their own: in one that worked hard, streams would fill memory that it has already.
    const gatewayOf = (name: string) => startGateway(origin, join(folder, `data-${name}`), caches);
    const idled = await idleStreams(meter, upstream, gatewayOf, () => startBare(origin, caches));
    lines.push(...idled.lines);
    checks.push(...idled.checks);
  }
  return { lines, checks };
}

/** The first start of all compiles every file; later ones read the compile cache. */
function startLines(starts: { gateway: Started[]; bare: Started[] }): Line[] {
  const line = (
    what: string,
    figure: (one: Started) => number,
    pick: (all: Started[]) => Started[],
    atMost?: number,
  ): Line => {
    const values = pick(starts.gateway).map(figure);
    return {
      what,
      unit: 'ms',
      gateway: median(values),
      bare: median(pick(starts.bare).map(figure)),
      ...(values.length > 1 ? { spread: [Math.min(...values), Math.max(...values)] as [number, number] } : {}),
      ...(atMost === undefined ? {} : { atMost }),
    };
  };
  const first = (all: Started[]) => all.slice(0, 1);
  const later = (all: Started[]) => all.slice(1);
  return [
    line('start to /healthz', (one) => one.healthMs, later),
    line('start to first answer', (one) => one.answerMs, later, 1000),
    line('start to first answer, nothing compiled', (one) => one.answerMs, first),
  ];
}

/** Loads only the gateway, under the profiler, for reading and not for comparing: profiling costs time itself. */
async function profile(options: Options, place: string): Promise<{ lines: Line[]; checks: Check[] }> {
  const { upstream, meter, origin } = await openHouse();
  mkdirSync(place, { recursive: true });
  const data = join(folder, 'data');
  const gateway = await startGateway(origin, data, join(folder, 'cache'), resolve(place));
  meter.tallyOf(gateway).answered = 1;
  const kind = options.streams ? 'stream-with-usage' : 'chat';
  say(`${kind} under the profiler`);
  const measured = await meter.closed(gateway, kind, options.seconds * options.rounds, options.connections);
  const checks = await balance(upstream, meter, gateway, data);
  await stop(gateway.child, 30_000);
  const what = `${kind} while profiled: CPU per request`;
  return { lines: [{ what, unit: 'ms', gateway: measured.cpuMs! }], checks };
}

async function openHouse() {
  const { child: upstream, first } = await startHelper<{ port: number }>('upstream.ts');
  const { child: load } = await startHelper<object>('load.ts');
  const origin = `http://127.0.0.1:${first.port}`;
  const direct: Target = { name: 'direct', origin, headers: { authorization: 'Bearer direct' }, model: 'gpt-5.5' };
  await callOnce(direct, 'chat');
  return { upstream, meter: new Meter(load), direct, origin };
}

async function balance(upstream: ChildProcess, meter: Meter, gateway: Started, data: string): Promise<Check[]> {
  const { served } = await ask<{ served: Record<string, number> }>(upstream, {});
  return checkBooks(gateway, data, meter.tallyOf(gateway), served['Bearer bench'] ?? 0);
}

function say(words: string): void {
  if (process.stderr.isTTY) console.error(`… ${words}`);
}
