import { type Call, GatewayError, isObject, type Json, type JsonObject, stringAt } from '../../src/contract/index.ts';
import { type Answered, askOnce } from '../shared/ask-once.ts';
import { garbageOf } from '../shared/outcome.ts';
import { readFailure } from './failure.ts';

export const provider = 'fal';

/** What a job is known by: enough to ask again after a restart. `asked` is what an answer without figures is billed by. */
export type Held = { id: string; warnings: string[]; asked: JsonObject };

/** Endpoints below these belong to an owner one step further down. */
const namespaces = ['workflows', 'comfy'];

/** Adds a job to the queue; sent once. https://docs.fal.ai/model-endpoints/queue */
export async function submitJob(call: Call, input: JsonObject): Promise<string> {
  const hook = call.webhookUrl ? `?${new URLSearchParams({ fal_webhook: call.webhookUrl })}` : '';
  const answer = await ask(call, 'POST', `${endpointOf(call.model)}${hook}`, input);
  if (answer.status >= 300) throw readFailure(answer);
  const id = stringAt(answer.body, 'request_id');
  if (!id || !isId(id)) throw garbageOf(provider, answer.body);
  return id;
}

/** Asks about a job below its app: the endpoint's own path is no part of it, and the URLs of the answer are not followed. */
export function askJob(call: Call, id: string, action: '' | '/status?logs=1' | '/cancel'): Promise<Answered> {
  const steps = endpointOf(call.model).split('/');
  const app = steps.slice(0, namespaces.includes(steps[0] ?? '') ? 3 : 2).join('/');
  return ask(call, action === '/cancel' ? 'PUT' : 'GET', `${app}/requests/${id}${action}`);
}

function ask(call: Call, method: 'GET' | 'POST' | 'PUT', path: string, body?: Json): Promise<Answered> {
  const paid = method === 'POST';
  const headers = {
    authorization: `Key ${call.key}`,
    ...(paid ? { 'x-client-request-id': call.attemptId } : {}),
  };
  return askOnce(provider, call, { method, url: `${call.baseUrl}/${path}`, headers, body, paid });
}

/** An endpoint id becomes part of a path, so nothing but an id is let through. */
function endpointOf(model: string): string {
  const steps = model.split('/');
  if (steps.length > 1 && steps.length < 12 && steps.every((step) => /^[A-Za-z0-9_][\w.-]*$/.test(step))) return model;
  throw new GatewayError('model_not_found', {
    message: `A fal endpoint is written owner/name, perhaps with a path, not "${model.slice(0, 100)}".`,
    param: 'model',
    failure: 'A',
    billing: 'none',
  });
}

function isId(id: string): boolean {
  return /^[A-Za-z0-9_-]{1,100}$/.test(id);
}

export function writeRef({ id, warnings, asked }: Held): Json {
  return { id, ...(warnings.length > 0 ? { warnings } : {}), ...(Object.keys(asked).length > 0 ? { asked } : {}) };
}

/** The job in a `ref`, its id checked because it becomes part of a path. */
export function readRef(ref: Json): Held {
  const id = stringAt(ref, 'id');
  if (!isObject(ref) || !id || !isId(id)) {
    throw new GatewayError('internal_error', 'The reference of a fal job holds no id.');
  }
  const warnings = Array.isArray(ref.warnings) ? ref.warnings.map(String) : [];
  return { id, warnings, asked: isObject(ref.asked) ? ref.asked : {} };
}
