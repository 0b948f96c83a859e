import type { SimulatorContext } from '../simulator.ts';

/**
 * A byte stream of `parts`, made only as they are read and the context's pace apart. When the client leaves (the body is canceled or
 * `signal` aborts), nothing more is made: what a caller counts while yielding is what was generated.
 */
export function lazyBody(
  parts: Iterator<string>,
  { paceMs, sleep }: Pick<SimulatorContext, 'paceMs' | 'sleep'>,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const leave = () => {
          parts.return?.();
          controller.error(signal.reason);
        };
        if (signal.aborted) leave();
        else signal.addEventListener('abort', leave, { once: true });
      },
      async pull(controller) {
        if (paceMs > 0) await sleep(paceMs);
        if (signal.aborted) return;
        const next = parts.next();
        if (next.done) controller.close();
        else controller.enqueue(encoder.encode(next.value));
      },
      cancel() {
        parts.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
