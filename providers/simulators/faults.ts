import type { Json } from '../../src/contract/index.ts';
import type { SimulatorClock } from './clock.ts';
import { systemClock } from './clock.ts';
import { altered } from './faults/alter.ts';
import { answerOf, page } from './faults/answers.ts';
import { isFault } from './faults/list.ts';
import { failedFetch } from './faults/thrown.ts';
import type { SimulatorHandler } from './simulator.ts';
import type { TaskFault } from './tasks.ts';

/** What goes wrong, written `name` or `name:argument`; the names are those of `faults/list.ts`. */
export type Fault = { name: string; argument?: string; retryAfter?: string };

export type FaultPlan = {
  /** How many requests meet it. Default 1; with `forMs` as many as come. */
  times?: number;
  /** Only requests that name this model. */
  model?: string;
  /** Only paths with this part. */
  path?: string;
  /** Default POST: what costs money. `any` for every method. */
  method?: string;
  /** Milliseconds of the simulator's clock during which it holds, from now on. */
  forMs?: number;
};

type Planned = { fault: Fault; left: number; plan: FaultPlan; until?: number };

/** What `pick` found: the fault, and the request without the words that chose it. */
export type Picked = { fault?: Fault; request: Request };

/** In a prompt: it passes through a gateway. */
const directive = /\[\[fault:([^\]\s]+)\]\]/;
/** At a model's name, in a body or, percent-encoded, in a path. */
const suffix = /#fault=([\w.:-]+)/;
const suffixInPath = /(?:#|%23)fault(?:=|%3D)([\w.%-]+)/i;

export class Faults {
  private readonly queue: Planned[] = [];
  private readonly clock: SimulatorClock;
  private readonly provider: string;
  /** How the jobs end that these requests make. */
  readonly jobs = new WeakMap<Request, TaskFault>();
  enabled: boolean;

  constructor(enabled: boolean, provider = '', clock: SimulatorClock = systemClock()) {
    this.enabled = enabled;
    this.provider = provider;
    this.clock = clock;
  }

  /** The next `times` requests (naming `model`, if given) meet this fault. */
  push(fault: string | Fault, times = 1, model?: string): void {
    this.plan(fault, { times, ...(model ? { model } : {}) });
  }

  /** @throws Error where there is no such fault. */
  plan(fault: string | Fault, plan: FaultPlan = {}): void {
    const parsed = typeof fault === 'string' ? parseFault(fault) : fault;
    if (!isFault(parsed.name)) throw new Error(`There is no fault called "${parsed.name}".`);
    const planned: Planned = {
      fault: parsed,
      left: plan.times ?? (plan.forMs === undefined ? 1 : Number.POSITIVE_INFINITY),
      plan,
    };
    if (plan.forMs !== undefined) planned.until = this.clock.now() + plan.forMs;
    this.queue.push(planned);
  }

  clear(): void {
    this.queue.length = 0;
  }

  /** By plan, else by directive `[[fault:status:429]]` anywhere in the body, else by `#fault=status:429` at the model's name. */
  async pick(request: Request): Promise<Picked> {
    if (!this.enabled) return { request };
    const text = request.method === 'POST' ? await request.clone().text() : '';
    const planned = this.queue.find((entry) => this.holds(entry, request, text));
    const inPath = suffixInPath.exec(request.url)?.[1];
    const chosen = suffix.exec(text)?.[1] ?? (inPath && decodeURIComponent(inPath));
    const bare = chosen ? await without(request, text) : request;
    if (planned) {
      planned.left--;
      return { fault: planned.fault, request: bare };
    }
    const named = directive.exec(text)?.[1] ?? chosen;
    return named ? { fault: parseFault(named), request: bare } : { request: bare };
  }

  async apply(fault: Fault, request: Request, handler: SimulatorHandler): Promise<Response> {
    const { signal } = request;
    const { argument } = fault;
    const own = answerOf(fault, { provider: this.provider, now: this.clock.now, writeError: handler.writeError });
    if (own) return own;
    const wait = (ms: number) => (Number.isFinite(ms) ? this.clock.sleep(ms, signal) : forever(signal));
    const work = async () => {
      await (await handler.handle(request)).arrayBuffer();
    };
    const number = (otherwise: number) => Number(argument ?? otherwise);
    switch (fault.name) {
      case 'dns':
      case 'refused':
      case 'connect-timeout':
      case 'tls':
      case 'fin':
      case 'huge-header':
      case 'many-headers':
        throw failedFetch(fault.name, argument);
      case 'billed-500':
        await work();
        return handler.writeError(500, 'Simulated failure after the work was done.');
      case 'billed':
        await work();
        return handler.writeError(number(500), 'Simulated failure after the work was done.');
      case 'billed-edge':
        await work();
        return page(number(504));
      case 'billed-reset':
        await work();
        throw failedFetch(fault.name);
      case 'slow':
        await wait(number(100));
        return handler.handle(request);
      case 'late': {
        const answer = await handler.handle(request);
        await wait(number(300));
        return answer;
      }
      case 'stall':
        await wait(number(Number.POSITIVE_INFINITY));
        return handler.handle(request);
      case 'error-200': {
        const error = handler.writeError(500, 'Simulated error inside a 200.');
        return new Response(error.body, { status: 200, headers: error.headers });
      }
      case 'job':
        this.jobs.set(request, argument as TaskFault);
        return handler.handle(request);
    }
    if (fault.name === 'reset' && argument === undefined) throw failedFetch(fault.name);
    if (!isFault(fault.name)) return handler.writeError(400, `Unknown fault "${fault.name}".`);
    const errorBody = async () => (await handler.writeError(500, 'Simulated error in the stream.').json()) as Json;
    const answer = await handler.handle(request);
    return (await altered(fault, answer, { request, wait, errorBody })) ?? answer;
  }

  private holds({ left, plan, until }: Planned, request: Request, text: string): boolean {
    const method = plan.method ?? 'POST';
    if (left <= 0 || (until !== undefined && this.clock.now() >= until)) return false;
    if (method !== 'any' && request.method !== method) return false;
    if (plan.path && !request.url.includes(plan.path)) return false;
    return !plan.model || (request.url + text).includes(plan.model);
  }
}

export function parseFault(text: string): Fault {
  const colon = text.indexOf(':');
  return colon < 0 ? { name: text } : { name: text.slice(0, colon), argument: text.slice(colon + 1) };
}

function forever(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** The request without the suffix at its model's name, its other bytes untouched. */
async function without(request: Request, text: string): Promise<Request> {
  const { method, headers, signal } = request;
  const bytes = new Uint8Array(await request.clone().arrayBuffer());
  const url = request.url.replace(suffixInPath, '');
  if (method === 'GET' || method === 'HEAD') return new Request(url, { method, headers, signal });
  const mark = new TextEncoder().encode(suffix.exec(text)?.[0] ?? '');
  const start = mark.length === 0 ? -1 : placeOf(mark, bytes);
  const body = new Uint8Array(bytes.length - (start < 0 ? 0 : mark.length));
  body.set(bytes.subarray(0, start < 0 ? bytes.length : start));
  if (start >= 0) body.set(bytes.subarray(start + mark.length), start);
  const bare = new Headers(headers);
  bare.delete('content-length');
  return new Request(url, { method, headers: bare, signal, body });
}

function placeOf(mark: Uint8Array, bytes: Uint8Array): number {
  for (let start = bytes.indexOf(mark[0] as number); start >= 0; start = bytes.indexOf(mark[0] as number, start + 1)) {
    if (mark.every((byte, index) => bytes[start + index] === byte)) return start;
  }
  return -1;
}
