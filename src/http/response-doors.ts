import type { Context } from 'hono';
import type { ResponseRecord } from '../books/index.ts';
import {
  asGatewayError,
  type Dialect,
  GatewayError,
  type Json,
  type JsonObject,
  type Model,
} from '../contract/index.ts';
import { echoOf } from '../dialects/openai-responses/echo.ts';
import { upstreamOf } from '../gateway/attempt.ts';
import { type Caller, type Gateway, newTrace, type Trace } from '../gateway/gateway.ts';
import { newId } from '../gateway/ids.ts';
import { planText, runText, type TextCall } from '../gateway/text.ts';
import { aboutOf } from './about.ts';
import { errorAnswer, jsonAnswer, traceHeaders } from './answer.ts';
import { readJson } from './body.ts';
import type { Doors } from './generations.ts';
import { badField } from './refuse.ts';
import { continueFrom, listInput } from './response-store.ts';
import { streamStored } from './response-stream.ts';
import { forwardedHeaders, readWishes } from './text-door.ts';

/** Background answers that can still be canceled, by id. */
const running = new Map<string, AbortController>();

/** `POST /v1/responses`: create, streamed or not, in the background or not, kept unless `store` is false. */
export function createResponseDoor(doors: Doors, dialect: Dialect) {
  const { gateway, authenticator } = doors;
  return async function answerResponse(c: Context): Promise<Response> {
    const trace = newTrace();
    try {
      const caller = await authenticator.caller(c);
      const { text, body, wishes, asked } = readWishes(c, await readJson(c));
      const header = (name: string) => c.req.header(name);
      const about = await aboutOf(c, caller, body);
      const plan = planText(gateway, {
        caller,
        trace,
        door: dialect,
        body,
        text,
        asked,
        strict: false,
        wishes,
        about,
        header,
      });
      const [model] = plan.candidates as [Model];
      const keeps = (id: string) => gateway.upstreams.get(id)?.provider.text?.[dialect.name] !== undefined;
      upstreamOf(gateway, model);
      const native = keeps(model.provider) ? model.provider : undefined;
      const continued = await continueFrom(caller, body, native);
      // What only its provider has kept can be gone on with by that provider alone.
      if (typeof continued.body.previous_response_id === 'string') {
        plan.candidates = plan.candidates.filter((one) => one.provider === native);
      }
      for (const name of ['background', 'store'] as const) {
        if (body[name] !== undefined && body[name] !== null && typeof body[name] !== 'boolean')
          throw badField(name, 'is true or false.');
      }
      const { background, ...sent } = continued.body;
      const keep = body.store !== false;
      const answerer = () => (trace.provider !== undefined && keeps(trace.provider) ? trace.provider : '');
      const save = (answer: JsonObject, keeper = answerer()) =>
        caller.book.saveResponse({
          id: String(answer.id),
          keyId: caller.keyId,
          provider: keeper,
          status: String(answer.status ?? 'completed'),
          at: gateway.clock.now(),
          input: continued.input,
          context: continued.context,
          body: answer,
        });
      const call: TextCall = {
        caller,
        trace,
        door: dialect,
        body: sent,
        text: continued.body === body && background === undefined ? text : JSON.stringify(sent),
        asked,
        plan,
        about,
        header,
        left: background === true ? undefined : () => c.req.raw.signal,
        stream: body.stream === true && background !== true,
        strict: c.req.header('x-atelier-strict') === 'true',
        headers: forwardedHeaders(c, dialect),
        echo: (completedAt) => ({ type: 'other', dialect: dialect.name, data: echoOf(body, completedAt) }),
        ...(keep ? { onAnswer: (answer) => save(answer) } : {}),
      };
      if (background === true) {
        if (!keep) {
          throw new GatewayError('invalid_request', { message: 'background needs store.', param: 'background' });
        }
        const shell = await startBackground(doors, c, call, echoOf(body), save);
        if (body.stream !== true) return jsonAnswer(c, shell);
        const record = await caller.book.response(String(shell.id), caller.keyId);
        return streamStored(doors, c, caller, record!);
      }
      const reply = await runText(gateway, doors.lifetimeOf(c), call);
      return new Response(reply.body as BodyInit, {
        status: 200,
        headers: { ...reply.headers, ...traceHeaders(trace) },
      });
    } catch (thrown) {
      return errorAnswer(thrown, trace, dialect);
    }
  };
}

type Save = (answer: JsonObject, keeper?: string) => Promise<void>;

/** Answers at once with a queued response under an id of ours; the work goes on and is kept under that id. With its end where it could not go on. */
async function startBackground(
  doors: Doors,
  c: Context,
  call: TextCall,
  echo: JsonObject,
  save: Save,
): Promise<JsonObject> {
  const { gateway } = doors;
  const id = newId('resp_', gateway.clock.now());
  const { stream: _, ...body } = call.body;
  const shell: JsonObject = {
    ...echo,
    id,
    object: 'response',
    created_at: Math.floor(gateway.clock.now() / 1000),
    status: 'queued',
    background: true,
    model: call.asked,
    output: [],
    error: null,
    incomplete_details: null,
  };
  // No provider knows an id of ours.
  const saveOurs = (answer: JsonObject) => save({ ...answer, id, background: true }, '');
  await saveOurs(shell);
  const abort = new AbortController();
  running.set(id, abort);
  const work = async () => {
    try {
      await runText(gateway, doors.lifetimeOf(c), {
        ...call,
        body,
        text: JSON.stringify(body),
        stream: false,
        signal: abort.signal,
        onAnswer: saveOurs,
      });
    } catch (thrown) {
      const error = asGatewayError(thrown);
      await saveOurs({ ...shell, status: 'failed', error: { code: 'server_error', message: error.message } });
    } finally {
      running.delete(id);
    }
  };
  const lifetime = doors.lifetimeOf(c);
  const working = work();
  lifetime.background(working);
  if (!lifetime.brief) return shell;
  await working;
  return (await call.caller.book.response(id, call.caller.keyId))?.body ?? shell;
}

/** Milliseconds after which nobody works on a background response any more: its process has stopped. */
const longestWork = ({ totalTimeout }: Gateway['deadlines']) => Math.max(3_600_000, 2 * totalTimeout);

/** The record, ended where its process stopped before it could. */
async function endedIfLeft({ clock, deadlines }: Gateway, caller: Caller, record: ResponseRecord) {
  const isOpen = record.status === 'queued' || record.status === 'in_progress';
  if (!isOpen || clock.now() - record.at < longestWork(deadlines)) return record;
  const error = { code: 'server_error', message: 'The gateway stopped before the answer arrived.' };
  await caller.book.saveResponse({ ...record, status: 'failed', body: { ...record.body, status: 'failed', error } });
  return (await caller.book.response(record.id, caller.keyId)) ?? record;
}

type Found = { caller: Caller; record: ResponseRecord };

/** `GET|DELETE /v1/responses/{id}`, `POST …/cancel`, `GET …/input_items`. */
export function storedResponseDoors(doors: Doors, dialect: Dialect) {
  const { gateway, authenticator } = doors;
  const found = async (c: Context): Promise<Found> => {
    const caller = await authenticator.caller(c);
    const id = c.req.param('id') ?? '';
    const record = await caller.book.response(id, caller.keyId);
    if (!record) throw new GatewayError('not_found', { message: `No response is called "${id}".`, param: 'id' });
    return { caller, record: await endedIfLeft(gateway, caller, record) };
  };
  const door = (answer: (c: Context, found: Found) => Json | Response | Promise<Json>) =>
    async function answerStored(c: Context): Promise<Response> {
      const trace: Trace = newTrace();
      try {
        const answered = await answer(c, await found(c));
        return answered instanceof Response ? answered : jsonAnswer(c, answered);
      } catch (thrown) {
        return errorAnswer(thrown, trace, dialect);
      }
    };
  return {
    read: door((c, { caller, record }) =>
      c.req.query('stream') === 'true' ? streamStored(doors, c, caller, record) : record.body,
    ),
    remove: door(async (_, { caller, record }) => {
      await caller.book.removeResponse(record.id, caller.keyId);
      return { id: record.id, object: 'response', deleted: true };
    }),
    inputItems: door((_, { record }) => listInput(record)),
    cancel: door(async (_, { caller, record }) => {
      if (record.body.background !== true) {
        throw new GatewayError('invalid_request', 'Only a background response can be canceled.');
      }
      if (record.status !== 'queued' && record.status !== 'in_progress') return record.body;
      running.get(record.id)?.abort();
      const body = { ...record.body, status: 'cancelled' };
      await caller.book.saveResponse({ ...record, status: 'cancelled', body, at: gateway.clock.now() });
      // An answer that came first stays.
      return (await caller.book.response(record.id, caller.keyId))?.body ?? body;
    }),
  };
}
