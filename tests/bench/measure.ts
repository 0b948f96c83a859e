import type { ChildProcess } from 'node:child_process';
import { answerBytes, type ChatKind, chatFrames, chatRequest } from './answers.ts';
import { sleep } from './figures.ts';
import type { LoadJob, LoadResult } from './load.ts';
import { ask, cpuMs, rssMb } from './processes.ts';
import type { Target } from './targets.ts';

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

  constructor(load: ChildProcess) {
    this.load = load;
  }

  /** `connections` callers, each sending its next request when it has its answer. */
  closed(target: Target, kind: ChatKind, seconds: number, connections: number): Promise<Measured> {
    return this.run(target, kind, { ...jobOf(target, kind, seconds), kind: 'closed', connections });
  }

  /** A fixed pace, whatever the answers do. */
  open(target: Target, kind: ChatKind, seconds: number, perSecond: number): Promise<Measured> {
    return this.run(target, kind, { ...jobOf(target, kind, seconds), kind: 'open', perSecond });
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
}

function jobOf(target: Target, kind: ChatKind, seconds: number) {
  const { origin, headers } = target;
  return {
    origin,
    headers,
    body: chatRequest(kind, target.model),
    expectedBytes: expectedBytes(kind, target),
    seconds,
    most,
  };
}
