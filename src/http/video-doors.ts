import type { Context } from 'hono';
import type { GenerationRecord } from '../books/index.ts';
import { GatewayError, stringAt } from '../contract/index.ts';
import { forgetGeneration } from '../gateway/forget.ts';
import { type Caller, newTrace, type Trace } from '../gateway/gateway.ts';
import { aboutOf, webhookOf } from './about.ts';
import { errorAnswer, jsonAnswer, traceHeaders } from './answer.ts';
import { sendAsset } from './asset-door.ts';
import { startMedia } from './generation-wait.ts';
import { chooseModel, type Doors } from './generations.ts';
import { readVideoBody, readVideoRequest, type VideoBody } from './video-request.ts';
import { filmOf, generationIdOf, traceOf, videoId, viewVideo } from './video-view.ts';

/** Seconds that a private cache may keep a film. */
const cacheTime = 3600;

/** `POST /v1/videos`: begins a video with any model that makes some; it is a durable job, read by polling. */
export function createVideo(doors: Doors) {
  return async function answerVideo(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const caller = await doors.authenticator.caller(c);
      const video = await readVideoBody(c);
      const { asked } = chooseModel(doors.gateway, { ...video.body, modality: 'video' });
      return await beginVideo(doors, c, caller, trace, asked, video);
    } catch (thrown) {
      return errorAnswer(thrown, trace);
    }
  };
}

/** Begins a video and answers at once. @param source the video that it is made from, by its name. */
export async function beginVideo(
  doors: Doors,
  c: Context,
  caller: Caller,
  trace: Trace,
  asked: string,
  video: VideoBody,
  source?: string,
): Promise<Response> {
  const { gateway } = doors;
  // Refuse a wrong model before any input is fetched.
  gateway.directory.resolve(asked, 'video');
  const { request, record } = await readVideoRequest(gateway, caller, video);
  const begun = await startMedia(doors, c, {
    caller,
    trace,
    asked,
    request,
    record: source === undefined ? record : { ...record, remixed_from: source },
    about: await aboutOf(c, caller, video.body),
    webhook: webhookOf(gateway, c, video.body),
    strict: c.req.header('x-atelier-strict') === 'true',
  });
  const kept = await findVideo(caller, begun.attempt.generationId);
  return jsonAnswer(c, viewVideo(kept), 200, traceHeaders(trace));
}

/** Writes the answer of an earlier request once more, from the book. */
export async function retellVideo(c: Context, caller: Caller, id: string): Promise<Response> {
  const record = await findVideo(caller, id);
  return jsonAnswer(c, viewVideo(record), 200, { ...traceHeaders(traceOf(record)), 'idempotent-replayed': 'true' });
}

/** `GET /v1/videos/{id}`; after the end the headers say what it cost. */
export function readVideo({ authenticator }: Doors) {
  return async function answerVideo(c: Context): Promise<Response> {
    try {
      const record = await findVideo(await authenticator.caller(c), c.req.param('id') ?? '');
      return jsonAnswer(c, viewVideo(record), 200, traceHeaders(traceOf(record)));
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `GET /v1/videos/{id}/content`: the film from our own store, whole or a range of it. */
export function readVideoContent({ gateway, authenticator }: Doors) {
  return async function answerContent(c: Context): Promise<Response> {
    try {
      const caller = await authenticator.caller(c);
      const record = await findVideo(caller, c.req.param('id') ?? '');
      const variant = c.req.query('variant') ?? 'video';
      if (variant !== 'video') {
        throw new GatewayError('unsupported_parameter', {
          message: `Only the film itself is kept, so there is no variant "${variant}": ask for "video".`,
          param: 'variant',
          facts: { variants: ['video'] },
        });
      }
      const film = filmOf(record);
      if (!film) throw notReady(record);
      const row = await caller.book.asset(stringAt(film, 'asset') ?? '');
      const headers = traceHeaders(traceOf(record));
      const answer = row && (await sendAsset(gateway, c, row, { asFile: false, maxAge: cacheTime, headers }));
      if (!answer) throw new GatewayError('not_found', 'The film is not kept any more.');
      return answer;
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `GET /v1/videos?limit=&after=&order=`: videos of this key, newest first unless `order=asc`. */
export function listVideos({ authenticator }: Doors) {
  return async function answerVideos(c: Context): Promise<Response> {
    try {
      const caller = await authenticator.caller(c);
      const limit = Number(c.req.query('limit') ?? 20);
      if (!Number.isInteger(limit) || limit < 0 || limit > 100) {
        throw new GatewayError('invalid_request', {
          message: 'limit is a whole number from 0 to 100.',
          param: 'limit',
        });
      }
      const order = c.req.query('order') ?? 'desc';
      if (order !== 'asc' && order !== 'desc') {
        throw new GatewayError('invalid_request', { message: 'order is asc or desc.', param: 'order' });
      }
      const after = c.req.query('after');
      const page = await caller.book.listGenerations({
        limit,
        keyId: caller.keyId,
        modality: 'video',
        oldestFirst: order === 'asc',
        ...(after ? { after: generationIdOf(after) } : {}),
      });
      const data = page.data.map(viewVideo);
      const [first, last] = [page.data[0], page.data.at(-1)].map((record) => (record ? videoId(record.id) : null));
      return jsonAnswer(c, {
        object: 'list',
        data,
        first_id: first ?? null,
        last_id: last ?? null,
        has_more: page.hasMore,
      });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `DELETE /v1/videos/{id}`: forgets an ended video and its film for good. What it cost stays in the books. */
export function removeVideo({ gateway, authenticator }: Doors) {
  return async function answerRemoved(c: Context): Promise<Response> {
    try {
      const caller = await authenticator.caller(c);
      const record = await findVideo(caller, c.req.param('id') ?? '');
      if (record.completedAt === undefined) {
        throw new GatewayError('invalid_request', {
          message: `This video is still being made. POST /v1/generations/${record.id}/cancel ends it first.`,
          status: 409,
        });
      }
      await forgetGeneration(gateway, caller, record);
      return jsonAnswer(c, { id: videoId(record.id), object: 'video.deleted', deleted: true });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** A video of this key, by either of its names. What is another key's looks like what does not exist. */
export async function findVideo(caller: Caller, name: string): Promise<GenerationRecord> {
  const record = await caller.book.generation(generationIdOf(name), caller.keyId);
  if (record?.modality === 'video') return record;
  throw new GatewayError('not_found', { message: `No video is called "${name}".`, param: 'video_id' });
}

/** Why a video has no film. */
export function notReady({ status }: GenerationRecord): GatewayError {
  const running = status === 'queued' || status === 'in_progress';
  return new GatewayError('invalid_request', {
    message: running
      ? `The video is not ready yet: it is ${status}. GET /v1/videos/{id} says when it is.`
      : 'The video was not made, so it has no content.',
    param: 'video_id',
    status: 409,
  });
}
