import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Hook = { path: string; body: string; pass(path?: string): Promise<number> };

/**
 * The address under which a gateway is reached by its providers, and at which it asks what they billed. Both can be held up by a test:
 * `hold` takes webhooks away from the gateway, `mute` makes the provider's books unreadable.
 */
export async function openRelay(lookups: string) {
  let target: ((path: string, body: string) => Promise<number>) | undefined;
  const relay = {
    url: '',
    /** Every webhook that came, in order. */
    hooks: [] as Hook[],
    /** Answers for the gateway where a test says so; `pass` hands the delivery on. */
    hold: undefined as ((hook: Hook) => Promise<number> | number) | undefined,
    /** The provider cannot be asked what it did. */
    mute: false,
    /** Requests to anything else: nobody has a reason to come here. */
    strays: [] as string[],
    toward(send: (path: string, body: string) => Promise<number>) {
      target = send;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const path = request.url ?? '';
    if (path.startsWith('/lookup/')) return lookUp(path, response);
    if (!path.startsWith('/webhooks/')) {
      relay.strays.push(path);
      return void response.writeHead(418).end();
    }
    const hook: Hook = { path, body, pass: (other = path) => target?.(other, body) ?? Promise.resolve(502) };
    relay.hooks.push(hook);
    const status = await Promise.resolve(relay.hold ? relay.hold(hook) : hook.pass()).catch(() => 502);
    response.writeHead(status).end();
  });
  async function lookUp(path: string, response: ServerResponse): Promise<void> {
    if (relay.mute) return void response.writeHead(500).end();
    const [, , provider = '', attempt = ''] = path.split('/');
    const url = lookups.replace('{provider}', provider).replace('{attempt}', attempt);
    const answer = await fetch(url);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  relay.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return relay;
}

export type Relay = Awaited<ReturnType<typeof openRelay>>;
