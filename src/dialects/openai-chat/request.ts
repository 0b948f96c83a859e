import {
  at,
  isObject,
  type Json,
  type JsonObject,
  type Message,
  type OutputFormat,
  type Part,
  type TextRequest,
  type Tool,
  type ToolChoice,
  type ToolResultPart,
  type Written,
} from '../../contract/index.ts';
import {
  defined,
  effortOfBudget,
  fail,
  foreignExtraWarnings,
  isEffort,
  need,
  opaqueFor,
  overlay,
  ownExtra,
  take,
  takeKnown,
} from '../shared.ts';
import { dialect, messageFields, readAssistant, readContent, writeContent, writePart, writeToolCall } from './parts.ts';

const fields = [
  'model',
  'messages',
  'stream',
  'max_completion_tokens',
  'max_tokens',
  'temperature',
  'top_p',
  'stop',
  'seed',
  'n',
  'frequency_penalty',
  'presence_penalty',
  'logprobs',
  'top_logprobs',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'service_tier',
  'user',
  'safety_identifier',
] as const;

/** Reads a body of `POST /v1/chat/completions`. Nested fields without a word are kept in `extra.params` by index. */
export function readRequest(body: Json, context: { model?: string; stream?: boolean } = {}): TextRequest {
  if (!isObject(body)) fail('', 'The body must be a JSON object.');
  const { known, extra } = takeKnown(body, fields);
  const messages = need(take.array(known.messages, 'messages'), 'messages');
  const choice = readToolChoice(known.tool_choice);
  if (known.tool_choice !== undefined && choice === undefined) extra.tool_choice = known.tool_choice;
  const effort = known.reasoning_effort;
  if (effort !== undefined && !isEffort(effort)) extra.reasoning_effort = effort;
  if (known.max_completion_tokens !== undefined && known.max_tokens !== undefined) extra.max_tokens = known.max_tokens;
  if (known.user !== undefined && known.safety_identifier !== undefined)
    extra.safety_identifier = known.safety_identifier;
  const top = take.integer(known.top_logprobs, 'top_logprobs');
  const { output, rest } = readFormat(take.object(known.response_format, 'response_format'));
  if (rest) extra.response_format = rest;
  const tools = take.array(known.tools, 'tools')?.map((tool, index) => readTool(tool, index, extra));
  const stop = typeof known.stop === 'string' ? [known.stop] : take.array(known.stop, 'stop');
  const cap = known.max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens';
  return defined<TextRequest>({
    model: need(take.string(known.model, 'model') ?? context.model, 'model'),
    messages: messages.map((message, index) => readMessage(message, `messages[${index}]`)),
    stream: take.boolean(known.stream, 'stream') ?? context.stream,
    maxOutputTokens: take.integer(known[cap], cap),
    temperature: take.number(known.temperature, 'temperature'),
    topP: take.number(known.top_p, 'top_p'),
    stop: stop?.map((word) => take.string(word, 'stop') as string),
    seed: take.integer(known.seed, 'seed'),
    n: take.integer(known.n, 'n'),
    frequencyPenalty: take.number(known.frequency_penalty, 'frequency_penalty'),
    presencePenalty: take.number(known.presence_penalty, 'presence_penalty'),
    logprobs: take.boolean(known.logprobs, 'logprobs') ? (top === undefined ? {} : { top }) : undefined,
    tools,
    toolChoice: choice,
    parallelToolCalls: take.boolean(known.parallel_tool_calls, 'parallel_tool_calls'),
    output,
    reasoning: isEffort(effort) ? { effort } : undefined,
    serviceTier: take.string(known.service_tier, 'service_tier'),
    user: take.string(known.user, 'user') ?? take.string(known.safety_identifier, 'safety_identifier'),
    extra: Object.keys(extra).length > 0 ? { dialect, params: extra } : undefined,
  });
}

function readMessage(value: Json, path: string): Message {
  const message = need(take.object(value, path), path);
  const name = take.string(message.name ?? undefined, `${path}.name`);
  const named = name === undefined ? {} : { name };
  switch (message.role) {
    case 'system':
    case 'developer':
    case 'user': {
      const { extra } = takeKnown(message, ['role', 'content', 'name']);
      const parts = readContent(need(message.content, `${path}.content`), `${path}.content`);
      if (Object.keys(extra).length > 0) parts.push({ type: 'other', dialect, data: { message: extra } });
      return { role: message.role, parts, ...named };
    }
    case 'assistant':
      return { role: 'assistant', parts: readAssistant(message, path), ...named };
    case 'tool':
    case 'function': {
      const id =
        message.role === 'function' ? `call_${name}` : take.string(message.tool_call_id, `${path}.tool_call_id`);
      const content = readContent(message.content, `${path}.content`);
      return {
        role: 'tool',
        parts: [{ type: 'tool_result', id: need(id, `${path}.tool_call_id`), content, ...named }],
      };
    }
    default:
      return fail(`${path}.role`, `"${path}.role" must be system, developer, user, assistant or tool.`);
  }
}

function readTool(value: Json, index: number, leftovers: JsonObject): Tool {
  const path = `tools[${index}]`;
  const tool = need(take.object(value, path), path);
  if (tool.type !== 'function') return { type: 'other', dialect, data: tool };
  const words = need(take.object(tool.function, `${path}.function`), `${path}.function`);
  const { known, extra } = takeKnown(words, ['name', 'description', 'parameters', 'strict']);
  const { extra: beside } = takeKnown(tool, ['type', 'function']);
  if (Object.keys(extra).length > 0) beside.function = extra;
  if (Object.keys(beside).length > 0) leftovers.tools = { ...(leftovers.tools as JsonObject), [index]: beside };
  return defined<Tool>({
    type: 'function',
    name: need(take.string(known.name, `${path}.function.name`), `${path}.function.name`),
    description: take.string(known.description, `${path}.function.description`),
    parameters: take.object(known.parameters, `${path}.function.parameters`),
    strict: take.boolean(known.strict, `${path}.function.strict`),
  });
}

/** Undefined for forms without a word (a custom tool, allowed_tools): they stay in extra. */
function readToolChoice(value: Json | undefined): ToolChoice | undefined {
  if (value === 'auto' || value === 'none' || value === 'required') return value;
  const name = at(value, 'function', 'name');
  return typeof name === 'string' ? { name } : undefined;
}

function readFormat(format: JsonObject | undefined): { output?: OutputFormat; rest?: Json } {
  if (!format) return {};
  if (format.type === 'text') return { output: { type: 'text' } };
  if (format.type === 'json_object') return { output: { type: 'json' } };
  if (format.type !== 'json_schema') return { rest: format };
  const path = 'response_format.json_schema';
  const words = need(take.object(format.json_schema, path), path);
  const { known, extra } = takeKnown(words, ['name', 'schema', 'strict', 'description']);
  const output = defined<OutputFormat>({
    type: 'json_schema',
    schema: take.object(known.schema, `${path}.schema`) ?? {},
    name: take.string(known.name, `${path}.name`),
    strict: take.boolean(known.strict, `${path}.strict`),
    description: take.string(known.description, `${path}.description`),
  });
  return { output, ...(Object.keys(extra).length > 0 ? { rest: { json_schema: extra } } : {}) };
}

/** Writes a body of `POST /v1/chat/completions`. A streamed request always asks for usage. Throws for content that has no place. */
export function writeRequest(request: TextRequest): Written {
  const warnings = foreignExtraWarnings(request, dialect);
  if (request.topK !== undefined) warnings.push('"topK" has no counterpart in openai-chat and was left out.');
  const { reasoning, output, toolChoice } = request;
  const effort =
    reasoning?.effort ?? (reasoning?.budgetTokens === undefined ? undefined : effortOfBudget(reasoning.budgetTokens));
  const tools = request.tools?.flatMap((tool) => writeTool(tool, warnings));
  const body = defined({
    model: request.model,
    messages: writeMessages(request.messages, warnings),
    stream: request.stream,
    max_completion_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    stop: request.stop,
    seed: request.seed,
    n: request.n,
    frequency_penalty: request.frequencyPenalty,
    presence_penalty: request.presencePenalty,
    logprobs: request.logprobs ? true : undefined,
    top_logprobs: request.logprobs?.top,
    tools,
    tool_choice:
      typeof toolChoice === 'object' ? { type: 'function', function: { name: toolChoice.name } } : toolChoice,
    parallel_tool_calls: request.parallelToolCalls,
    response_format: output && writeFormat(output),
    reasoning_effort: effort,
    service_tier: request.serviceTier,
    user: request.user,
  }) as JsonObject;
  const whole = overlay(body, ownExtra(request.extra, dialect)) as JsonObject;
  if (request.stream) whole.stream_options = overlay(whole.stream_options ?? {}, { include_usage: true });
  return { body: whole, warnings };
}

function writeTool(tool: Tool, warnings: string[]): Json[] {
  if (tool.type === 'function') {
    const { type, ...words } = tool;
    return [{ type, function: defined(words) as JsonObject }];
  }
  if (tool.dialect === dialect) return [tool.data];
  const type = at(tool.data, 'type') ?? Object.keys(isObject(tool.data) ? tool.data : {})[0];
  warnings.push(`The tool "${type}" runs at a provider of ${tool.dialect} and was left out.`);
  return [];
}

function writeFormat(output: OutputFormat): JsonObject {
  if (output.type === 'text') return { type: 'text' };
  if (output.type === 'json') return { type: 'json_object' };
  const { name = 'answer', schema, strict, description } = output;
  return { type: 'json_schema', json_schema: defined({ name, schema, strict, description }) as JsonObject };
}

/** Tool results come right after the call, one message each; what they hold beside text follows in a user message. */
function writeMessages(messages: Message[], warnings: string[]): JsonObject[] {
  const written: JsonObject[] = [];
  let attached: JsonObject[] = [];
  const flush = () => {
    if (attached.length > 0) written.push({ role: 'user', content: attached });
    attached = [];
  };
  messages.forEach((message, index) => {
    const path = `messages[${index}]`;
    const results = message.parts.filter((part) => part.type === 'tool_result');
    const rest = message.parts.filter((part) => part.type !== 'tool_result');
    for (const result of results) {
      const { body, files } = writeToolResult(result, path, warnings);
      written.push(body);
      attached.push(...files);
    }
    if (results.length > 0 && rest.length === 0) return;
    flush();
    written.push(writeMessage({ ...message, parts: rest }, path, warnings));
  });
  flush();
  return written;
}

function writeToolResult(result: ToolResultPart, path: string, warnings: string[]) {
  if (result.isError)
    warnings.push(`"${path}": a tool result cannot be marked as an error in openai-chat; only its content was sent.`);
  const texts = result.content.filter((part) => part.type === 'text');
  const others = result.content.filter((part) => part.type !== 'text');
  const files = others.map((part) => writePart(part, path, warnings));
  if (files.length > 0) files.unshift({ type: 'text', text: `Attached to the result of tool call ${result.id}:` });
  const content =
    texts.length === 0 && files.length > 0 ? 'See the attachment that follows.' : writeContent(texts, path, warnings);
  return { body: { role: 'tool', tool_call_id: result.id, content } as JsonObject, files };
}

function writeMessage(message: Message, path: string, warnings: string[]): JsonObject {
  const role = message.role === 'tool' ? 'user' : message.role;
  const kept = message.parts.map(messageFields).find((found) => found !== undefined);
  const parts = message.parts.filter((part) => messageFields(part) === undefined);
  const named = { ...(message.name === undefined ? {} : { name: message.name }), ...kept };
  if (role !== 'assistant') return { role, content: writeContent(parts, `${path}.content`, warnings), ...named };
  const content: Part[] = [];
  const calls: Json[] = [];
  let reasoning = '';
  let refusal = '';
  for (const part of parts) {
    if (part.type === 'tool_call') calls.push(writeToolCall(part, warnings));
    else if (part.type === 'reasoning') {
      reasoning += part.text;
      opaqueFor(part.opaque, dialect, warnings);
    } else if (part.type === 'refusal') refusal += part.text;
    else if (part.type === 'text') content.push(part);
    else if (part.type === 'other' && part.dialect === dialect && isObject(part.data)) {
      if (isObject(part.data.custom)) calls.push(part.data);
      else content.push(part);
    } else
      warnings.push(
        `"${path}": ${describe(part)} cannot be repeated in an assistant message of openai-chat and was left out.`,
      );
  }
  return {
    role,
    content: content.length === 0 ? null : writeContent(content, `${path}.content`, warnings),
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(refusal === '' ? {} : { refusal }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...named,
  };
}

function describe(part: Part): string {
  return part.type === 'asset'
    ? `an asset of type ${part.asset.mediaType}`
    : `a block of ${part.type === 'other' ? part.dialect : part.type}`;
}
