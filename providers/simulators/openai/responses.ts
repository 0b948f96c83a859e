import type { JsonObject } from '../../../src/contract/index.ts';
import { at, isObject } from '../../../src/contract/index.ts';
import type { BilledCall } from '../bill.ts';
import { pieces, type Script } from '../text.ts';
import { charges, measure, perform, refuseTooLong, remember, servedTier } from './figures.ts';
import { type AskedResponse, readResponseRequest, seal } from './responses-request.ts';
import { clientOf, type Desk, echoes, type Frame, readJson, secondsOf, stream, WireError } from './wire.ts';

/** POST /responses */
export async function createResponse(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  const asked = readResponseRequest(desk, body);
  const script = perform(asked, 0);
  const figures = measure(desk, asked, [script]);
  refuseTooLong(asked, figures);
  remember(desk, asked);
  const id = desk.idFor('resp_', 'responses', text);
  const tier = servedTier(asked.tier);
  const call: BilledCall = { client: clientOf(request), id, model: asked.model, at: desk.now(), charges: [] };
  desk.bill.add(call);
  const bill = (output: number) => call.charges.push(...charges({ ...figures, output }, tier));

  const begun: JsonObject = { ...frame(desk, body, asked, id, tier), ...echoes(body) };
  const output = items(desk, body, script, id);
  const short = script.finish === 'length';
  const whole: JsonObject = {
    ...begun,
    status: short ? 'incomplete' : 'completed',
    completed_at: short ? null : secondsOf(desk),
    incomplete_details: short ? { reason: 'max_output_tokens' } : null,
    output,
    usage: {
      input_tokens: figures.input,
      input_tokens_details: { cached_tokens: figures.cached, cache_write_tokens: 0 },
      output_tokens: figures.output,
      output_tokens_details: { reasoning_tokens: figures.reasoning },
      total_tokens: figures.input + figures.output,
    },
  };
  const keep = () => asked.store && desk.stored.set(id, { response: whole, items: asked.items });
  if (asked.stream) {
    return stream(desk, request, tell(begun, whole, script.reasoningTokens), (tokens, complete) => {
      bill(complete ? figures.output : Math.min(tokens, figures.output));
      if (complete) keep();
    });
  }
  bill(figures.output);
  keep();
  return Response.json(asked.background ? { ...begun, status: 'queued' } : whole);
}

/** GET /responses/{id} */
export async function retrieveResponse(desk: Desk, request: Request): Promise<Response> {
  return Response.json(find(desk, request).response);
}

/** GET /responses/{id}/input_items, newest first. */
export async function listInputItems(desk: Desk, request: Request): Promise<Response> {
  const kept = find(desk, request);
  const data = (kept.items as JsonObject[]).map((item, index) => ({
    id: desk.idFor('msg_', kept.id, String(index)),
    status: 'completed',
    ...item,
    ...(typeof item.content === 'string' ? { content: [{ type: 'input_text', text: item.content }] } : {}),
  }));
  data.reverse();
  return Response.json({ object: 'list', data, first_id: data[0]?.id, last_id: data.at(-1)?.id, has_more: false });
}

/** DELETE /responses/{id} */
export async function deleteResponse(desk: Desk, request: Request): Promise<Response> {
  const { id } = find(desk, request);
  desk.stored.delete(id);
  return Response.json({ id, object: 'response', deleted: true });
}

/** POST /responses/{id}/cancel: of a background response only. Its work is done at once, so it stays on the bill. */
export async function cancelResponse(desk: Desk, request: Request): Promise<Response> {
  const kept = find(desk, request);
  if (!isObject(kept.response) || kept.response.background !== true) {
    throw new WireError(400, 'Cannot cancel a synchronous response.');
  }
  const response = { ...kept.response, status: 'cancelled', output: [], completed_at: null };
  desk.stored.set(kept.id, { response, items: kept.items ?? [] });
  return Response.json(response);
}

function find(desk: Desk, request: Request): JsonObject & { id: string } {
  const id = /\/responses\/([^/]+)/.exec(new URL(request.url).pathname)?.[1] ?? '';
  const kept = desk.stored.get(id);
  if (!kept) throw new WireError(404, `Response with id '${id}' not found.`);
  return { ...kept, id };
}

/** The response object before anything is said. */
function frame(desk: Desk, body: JsonObject, asked: AskedResponse, id: string, tier: string): JsonObject {
  const tools = (Array.isArray(body.tools) ? body.tools : []) as JsonObject[];
  return {
    id,
    object: 'response',
    created_at: secondsOf(desk),
    status: 'in_progress',
    background: asked.background,
    completed_at: null,
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    model: asked.model,
    output: [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: at(body, 'reasoning', 'effort') ?? null, summary: at(body, 'reasoning', 'summary') ?? null },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: tier,
    store: asked.store,
    temperature: body.temperature ?? 1,
    text: {
      format: at(body, 'text', 'format') ?? { type: 'text' },
      verbosity: at(body, 'text', 'verbosity') ?? 'medium',
    },
    tool_choice: body.tool_choice ?? 'auto',
    tools: tools.map((tool) => ({ strict: true, parameters: null, ...tool })),
    top_logprobs: 0,
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? 'disabled',
    ...(body.user ? { user: body.user } : {}),
    metadata: body.metadata ?? {},
  };
}

function items(desk: Desk, body: JsonObject, script: Script, id: string): JsonObject[] {
  const output: JsonObject[] = [];
  const status = script.finish === 'length' ? 'incomplete' : 'completed';
  if (script.reasoning) {
    const sealed = Array.isArray(body.include) && body.include.includes('reasoning.encrypted_content');
    const told = typeof at(body, 'reasoning', 'summary') === 'string';
    output.push({
      id: desk.idFor('rs_', id),
      type: 'reasoning',
      ...(sealed ? { encrypted_content: seal(desk, script.reasoning) } : {}),
      summary: told ? [{ type: 'summary_text', text: script.reasoning }] : [],
    });
  }
  for (const [index, call] of script.toolCalls.entries()) {
    output.push({
      id: desk.idFor('fc_', id, String(index)),
      type: 'function_call',
      status,
      arguments: JSON.stringify(call.arguments),
      call_id: desk.idFor('call_', id, String(index)).slice(0, 29),
      name: call.name,
    });
  }
  if (script.text) {
    const part = { type: 'output_text', annotations: [], logprobs: [], text: script.text };
    output.push({ id: desk.idFor('msg_', id), type: 'message', status, content: [part], role: 'assistant' });
  }
  return output;
}

/** The events of a streamed response, each with its name and number. */
function* tell(begun: JsonObject, whole: JsonObject, reasoningTokens: number): Generator<Frame> {
  let sequence = 0;
  const event = (type: string, fields: JsonObject, tokens = 0): Frame => ({
    event: type,
    data: { type, sequence_number: sequence++, ...fields },
    tokens,
  });
  yield event('response.created', { response: begun });
  yield event('response.in_progress', { response: begun });
  for (const [place, item] of (whole.output as JsonObject[]).entries()) {
    const where = { output_index: place };
    const inside = { item_id: String(item.id), output_index: place };
    const opened: JsonObject = { ...item, status: 'in_progress' };
    if (item.type === 'message') opened.content = [];
    if (item.type === 'function_call') opened.arguments = '';
    if (item.type === 'reasoning') {
      delete opened.status;
      opened.summary = [];
    }
    yield event('response.output_item.added', { ...where, item: opened });
    if (item.type === 'message') {
      const [part] = item.content as JsonObject[];
      const spot = { ...inside, content_index: 0 };
      const text = String(part?.text);
      yield event('response.content_part.added', { ...spot, part: { ...part, text: '' } });
      for (const delta of pieces(text)) yield event('response.output_text.delta', { ...spot, delta, logprobs: [] }, 1);
      yield event('response.output_text.done', { ...spot, text, logprobs: [] });
      yield event('response.content_part.done', { ...spot, part: part ?? {} });
    } else if (item.type === 'function_call') {
      const all = String(item.arguments);
      for (const delta of pieces(all)) yield event('response.function_call_arguments.delta', { ...inside, delta }, 1);
      yield event('response.function_call_arguments.done', { ...inside, name: String(item.name), arguments: all });
    }
    for (const [index, part] of ((item.summary ?? []) as JsonObject[]).entries()) {
      const spot = { ...inside, summary_index: index };
      const text = String(part.text);
      yield event('response.reasoning_summary_part.added', { ...spot, part: { ...part, text: '' } });
      for (const delta of pieces(text)) yield event('response.reasoning_summary_text.delta', { ...spot, delta });
      yield event('response.reasoning_summary_text.done', { ...spot, text });
      yield event('response.reasoning_summary_part.done', { ...spot, part });
    }
    yield event('response.output_item.done', { ...where, item }, item.type === 'reasoning' ? reasoningTokens : 0);
  }
  yield event(whole.status === 'incomplete' ? 'response.incomplete' : 'response.completed', { response: whole });
}
