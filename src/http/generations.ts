import type { Context } from 'hono';
import type { GenerationRecord } from '../books/index.ts';
import { GatewayError, isModality, type JsonObject, type MediaModality, type Modality } from '../contract/index.ts';
import { forgetGeneration } from '../gateway/forget.ts';
import { type Caller, type Gateway, newTrace, type Trace } from '../gateway/gateway.ts';
import type { MediaCall } from '../gateway/media.ts';
import { routeOf } from '../gateway/plan.ts';
import { viewGeneration } from '../gateway/view.ts';
import type { Lifetime } from '../runtime/ports.ts';
import { aboutOf, originOf, webhookOf } from './about.ts';
import { errorAnswer, jsonAnswer, traceHeaders } from './answer.ts';
import type { Authenticator } from './authenticate.ts';
import { readBody, type Uploads, uploadsFor } from './generation-form.ts';
import { streamGeneration } from './generation-stream.ts';
import { generateText } from './generation-text.ts';
import { noteEnd, startMedia, waitFor, waitForEnd } from './generation-wait.ts';
import { readMediaRequest } from './media-request.ts';
import { refused } from './refuse.ts';
import { traceOf } from './video-view.ts';
import { takeWishes } from './wishes.ts';

/** Seconds a synchronous generation is waited for unless the caller says otherwise. */
const defaultWait = 120;
/** Milliseconds that the answer to a cancellation waits for the provider's word. */
const cancelWait = 5_000;

export type Doors = {
  gateway: Gateway;
  authenticator: Authenticator;
  lifetimeOf: (c: Context) => Lifetime;
};

/** `POST /v1/generations`: the one endpoint, any modality. */
export function createGeneration(doors: Doors) {
  return async function answerGeneration(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const caller = await doors.authenticator.caller(c);
      const { body, files } = await readBody(c);
      const wishes = takeWishes(c, body);
      if (body.model === undefined && wishes?.models) body.model = wishes.models[0]!;
      const { asked, modality } = chooseModel(doors.gateway, body);
      const uploads = uploadsFor(modality, files);
      if (modality === 'text') return await generateText(doors, c, caller, trace, asked, body);
      return await generateMedia(doors, c, caller, trace, asked, modality, body, uploads);
    } catch (thrown) {
      return errorAnswer(thrown, trace);
    }
  };
}

async function generateMedia(
  doors: Doors,
  c: Context,
  caller: Caller,
  trace: Trace,
  asked: string,
  modality: MediaModality,
  body: JsonObject,
  uploads: Uploads,
): Promise<Response> {
  const { gateway } = doors;
  // Refuse a wrong model before any input is fetched.
  gateway.directory.resolve(asked, modality);
  const { request, record } = await readMediaRequest(gateway, caller, modality, body, uploads);
  const call: MediaCall = {
    caller,
    trace,
    asked,
    request,
    record,
    about: await aboutOf(c, caller, body, true),
    webhook: webhookOf(gateway, c, body),
    strict: body.strict === true || c.req.header('x-atelier-strict') === 'true',
  };
  if (body.stream === true) return streamGeneration(doors, c, call);
  const begun = await startMedia(doors, c, call);
  const ended = await waitFor(gateway, caller, begun, waitOf(body) * 1000);
  const kept = await find(caller, begun.attempt.generationId);
  // Its end may have to be written later, where the book could not take it.
  const isOver = ended && kept.completedAt !== undefined;
  if (isOver) noteEnd(kept, trace);
  return jsonAnswer(c, await view(gateway, c, caller, kept), isOver ? 200 : 202, traceHeaders(trace));
}

/** Seconds that a caller waits for its media. */
function waitOf({ wait, webhook }: JsonObject): number {
  if (typeof wait === 'number') return wait;
  return webhook === undefined ? defaultWait : 0;
}

/**
 * Writes the answer of an earlier request once more, from the book: the generation, or the error that its caller waited for. Of a job
 * that outlasted its caller's patience it is the generation in any case.
 */
export async function retellGeneration({ gateway }: Doors, c: Context, caller: Caller, id: string): Promise<Response> {
  const kept = await find(caller, id);
  const trace = traceOf(kept);
  const { body } = await readBody(c);
  const took = (kept.completedAt ?? kept.at) - kept.at;
  const isJob = kept.modality !== 'text' && body.stream !== true && took >= waitOf(body) * 1000;
  try {
    if (!isJob) noteEnd(kept, trace);
    const headers = { ...traceHeaders(trace), 'idempotent-replayed': 'true' };
    return jsonAnswer(c, await view(gateway, c, caller, kept), 200, headers);
  } catch (thrown) {
    const told = errorAnswer(thrown, trace);
    told.headers.set('idempotent-replayed', 'true');
    return told;
  }
}

/**
 * `DELETE /v1/generations/{id}`: ends a job that runs; forgets what an ended one was asked and what came out. What it cost stays in
 * the books.
 */
export function removeGeneration(doors: Doors) {
  const { gateway, authenticator } = doors;
  const cancel = cancelGeneration(doors);
  return async function answerRemoved(c: Context): Promise<Response> {
    try {
      const caller = await authenticator.caller(c);
      const id = c.req.param('id') ?? '';
      const record = await find(caller, id);
      if (record.completedAt === undefined) return await cancel(c);
      await forgetGeneration(gateway, caller, record);
      return jsonAnswer(c, { id, object: 'generation.deleted', deleted: true });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `POST /v1/generations/{id}/cancel`: asks the provider to end a job. */
export function cancelGeneration({ gateway, authenticator }: Doors) {
  return async function answerCanceled(c: Context): Promise<Response> {
    try {
      const caller = await authenticator.caller(c);
      const id = c.req.param('id') ?? '';
      const before = await caller.book.generation(id, caller.keyId);
      if (before && before.completedAt === undefined) {
        const asked = canCancel(gateway, before) && (await caller.book.cancelJob(id, gateway.clock.now()));
        if (!asked) {
          throw new GatewayError('invalid_request', {
            message: `${before.attempts.at(-1)?.provider ?? 'The provider'} has no way to cancel this; it will end by itself.`,
            status: 409,
          });
        }
        gateway.wake.arm(caller.tenant);
        await waitForEnd(gateway, caller, id, cancelWait);
      }
      return jsonAnswer(c, await view(gateway, c, caller, await find(caller, id)));
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** Whether the provider of a running generation can be told to stop. */
function canCancel(gateway: Gateway, { attempts, modality }: GenerationRecord): boolean {
  const provider = gateway.upstreams.get(attempts.at(-1)?.provider ?? '')?.provider;
  return modality !== 'text' && provider?.media?.[modality]?.cancel !== undefined;
}

/** `GET /v1/generations/{id}` */
export function readGeneration({ gateway, authenticator }: Doors) {
  return async function answerGeneration(c: Context): Promise<Response> {
    try {
      const caller = await authenticator.caller(c);
      return jsonAnswer(c, await view(gateway, c, caller, await find(caller, c.req.param('id') ?? '')));
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

/** `GET /v1/generations?limit=&after=`: newest first. */
export function listGenerations({ gateway, authenticator }: Doors) {
  return async function answerGenerations(c: Context): Promise<Response> {
    try {
      const caller = await authenticator.caller(c);
      const limit = Number(c.req.query('limit') ?? 20);
      if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
        throw new GatewayError('invalid_request', {
          message: 'limit is a whole number from 1 to 100.',
          param: 'limit',
        });
      }
      const after = c.req.query('after');
      if (after && !/^gen_[0-9a-z]+$/.test(after)) throw refused('after', 'after is the id of a generation.');
      const page = await caller.book.listGenerations({ limit, after, keyId: caller.keyId });
      const data = [];
      for (const record of page.data) {
        data.push(await view(gateway, c, caller, record));
      }
      return jsonAnswer(c, { object: 'list', data, has_more: page.hasMore, last_id: page.data.at(-1)?.id ?? null });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

async function find(caller: Caller, id: string): Promise<GenerationRecord> {
  const record = await caller.book.generation(id, caller.keyId);
  if (!record) throw new GatewayError('not_found', { message: `No generation is called "${id}".`, param: 'id' });
  return record;
}

function view(gateway: Gateway, c: Context, caller: Caller, record: GenerationRecord): Promise<JsonObject> {
  return viewGeneration(record, caller.book, originOf(gateway, c), gateway.clock.now());
}

/** The model and modality of a body: either may be left out where the other tells it. */
export function chooseModel(gateway: Gateway, body: JsonObject): { asked: string; modality: Modality } {
  const { model, modality } = body;
  if (modality !== undefined && !isModality(modality)) {
    throw new GatewayError('invalid_request', {
      message: `modality "${String(modality)}" is not known.`,
      param: 'modality',
    });
  }
  if (model === undefined || model === 'auto') {
    const chosen = isModality(modality) ? gateway.directory.defaultOf(modality) : undefined;
    if (chosen && isModality(modality)) {
      return { asked: model === 'auto' && routeOf(gateway, 'auto', modality) ? 'auto' : chosen, modality };
    }
    throw new GatewayError('invalid_request', { message: 'model or modality is required.', param: 'model' });
  }
  if (typeof model !== 'string' || model === '') {
    throw new GatewayError('invalid_request', { message: 'model must be a string.', param: 'model' });
  }
  if (isModality(modality)) return { asked: model, modality };
  const known = gateway.directory.find(model);
  if (known) return { asked: model, modality: known.modality };
  // An unknown model of a known provider is sent as asked; without a modality it can only be taken for text.
  gateway.directory.resolve(model, 'text');
  return { asked: model, modality: 'text' };
}
