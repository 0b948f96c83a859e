import { lookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import Agent from 'undici/lib/dispatcher/agent.js';
import { isPrivateHost, UrlError } from '../../contract/index.ts';
import { openUrlOver } from '../open-url.ts';
import type { OpenUrl } from '../ports.ts';
import { dispatch } from './dispatch.ts';

/** What tests put in the place of the network. */
export type UrlDoorOptions = {
  /** Every address of a name. */
  resolve?: (hostname: string) => Promise<{ address: string; family: number }[]>;
  isPrivate?: (address: string) => boolean;
  /** Certificates (PEM) believed beside those that everybody believes. */
  authority?: string;
};

/**
 * The door to given URLs on Node. A name is looked up by the connection itself, and only there: what is checked is what is connected
 * to, so that an answer that changes afterwards changes nothing. A kept connection stays with its origin and its checked address.
 */
export function openUrlDoor(options: UrlDoorOptions = {}): { openUrl: OpenUrl; close(): Promise<void> } {
  const pool = { connections: 32, pipelining: 1, keepAliveTimeout: 5_000, maxResponseSize: -1, allowH2: false };
  const connect = { timeout: 5_000, ...(options.authority ? { ca: options.authority } : {}) };
  const guarded = new Agent({ ...pool, connect: { ...connect, lookup: checkedLookup(options) } });
  const trusted = new Agent({ ...pool, connect });
  return {
    openUrl: openUrlOver({
      guarded: (method, request) => dispatch(guarded, method, request),
      trusted: (method, request) => dispatch(trusted, method, request),
    }),
    close: async () => {
      await Promise.all([guarded.destroy(), trusted.destroy()]);
    },
  };
}

/** All answers must be public: one private address among them is reason enough to stay away. Literals never come here. */
function checkedLookup(options: UrlDoorOptions): LookupFunction {
  const { resolve = (hostname: string) => lookup(hostname, { all: true }), isPrivate = isPrivateHost } = options;
  return (hostname, asked, done) => {
    resolve(hostname).then(
      (found) => {
        const first = found[0];
        if (!first) return done(new UrlError('unreachable', 'It could not be reached.'), '');
        if (found.some((one) => isPrivate(one.address))) {
          return done(new UrlError('refused', 'It is not a public address.'), '');
        }
        if (asked.all) done(null, found);
        else done(null, first.address, first.family);
      },
      (thrown: unknown) => done(new UrlError('unreachable', 'It could not be reached.', thrown), ''),
    );
  };
}
