import {
  GatewayError,
  isObject,
  type Json,
  type JsonObject,
  type Message,
  type OutputFormat,
  type TextRequest,
  type Tool,
  type ToolChoice,
  type Written,
} from '../../contract/index.ts';
import { defined, fail, foreignExtraWarnings, isEffort, need, overlay, ownExtra, take, takeKnown } from '../shared.ts';
import { dialect, readContent, warn, writeBlocks } from './blocks.ts';
import { closed } from './schema.ts';

/** The API demands `max_tokens`; this is written where the caller named none. A thinking budget comes on top. */
export const defaultMaxTokens = 4096;
const leastBudget = 1024;

const fields = [
  'model',
  'max_tokens',
  'messages',
  'system',
  'stream',
  'stop_sequences',
  'temperature',
  'top_p',
  'top_k',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'metadata',
  'service_tier',
] as const;

/**
 * Reads a body of `POST /v1/messages` (or `/v1/messages/count_tokens`, which has no `max_tokens`). Each tool result becomes a
 * message of its own; nested fields without a word are kept on their part or in `extra.params`.
 */
export function readRequest(body: Json, context: { model?: string; stream?: boolean } = {}): TextRequest {
  if (!isObject(body)) fail('', 'The body must be a JSON object.');
  refuseThread(body);
  const { known, extra } = takeKnown(body, fields);
  const system = readContent(known.system, 'system');
  const messages = need(take.array(known.messages, 'messages'), 'messages');
  const metadata = take.object(known.metadata, 'metadata') ?? {};
  const { user_id: user = null, ...labels } = metadata;
  if (Object.keys(labels).length > 0) extra.metadata = labels;
  const { choice, parallel } = readToolChoice(take.object(known.tool_choice, 'tool_choice'), extra);
  const stops = take.array(known.stop_sequences, 'stop_sequences');
  return defined<TextRequest>({
    model: need(take.string(known.model, 'model') ?? context.model, 'model'),
    messages: [
      ...(system.length > 0 ? [{ role: 'system' as const, parts: system }] : []),
      ...messages.flatMap((message, index) => readMessage(message, `messages[${index}]`)),
    ],
    stream: take.boolean(known.stream, 'stream') ?? context.stream,
    maxOutputTokens: take.integer(known.max_tokens, 'max_tokens'),
    temperature: take.number(known.temperature, 'temperature'),
    topP: take.number(known.top_p, 'top_p'),
    topK: take.integer(known.top_k, 'top_k'),
    stop: stops?.map((word) => take.string(word, 'stop_sequences') as string),
    tools: take.array(known.tools, 'tools')?.map((tool, index) => readTool(tool, index, extra)),
    toolChoice: choice,
    parallelToolCalls: parallel,
    ...readThinking(take.object(known.thinking, 'thinking'), take.object(known.output_config, 'output_config'), extra),
    serviceTier: take.string(known.service_tier, 'service_tier'),
    user: take.string(user ?? undefined, 'metadata.user_id'),
    extra: Object.keys(extra).length > 0 ? { dialect, params: extra } : undefined,
  });
}

/**
 * Refuses a turn of a message thread, whose earlier turns only one provider's account holds. In the words that let the SDK's tool
 * runner go on by itself, with the whole history in each turn.
 */
export function refuseThread(body: JsonObject): void {
  if (body.thread === undefined || body.thread === null) return;
  throw new GatewayError('unsupported_parameter', {
    message: 'Message threads are not kept here: send the whole conversation in messages.',
    param: 'thread',
    facts: { error_code: 'thread_unsupported_request', unsupported: ['thread'] },
    failure: 'A',
    billing: 'none',
  });
}

function readMessage(value: Json, path: string): Message[] {
  const message = need(take.object(value, path), path);
  const parts = readContent(need(message.content, `${path}.content`), `${path}.content`);
  if (message.role === 'assistant' || message.role === 'system') return [{ role: message.role, parts }];
  if (message.role !== 'user') fail(`${path}.role`, `"${path}.role" must be user, assistant or system.`);
  const results = parts.filter((part) => part.type === 'tool_result');
  const rest = parts.filter((part) => part.type !== 'tool_result');
  const answered = results.map((result): Message => ({ role: 'tool', parts: [result] }));
  return rest.length > 0 || results.length === 0 ? [...answered, { role: 'user', parts: rest }] : answered;
}

function readTool(value: Json, index: number, leftovers: JsonObject): Tool {
  const path = `tools[${index}]`;
  const tool = need(take.object(value, path), path);
  if ((tool.type ?? 'custom') !== 'custom') return { type: 'other', dialect, data: tool };
  const { known, extra } = takeKnown(tool, ['type', 'name', 'description', 'input_schema', 'strict']);
  if (Object.keys(extra).length > 0) leftovers.tools = { ...(leftovers.tools as JsonObject), [index]: extra };
  return defined<Tool>({
    type: 'function',
    name: need(take.string(known.name, `${path}.name`), `${path}.name`),
    description: take.string(known.description, `${path}.description`),
    parameters: take.object(known.input_schema, `${path}.input_schema`),
    strict: take.boolean(known.strict, `${path}.strict`),
  });
}

function readToolChoice(value: JsonObject | undefined, leftovers: JsonObject) {
  if (!value) return {};
  const disabled = take.boolean(value.disable_parallel_tool_use ?? undefined, 'tool_choice.disable_parallel_tool_use');
  const parallel = disabled === undefined ? undefined : !disabled;
  const words: Record<string, ToolChoice> = { auto: 'auto', any: 'required', none: 'none' };
  const choice =
    value.type === 'tool' && typeof value.name === 'string' ? { name: value.name } : words[String(value.type)];
  if (choice === undefined) leftovers.tool_choice = value;
  return { choice, parallel };
}

/** `thinking` and `output_config` say two things in one: how much to think, and the form of the answer. */
function readThinking(thinking: JsonObject | undefined, config: JsonObject = {}, leftovers: JsonObject) {
  const { effort, format, ...rest } = config;
  let output: OutputFormat | undefined;
  if (isObject(format) && format.type === 'json_schema' && isObject(format.schema)) {
    output = { type: 'json_schema', schema: format.schema };
  } else if (format !== undefined && format !== null) rest.format = format;
  let reasoning: TextRequest['reasoning'];
  if (thinking) {
    const budgetTokens = take.integer(thinking.budget_tokens ?? undefined, 'thinking.budget_tokens');
    const include =
      thinking.display === undefined || thinking.display === null ? undefined : thinking.display !== 'omitted';
    if (thinking.type === 'enabled' || thinking.type === 'adaptive') reasoning = defined({ budgetTokens, include });
    else if (thinking.type === 'disabled') reasoning = { effort: 'none' };
    else leftovers.thinking = thinking;
  }
  if (isEffort(effort) && reasoning?.effort === undefined) reasoning = { ...reasoning, effort };
  else if (effort !== undefined && effort !== null) rest.effort = effort;
  if (Object.keys(rest).length > 0) leftovers.output_config = rest;
  return { output, reasoning };
}

/** Writes a body for `POST /v1/messages` under anthropic-version 2026-10-21, which refuses sampling parameters. */
export function writeRequest(request: TextRequest): Written {
  const warnings = foreignExtraWarnings(request, dialect);
  for (const name of ['temperature', 'topP', 'topK', 'seed', 'logprobs'] as const) {
    if (request[name] !== undefined) warn(warnings, `"${name}" is not taken by anthropic-messages and was left out.`);
  }
  for (const name of ['frequencyPenalty', 'presencePenalty'] as const) {
    if (request[name]) warn(warnings, `"${name}" is not taken by anthropic-messages and was left out.`);
  }
  if ((request.n ?? 1) > 1) warn(warnings, '"n" is not taken by anthropic-messages: there is one answer.');
  if (request.output?.type === 'json')
    warn(warnings, 'anthropic-messages has no JSON mode without a schema: the output format was left out.');
  const { system, messages } = writeMessages(request.messages, warnings);
  const { max_tokens, thinking, effort } = writeThinking(request, warnings);
  const { output, user } = request;
  const tools = request.tools?.flatMap((tool) => writeTool(tool, warnings));
  const config = defined({
    effort,
    format: output?.type === 'json_schema' ? { type: 'json_schema', schema: closed(output.schema) } : undefined,
  });
  const body = defined({
    model: request.model,
    max_tokens,
    messages,
    system: system.length > 0 ? system : undefined,
    stream: request.stream,
    stop_sequences: request.stop,
    tools: tools && tools.length > 0 ? tools : undefined,
    tool_choice: tools && tools.length > 0 ? writeToolChoice(request) : undefined,
    thinking,
    output_config: Object.keys(config).length > 0 ? config : undefined,
    metadata: user === undefined ? undefined : { user_id: user },
    service_tier: writeTier(request.serviceTier, warnings),
  }) as JsonObject;
  return { body: overlay(body, ownExtra(request.extra, dialect)) as JsonObject, warnings };
}

/** System messages at the front become `system`, later ones stay in place. Tool results open the user turn they belong to. */
function writeMessages(list: Message[], warnings: string[]) {
  const system: JsonObject[] = [];
  const messages: { role: string; content: JsonObject[] }[] = [];
  let answering: JsonObject[] | undefined;
  list.forEach((message, index) => {
    const path = `messages[${index}]`;
    const role = message.role === 'developer' ? 'system' : message.role;
    const place = role === 'assistant' ? 'assistant' : 'user';
    if (message.name !== undefined && role !== 'tool')
      warn(warnings, 'Messages of anthropic-messages have no "name": names were left out.');
    const blocks = writeBlocks(message.parts, place, path, warnings);
    if (blocks.length === 0) return;
    if (role === 'system' && messages.length === 0) system.push(...blocks);
    else if (answering && (role === 'tool' || role === 'user')) answering.push(...blocks);
    else if (role === 'tool') messages.push({ role: 'user', content: blocks });
    else messages.push({ role, content: blocks });
    if (role !== 'tool') answering = undefined;
    else answering = messages.at(-1)?.content;
  });
  for (const { content } of messages) content.sort((one, other) => resultsFirst(one) - resultsFirst(other));
  return { system, messages };
}

const resultsFirst = (block: JsonObject) => (block.type === 'tool_result' ? 0 : 1);

function writeTool(tool: Tool, warnings: string[]): Json[] {
  if (tool.type === 'function') {
    const { name, description, parameters, strict } = tool;
    const input_schema = { ...(parameters ?? { properties: {} }), type: 'object' };
    return [defined({ name, description, input_schema, strict }) as JsonObject];
  }
  if (tool.dialect === dialect) return [tool.data];
  const kind = isObject(tool.data) ? (tool.data.type ?? Object.keys(tool.data)[0]) : tool.data;
  warn(warnings, `The tool "${kind}" runs at a provider of ${tool.dialect} and was left out.`);
  return [];
}

function writeToolChoice({ toolChoice, parallelToolCalls }: TextRequest): JsonObject | undefined {
  if (toolChoice === undefined && parallelToolCalls === undefined) return undefined;
  if (toolChoice === 'none') return { type: 'none' };
  const parallel: JsonObject = parallelToolCalls === undefined ? {} : { disable_parallel_tool_use: !parallelToolCalls };
  if (typeof toolChoice === 'object') return { type: 'tool', name: toolChoice.name, ...parallel };
  return { type: toolChoice === 'required' ? 'any' : 'auto', ...parallel };
}

/** A budget must be at least 1,024 and below `max_tokens`; where both cannot be, the model thinks as it sees fit. */
function writeThinking({ reasoning, maxOutputTokens }: TextRequest, warnings: string[]) {
  const max_tokens = maxOutputTokens ?? defaultMaxTokens;
  if (!reasoning) return { max_tokens };
  if (reasoning.effort === 'none') return { max_tokens, thinking: { type: 'disabled' } };
  const effort = reasoning.effort === 'minimal' ? 'low' : reasoning.effort;
  const shown = reasoning.include === undefined ? {} : { display: reasoning.include ? 'summarized' : 'omitted' };
  const adaptive = { max_tokens, effort, thinking: { type: 'adaptive', ...shown } };
  if (reasoning.budgetTokens === undefined || reasoning.budgetTokens < 0) return adaptive;
  if (reasoning.budgetTokens === 0) return { max_tokens, effort, thinking: { type: 'disabled' } };
  const wished = Math.max(reasoning.budgetTokens, leastBudget);
  const room = maxOutputTokens === undefined ? wished + defaultMaxTokens : maxOutputTokens;
  const budget_tokens = Math.min(wished, room - 1);
  if (budget_tokens < leastBudget) {
    warn(warnings, `A thinking budget does not fit into ${room} output tokens: the model decides how much it thinks.`);
    return adaptive;
  }
  if (budget_tokens !== reasoning.budgetTokens)
    warn(warnings, `The thinking budget was set to ${budget_tokens} tokens.`);
  return { max_tokens: room, effort, thinking: { type: 'enabled', budget_tokens, ...shown } };
}

/** Tiers of other dialects by what they mean here: bought capacity is used under `auto`. */
function writeTier(tier: string | undefined, warnings: string[]): string | undefined {
  if (tier === undefined || tier === 'auto' || tier === 'standard_only') return tier;
  if (tier === 'default' || tier === 'standard') return 'standard_only';
  if (tier === 'priority') return 'auto';
  warn(warnings, `The service tier "${tier}" is not known to anthropic-messages and was left out.`);
  return undefined;
}
