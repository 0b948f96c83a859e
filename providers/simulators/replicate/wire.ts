import type { JsonObject } from '../../../src/contract/index.ts';
import { json } from '../requests.ts';
import { type InvalidField, knownModels, modelNamed } from './models.ts';

export const badVersion = "The specified version does not exist (or perhaps you don't have permission to use it?)";

/** The model of a version: `owner/name` (official), `owner/name:version`, or the version of a model known here. */
export function readVersion(version: string): { slug: string; version: string } | undefined {
  const found = /^(?:(\w[\w.-]*\/\w[\w.-]*)(?::|$))?([0-9a-f]{64})?$/.exec(version);
  const [, slug, hash] = found ?? [];
  if (slug && hash) return { slug, version: hash };
  if (slug && !version.endsWith(':')) return { slug, version: 'hidden' };
  const owner = hash ? knownModels.find((model) => model.versions?.includes(hash)) : undefined;
  return owner && hash ? { slug: owner.slug, version: hash } : undefined;
}

export function checkBody(body: JsonObject, versioned: boolean): InvalidField[] {
  const allowed = [...(versioned ? ['version'] : []), 'input', 'stream', 'webhook', 'webhook_events_filter'];
  const faults: InvalidField[] = [];
  for (const name of versioned ? ['version', 'input'] : ['input']) {
    if (body[name] === undefined) faults.push({ type: 'required', field: '', description: `${name} is required` });
  }
  for (const name of Object.keys(body)) {
    const description = `Additional property ${name} is not allowed`;
    if (!allowed.includes(name)) faults.push({ type: 'additional_property_not_allowed', field: '', description });
  }
  return faults;
}

export function describeModel(slug: string): Response {
  if (slug.endsWith('does-not-exist')) return notFound();
  const model = modelNamed(slug, true);
  const [owner = '', name = ''] = slug.split('/');
  const version = model.versions?.[0];
  return json({
    url: `https://replicate.com/${slug}`,
    owner,
    name,
    description: model.description,
    visibility: 'public',
    is_official: model.official,
    run_count: 0,
    latest_version: version ? { id: version, created_at: '2023-06-12T17:30:37.000000Z' } : null,
  });
}

/** Milliseconds that `Prefer: wait[=n]` is ready to wait, 0 without it. */
export function readPatience(prefer: string | null): number {
  const found = /(?:^|[,\s])wait(?:=(\d+))?(?:$|[,;\s])/.exec(prefer ?? '');
  return found ? Math.min(60, Number(found[1] ?? 60)) * 1000 : 0;
}

/** Milliseconds of "90", "30s", "1h30m45s"; NaN for what is none of these. */
export function readDuration(text: string | null): number | undefined {
  if (!text) return undefined;
  const found = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?$/.exec(text.trim());
  if (!found) return Number.NaN;
  const [hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
  return ((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1000;
}

export function events(prediction: JsonObject): Response {
  const outputs = Array.isArray(prediction.output) ? prediction.output : [prediction.output];
  const frames = outputs
    .filter((output) => output !== null)
    .map((output) => `event: output\ndata: ${typeof output === 'string' ? output : JSON.stringify(output)}\n\n`);
  const reason =
    prediction.status === 'succeeded' ? {} : { reason: prediction.status === 'failed' ? 'error' : 'canceled' };
  return new Response(`${frames.join('')}event: done\ndata: ${JSON.stringify(reason)}\n\n`, {
    headers: { 'content-type': 'text/event-stream' },
  });
}

export function page(results: JsonObject[]): Response {
  return json({ previous: null, next: null, results: results.slice(0, 100) });
}

export function notFound(): Response {
  return problem(404, 'The requested resource could not be found.');
}

export function invalid(fields: InvalidField[]): Response {
  const detail = fields.map(({ field, description }) => `- ${field ? `${field}: ` : ''}${description}\n`).join('');
  return problem(422, detail, 'Input validation failed', { invalid_fields: fields });
}

export function problem(status: number, detail: string, title?: string, more: JsonObject = {}): Response {
  const headers = { 'content-type': 'application/problem+json' };
  return Response.json({ title: title ?? titles[status] ?? 'Error', detail, status, ...more }, { status, headers });
}

const titles: Record<number, string> = {
  401: 'Unauthenticated',
  402: 'Insufficient credit',
  404: 'Not found',
  405: 'Method not allowed',
  429: 'Too many requests',
  500: 'Internal server error',
  503: 'Service unavailable',
};
