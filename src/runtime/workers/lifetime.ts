import type { Context } from 'hono';
import type { Lifetime } from '../ports.ts';

/**
 * Work that outlives its request through waitUntil: 30 seconds at most. A body is pumped by us rather than pulled by the client: when the client
 * leaves, no event tells the stream, but the write fails and the pump still ends the upstream and books the cost.
 */
export function lifetimeOf(c: Context): Lifetime {
  const keep = (work: Promise<unknown>) => c.executionCtx.waitUntil(work);
  return {
    background: keep,
    brief: true,
    relay: (chunks, stop) => {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const writer = writable.getWriter();
      writer.closed.catch(() => stop?.());
      keep(pump(chunks, writer));
      return readable;
    },
  };
}

async function pump(chunks: AsyncIterable<Uint8Array>, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  try {
    // Leaving the loop early ends the source, which books what was delivered.
    for await (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  } catch (thrown) {
    await writer.abort(thrown).catch(() => {});
  }
}
