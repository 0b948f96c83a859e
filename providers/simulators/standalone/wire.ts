import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { wireHeader } from '../faults/answers.ts';
import { faultArgument, faultCode } from '../faults/thrown.ts';

/** Milliseconds that bytes already written get to leave before their socket ends. */
const lastWords = 10;
const kilobyte = 1024;

/** What a thrown fault does to the connection before any header was sent. */
export async function failOnWire(thrown: unknown, socket: Socket): Promise<Response> {
  const argument = faultArgument(thrown);
  if (faultCode(thrown) === 'UND_ERR_HEADERS_OVERFLOW') {
    const many = thrown instanceof Error && (thrown.cause as Error | undefined)?.name === 'many-headers';
    return tooManyHeaders(many, Number(argument ?? (many ? 3_000 : 300)));
  }
  await breakOnWire(thrown, socket);
  return new Response(null, { status: 500 });
}

/** What a body that breaks does to the connection. */
export async function breakOnWire(thrown: unknown, socket: Socket): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, lastWords));
  if (socket.destroyed) return;
  const code = faultCode(thrown);
  if (code === 'HPE_INVALID_CHUNK_SIZE') socket.write('nonsense\r\n');
  if (code === 'HPE_INVALID_CHUNK_SIZE' || code === 'UND_ERR_SOCKET') {
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.destroySoon();
    await closed;
    return;
  }
  socket.resetAndDestroy();
}

/** The answer as the wire has it, where fetch has no words for that. */
export async function sendOnWire(answer: Response, outgoing: ServerResponse): Promise<Response> {
  const wire = answer.headers.get(wireHeader);
  if (!wire) return answer;
  const headers = new Headers(answer.headers);
  headers.delete(wireHeader);
  const { status } = answer;
  if (wire === 'gzip' && answer.body) {
    headers.set('content-encoding', 'gzip');
    const packed = answer.body.pipeThrough(
      new CompressionStream('gzip') as unknown as ReadableWritablePair<Uint8Array, Uint8Array>,
    );
    return new Response(packed, { status, headers });
  }
  if (wire === 'bad-gzip') {
    await answer.body?.cancel();
    headers.set('content-encoding', 'gzip');
    return new Response('these bytes were never packed', { status, headers });
  }
  if (wire === 'close') {
    // Neither a length nor chunks: the end of the connection is the end of the body.
    outgoing.useChunkedEncodingByDefault = false;
    outgoing.shouldKeepAlive = false;
    headers.set('connection', 'close');
    outgoing.writeHead(status, Object.fromEntries(headers));
    for await (const chunk of answer.body ?? []) outgoing.write(chunk);
    outgoing.end();
    return RESPONSE_ALREADY_SENT;
  }
  return new Response(answer.body, { status, headers });
}

function tooManyHeaders(many: boolean, size: number): Response {
  const headers = new Headers({ 'content-type': 'application/json' });
  if (many) for (let index = 0; index < size; index++) headers.set(`x-simulated-${index}`, 'x'.repeat(40));
  else headers.set('x-simulated', 'x'.repeat(size * kilobyte));
  return new Response('{}', { headers });
}
