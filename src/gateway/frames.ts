import type { Dialect, Event, GatewayError, SseFrame } from '../contract/index.ts';
import { writeSse } from '../dialects/sse.ts';

const encoder = new TextEncoder();

/** Frames as bytes on the wire. */
export async function* encodeFrames(frames: AsyncIterable<SseFrame>): AsyncGenerator<Uint8Array> {
  for await (const frame of frames) yield encoder.encode(writeSse(frame));
}

/** An in-band error, in the client's own dialect. */
export function errorFrames(dialect: Dialect, error: GatewayError): AsyncGenerator<Uint8Array> {
  return encodeFrames(dialect.writeEvents(one({ type: 'error', error })));
}

async function* one(event: Event): AsyncGenerator<Event> {
  yield event;
}
