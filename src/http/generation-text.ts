import type { Context } from 'hono';
import { type Event, GatewayError, type JsonObject, type TextRequest } from '../contract/index.ts';
import { writeSse } from '../dialects/sse.ts';
import { askedOfText } from '../gateway/asked.ts';
import { beginAttempt, upstreamOf } from '../gateway/attempt.ts';
import { type Reading, readAnswer, readEvents } from '../gateway/crossed.ts';
import { boundOfText } from '../gateway/estimate.ts';
import type { Caller, Trace } from '../gateway/gateway.ts';
import { applyQuirks, quirkWarnings } from '../gateway/quirks.ts';
import { dialectOf, preparedBody } from '../gateway/target.ts';
import { sendText } from '../gateway/text.ts';
import { stopOf } from '../gateway/unknown.ts';
import { viewGeneration } from '../gateway/view.ts';
import { aboutOf, originOf, webhookOf } from './about.ts';
import { errorBody, jsonAnswer, traceHeaders } from './answer.ts';
import { checkTextBody } from './generation-request.ts';
import type { Doors } from './generations.ts';

/** Fields of the generations body that are ours, not the model's. */
const ours = ['modality', 'wait', 'tags', 'input', 'prompt', 'params', 'workflow', 'parent', 'webhook', 'max_cost_usd'];

const encoder = new TextEncoder();

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
  const model = gateway.directory.resolve(asked, 'text');
  checkTextBody(body);
  const upstream = upstreamOf(gateway, model);
  const target = dialectOf(gateway, model, upstream);
  const stream = body.stream === true;
  const request = readTextRequest(doors, asked, body);
  const written = target.writeRequest({ ...request, model: model.upstream, stream });
  const { quirks } = upstream.row;
  const warnings = [...written.warnings, ...quirkWarnings(written.body, quirks, model.provider, true)];
  trace.warnings.push(...warnings);
  if (warnings.length > 0 && c.req.header('x-atelier-strict') === 'true') {
    throw new GatewayError('unsupported_parameter', { message: warnings.join(' ') });
  }
  const text = JSON.stringify(applyQuirks(preparedBody(written.body, target.name, stream), quirks, true));
  const bound = boundOfText(model, text.length, request.maxOutputTokens);
  const worth = () => askedOfText(request);
  const about = await aboutOf(c, caller, body, true);
  const webhook = webhookOf(gateway, c, body);
  const attempt = await beginAttempt(gateway, { caller, model, asked, bound, worth, about, webhook, trace, warnings });
  const wire = await sendText(gateway, attempt, target.name, text, stream);
  const reading: Reading = { gateway, attempt, target, wire, bound, keepOutputs: true };

  const view = async () => {
    const record = await caller.book.generation(attempt.generationId, caller.keyId);
    if (!record) throw new GatewayError('not_found', 'The generation is gone.');
    return viewGeneration(record, caller.book, originOf(gateway, c), gateway.clock.now());
  };
  if (stream) {
    const frames = writeOwnEvents(readEvents(reading), attempt.generationId, view, trace);
    const headers = { 'content-type': 'text/event-stream; charset=utf-8', ...traceHeaders(trace) };
    return c.body(doors.lifetimeOf(c).relay(frames, stopOf(reading)), 200, headers);
  }
  await readAnswer(reading);
  return jsonAnswer(c, await view(), 200, traceHeaders(trace));
}

export function readTextRequest(doors: Doors, asked: string, body: JsonObject): TextRequest {
  const chat = doors.gateway.dialects['openai-chat'];
  if (!chat) throw new GatewayError('internal_error', 'The openai-chat dialect is missing.');
  const rest: JsonObject = { ...body, ...(body.params as JsonObject | undefined), model: asked };
  for (const name of ours) delete rest[name];
  const input = body.input ?? body.prompt;
  if (rest.messages === undefined) {
    if (typeof input === 'string' && input !== '') rest.messages = [{ role: 'user', content: input }];
    else if (Array.isArray(input)) rest.messages = input;
    else throw new GatewayError('invalid_request', { message: 'input is required.', param: 'input' });
  }
  return chat.readRequest(rest);
}

/** Our own stream: `generation.created`, deltas, and `generation.completed` with the whole generation and its receipt. */
async function* writeOwnEvents(
  events: AsyncIterable<Event>,
  id: string,
  view: () => Promise<JsonObject>,
  trace: Trace,
): AsyncGenerator<Uint8Array> {
  const frame = (event: string, data: JsonObject) => encoder.encode(writeSse({ event, data: JSON.stringify(data) }));
  yield frame('generation.created', { type: 'generation.created', id });
  for await (const event of events) {
    if (event.type === 'error') {
      yield frame('error', { type: 'error', ...errorBody(event.error, trace) });
      return;
    }
    if (event.type === 'part_start') {
      yield frame('generation.part', { type: 'generation.part', index: event.index, part: event.part.type });
    } else if (event.type === 'part_delta' && ('text' in event.delta || 'arguments' in event.delta)) {
      yield frame('generation.delta', { type: 'generation.delta', index: event.index, ...event.delta });
    }
  }
  yield frame('generation.completed', { type: 'generation.completed', generation: await view() });
}
