import type { Context } from 'hono';
import type { Dialect, JsonObject } from '../contract/index.ts';
import { type Caller, newTrace, type Trace } from '../gateway/gateway.ts';
import { aboutOf } from './about.ts';
import { errorAnswer, traceHeaders } from './answer.ts';
import { errorFrame } from './event-frames.ts';
import type { Doors } from './generations.ts';
import { completedFrames, picturesOf, previewFrame, writeImages } from './image-answer.ts';
import { type ImageDoor, imageNames, readImageForm, readImageRequest, wantedOf } from './image-request.ts';
import { readModel, renamed, start, type Watched } from './media-door.ts';
import { recall } from './media-retell.ts';
import { opened } from './opened.ts';

/** `POST /v1/images/generations` and `POST /v1/images/edits`: OpenAI's form, any image model behind it. */
export function imageDoor(doors: Doors, dialect: Dialect, door: ImageDoor) {
  const { gateway } = doors;
  return async function answerImages(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const caller = await doors.authenticator.caller(c);
      const form = await readImageForm(c);
      const { body } = form;
      const asked = readModel(gateway, c, body, 'image');
      const { request, record } = await readImageRequest(gateway, caller, trace, asked, door, form);
      const about = await aboutOf(c, caller, body);
      const call = { caller, trace, asked: asked.name, request, record, about, strict: asked.strict };
      const watched = await start(doors, c, call, body.stream === true);
      return await answer(doors, c, dialect, door, caller, trace, body, watched, record);
    } catch (thrown) {
      return errorAnswer(renamed(thrown, imageNames), trace, dialect);
    }
  };
}

/** Writes the answer of an earlier request once more, from the book. */
export function retellImages(doors: Doors, dialect: Dialect, door: ImageDoor) {
  return async function answerImages(c: Context, caller: Caller, id: string): Promise<Response> {
    const trace = newTrace();
    try {
      const { body } = await readImageForm(c);
      const end = Promise.resolve(await recall(caller, id, trace));
      const told = await answer(doors, c, dialect, door, caller, trace, body, { end });
      told.headers.set('idempotent-replayed', 'true');
      return told;
    } catch (thrown) {
      return errorAnswer(renamed(thrown, imageNames), trace, dialect);
    }
  };
}

async function answer(
  doors: Doors,
  c: Context,
  dialect: Dialect,
  door: ImageDoor,
  caller: Caller,
  trace: Trace,
  body: JsonObject,
  { end, progress }: Pick<Watched, 'end'> & Partial<Watched>,
  request?: JsonObject,
): Promise<Response> {
  const { gateway } = doors;
  const { relay } = doors.lifetimeOf(c);
  const wanted = wantedOf(body);
  if (body.stream === true) {
    async function* events() {
      let count = 0;
      for await (const one of progress?.() ?? []) {
        const frame = previewFrame(door, { request }, one, count, gateway.clock.now());
        if (frame) count++;
        if (frame) yield frame;
      }
      yield* completedFrames(gateway, c, caller, door, await end, wanted);
    }
    const fault = (thrown: unknown) => errorFrame(renamed(thrown, imageNames), dialect, trace.generation ?? '');
    const frames = await opened(events(), fault);
    const headers = { 'content-type': 'text/event-stream; charset=utf-8', ...traceHeaders(trace) };
    return new Response(relay(frames), { headers });
  }
  const record = await end;
  const pictures = await picturesOf(gateway, caller, record);
  const text = writeImages(gateway, c, caller, record, pictures, wanted);
  return new Response(relay(text), { headers: { 'content-type': 'application/json', ...traceHeaders(trace) } });
}
