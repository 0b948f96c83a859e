import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Answers under way. */
export type Readers = { readonly count: number; stop(): void };

/**
 * Ends connections whose reader takes nothing any more although something waits for it: the provider is paused meanwhile, and its call,
 * its hold and its socket would stay open for ever.
 *
 * Follows connections, not answers: a collection that each answer enters and leaves is made anew all the time, and every copy that
 * the garbage collector has put among the old things keeps all that it names from being freed young.
 * @param patience milliseconds without a byte taken.
 */
export function watchReaders(server: Server, patience: number): Readers {
  const open = new Map<Socket, { mark: number; since: number }>();
  let count = 0;
  const left = () => {
    count--;
  };
  server.on('connection', (socket: Socket) => {
    open.set(socket, { mark: 0, since: 0 });
    socket.once('close', () => open.delete(socket));
  });
  server.on('request', (_, response: ServerResponse) => {
    count++;
    response.once('close', left);
  });
  const timer = setInterval(() => {
    const now = performance.now();
    for (const [socket, seen] of open) {
      const { writableLength } = socket;
      // What was written in all and what of it still waits: one of them changes while anything moves.
      const mark = writableLength === 0 ? 0 : socket.bytesWritten * 1_048_576 + writableLength;
      if (mark === 0 || mark !== seen.mark) Object.assign(seen, { mark, since: now });
      else if (now - seen.since >= patience) socket.destroy();
    }
  }, patience / 4).unref();
  return {
    get count() {
      return count;
    },
    stop: () => clearInterval(timer),
  };
}
