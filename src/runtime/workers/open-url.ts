import { openUrlOver } from '../open-url.ts';
import type { OpenUrl } from '../ports.ts';
import { carryOver } from '../wire.ts';

const carry = carryOver((input, init) => globalThis.fetch(input as RequestInfo, init));

/**
 * The door to given URLs on Workers: literals and names are checked at every hop, what DNS answers is not for us to see or to pin.
 * Once deployed nothing private is near: a Worker's fetch leaves from Cloudflare's network, which has no route to the operator's own
 * hosts, to loopback or to a metadata service (those would have to be bound to the Worker by name). `wrangler dev` on one's own
 * machine has no such wall: only the checks here.
 */
export const openUrl: OpenUrl = openUrlOver({ guarded: carry, trusted: carry, unpacks: true });
