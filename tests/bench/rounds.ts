import { type ChatKind, streamEvents } from './answers.ts';
import { median } from './figures.ts';
import type { Measured, Meter } from './measure.ts';
import type { Options } from './options.ts';
import type { Line } from './report.ts';
import type { Started, Target } from './targets.ts';

export type Field = { gateway: Started; bare: Started; direct: Target };

/** Callers of a streamed closed loop. */
const streamConnections = 16;
/** Streams per second of an open loop. */
const streamRate = 50;

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

/** A name for the figures, and what is measured under it. */
type Case = [name: string, target: Target, kind: ChatKind];

async function casesInTurn(
  cases: Case[],
  rounds: number,
  run: (target: Target, kind: ChatKind) => Promise<Measured>,
): Promise<Turn> {
  const turns: Turn = Object.fromEntries(cases.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, target, kind] of cases) turns[name]!.push(await run(target, kind));
  }
  return turns;
}

function spreadOf(values: number[]): { gateway: number; spread: [number, number] } {
  return { gateway: median(values), spread: [Math.min(...values), Math.max(...values)] };
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
  const seconds = options.seconds * 0.4;
  const relay: Case = ['relay', field.bare, 'stream-with-usage'];
  const cases: Case[] = [
    ['straight', field.gateway, 'stream-with-usage'],
    relay,
    ['crossed', field.gateway, 'crossed'],
    ['hidden', field.gateway, 'stream'],
  ];
  await meter.learnCrossed(field.gateway);
  for (const [, target, kind] of cases) await meter.closed(target, kind, Math.min(2, seconds), streamConnections);
  const turns = await casesInTurn(cases, options.rounds, (target, kind) =>
    meter.closed(target, kind, seconds, streamConnections),
  );
  const perEvent: Figure = (one) => (one.cpuMs! * 1000) / streamEvents;
  const perSecond: Figure = (one) => one.answered / one.seconds;
  const line = (name: string, what: string, unit: string, figure: Figure, wanted: Partial<Line> = {}): Line => ({
    ...spreadOf(all(turns, name, figure)),
    what,
    unit,
    bare: middle(turns, 'relay', figure),
    ...wanted,
  });
  const above = (name: string, what: string): Line => {
    const base = all(turns, 'relay', perEvent);
    const more = all(turns, name, perEvent).map((value, round) => value - base[round]!);
    return { ...spreadOf(more), what, unit: 'µs', atMost: 3 };
  };
  const names: [string, string][] = [
    ['straight', 'straight stream, usage asked:'],
    ['hidden', 'straight stream, usage hidden:'],
  ];
  return [
    ...names.flatMap(([name, what]) => [
      line(name, `${what} CPU per event`, 'µs', perEvent),
      above(name, `${what} CPU per event above the relay`),
      line(name, `${what} CPU per stream`, 'ms', (one) => one.cpuMs!, { atMost: 0.45 }),
      line(name, `${what} throughput`, 'streams/s', perSecond),
    ]),
    line('crossed', 'crossed stream: CPU per event', 'µs', perEvent, { atMost: 20 }),
    line('crossed', 'crossed stream: throughput', 'streams/s', perSecond),
  ];
}

/** Streams at a fixed, moderate pace: what the gateway adds until the first byte. */
export async function firstBytes(meter: Meter, field: Field, options: Options): Promise<Line[]> {
  const cases: Case[] = [
    ['direct', field.direct, 'stream-with-usage'],
    ['straight', field.gateway, 'stream-with-usage'],
    ['crossed', field.gateway, 'crossed'],
    ['relay', field.bare, 'stream-with-usage'],
  ];
  const turns = await casesInTurn(cases, options.rounds, (target, kind) =>
    meter.open(target, kind, options.seconds * 0.5, streamRate),
  );
  const added = (name: string, figure: Figure) => {
    const direct = all(turns, 'direct', figure);
    return all(turns, name, figure).map((value, round) => value - direct[round]!);
  };
  const first50: Figure = (one) => one.first50;
  const first99: Figure = (one) => one.first99;
  const line = (name: string, words: string, figure: Figure): Line => ({
    ...spreadOf(added(name, figure)),
    what: `${name} stream, ${streamRate} streams/s: added time to first byte ${words}`,
    unit: 'ms',
    bare: median(added('relay', figure)),
    direct: middle(turns, 'direct', figure),
  });
  return ['straight', 'crossed'].flatMap((name) => [line(name, 'p50', first50), line(name, 'p99', first99)]);
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
