import { isObject, type JsonObject, stringAt } from '../../src/contract/index.ts';
import { checkGeneration } from './luma/check.ts';
import { type File, type Kind, strangeFile, type Work, workOf } from './luma/work.ts';
import { json, loopback } from './requests.ts';
import { serve } from './serve.ts';
import {
  createSimulator,
  type Simulator,
  type SimulatorContext,
  type SimulatorHandler,
  type SimulatorOptions,
  stableHex,
} from './simulator.ts';
import { type Task, type TaskState, Tasks } from './tasks.ts';

const states: Record<TaskState, string> = {
  queued: 'queued',
  running: 'dreaming',
  succeeded: 'completed',
  failed: 'failed',
  canceled: 'failed',
};
/** How long an output's address lives. */
const lifeMs = 3_600_000;
/** Milliseconds until a generation with a callback says that it has begun; its end comes after. */
const firstWord = 5;

/**
 * Luma's Dream Machine API: generations are `queued` when made, `dreaming` at the first look and ended at the second; one with a
 * callback says both by itself. Deleted ones are gone. Failures are not billed. https://docs.lumalabs.ai/reference
 */
export function luma(options?: SimulatorOptions): Simulator {
  return createSimulator('luma', handler, options);
}

function handler(context: SimulatorContext): SimulatorHandler {
  const writeCallback = (task: Task<Work>): RequestInit => ({
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(view(task)),
  });
  const tasks = new Tasks<Work>(context, writeCallback);
  const deleted = new Set<string>();
  let made = 0;

  const fileOf = (task: Task<Work>): File =>
    task.fault === 'wrong-type' ? strangeFile(task.work.kind, task.id) : task.work.file;
  const sign = (id: string, expires: number) => stableHex(`${context.seed}|${id}|${expires}`);

  const view = (task: Task<Work>): JsonObject => {
    const { kind, request, base } = task.work;
    const assets: JsonObject = {};
    if (task.state === 'succeeded' && task.fault !== 'empty') {
      const expires = Math.floor((context.now() + (task.fault === 'expired' ? -1000 : lifeMs)) / 1000);
      assets[kind] =
        `${base}/cdn/${task.id}/${fileOf(task).name}?Expires=${expires}&Signature=${sign(task.id, expires)}`;
    }
    const reason =
      task.fault === 'filtered' ? '400: Prompt not allowed because advanced moderation failed' : 'Job failed';
    return {
      id: task.id,
      generation_type: kind,
      state: states[task.state],
      ...(task.state === 'failed' ? { failure_reason: reason } : {}),
      created_at: new Date(task.created).toISOString(),
      assets,
      model: request.model ?? null,
      request,
    };
  };

  const create = async (request: Request, kind: Kind, base: string): Promise<Response> => {
    const body: unknown = await request.json().catch(() => undefined);
    if (!isObject(body)) return problem(400, 'The request body is not a JSON object');
    const wrong = checkGeneration(kind, body);
    if (wrong) return problem(400, wrong);
    const id = uuid(context.idFor('', kind, JSON.stringify(body), String(made++)));
    const work = workOf(kind, { generation_type: kind, ...body }, id, base);
    const webhook = stringAt(body, 'callback_url');
    const task = tasks.create({
      id,
      work,
      model: String(body.model),
      prompt: stringAt(body, 'prompt') ?? '',
      charges: work.charges,
      request,
      webhook,
    });
    if (webhook && task.fault !== 'webhook-lost') void context.sleep(firstWord).then(() => tellBegun(task, webhook));
    if (body.sync === true) tasks.finish(task);
    return json(view(task), 201);
  };

  const tellBegun = async (task: Task<Work>, webhook: string): Promise<void> => {
    if (!context.deliver || task.state !== 'queued') return;
    tasks.look(task);
    await context.deliver(webhook, { method: 'POST', ...writeCallback(task) }).then(
      (answer) => answer.body?.cancel(),
      () => {},
    );
  };

  const ofGeneration = (method: string, id: string): Response => {
    const task = deleted.has(id) ? undefined : tasks.find(id);
    if (!task) return problem(404, 'Generation not found');
    if (method === 'GET') return json(view(tasks.look(task)));
    if (method !== 'DELETE') return problem(405, 'Method Not Allowed');
    tasks.cancel(task);
    deleted.add(id);
    return new Response(null, { status: 204 });
  };

  const list = (query: URLSearchParams): Response => {
    const limit = Math.max(1, Number(query.get('limit') ?? 100));
    const offset = Math.max(0, Number(query.get('offset') ?? 0));
    const all = tasks.list().filter((task) => !deleted.has(task.id));
    const generations = all.slice(offset, offset + limit).map(view);
    return json({ has_more: offset + limit < all.length, count: generations.length, limit, offset, generations });
  };

  const download = (request: Request, url: URL): Response | undefined => {
    const [, id = '', name = ''] = /\/cdn\/([0-9a-f-]{36})\/([\w.]+)$/.exec(url.pathname) ?? [];
    if (!id || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined;
    const expires = Number(url.searchParams.get('Expires'));
    if (url.searchParams.get('Signature') !== sign(id, expires) || context.now() >= expires * 1000) {
      return new Response('Access denied', { status: 403 });
    }
    const task = deleted.has(id) ? undefined : tasks.find(id);
    const file = task?.state === 'succeeded' ? fileOf(task) : undefined;
    return file?.name === name
      ? serve(request, file.make(), file.mediaType)
      : new Response('Not found', { status: 404 });
  };

  return {
    handle: async (request) => {
      const url = new URL(request.url);
      const downloaded = download(request, url);
      if (downloaded) return downloaded;
      if (!/^Bearer \S+$/.test(request.headers.get('authorization') ?? '')) {
        return problem(401, 'Invalid API key is provided');
      }
      const [, prefix = '', path = ''] = /^(.*?)\/(ping|credits|generations(?:\/.*)?)$/.exec(url.pathname) ?? [];
      const base = loopback(request) ? url.origin + prefix : context.publicUrl;
      const { method } = request;
      const kind = /^generations\/(video|image)$/.exec(path)?.[1];
      if (kind && method === 'POST') return create(request, kind as Kind, base);
      if (path === 'ping') return json({ message: 'pong' });
      if (path === 'credits') return json({ credit_balance: 100_000 });
      if (path === 'generations' && method === 'GET') return list(url.searchParams);
      if (path === 'generations/concepts/list') return json(['dolly_zoom', 'pan_left', 'orbit_right']);
      const id = /^generations\/([^/]+)$/.exec(path)?.[1];
      return id ? ofGeneration(method, id) : problem(404, 'Not Found');
    },
    writeError: (status, message) => problem(status, message),
    reset: () => {
      tasks.clear();
      deleted.clear();
      made = 0;
    },
  };
}

function problem(status: number, detail: string): Response {
  return json({ detail }, status);
}

function uuid(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
