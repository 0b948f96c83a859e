import { type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { glb, png } from '../media/index.ts';
import { json } from '../requests.ts';
import { createSimulator, type Simulator, type SimulatorContext, type SimulatorOptions } from '../simulator.ts';
import { type Task, Tasks, taskFaultIn } from '../tasks.ts';
import { type Asked, Files, hasBearer, Ids, vendorHandler } from './wire.ts';

type Work = { body: JsonObject; credits: number; path: string | undefined; files: string };

const models = ['v3.1-20260211', 'v3.0-20250812', 'v2.5-20250123', 'P1-20260311'];

/** Tripo's API, version 3: text to a textured model, paid in credits. https://developers.tripo3d.ai/en/docs */
export function tripo(options?: SimulatorOptions): Simulator {
  return createSimulator('tripo', handler, options);
}

function handler(context: SimulatorContext) {
  const files = new Files();
  const ids = new Ids(context);
  const tasks = new Tasks<Work>(context);

  const create = ({ body, files: base, request }: Asked) => {
    const prompt = stringAt(body, 'prompt') ?? '';
    const model = stringAt(body, 'model') ?? '';
    if (prompt === '' || [...prompt].length > 1024)
      return problem(400, 2002, 'The prompt must have 1 to 1024 characters.');
    if (!models.includes(model)) return problem(400, 2002, 'The model is not supported.');
    if (body.model_seed !== undefined && !Number.isInteger(body.model_seed))
      return problem(400, 2002, 'model_seed must be an integer.');
    const fault = taskFaultIn(context, prompt, request);
    const id = ids.next();
    const make = () =>
      fault === 'wrong-type'
        ? png({ width: 8, height: 8, seed: id })
        : glb({ seed: `${prompt}|${body.model_seed ?? ''}` });
    const path = fault === 'empty' ? undefined : `/files/${id}.glb`;
    if (path && fault !== 'expired') files.add(`${id}.glb`, 'model/gltf-binary', make);
    const credits = creditsOf(body, model);
    const charges = [{ meter: 'provider_credits', quantity: credits } as const];
    tasks.create({
      id,
      work: { body, credits, path, files: base },
      model,
      prompt,
      charges,
      request,
    });
    return json({ code: 0, status: 'success', data: { task_id: id } });
  };
  const show = ({ names }: Asked) => {
    const task = tasks.find(names.id ?? '');
    return task
      ? json({ code: 0, status: 'success', data: view(tasks.look(task)) })
      : problem(404, 2001, 'The task was not found.');
  };

  const vendor = {
    refuse: (request: Request) => (hasBearer(request) ? undefined : problem(401, 1002, 'Authentication failed')),
    writeError: (status: number, message: string) => problem(status, status === 429 ? 2000 : 1000, message),
    reset: () => {
      tasks.clear();
      ids.clear();
    },
  };
  return vendorHandler(context, vendor, files, [
    ['POST', '/generation/text-to-model', create],
    ['GET', '/tasks/:id', show],
  ]);
}

function problem(status: number, code: number, message: string): Response {
  return json({ code, status: 'error', message, suggestion: '', request_id: 'simulated' }, status);
}

/** https://docs.tripo3d.ai/get-started/pricing.html */
function creditsOf(body: JsonObject, model: string): number {
  const base = model.startsWith('P1') ? 30 : 10;
  const textured = body.texture !== false || body.pbr === true;
  const detailed = textured && body.texture_quality === 'detailed';
  return base + (textured ? 10 : 0) + (detailed ? 10 : 0) + (body.quad === true ? 5 : 0);
}

const words = { queued: 'queued', running: 'running', succeeded: 'success', failed: 'failed', canceled: 'cancelled' };

function view({ id, state, work, fault, created, ended }: Task<Work>) {
  const filtered = fault === 'filtered';
  return {
    task_id: id,
    type: 'text_to_model',
    status: words[state],
    progress: { queued: 0, running: 45, succeeded: 100, failed: 45, canceled: 45 }[state],
    input: work.body,
    output: state === 'succeeded' && work.path ? { model_url: work.files + work.path } : {},
    ...(state === 'succeeded' ? { credits_consumed: work.credits } : {}),
    created_at: new Date(created).toISOString(),
    ...(ended === undefined ? {} : { completed_at: new Date(ended).toISOString() }),
    ...(state === 'failed'
      ? {
          error_code: filtered ? 2008 : 2015,
          error_message: filtered ? 'The input violates the content policy.' : 'The task failed.',
        }
      : {}),
  };
}
