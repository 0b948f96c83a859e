import type { Dialect, Event, GatewayError } from '../contract/index.ts';
import { writeSse } from '../dialects/sse.ts';

const encoder = new TextEncoder();

/** Events in a dialect's frames, as bytes. */
export async function* writeFrames(dialect: Dialect, events: AsyncIterable<Event>): AsyncGenerator<Uint8Array> {
  for await (const frame of dialect.writeEvents(events)) yield encoder.encode(writeSse(frame));
}

/** An in-band error, in the client's own dialect. */
export function errorFrames(dialect: Dialect, error: GatewayError): AsyncGenerator<Uint8Array> {
  return writeFrames(dialect, one({ type: 'error', error }));
}

async function* one(event: Event): AsyncGenerator<Event> {
  yield event;
}
