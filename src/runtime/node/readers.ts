import type { Server, ServerResponse } from 'node:http';

/** Answers under way. */
export type Readers = { readonly count: number; stop(): void };

/**
 * Ends connections whose reader takes nothing any more although something waits for it: the provider is paused meanwhile, and its call,
 * its hold and its socket would stay open for ever.
 * @param patience milliseconds without a byte taken.
 */
export function watchReaders(server: Server, patience: number): Readers {
  const open = new Map<ServerResponse, { mark: number; since: number }>();
  server.on('request', (_, response: ServerResponse) => {
    open.set(response, { mark: 0, since: 0 });
    response.once('close', () => open.delete(response));
  });
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [response, seen] of open) {
      const { socket, writableLength } = response;
      // What was written in all and what of it still waits: one of them changes while anything moves.
      const mark = writableLength === 0 ? 0 : (socket?.bytesWritten ?? 0) * 1_048_576 + writableLength;
      if (mark === 0 || mark !== seen.mark) Object.assign(seen, { mark, since: now });
      else if (now - seen.since >= patience) socket?.destroy();
    }
  }, patience / 4).unref();
  return {
    get count() {
      return open.size;
    },
    stop: () => clearInterval(timer),
  };
}
