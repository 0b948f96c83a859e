/**
 * Sends at a fixed pace, which never waits for an answer: a slow target meets the same load as a fast one. Resolves when the
 * last that was sent is done.
 */
export function openLoop(perSecond: number, mayGoOn: () => boolean, send: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const begun = performance.now();
    let sent = 0;
    let running = 0;
    let stopped = false;
    const done = () => {
      running--;
      if (stopped && running === 0) resolve();
    };
    const tick = () => {
      const due = ((performance.now() - begun) * perSecond) / 1000;
      while (sent < due && mayGoOn()) {
        sent++;
        running++;
        send(done);
      }
      if (mayGoOn()) setTimeout(tick, Math.max(0, ((sent + 1) * 1000) / perSecond - (performance.now() - begun)));
      else {
        stopped = true;
        if (running === 0) resolve();
      }
    };
    tick();
  });
}
