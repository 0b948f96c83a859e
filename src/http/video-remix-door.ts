import type { Context } from 'hono';
import { GatewayError, isObject, type MediaModality, type MediaPort, type Model, stringAt } from '../contract/index.ts';
import { type Caller, type Gateway, newTrace } from '../gateway/gateway.ts';
import { signerOf } from '../gateway/sign.ts';
import { originOf } from './about.ts';
import { errorAnswer } from './answer.ts';
import type { Doors } from './generations.ts';
import { beginVideo, findVideo, notReady } from './video-doors.ts';
import { readVideoBody, type VideoBody } from './video-request.ts';
import { filmOf, videoId } from './video-view.ts';

/** Milliseconds that the link to a source works: it is opened before this request is over. */
const linkLife = 600_000;

/** `POST /v1/videos/{id}/remix {prompt, model?}`: a new video from a kept one, by its own model or the one named. */
export function remixVideo(doors: Doors) {
  return async function answerRemix(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const caller = await doors.authenticator.caller(c);
      const video = await readVideoBody(c);
      const made = await fromKept(doors.gateway, c, caller, video, c.req.param('id') ?? '');
      return await beginVideo(doors, c, caller, trace, made.asked, made.video, made.source);
    } catch (thrown) {
      return errorAnswer(thrown, trace);
    }
  };
}

/** `POST /v1/videos/edits {prompt, video: {id} | file, model?}`: the same for a kept video or an uploaded one. */
export function editVideo(doors: Doors) {
  return async function answerEdit(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const caller = await doors.authenticator.caller(c);
      const { body, files } = await readVideoBody(c);
      const { video, ...rest } = body;
      const id = stringAt(video, 'id');
      if (!id && !files.video) {
        throw new GatewayError('invalid_request', {
          message: 'video is {id} of a kept one, or a file.',
          param: 'video',
        });
      }
      if (id) {
        const made = await fromKept(doors.gateway, c, caller, { body: rest, files: {} }, id);
        return await beginVideo(doors, c, caller, trace, made.asked, made.video, made.source);
      }
      const asked = stringAt(body, 'model') ?? '';
      checkEditor(doors.gateway, asked);
      return await beginVideo(doors, c, caller, trace, asked, { body: rest, files });
    } catch (thrown) {
      return errorAnswer(thrown, trace);
    }
  };
}

type FromKept = { asked: string; video: VideoBody; source: string };

async function fromKept(
  gateway: Gateway,
  c: Context,
  caller: Caller,
  { body, files }: VideoBody,
  id: string,
): Promise<FromKept> {
  const record = await findVideo(caller, id);
  const asset = stringAt(filmOf(record), 'asset');
  if (!asset) throw notReady(record);
  const last = record.attempts.at(-1);
  const asked = stringAt(body, 'model') ?? (last ? `${last.provider}/${last.model}` : record.model);
  checkEditor(gateway, asked);
  const path = await signerOf(caller.book).sign(asset, gateway.clock.now() + linkLife);
  const url = `${originOf(gateway, c)}${path}`;
  return { asked, video: { body: { ...body, video: url }, files }, source: videoId(record.id) };
}

/** Refuses a model that cannot start from a film, naming those that can. */
function checkEditor(gateway: Gateway, asked: string): void {
  const able = gateway.directory.list().filter((model) => takesFilm(gateway, model));
  const names = able.map((model) => model.id);
  if (asked === '') {
    throw new GatewayError('invalid_request', {
      message: `model is required: one of ${names.join(', ') || 'none configured'}.`,
      param: 'model',
      facts: { models: names },
    });
  }
  const model = gateway.directory.resolve(asked, 'video');
  // What the catalogue does not know is sent as asked.
  if (!gateway.directory.find(asked) || able.includes(model)) return;
  throw new GatewayError('modality_mismatch', {
    message: `${model.id} cannot make a video from a video. Models that can: ${names.join(', ') || 'none configured'}.`,
    param: 'model',
    facts: { models: names },
  });
}

function takesFilm(gateway: Gateway, model: Model): boolean {
  if (model.modality !== 'video' || !model.input?.includes('video')) return false;
  const port = gateway.upstreams.get(model.provider)?.provider.media?.video as MediaPort<MediaModality> | undefined;
  const options = isObject(model.options) ? model.options : {};
  const honoured: readonly string[] | undefined = port?.honours?.({ model: model.upstream, options });
  return port !== undefined && (honoured === undefined || honoured.includes('video'));
}
