import type { ChildProcess } from 'node:child_process';
import { answerBytes, type ChatKind, chatFrames, chatRequest, pathOf, streamEvents } from './answers.ts';
import { sleep } from './figures.ts';
import type { Held, LoadJob, LoadResult } from './load.ts';
import { ask, cpuMs, rssMb } from './processes.ts';
import { callOnce, type Target } from './targets.ts';

/** One stretch of load as seen from both ends. `cpuMs` is per request; both it and `rssMb` are missing for unmeasured processes. */
export type Measured = LoadResult & { cpuMs?: number; rssMb?: number; rssEndMb?: number };

/** Answers that a target gave so far, and what went wrong. */
export type Tally = { answered: number; wrong: number; failed: number; firstFailure?: string };

const most = 5_000_000;

/** Bytes of a right answer. The gateway asks for usage where the caller did not, and hides it again. */
function expectedBytes(kind: ChatKind, target: Target): number {
  if (kind === 'chat') return answerBytes;
  const hides = kind === 'stream' && target.name === 'gateway';
  const frames = chatFrames(hides || kind === 'stream-with-usage');
  if (hides) frames.splice(frames.length - 2, 1);
  return Buffer.byteLength(frames.join(''));
}

/** The measuring side: one load process, and a tally of every target's answers. */
export class Meter {
  readonly tallies = new Map<string, Tally>();
  private readonly load: ChildProcess;
  private crossedBytes = 0;

  constructor(load: ChildProcess) {
    this.load = load;
  }

  /** `connections` callers, each sending its next request when it has its answer. */
  closed(target: Target, kind: ChatKind, seconds: number, connections: number): Promise<Measured> {
    return this.run(target, kind, { ...this.jobOf(target, kind, seconds), kind: 'closed', connections });
  }

  /** A fixed pace, whatever the answers do. */
  open(target: Target, kind: ChatKind, seconds: number, perSecond: number): Promise<Measured> {
    return this.run(target, kind, { ...this.jobOf(target, kind, seconds), kind: 'open', perSecond });
  }

  /** Reads one crossed stream with care: every later one must have its length. */
  async learnCrossed(gateway: Target): Promise<void> {
    const body = await callOnce(gateway, 'crossed');
    const deltas = [...body.matchAll(/"type":"text_delta","text":"(w\d+ )"/g)].map((match) => match[1]).join('');
    const wanted = Array.from({ length: streamEvents }, (_, index) => `w${index} `).join('');
    if (deltas !== wanted || !body.includes('event: message_stop'))
      throw new Error(`The crossed stream is not what the upstream said: ${body.slice(-1000)}`);
    this.crossedBytes = Buffer.byteLength(body);
    this.tallyOf(gateway).answered++;
  }

  /** Opens streams that stay silent after their first event, until `release`. */
  hold(target: Target, kind: ChatKind, count: number): Promise<Held> {
    const { origin, headers } = target;
    const body = chatRequest(kind, target.model, true);
    return ask<Held>(this.load, { kind: 'hold', origin, path: pathOf(kind), headers, body, count });
  }

  release(): Promise<object> {
    return ask(this.load, { kind: 'release' });
  }

  tallyOf(target: Target): Tally {
    const tally = this.tallies.get(target.name) ?? { answered: 0, wrong: 0, failed: 0 };
    this.tallies.set(target.name, tally);
    return tally;
  }

  private async run(target: Target, kind: ChatKind, job: LoadJob): Promise<Measured> {
    const pid = target.child?.pid;
    let highest = 0;
    const sample = () => {
      if (pid !== undefined) highest = Math.max(highest, rssMb(pid));
    };
    const timer = setInterval(sample, 250);
    const before = pid === undefined ? 0 : cpuMs(pid);
    const result = await ask<LoadResult>(this.load, job).finally(() => clearInterval(timer));
    // What is left to do for these requests is theirs too.
    await sleep(30);
    const tally = this.tallyOf(target);
    tally.answered += result.answered;
    tally.wrong += result.wrong;
    tally.failed += result.failed;
    tally.firstFailure ??= result.firstFailure && `${kind}: ${result.firstFailure}`;
    if (pid === undefined) return result;
    sample();
    return { ...result, cpuMs: (cpuMs(pid) - before) / result.sent, rssMb: highest, rssEndMb: rssMb(pid) };
  }

  private jobOf(target: Target, kind: ChatKind, seconds: number) {
    const { origin, headers } = target;
    return {
      origin,
      path: pathOf(kind),
      headers,
      body: chatRequest(kind, target.model),
      expectedBytes: kind === 'crossed' ? this.crossedBytes : expectedBytes(kind, target),
      seconds,
      most,
    };
  }
}
