import type { Wake } from '../ports.ts';

/** The alarm of a tenant's own object keeps time. Who waits for an end looks at the book now and then. */
export const alarms: Wake = {
  arm: () => {},
  ended: () => {},
  whenEnded: (_tenant, _generationId, ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
