import type { ChatKind } from './answers.ts';
import { median } from './figures.ts';
import type { Measured, Meter } from './measure.ts';
import type { Options } from './options.ts';
import type { Line } from './report.ts';
import type { Started, Target } from './targets.ts';

export type Field = { gateway: Started; bare: Started; direct: Target };

/** Callers of a streamed closed loop. */
const streamConnections = 16;

type Turn = Record<string, Measured[]>;

/** Every target once per round, in turn, so that a noisy moment hits all of them. */
async function inTurn(targets: Target[], rounds: number, run: (target: Target) => Promise<Measured>): Promise<Turn> {
  const turns: Turn = {};
  for (let round = 0; round < rounds; round++) {
    for (const target of targets) {
      const measured = await run(target);
      turns[target.name] ??= [];
      turns[target.name]!.push(measured);
    }
  }
  return turns;
}

type Figure = (measured: Measured) => number;
const all = (turns: Turn, name: string, figure: Figure) => (turns[name] ?? []).map(figure);
const middle = (turns: Turn, name: string, figure: Figure) => median(all(turns, name, figure));

function lineOf(turns: Turn, what: string, unit: string, figure: Figure, wanted: Partial<Line> = {}): Line {
  const values = all(turns, 'gateway', figure);
  const spread: [number, number] = [Math.min(...values), Math.max(...values)];
  return { what, unit, gateway: median(values), bare: middle(turns, 'bare', figure), spread, ...wanted };
}

/** Plain chat at saturation. */
export async function saturation(meter: Meter, field: Field, options: Options): Promise<Line[]> {
  const targets = [field.gateway, field.bare];
  // The compiler needs some ten thousand requests to settle.
  for (const target of targets) await meter.closed(target, 'chat', Math.min(5, options.seconds), options.connections);
  const turns = await inTurn(targets, options.rounds, (target) =>
    meter.closed(target, 'chat', options.seconds, options.connections),
  );
  const at = `chat, ${options.connections} connections:`;
  return [
    lineOf(turns, `${at} CPU per request`, 'ms', (one) => one.cpuMs!, { atMost: 0.13, timesFewer: 3 }),
    lineOf(turns, `${at} throughput`, 'req/s', (one) => one.answered / one.seconds),
    lineOf(turns, `${at} latency p50`, 'ms', (one) => one.p50),
    lineOf(turns, `${at} latency p99`, 'ms', (one) => one.p99),
    lineOf(turns, `${at} highest memory`, 'MB', (one) => one.rssMb!),
  ];
}

/** Plain chat at a fixed pace: what the gateway adds to a direct call. */
export async function pace(meter: Meter, field: Field, options: Options): Promise<Line[]> {
  const seconds = options.seconds * 0.8;
  const turns = await inTurn([field.direct, field.gateway, field.bare], options.rounds, (target) =>
    meter.open(target, 'chat', seconds, options.rate),
  );
  const at = `chat, ${options.rate} req/s:`;
  const added = (what: string, figure: Figure, atMost: number): Line => {
    const direct = all(turns, 'direct', figure);
    const more = (name: string) => all(turns, name, figure).map((value, round) => value - direct[round]!);
    const gateway = more('gateway');
    const spread: [number, number] = [Math.min(...gateway), Math.max(...gateway)];
    return {
      what: `${at} added ${what}`,
      unit: 'ms',
      gateway: median(gateway),
      bare: median(more('bare')),
      spread,
      atMost,
    };
  };
  const p50: Figure = (one) => one.p50;
  const p99: Figure = (one) => one.p99;
  return [
    lineOf(turns, `${at} latency p50`, 'ms', p50, { direct: middle(turns, 'direct', p50) }),
    lineOf(turns, `${at} latency p99`, 'ms', p99, { direct: middle(turns, 'direct', p99) }),
    added('p50', p50, 0.8),
    added('p99', p99, 4),
    lineOf(turns, `${at} CPU per request`, 'ms', (one) => one.cpuMs!),
  ];
}

/** Streams of 200 events sent at once; the bare proxy relays raw bytes. */
export async function streams(meter: Meter, field: Field, options: Options): Promise<Line[]> {
  const seconds = options.seconds * 0.5;
  const lines: Line[] = [];
  const kinds: [ChatKind, string][] = [
    ['stream-with-usage', 'stream of 200 events, usage asked:'],
    ['stream', 'stream of 200 events, usage hidden:'],
  ];
  for (const [kind, what] of kinds) {
    const targets = [field.gateway, field.bare];
    for (const target of targets) await meter.closed(target, kind, Math.min(2, seconds), streamConnections);
    const turns = await inTurn(targets, options.rounds, (target) =>
      meter.closed(target, kind, seconds, streamConnections),
    );
    lines.push(lineOf(turns, `${what} CPU per stream`, 'ms', (one) => one.cpuMs!, { atMost: 0.45 }));
    lines.push(lineOf(turns, `${what} throughput`, 'streams/s', (one) => one.answered / one.seconds));
  }
  return lines;
}

/** A minute of plain chat at saturation, and its memory at the end. */
export async function minute(meter: Meter, field: Field, options: Options): Promise<Line[]> {
  const gateway = await meter.closed(field.gateway, 'chat', 60, options.connections);
  const bare = await meter.closed(field.bare, 'chat', 60, options.connections);
  const what = 'one minute at saturation:';
  return [
    { what: `${what} memory at its end`, unit: 'MB', gateway: gateway.rssEndMb!, bare: bare.rssEndMb, atMost: 200 },
    { what: `${what} highest memory`, unit: 'MB', gateway: gateway.rssMb!, bare: bare.rssMb },
    { what: `${what} CPU per request`, unit: 'ms', gateway: gateway.cpuMs!, bare: bare.cpuMs },
  ];
}
