import type { JsonObject } from '../../../src/contract/index.ts';
import { isObject } from '../../../src/contract/index.ts';
import type { SimulatorContext } from '../simulator.ts';
import type { Quirks } from './quirks.ts';

/** What every endpoint works with: the simulator's context, the upstream's ways, and prompts seen before by cache key. */
export type Desk = SimulatorContext & { quirks: Quirks; seen: Map<string, string[]>; stored: Map<string, JsonObject> };

/** A refusal, written in OpenAI's envelope. */
export class WireError extends Error {
  readonly status: number;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;

  constructor(status: number, message: string, details: { type?: string; param?: string; code?: string } = {}) {
    super(message);
    this.status = status;
    this.type = details.type ?? typeOf(status);
    this.param = details.param ?? null;
    this.code = details.code ?? null;
  }

  toResponse(): Response {
    const { message, type, param, code } = this;
    return Response.json({ error: { message, type, param, code } }, { status: this.status });
  }
}

function typeOf(status: number): string {
  if (status === 429) return 'requests';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** A request body with its text, from which ids are made. */
export type Body = { text: string; body: JsonObject };

export async function readJson(request: Request): Promise<Body> {
  const text = await request.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new WireError(
      400,
      'We could not parse the JSON body of your request. (HINT: This likely means you aren’t using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)',
    );
  }
  if (!isObject(body)) throw new WireError(400, 'Invalid type for the request body: expected an object.');
  return { text, body };
}

export function secondsOf(desk: Desk): number {
  return Math.floor(desk.now() / 1000);
}

export function clientOf(request: Request): string | undefined {
  return request.headers.get('x-client-request-id') ?? undefined;
}

/** Fields named `x_…` come back in the answer, so that a gateway's passage of unknown fields can be seen. */
export function echoes(body: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name.startsWith('x_')));
}

/** One server-sent event. `tokens` is the output it delivers: the bill of a stream that is left early. */
export type Frame = { data: unknown; event?: string; tokens?: number };

/**
 * A server-sent event stream, one frame per read. `settle` is called exactly once: with the tokens delivered when the
 * reader leaves early, or with `complete` once the last frame is out.
 */
export function stream(
  desk: Desk,
  request: Request,
  frames: Iterator<Frame>,
  settle: (tokens: number, complete: boolean) => void,
): Response {
  const encoder = new TextEncoder();
  let next = frames.next();
  let tokens = 0;
  let first = true;
  let open = true;
  const leave = () => {
    if (!open) return false;
    open = false;
    settle(tokens, false);
    return true;
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        request.signal.addEventListener('abort', () => {
          if (leave()) controller.error(request.signal.reason);
        });
      },
      async pull(controller) {
        if (!first && desk.paceMs > 0) await desk.sleep(desk.paceMs);
        first = false;
        if (!open || next.done) return;
        const { event, data, tokens: delivered = 0 } = next.value;
        const text = typeof data === 'string' ? data : JSON.stringify(data);
        tokens += delivered;
        controller.enqueue(encoder.encode(`${event ? `event: ${event}\n` : ''}data: ${text}\n\n`));
        next = frames.next();
        if (!next.done) return;
        open = false;
        settle(tokens, true);
        controller.close();
      },
      cancel: () => {
        leave();
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' },
  });
}
