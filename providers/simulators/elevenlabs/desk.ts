import type { JsonObject } from '../../../src/contract/index.ts';
import type { BilledCall, Charge } from '../bill.ts';
import type { SimulatorContext } from '../simulator.ts';
import { type TaskFault, taskFaultIn } from '../tasks.ts';
import { WireError } from './wire.ts';

/** One request under way: its id (32 hexadecimal digits) and how a directive in its text wants it to end. */
export type Order = { id: string; client?: string; fault?: TaskFault };

/** What every endpoint works with. */
export class Desk {
  readonly seed: string;
  readonly paceMs: number;
  readonly sleep: SimulatorContext['sleep'];
  private readonly context: SimulatorContext;

  constructor(context: SimulatorContext) {
    this.context = context;
    this.seed = context.seed;
    this.paceMs = context.paceMs;
    this.sleep = context.sleep;
  }

  /**
   * Begins a request whose form is good. Where faults are allowed `[[fail]]` and `[[filtered]]` in its words end it here, unbilled.
   * @param material what the id is made of.
   */
  open(request: Request, material: string, words: string, policy = 'content_against_policy'): Order {
    const id = this.context.idFor('', request.url.replace(/^https?:\/\/[^/]+/, ''), material);
    const fault = taskFaultIn(this.context, words, request);
    if (fault === 'fail') throw new WireError(500, 'An unexpected error occurred.', 'internal_error');
    if (fault === 'filtered') {
      const data: JsonObject = policy === 'bad_prompt' ? { data: { prompt_suggestion: 'A calm piano piece.' } } : {};
      throw new WireError(400, 'The request was refused because it goes against our policies.', policy, data);
    }
    const client = request.headers.get('x-client-request-id') ?? undefined;
    return { id, ...(client ? { client } : {}), ...(fault ? { fault } : {}) };
  }

  charge({ id, client }: Order, model: string, charges: Charge[]): BilledCall {
    return this.context.bill.add({ ...(client ? { client } : {}), id, model, at: this.context.now(), charges });
  }

  deliver({ id }: Order, response: Response): Response {
    response.headers.set('request-id', id);
    response.headers.set('current-concurrent-requests', '1');
    response.headers.set('maximum-concurrent-requests', '15');
    return response;
  }

  /** Credits used so far, for the account's page. */
  get credits(): number {
    const charges = this.context.bill.calls.flatMap((call) => call.charges);
    return charges.reduce((sum, { meter, quantity }) => sum + (meter === 'provider_credits' ? quantity : 0), 0);
  }
}
