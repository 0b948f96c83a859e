import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { serve } from '@hono/node-server';

export type Listening = { url: string; close(): Promise<void> };

/** What node has of a request: its connection, and the way the answer takes. */
type OnNode = { incoming: IncomingMessage; outgoing: ServerResponse };

/** Answers on a port of this machine alone, 0 for a free one. `close` cuts what is still open. */
export async function listen(
  answer: (request: Request, node: OnNode) => Response | Promise<Response>,
  port = 0,
): Promise<Listening> {
  const server = await new Promise<Server>((resolve, reject) => {
    const made = serve(
      {
        fetch: (request, env) => answer(request, env as OnNode),
        port,
        hostname: '127.0.0.1',
        overrideGlobalObjects: false,
      },
      () => resolve(made as Server),
    );
    made.once('error', reject);
  });
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
