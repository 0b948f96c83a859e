import type { SimulatorHandler } from './simulator.ts';

/**
 * What goes wrong, written `name` or `name:argument`:
 * `status:429` an error answer in the vendor's envelope · `garbage` an HTML page with 200 · `empty` 200 with no body · `half-json` a body cut in the middle ·
 * `cut:3` a stream that ends cleanly after 3 events · `reset:3` the connection dies after 3 events · `reset` dies before headers ·
 * `billed-500` the work is done and billed, the answer is 500 · `slow:200` milliseconds before the answer · `stall` never answers until aborted.
 */
export type Fault = { name: string; argument?: string; retryAfter?: string };

export class Faults {
  private readonly queue: { fault: Fault; left: number; model?: string }[] = [];
  enabled: boolean;

  constructor(enabled: boolean) {
    this.enabled = enabled;
  }

  /** The next `times` requests (naming `model`, if given) meet this fault. */
  push(fault: string | Fault, times = 1, model?: string): void {
    this.queue.push({ fault: typeof fault === 'string' ? parseFault(fault) : fault, left: times, model });
  }

  clear(): void {
    this.queue.length = 0;
  }

  /** By control, else by directive: `[[fault:status:429]]` anywhere in the body (so that it passes through a gateway). */
  async pick(request: Request): Promise<Fault | undefined> {
    if (!this.enabled || request.method !== 'POST') return undefined;
    const text = await request.clone().text();
    const planned = this.queue.find(
      (entry) => entry.left > 0 && (!entry.model || (request.url + text).includes(entry.model)),
    );
    if (planned) {
      planned.left--;
      return planned.fault;
    }
    const directive = /\[\[fault:([a-z0-9:-]+)\]\]/.exec(text);
    return directive?.[1] ? parseFault(directive[1]) : undefined;
  }

  async apply(fault: Fault, request: Request, handler: SimulatorHandler): Promise<Response> {
    switch (fault.name) {
      case 'status': {
        const status = Number(fault.argument ?? 500);
        const response = handler.writeError(status, `Simulated ${status}.`);
        if (status === 429 || status === 503) response.headers.set('retry-after', fault.retryAfter ?? '1');
        return response;
      }
      case 'garbage':
        return new Response('<!doctype html><title>Bad gateway</title>', { headers: { 'content-type': 'text/html' } });
      case 'empty':
        return new Response(null, { status: 200, headers: { 'content-type': 'application/json' } });
      case 'half-json': {
        const whole = await (await handler.handle(request)).text();
        return new Response(whole.slice(0, whole.length >> 1), { headers: { 'content-type': 'application/json' } });
      }
      case 'billed-500':
        await (await handler.handle(request)).arrayBuffer();
        return handler.writeError(500, 'Simulated failure after the work was done.');
      case 'slow':
        await new Promise((resolve) => setTimeout(resolve, Number(fault.argument ?? 100)));
        return handler.handle(request);
      case 'stall':
        return new Promise((_, reject) =>
          request.signal.addEventListener('abort', () => reject(request.signal.reason), { once: true }),
        );
      case 'reset':
        if (fault.argument === undefined) throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } });
        return shorten(await handler.handle(request), Number(fault.argument), true);
      case 'cut':
        return shorten(await handler.handle(request), Number(fault.argument ?? 1), false);
      default:
        return handler.writeError(400, `Unknown fault "${fault.name}".`);
    }
  }
}

export function parseFault(text: string): Fault {
  const colon = text.indexOf(':');
  return colon < 0 ? { name: text } : { name: text.slice(0, colon), argument: text.slice(colon + 1) };
}

/** Passes the first `events` server-sent events, then ends or breaks. The source is canceled, as by a dead socket. */
function shorten(response: Response, events: number, breaks: boolean): Response {
  const reader = response.body
    ?.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
    .getReader();
  const encoder = new TextEncoder();
  let seen = 0;
  let kept = '';
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      while (seen < events) {
        const end = kept.indexOf('\n\n');
        if (end >= 0) {
          controller.enqueue(encoder.encode(kept.slice(0, end + 2)));
          kept = kept.slice(end + 2);
          seen++;
          return;
        }
        const chunk = await reader?.read();
        if (!chunk || chunk.done) return controller.close();
        kept += chunk.value;
      }
      await reader?.cancel();
      if (breaks) controller.error(new TypeError('terminated'));
      else controller.close();
    },
    cancel: (reason) => reader?.cancel(reason),
  });
  return new Response(body, response);
}
