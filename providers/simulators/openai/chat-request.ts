import type { Json, JsonObject } from '../../../src/contract/index.ts';
import { at, isObject, stringAt } from '../../../src/contract/index.ts';
import type { Prompt } from '../text.ts';
import { check, missing, type Rule } from './check.ts';
import { readMessages } from './messages.ts';
import { kindOf, requireKind } from './models.ts';
import { type Desk, WireError } from './wire.ts';

/** A chat request as understood. */
export type Asked = {
  model: string;
  prompt: Prompt;
  n: number;
  stream: boolean;
  includeUsage: boolean;
  obfuscate: boolean;
  /** Alternatives per token; undefined when log probabilities were not asked for. */
  logprobs?: number;
  tier?: string;
  /** Names of tools with free-text input. */
  custom: Set<string>;
  audioParts: number;
  cacheKey?: string;
  /** All that the model reads, in order: what prompt caching compares. */
  everything: string;
};

const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'];
const tiers = ['auto', 'default', 'flex', 'scale', 'priority', 'fast'];

const rules: Record<string, Rule> = {
  model: { type: 'string', required: true },
  messages: { type: 'array', min: 1, required: true },
  stream: { type: 'boolean' },
  stream_options: { type: 'object' },
  n: { type: 'integer', min: 1, max: 128 },
  temperature: { type: 'number', min: 0, max: 2 },
  top_p: { type: 'number', min: 0, max: 1 },
  frequency_penalty: { type: 'number', min: -2, max: 2 },
  presence_penalty: { type: 'number', min: -2, max: 2 },
  max_tokens: { type: 'integer', min: 1 },
  max_completion_tokens: { type: 'integer', min: 1 },
  stop: { type: ['string', 'array'], max: 4 },
  seed: { type: 'integer' },
  tools: { type: 'array', max: 128 },
  tool_choice: { type: ['string', 'object'] },
  parallel_tool_calls: { type: 'boolean' },
  response_format: { type: 'object' },
  reasoning_effort: { type: 'string', oneOf: efforts },
  verbosity: { type: 'string', oneOf: ['low', 'medium', 'high'] },
  logprobs: { type: 'boolean' },
  top_logprobs: { type: 'integer', min: 0, max: 20 },
  logit_bias: { type: 'object' },
  service_tier: { type: 'string', oneOf: tiers },
  modalities: { type: 'array', min: 1 },
  metadata: { type: 'object' },
  store: { type: 'boolean' },
  user: { type: 'string' },
  safety_identifier: { type: 'string' },
  prompt_cache_key: { type: 'string' },
  prompt_cache_options: { type: 'object' },
  prompt_cache_retention: { type: 'string', oneOf: ['in_memory', '24h'] },
  prediction: { type: 'object' },
  moderation: { type: 'object' },
  web_search_options: { type: 'object' },
};

/** Checks and understands a chat request. Throws WireError as the API would refuse it. */
export function readChat(desk: Desk, body: JsonObject): Asked {
  const { strict } = desk.quirks;
  check(body, rules, strict ? 'argument' : 'ignore');
  const model = String(body.model);
  if (strict) requireKind(model, 'chat', '/chat/completions');
  else if (kindOf(model) === 'embedding') throw new WireError(400, `${model} is not a chat model.`, { param: 'model' });
  if (body.stream_options && body.stream !== true) {
    throw new WireError(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", {
      param: 'stream_options',
    });
  }
  if (strict && Array.isArray(body.modalities) && body.modalities.some((modality) => modality !== 'text')) {
    throw new WireError(400, `The model ${model} supports only the 'text' modality here.`, { param: 'modalities' });
  }
  if (typeof body.top_logprobs === 'number' && body.logprobs !== true) {
    throw new WireError(400, "Invalid value for 'top_logprobs': 'logprobs' must be set to true.", {
      param: 'top_logprobs',
    });
  }
  const read = readMessages(body.messages as Json[], strict);
  const tools = readTools(body);
  const format = readFormat(body, strict);
  const head = [tools.text, format.text].filter(Boolean).join('\n');
  const limit = body.max_completion_tokens ?? body.max_tokens;
  return {
    model,
    n: typeof body.n === 'number' ? body.n : 1,
    stream: body.stream === true,
    includeUsage: at(body, 'stream_options', 'include_usage') === true,
    obfuscate: at(body, 'stream_options', 'include_obfuscation') !== false,
    logprobs: body.logprobs === true ? Number(body.top_logprobs ?? 0) : undefined,
    tier: stringAt(body, 'service_tier'),
    custom: tools.custom,
    audioParts: read.audioParts,
    cacheKey: stringAt(body, 'prompt_cache_key'),
    everything: `${head}\n${read.all}`,
    prompt: {
      seed: `${desk.seed}|${body.seed ?? ''}`,
      model,
      user: read.user,
      context: [head, read.context].filter(Boolean).join('\n'),
      tools: tools.tools,
      toolChoice: tools.choice,
      parallelTools: body.parallel_tool_calls !== false,
      toolResults: read.toolResults,
      schema: format.schema,
      jsonObject: format.jsonObject,
      maxTokens: typeof limit === 'number' ? limit : undefined,
      stop: typeof body.stop === 'string' ? [body.stop] : (body.stop as string[] | undefined),
      reasons: desk.quirks.reasons(model) && body.reasoning_effort !== 'none',
      attachments: read.attachments,
    },
  };
}

function readTools(body: JsonObject) {
  const custom = new Set<string>();
  const given = Array.isArray(body.tools) ? body.tools : [];
  let tools = given.map((tool, index) => {
    const type = stringAt(tool, 'type');
    if (type !== 'function' && type !== 'custom') {
      const message = `Invalid value: '${type}'. Supported values are: 'function' and 'custom'.`;
      throw new WireError(400, message, { param: `tools[${index}].type`, code: 'invalid_value' });
    }
    const name = stringAt(tool, type, 'name');
    if (!name) throw missing(`tools[${index}].${type}.name`);
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
      const message = `Invalid 'tools[${index}].${type}.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`;
      throw new WireError(400, message, { param: `tools[${index}].${type}.name`, code: 'invalid_value' });
    }
    if (type === 'custom') custom.add(name);
    const parameters = at(tool, type, 'parameters');
    return { name, parameters: isObject(parameters) ? parameters : { type: 'object', properties: {} } };
  });
  const asked = body.tool_choice;
  if (asked && tools.length === 0) {
    throw new WireError(
      400,
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
      {
        param: 'tool_choice',
      },
    );
  }
  let choice: Prompt['toolChoice'];
  if (typeof asked === 'string') {
    check({ tool_choice: asked }, { tool_choice: { type: 'string', oneOf: ['none', 'auto', 'required'] } });
    choice = asked as 'none' | 'auto' | 'required';
  } else if (isObject(asked) && asked.type === 'allowed_tools') {
    const names = (at(asked, 'allowed_tools', 'tools') as Json[] | undefined) ?? [];
    const allowed = names.map((tool) => stringAt(tool, 'function', 'name'));
    tools = tools.filter((tool) => allowed.includes(tool.name));
    choice = at(asked, 'allowed_tools', 'mode') === 'required' ? 'required' : 'auto';
  } else if (isObject(asked)) {
    const name = stringAt(asked, String(asked.type), 'name');
    if (!name) throw missing('tool_choice.function.name');
    if (!tools.some((tool) => tool.name === name)) {
      const message = `Invalid value for 'tool_choice': no function named '${name}' was specified in the 'tools' parameter.`;
      throw new WireError(400, message, { param: 'tool_choice' });
    }
    choice = { name };
  }
  return { tools, choice, custom, text: given.length > 0 ? JSON.stringify(given) : '' };
}

/** The format asked for. OpenAI's own rules hold where `strict`: the word json, closed schemas. */
function readFormat(body: JsonObject, strict: boolean): { schema?: JsonObject; jsonObject?: boolean; text: string } {
  const format = body.response_format;
  if (!isObject(format)) return { text: '' };
  const type = format.type;
  check(format, { type: { type: 'string', oneOf: ['json_object', 'json_schema', 'text'], required: true } }, 'ignore');
  if (type === 'json_object') {
    if (strict && !/json/i.test(JSON.stringify(body.messages))) {
      const message =
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.";
      throw new WireError(400, message, { param: 'messages' });
    }
    return { jsonObject: true, text: '' };
  }
  if (type !== 'json_schema') return { text: '' };
  const name = stringAt(format, 'json_schema', 'name');
  if (!name) throw missing('response_format.json_schema.name');
  const schema = at(format, 'json_schema', 'schema');
  if (!isObject(schema)) throw missing('response_format.json_schema.schema');
  const open = strict && at(format, 'json_schema', 'strict') === true ? openObject(schema, []) : undefined;
  if (open) {
    const message = `Invalid schema for response_format '${name}': In context=(${open.path}), ${open.fault}`;
    throw new WireError(400, message, { param: 'response_format' });
  }
  return { schema, text: JSON.stringify(schema) };
}

/** The first object of a schema that strict mode refuses. */
export function openObject(schema: Json, path: string[]): { path: string; fault: string } | undefined {
  if (!isObject(schema)) return undefined;
  const where = path.map((step) => `'${step}'`).join(', ');
  if (isObject(schema.properties)) {
    if (schema.additionalProperties !== false) {
      return { path: where, fault: "'additionalProperties' is required to be supplied and to be false." };
    }
    const names = Object.keys(schema.properties);
    const required = Array.isArray(schema.required) ? schema.required : [];
    const left = names.find((name) => !required.includes(name));
    if (left !== undefined) {
      const fault = `'required' is required to be supplied and to be an array including every key in properties. Missing '${left}'.`;
      return { path: where, fault };
    }
    for (const name of names) {
      const found = openObject(schema.properties[name] ?? null, [...path, 'properties', name]);
      if (found) return found;
    }
  }
  return openObject(schema.items ?? null, [...path, 'items']);
}
