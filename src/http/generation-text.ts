import type { Context } from 'hono';
import { type Event, GatewayError, type JsonObject, type TextRequest } from '../contract/index.ts';
import { askedOfText } from '../gateway/asked.ts';
import { beginAttempt } from '../gateway/attempt.ts';
import { type Reading, readAnswer, readEvents } from '../gateway/crossed.ts';
import { boundOfText } from '../gateway/estimate.ts';
import type { Caller, Trace } from '../gateway/gateway.ts';
import { Journey, type Leg, travel } from '../gateway/journey.ts';
import { applyQuirks, quirkWarnings } from '../gateway/quirks.ts';
import { resumable } from '../gateway/resume.ts';
import { Seam } from '../gateway/seam.ts';
import { sendText } from '../gateway/send.ts';
import { dialectOf, preparedBody } from '../gateway/target.ts';
import { planText } from '../gateway/text.ts';
import { stopOf } from '../gateway/unknown.ts';
import { viewGeneration } from '../gateway/view.ts';
import { aboutOf, originOf, webhookOf } from './about.ts';
import { errorBody, jsonAnswer, traceHeaders } from './answer.ts';
import { namedFrame } from './event-frames.ts';
import { checkTextBody } from './generation-request.ts';
import type { Doors } from './generations.ts';
import { refused } from './refuse.ts';
import { wishesOf } from './wishes.ts';

/** Fields of the generations body that are ours, not the model's. */
const ours = ['modality', 'wait', 'tags', 'input', 'prompt', 'params', 'workflow', 'parent', 'webhook', 'max_cost_usd'];

/** A text generation through neutral words: `input` is a string or chat messages, other fields as in chat completions. */
export async function generateText(
  doors: Doors,
  c: Context,
  caller: Caller,
  trace: Trace,
  asked: string,
  body: JsonObject,
): Promise<Response> {
  const { gateway } = doors;
  checkTextBody(body);
  const wishes = wishesOf(c);
  const stream = body.stream === true;
  const about = await aboutOf(c, caller, body, true);
  const header = (name: string) => c.req.header(name);
  const strict = body.strict === true || header('x-atelier-strict') === 'true';
  const text = JSON.stringify(body);
  const door = gateway.dialects['openai-chat'];
  const plan = planText(gateway, { caller, trace, door, body, text, asked, strict, wishes, about, header, stream });
  const left = () => c.req.raw.signal;
  const journey = new Journey(gateway, plan, { caller, trace, media: false, plain: false, signal: left });
  const request = readTextRequest(doors, asked, body);
  const webhook = webhookOf(gateway, c, body);
  const warnings = [...trace.warnings];

  const open = async (leg: Leg, seam?: Seam): Promise<Reading> => {
    const { model, upstream } = leg;
    const target = dialectOf(gateway, model, upstream);
    const continued = seam ? seam.continued(request) : request;
    const written = target.writeRequest({ ...continued, model: model.upstream, stream });
    const { quirks } = upstream.row;
    const own = [...written.warnings, ...quirkWarnings(written.body, quirks, model.provider, true)];
    trace.warnings.push(...own);
    if (own.length > 0 && strict) throw new GatewayError('unsupported_parameter', { message: own.join(' ') });
    const sent = JSON.stringify(applyQuirks(preparedBody(written.body, target.name, stream), quirks, true));
    const bound = boundOfText(model, sent.length, continued.maxOutputTokens);
    const degradations = journey.degradationOf(model);
    const attempt = await beginAttempt(gateway, {
      caller,
      model,
      upstream,
      onEnd: leg.release,
      after: leg.after,
      asked,
      bound,
      worth: () => askedOfText(continued),
      about,
      webhook,
      trace,
      warnings: [...warnings, ...own],
      degradations,
    });
    journey.began(leg, attempt);
    const wire = await sendText(journey, attempt, target.name, sent, stream);
    return {
      gateway,
      attempt,
      target,
      wire,
      keepOutputs: true,
      several: (request.n ?? 1) > 1,
      careful: plan.candidates.length > 1,
    };
  };

  const view = async (id: string) => {
    const record = await caller.book.generation(id, caller.keyId);
    if (!record) throw new GatewayError('not_found', 'The generation is gone.');
    return viewGeneration(record, caller.book, originOf(gateway, c), gateway.clock.now());
  };
  if (!stream) {
    const id = await travel(journey, async (leg) => {
      const reading = await open(leg);
      await readAnswer(reading);
      return reading.attempt.generationId;
    });
    return jsonAnswer(c, await view(id), 200, traceHeaders(trace));
  }
  const reading = await travel(journey, async (leg) => {
    const first = await open(leg);
    if (plan.restart) {
      const seam = new Seam();
      resumable(
        journey,
        leg,
        first,
        seam,
        (next) => open(next, seam),
        () => request.output?.type,
      );
    }
    return first;
  });
  reading.notes ??= [];
  const { generationId } = reading.attempt;
  const frames = writeOwnEvents(readEvents(reading), generationId, () => view(generationId), trace, reading.notes);
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', ...traceHeaders(trace) };
  return c.body(doors.lifetimeOf(c).relay(frames, stopOf(reading)), 200, headers);
}

export function readTextRequest(doors: Doors, asked: string, body: JsonObject): TextRequest {
  const chat = doors.gateway.dialects['openai-chat'];
  if (!chat) throw new GatewayError('internal_error', 'The openai-chat dialect is missing.');
  const rest: JsonObject = { ...body, ...(body.params as JsonObject | undefined), model: asked };
  for (const name of ours) delete rest[name];
  const input = body.input ?? body.prompt;
  if (rest.messages !== undefined && input !== undefined && input !== null) {
    throw refused('input', 'A text generation has input or messages, not both.');
  }
  if (rest.messages === undefined) {
    if (typeof input === 'string' && input !== '') rest.messages = [{ role: 'user', content: input }];
    else if (Array.isArray(input)) rest.messages = input;
    else throw new GatewayError('invalid_request', { message: 'input is required.', param: 'input' });
  }
  return chat.readRequest(rest);
}

/** Our own stream: `generation.created`, deltas, warnings (another model goes on), and `generation.completed` with the whole generation and its receipt. */
async function* writeOwnEvents(
  events: AsyncIterable<Event>,
  id: string,
  view: () => Promise<JsonObject>,
  trace: Trace,
  notes: string[],
): AsyncGenerator<Uint8Array> {
  yield namedFrame('generation.created', { id });
  for await (const event of events) {
    for (const message of notes.splice(0)) yield namedFrame('generation.warning', { message });
    if (event.type === 'error') {
      yield namedFrame('error', errorBody(event.error, trace));
      return;
    }
    if (event.type === 'part_start') {
      yield namedFrame('generation.part', { index: event.index, part: event.part.type });
    } else if (event.type === 'part_delta' && ('text' in event.delta || 'arguments' in event.delta)) {
      yield namedFrame('generation.delta', { index: event.index, ...event.delta });
    }
  }
  yield namedFrame('generation.completed', { generation: await view() });
}
