import { at, type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { jpeg, mp3 } from '../media/index.ts';
import { json } from '../requests.ts';
import { hash32 } from '../seed.ts';
import {
  createSimulator,
  type Simulator,
  type SimulatorContext,
  type SimulatorOptions,
  stableHex,
} from '../simulator.ts';
import { type Task, Tasks, taskFaultIn } from '../tasks.ts';
import { type Asked, Files, Ids, numberOr, vendorHandler } from './wire.ts';

type Work = {
  outputs: { seed: number; path: string }[];
  size: { width: number; height: number };
  files: string;
  contentClass: string;
};

const models = ['image3', 'image3_custom', 'image4_standard', 'image4_ultra', 'image4_custom'];

/**
 * Adobe's token service and Firefly's asynchronous image API, version 3.
 * https://developer.adobe.com/firefly-services/docs/firefly-api/guides/how-tos/using-async-apis
 */
export function firefly(options?: SimulatorOptions): Simulator {
  return createSimulator('firefly', handler, options);
}

function handler(context: SimulatorContext) {
  const files = new Files();
  const ids = new Ids(context);
  const tasks = new Tasks<Work>(context);

  const token = ({ text }: Asked) => {
    const form = new URLSearchParams(text);
    if (form.get('grant_type') !== 'client_credentials') return json({ error: 'unsupported_grant_type' }, 400);
    const id = form.get('client_id');
    if (!id || !form.get('client_secret'))
      return json({ error: 'invalid_client', error_description: 'invalid client_secret parameter' }, 400);
    return json({ access_token: tokenOf(context, id), token_type: 'bearer', expires_in: 86_399 });
  };

  const generate = ({ request, body, api, files: base }: Asked) => {
    const model = request.headers.get('x-model-version') ?? 'image3';
    const fault = check(body, model);
    if (fault) return problem(400, 'validation_error', fault);
    const prompt = stringAt(body, 'prompt') ?? '';
    const directive = taskFaultIn(context, prompt, request);
    const id = `urn:ff:jobs:eso851211:${ids.next()}`;
    const seeds = Array.isArray(body.seeds) ? body.seeds.map(Number) : [];
    const count = directive === 'empty' ? 0 : numberOr(body.numVariations, Math.max(1, seeds.length));
    const size = {
      width: numberOr(at(body, 'size', 'width'), 2048),
      height: numberOr(at(body, 'size', 'height'), 2048),
    };
    const outputs = Array.from({ length: count }, (_, index) => {
      const seed = seeds[index] ?? hash32(`${prompt}|${index}`) % 100_000;
      const make = () =>
        directive === 'wrong-type' ? mp3({ seconds: 1 }) : jpeg({ ...size, seed: `${prompt}|${seed}` });
      const name = `${id.split(':').at(-1)}-${index}.jpg`;
      if (directive !== 'expired') files.add(name, 'image/jpeg', make);
      return { seed, path: `/files/${name}` };
    });
    const contentClass = stringAt(body, 'contentClass') ?? 'photo';
    const charges = [{ meter: 'images', quantity: count } as const];
    tasks.create({
      id,
      work: { outputs, size, files: base, contentClass },
      model,
      prompt,
      charges,
      request,
    });
    return json({ jobId: id, statusUrl: `${api}/v3/status/${id}`, cancelUrl: `${api}/v3/cancel/${id}` }, 202);
  };

  const withTask = (id: string | undefined, use: (task: Task<Work>) => Response) => {
    const task = tasks.find(id ?? '');
    return task ? use(task) : problem(404, 'not_found', 'The job was not found.');
  };
  const cancel = ({ names }: Asked) =>
    withTask(names.id, (task) =>
      tasks.cancel(task) ? new Response(null, { status: 202 }) : problem(409, 'conflict', 'The job has ended.'),
    );

  const vendor = {
    refuse: (request: Request, url: URL) => {
      if (url.pathname.endsWith('/ims/token/v3')) return undefined;
      const id = request.headers.get('x-api-key');
      if (!id) return problem(403, '403000', 'Api Key is required');
      if (request.headers.get('authorization') === `Bearer ${tokenOf(context, id)}`) return undefined;
      return problem(401, '401013', 'Oauth token is not valid');
    },
    writeError: (status: number, message: string) => problem(status, String(status), message),
    reset: () => {
      tasks.clear();
      ids.clear();
    },
  };
  return vendorHandler(context, vendor, files, [
    ['POST', '/ims/token/v3', token],
    ['POST', '/v3/images/generate-async', generate],
    ['GET', '/v3/status/:id', ({ names }) => withTask(names.id, (task) => json(view(tasks.look(task))))],
    ['PUT', '/v3/cancel/:id', cancel],
  ]);
}

function tokenOf(context: SimulatorContext, clientId: string): string {
  return `eyJhbGciOiJSUzI1NiJ9.${stableHex(`${context.seed}|token|${clientId}`)}.simulated`;
}

function problem(status: number, code: string, message: string): Response {
  return json({ error_code: code, message }, status);
}

function check(body: JsonObject, model: string): string | undefined {
  const prompt = stringAt(body, 'prompt');
  if (!models.includes(model)) return `x-model-version ${model} is not supported`;
  if (!prompt || [...prompt].length > 1024) return 'prompt must have 1 to 1024 characters';
  const count = body.numVariations;
  if (count !== undefined && !(Number.isInteger(count) && Number(count) >= 1 && Number(count) <= 4))
    return 'numVariations must be 1 to 4';
  if (Array.isArray(body.seeds) && count !== undefined && body.seeds.length !== count)
    return 'seeds must be as many as numVariations';
  if (body.contentClass !== undefined && body.contentClass !== 'photo' && body.contentClass !== 'art')
    return 'contentClass must be photo or art';
  const [width, height] = [at(body, 'size', 'width'), at(body, 'size', 'height')];
  const wrong =
    body.size !== undefined &&
    ![width, height].every((side) => Number.isInteger(side) && Number(side) >= 512 && Number(side) <= 2880);
  return wrong ? 'size is not supported' : undefined;
}

const words = { queued: 'pending', running: 'running', succeeded: 'succeeded', failed: 'failed', canceled: 'canceled' };

function view({ id, state, work, fault }: Task<Work>) {
  const outputs = work.outputs.map(({ seed, path }) => ({ seed, image: { url: work.files + path } }));
  const filtered = fault === 'filtered';
  return {
    jobId: id,
    status: words[state],
    ...(state === 'running' ? { progress: 50 } : {}),
    ...(state === 'succeeded' ? { result: { size: work.size, outputs, contentClass: work.contentClass } } : {}),
    ...(state === 'failed'
      ? {
          error_code: filtered ? 'prompt_unsafe' : 'internal_error',
          message: filtered ? 'The prompt was found to be unsafe.' : 'Something went wrong.',
        }
      : {}),
  };
}
