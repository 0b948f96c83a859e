import type { Context } from 'hono';
import {
  type Asset,
  GatewayError,
  isModality,
  type JsonObject,
  type MediaModality,
  type Modality,
} from '../contract/index.ts';
import { type Caller, type Gateway, newTrace, type Trace } from '../gateway/gateway.ts';
import { beginMedia } from '../gateway/media.ts';
import { runMedia } from '../jobs/follow.ts';
import type { Lifetime } from '../runtime/ports.ts';
import { errorAnswer, jsonAnswer, traceHeaders } from './answer.ts';
import type { Authenticator } from './authenticate.ts';
import { readBytes, readJson } from './body.ts';
import { generateText } from './generation-text.ts';
import { viewGeneration } from './generation-view.ts';
import { named } from './media-input.ts';
import { readMediaRequest } from './media-request.ts';

/** Seconds a synchronous generation is waited for unless the caller says otherwise. */
const defaultWait = 120;

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
      const { body, upload } = await readBody(c);
      const { asked, modality } = chooseModel(doors.gateway, body);
      if (modality === 'text') return await generateText(doors, c, caller, trace, asked, body);
      if (body.stream === true) {
        throw new GatewayError('unsupported_parameter', {
          message: `stream is for text; ${modality} is not streamed.`,
          param: 'stream',
        });
      }
      return await generateMedia(doors, c, caller, trace, asked, modality, body, upload);
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
  upload: Asset | undefined,
): Promise<Response> {
  const { gateway } = doors;
  // Refuse a wrong model before any input is fetched.
  gateway.directory.resolve(asked, modality);
  const { request, record } = await readMediaRequest(gateway, caller, modality, body, upload);
  const tags = body.tags as JsonObject | undefined;
  const attempt = await beginMedia(gateway, { caller, trace, asked, request, record, tags });
  const work = runMedia(gateway, caller, attempt, request, record);
  doors.lifetimeOf(c).background(work.catch(() => {}));

  const seconds = typeof body.wait === 'number' ? body.wait : defaultWait;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<'still running'>((resolve) => {
    timer = setTimeout(resolve, seconds * 1000, 'still running');
  });
  const outcome = await Promise.race([work, patience]).finally(() => clearTimeout(timer));
  const view = await find(gateway, c, caller, attempt.generationId);
  return jsonAnswer(c, view, outcome === 'still running' ? 202 : 200, traceHeaders(trace));
}

/** `GET /v1/generations/{id}` */
export function readGeneration({ gateway, authenticator }: Doors) {
  return async function answerGeneration(c: Context): Promise<Response> {
    try {
      const caller = await authenticator.caller(c);
      return jsonAnswer(c, await find(gateway, c, caller, c.req.param('id') ?? ''));
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
      const page = await caller.book.listGenerations({ limit, after: c.req.query('after'), keyId: caller.keyId });
      const data = [];
      for (const record of page.data) {
        data.push(await viewGeneration(record, caller.book, new URL(c.req.url).origin, gateway.clock.now()));
      }
      return jsonAnswer(c, { object: 'list', data, has_more: page.hasMore, last_id: page.data.at(-1)?.id ?? null });
    } catch (thrown) {
      return errorAnswer(thrown);
    }
  };
}

async function find(gateway: Gateway, c: Context, caller: Caller, id: string): Promise<JsonObject> {
  const record = await caller.book.generation(id, caller.keyId);
  if (!record) throw new GatewayError('not_found', { message: `No generation is called "${id}".`, param: 'id' });
  return viewGeneration(record, caller.book, new URL(c.req.url).origin, gateway.clock.now());
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
    if (chosen && isModality(modality)) return { asked: chosen, modality };
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

/** JSON, or a form whose file is the input. Form fields are strings; numbers and booleans are read as such. */
export async function readBody(c: Context): Promise<{ body: JsonObject; upload?: Asset }> {
  if (!c.req.header('content-type')?.startsWith('multipart/form-data')) return readJson(c);
  const bytes = await readBytes(c);
  let form: FormData;
  try {
    form = await new Response(bytes, { headers: { 'content-type': c.req.header('content-type') ?? '' } }).formData();
  } catch {
    throw new GatewayError('invalid_request', 'The form cannot be read.');
  }
  const body: JsonObject = {};
  let upload: Asset | undefined;
  for (const [name, value] of form.entries()) {
    if (typeof value !== 'string') {
      if (!['file', 'audio', 'input'].includes(name)) {
        throw new GatewayError('unsupported_parameter', {
          message: `A file named "${name}" is not taken.`,
          param: name,
        });
      }
      upload = named(new Uint8Array(await value.arrayBuffer()), value.type, value.name);
    } else if (/^(wait|temperature|seed|n|seconds|speed)$/.test(name)) body[name] = Number(value);
    else if (/^(stream|translate)$/.test(name)) body[name] = value === 'true';
    else if (name.startsWith('tags.')) body.tags = { ...(body.tags as JsonObject), [name.slice(5)]: value };
    else body[name] = value;
  }
  return { body, upload };
}
