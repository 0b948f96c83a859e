import type { Json, JsonObject } from '../../../src/contract/index.ts';
import { at, isObject, stringAt } from '../../../src/contract/index.ts';
import { stableHex } from '../simulator.ts';
import type { Prompt } from '../text.ts';
import { openObject } from './chat-request.ts';
import { check, checkWord, missing, type Rule, wrongType } from './check.ts';
import type { Reading } from './figures.ts';
import { readMessages } from './messages.ts';
import { requireKind } from './models.ts';
import { type Desk, WireError } from './wire.ts';

const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];

const rules: Record<string, Rule> = {
  model: { type: 'string', required: true },
  input: { type: ['string', 'array'], required: true },
  instructions: { type: 'string' },
  stream: { type: 'boolean' },
  stream_options: { type: 'object' },
  background: { type: 'boolean' },
  max_output_tokens: { type: 'integer', min: 16 },
  max_tool_calls: { type: 'integer', min: 1 },
  temperature: { type: 'number', min: 0, max: 2 },
  top_p: { type: 'number', min: 0, max: 1 },
  top_logprobs: { type: 'integer', min: 0, max: 20 },
  tools: { type: 'array', max: 128 },
  tool_choice: { type: ['string', 'object'] },
  parallel_tool_calls: { type: 'boolean' },
  text: { type: 'object' },
  reasoning: { type: 'object' },
  include: { type: 'array' },
  store: { type: 'boolean' },
  metadata: { type: 'object' },
  user: { type: 'string' },
  safety_identifier: { type: 'string' },
  prompt_cache_key: { type: 'string' },
  prompt_cache_options: { type: 'object' },
  prompt_cache_retention: { type: 'string', oneOf: ['in_memory', '24h'] },
  previous_response_id: { type: 'string' },
  truncation: { type: 'string', oneOf: ['auto', 'disabled'] },
  service_tier: { type: 'string', oneOf: ['auto', 'default', 'flex', 'scale', 'priority', 'fast'] },
  moderation: { type: 'object' },
};

/** A Responses request as understood; `items` is the whole conversation as input items. */
export type AskedResponse = Reading & {
  stream: boolean;
  background: boolean;
  store: boolean;
  tier?: string;
  items: JsonObject[];
};

/** Checks and understands a Responses request. Hosted tools are refused: the simulator has none. */
export function readResponseRequest(desk: Desk, body: JsonObject): AskedResponse {
  check(body, rules);
  const model = String(body.model);
  requireKind(model, 'chat', '/responses');
  const effort = at(body, 'reasoning', 'effort');
  if (typeof effort === 'string') checkWord('reasoning.effort', effort, efforts);
  const given: Json[] =
    typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : (body.input as Json[]);
  if (given.length === 0)
    throw new WireError(400, "Invalid 'input': empty array.", { param: 'input', code: 'empty_array' });
  const before = earlier(desk, body.previous_response_id);
  const items = [...before, ...given.map((item, index) => readItem(desk, item, `input[${index}]`))];
  const messages = toMessages(items);
  if (body.instructions) messages.unshift({ role: 'developer', content: body.instructions });
  const read = readMessages(messages, false, 'input');
  const tools = readTools(body);
  const schema = readSchema(body);
  const head = [tools.length > 0 ? JSON.stringify(body.tools) : '', schema ? JSON.stringify(schema) : '']
    .filter(Boolean)
    .join('\n');
  return {
    model,
    stream: body.stream === true,
    background: body.background === true,
    store: body.store !== false,
    tier: stringAt(body, 'service_tier'),
    items,
    audioParts: read.audioParts,
    cacheKey: stringAt(body, 'prompt_cache_key'),
    everything: `${head}\n${read.all}`,
    prompt: {
      seed: desk.seed,
      model,
      user: read.user,
      context: [head, read.context].filter(Boolean).join('\n'),
      tools,
      toolChoice: readChoice(body),
      parallelTools: body.parallel_tool_calls !== false,
      toolResults: read.toolResults,
      schema,
      jsonObject: at(body, 'text', 'format', 'type') === 'json_object',
      maxTokens: typeof body.max_output_tokens === 'number' ? body.max_output_tokens : undefined,
      reasons: desk.quirks.reasons(model) && effort !== 'none',
      attachments: read.attachments,
    },
  };
}

function earlier(desk: Desk, id: Json | undefined): JsonObject[] {
  if (typeof id !== 'string') return [];
  const stored = desk.stored.get(id);
  if (!stored) {
    throw new WireError(400, `Previous response with id '${id}' not found.`, {
      param: 'previous_response_id',
      code: 'previous_response_not_found',
    });
  }
  return [...(stored.items as JsonObject[]), ...(at(stored, 'response', 'output') as JsonObject[])];
}

/** Thoughts that only the same simulator can read again. */
export function seal(desk: Desk, thoughts: string): string {
  return `${stableHex(`${desk.seed}|${thoughts}`)}.${btoa(encodeURIComponent(thoughts))}`;
}

function readItem(desk: Desk, item: Json, param: string): JsonObject {
  if (!isObject(item)) throw wrongType(param, ['object'], item);
  const type = item.type ?? 'message';
  checkWord(`${param}.type`, String(type), ['message', 'function_call', 'function_call_output', 'reasoning']);
  if (type === 'message' && typeof item.role !== 'string') throw missing(`${param}.role`);
  if (type === 'function_call' || type === 'function_call_output') {
    const needed = type === 'function_call' ? ['call_id', 'name', 'arguments'] : ['call_id', 'output'];
    for (const name of needed) if (item[name] === undefined) throw missing(`${param}.${name}`);
  }
  const sealed = item.encrypted_content;
  if (type !== 'reasoning' || typeof sealed !== 'string') return { ...item, type };
  let thoughts = '';
  try {
    thoughts = decodeURIComponent(atob(sealed.slice(33)));
  } catch {
    thoughts = '';
  }
  if (seal(desk, thoughts) === sealed) return { ...item, type };
  const message = `The encrypted content for item ${item.id} could not be verified. Reason: Encrypted content could not be decrypted or parsed.`;
  throw new WireError(400, message, { code: 'invalid_encrypted_content' });
}

/** The same conversation in chat messages; tool calls and their outputs must match. */
function toMessages(items: JsonObject[]): JsonObject[] {
  const messages: JsonObject[] = [];
  const open = new Set<string>();
  for (const item of items) {
    if (item.type === 'function_call') {
      open.add(String(item.call_id));
      const call = { id: item.call_id!, function: { name: item.name!, arguments: item.arguments! } };
      const last = messages.at(-1);
      if (Array.isArray(last?.tool_calls)) last.tool_calls.push(call);
      else messages.push({ role: 'assistant', content: null, tool_calls: [call] });
    } else if (item.type === 'function_call_output') {
      const id = String(item.call_id);
      if (!open.delete(id)) {
        throw new WireError(400, `No tool call found for function call output with call_id ${id}.`, { param: 'input' });
      }
      messages.push({ role: 'tool', tool_call_id: id, content: toParts(item.output ?? '') });
    } else if (item.type === 'message') messages.push({ role: item.role!, content: toParts(item.content ?? null) });
  }
  for (const id of open) throw new WireError(400, `No tool output found for function call ${id}.`, { param: 'input' });
  return messages;
}

function toParts(content: Json): Json {
  if (!Array.isArray(content)) return content;
  return content.map((part, index): Json => {
    const type = stringAt(part, 'type') ?? '';
    checkWord(`input.content[${index}].type`, type, [
      'input_text',
      'input_image',
      'input_file',
      'output_text',
      'refusal',
    ]);
    if (type === 'input_text' || type === 'output_text') return { type: 'text', text: at(part, 'text') ?? null };
    if (type === 'refusal') return part;
    const file = stringAt(part, 'file_id') ?? stringAt(part, 'file_data') ?? stringAt(part, 'file_url');
    if (file !== undefined || type === 'input_file') return { type: 'file', file: { file_id: file ?? '' } };
    return { type: 'image_url', image_url: { url: at(part, 'image_url') ?? null } };
  });
}

function readTools(body: JsonObject): NonNullable<Prompt['tools']> {
  const given = Array.isArray(body.tools) ? body.tools : [];
  return given.map((tool, index) => {
    const type = stringAt(tool, 'type');
    if (type !== 'function') {
      const message = `Hosted tool '${type}' is not supported with ${body.model}.`;
      throw new WireError(400, message, { param: `tools[${index}].type`, code: 'unsupported_value' });
    }
    const name = stringAt(tool, 'name');
    if (!name) throw missing(`tools[${index}].name`);
    const parameters = at(tool, 'parameters');
    return { name, parameters: isObject(parameters) ? parameters : { type: 'object', properties: {} } };
  });
}

function readChoice(body: JsonObject): Prompt['toolChoice'] {
  const choice = body.tool_choice;
  if (typeof choice === 'string') {
    checkWord('tool_choice', choice, ['none', 'auto', 'required']);
    return choice as 'none' | 'auto' | 'required';
  }
  const name = stringAt(choice, 'name');
  return name === undefined ? undefined : { name };
}

function readSchema(body: JsonObject): JsonObject | undefined {
  const format = at(body, 'text', 'format');
  if (!isObject(format)) return undefined;
  checkWord('text.format.type', String(format.type), ['json_object', 'json_schema', 'text']);
  if (format.type !== 'json_schema') return undefined;
  if (!format.name) throw missing('text.format.name');
  if (!isObject(format.schema)) throw missing('text.format.schema');
  const open = format.strict === true ? openObject(format.schema, []) : undefined;
  if (!open) return format.schema;
  const message = `Invalid schema for response_format '${format.name}': In context=(${open.path}), ${open.fault}`;
  throw new WireError(400, message, { param: 'text.format.schema', code: 'invalid_json_schema' });
}
