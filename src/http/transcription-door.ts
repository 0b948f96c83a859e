import type { Context } from 'hono';
import type { Dialect, JsonObject } from '../contract/index.ts';
import { type Caller, newTrace, type Trace } from '../gateway/gateway.ts';
import { aboutOf } from './about.ts';
import { errorAnswer, traceHeaders } from './answer.ts';
import { errorFrame, eventFrame } from './event-frames.ts';
import type { Doors } from './generations.ts';
import { readModel, renamed, start, type Watched } from './media-door.ts';
import { readForm } from './media-form.ts';
import { recall } from './media-retell.ts';
import { transcriptUsage } from './media-usage.ts';
import { opened } from './opened.ts';
import { transcriptOf } from './transcription-read.ts';
import {
  readTranscriptionRequest,
  readWriting,
  transcriptionNames,
  transcriptionTypes,
} from './transcription-request.ts';
import { asideOf, spokenSegments, type Writing, writeTranscript } from './transcription-write.ts';

/** `POST /v1/audio/transcriptions` and, `translating`, `/v1/audio/translations`: OpenAI's form, any transcribing model behind it. */
export function transcriptionDoor(doors: Doors, dialect: Dialect, translating: boolean) {
  const { gateway } = doors;
  return async function answerTranscript(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const caller = await doors.authenticator.caller(c);
      const { body, files } = await readForm(c, transcriptionTypes);
      const asked = readModel(gateway, c, body, 'transcription');
      const writing = readWriting(asked, body, translating);
      const file = files.get('file')?.[0];
      const { request, record } = await readTranscriptionRequest(gateway, caller, trace, asked, body, file, writing);
      const about = await aboutOf(c, caller, body);
      const call = { caller, trace, asked: asked.name, request, record, about, strict: asked.strict };
      const stream = body.stream === true && !translating;
      const watched = await start(doors, c, call, stream);
      return await answer(doors, c, dialect, caller, trace, writing, stream, watched);
    } catch (thrown) {
      return errorAnswer(renamed(thrown, transcriptionNames), trace, dialect);
    }
  };
}

/** Writes the answer of an earlier request once more, from the book. */
export function retellTranscript(doors: Doors, dialect: Dialect, translating: boolean) {
  return async function answerTranscript(c: Context, caller: Caller, id: string): Promise<Response> {
    const trace = newTrace();
    try {
      const { body } = await readForm(c, transcriptionTypes);
      const writing = readWriting(readModel(doors.gateway, c, body, 'transcription'), body, translating);
      const end = Promise.resolve(await recall(caller, id, trace));
      const stream = body.stream === true && !translating;
      const told = await answer(doors, c, dialect, caller, trace, writing, stream, { end });
      told.headers.set('idempotent-replayed', 'true');
      return told;
    } catch (thrown) {
      return errorAnswer(renamed(thrown, transcriptionNames), trace, dialect);
    }
  };
}

async function answer(
  doors: Doors,
  c: Context,
  dialect: Dialect,
  caller: Caller,
  trace: Trace,
  writing: Writing,
  stream: boolean,
  { end, progress }: Pick<Watched, 'end'> & Partial<Watched>,
): Promise<Response> {
  const { gateway } = doors;
  if (!stream) {
    const record = await end;
    const { body, type } = writeTranscript(await transcriptOf(gateway, caller, record), record, writing);
    return new Response(body, { headers: { 'content-type': type, ...traceHeaders(trace) } });
  }
  /** Words as they are heard; the whole at once where the provider shows nothing before the end. */
  async function* events() {
    let shown = false;
    for await (const { partial } of progress?.() ?? []) {
      if (partial?.type !== 'text' || partial.text === '') continue;
      shown = true;
      yield eventFrame({ type: 'transcript.text.delta', delta: partial.text });
    }
    const record = await end;
    const transcript = await transcriptOf(gateway, caller, record);
    const { text } = transcript;
    if (writing.format === 'diarized_json') {
      for (const segment of spokenSegments(transcript, writing.own)) yield eventFrame(segment);
    } else if (!shown) yield eventFrame({ type: 'transcript.text.delta', delta: text });
    const usage = transcriptUsage(record);
    const billed: JsonObject = usage?.type === 'tokens' ? { usage } : {};
    yield eventFrame({ type: 'transcript.text.done', text, ...asideOf(transcript), ...billed });
  }
  const fault = (thrown: unknown) => errorFrame(renamed(thrown, transcriptionNames), dialect, trace.generation ?? '');
  const frames = await opened(events(), fault);
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', ...traceHeaders(trace) };
  return new Response(doors.lifetimeOf(c).relay(frames), { headers });
}
