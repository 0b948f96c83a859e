import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Check } from './check.ts';
import type { UpstreamOrder, UpstreamState } from './faulty-upstream.ts';
import { sleep } from './figures.ts';
import { mixOf, slowMs, slowProvider, vendors } from './mix.ts';
import type { Probe } from './probe.ts';
import { ask, cpuMs, rssMb, startHelper, stop, stopAll } from './processes.ts';
import { write, writeChecks, writeRows } from './report.ts';
import { checkLedger } from './soak-books.ts';
import type { MixJob, MixResult } from './soak-load.ts';
import { startGateway } from './targets.ts';

export type SoakOptions = {
  /** Length of the measured load; some seconds of warming up come before it. */
  seconds: number;
  /** Requests per second, wished for. */
  rate: number;
  /** Share of requests at the vendors that fail. */
  faults: number;
  seed: string;
  /** Only the whole mix, from the first moment on: for the book, not for figures. */
  brief?: boolean;
};

export type Soak = {
  /** Absent from a brief run. */
  alone?: MixResult;
  beside: MixResult;
  /** What must hold at any pace, and what only says something of a long run on a machine that has time for it. */
  ledger: Check[];
  conduct: Check[];
  figures: { rss: [first: number, last: number]; slope: number; cpu: number; before: Probe; after: Probe };
};

/** First header, silence and whole of a text call (ms): longer than the slow provider takes, short enough to see the end of stalls. */
const deadlines = '3000,2000,10000';
/** What must hold: memory that grows, and how much later the fast answer when the slow one is called beside them. */
const bounds = { rssSlope: 8, rssNoise: 60, heapMb: 8, bytesPerRequest: 40, times: 3, orMs: 20 };

/** Runs the real gateway under mixed load in front of vendors that fail, and holds its book against theirs. */
export async function soak(options: SoakOptions, say: (words: string) => void = () => {}): Promise<Soak> {
  if (process.platform !== 'linux') throw new Error('The soak reads /proc: it runs on Linux.');
  const folder = mkdtempSync(join(tmpdir(), 'atelier-soak-'));
  try {
    return await run(options, folder, say);
  } finally {
    await stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run(
  { seconds, rate, faults, seed, brief }: SoakOptions,
  folder: string,
  say: (words: string) => void,
): Promise<Soak> {
  const [{ child: upstream, first }, { child: load }] = await Promise.all([
    startHelper<UpstreamState>('faulty-upstream.ts'),
    startHelper<object>('soak-load.ts'),
  ]);
  const tell = (order: UpstreamOrder) => ask<UpstreamState>(upstream, order);
  const [data, notes, records, probes] = ['data', 'notes', 'records', 'probes'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  const origin = `http://127.0.0.1:${first.port}`;
  const env: Record<string, string> = { ATELIER_DEADLINES_MS: deadlines, SOAK_PROBE: probes };
  for (const [provider, { key, url }] of Object.entries(vendors)) {
    env[key] = 'soak';
    env[url] = `${origin}/${provider}/v1`;
  }
  const flags = ['--expose-gc', '--import', resolve(import.meta.dirname, 'probe.ts')];
  const gateway = await startGateway(origin, data, join(folder, 'cache'), undefined, { env, flags });
  const pid = gateway.child.pid!;
  const mix = (part: string, withSlow: boolean, length: number) => {
    say(`${part}: ${Math.round(length)} s`);
    const { kinds, share } = mixOf(withSlow);
    const job = { kinds, seconds: length, perSecond: rate * share, seed: `${seed} ${part}`, notes };
    return ask<MixResult>(load, { origin: gateway.origin, headers: gateway.headers, ...job } satisfies MixJob);
  };
  const probe = async (): Promise<Probe> => {
    const lines = () => readLines(probes);
    const before = lines().length;
    gateway.child.kill('SIGUSR2');
    while (lines().length === before) await sleep(20);
    return JSON.parse(lines().at(-1)!) as Probe;
  };

  await tell({ faults: { share: faults, seed } });
  if (!brief) await mix('warming up', true, Math.min(15, Math.max(1, seconds / 6)));
  const before = await probe();
  const samples: [minute: number, mb: number][] = [];
  const begun = performance.now();
  const timer = setInterval(() => samples.push([(performance.now() - begun) / 60_000, rssMb(pid)]), 250);
  const cpuBefore = cpuMs(pid);
  const apart = brief ? 0 : Math.min(60, seconds / 3);
  const alone = brief ? undefined : await mix('fast providers alone', false, apart);
  const beside = await mix('with the slow one', true, seconds - apart);
  clearInterval(timer);
  const sent = sentOf(alone) + sentOf(beside);
  const cpu = (cpuMs(pid) - cpuBefore) / sent;
  const after = await probe();

  say('books');
  const open = await stillOpen(tell);
  await tell({ dump: records });
  const ledger = await checkLedger(gateway, data, records, notes);
  await stop(gateway.child);
  const late = samples.slice(Math.floor(samples.length / 3));
  const slope = slopeOf(late);
  const figures = { rss: [late[0]?.[1] ?? 0, late.at(-1)?.[1] ?? 0] as [number, number], slope, cpu, before, after };
  ledger.push({ what: 'calls left open at the vendors', expected: '0', found: String(open), holds: open === 0 });
  const lost = lostOf(alone) + lostOf(beside);
  const words = alone?.firstLost ?? beside.firstLost ?? '';
  ledger.push({
    what: 'callers without an answer',
    expected: '0',
    found: lost ? `${lost} (${words})` : '0',
    holds: lost === 0,
  });
  return { alone, beside, ledger, conduct: conductOf(alone, beside, figures, sent, seconds), figures };
}

function conductOf(
  alone: MixResult | undefined,
  beside: MixResult,
  { slope, before, after }: Soak['figures'],
  sent: number,
  seconds: number,
): Check[] {
  const atMost = (what: string, most: number, found: number, unit: string): Check => ({
    what,
    expected: `at most ${write(most)} ${unit}`,
    found: `${write(found)} ${unit}`,
    holds: found <= most,
  });
  // A heap breathes by some megabytes whatever happens: over a short time that looks like a slope.
  const steepest = bounds.rssSlope + bounds.rssNoise / ((seconds * 2) / 3 / 60);
  const growth = after.heapMb - before.heapMb;
  return [
    atMost('memory (RSS), slope over the last two thirds', steepest, slope, 'MB/min'),
    atMost('heap after collection, growth', bounds.heapMb + (bounds.bytesPerRequest * sent) / 1e6, growth, 'MB'),
    ...(alone
      ? [
          atMost(
            `p99 of the fast providers beside ${slowProvider} at ${slowMs} ms (alone ${write(alone.fast.p99)} ms)`,
            bounds.times * alone.fast.p99 + bounds.orMs,
            beside.fast.p99,
            'ms',
          ),
        ]
      : []),
  ];
}

async function stillOpen(tell: (order: UpstreamOrder) => Promise<UpstreamState>): Promise<number> {
  for (const until = performance.now() + 10_000; ; await sleep(100)) {
    const { open } = await tell({});
    if (open === 0 || performance.now() > until) return open;
  }
}

/** Least squares. */
function slopeOf(points: readonly [number, number][]): number {
  const mean = (place: 0 | 1) => points.reduce((sum, point) => sum + point[place], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const over = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  return over / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
}

const all = (result: MixResult | undefined, figure: (one: MixResult['counts'][string]) => number) =>
  Object.values(result?.counts ?? {}).reduce((sum, one) => sum + figure(one), 0);
const sentOf = (result: MixResult | undefined) => all(result, (one) => one.sent);
const lostOf = (result: MixResult | undefined) => all(result, (one) => one.lost);

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

/** What came of it, for people. */
function writeSoak({ alone, beside, ledger, conduct, figures }: Soak, { rate }: SoakOptions): string {
  const rows = [
    ['beside the slow provider', 'sent', 'answered', 'refused', 'broken', 'left', 'lost', 'p50 ms', 'p99 ms'],
  ];
  for (const [label, one] of Object.entries(beside.counts)) {
    const counts = [one.sent, one.answered, one.refused, one.broken, one.left, one.lost];
    rows.push([label, ...counts.map(String), write(one.p50), write(one.p99)]);
  }
  const { rss, slope, cpu, before, after } = figures;
  const pace = sentOf(beside) / beside.sending;
  const held = beside.shed === 0 && pace > rate * 0.98;
  return [
    ...writeRows(rows, new Set([0])),
    '',
    `pace: ${write(pace)} of ${rate} requests per second${held ? '' : ': THIS MACHINE DOES NOT HOLD IT'}` +
      ` (${(alone?.shed ?? 0) + beside.shed} that were due were not sent: too many were under way)`,
    `refusals: ${Object.entries(beside.refusals)
      .map(([name, times]) => `${name} × ${times}`)
      .join(', ')}`,
    `gateway: ${write(cpu)} ms of processor time per request; RSS ${write(rss[0])} → ${write(rss[1])} MB (${write(slope)} MB/min);` +
      ` heap after collection ${write(before.heapMb)} → ${write(after.heapMb)} MB`,
    `event loop: late by ${write(after.delay50)} ms (p50), ${write(after.delay99)} ms (p99), ${write(after.delayMax)} ms at most`,
    `fast providers, one attempt: p50 ${write(alone?.fast.p50)} → ${write(beside.fast.p50)} ms,` +
      ` p99 ${write(alone?.fast.p99)} → ${write(beside.fast.p99)} ms`,
    '',
    'What must hold:',
    ...writeChecks([...ledger, ...conduct]),
  ].join('\n');
}

const usage = `npm run soak -- [options]
  --seconds 600  length of the measured load
  --rate 500     requests per second that are wished for
  --faults 0.05  share of requests that fail at the vendors
  --seed soak    other faults in another order
  --json         figures for machines`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '600' },
      rate: { type: 'string', default: '500' },
      faults: { type: 'string', default: '0.05' },
      seed: { type: 'string', default: 'soak' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const number = (name: 'seconds' | 'rate' | 'faults', least: number, most: number) => {
    const value = Number(values[name]);
    if (value >= least && value <= most) return value;
    throw new Error(`--${name} is a number from ${least} to ${most}.\n${usage}`);
  };
  const options: SoakOptions = {
    seconds: number('seconds', 2, 86_400),
    rate: number('rate', 1, 20_000),
    faults: number('faults', 0, 0.5),
    seed: values.seed,
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stopAll().finally(() => process.exit(130)));
  }
  const result = await soak(options, (words) => process.stderr.isTTY && console.error(`… ${words}`));
  console.log(values.json ? JSON.stringify({ options, ...result }, null, 2) : writeSoak(result, options));
  process.exitCode = [...result.ledger, ...result.conduct].every((check) => check.holds) ? 0 : 1;
}

if (import.meta.main) await main();
