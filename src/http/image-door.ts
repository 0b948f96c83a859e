import type { Context } from 'hono';
import { type Dialect, isObject } from '../contract/index.ts';
import { type Caller, newTrace } from '../gateway/gateway.ts';
import { aboutOf } from './about.ts';
import { errorAnswer, traceHeaders } from './answer.ts';
import type { Doors } from './generations.ts';
import { completedFrames, picturesOf, previewFrame, writeImages } from './image-answer.ts';
import { type ImageDoor, imageNames, readImageForm, readImageRequest, wantedOf } from './image-request.ts';
import { errorFrame, noteWarnings, readModel, renamed, start, type Watched } from './media-door.ts';
import { receiptHeaders } from './media-retell.ts';

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
      const { name, strict } = asked;
      const about = await aboutOf(c, caller, body);
      const stream = body.stream === true;
      const call = { caller, trace, asked: name, request, record, about, strict };
      const watched = await start(doors, c, call, stream);
      const wanted = wantedOf(body);
      if (stream) {
        const events = eventsOf(doors, c, caller, dialect, door, watched, { record, wanted });
        const headers = { 'content-type': 'text/event-stream; charset=utf-8', ...traceHeaders(trace) };
        return new Response(doors.lifetimeOf(c).relay(events), { headers });
      }
      const made = await watched.end;
      const pictures = await picturesOf(gateway, caller, made);
      const text = writeImages(gateway, c, caller, made, pictures, wanted);
      const headers = { 'content-type': 'application/json', ...traceHeaders(trace) };
      return new Response(doors.lifetimeOf(c).relay(text), { headers });
    } catch (thrown) {
      return errorAnswer(renamed(thrown, imageNames), trace, dialect);
    }
  };
}

/** Writes the answer of an earlier request once more, from the book. */
export function retellImages(doors: Doors, dialect: Dialect) {
  const { gateway } = doors;
  return async function answerImages(c: Context, caller: Caller, id: string): Promise<Response> {
    const trace = newTrace();
    try {
      const { body } = await readImageForm(c);
      const record = await receiptHeaders(caller, id, trace);
      noteWarnings(trace, record);
      const pictures = await picturesOf(gateway, caller, record);
      const text = writeImages(gateway, c, caller, record, pictures, wantedOf(body));
      const headers = { 'content-type': 'application/json', 'idempotent-replayed': 'true', ...traceHeaders(trace) };
      return new Response(doors.lifetimeOf(c).relay(text), { headers });
    } catch (thrown) {
      return errorAnswer(renamed(thrown, imageNames), trace, dialect);
    }
  };
}

type Shown = { record: Parameters<typeof previewFrame>[1]['request']; wanted: 'url' | 'b64_json' };

async function* eventsOf(
  doors: Doors,
  c: Context,
  caller: Caller,
  dialect: Dialect,
  door: ImageDoor,
  { begun, progress, end }: Watched,
  { record, wanted }: Shown,
): AsyncGenerator<Uint8Array> {
  const { gateway } = doors;
  let count = 0;
  try {
    for await (const one of progress()) {
      const request = isObject(record) ? record : {};
      const frame = previewFrame(door, { request }, one, count, gateway.clock.now());
      if (!frame) continue;
      count++;
      yield frame;
    }
    yield* completedFrames(gateway, c, caller, door, await end, wanted);
  } catch (thrown) {
    yield errorFrame(renamed(thrown, imageNames), dialect, begun.attempt.generationId);
  }
}
