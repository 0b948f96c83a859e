import type { Job } from './plan.ts';
import { measureOf, type Result } from './run-job.ts';
import type { Paint, Sink } from './terminal.ts';

export type Progress = {
  start(job: Job): void;
  finish(result: Result): void;
  /** Leaves the terminal as it was found. */
  stop(): void;
};

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameEvery = 90;

/**
 * On a terminal: one live line for every running job, with its time, under the lines of the finished ones.
 * Elsewhere: one line when a job is finished.
 */
export function openProgress(sink: Sink, total: number, paint: Paint): Progress {
  let finished = 0;
  const lineOf = (result: Result) => {
    finished += 1;
    const place = `${finished}/${total}`.padStart(String(total).length * 2 + 1);
    const marks = { done: paint('green', '✓'), failed: paint('red', '✗'), skipped: paint('yellow', '-') };
    const seconds = result.latencyMs === undefined ? '' : ` ${(result.latencyMs / 1000).toFixed(2)} s`;
    const outcome = result.state === 'done' ? measureOf(result) : `${result.state}: ${result.note}`;
    return `${paint('dim', place)} ${marks[result.state]} ${titleOf(result.job)} ${outcome}${paint('dim', seconds)}\n`;
  };
  if (!sink.isTTY) return { start: () => {}, finish: (result) => sink.write(lineOf(result)), stop: () => {} };

  const running = new Map<Job, number>();
  let frame = 0;
  let drawn = 0;
  const erase = () => {
    const up = drawn > 0 ? `\x1b[${drawn}A\x1b[J` : '';
    drawn = 0;
    return up;
  };
  const draw = () => {
    const room = Math.max(1, (sink.rows || 24) - 2);
    const width = (sink.columns || 80) - 1;
    const lines = [...running].slice(0, room).map(([job, begun]) => {
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      return `${frames[frame % frames.length]} ${titleOf(job)} ${seconds} s`.slice(0, width);
    });
    drawn = lines.length;
    return lines.map((line) => `${line}\n`).join('');
  };
  sink.write('\x1b[?25l');
  const timer = setInterval(() => {
    frame += 1;
    sink.write(erase() + draw());
  }, frameEvery);
  return {
    start: (job) => {
      running.set(job, performance.now());
      sink.write(erase() + draw());
    },
    finish: (result) => {
      running.delete(result.job);
      sink.write(erase() + lineOf(result) + draw());
    },
    stop: () => {
      clearInterval(timer);
      sink.write(`${erase()}\x1b[?25h`);
    },
  };
}

function titleOf(job: Job): string {
  return `${job.modality.padEnd(13)} ${job.model}${job.stream ? ' (streamed)' : ''}`;
}
