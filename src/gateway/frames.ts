import type { Dialect, Event, GatewayError, SseFrame } from '../contract/index.ts';
import { writeSse } from '../dialects/sse.ts';

const encoder = new TextEncoder();

/** Frames as bytes on the wire. `notes` go out as comments before the next frame, and are taken from the list. */
export async function* encodeFrames(frames: AsyncIterable<SseFrame>, notes: string[] = []): AsyncGenerator<Uint8Array> {
  for await (const frame of frames) {
    for (const note of notes.splice(0)) yield encoder.encode(`: ${note.replace(/\s+/g, ' ')}\n\n`);
    yield encoder.encode(writeSse(frame));
  }
}

/** An in-band error, in the client's own dialect. */
export function errorFrames(dialect: Dialect, error: GatewayError): AsyncGenerator<Uint8Array> {
  return encodeFrames(dialect.writeEvents(one({ type: 'error', error })));
}

async function* one(event: Event): AsyncGenerator<Event> {
  yield event;
}
