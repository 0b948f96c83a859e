import {
  type Effort,
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
import { defined, fail, foreignExtraWarnings, need, overlay, ownExtra, take, takeKnown } from '../shared.ts';
import { CallIds, camel, dialect, objectAt, readPart, unsigned, warn, writePart } from './parts.ts';
import { readSchema } from './schema.ts';

/**
 * Reads a body of `:generateContent` or `:streamGenerateContent`, the same on v1 and v1beta. Model and streaming are said by the URL:
 * `context` brings them. Each function response becomes a message of its own.
 */
export function readRequest(body: Json, context: { model?: string; stream?: boolean } = {}): TextRequest {
  if (!isObject(body)) fail('', 'The body must be a JSON object.');
  const { known, extra } = takeKnown(camel(body), [
    'model',
    'contents',
    'systemInstruction',
    'tools',
    'toolConfig',
    'generationConfig',
    'serviceTier',
  ]);
  const ids = new CallIds();
  const model = context.model ?? take.string(known.model, 'model')?.replace(/^models\//, '');
  const system = readSystem(known.systemInstruction, ids);
  const contents = need(take.array(known.contents, 'contents'), 'contents');
  const tools = take.array(known.tools, 'tools');
  return defined<TextRequest>({
    model: need(model, 'model'),
    messages: [...system, ...contents.flatMap((content, index) => readContent(content, `contents[${index}]`, ids))],
    stream: context.stream,
    ...readConfig(objectAt(known.generationConfig, 'generationConfig') ?? {}, extra),
    tools: tools && readTools(tools, extra),
    toolChoice: readToolChoice(objectAt(known.toolConfig, 'toolConfig'), extra),
    serviceTier: take.string(known.serviceTier, 'serviceTier'),
    extra: Object.keys(extra).length > 0 ? { dialect, params: extra } : undefined,
  });
}

function readSystem(value: Json | undefined, ids: CallIds): Message[] {
  if (value === undefined) return [];
  const content = typeof value === 'string' ? { parts: [{ text: value }] } : value;
  const parts = readParts(content, 'systemInstruction', ids);
  return parts.length > 0 ? [{ role: 'system', parts }] : [];
}

function readParts(content: Json, path: string, ids: CallIds): Part[] {
  const parts = take.array(objectAt(content, path)?.parts ?? [], `${path}.parts`) ?? [];
  return parts.map((part, index) => readPart(part, `${path}.parts[${index}]`, ids));
}

function readContent(value: Json, path: string, ids: CallIds): Message[] {
  const role = isObject(value) ? (value.role ?? 'user') : 'user';
  const parts = readParts(value, path, ids);
  if (role === 'model') return [{ role: 'assistant', parts }];
  if (role !== 'user' && role !== 'function') fail(`${path}.role`, `"${path}.role" must be user or model.`);
  const results = parts.filter((part) => part.type === 'tool_result');
  const rest = parts.filter((part) => part.type !== 'tool_result');
  const answered = results.map((result): Message => ({ role: 'tool', parts: [result] }));
  return rest.length > 0 || results.length === 0 ? [...answered, { role: 'user', parts: rest }] : answered;
}

const path = (name: string) => `generationConfig.${name}`;

function readConfig(config: JsonObject, leftovers: JsonObject): Partial<TextRequest> {
  const { known, extra } = takeKnown(config, [
    'temperature',
    'topP',
    'topK',
    'maxOutputTokens',
    'stopSequences',
    'seed',
    'candidateCount',
    'presencePenalty',
    'frequencyPenalty',
    'responseMimeType',
    'responseJsonSchema',
    'responseSchema',
    'thinkingConfig',
    'responseLogprobs',
    'logprobs',
  ]);
  const number = (name: 'temperature' | 'topP' | 'presencePenalty' | 'frequencyPenalty') =>
    take.number(known[name], path(name));
  const integer = (name: 'topK' | 'maxOutputTokens' | 'seed' | 'candidateCount' | 'logprobs') =>
    take.integer(known[name], path(name));
  const top = integer('logprobs');
  const stops = take.array(known.stopSequences, path('stopSequences'));
  const type = known.responseMimeType;
  const json = take.object(known.responseJsonSchema, path('responseJsonSchema'));
  const openApi = take.object(known.responseSchema, path('responseSchema'));
  const schema = json ?? (openApi && readSchema(openApi));
  let output: OutputFormat | undefined;
  if (type === 'application/json' || (type === undefined && schema))
    output = schema ? { type: 'json_schema', schema } : { type: 'json' };
  else if (type === 'text/plain') output = { type: 'text' };
  else if (type !== undefined) {
    extra.responseMimeType = type;
    if (known.responseSchema !== undefined) extra.responseSchema = known.responseSchema;
  }
  const thinking = objectAt(known.thinkingConfig, path('thinkingConfig'));
  const { reasoning, rest } = thinking ? readThinking(thinking) : {};
  if (rest) extra.thinkingConfig = rest;
  if (Object.keys(extra).length > 0) leftovers.generationConfig = extra;
  return {
    maxOutputTokens: integer('maxOutputTokens'),
    temperature: number('temperature'),
    topP: number('topP'),
    topK: integer('topK'),
    stop: stops?.map((word) => take.string(word, path('stopSequences')) as string),
    seed: integer('seed'),
    n: integer('candidateCount'),
    presencePenalty: number('presencePenalty'),
    frequencyPenalty: number('frequencyPenalty'),
    logprobs: known.responseLogprobs === true ? (top === undefined ? {} : { top }) : undefined,
    output,
    reasoning,
  };
}

const levels: Record<string, Effort> = { MINIMAL: 'minimal', LOW: 'low', MEDIUM: 'medium', HIGH: 'high' };

function readThinking(config: JsonObject): { reasoning: TextRequest['reasoning']; rest?: JsonObject } {
  const { known, extra } = takeKnown(config, ['includeThoughts', 'thinkingBudget', 'thinkingLevel']);
  const budget = take.integer(known.thinkingBudget, path('thinkingConfig.thinkingBudget'));
  const effort = budget === 0 ? 'none' : levels[String(known.thinkingLevel).toUpperCase()];
  const include = take.boolean(known.includeThoughts, path('thinkingConfig.includeThoughts'));
  const reasoning = defined({ effort, budgetTokens: budget === 0 ? undefined : budget, include });
  return { reasoning, ...(Object.keys(extra).length > 0 ? { rest: extra } : {}) };
}

/** One entry may declare functions and name several tools of Google's own. */
function readTools(list: Json[], leftovers: JsonObject): Tool[] {
  let position = 0;
  return list.flatMap((value, index) => {
    const { functionDeclarations, ...others } = need(objectAt(value, `tools[${index}]`), `tools[${index}]`);
    const declared = take.array(functionDeclarations, `tools[${index}].functionDeclarations`) ?? [];
    const functions = declared.map((declaration, number): Tool => {
      const place = `tools[${index}].functionDeclarations[${number}]`;
      const fields = need(objectAt(declaration, place), place);
      const { known, extra } = takeKnown(fields, ['name', 'description', 'parameters', 'parametersJsonSchema']);
      const openApi = take.object(known.parameters, `${place}.parameters`);
      // all functions are written into the first entry
      const target = position++;
      if (Object.keys(extra).length > 0)
        leftovers.tools = overlay(leftovers.tools ?? {}, { 0: { functionDeclarations: { [target]: extra } } });
      return defined<Tool>({
        type: 'function',
        name: need(take.string(known.name, `${place}.name`), `${place}.name`),
        description: take.string(known.description, `${place}.description`),
        parameters:
          take.object(known.parametersJsonSchema, `${place}.parametersJsonSchema`) ?? (openApi && readSchema(openApi)),
      });
    });
    return [
      ...functions,
      ...Object.entries(others).map(([name, data]): Tool => ({ type: 'other', dialect, data: { [name]: data } })),
    ];
  });
}

/** VALIDATED and several allowed names have no word: they are laid over the nearest one. */
function readToolChoice(config: JsonObject | undefined, leftovers: JsonObject): ToolChoice | undefined {
  if (!config) return undefined;
  const { functionCallingConfig, ...rest } = config;
  const calling = objectAt(functionCallingConfig, 'toolConfig.functionCallingConfig') ?? {};
  const { mode, allowedFunctionNames: allowed, ...beside } = calling;
  const names = Array.isArray(allowed) ? allowed : [];
  const words: Record<string, ToolChoice> = { AUTO: 'auto', NONE: 'none', ANY: 'required', VALIDATED: 'auto' };
  let choice = words[String(mode).toUpperCase()];
  if (choice === 'required' && names.length === 1 && typeof names[0] === 'string') choice = { name: names[0] };
  else if (names.length > 0) beside.allowedFunctionNames = names;
  if (mode !== undefined && (choice === undefined || mode === 'VALIDATED')) beside.mode = mode;
  if (Object.keys(beside).length > 0) rest.functionCallingConfig = beside;
  if (Object.keys(rest).length > 0) leftovers.toolConfig = rest;
  return choice;
}

/** Writes a body for `:generateContent`. The model and whether to stream belong in the URL. */
export function writeRequest(request: TextRequest): Written {
  const warnings = foreignExtraWarnings(request, dialect);
  if (request.user !== undefined) warn(warnings, '"user" is not taken by gemini and was left out.');
  if (request.parallelToolCalls === false) warn(warnings, 'gemini cannot forbid parallel tool calls.');
  const { system, contents } = writeMessages(request.messages, warnings);
  if (!unchecked.test(request.model)) signCalls(contents);
  const { toolChoice } = request;
  const config = writeConfig(request);
  const tools = request.tools && writeTools(request.tools, warnings);
  const modes = { auto: 'AUTO', none: 'NONE', required: 'ANY' };
  const calling =
    typeof toolChoice === 'object'
      ? { mode: 'ANY', allowedFunctionNames: [toolChoice.name] }
      : toolChoice && { mode: modes[toolChoice] };
  const body = defined({
    contents,
    systemInstruction: system.length > 0 ? { parts: system } : undefined,
    tools,
    toolConfig: calling && { functionCallingConfig: calling },
    generationConfig: Object.keys(config).length > 0 ? config : undefined,
    serviceTier: writeTier(request.serviceTier, warnings),
  }) as JsonObject;
  return { body: overlay(body, ownExtra(request.extra, dialect)) as JsonObject, warnings };
}

function writeConfig(request: TextRequest): JsonObject {
  const { output, reasoning, logprobs } = request;
  const effort = reasoning?.effort;
  const level =
    effort && effort !== 'none' ? (effort === 'xhigh' || effort === 'max' ? 'HIGH' : effort.toUpperCase()) : undefined;
  const budget = effort === 'none' ? 0 : reasoning?.budgetTokens;
  const thinking =
    reasoning &&
    defined({
      includeThoughts: reasoning.include,
      // the API refuses both at once
      thinkingBudget: budget,
      thinkingLevel: budget === undefined ? level : undefined,
    });
  return defined({
    maxOutputTokens: request.maxOutputTokens,
    temperature: request.temperature,
    topP: request.topP,
    topK: request.topK,
    stopSequences: request.stop,
    seed: request.seed,
    candidateCount: request.n,
    presencePenalty: request.presencePenalty,
    frequencyPenalty: request.frequencyPenalty,
    responseLogprobs: logprobs ? true : undefined,
    logprobs: logprobs?.top,
    responseMimeType: output && (output.type === 'text' ? 'text/plain' : 'application/json'),
    responseJsonSchema: output?.type === 'json_schema' ? output.schema : undefined,
    thinkingConfig: thinking,
  }) as JsonObject;
}

/** Results of one turn go in one content. There is no system role inside a conversation: later system messages become user turns. */
function writeMessages(list: Message[], warnings: string[]) {
  const system: JsonObject[] = [];
  const contents: { role: string; parts: JsonObject[] }[] = [];
  const names = new Map<string, string>();
  let answering: JsonObject[] | undefined;
  list.forEach((message, index) => {
    if (message.name !== undefined && message.role !== 'tool')
      warn(warnings, 'Contents of gemini have no "name": names were left out.');
    for (const part of message.parts) if (part.type === 'tool_call') names.set(part.id, part.name);
    const parts = message.parts.flatMap((part, number): JsonObject[] => {
      const written = writePart(part, `messages[${index}].parts[${number}]`, warnings, (id) => names.get(id));
      return written ? [written] : [];
    });
    if (parts.length === 0) return;
    const fromSystem = message.role === 'system' || message.role === 'developer';
    if (fromSystem && contents.length === 0) system.push(...parts);
    else if (message.role === 'tool' && answering) answering.push(...parts);
    else contents.push({ role: message.role === 'assistant' ? 'model' : 'user', parts });
    if (fromSystem && contents.length > 0) warn(warnings, 'System messages inside the conversation became user turns.');
    answering = message.role === 'tool' ? (answering ?? contents.at(-1)?.parts) : undefined;
  });
  return { system, contents };
}

/** Generations that ask for no signatures. */
const unchecked = /^gemini-[12]\b/;

/** The first call of a step must carry a signature: one that came without is marked as not to be checked. */
function signCalls(contents: { role: string; parts: JsonObject[] }[]): void {
  for (const { role, parts } of contents) {
    const first = role === 'model' ? parts.find((part) => part.functionCall !== undefined) : undefined;
    if (first && first.thoughtSignature === undefined) first.thoughtSignature = unsigned;
  }
}

function writeTools(tools: Tool[], warnings: string[]): JsonObject[] {
  const declarations: JsonObject[] = [];
  const others: JsonObject[] = [];
  for (const tool of tools) {
    if (tool.type === 'function') {
      const { name, description, parameters } = tool;
      if (tool.strict) warn(warnings, 'gemini has no "strict" for tools: it was left out.');
      declarations.push(defined({ name, description, parametersJsonSchema: parameters }) as JsonObject);
    } else if (tool.dialect === dialect && isObject(tool.data)) others.push(tool.data);
    else {
      const kind = isObject(tool.data) ? (tool.data.type ?? Object.keys(tool.data)[0]) : tool.data;
      warn(warnings, `The tool "${kind}" runs at a provider of ${tool.dialect} and was left out.`);
    }
  }
  return [...(declarations.length > 0 ? [{ functionDeclarations: declarations }] : []), ...others];
}

function writeTier(tier: string | undefined, warnings: string[]): string | undefined {
  if (tier === undefined || tier === 'auto') return undefined;
  if (tier === 'default' || tier === 'standard_only') return 'standard';
  if (['unspecified', 'standard', 'flex', 'priority'].includes(tier)) return tier;
  warn(warnings, `The service tier "${tier}" is not known to gemini and was left out.`);
  return undefined;
}
