import {
  type Call,
  errorOfAnswer,
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  numberAt,
  stringAt,
} from '../../src/contract/index.ts';
import { type Answered, askOnce } from '../shared/ask-once.ts';
import { garbageOf } from '../shared/outcome.ts';
import { pollUrlOf } from './poll-url.ts';

export const provider = 'bfl';

/** What a task is known by: enough to ask again after a restart, and what it is billed by, which only its submission tells. */
export type Held = { id: string; url?: string; billed: JsonObject; asked: JsonObject; warnings: string[] };

/** What of a submission's answer is billed. */
const figures = ['cost', 'input_mp', 'output_mp'];

/** Starts a task; sent once. https://docs.bfl.ai/quick_start/generating_images */
export async function submitTask(call: Call, input: JsonObject, warnings: string[]): Promise<Held> {
  const answer = await ask(call, 'POST', `${call.baseUrl}/v1/${pathOf(call.model)}`, input);
  if (answer.status >= 300) throw readFailure(answer);
  const { body } = answer;
  const id = stringAt(body, 'id');
  if (!isObject(body) || !id || !isId(id)) throw garbageOf(provider, body);
  const url = stringAt(body, 'polling_url');
  const billed: JsonObject = {};
  for (const name of figures) if (numberAt(body, name) !== undefined) billed[name] = body[name]!;
  const asked: JsonObject = {};
  for (const name of ['width', 'height']) if (input[name] !== undefined) asked[name] = input[name]!;
  return { id, ...(url ? { url } : {}), billed, asked, warnings };
}

/** Asks about a task at the address it was given, where that is BFL's own, else at the base address. */
export async function askTask(call: Call, held: Held): Promise<Json> {
  const answer = await ask(call, 'GET', pollUrlOf(call.baseUrl, held.id, held.url));
  if (stringAt(answer.body, 'status') === 'Task not found') return answer.body!;
  if (answer.status >= 300) {
    const error = readFailure(answer);
    const code = answer.status === 404 ? 'outcome_unknown' : error.code;
    throw new GatewayError(code, { ...error.details, failure: 'C', billing: 'unknown' });
  }
  if (!isObject(answer.body)) throw garbageOf(provider, answer.body);
  return answer.body;
}

function ask(call: Call, method: 'GET' | 'POST', url: string, body?: Json): Promise<Answered> {
  const paid = method === 'POST';
  const headers = { 'x-key': call.key, ...(paid ? { 'x-client-request-id': call.attemptId } : {}) };
  return askOnce(provider, call, { method, url, headers, body, paid });
}

/** FastAPI's `{detail}`: a sentence, or a list of faults. https://docs.bfl.ai/api_integration/errors */
function readFailure({ status, headers, body }: Answered): GatewayError {
  const first = isObject(body) && Array.isArray(body.detail) ? body.detail[0] : undefined;
  if (!isObject(first)) return errorOfAnswer(provider, status, headers, body);
  const steps = Array.isArray(first.loc) ? first.loc.filter((step) => step !== 'body') : [];
  const param = steps.join('.');
  const message = stringAt(first, 'msg') ?? 'the input was refused';
  const error = errorOfAnswer(provider, status, headers, { error: { message, ...(param ? { param } : {}) } });
  return error.details.raw === undefined ? error : new GatewayError(error.code, { ...error.details, raw: body });
}

/** A model becomes part of a path, so nothing but a name is let through. */
function pathOf(model: string): string {
  if (/^[a-z0-9][\w.-]{0,80}$/.test(model)) return model;
  throw new GatewayError('model_not_found', {
    message: `A BFL model is a name such as flux-2-pro, not "${model.slice(0, 100)}".`,
    param: 'model',
    failure: 'A',
    billing: 'none',
  });
}

function isId(id: string): boolean {
  return /^[A-Za-z0-9_-]{1,100}$/.test(id);
}

export function writeRef({ id, url, billed, asked, warnings }: Held): Json {
  return { id, ...(url ? { url } : {}), billed, asked, ...(warnings.length > 0 ? { warnings } : {}) };
}

/** The task in a `ref`, its id checked because it becomes part of an address. */
export function readRef(ref: Json): Held {
  const id = stringAt(ref, 'id');
  if (!isObject(ref) || !id || !isId(id)) {
    throw new GatewayError('internal_error', 'The reference of a BFL task holds no id.');
  }
  const url = stringAt(ref, 'url');
  return {
    id,
    ...(url ? { url } : {}),
    billed: isObject(ref.billed) ? ref.billed : {},
    asked: isObject(ref.asked) ? ref.asked : {},
    warnings: Array.isArray(ref.warnings) ? ref.warnings.map(String) : [],
  };
}
