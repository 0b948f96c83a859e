import { type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { glb, png } from '../media/index.ts';
import { json } from '../requests.ts';
import { createSimulator, type Simulator, type SimulatorContext, type SimulatorOptions } from '../simulator.ts';
import { type Task, Tasks, taskFaultIn } from '../tasks.ts';
import { type Asked, Files, hasBearer, Ids, vendorHandler } from './wire.ts';

type Work = { body: JsonObject; type: string; credits: number; path: string | undefined; files: string };

const models = ['meshy-5', 'meshy-6', 'latest'];

/** Meshy's text and image to 3D. What a task took stands in `consumed_credits`; a failed one takes none. https://docs.meshy.ai/api/text-to-3d */
export function meshy(options?: SimulatorOptions): Simulator {
  return createSimulator('meshy', handler, options);
}

function handler(context: SimulatorContext) {
  const files = new Files();
  const ids = new Ids(context);
  const tasks = new Tasks<Work>(context);

  const create = (type: 'text-to-3d-preview' | 'image-to-3d', { body, files: base, request }: Asked) => {
    const wrong = check(type, body);
    if (wrong) return writeError(400, wrong);
    const model = stringAt(body, 'ai_model') ?? 'latest';
    const prompt = stringAt(body, 'prompt') ?? '';
    const fault = taskFaultIn(context, prompt, request);
    const id = ids.next();
    const make = () =>
      fault === 'wrong-type' ? png({ width: 8, height: 8, seed: id }) : glb({ seed: `${prompt}|${id}` });
    const path = fault === 'empty' ? undefined : `/files/${id}.glb`;
    if (path && fault !== 'expired') files.add(`${id}.glb`, 'model/gltf-binary', make);
    const mesh = model === 'meshy-5' ? 5 : 20;
    const credits = type === 'image-to-3d' && body.should_texture !== false ? mesh + 10 : mesh;
    const charges = [{ meter: 'provider_credits', quantity: credits } as const];
    const known = model === 'latest' ? 'meshy-6' : model;
    tasks.create({
      id,
      work: { body, type, credits, path, files: base },
      model: known,
      prompt,
      charges,
      request,
    });
    return json({ result: id }, 202);
  };
  const withTask = (id: string | undefined, use: (task: Task<Work>) => Response) => {
    const task = tasks.find(id ?? '');
    return task ? use(task) : writeError(404, 'Task not found');
  };
  const show = ({ names }: Asked) => withTask(names.id, (task) => json(view(tasks.look(task))));

  const vendor = {
    refuse: (request: Request) => (hasBearer(request) ? undefined : writeError(401, 'Invalid API key')),
    writeError,
    reset: () => {
      tasks.clear();
      ids.clear();
    },
  };
  return vendorHandler(context, vendor, files, [
    ['POST', '/openapi/v2/text-to-3d', (asked) => create('text-to-3d-preview', asked)],
    ['GET', '/openapi/v2/text-to-3d/:id', show],
    ['POST', '/openapi/v1/image-to-3d', (asked) => create('image-to-3d', asked)],
    ['GET', '/openapi/v1/image-to-3d/:id', show],
  ]);
}

function writeError(status: number, message: string): Response {
  return json({ message }, status);
}

function check(type: string, body: JsonObject): string | undefined {
  if (body.ai_model !== undefined && !models.includes(String(body.ai_model))) return 'Invalid values: AiModel';
  if (type === 'image-to-3d')
    return /^(https:\/\/|data:image\/(png|jpe?g);base64,)\S+/.test(stringAt(body, 'image_url') ?? '')
      ? undefined
      : 'Invalid values: ImageURL';
  if (body.mode !== 'preview') return 'Invalid values: Mode';
  const length = [...(stringAt(body, 'prompt') ?? '')].length;
  return length >= 1 && length <= 600 ? undefined : 'Invalid values: Prompt';
}

const words = {
  queued: 'PENDING',
  running: 'IN_PROGRESS',
  succeeded: 'SUCCEEDED',
  failed: 'FAILED',
  canceled: 'CANCELED',
};

function view({ id, state, work, fault, created, started, ended }: Task<Work>) {
  const message =
    fault === 'filtered' ? 'The prompt was refused by moderation.' : 'The server is busy. Please try again later.';
  return {
    id,
    type: work.type,
    status: words[state],
    progress: state === 'succeeded' ? 100 : state === 'running' ? 42 : 0,
    model_urls: state === 'succeeded' && work.path ? { glb: work.files + work.path } : {},
    prompt: work.body.prompt ?? '',
    preceding_tasks: 0,
    consumed_credits: state === 'failed' ? 0 : work.credits,
    created_at: created,
    started_at: started ?? 0,
    finished_at: ended ?? 0,
    task_error: { message: state === 'failed' ? message : '' },
  };
}
