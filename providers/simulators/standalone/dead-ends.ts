import { createServer, type Server, type Socket } from 'node:net';

/** Addresses at which no provider is, to be used as a base URL. */
export type DeadEnds = {
  /** Nobody listens on this port. */
  refused: string;
  /** Takes connections and never says a word. */
  silent: string;
  /** A name that does not resolve. */
  unresolvable: string;
};

export async function openDeadEnds(): Promise<{ addresses: DeadEnds; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  const gone = createServer();
  const [refusedPort, silentPort] = [await listen(gone), await listen(silent)];
  await new Promise((resolve) => gone.close(resolve));
  return {
    addresses: {
      refused: `http://127.0.0.1:${refusedPort}`,
      silent: `http://127.0.0.1:${silentPort}`,
      unresolvable: 'http://simulator.invalid',
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        silent.close(() => resolve());
      }),
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
