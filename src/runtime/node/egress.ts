// The whole package costs 14 MB more: this is the only part we use.
import Agent from 'undici/lib/dispatcher/agent.js';
import type { Egress } from '../ports.ts';
import { fetchOver } from '../wire.ts';
import { dispatch } from './dispatch.ts';

/**
 * The way out on Node: undici `dispatch` on one tuned agent, 4 to 6 times cheaper than the global fetch.
 * No redirects are followed: what a provider points to is checked first.
 */
export function openEgress(): Egress & { close(): Promise<void> } {
  const agent = new Agent({
    connect: { timeout: 5_000 },
    connections: 2048,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    maxResponseSize: -1,
  });
  return {
    post: (request) => dispatch(agent, 'POST', request),
    fetch: fetchOver((method, request) => dispatch(agent, method, request)),
    // Whoever closes has waited for what mattered: a call that hangs must not hold the process.
    close: () => agent.destroy(),
  };
}
