import { at, type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { json } from '../requests.ts';
import { createSimulator, type Simulator, type SimulatorContext, type SimulatorOptions } from '../simulator.ts';
import { type Task, Tasks, taskFaultIn } from '../tasks.ts';
import { makeSongs, type Song } from './songs.ts';
import { type Asked, Files, hasBearer, Ids, vendorHandler } from './wire.ts';

type Work = { asked: JsonObject; songs: Song[]; files: string };

/** A Udio task API as relays offer it: `submit/music` takes `gen_params`, `fetch/{id}` tells the state. https://docs.newapi.pro */
export function udio(options?: SimulatorOptions): Simulator {
  return createSimulator('udio', handler, options);
}

function handler(context: SimulatorContext) {
  const files = new Files();
  const ids = new Ids(context);
  const tasks = new Tasks<Work>(context);

  const submit = ({ body, files: base, request }: Asked) => {
    const asked = at(body, 'gen_params') as JsonObject | undefined;
    const prompt = `${stringAt(asked, 'prompt') ?? ''} ${stringAt(asked, 'lyrics') ?? ''}`;
    if (!asked || prompt.trim() === '') return refusal('invalid_request', 'gen_params.prompt is required');
    if (!['user', 'generate', 'instrumental'].includes(stringAt(asked, 'lyrics_type') ?? ''))
      return refusal('invalid_request', 'lyrics_type is invalid');
    if (!/^udio\d+-v[\d.]+$/.test(stringAt(asked, 'model_type') ?? ''))
      return refusal('invalid_request', 'model_type is invalid');
    const id = ids.next();
    const songs = makeSongs(files, id, prompt, taskFaultIn(context, prompt, request));
    const charges = [{ meter: 'songs', quantity: songs.length } as const];
    tasks.create({
      id,
      work: { asked, songs, files: base },
      model: stringAt(asked, 'model_type') ?? '',
      prompt,
      charges,
      request,
    });
    return json({ code: 'success', message: '', data: id });
  };
  const fetchTask = ({ names }: Asked) => {
    const task = tasks.find(names.id ?? '');
    return task
      ? json({ code: 'success', message: '', data: view(tasks.look(task)) })
      : refusal('task_not_exist', 'task_not_exist');
  };

  const vendor = {
    refuse: (request: Request) =>
      hasBearer(request) ? undefined : json({ error: { message: 'No token provided', type: 'new_api_error' } }, 401),
    writeError: (status: number, message: string) => json({ code: 'fail', message, data: null }, status),
    reset: () => {
      tasks.clear();
      ids.clear();
    },
  };
  return vendorHandler(context, vendor, files, [
    ['POST', '/udio/submit/music', submit],
    ['GET', '/udio/fetch/:id', fetchTask],
  ]);
}

function refusal(code: string, message: string): Response {
  return json({ code, message, data: null }, 400);
}

const words = {
  queued: 'QUEUED',
  running: 'IN_PROGRESS',
  succeeded: 'SUCCESS',
  failed: 'FAILURE',
  canceled: 'FAILURE',
};

function view({ id, state, work, fault, created, started, ended }: Task<Work>) {
  const seconds = (ms: number | undefined) => (ms === undefined ? 0 : Math.floor(ms / 1000));
  const songs = state === 'succeeded' ? work.songs : [];
  return {
    task_id: id,
    action: 'udio-generate',
    status: words[state],
    fail_reason:
      state !== 'failed' ? '' : fault === 'filtered' ? 'Moderation: the prompt is not allowed' : 'generation failed',
    submit_time: seconds(created),
    start_time: seconds(started),
    finish_time: seconds(ended),
    progress: { queued: '0%', running: '50%', succeeded: '100%', failed: '100%', canceled: '100%' }[state],
    songs: songs.map((song) => ({
      id: song.id,
      title: 'Untitled',
      prompt: work.asked.prompt ?? '',
      lyrics: work.asked.lyrics ?? '',
      duration: song.seconds,
      finished: true,
      song_path: work.files + song.path,
      error_code: null,
    })),
  };
}
