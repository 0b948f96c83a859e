import dns from 'node:dns';
import { isIP, Socket } from 'node:net';

export type NetworkGuard = {
  /** Hosts that somebody tried to reach since the last check. */
  readonly attempts: readonly string[];
  /** @throws Error naming the hosts that somebody tried to reach; forgets them. */
  check(): void;
  /** Opens the network again. */
  stop(): void;
};

type Connect = (this: Socket, ...given: unknown[]) => Socket;
type Lookup = (host: string, ...given: unknown[]) => unknown;

/**
 * Closes the network of this process but for this machine: every lookup of another host's name, and every socket to another address,
 * fails with `ENETUNREACH` and is remembered, whoever made it (fetch, undici, http, tls). What msw or an injected fetch answers needs
 * neither, and passes.
 * @param allow hosts that may be reached all the same.
 */
export function watchNetwork(allow: readonly string[] = []): NetworkGuard {
  const attempts: string[] = [];
  const free = (host: string) => isHere(host) || allow.includes(host);
  const refusal = (host: string) => {
    attempts.push(host);
    const message = `No real network in this test: ${host} was asked for.`;
    return Object.assign(new Error(message), { code: 'ENETUNREACH', syscall: 'connect' });
  };
  const connect = Socket.prototype.connect as unknown as Connect;
  const lookup = dns.lookup as unknown as Lookup;
  const guardedConnect: Connect = function (...given) {
    const host = hostOf(given);
    // A name is looked up first: that is where it is stopped, after msw has had its chance.
    if (host === undefined || isIP(host) === 0 || free(host)) return connect.apply(this, given);
    const error = refusal(host);
    process.nextTick(() => this.destroy(error));
    return this;
  };
  const guardedLookup: Lookup = (host, ...given) => {
    if (isIP(host) !== 0 || free(host)) return lookup(host, ...given);
    const error = refusal(host);
    const done = given.at(-1) as (thrown: Error) => void;
    process.nextTick(() => done(error));
    return {};
  };
  Socket.prototype.connect = guardedConnect as unknown as Socket['connect'];
  dns.lookup = guardedLookup as unknown as typeof dns.lookup;
  return {
    attempts,
    check() {
      const hosts = [...new Set(attempts.splice(0))];
      if (hosts.length > 0) throw new Error(`The real network was asked for: ${hosts.join(', ')}.`);
    },
    stop() {
      if ((Socket.prototype.connect as unknown) === guardedConnect) {
        Socket.prototype.connect = connect as unknown as Socket['connect'];
      }
      if ((dns.lookup as unknown) === guardedLookup) dns.lookup = lookup as unknown as typeof dns.lookup;
    },
  };
}

/** What connect was given: (options), (port, host) or, inside Node, one list of both forms. Undefined for a local pipe. */
function hostOf(given: unknown[]): string | undefined {
  const [first, second] = Array.isArray(given[0]) ? (given[0] as unknown[]) : given;
  if (typeof first === 'object' && first !== null) {
    const { host, path } = first as { host?: string; path?: string };
    return path && !host ? undefined : (host ?? 'localhost');
  }
  if (typeof first === 'string' && !/^\d+$/.test(first)) return undefined;
  return typeof second === 'string' ? second : 'localhost';
}

function isHere(host: string): boolean {
  return (
    host === 'localhost' || host === '::1' || host === '0.0.0.0' || /^127\./.test(host) || host.endsWith('.localhost')
  );
}
