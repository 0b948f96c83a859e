import { type JsonObject, stringAt } from '../../src/contract/index.ts';
import { json, loopback, readJson } from './requests.ts';
import { check, type Issue } from './runway/check.ts';
import { Files } from './runway/files.ts';
import { forms } from './runway/models.ts';
import { uploadsIn, type Work, workOf } from './runway/work.ts';
import {
  createSimulator,
  type Simulator,
  type SimulatorContext,
  type SimulatorHandler,
  type SimulatorOptions,
} from './simulator.ts';
import { type Task, Tasks, taskFaultIn } from './tasks.ts';

const version = '2024-11-06';

/**
 * Runway's API: tasks of video, pictures, speech and sounds, uploads, signed outputs. A task is PENDING when made, RUNNING at the first
 * look and ended at the second. What is refused for safety keeps its credits, what breaks gets them back; a running task
 * that is canceled keeps them too, a waiting one does not. https://docs.dev.runwayml.com/api/
 */
export function runway(options?: SimulatorOptions): Simulator {
  return createSimulator('runway', handler, options);
}

function handler(context: SimulatorContext): SimulatorHandler {
  const tasks = new Tasks<Work>(context);
  const files = new Files(context);
  const uploads = new Map<string, boolean>();
  let made = 0;

  const create = async (request: Request, endpoint: string, base: string): Promise<Response> => {
    const body = await readJson(request);
    if (!body) return problem(400, 'The request body is not a JSON object.');
    const { model, ...rest } = body;
    const known = forms[endpoint] ?? {};
    const form = typeof model === 'string' && Object.hasOwn(known, model) ? known[model] : undefined;
    if (!form) {
      const expected = Object.keys(known).map((name) => `'${name}'`);
      const message = `Invalid discriminator value. Expected ${expected.join(' | ')}`;
      return invalid([{ code: 'invalid_union_discriminator', path: ['model'], message }]);
    }
    const issues = check(rest, form);
    if (issues.length > 0) return invalid(issues);
    const missing = uploadsIn(body).find((uri) => uploads.get(uri) !== true);
    if (missing) return problem(400, `The upload ${missing} does not exist or holds nothing.`);
    const id = uuid(context.idFor('', 'task', endpoint, JSON.stringify(body), String(made++)));
    const prompt = stringAt(body, 'promptText') ?? '';
    const work = workOf(endpoint, body, id, base);
    // A credit costs the same for every model: the price list has it under "*".
    const unit = { unit: 'credit' };
    const charges = [{ meter: 'provider_credits' as const, quantity: work.credits, dims: unit, model: '*' }];
    const task = tasks.create({
      id,
      work,
      model: String(model),
      prompt,
      charges,
      chargesFailed: taskFaultIn(context, prompt, request) === 'fail' ? [] : charges,
      request,
    });
    return json({ id: task.id, estimatedCost: { credits: work.credits } });
  };

  const view = (task: Task<Work>): JsonObject => {
    const facts = { id: task.id, createdAt: new Date(task.created).toISOString() };
    const estimatedCost = { credits: task.work.credits };
    const cost = { credits: task.billed.charges[0]?.quantity ?? 0 };
    switch (task.state) {
      case 'queued':
        return { ...facts, status: 'PENDING', estimatedCost };
      case 'running':
        return {
          ...facts,
          status: 'RUNNING',
          progress: task.fault === 'slow' ? (7 - task.looks) / 7 : 0.5,
          estimatedCost,
        };
      case 'succeeded':
        return { ...facts, status: 'SUCCEEDED', output: files.outputs(task), cost };
      case 'canceled':
        return { ...facts, status: 'CANCELLED', cost };
      default: {
        const filtered = task.fault === 'filtered';
        const failure = filtered ? 'The task was rejected by content moderation.' : 'An unexpected error occurred.';
        const failureCode = filtered ? 'SAFETY.INPUT.TEXT' : 'INTERNAL.BAD_OUTPUT.CODE01';
        return { ...facts, status: 'FAILED', failure, failureCode, cost };
      }
    }
  };

  const deleted = new Set<string>();
  const ofTask = (method: string, id: string): Response => {
    const task = deleted.has(id) ? undefined : tasks.find(id);
    if (!task) return problem(404, 'Task with provided ID not found.');
    if (method === 'GET') return json(view(tasks.look(task)));
    if (method !== 'DELETE') return problem(405, 'Method not allowed');
    if (!tasks.cancel(task)) deleted.add(id);
    return new Response(null, { status: 204 });
  };

  const beginUpload = async (request: Request, base: string): Promise<Response> => {
    const body = await readJson(request);
    const filename = stringAt(body, 'filename') ?? '';
    if (!/^.{1,250}\.\w{2,4}$/.test(filename)) {
      return invalid([{ code: 'invalid_format', path: ['filename'], message: 'The filename must have an extension.' }]);
    }
    if (body?.type !== 'ephemeral') {
      return invalid([{ code: 'invalid_value', path: ['type'], message: 'Invalid input: expected "ephemeral"' }]);
    }
    const key = context.idFor('', 'upload', filename, String(made++));
    uploads.set(`runway://${key}`, false);
    return json({ uploadUrl: `${base}/store`, fields: { key, policy: 'simulated' }, runwayUri: `runway://${key}` });
  };

  /** The store behind uploads: like the real one, it wants the fields and no key. */
  const store = async (request: Request): Promise<Response> => {
    const form = await request.formData().catch(() => undefined);
    const uri = `runway://${form?.get('key')}`;
    const file = form?.get('file');
    if (!uploads.has(uri) || form?.get('policy') !== 'simulated') return new Response('Access denied', { status: 403 });
    if (!(file instanceof File) || file.size < 512) return new Response('EntityTooSmall', { status: 400 });
    uploads.set(uri, true);
    return new Response(null, { status: 204 });
  };

  return {
    handle: async (request) => {
      const { pathname, origin } = new URL(request.url);
      const output = files.answer(request, (id) => (deleted.has(id) ? undefined : tasks.find(id)));
      if (output) return output;
      if (request.method === 'POST' && pathname.endsWith('/store')) return store(request);
      if (!/^Bearer \S+$/.test(request.headers.get('authorization') ?? '')) {
        return problem(401, 'You did not provide an API key, or it is not valid.');
      }
      if (request.headers.get('x-runway-version') !== version) {
        return problem(400, `The X-Runway-Version header must be ${version}.`);
      }
      const [, prefix = '', path = ''] = /^(.*?)\/v1\/(.+)$/.exec(pathname) ?? [];
      const base = loopback(request) ? origin + prefix : context.publicUrl;
      const task = /^tasks\/([^/]+)$/.exec(path)?.[1];
      if (task) return ofTask(request.method, task);
      if (request.method === 'POST' && path === 'uploads') return beginUpload(request, base);
      if (request.method === 'POST' && Object.hasOwn(forms, path)) return create(request, path, base);
      return problem(404, 'Not found');
    },
    writeError: (status, message) => problem(status, message),
    reset: () => {
      tasks.clear();
      uploads.clear();
      deleted.clear();
      made = 0;
    },
  };
}

function problem(status: number, error: string): Response {
  return json({ error }, status);
}

function invalid(issues: Issue[]): Response {
  const error = 'Validation of body failed';
  return json({ error, issues, docUrl: 'https://docs.dev.runwayml.com/api' }, 400);
}

/** 128 bits as a UUID of version 4. */
function uuid(hex: string): string {
  const variant = '89ab'[Number.parseInt(hex[16] ?? '0', 16) % 4];
  const groups = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ];
  return groups.join('-');
}
