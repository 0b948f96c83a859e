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
import { dialect, ownFields, readContent, readItem, writeContent, writeItems } from './items.ts';

const fields = [
  'model',
  'input',
  'instructions',
  'stream',
  'max_output_tokens',
  'temperature',
  'top_p',
  'top_logprobs',
  'include',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'text',
  'reasoning',
  'service_tier',
  'user',
  'safety_identifier',
] as const;

const logprobsInclude = 'message.output_text.logprobs';

/** Reads a body of `POST /v1/responses`. What belongs to the door (`store`, `previous_response_id`, `background`…) stays in extra. */
export function readRequest(body: Json, context: { model?: string; stream?: boolean } = {}): TextRequest {
  if (!isObject(body)) fail('', 'The body must be a JSON object.');
  const { known, extra } = takeKnown(body, fields);
  const messages = readInput(known.input ?? []);
  const instructions = take.string(known.instructions, 'instructions');
  if (instructions !== undefined)
    messages.unshift({ role: 'system', parts: readContent(instructions, 'instructions') });
  const choice = readToolChoice(known.tool_choice);
  if (known.tool_choice !== undefined && choice === undefined) extra.tool_choice = known.tool_choice;
  const include = take.array(known.include, 'include') ?? [];
  const others = include.filter((one) => one !== logprobsInclude);
  if (others.length > 0) extra.include = others;
  const top = take.integer(known.top_logprobs, 'top_logprobs');
  if (known.user !== undefined && known.safety_identifier !== undefined)
    extra.safety_identifier = known.safety_identifier;
  const { format, ...text } = take.object(known.text, 'text') ?? {};
  if (Object.keys(text).length > 0) extra.text = text;
  return defined<TextRequest>({
    model: need(take.string(known.model, 'model') ?? context.model, 'model'),
    messages,
    stream: take.boolean(known.stream, 'stream') ?? context.stream,
    maxOutputTokens: take.integer(known.max_output_tokens, 'max_output_tokens'),
    temperature: take.number(known.temperature, 'temperature'),
    topP: take.number(known.top_p, 'top_p'),
    logprobs: include.includes(logprobsInclude) || top !== undefined ? defined({ top }) : undefined,
    tools: take.array(known.tools, 'tools')?.map((tool, index) => readTool(tool, index, extra)),
    toolChoice: choice,
    parallelToolCalls: take.boolean(known.parallel_tool_calls, 'parallel_tool_calls'),
    output: readFormat(take.object(format ?? undefined, 'text.format'), extra),
    reasoning: readEffort(take.object(known.reasoning, 'reasoning'), extra),
    serviceTier: take.string(known.service_tier, 'service_tier'),
    user: take.string(known.user, 'user') ?? take.string(known.safety_identifier, 'safety_identifier'),
    extra: Object.keys(extra).length > 0 ? { dialect, params: extra } : undefined,
  });
}

/** Neighbouring items of the assistant's side (reasoning, text, calls) make one message. */
function readInput(input: Json): Message[] {
  if (typeof input === 'string') return [{ role: 'user', parts: readContent(input, 'input') }];
  if (!Array.isArray(input)) fail('input', '"input" must be a text or a list of items.');
  const messages: Message[] = [];
  for (const [index, value] of input.entries()) {
    const path = `input[${index}]`;
    const item = need(take.object(value, path), path);
    const message = item.type === undefined || item.type === 'message';
    if (message && (item.role === 'user' || item.role === 'system' || item.role === 'developer')) {
      const parts = readContent(need(item.content, `${path}.content`), `${path}.content`);
      messages.push({ role: item.role, parts });
    } else if (item.type === 'function_call_output') {
      const id = need(take.string(item.call_id, `${path}.call_id`), `${path}.call_id`);
      messages.push({
        role: 'tool',
        parts: [{ type: 'tool_result', id, content: readContent(item.output, `${path}.output`) }],
      });
    } else {
      if (message && item.role !== 'assistant')
        fail(`${path}.role`, `"${path}.role" must be user, system, developer or assistant.`);
      const parts = readItem(item, path);
      const last = messages.at(-1);
      if (last?.role === 'assistant') last.parts.push(...parts);
      else messages.push({ role: 'assistant', parts });
    }
  }
  return messages;
}

function readTool(value: Json, index: number, leftovers: JsonObject): Tool {
  const path = `tools[${index}]`;
  const tool = need(take.object(value, path), path);
  if (tool.type !== 'function') return { type: 'other', dialect, data: tool };
  const { known, extra } = takeKnown(tool, ['type', 'name', 'description', 'parameters', 'strict']);
  if (Object.keys(extra).length > 0) leftovers.tools = { ...(leftovers.tools as JsonObject), [index]: extra };
  return defined<Tool>({
    type: 'function',
    name: need(take.string(known.name, `${path}.name`), `${path}.name`),
    description: take.string(known.description, `${path}.description`),
    parameters: take.object(known.parameters, `${path}.parameters`),
    strict: take.boolean(known.strict, `${path}.strict`),
  });
}

function readToolChoice(value: Json | undefined): ToolChoice | undefined {
  if (value === 'auto' || value === 'none' || value === 'required') return value;
  const name = at(value, 'name');
  return at(value, 'type') === 'function' && typeof name === 'string' ? { name } : undefined;
}

function readFormat(format: JsonObject | undefined, leftovers: JsonObject): OutputFormat | undefined {
  if (!format) return undefined;
  if (format.type === 'text') return { type: 'text' };
  if (format.type === 'json_object') return { type: 'json' };
  if (format.type !== 'json_schema') {
    leftovers.text = { ...(leftovers.text as JsonObject), format };
    return undefined;
  }
  return defined<OutputFormat>({
    type: 'json_schema',
    schema: take.object(format.schema, 'text.format.schema') ?? {},
    name: take.string(format.name, 'text.format.name'),
    strict: take.boolean(format.strict ?? undefined, 'text.format.strict'),
    description: take.string(format.description ?? undefined, 'text.format.description'),
  });
}

function readEffort(reasoning: JsonObject | undefined, leftovers: JsonObject): TextRequest['reasoning'] {
  if (!reasoning) return undefined;
  const { effort, summary, ...rest } = reasoning;
  if (summary && summary !== 'auto') rest.summary = summary;
  if (effort && !isEffort(effort)) rest.effort = effort;
  if (Object.keys(rest).length > 0) leftovers.reasoning = rest;
  return defined({ effort: isEffort(effort) ? effort : undefined, include: summary ? true : undefined });
}

const without = {
  topK: 'topK',
  stop: 'stop',
  seed: 'seed',
  frequencyPenalty: 'frequencyPenalty',
  presencePenalty: 'presencePenalty',
} as const;

/** Writes a body of `POST /v1/responses`. Throws for content that has no place. */
export function writeRequest(request: TextRequest): Written {
  const warnings = foreignExtraWarnings(request, dialect);
  for (const name of Object.keys(without) as (keyof typeof without)[]) {
    if (request[name] !== undefined) warnings.push(`"${name}" has no counterpart in ${dialect} and was left out.`);
  }
  if (request.n !== undefined && request.n > 1)
    warnings.push(`"n" has no counterpart in ${dialect}: one answer is made.`);
  const { reasoning, output, toolChoice, logprobs } = request;
  const own = ownExtra(request.extra, dialect);
  const budget = reasoning?.budgetTokens;
  const effort = reasoning?.effort ?? (budget === undefined ? undefined : effortOfBudget(budget));
  const summary = reasoning?.include ? 'auto' : undefined;
  const { instructions, rest } = takeInstructions(request.messages);
  const include = [...(Array.isArray(own.include) ? own.include : []), ...(logprobs ? [logprobsInclude] : [])];
  const body = defined({
    model: request.model,
    instructions,
    input: rest.flatMap((message, index) => writeMessage(message, `messages[${index}]`, warnings)),
    stream: request.stream,
    max_output_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    top_logprobs: logprobs?.top,
    tools: request.tools?.flatMap((tool) => writeTool(tool, warnings)),
    tool_choice: typeof toolChoice === 'object' ? { type: 'function', name: toolChoice.name } : toolChoice,
    parallel_tool_calls: request.parallelToolCalls,
    text: output && { format: writeFormat(output) },
    reasoning: reasoning && defined({ effort, summary }),
    service_tier: request.serviceTier,
    user: request.user,
  }) as JsonObject;
  const whole = overlay(body, own) as JsonObject;
  if (include.length > 0) whole.include = include;
  return { body: whole, warnings };
}

function takeInstructions(messages: Message[]): { instructions?: string; rest: Message[] } {
  const [first, ...rest] = messages;
  const only = first?.role === 'system' && first.parts.length === 1 ? first.parts[0] : undefined;
  if (only?.type !== 'text' || only.opaque) return { rest: messages };
  return { instructions: only.text, rest };
}

function writeMessage(message: Message, path: string, warnings: string[]): JsonObject[] {
  if (message.role === 'assistant') return writeAssistant(message.parts, path, warnings);
  const items: JsonObject[] = [];
  const others: Part[] = [];
  for (const part of message.parts) {
    if (part.type !== 'tool_result') {
      others.push(part);
      continue;
    }
    if (part.isError)
      warnings.push(`"${path}": a tool result cannot be marked as an error in ${dialect}; only its content was sent.`);
    items.push({ type: 'function_call_output', call_id: part.id, output: writeContent(part.content, path, warnings) });
  }
  if (others.length === 0 && items.length > 0) return items;
  const role = message.role === 'tool' ? 'user' : message.role;
  return [...items, { type: 'message', role, content: writeContent(others, `${path}.content`, warnings) }];
}

/** Reasoning that this API did not make itself has no id it would accept: it stays behind. */
function writeAssistant(parts: Part[], path: string, warnings: string[]): JsonObject[] {
  const kept = parts.filter((part) => {
    if (part.type === 'reasoning' && ownFields(part).id === undefined) {
      warnings.push(`"${path}": reasoning of another provider cannot be repeated to ${dialect} and was left out.`);
      return false;
    }
    if ('opaque' in part) opaqueFor(part.opaque, dialect, warnings);
    if (
      (part.type === 'other' && part.dialect !== dialect) ||
      (part.type === 'asset' && ownFields(part).id === undefined)
    ) {
      const kind = part.type === 'asset' ? part.asset.mediaType : part.dialect;
      warnings.push(
        `"${path}": a block of ${kind} cannot be repeated in an assistant turn of ${dialect} and was left out.`,
      );
      return false;
    }
    return true;
  });
  const slug = path.replace(/\D+/g, '');
  const items = writeItems(kept, (prefix, position) => `${prefix}_${slug}_${position}`);
  return items.map((item) => {
    if (item.type === 'function_call') {
      const { id, ...rest } = item;
      return rest;
    }
    const content = Array.isArray(item.content) ? item.content : [];
    const plain = item.type === 'message' && content.length === 1 && at(content[0], 'type') === 'output_text';
    if (!plain || (at(content[0], 'annotations') as Json[]).length > 0) return item;
    return {
      type: 'message',
      role: 'assistant',
      content: at(content[0], 'text') ?? '',
      ...(item.phase ? { phase: item.phase } : {}),
    };
  });
}

/** `strict` defaults to true here and to false elsewhere: unsaid means false. */
function writeTool(tool: Tool, warnings: string[]): Json[] {
  if (tool.type === 'function') {
    const { name, description, parameters = null, strict = false } = tool;
    return [defined({ type: 'function', name, description, parameters, strict }) as JsonObject];
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
  return defined({ type: 'json_schema', name, schema, strict, description }) as JsonObject;
}
