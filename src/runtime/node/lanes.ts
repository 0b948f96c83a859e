import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answered, Asking, Lane, Lifetime } from '../ports.ts';

/** Bytes of the largest request that is taken in here; a larger one goes through the router, which counts and drains. */
const largest = 1 << 20;

const decoder = new TextDecoder();

/**
 * Answers what it can without a router, a Request and a Response in between, which cost a plain chat as much as its own doors do.
 * @returns whether it has taken the request.
 */
export function openLanes(lanes: ReadonlyMap<string, Lane>, lifetime: Lifetime) {
  return function inLane(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
    const lane = lanes.get(incoming.url ?? '');
    if (!lane || incoming.method !== 'POST') return false;
    const { headers } = incoming;
    const isSmall = Number(headers['content-length']) <= largest;
    if (!isSmall || !lane.takes((name) => headers[name] as string | undefined)) return false;
    lane.answer({ req: new LaneRequest(incoming, outgoing) }, lifetime).then(
      (answer) => send(answer, outgoing),
      () => outgoing.destroy(),
    );
    return true;
  };
}

/** Node's own message as a door reads it. */
class LaneRequest {
  readonly method = 'POST';
  readonly path: string;
  private readonly incoming: IncomingMessage;
  private readonly outgoing: ServerResponse;
  private gone: AbortController | undefined;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.path = incoming.url ?? '';
  }

  header(name: string): string | undefined {
    const value = this.incoming.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  query(): undefined {
    return undefined;
  }

  async text(): Promise<string> {
    return decoder.decode(await this.bytes());
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return new Uint8Array(await this.bytes()).buffer;
  }

  get raw(): Asking['req']['raw'] {
    return { body: null, signal: this.signal() };
  }

  private signal(): AbortSignal {
    if (this.gone) return this.gone.signal;
    const gone = new AbortController();
    this.gone = gone;
    const leave = () => {
      if (!this.outgoing.writableFinished) gone.abort();
    };
    if (this.outgoing.destroyed) leave();
    else this.outgoing.once('close', leave);
    return gone.signal;
  }

  private bytes(): Promise<Uint8Array> {
    const { incoming } = this;
    return new Promise((resolve, reject) => {
      if (incoming.destroyed) return reject(new Error('The client left.'));
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
        // The request stays as long as its answer: a stream that lasts must not hold on to these.
        chunks.length = 0;
      });
      // A client that leaves is an error, too, for those who listen.
      incoming.on('error', reject);
    });
  }
}

function send({ status, headers, body }: Answered, outgoing: ServerResponse): void {
  if (body instanceof ReadableStream) {
    outgoing.writeHead(status, headers);
    outgoing.flushHeaders();
    pour(body, outgoing).catch(() => outgoing.destroy());
    return;
  }
  headers['content-length'] = String(Buffer.byteLength(body));
  outgoing.writeHead(status, headers).end(body);
}

/** Passes a body on at its reader's pace. What a reader that leaves had asked for is ended. */
async function pour(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const leave = () => {
    reader.cancel().catch(() => {});
  };
  if (outgoing.destroyed) return leave();
  outgoing.once('close', leave);
  while (true) {
    const { done, value } = await reader.read();
    if (done) break;
    if (!outgoing.write(value)) await drained(outgoing);
  }
  outgoing.off('close', leave);
  outgoing.end();
}

/** Until there is room again, or nobody left to wait for. */
function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const goOn = () => {
      outgoing.off('drain', goOn);
      outgoing.off('close', goOn);
      resolve();
    };
    outgoing.on('drain', goOn);
    outgoing.on('close', goOn);
  });
}
