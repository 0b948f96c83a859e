import type { Egress } from '../ports.ts';
import { egressOver } from '../wire.ts';

/** The way out on Workers: the platform's own fetch. */
export const platformEgress: Egress = egressOver((input, init) => globalThis.fetch(input as RequestInfo, init));
