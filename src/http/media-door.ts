import type { Context } from 'hono';
import type { GenerationRecord } from '../books/index.ts';
import {
  GatewayError,
  isObject,
  type JsonObject,
  type MediaModality,
  type Model,
  type Progress,
  stringAt,
} from '../contract/index.ts';
import { upstreamOf } from '../gateway/attempt.ts';
import type { Caller, Gateway, Trace } from '../gateway/gateway.ts';
import { type MediaCall, portOf } from '../gateway/media.ts';
import type { Begun } from '../jobs/run.ts';
import { hashedUser } from './about.ts';
import { noteEnd, startMedia, waitFor } from './generation-wait.ts';
import type { Doors } from './generations.ts';
import { refused } from './refuse.ts';
import { takeWishes } from './wishes.ts';

/** Milliseconds that these doors wait for an end, unless `x-atelier-wait` (seconds) says otherwise: less than SDKs wait for us. */
const patience = 540_000;

/** What a request asks of whom. */
export type Asked = {
  name: string;
  model: Model;
  /** The provider speaks OpenAI's own language: fields that we do not know may mean something to it. */
  own: boolean;
  /** What the model has a place for; undefined where its port takes everything. */
  honours: readonly string[] | undefined;
  strict: boolean;
};

/** The model of a body, or the house's default. Refuses a wrong one before anything is read or fetched. */
export function readModel(gateway: Gateway, c: Context, body: JsonObject, modality: MediaModality): Asked {
  checkTypes(body);
  const wishes = takeWishes(c, body);
  const model = body.model ?? wishes?.models?.[0];
  const name = model === undefined || model === 'auto' ? gateway.directory.defaultOf(modality) : model;
  if (typeof name !== 'string' || name === '') {
    throw new GatewayError('invalid_request', { message: 'model must be a string.', param: 'model' });
  }
  const found = gateway.directory.resolve(name, modality);
  const upstream = upstreamOf(gateway, found);
  const options = isObject(found.options) ? found.options : {};
  return {
    name,
    model: found,
    own: upstream.provider.text?.['openai-chat'] !== undefined,
    honours: portOf(found, upstream).honours?.({ model: found.upstream, options }),
    strict: c.req.header('x-atelier-strict') === 'true',
  };
}

/** Fields that all of these doors read for themselves: of another type they would say nothing. */
function checkTypes({ stream, params, user }: JsonObject): void {
  if (stream !== undefined && typeof stream !== 'boolean') throw refused('stream', 'stream is true or false.');
  if (params !== undefined && !isObject(params)) throw refused('params', 'params is an object.');
  if (user !== undefined && typeof user !== 'string') throw refused('user', 'user is a text.');
}

/**
 * Fields that a door does not know, and `params`: parameters of a provider of the same surface. For any other they are left out with a
 * warning each, or refused where the caller is strict.
 */
export function readParams(asked: Asked, trace: Trace, body: JsonObject, known: readonly string[]) {
  const params: JsonObject = isObject(body.params) ? { ...body.params } : {};
  for (const [name, value] of Object.entries(body)) {
    if (known.includes(name) || name === 'params') continue;
    if (asked.own) params[name] = value;
    else warn(asked, trace, name, `${name} is not known to ${asked.model.provider} and was left out.`);
  }
  return Object.keys(params).length > 0 ? { params } : {};
}

/** Tells what is not honoured; a strict caller is refused. */
export function warn(asked: Asked, trace: Trace, param: string, message: string): void {
  if (asked.strict) throw new GatewayError('unsupported_parameter', { message, param, failure: 'A', billing: 'none' });
  trace.warnings.push(message);
}

/** The end user as a provider of the same surface may know it: never by name. */
export async function readUser(asked: Asked, caller: Caller, body: JsonObject): Promise<{ user?: string }> {
  const user = stringAt(body, 'user');
  return user === undefined || !asked.own ? {} : { user: await hashedUser(caller, user) };
}

/** A media generation under way, and what it shows until its end. */
export type Watched = {
  begun: Begun;
  /** What the provider shows, as it comes; ends with the work. */
  progress(): AsyncGenerator<Progress, void, undefined>;
  /** The ended generation; rejects with the error that it ended with. */
  end: Promise<GenerationRecord>;
};

/** Starts a generation. @param watching asks the provider to show its work as it grows. */
export async function start(doors: Doors, c: Context, call: MediaCall, watching: boolean): Promise<Watched> {
  const shown: Progress[] = [];
  let over = false;
  let tell = () => {};
  const show = (progress: Progress) => {
    shown.push(progress);
    tell();
  };
  const begun = await startMedia(doors, c, call, watching ? show : undefined);
  const end = ended(doors.gateway, c, call, begun).finally(() => {
    over = true;
    tell();
  });
  end.catch(() => {});
  async function* progress() {
    while (true) {
      const next = shown.shift();
      if (next) yield next;
      else if (over) return;
      else
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
    }
  }
  return { begun, progress, end };
}

async function ended(gateway: Gateway, c: Context, call: MediaCall, begun: Begun): Promise<GenerationRecord> {
  const { caller, trace } = call;
  const { generationId } = begun.attempt;
  const told = Number(c.req.header('x-atelier-wait') ?? Number.NaN);
  const ms = told >= 0 && told <= 600 ? told * 1000 : patience;
  if (!(await waitFor(gateway, caller, begun, ms))) throw stillRunning(generationId);
  const record = await caller.book.generation(generationId, caller.keyId);
  if (!record) throw new GatewayError('internal_error', 'The generation has ended and is not in the book.');
  if (record.completedAt === undefined) throw stillRunning(generationId);
  noteEnd(record, trace);
  // That another model answers is among the warnings already.
  const degradations = record.degradations.filter((one) => stringAt(one, 'field') !== 'model');
  noteWarnings(trace, { warnings: record.warnings, degradations });
  return record;
}

/** Nothing is lost: the work goes on, and what it makes is kept. Not to be sent again unasked, for that would be paid twice. */
function stillRunning(id: string): GatewayError {
  return new GatewayError('provider_timeout', {
    message: `The generation is still running and goes on: GET /v1/generations/${id} has its output when it ends.`,
    facts: { generation: id },
    billing: 'unknown',
  });
}

/** What a provider warned of, and what was asked and did not come out, for the answer's headers. */
export function noteWarnings(
  trace: Trace,
  { warnings, degradations }: Pick<GenerationRecord, 'warnings' | 'degradations'>,
): void {
  trace.warnings.push(...warnings);
  for (const one of degradations) {
    if (!isObject(one)) continue;
    const value = typeof one.asked === 'string' ? one.asked : JSON.stringify(one.asked);
    const asked = /\bmedia\b/.test(value) ? '' : ` ${value}`;
    const delivered = one.delivered === undefined ? '' : `; delivered: ${JSON.stringify(one.delivered)}`;
    trace.warnings.push(`${String(one.field)}${asked} was not honoured${delivered}.`);
  }
}

/** The same error with the field's name as this door calls it. What is no error of ours stays as it is. */
export function renamed(thrown: unknown, names: Readonly<Record<string, string>>): unknown {
  if (!(thrown instanceof GatewayError)) return thrown;
  const own = thrown.details.param?.replace(/[.[].*$/, '');
  const name = own === undefined ? undefined : names[own];
  if (own === undefined || name === undefined) return thrown;
  const message = thrown.message.startsWith(own) ? name + thrown.message.slice(own.length) : thrown.message;
  return new GatewayError(thrown.code, { ...thrown.details, param: name, message });
}
