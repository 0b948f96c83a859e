import type { Context } from 'hono';
import type { AssetRow, GenerationRecord } from '../books/index.ts';
import { type Dialect, encodeBase64, GatewayError, isObject, type JsonObject, stringAt } from '../contract/index.ts';
import { type Caller, type Gateway, newTrace, type Trace } from '../gateway/gateway.ts';
import { rawAudio } from '../gateway/raw-audio.ts';
import { openStored } from '../gateway/stored.ts';
import { aboutOf } from './about.ts';
import { errorAnswer, traceHeaders } from './answer.ts';
import { errorFrame, eventFrame } from './event-frames.ts';
import type { Doors } from './generations.ts';
import { readModel, renamed, start, type Watched } from './media-door.ts';
import { readForm } from './media-form.ts';
import { recall } from './media-retell.ts';
import { speechUsage } from './media-usage.ts';
import { opened } from './opened.ts';
import { readSpeechRequest, speechNames } from './speech-request.ts';

const types = { numbers: [], booleans: [], files: [] };

/**
 * `POST /v1/audio/speech`: OpenAI's form, any speech model behind it. The sound itself, from the store; with `stream_format: "audio"` as it
 * is made, where the provider shows that; with `"sse"` as events.
 */
export function speechDoor(doors: Doors, dialect: Dialect) {
  const { gateway } = doors;
  return async function answerSpeech(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const caller = await doors.authenticator.caller(c);
      const { body } = await readForm(c, types);
      const asked = readModel(gateway, c, body, 'speech');
      const { request, record } = await readSpeechRequest(gateway, caller, trace, asked, body);
      const about = await aboutOf(c, caller, body);
      const call = { caller, trace, asked: asked.name, request, record, about, strict: asked.strict };
      const watched = await start(doors, c, call, body.stream_format !== undefined);
      return await answer(doors, c, dialect, caller, trace, body, watched);
    } catch (thrown) {
      return errorAnswer(renamed(thrown, speechNames), trace, dialect);
    }
  };
}

/** Writes the answer of an earlier request once more, from the book. */
export function retellSpeech(doors: Doors, dialect: Dialect) {
  return async function answerSpeech(c: Context, caller: Caller, id: string): Promise<Response> {
    const trace = newTrace();
    try {
      const { body } = await readForm(c, types);
      const end = Promise.resolve(await recall(caller, id, trace));
      const told = await answer(doors, c, dialect, caller, trace, body, { end });
      told.headers.set('idempotent-replayed', 'true');
      return told;
    } catch (thrown) {
      return errorAnswer(renamed(thrown, speechNames), trace, dialect);
    }
  };
}

async function answer(
  doors: Doors,
  c: Context,
  dialect: Dialect,
  caller: Caller,
  trace: Trace,
  body: JsonObject,
  watched: Pick<Watched, 'end'> & Partial<Watched>,
): Promise<Response> {
  const { gateway } = doors;
  const { relay } = doors.lifetimeOf(c);
  if (body.stream_format === undefined) {
    const { row, sound } = await soundOf(gateway, caller, await watched.end);
    const headers = { 'content-type': row.mediaType, 'content-length': String(row.bytes), ...traceHeaders(trace) };
    return new Response(sound, { headers });
  }
  let mediaType = '';
  const name = (type: string) => {
    mediaType = type;
  };
  const pieces = piecesOf(gateway, caller, watched, stringAt(body, 'response_format'), name);
  if (body.stream_format === 'audio') {
    // Breaking off is all that tells a reader of bare sound that its end is missing.
    const sound = await opened(pieces);
    return new Response(relay(sound), { headers: { 'content-type': mediaType, ...traceHeaders(trace) } });
  }
  async function* events() {
    for await (const piece of pieces) yield eventFrame({ type: 'speech.audio.delta', audio: encodeBase64(piece) });
    yield eventFrame({ type: 'speech.audio.done', usage: speechUsage(await watched.end) });
  }
  const fault = (thrown: unknown) => errorFrame(renamed(thrown, speechNames), dialect, trace.generation ?? '');
  const frames = await opened(events(), fault);
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', ...traceHeaders(trace) };
  return new Response(relay(frames), { headers });
}

/** The sound as it is made; from the store where its provider shows nothing before the end. @param name told the media type. */
async function* piecesOf(
  gateway: Gateway,
  caller: Caller,
  { end, progress }: Pick<Watched, 'end'> & Partial<Watched>,
  format: string | undefined,
  name: (mediaType: string) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let shown = false;
  for await (const { partial } of progress?.() ?? []) {
    if (partial?.type !== 'asset' || !('bytes' in partial.asset)) continue;
    const { bytes, mediaType } = partial.asset;
    if (!shown) name(rawAudio(mediaType, format)?.mediaType ?? mediaType);
    shown = true;
    yield bytes;
  }
  const record = await end;
  if (shown) return;
  const { row, sound } = await soundOf(gateway, caller, record);
  name(row.mediaType);
  yield* sound as unknown as AsyncIterable<Uint8Array>;
}

async function soundOf(
  gateway: Gateway,
  caller: Caller,
  record: GenerationRecord,
): Promise<{ row: AssetRow; sound: ReadableStream<Uint8Array> }> {
  const output = record.outputs.find((one) => isObject(one) && one.type === 'audio');
  const row = await caller.book.asset(stringAt(output, 'asset') ?? '');
  const stored = row && (await openStored(gateway.assets, row));
  if (!row || !stored) throw new GatewayError('not_found', `The sound of ${record.id} is not kept any more.`);
  return { row, sound: stored.body };
}
