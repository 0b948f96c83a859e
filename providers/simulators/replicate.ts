import { isObject, type Json, type JsonObject } from '../../src/contract/index.ts';
import { readSpokenText } from './media/index.ts';
import { type Job, Jobs } from './replicate/jobs.ts';
import { checkInput, modelNamed } from './replicate/models.ts';
import { Uploads } from './replicate/uploads.ts';
import { webhookSecret } from './replicate/webhook.ts';
import {
  badVersion,
  checkBody,
  describeModel,
  events,
  invalid,
  notFound,
  page,
  problem,
  readDuration,
  readPatience,
  readVersion,
} from './replicate/wire.ts';
import { json, loopback, parse, readJson } from './requests.ts';
import { serve } from './serve.ts';
import {
  createSimulator,
  type Simulator,
  type SimulatorContext,
  type SimulatorHandler,
  type SimulatorOptions,
} from './simulator.ts';

type Route = [
  methods: string,
  path: RegExp,
  handle: (request: Request, parts: string[], base: string) => Response | Promise<Response>,
];

/**
 * Replicate's HTTP API. A prediction is `starting` when made, `processing` at the first look and ended at the second;
 * with `Prefer: wait` it comes back ended where its computing time fits. Known models check their input as the vendor does;
 * any other name works too and makes what the name says, images otherwise, except names ending in `does-not-exist`.
 * Where faults are allowed the words of `tasks.ts` in an input choose its end, and `[[abort]]` one before it starts.
 * https://replicate.com/docs/reference/http
 */
export function replicate(options?: SimulatorOptions): Simulator {
  return createSimulator('replicate', handler, options);
}

/** Whether a delivery at the end is among those asked for. */
function wantsEnd(filter: Json | undefined): boolean {
  return !Array.isArray(filter) || filter.includes('completed');
}

function handler(context: SimulatorContext): SimulatorHandler {
  const jobs = new Jobs(context);
  const uploads = new Uploads(context);

  const create = async (request: Request, base: string, slug?: string, deployment?: string) => {
    const body = await readJson(request);
    if (!body) return problem(400, 'The request body is not a JSON object.', 'Bad request');
    const faults = checkBody(body, slug === undefined);
    if (faults.length > 0) return invalid(faults);
    const target = slug === undefined ? readVersion(String(body.version)) : { slug, version: 'hidden' };
    if (!target) return problem(422, badVersion, 'Invalid version or not permitted');
    const model = modelNamed(target.slug, target.version === 'hidden' && !deployment);
    if (target.slug.endsWith('does-not-exist')) return notFound();
    if (target.version === 'hidden' && !deployment && !model.official) return notFound();
    const wrong = checkInput(model, body.input);
    if (wrong.length > 0) return invalid(wrong);
    const cancelAfterMs = readDuration(request.headers.get('cancel-after'));
    if (cancelAfterMs !== undefined && !(cancelAfterMs >= 5000)) {
      return problem(422, 'Cancel-After must be at least 5 seconds.', 'Invalid Cancel-After');
    }
    const input = body.input as JsonObject;
    const heard = model.kind === 'transcription' ? hear(input) : undefined;
    const places = { api: base, delivery: loopback(request) ? base : context.publicUrl };
    const facts = { model, version: target.version, input, ...places };
    const limits = { ...(deployment ? { deployment } : {}), ...(cancelAfterMs === undefined ? {} : { cancelAfterMs }) };
    const hook = typeof body.webhook === 'string' && wantsEnd(body.webhook_events_filter) ? body.webhook : undefined;
    const asked = { ...facts, ...limits, ...(hook ? { webhook: hook } : {}) };
    const job = jobs.create(asked, request, heard);
    const patience = readPatience(request.headers.get('prefer'));
    if (patience > 0) {
      jobs.advance(job);
      if (job.work.plan.predictMs <= patience) jobs.advance(job);
    }
    return json(jobs.view(job), patience > 0 && job.ended === undefined ? 202 : 201);
  };

  /** What a transcription model hears in its input: a data URL, an uploaded file, or a file made here. */
  const hear = (input: JsonObject): string => {
    const source = [input.audio, input.audio_file, input.file].find((value) => typeof value === 'string') as string;
    const inline = /^data:[^,]*;base64,(.*)$/s.exec(source)?.[1];
    const [id = '', name = ''] = source.split('/files/')[1]?.split('/') ?? [];
    const bytes = inline
      ? Uint8Array.from(atob(inline), (character) => character.charCodeAt(0))
      : (uploads.find(id)?.bytes ?? jobs.file(id, name)?.make());
    return (bytes && readSpokenText(bytes)) || 'No words were recognised.';
  };

  const withJob = (id: string | undefined, use: (job: Job) => Response): Response => {
    const job = jobs.find(id ?? '');
    return job ? use(job) : notFound();
  };

  const routes: Route[] = [
    [
      'POST',
      /^\/models\/([^/]+)\/([^/]+)\/predictions$/,
      (request, [owner, name], base) => create(request, base, `${owner}/${name}`),
    ],
    [
      'POST',
      /^\/deployments\/([^/]+)\/([^/]+)\/predictions$/,
      (request, [owner, name], base) => create(request, base, `${owner}/${name}`, `${owner}/${name}`),
    ],
    ['POST', /^\/predictions$/, (request, _, base) => create(request, base)],
    ['GET', /^\/predictions$/, () => page(jobs.list().map((job) => jobs.view(job)))],
    [
      'GET',
      /^\/predictions\/([^/]+)$/,
      (_, [id]) =>
        withJob(id, (job) => {
          jobs.advance(job);
          return json(jobs.view(job));
        }),
    ],
    [
      'POST',
      /^\/predictions\/([^/]+)\/cancel$/,
      (_, [id]) =>
        withJob(id, (job) => {
          jobs.cancel(job);
          return json(jobs.view(job));
        }),
    ],
    [
      'GET',
      /^\/predictions\/([^/]+)\/stream$/,
      (_, [id]) =>
        withJob(id, (job) => {
          while (job.ended === undefined) jobs.advance(job);
          return events(jobs.view(job));
        }),
    ],
    ['GET', /^\/models\/([^/]+)\/([^/]+)$/, (_, [owner, name]) => describeModel(`${owner}/${name}`)],
    ['GET', /^\/webhooks\/default\/secret$/, () => json({ key: webhookSecret(context) })],
    ['GET', /^\/account$/, () => json({ type: 'organization', username: 'simulated', name: 'Simulated account' })],
    [
      'POST',
      /^\/files$/,
      async (request, _, base) => {
        const form = await request.formData().catch(() => undefined);
        const file = form?.get('content');
        if (!(file instanceof File))
          return invalid([{ type: 'required', field: '', description: 'content is required' }]);
        if (file.size > 100_000_000) return problem(413, 'Files must be less than 100MB in size', 'Content too large');
        const told = form?.get('metadata');
        const metadata = parse(told instanceof File ? await told.text() : String(told ?? '{}'));
        const id = jobs.newId(`file|${file.name}|${file.size}`);
        return json((await uploads.add(id, file, isObject(metadata) ? metadata : {}, base)).view, 201);
      },
    ],
    ['GET', /^\/files$/, () => page(uploads.list().map((upload) => upload.view))],
    [
      'GET',
      /^\/files\/([^/]+)$/,
      (_, [id]) => {
        const found = uploads.find(id ?? '');
        return found ? json(found.view) : notFound();
      },
    ],
    [
      'DELETE',
      /^\/files\/([^/]+)$/,
      (_, [id]) => (uploads.remove(id ?? '') ? new Response(null, { status: 204 }) : notFound()),
    ],
  ];

  const deliver = (request: Request, id: string, name: string): Response => {
    const file = jobs.file(id, name);
    return file ? serve(request, file.make(), file.mediaType) : new Response('Not found', { status: 404 });
  };

  return {
    handle: async (request) => {
      const url = new URL(request.url);
      const delivered = /\/files\/([a-z2-7]{26})\/([\w.-]+)$/.exec(url.pathname);
      if (delivered && (request.method === 'GET' || request.method === 'HEAD')) {
        return deliver(request, delivered[1] ?? '', delivered[2] ?? '');
      }
      if (!/^(Bearer|Token) \S+$/i.test(request.headers.get('authorization') ?? '')) {
        return problem(401, 'You did not pass a valid authentication token', 'Unauthenticated');
      }
      const split = /^(.*?)(\/(?:models|deployments|predictions|account|files|webhooks)(?:\/.*)?)$/.exec(url.pathname);
      const [, prefix = '', path = ''] = split ?? [];
      const base = `${loopback(request) ? url.origin : context.publicUrl}${prefix}`;
      const matching = routes.filter(([, pattern]) => pattern.test(path));
      const route = matching.find(([method]) => method === request.method);
      if (route) return route[2](request, (route[1].exec(path) ?? []).slice(1), base);
      return matching.length > 0 ? problem(405, `Method "${request.method}" not allowed.`) : notFound();
    },
    writeError: (status, message) => problem(status, message),
    reset: () => {
      jobs.clear();
      uploads.clear();
    },
  };
}
