import { isObject, type JsonObject, stringAt } from '../../src/contract/index.ts';
import { checkInput, creditsOf, type Fault, models } from './bfl/models.ts';
import { isRatio, megapixelsOf, readPicture, sizeOf } from './bfl/pictures.ts';
import { jpeg, png, webp } from './media/index.ts';
import { loopback, parse } from './requests.ts';
import { serve } from './serve.ts';
import {
  createSimulator,
  type Simulator,
  type SimulatorContext,
  type SimulatorHandler,
  type SimulatorOptions,
  uuidOf,
} from './simulator.ts';
import { type Task, Tasks } from './tasks.ts';

type Work = {
  width: number;
  height: number;
  format: string;
  seed: number;
  prompt: string;
  /** Where its picture is fetched from. */
  delivery: string;
  made: string;
};

/** Links to results are signed for ten minutes. */
const lifeMs = 600_000;

/**
 * Black Forest Labs' API: a task is Pending until its second look; the global host answers with the address of a region.
 * `[[filtered]]` ends as Content Moderated. https://docs.bfl.ai
 */
export function bfl(options?: SimulatorOptions): Simulator {
  return createSimulator('bfl', handler, options);
}

function handler(context: SimulatorContext): SimulatorHandler {
  const view = (task: Task<Work>): JsonObject => {
    const { id, state, fault, work } = task;
    const bare = { id, result: null, progress: null, details: null, preview: null };
    if (task.ended === undefined) return { ...bare, status: 'Pending', progress: state === 'running' ? 0.5 : 0 };
    if (fault === 'filtered') {
      return { ...bare, status: 'Content Moderated', details: { 'Moderation Reasons': ['Safety Filter'] } };
    }
    if (state !== 'succeeded') return { ...bare, status: 'Error', details: { error: 'Simulated failure.' } };
    if (fault === 'empty') return { ...bare, status: 'Ready' };
    const [start, end] = [task.created / 1000, task.ended / 1000];
    const sample = `${work.delivery}/${work.format === 'jpeg' ? 'sample.jpg' : `sample.${work.format}`}?se=${task.ended + lifeMs}&sig=${id}`;
    const told = { prompt: work.prompt, seed: work.seed, start_time: start, end_time: end, duration: end - start };
    return { ...bare, status: 'Ready', progress: 1, result: { sample, ...told } };
  };

  const tasks = new Tasks<Work>(context, (task) => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(view(task)),
  }));
  const seen = new Map<string, number>();

  const newId = (material: string): string => {
    const times = seen.get(material) ?? 0;
    seen.set(material, times + 1);
    return uuidOf(context.idFor('', material, String(times)));
  };

  const create = async (request: Request, name: string, base: string): Promise<Response> => {
    const model = models[name];
    if (!model) return refuse(404, 'Not Found');
    const input = parse(await request.text());
    if (!isObject(input)) {
      return invalid([{ loc: ['body'], msg: 'Input should be a valid dictionary', type: 'model_attributes_type' }]);
    }
    const faults = checkInput(model, input);
    const ratio = stringAt(input, 'aspect_ratio');
    if (ratio !== undefined && !isRatio(ratio)) {
      faults.push({
        loc: ['body', 'aspect_ratio'],
        msg: 'Value error, the ratio must be within 21:9 and 9:21',
        type: 'value_error',
      });
    }
    const given = picturesIn(input, faults);
    if (faults.length > 0) return invalid(faults);

    const [width, height] = sizeOf(model, name, input, given);
    const inputMegapixels = given.reduce((sum, size) => sum + megapixelsOf(size), 0);
    const [input_mp, output_mp] = [Math.round(inputMegapixels * 100) / 100, megapixelsOf([width, height])];
    const cost = creditsOf(model, input_mp, output_mp);
    const id = newId(`${name}|${JSON.stringify(input)}`);
    const prompt = stringAt(input, 'prompt') ?? '';
    const webhook = stringAt(input, 'webhook_url');
    const origin = loopback(request) ? base : context.publicUrl;
    tasks.create({
      id,
      work: {
        width,
        height,
        format: stringAt(input, 'output_format') ?? model.format,
        seed: typeof input.seed === 'number' ? input.seed : 42,
        prompt,
        delivery: `${origin}/results/${id}`,
        made: `${context.seed}|${name}|${input.seed ?? ''}|${prompt}`,
      },
      model: name,
      prompt,
      charges: [{ meter: 'provider_credits', quantity: cost, dims: { unit: 'credit' } }],
      request,
      ...(webhook ? { webhook } : {}),
    });
    const figures = { cost, input_mp, output_mp };
    if (webhook) return Response.json({ id, status: 'Pending', webhook_url: webhook, ...figures });
    const region = base.replace(/^https:\/\/api\.bfl\.(ai|ml)$/, 'https://api.us1.bfl.$1');
    return Response.json({ id, polling_url: `${region}/v1/get_result?id=${id}`, ...figures });
  };

  const look = (id: string): Response => {
    const task = tasks.find(id);
    if (!task) return Response.json({ id, status: 'Task not found', result: null });
    return Response.json(view(tasks.look(task)));
  };

  const deliver = (request: Request, id: string): Response => {
    const task = tasks.find(id);
    const gone = task?.state !== 'succeeded' || task.fault === 'expired' || task.ended === undefined;
    if (gone || context.now() >= task.ended! + lifeMs)
      return refuse(403, 'Signature not valid in the specified time frame');
    if (task.fault === 'wrong-type')
      return serve(request, new TextEncoder().encode('This is no picture.'), 'text/plain');
    const { width, height, format, made } = task.work;
    const make = { png, webp }[format] ?? jpeg;
    return serve(request, make({ width, height, seed: made }), `image/${format}`);
  };

  return {
    handle: async (request) => {
      const url = new URL(request.url);
      const [, prefix = '', path = ''] = /^(.*?)(\/(?:v1|results)\/.*)$/.exec(url.pathname) ?? [];
      const picture = /^\/results\/([^/]+)\/sample\.\w+$/.exec(path);
      if (picture && (request.method === 'GET' || request.method === 'HEAD')) return deliver(request, picture[1] ?? '');
      if (!(request.headers.get('x-key') ?? '').trim())
        return refuse(403, 'Not authenticated - Invalid Authentication');
      const [, name = ''] = /^\/v1\/([\w.-]+)$/.exec(path) ?? [];
      if (request.method === 'GET') {
        if (name === 'credits') return Response.json({ credits: 1000 });
        const id = url.searchParams.get('id');
        if (name !== 'get_result') return refuse(404, 'Not Found');
        return id ? look(id) : invalid([{ loc: ['query', 'id'], msg: 'Field required', type: 'missing' }]);
      }
      if (request.method !== 'POST') return refuse(405, 'Method Not Allowed');
      return create(request, name, `${url.origin}${prefix}`);
    },
    writeError: (status, message) => refuse(status, message),
    reset: () => {
      tasks.clear();
      seen.clear();
    },
  };
}

/** Sizes of the pictures in an input, faults for what is none. A mask is no picture of its own. */
function picturesIn(input: JsonObject, faults: Fault[]): [number, number][] {
  return Object.entries(input).flatMap(([name, value]) => {
    if (!/^(input_image(_\d)?|image_prompt|image|mask)$/.test(name) || typeof value !== 'string') return [];
    const size = readPicture(value);
    if (!size) faults.push({ loc: ['body', name], msg: 'Value error, invalid image', type: 'value_error' });
    return size && name !== 'mask' ? [size] : [];
  });
}

function invalid(detail: Fault[]): Response {
  return Response.json({ detail }, { status: 422 });
}

function refuse(status: number, detail: string): Response {
  return Response.json({ detail }, { status });
}
