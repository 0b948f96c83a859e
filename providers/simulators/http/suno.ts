import { type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { json } from '../requests.ts';
import { createSimulator, type Simulator, type SimulatorContext, type SimulatorOptions } from '../simulator.ts';
import { type Task, Tasks, taskFaultIn } from '../tasks.ts';
import { makeSongs, type Song } from './songs.ts';
import { type Asked, Files, hasBearer, Ids, vendorHandler } from './wire.ts';

type Work = { body: JsonObject; songs: Song[]; files: string };

const models = ['V3_5', 'V4', 'V4_5', 'V4_5PLUS', 'V4_5ALL', 'V5', 'V5_5'];

/** A Suno task API: refusals come with HTTP 200 and their status in `code`. https://docs.sunoapi.org/suno-api/generate-music */
export function suno(options?: SimulatorOptions): Simulator {
  return createSimulator('suno', handler, options);
}

function handler(context: SimulatorContext) {
  const files = new Files();
  const ids = new Ids(context);
  const tasks = new Tasks<Work>(context, (task) => {
    const data = {
      callbackType: 'complete',
      task_id: task.id,
      data: songsOf(task).map((song) => ({ id: song.id, audio_url: song.audioUrl })),
    };
    return {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code: task.state === 'succeeded' ? 200 : 400, msg: '', data }),
    };
  });

  const generate = ({ body, files: base, request }: Asked) => {
    const fault = check(body);
    if (fault) return refusal(400, fault);
    const prompt = `${stringAt(body, 'prompt') ?? ''} ${stringAt(body, 'style') ?? ''}`;
    const id = ids.next().replaceAll('-', '');
    const songs = makeSongs(files, id, prompt, taskFaultIn(context, prompt, request));
    const webhook = stringAt(body, 'callBackUrl') ?? '';
    tasks.create({
      id,
      work: { body, songs, files: base },
      model: stringAt(body, 'model') ?? '',
      prompt,
      charges: [{ meter: 'songs', quantity: songs.length }],
      request,
      ...(new URL(webhook).hostname.endsWith('.invalid') ? {} : { webhook }),
    });
    return json({ code: 200, msg: 'success', data: { taskId: id } });
  };
  const info = ({ url }: Asked) => {
    const task = tasks.find(url.searchParams.get('taskId') ?? '');
    return task
      ? json({ code: 200, msg: 'success', data: view(tasks.look(task)) })
      : refusal(404, 'record is not found');
  };

  const vendor = {
    refuse: (request: Request) =>
      hasBearer(request) ? undefined : json({ code: 401, msg: 'You do not have access permissions' }, 401),
    writeError: (status: number, message: string) => json({ code: status, msg: message, data: null }, status),
    reset: () => {
      tasks.clear();
      ids.clear();
    },
  };
  return vendorHandler(context, vendor, files, [
    ['POST', '/generate', generate],
    ['GET', '/generate/record-info', info],
  ]);
}

function refusal(code: number, msg: string): Response {
  return json({ code, msg, data: null });
}

function check(body: JsonObject): string | undefined {
  const text = (name: string) => (typeof body[name] === 'string' ? body[name] : '');
  if (typeof body.customMode !== 'boolean') return 'customMode is required';
  if (typeof body.instrumental !== 'boolean') return 'instrumental is required';
  if (!models.includes(text('model'))) return 'model is invalid';
  if (!URL.canParse(text('callBackUrl'))) return 'Please enter callBackUrl.';
  if (!body.customMode) return text('prompt') === '' ? 'Please enter prompt.' : undefined;
  if (text('style') === '') return 'Please enter style.';
  if (text('title') === '' || text('title').length > 80) return 'Please enter title.';
  return !body.instrumental && text('prompt') === '' ? 'Please enter prompt.' : undefined;
}

function songsOf({ work, state }: Task<Work>) {
  const shown = state === 'succeeded' ? work.songs : state === 'running' ? work.songs.slice(0, 1) : [];
  return shown.map((song) => ({
    id: song.id,
    audioUrl: state === 'succeeded' ? work.files + song.path : null,
    streamAudioUrl: work.files + song.path,
    prompt: work.body.prompt ?? '',
    modelName: 'chirp-crow',
    title: work.body.title ?? 'Untitled',
    tags: work.body.style ?? '',
    duration: song.seconds,
  }));
}

function view(task: Task<Work>) {
  const filtered = task.fault === 'filtered';
  const failed = task.state === 'failed';
  const words = { queued: 'PENDING', running: 'FIRST_SUCCESS', succeeded: 'SUCCESS', canceled: 'CREATE_TASK_FAILED' };
  return {
    taskId: task.id,
    parentMusicId: '',
    param: JSON.stringify(task.work.body),
    response: { taskId: task.id, sunoData: songsOf(task) },
    status: task.state === 'failed' ? (filtered ? 'SENSITIVE_WORD_ERROR' : 'GENERATE_AUDIO_FAILED') : words[task.state],
    type: 'GENERATE',
    errorCode: failed ? (filtered ? 413 : 531) : null,
    errorMessage: failed && !filtered ? 'Server error, please try again later.' : null,
  };
}
