import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Loaded into the gateway's process (`--expose-gc --import`): on SIGUSR2 it collects garbage and appends a line to the file named by
 * `SOAK_PROBE`: the heap that is left, and how late timers were since the last line.
 */
export type Probe = { heapMb: number; delay50: number; delay99: number; delayMax: number };

const resolution = 5;
const file = process.env.SOAK_PROBE;
const delay = monitorEventLoopDelay({ resolution });
delay.enable();
if (file) {
  process.on('SIGUSR2', () => {
    // Each figure counts the pause between two looks as well.
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution);
    const [delay50, delay99, delayMax] = [delay.percentile(50), delay.percentile(99), delay.max].map(late) as [
      number,
      number,
      number,
    ];
    for (let turn = 0; turn < 2; turn++) globalThis.gc?.();
    const probe: Probe = { heapMb: process.memoryUsage().heapUsed / 1e6, delay50, delay99, delayMax };
    appendFileSync(file, `${JSON.stringify(probe)}\n`);
    delay.reset();
  });
}
