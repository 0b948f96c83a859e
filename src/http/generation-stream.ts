import type { Context } from 'hono';
import { asGatewayError, encodeBase64, type JsonObject, type Progress } from '../contract/index.ts';
import type { MediaCall } from '../gateway/media.ts';
import { viewGeneration } from '../gateway/view.ts';
import { originOf } from './about.ts';
import { errorBody, traceHeaders } from './answer.ts';
import { namedFrame } from './event-frames.ts';
import { startMedia, waitFor } from './generation-wait.ts';
import type { Doors } from './generations.ts';

/** Milliseconds between two looks at a running job, and the longest that a stream is held open. */
const look = 1_000;
const longest = 3_600_000;

/**
 * A media generation as events: `generation.created`, `generation.progress` {fraction}, `generation.partial` (a preview, or the next
 * piece of sound or text), `generation.completed` with the whole generation, or `error`. The work goes on when the reader leaves.
 */
export async function streamGeneration(doors: Doors, c: Context, call: MediaCall): Promise<Response> {
  const { gateway } = doors;
  const { caller, trace } = call;
  const shown: Progress[] = [];
  let tell = () => {};
  const begun = await startMedia(doors, c, call, (progress) => {
    shown.push(progress);
    tell();
  });
  const { generationId } = begun.attempt;

  async function* events(): AsyncGenerator<Uint8Array> {
    yield namedFrame('generation.created', { id: generationId });
    const until = gateway.clock.now() + longest;
    let fraction: number | undefined;
    let over = false;
    const end = waitFor(gateway, caller, begun, longest).then(
      () => undefined,
      (thrown) => asGatewayError(thrown),
    );
    void end.then(() => {
      over = true;
      tell();
    });
    while (!over && gateway.clock.now() < until) {
      for (const progress of shown.splice(0)) yield* framesOf(progress);
      const record = await caller.book.generation(generationId, caller.keyId);
      if (record?.fraction !== undefined && record.fraction !== fraction && !over) {
        fraction = record.fraction;
        yield namedFrame('generation.progress', { fraction });
      }
      if (shown.length === 0 && !over)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, look);
          tell = () => {
            clearTimeout(timer);
            resolve();
          };
        });
    }
    for (const progress of shown.splice(0)) yield* framesOf(progress);
    const error = await end;
    if (error) {
      yield namedFrame('error', errorBody(error, trace));
      return;
    }
    const record = await caller.book.generation(generationId, caller.keyId);
    if (!record) return;
    const generation = await viewGeneration(record, caller.book, originOf(gateway, c), gateway.clock.now());
    yield namedFrame(`generation.${record.status}`, { generation });
  }

  const headers = { 'content-type': 'text/event-stream; charset=utf-8', ...traceHeaders(trace) };
  return c.body(doors.lifetimeOf(c).relay(events()), 200, headers);
}

function* framesOf({ fraction, partial, index }: Progress): Generator<Uint8Array> {
  if (fraction !== undefined) yield namedFrame('generation.progress', { fraction });
  if (!partial) return;
  const place: JsonObject = index === undefined ? {} : { index };
  if (partial.type === 'text') yield namedFrame('generation.partial', { ...place, type: 'text', text: partial.text });
  if (partial.type !== 'asset' || !('bytes' in partial.asset)) return;
  const { mediaType, bytes } = partial.asset;
  yield namedFrame('generation.partial', { ...place, type: 'media', media_type: mediaType, data: encodeBase64(bytes) });
}
