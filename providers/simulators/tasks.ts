import type { Fetch } from '../../src/contract/index.ts';
import type { BilledCall, Charge } from './bill.ts';
import type { SimulatorContext } from './simulator.ts';

export type TaskState = 'queued' | 'running' | 'succeeded' | 'failed' | 'canceled';

/**
 * How a task is made to end, by `[[name]]` in its prompt where faults are allowed:
 * `fail` the model breaks · `filtered` the vendor's content policy refuses what was made · `empty` success without output ·
 * `wrong-type` an output that is another kind of file · `slow` five looks more · `expired` the output's address is dead ·
 * `webhook-lost`, `webhook-twice`, `webhook-early` (sent before the end), `webhook-late`, `webhook-forged` (a stranger's, before the true one).
 */
export const taskFaults = [
  'fail',
  'filtered',
  'empty',
  'wrong-type',
  'slow',
  'expired',
  'webhook-lost',
  'webhook-twice',
  'webhook-early',
  'webhook-late',
  'webhook-forged',
] as const;
export type TaskFault = (typeof taskFaults)[number];

export type Task<W> = {
  id: string;
  work: W;
  state: TaskState;
  /** Milliseconds since 1970. */
  created: number;
  started?: number;
  ended?: number;
  fault?: TaskFault;
  billed: BilledCall;
  webhook?: string;
  /** Looks until it ends. */
  looks: number;
};

export type NewTask<W> = {
  id: string;
  work: W;
  model: string;
  /** Searched for a directive. */
  prompt: string;
  /** What the vendor bills for the whole work. */
  charges: Charge[];
  /** What it bills when the work fails, is filtered or is canceled while it runs. Default nothing. */
  chargesFailed?: Charge[];
  /** What asked for it: the caller's x-client-request-id is billed, and a planned fault may belong to it. */
  request: Request;
  webhook?: string;
};

/** Milliseconds until a task with a webhook ends by itself. */
const ownPace = 25;
/** How much later than its end a late webhook comes. */
const late = 1_000;

/** How the work of a request is to end, where faults are allowed: as planned, else by the directive in its prompt. */
export function taskFaultIn(
  context: Pick<SimulatorContext, 'faults' | 'jobFault'>,
  prompt: string,
  request: Request,
): TaskFault | undefined {
  if (!context.faults) return undefined;
  const planned = context.jobFault?.(request);
  if (planned) return planned;
  return taskFaults.find((fault) => prompt.includes(`[[${fault}]]`));
}

/**
 * The tasks of one asynchronous vendor. A task moves on by being looked at (queued, running, its end), so no clock is needed;
 * one with a webhook also ends by itself and says so.
 */
export class Tasks<W> {
  private readonly tasks = new Map<string, Task<W>>();
  private readonly failed = new Map<string, Charge[]>();
  private readonly context: SimulatorContext;
  private readonly writeWebhook: ((task: Task<W>) => RequestInit | Promise<RequestInit>) | undefined;

  /** @param writeWebhook the vendor's delivery for a task in its present state. */
  constructor(context: SimulatorContext, writeWebhook?: (task: Task<W>) => RequestInit | Promise<RequestInit>) {
    this.context = context;
    this.writeWebhook = writeWebhook;
  }

  /** Starts a task. It is billed at once for all of it, because a task left alone runs to its end. */
  create(asked: NewTask<W>): Task<W> {
    const { id, work, model, request, webhook } = asked;
    const created = this.context.now();
    const fault = taskFaultIn(this.context, asked.prompt, request);
    const fails = fault === 'fail' || fault === 'filtered';
    const charges = fails ? (asked.chargesFailed ?? []) : asked.charges;
    const client = request.headers.get('x-client-request-id');
    const billed = this.context.bill.add({ ...(client ? { client } : {}), id, model, at: created, charges });
    const looks = fault === 'slow' ? 7 : 2;
    const task: Task<W> = { id, work, state: 'queued', created, billed, looks };
    if (fault) task.fault = fault;
    if (webhook) task.webhook = webhook;
    this.tasks.set(id, task);
    this.failed.set(id, asked.chargesFailed ?? []);
    const { deliver } = this.context;
    if (webhook && deliver) void this.context.sleep(ownPace).then(() => this.finishAlone(task, deliver));
    return task;
  }

  find(id: string): Task<W> | undefined {
    return this.tasks.get(id);
  }

  /** Newest first. */
  list(): Task<W>[] {
    return [...this.tasks.values()].reverse();
  }

  /** One look at a task moves it on by one step. */
  look(task: Task<W>): Task<W> {
    if (task.ended !== undefined) return task;
    if (task.state === 'queued') {
      task.state = 'running';
      task.started = this.context.now();
    }
    if (--task.looks <= 0) this.end(task, task.fault === 'fail' || task.fault === 'filtered' ? 'failed' : 'succeeded');
    return task;
  }

  /** Runs a task to its end at once, for vendors that answer when the work is done. */
  finish(task: Task<W>): Task<W> {
    while (task.ended === undefined) this.look(task);
    return task;
  }

  /** False where it had already ended. A queued task costs nothing. */
  cancel(task: Task<W>): boolean {
    if (task.ended !== undefined) return false;
    task.billed.charges = task.state === 'running' ? (this.failed.get(task.id) ?? []) : [];
    this.end(task, 'canceled');
    return true;
  }

  clear(): void {
    this.tasks.clear();
    this.failed.clear();
  }

  private end(task: Task<W>, state: TaskState): void {
    task.state = state;
    task.ended = this.context.now();
  }

  private async finishAlone(task: Task<W>, deliver: Fetch): Promise<void> {
    if (task.fault === 'webhook-lost' || !task.webhook || !this.writeWebhook) return;
    if (task.fault === 'webhook-early') await this.send(task, deliver);
    if (task.fault === 'webhook-forged') await this.send(task, deliver, true);
    this.finish(task);
    if (task.fault === 'webhook-late') await this.context.sleep(late);
    await this.send(task, deliver);
    if (task.fault === 'webhook-twice') await this.send(task, deliver);
  }

  private async send(task: Task<W>, deliver: Fetch, forged = false): Promise<void> {
    const init = await this.writeWebhook!(task);
    if (forged) init.headers = withoutTruth(new Headers(init.headers));
    // A vendor does not mind a receiver that is gone.
    await deliver(task.webhook!, { method: 'POST', ...init }).then(
      (answer) => answer.body?.cancel(),
      () => {},
    );
  }
}

/** Headers as a stranger would send them: every signature is wrong. */
function withoutTruth(headers: Headers): Headers {
  for (const [name, value] of [...headers]) {
    if (/signature|secret|token/i.test(name)) headers.set(name, value.replace(/[\w+/-]{8,}=*$/, 'Zm9yZ2Vk'));
  }
  return headers;
}
