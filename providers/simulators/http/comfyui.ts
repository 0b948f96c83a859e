import { at, isObject, type Json, type JsonObject, stringAt } from '../../../src/contract/index.ts';
import { mp3, png } from '../media/index.ts';
import { json } from '../requests.ts';
import { createSimulator, type Simulator, type SimulatorContext, type SimulatorOptions } from '../simulator.ts';
import { type Task, Tasks } from '../tasks.ts';
import { type Asked, Files, Ids, numberOr, vendorHandler } from './wire.ts';

type Work = {
  graph: JsonObject;
  number: number;
  saver: string;
  images: { filename: string; subfolder: string; type: string }[];
};

const known = [
  'KSampler',
  'CheckpointLoaderSimple',
  'EmptyLatentImage',
  'CLIPTextEncode',
  'VAEDecode',
  'SaveImage',
  'PreviewImage',
];

/**
 * ComfyUI's API: a graph is queued under `/prompt`, `/history/{id}` is empty until it has run, `/view` serves its pictures.
 * https://docs.comfy.org/development/comfyui-server/comms_routes
 */
export function comfyui(options?: SimulatorOptions): Simulator {
  return createSimulator('comfyui', handler, options);
}

function handler(context: SimulatorContext) {
  const tasks = new Tasks<Work>(context);
  const files = new Files();
  const ids = new Ids(context);

  const queue = ({ body, request }: Asked) => {
    const graph = isObject(body.prompt) ? body.prompt : undefined;
    const refusal = check(graph);
    if (refusal || !graph) return refusal ?? promptError('no_prompt', 'No prompt provided');
    const id = ids.next();
    const [width, height] = [
      numberOr(input(graph, 'EmptyLatentImage', 'width'), 512),
      numberOr(input(graph, 'EmptyLatentImage', 'height'), 512),
    ];
    const texts = nodes(graph, 'CLIPTextEncode')
      .map(([, node]) => stringAt(node, 'inputs', 'text') ?? '')
      .join(' ');
    const seed = String(input(graph, 'KSampler', 'seed') ?? 0);
    const prefix = stringAt(input(graph, 'SaveImage', 'filename_prefix')) ?? 'ComfyUI';
    const count =
      texts.includes('[[empty]]') && context.faults ? 0 : numberOr(input(graph, 'EmptyLatentImage', 'batch_size'), 1);
    const wrong = texts.includes('[[wrong-type]]') && context.faults;
    const images = Array.from({ length: count }, (_, index) => {
      const filename = `${prefix}_${id.slice(0, 8)}_${String(index + 1).padStart(5, '0')}_.png`;
      const make = () => (wrong ? mp3({ seconds: 1 }) : png({ width, height, seed: `${texts}|${seed}|${index}` }));
      if (!(texts.includes('[[expired]]') && context.faults)) files.add(filename, 'image/png', make);
      return { filename, subfolder: '', type: 'output' };
    });
    const model = (stringAt(input(graph, 'CheckpointLoaderSimple', 'ckpt_name')) ?? '').replace(/\.safetensors$/, '');
    const saver = nodes(graph, 'SaveImage')[0]?.[0] ?? '';
    const number = tasks.list().length;
    const charges = [{ meter: 'images', quantity: count } as const];
    tasks.create({
      id,
      work: { graph, number, saver, images },
      model,
      prompt: texts,
      charges,
      request,
    });
    return json({ prompt_id: id, number, node_errors: {} });
  };

  const open = (state: string) =>
    tasks
      .list()
      .filter((task) => task.state === state)
      .map(({ id, work }) => [work.number, id, work.graph, {}, [work.saver]]);
  const remove = ({ body }: Asked) => {
    const names = Array.isArray(body.delete) ? body.delete : [];
    for (const task of tasks.list()) {
      if (task.state === 'queued' && (body.clear === true || names.includes(task.id))) tasks.cancel(task);
    }
    return new Response(null, { status: 200 });
  };
  const interrupt = ({ body }: Asked) => {
    const task = tasks
      .list()
      .find(({ id, state }) => state === 'running' && (body.prompt_id === undefined || body.prompt_id === id));
    if (task) tasks.cancel(task);
    return new Response(null, { status: 200 });
  };
  const view = ({ url, request }: Asked) => {
    const name = url.searchParams.get('filename') ?? '';
    if (name === '' || name.includes('..') || name.startsWith('/')) return new Response(null, { status: 400 });
    const file = files.find(name);
    if (!file || url.searchParams.get('type') === 'temp') return new Response(null, { status: 404 });
    const bytes = request.method === 'HEAD' ? null : (file.make() as Uint8Array<ArrayBuffer>);
    return new Response(bytes, {
      headers: { 'content-type': file.mediaType, 'content-disposition': `filename="${name}"` },
    });
  };

  const vendor = {
    writeError: (status: number, message: string) =>
      json({ error: { type: 'server_error', message, details: '', extra_info: {} }, node_errors: {} }, status),
    reset: () => {
      tasks.clear();
      ids.clear();
    },
  };
  return vendorHandler(context, vendor, files, [
    ['POST', '/prompt', queue],
    [
      'GET',
      '/history/:id',
      ({ names }) => {
        const task = tasks.find(names.id ?? '');
        const seen = task && tasks.look(task);
        return json(seen && seen.ended !== undefined && !vanished(seen) ? { [seen.id]: entry(seen) } : {});
      },
    ],
    ['GET', '/queue', () => json({ queue_running: open('running'), queue_pending: open('queued') })],
    ['POST', '/queue', remove],
    ['POST', '/interrupt', interrupt],
    ['GET', '/view', view],
  ]);
}

/** A prompt taken from the queue before it ran leaves nothing behind. */
function vanished(task: Task<Work>): boolean {
  return task.state === 'canceled' && task.started === undefined;
}

function entry(task: Task<Work>): JsonObject {
  const { work, state, id, ended = 0 } = task;
  const message = (name: string, more: JsonObject = {}): Json => [name, { prompt_id: id, timestamp: ended, ...more }];
  const failure: JsonObject = {
    node_id: '3',
    node_type: 'KSampler',
    exception_type: 'torch.OutOfMemoryError',
    exception_message: 'Allocation on device',
  };
  const last =
    state === 'succeeded'
      ? message('execution_success')
      : state === 'canceled'
        ? message('execution_interrupted')
        : message('execution_error', failure);
  return {
    prompt: [work.number, id, work.graph, {}, [work.saver]],
    outputs: state === 'succeeded' ? { [work.saver]: { images: work.images } } : {},
    status: {
      status_str: state === 'succeeded' ? 'success' : 'error',
      completed: state === 'succeeded',
      messages: [message('execution_start'), last],
    },
    meta: {},
  };
}

function nodes(graph: JsonObject, type: string): [string, Json][] {
  return Object.entries(graph).filter(([, node]) => stringAt(node, 'class_type') === type);
}

function input(graph: JsonObject, type: string, name: string): Json | undefined {
  return at(nodes(graph, type)[0]?.[1], 'inputs', name);
}

function promptError(type: string, message: string, nodeErrors: JsonObject = {}): Response {
  return json({ error: { type, message, details: '', extra_info: {} }, node_errors: nodeErrors }, 400);
}

function check(graph: JsonObject | undefined): Response | undefined {
  if (!graph) return promptError('no_prompt', 'No prompt provided');
  for (const [id, node] of Object.entries(graph)) {
    const type = stringAt(node, 'class_type');
    if (type === undefined || !known.includes(type))
      return promptError('missing_node_type', `Node '${type ?? id}' not found. The custom node may not be installed.`);
    for (const [name, value] of Object.entries(
      isObject(at(node, 'inputs')) ? (at(node, 'inputs') as JsonObject) : {},
    )) {
      const linked = Array.isArray(value) && typeof value[0] === 'string' && graph[value[0]] === undefined;
      const side =
        type === 'EmptyLatentImage' &&
        name !== 'batch_size' &&
        !(Number(value) >= 16 && Number(value) <= 16_384 && Number(value) % 8 === 0);
      if (!linked && !side) continue;
      const errors = [{ type: 'value_not_valid', message: 'Value not valid', details: name, extra_info: {} }];
      return promptError('prompt_outputs_failed_validation', 'Prompt outputs failed validation', {
        [id]: { errors, dependent_outputs: [], class_type: type },
      });
    }
  }
  return nodes(graph, 'SaveImage').length > 0 ? undefined : promptError('prompt_no_outputs', 'Prompt has no outputs');
}
