import type { Json, JsonObject } from '../../../src/contract/index.ts';
import { at, isObject } from '../../../src/contract/index.ts';
import type { BilledCall } from '../bill.ts';
import { readChat } from '../openai/chat-request.ts';
import { charges, measure, perform } from '../openai/figures.ts';
import type { Endpoint } from '../openai/routes.ts';
import { clientOf, type Desk, type Frame, readJson, stream } from '../openai/wire.ts';
import { countTokens, pieces, type Script } from '../text.ts';
import { refusing } from './cohere-documents.ts';

/** Cohere's own chat. https://docs.cohere.com/reference/chat */
export const cohere: Record<string, Endpoint> = { '/v2/chat': refusing(chat) };

const finishes: Record<Script['finish'], string> = {
  stop: 'COMPLETE',
  length: 'MAX_TOKENS',
  tool_calls: 'TOOL_CALL',
  stop_sequence: 'STOP_SEQUENCE',
};

async function chat(desk: Desk, request: Request): Promise<Response> {
  const { text, body } = await readJson(request);
  const asked = readChat(desk, asOpenai(body));
  const script = perform(asked, 0);
  const figures = measure(desk, asked, [script]);
  const id = desk.idFor('', 'v2/chat', text);
  const call: BilledCall = { client: clientOf(request), id, model: asked.model, at: desk.now(), charges: [] };
  desk.bill.add(call);
  const tokens = { input_tokens: figures.input, output_tokens: figures.output };
  const usage = { billed_units: tokens, tokens };
  const calls = script.toolCalls.map((tool, index) => ({
    id: `${tool.name}_${desk.idFor('', id, String(index)).slice(0, 12)}`,
    type: 'function',
    function: { name: tool.name, arguments: JSON.stringify(tool.arguments) },
  }));
  const plan = `I will use ${script.toolCalls.map((tool) => tool.name).join(' and ')}.`;
  const finish = finishes[script.finish];
  if (body.stream === true) {
    const frames = events({ id, script, calls, plan, finish, usage });
    return stream(desk, request, frames, (written, complete) => {
      const output = complete ? figures.output : Math.min(written, figures.output);
      call.charges.push(...charges({ ...figures, output }, 'default'));
    });
  }
  call.charges.push(...charges(figures, 'default'));
  const said: JsonObject =
    calls.length > 0 ? { tool_plan: plan, tool_calls: calls } : { content: [{ type: 'text', text: script.text }] };
  return Response.json({ id, finish_reason: finish, message: { role: 'assistant', ...said }, usage });
}

type Telling = { id: string; script: Script; calls: JsonObject[]; plan: string; finish: string; usage: JsonObject };

function* events({ id, script, calls, plan, finish, usage }: Telling): Generator<Frame> {
  const event = (type: string, more: JsonObject = {}, tokens = 0): Frame => ({
    event: type,
    data: { type, ...more },
    tokens,
  });
  yield event('message-start', { id, delta: { message: { role: 'assistant', content: [], tool_plan: '' } } });
  if (calls.length > 0) {
    for (const piece of pieces(plan)) yield event('tool-plan-delta', { delta: { message: { tool_plan: piece } } });
  }
  for (const [index, call] of calls.entries()) {
    const inner = call.function as { name: string; arguments: string };
    const opening = { ...call, function: { name: inner.name, arguments: '' } };
    const tokens = 4 + countTokens(inner.name);
    yield event('tool-call-start', { index, delta: { message: { tool_calls: opening } } }, tokens);
    for (const piece of pieces(inner.arguments)) {
      yield event(
        'tool-call-delta',
        { index, delta: { message: { tool_calls: { function: { arguments: piece } } } } },
        1,
      );
    }
    yield event('tool-call-end', { index });
  }
  if (calls.length === 0) {
    yield event('content-start', { index: 0, delta: { message: { content: { type: 'text', text: '' } } } });
    for (const piece of pieces(script.text)) {
      yield event('content-delta', { index: 0, delta: { message: { content: { text: piece } } } }, 1);
    }
    yield event('content-end', { index: 0 });
  }
  yield event('message-end', { id, delta: { finish_reason: finish, usage } });
}

/** The same request in OpenAI's words, as far as it decides what is said. */
function asOpenai(body: JsonObject): JsonObject {
  const { model, messages, tools, max_tokens: most, stop_sequences: stop, response_format: format } = body;
  const choice = typeof body.tool_choice === 'string' ? body.tool_choice.toLowerCase() : undefined;
  const schema = at(format ?? null, 'json_schema') ?? at(format ?? null, 'schema');
  const written: JsonObject = { model: model as Json, messages: asMessages(messages as Json) };
  if (tools) written.tools = tools;
  if (choice) written.tool_choice = choice;
  if (most) written.max_tokens = most;
  if (stop) written.stop = stop;
  if (isObject(schema)) {
    written.response_format = { type: 'json_schema', json_schema: { name: 'answer', schema: schema as JsonObject } };
  } else if (format) written.response_format = format;
  return written;
}

/** Thoughts, plans and documents are no parts of OpenAI's: they count as text. */
function asMessages(messages: Json): Json {
  if (!Array.isArray(messages)) return messages ?? null;
  return messages.map((message) => {
    if (!isObject(message)) return message;
    const { content, tool_plan: plan, tool_calls: calls, citations: _, ...rest } = message as JsonObject;
    const parts = Array.isArray(content) ? content.map(asPart) : (content ?? plan ?? null);
    return { ...rest, content: parts, ...(calls ? { tool_calls: calls } : {}) };
  });
}

function asPart(part: Json): Json {
  if (!isObject(part) || part.type === 'text' || part.type === 'image_url') return part;
  const text = typeof part.thinking === 'string' ? part.thinking : JSON.stringify(part.document ?? part);
  return { type: 'text', text };
}
