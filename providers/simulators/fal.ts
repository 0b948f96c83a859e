import { isObject, type JsonObject } from '../../src/contract/index.ts';
import { endpointNamed } from './fal/models.ts';
import { type Job, Queue } from './fal/queue.ts';
import { loopback, parse } from './requests.ts';
import { serve } from './serve.ts';
import {
  createSimulator,
  type Simulator,
  type SimulatorContext,
  type SimulatorHandler,
  type SimulatorOptions,
} from './simulator.ts';

/**
 * fal's queue API (queue.fal.run), and fal.run, which answers when the work is done. Known endpoints check their input as the vendor does,
 * when the job runs: its result is then the refusal. Any other id works too and makes what its name says, images otherwise, except ids
 * ending in `does-not-exist`. https://docs.fal.ai/model-endpoints/queue
 */
export function fal(options?: SimulatorOptions): Simulator {
  return createSimulator('fal', handler, options);
}

function handler(context: SimulatorContext): SimulatorHandler {
  const queue = new Queue(context);

  const submit = async (request: Request, id: string, base: string): Promise<Response> => {
    const url = new URL(request.url);
    if (id.endsWith('does-not-exist')) return refuse(404, `Application "${id.split('/')[1]}" not found`);
    const input = parse(await request.text());
    if (!isObject(input)) return refuse(422, 'The request body is not a JSON object.');
    const webhook = url.searchParams.get('fal_webhook') ?? undefined;
    if (webhook !== undefined && !URL.canParse(webhook)) return refuse(400, 'Invalid webhook URL.');
    const cdn = `${loopback(request) ? base : context.publicUrl}/files/b`;
    const job = queue.submit(endpointNamed(id), input, cdn, { request, ...(webhook ? { webhook } : {}) });
    job.work.cdn += `/${job.id}`;
    if (url.hostname === 'fal.run') return resultAnswer(queue, queue.tasks.finish(job));
    return json({ ...view(job, base), gateway_request_id: job.id }, 200, job);
  };

  const handleJob = (request: Request, job: Job, action: string, base: string): Response => {
    if (action === 'cancel' && request.method === 'PUT') {
      if (!queue.tasks.cancel(job)) return json({ status: 'ALREADY_COMPLETED' }, 400, job);
      return json({ status: 'CANCELLATION_REQUESTED' }, 202, job);
    }
    if (request.method !== 'GET') return refuse(405, 'Method Not Allowed');
    const logs = new URL(request.url).searchParams.get('logs') === '1';
    if (action === 'status') {
      queue.tasks.look(job);
      const seen = view(job, base, logs);
      return json(seen, seen.status === 'COMPLETED' ? 200 : 202, job);
    }
    if (action === 'status/stream') return stream(queue, job, base);
    if (action !== '') return refuse(404, 'Not Found');
    if (job.ended === undefined) return refuse(400, 'Request is still in progress');
    return resultAnswer(queue, job);
  };

  return {
    handle: async (request) => {
      const url = new URL(request.url);
      const vendor = /(^|\.)fal\.run$/.test(url.hostname);
      const prefix = !vendor && url.pathname.startsWith(`/${context.id}/`) ? `/${context.id}` : '';
      const path = url.pathname.slice(prefix.length + 1);
      const base = `${url.origin}${prefix}`;
      const file = /^files\/b\/([0-9a-f-]{36})\/([\w.-]+)$/.exec(path);
      if (file) return deliver(request, queue, file[1] ?? '', file[2] ?? '');
      if (!/^(Key|Bearer) \S+$/.test(request.headers.get('authorization') ?? '')) {
        return refuse(401, 'Authentication is required to access this application.');
      }
      const asked = /^(.+?)\/requests\/([^/]+)(?:\/(.+))?$/.exec(path);
      if (asked) {
        const job = queue.tasks.find(asked[2] ?? '');
        if (!job || appOf(job) !== asked[1]) return json({ status: 'NOT_FOUND', detail: 'Request not found' }, 404);
        return handleJob(request, job, asked[3] ?? '', base);
      }
      if (request.method !== 'POST') return refuse(405, 'Method Not Allowed');
      if (path.split('/').length < 2) return refuse(404, 'Not Found');
      return submit(request, path, base);
    },
    writeError: (status, message) => refuse(status, message),
    reset: () => queue.clear(),
  };
}

/** The part of an endpoint's id that its jobs are asked about under. */
function appOf({ work }: Job): string {
  const steps = work.endpoint.id.split('/');
  return steps.slice(0, ['workflows', 'comfy'].includes(steps[0] ?? '') ? 3 : 2).join('/');
}

function view(job: Job, base: string, logs = false): JsonObject {
  const own = `${base}/${appOf(job)}/requests/${job.id}`;
  const urls = { request_id: job.id, response_url: own, status_url: `${own}/status`, cancel_url: `${own}/cancel` };
  if (job.state === 'queued') return { status: 'IN_QUEUE', queue_position: 0, ...urls };
  const timestamp = new Date(job.created).toISOString();
  const line = { message: '50%|#####     | 2/4', level: 'INFO', source: 'USER', timestamp };
  const told: JsonObject = { ...urls, logs: logs ? [line] : [] };
  if (job.state === 'running') return { status: 'IN_PROGRESS', ...told };
  if (job.state !== 'succeeded') told.error = 'The request failed.';
  return { status: 'COMPLETED', metrics: { inference_time: 1.5 }, ...told };
}

function resultAnswer(queue: Queue, job: Job): Response {
  const { status, body, units } = queue.resultOf(job);
  const answer = json(body, status, job);
  if (units !== undefined) answer.headers.set('x-fal-billable-units', String(units));
  if (typeof body.error_type === 'string') answer.headers.set('x-fal-error-type', body.error_type);
  return answer;
}

/** Every state from now to the end, as server-sent events. */
function stream(queue: Queue, job: Job, base: string): Response {
  const frames: string[] = [];
  for (;;) {
    frames.push(`data: ${JSON.stringify(view(job, base, true))}\n\n`);
    if (job.ended !== undefined) break;
    queue.tasks.look(job);
  }
  return new Response(frames.join(''), { headers: { 'content-type': 'text/event-stream' } });
}

function deliver(request: Request, queue: Queue, id: string, name: string): Response {
  const job = queue.tasks.find(id);
  const there = job?.state === 'succeeded' && job.fault !== 'expired';
  const file = there ? job.work.files.find((one) => one.name === name) : undefined;
  return file ? serve(request, file.make(), file.mediaType) : refuse(404, 'File not found');
}

function json(body: JsonObject, status: number, job?: Job): Response {
  return Response.json(body, { status, ...(job ? { headers: { 'x-fal-request-id': job.id } } : {}) });
}

function refuse(status: number, detail: string): Response {
  return Response.json({ detail }, { status });
}
